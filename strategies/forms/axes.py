"""Forms along axes, and what is done with whole arrays or rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.forms.first_operand import first
from clinometer.strategies.forms.form import Drawn, Form, signed
from clinometer.strategies.shapes import Shape, among, axes_subsets

ALONG_THE_LAST = {"axis": -1, "keepdims": False}


def _part(draw: Any, row: Operation, shape: Shape) -> dict[str, Any]:
    """Draw, for a reduction that takes them and half of the time, a mask of what counts and a value to begin with."""
    if "where" not in row.parameters:
        return {}
    kind = draw(among("neither", "neither", "initial", "both"))
    found: dict[str, Any] = {} if kind == "neither" else {"initial": draw(among(-32.0, 32.0))}
    if kind == "both" and 0 not in shape:  # nested lists without entries have no shape
        seed = draw(st.integers(0, 2**16))
        found["where"] = (np.random.default_rng(seed).random(shape[draw(st.integers(0, 1)) :]) < 0.6).tolist()
    return found


def axes(draw: Any, row: Operation) -> Drawn:
    shape = first(draw)
    return (shape,), {"axis": draw(axes_subsets(len(shape))), "keepdims": draw(st.booleans()), **_part(draw, row, shape)}


def axes_counted(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_side=1)
    return (shape,), {"axis": draw(axes_subsets(len(shape))), "keepdims": draw(st.booleans())}


def axes_nonempty(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=2)  # of one entry, a variance with correction is 0/0
    axis = draw(axes_subsets(len(shape), min_axes=1))
    return (shape,), {"axis": axis, "keepdims": draw(st.booleans()), **_part(draw, row, shape)}


def axis_or_none(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    axis = draw(among(None, *range(-len(shape), len(shape))))
    return (shape,), {"axis": axis, "keepdims": draw(st.booleans())}


def axis(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    return (shape,), {"axis": signed(draw, len(shape))}


FORMS = {
    "axes": Form(
        axes,
        kind="reduction",
        rank=1,
        large=ALONG_THE_LAST,
        degenerate=lambda n: [
            (((n, 3),), {"axis": None}),
            (((n, 3),), {"axis": 0}),
            (((3, n),), {"axis": 0}),
            (((2, n, 3),), {"axis": (0, -1), "keepdims": True}),
        ],
    ),
    "axes_counted": Form(
        axes_counted,
        kind="reduction",
        large=ALONG_THE_LAST,
        degenerate=lambda n: [(((n, 3),), {"axis": 1}), (((2, n, 3),), {"axis": (0, -1), "keepdims": True})],
    ),
    "axes_nonempty": Form(
        axes_nonempty,
        kind="reduction",
        rank=1,
        reduced=True,
        large=ALONG_THE_LAST,
        degenerate=lambda n: [(((n, 3),), {"axis": 1}), (((2, n, 3),), {"axis": (0, -1), "keepdims": True})],
    ),
    "axis_or_none": Form(axis_or_none),
    "axis": Form(
        axis,
        rank=1,
        reduced=True,
        large={"axis": -1},
        degenerate=lambda n: [(((n, 3),), {"axis": 1}), (((3, n),), {"axis": 0}), (((2, n, 3),), {"axis": -1})],
    ),
}
