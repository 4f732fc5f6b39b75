"""Forms of normalisers and losses: predictions, and what they are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.forms.first_operand import first
from clinometer.strategies.forms.form import Drawn, Form
from clinometer.strategies.shapes import among


def last_axis_scaled(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=2)
    return (shape, *(shape[-1:],) * (row.arity - 1)), {}


def signs(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_side=1)
    seed = draw(st.integers(0, 2**16))
    return (shape,), {"target": np.random.default_rng(seed).choice([1, -1], shape).tolist()}


def classes(draw: Any, row: Operation) -> Drawn:
    rows, columns = first(draw, min_dims=2, max_dims=2, min_side=1)
    return ((rows, columns),), {"target": [draw(st.integers(0, columns - 1)) for _ in range(rows)]}


def cdist(draw: Any, row: Operation) -> Drawn:
    lead = draw(among((), (2,)))
    n, m, k = (draw(among(2, 3, 1)) for _ in range(3))
    return ((*lead, n, k), (*lead, m, k)), {}


def same(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_side=1)
    return (shape, shape), {}


def vectors(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    return (shape, shape), {}


FORMS = {
    "last_axis_scaled": Form(
        last_axis_scaled, degenerate=lambda n: [(((n, 3), (3,), (3,)), {}), (((2, n, 3), (3,), (3,)), {})]
    ),
    "signs": Form(signs, entwined=True, listed=True, degenerate=lambda n: [(((n,),), {"target": [1] * n})]),
    "classes": Form(classes, entwined=True, listed=True, degenerate=lambda n: [(((n, 3),), {"target": [2] * n})]),
    "cdist": Form(cdist, in_programs=False, degenerate=lambda n: [(((n, 3), (2, 3)), {}), (((2, 3), (n, 3)), {})]),
    "same": Form(same, entwined=True, large={}, degenerate=lambda n: [(((n,), (n,)), {}), (((n, 3), (n, 3)), {})]),
    "vectors": Form(vectors, degenerate=lambda n: [(((n, 3), (n, 3)), {})]),
}
