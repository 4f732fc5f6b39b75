"""Forms entry by entry."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.forms.first_operand import broadcastable, first
from clinometer.strategies.forms.form import Drawn, Form, nested, size
from clinometer.strategies.shapes import Shape, among


def mask(draw: Any, shape: Shape) -> Any:
    """Draw booleans as nested lists."""
    flags = iter(draw(st.lists(st.booleans(), min_size=size(shape), max_size=size(shape))))
    return nested(shape, flags)


def elementwise(draw: Any, row: Operation) -> Drawn:
    return ((first(draw),) if row.arity == 1 else broadcastable(draw, row.arity)), {}


def where(draw: Any, row: Operation) -> Drawn:
    a, b, c = broadcastable(draw, 3, min_side=1)
    return (a, b), {"condition": mask(draw, c)}


def masked(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_side=1)
    return (shape,), {"mask": mask(draw, shape), "value": draw(among(0.0, -2.5))}


FORMS = {
    "elementwise": Form(elementwise, rank=0, large={}, points=16),
    "where": Form(
        where, rank=0, degenerate=lambda n: [(((n, 3), (3,)), {"condition": True}), (((n,), (n,)), {"condition": False})]
    ),
    "mask": Form(
        masked, degenerate=lambda n: [(((n, 3),), {"mask": True, "value": -2.5}), (((n, 3),), {"mask": False, "value": 0.0})]
    ),
}
