"""Forms that pick entries, or put them somewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.forms.first_operand import first
from clinometer.strategies.forms.form import Drawn, Form, nested, signed, size
from clinometer.strategies.shapes import among, index_keys


def _backwards(key: Any) -> bool:
    return any(isinstance(k, slice) and (k.step or 1) < 0 for k in (key if isinstance(key, tuple) else (key,)))


def getitem(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    return (shape,), {"key": draw(index_keys(shape))}


def take(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    at = draw(among(*range(-len(shape), len(shape)), None))
    n = size(shape) if at is None else shape[at]
    return (shape,), {"indices": draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=4)), "axis": at}


def take_along_axis(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2, min_side=1)
    at = draw(st.integers(0, len(shape) - 1))
    index_shape = (*shape[:at], draw(st.integers(1, 3)), *shape[at + 1 :])
    picks = iter(draw(st.lists(st.integers(0, shape[at] - 1), min_size=size(index_shape), max_size=size(index_shape))))
    return (shape,), {"indices": nested(index_shape, picks), "axis": at - (len(shape) if draw(st.booleans()) else 0)}


def at_set(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2, min_side=1)
    # Assigned twice, an entry may keep either value; so each is assigned once.
    key = draw(index_keys(shape, unique=True).filter(lambda k: not _backwards(k)))
    whole = np.empty(shape)[key].shape
    return (shape, draw(among(whole, whole, whole[1:], (*(1 for _ in whole[:1]), *whole[1:])))), {"key": key}


def at_add(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2, min_side=1)
    n = shape[0]
    bounds = st.none() | st.integers(-n, n)
    slices = st.builds(slice, bounds, bounds, st.integers(1, 2))
    indices = draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=4) | slices | st.integers(-n, n - 1))
    return (shape, np.empty(shape)[indices].shape), {"indices": indices}


def index_add(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2, min_side=1)
    at = draw(st.integers(0, len(shape) - 1))
    indices = draw(st.lists(st.integers(0, shape[at] - 1), min_size=1, max_size=4))
    other = (*shape[:at], len(indices), *shape[at + 1 :])
    return (shape, other), {"indices": indices, "axis": at - (len(shape) if draw(st.booleans()) else 0)}


def scatter_add(draw: Any, row: Operation) -> Drawn:
    (shape,), params = take_along_axis(draw, row)
    return (shape, np.shape(params["indices"])), params


def topk(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    at = signed(draw, len(shape))
    return (shape,), {"k": draw(st.integers(1, shape[at])), "axis": at}


FORMS = {
    "getitem": Form(
        getitem,
        kind="indexing",
        degenerate=lambda n: [(((2, n),), {"key": 0}), (((2, n),), {"key": (..., slice(None))}), (((2, n),), {"key": [1, 1]})],
    ),
    "take": Form(take, kind="indexing", degenerate=lambda n: [(((2, n),), {"indices": [1, 0, 1], "axis": 0})]),
    "take_along_axis": Form(
        take_along_axis,
        kind="indexing",
        listed=True,
        degenerate=lambda n: [(((2, n),), {"indices": [[0] * n, [1] * n, [1] * n], "axis": 0})],
    ),
    "at_set": Form(at_set, kind="update", degenerate=lambda n: [(((2, n), (n,)), {"key": 0})]),
    "at_add": Form(at_add, kind="update", degenerate=lambda n: [(((2, n), (2, n)), {"indices": [1, 1]})]),
    "index_add": Form(index_add, degenerate=lambda n: [(((2, n), (3, n)), {"indices": [1, 0, 1], "axis": 0})]),
    "scatter_add": Form(
        scatter_add, listed=True, degenerate=lambda n: [(((2, n), (2, n)), {"indices": [[0] * n, [0] * n], "axis": 0})]
    ),
    "topk": Form(topk, reduced=True, degenerate=lambda n: [(((2, n),), {"k": 1, "axis": 0})]),
}
