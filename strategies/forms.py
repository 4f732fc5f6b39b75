"""How shapes and structural parameters of an operation are drawn: one function a form.

A form is named by the rows of the catalogue that have it. It returns one shape an array argument, and parameters. In a
program the first argument is a value that is there already, and the form takes its shape: see `at_hand`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.at_hand import broadcastable, first
from clinometer.strategies.shapes import Shape, among, axes_subsets, index_keys, shapes

Drawn = tuple[tuple[Shape, ...], dict[str, Any]]
FORMS: dict[str, Callable[[Any, Operation], Drawn]] = {}


def form(function: Callable[[Any, Operation], Drawn]) -> Callable[[Any, Operation], Drawn]:
    """Register a form under its function's name."""
    FORMS[function.__name__] = function
    return function


def signed(draw: Any, ndim: int) -> int:
    """Draw one axis, as it is or negative."""
    return draw(st.integers(0, ndim - 1)) - (ndim if draw(st.booleans()) else 0)


# ----- elementwise -----


@form
def elementwise(draw: Any, row: Operation) -> Drawn:
    return ((first(draw),) if row.arity == 1 else broadcastable(draw, row.arity)), {}


@form
def where(draw: Any, row: Operation) -> Drawn:
    a, b, c = broadcastable(draw, 3, min_side=1)
    return (a, b), {"condition": mask(draw, c)}


@form
def mask_form(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_side=1)
    return (shape,), {"mask": mask(draw, shape), "value": draw(among(0.0, -2.5))}


def mask(draw: Any, shape: Shape) -> Any:
    """Draw booleans as nested lists."""
    flags = iter(draw(st.lists(st.booleans(), min_size=_size(shape), max_size=_size(shape))))
    return _nested(shape, flags)


def _size(shape: Shape) -> int:
    n = 1
    for side in shape:
        n *= side
    return n


def _nested(shape: Shape, flags: Any) -> Any:
    return [_nested(shape[1:], flags) for _ in range(shape[0])] if shape else next(flags)


FORMS["mask"] = FORMS.pop("mask_form")  # the helper has the name


# ----- along axes -----


@form
def axes(draw: Any, row: Operation) -> Drawn:
    shape = first(draw)
    return (shape,), {"axis": draw(axes_subsets(len(shape))), "keepdims": draw(st.booleans()), **_part(draw, row, shape)}


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


@form
def axes_counted(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_side=1)
    return (shape,), {"axis": draw(axes_subsets(len(shape))), "keepdims": draw(st.booleans())}


@form
def axes_nonempty(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=2)  # of one entry, a variance with correction is 0/0
    axis = draw(axes_subsets(len(shape), min_axes=1))
    return (shape,), {"axis": axis, "keepdims": draw(st.booleans()), **_part(draw, row, shape)}


@form
def axis_or_none(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    axis = draw(among(None, *range(-len(shape), len(shape))))
    return (shape,), {"axis": axis, "keepdims": draw(st.booleans())}


@form
def axis(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    return (shape,), {"axis": signed(draw, len(shape))}


@form
def last_axis_scaled(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=2)
    return (shape, *(shape[-1:],) * (row.arity - 1)), {}


@form
def signs(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_side=1)
    seed = draw(st.integers(0, 2**16))
    return (shape,), {"target": np.random.default_rng(seed).choice([1, -1], shape).tolist()}


@form
def classes(draw: Any, row: Operation) -> Drawn:
    rows, columns = first(draw, min_dims=2, max_dims=2, min_side=1)
    return ((rows, columns),), {"target": [draw(st.integers(0, columns - 1)) for _ in range(rows)]}


@form
def cdist(draw: Any, row: Operation) -> Drawn:
    lead = draw(among((), (2,)))
    n, m, k = (draw(among(2, 3, 1)) for _ in range(3))
    return ((*lead, n, k), (*lead, m, k)), {}


@form
def same(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_side=1)
    return (shape, shape), {}


@form
def vectors(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    return (shape, shape), {}


# ----- shape -----


@form
def reshape(draw: Any, row: Operation) -> Drawn:
    shape = first(draw)
    options = [(_size(shape),), (1, *shape), shape[::-1], (*shape, 1)]
    if shape and 0 not in shape:
        options.append((-1, shape[-1]))
    if len(shape) > 1:
        options.append((shape[0] * shape[1], *shape[2:]))
    return (shape,), {"shape": draw(among(*options))}


@form
def permute_dims(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1)
    return (shape,), {"axes": tuple(draw(st.permutations(range(len(shape)))))}


@form
def matrix(draw: Any, row: Operation) -> Drawn:
    return (first(draw, min_dims=2),), {}


@form
def diagonal(draw: Any, row: Operation) -> Drawn:
    return (first(draw, min_dims=2),), {"offset": draw(st.integers(-2, 2))}


@form
def diag(draw: Any, row: Operation) -> Drawn:
    return (first(draw, min_dims=1, max_dims=1, min_side=1),), {"k": draw(st.integers(-2, 2))}


@form
def split(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    at = signed(draw, len(shape))
    n = shape[at]
    sections = st.sampled_from([k for k in range(1, n + 1) if n % k == 0])
    places = st.lists(st.integers(0, n), min_size=1, max_size=3).map(sorted)
    return (shape,), {"at": draw(sections | places), "axis": at}


@form
def triangle(draw: Any, row: Operation) -> Drawn:
    return (first(draw, min_dims=2),), {"k": draw(st.integers(-2, 2))}


@form
def moveaxis(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1)
    return (shape,), {"source": signed(draw, len(shape)), "destination": signed(draw, len(shape))}


@form
def expand_dims(draw: Any, row: Operation) -> Drawn:
    shape = first(draw)
    return (shape,), {"axis": signed(draw, len(shape) + 1)}


@form
def squeeze(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, max_dims=2)
    at = draw(st.integers(0, len(shape)))
    axis: Any = at - (len(shape) + 1 if draw(st.booleans()) else 0)
    shape = (*shape[:at], 1, *shape[at:])
    if draw(st.booleans()):  # a second axis of size 1, behind all others
        shape, axis = (*shape, 1), (at, draw(among(-1, len(shape))))
    return (shape,), {"axis": axis}


@form
def flip(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1)
    return (shape,), {"axis": draw(axes_subsets(len(shape), min_axes=1))}


@form
def roll(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    shifts = st.integers(-3, 3)
    kind = draw(among("one", "several", "flat"))
    if kind == "several":
        axes = draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, max_size=3))
        return (shape,), {"shift": tuple(draw(shifts) for _ in axes), "axis": tuple(axes)}
    return (shape,), {"shift": draw(shifts), "axis": signed(draw, len(shape)) if kind == "one" else None}


@form
def concat(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1)
    at = draw(st.integers(0, len(shape) - 1))
    other = (*shape[:at], draw(st.integers(0, 3)), *shape[at + 1 :])
    return (shape, other), {"axis": at - (len(shape) if draw(st.booleans()) else 0)}


@form
def stack(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, max_dims=2)
    return (shape, shape), {"axis": signed(draw, len(shape) + 1)}


@form
def pad(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2)
    mode = "constant" if 0 in shape else draw(among("constant", "edge", "reflect", "wrap"))
    # Reflected or wrapped around more than once, entries come again in an order that numpy alone has.
    most = {"constant": lambda n: 2, "edge": lambda n: 2, "reflect": lambda n: min(2, n - 1), "wrap": lambda n: min(2, n)}[mode]
    widths = tuple((draw(st.integers(0, most(n))), draw(st.integers(0, most(n)))) for n in shape)
    filling = {"constant_values": draw(among(0.0, 1.5))} if mode == "constant" else {"mode": mode}
    return (shape,), {"pad_width": widths, **filling}


@form
def tile(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, max_dims=2)
    count = draw(st.integers(1, 3))
    return (shape,), {"repetitions": tuple(draw(st.integers(1, 3)) for _ in range(count))}


@form
def repeat(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2)
    at = draw(among(*range(-len(shape), len(shape)), None))
    n = _size(shape) if at is None else shape[at]
    each = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    return (shape,), {"repeats": draw(st.integers(1, 3) | each) if n else draw(st.integers(1, 3)), "axis": at}


@form
def broadcast_to(draw: Any, row: Operation) -> Drawn:
    shape, other = broadcastable(draw, 2)
    whole = (1,) * (max(len(shape), len(other)) - len(shape)) + shape
    other = (1,) * (len(whole) - len(other)) + other
    return (shape,), {"shape": tuple(b if a == 1 else a for a, b in zip(whole, other, strict=True))}


# ----- indexing -----


@form
def getitem(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    return (shape,), {"key": draw(index_keys(shape))}


@form
def take(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    at = draw(among(*range(-len(shape), len(shape)), None))
    n = _size(shape) if at is None else shape[at]
    return (shape,), {"indices": draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=4)), "axis": at}


@form
def take_along_axis(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2, min_side=1)
    at = draw(st.integers(0, len(shape) - 1))
    index_shape = (*shape[:at], draw(st.integers(1, 3)), *shape[at + 1 :])
    picks = iter(draw(st.lists(st.integers(0, shape[at] - 1), min_size=_size(index_shape), max_size=_size(index_shape))))
    return (shape,), {"indices": _nested(index_shape, picks), "axis": at - (len(shape) if draw(st.booleans()) else 0)}


@form
def at_set(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2, min_side=1)
    # Assigned twice, an entry may keep either value; so each is assigned once.
    key = draw(index_keys(shape, unique=True).filter(lambda k: not _backwards(k)))
    whole = np.empty(shape)[key].shape
    return (shape, draw(among(whole, whole, whole[1:], (*(1 for _ in whole[:1]), *whole[1:])))), {"key": key}


def _backwards(key: Any) -> bool:
    return any(isinstance(k, slice) and (k.step or 1) < 0 for k in (key if isinstance(key, tuple) else (key,)))


@form
def at_add(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2, min_side=1)
    n = shape[0]
    bounds = st.none() | st.integers(-n, n)
    slices = st.builds(slice, bounds, bounds, st.integers(1, 2))
    indices = draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=4) | slices | st.integers(-n, n - 1))
    return (shape, np.empty(shape)[indices].shape), {"indices": indices}


@form
def index_add(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, max_dims=2, min_side=1)
    at = draw(st.integers(0, len(shape) - 1))
    indices = draw(st.lists(st.integers(0, shape[at] - 1), min_size=1, max_size=4))
    other = (*shape[:at], len(indices), *shape[at + 1 :])
    return (shape, other), {"indices": indices, "axis": at - (len(shape) if draw(st.booleans()) else 0)}


@form
def scatter_add(draw: Any, row: Operation) -> Drawn:
    (shape,), params = take_along_axis(draw, row)
    return (shape, np.shape(params["indices"])), params


@form
def topk(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    at = signed(draw, len(shape))
    return (shape,), {"k": draw(st.integers(1, shape[at])), "axis": at}


@form
def sequence(draw: Any, row: Operation) -> Drawn:
    return (first(draw, min_dims=1, max_dims=1, min_side=1), draw(shapes(min_side=1))), {}
