"""How shapes and structural parameters of an operation are drawn: one function a form.

A form is named by the rows of the catalogue that have it. It returns one shape an array argument, and parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.shapes import Shape, axes_subsets, broadcastable_shapes, index_keys, shapes

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
    return ((draw(shapes()),) if row.arity == 1 else draw(broadcastable_shapes(row.arity))), {}


@form
def where(draw: Any, row: Operation) -> Drawn:
    a, b, c = draw(broadcastable_shapes(3, min_side=1))
    return (a, b), {"condition": mask(draw, c)}


@form
def mask_form(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_side=1))
    return (shape,), {"mask": mask(draw, shape), "value": draw(st.sampled_from((0.0, -2.5)))}


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
    shape = draw(shapes())
    return (shape,), {"axis": draw(axes_subsets(len(shape))), "keepdims": draw(st.booleans())}


@form
def axes_counted(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_side=1))
    return (shape,), {"axis": draw(axes_subsets(len(shape))), "keepdims": draw(st.booleans())}


@form
def axes_nonempty(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1, min_side=2))  # of one entry, a variance with correction is 0/0
    return (shape,), {"axis": draw(axes_subsets(len(shape), min_axes=1)), "keepdims": draw(st.booleans())}


@form
def axis(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1, min_side=1))
    return (shape,), {"axis": signed(draw, len(shape))}


@form
def last_axis(draw: Any, row: Operation) -> Drawn:
    return (draw(shapes(min_dims=1, min_side=2)),), {}


@form
def same(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_side=1))
    return (shape, shape), {}


@form
def vectors(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1, min_side=1))
    return (shape, shape), {}


# ----- shape -----


@form
def reshape(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes())
    options = [(_size(shape),), (1, *shape), shape[::-1], (*shape, 1)]
    if shape and 0 not in shape:
        options.append((-1, shape[-1]))
    if len(shape) > 1:
        options.append((shape[0] * shape[1], *shape[2:]))
    return (shape,), {"shape": draw(st.sampled_from(options))}


@form
def permute_dims(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1))
    return (shape,), {"axes": tuple(draw(st.permutations(range(len(shape)))))}


@form
def matrix(draw: Any, row: Operation) -> Drawn:
    return (draw(shapes(min_dims=2)),), {}


@form
def vector(draw: Any, row: Operation) -> Drawn:
    return (draw(shapes(min_dims=1, max_dims=1, min_side=1)),), {}


@form
def triangle(draw: Any, row: Operation) -> Drawn:
    return (draw(shapes(min_dims=2)),), {"k": draw(st.integers(-2, 2))}


@form
def moveaxis(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1))
    return (shape,), {"source": signed(draw, len(shape)), "destination": signed(draw, len(shape))}


@form
def expand_dims(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes())
    return (shape,), {"axis": signed(draw, len(shape) + 1)}


@form
def squeeze(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(max_dims=2))
    at = draw(st.integers(0, len(shape)))
    return ((*shape[:at], 1, *shape[at:]),), {"axis": at - (len(shape) + 1 if draw(st.booleans()) else 0)}


@form
def flip(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1))
    return (shape,), {"axis": draw(axes_subsets(len(shape), min_axes=1))}


@form
def roll(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1, min_side=1))
    return (shape,), {"shift": draw(st.integers(-3, 3)), "axis": signed(draw, len(shape))}


@form
def concat(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1))
    at = draw(st.integers(0, len(shape) - 1))
    other = (*shape[:at], draw(st.integers(0, 3)), *shape[at + 1 :])
    return (shape, other), {"axis": at - (len(shape) if draw(st.booleans()) else 0)}


@form
def stack(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(max_dims=2))
    return (shape, shape), {"axis": signed(draw, len(shape) + 1)}


@form
def pad(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1, max_dims=2))
    widths = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in shape)
    return (shape,), {"pad_width": widths, "constant_values": draw(st.sampled_from((0.0, 1.5)))}


@form
def tile(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(max_dims=2))
    count = draw(st.integers(1, 3))
    return (shape,), {"repetitions": tuple(draw(st.integers(1, 3)) for _ in range(count))}


@form
def repeat(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1, max_dims=2))
    return (shape,), {"repeats": draw(st.integers(1, 3)), "axis": signed(draw, len(shape))}


@form
def broadcast_to(draw: Any, row: Operation) -> Drawn:
    shape, other = draw(broadcastable_shapes(2))
    whole = (1,) * (max(len(shape), len(other)) - len(shape)) + shape
    other = (1,) * (len(whole) - len(other)) + other
    return (shape,), {"shape": tuple(b if a == 1 else a for a, b in zip(whole, other, strict=True))}


# ----- indexing -----


@form
def getitem(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1, min_side=1))
    return (shape,), {"key": draw(index_keys(shape))}


@form
def take(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1, min_side=1))
    at = signed(draw, len(shape))
    return (shape,), {"indices": draw(st.lists(st.integers(0, shape[at] - 1), min_size=1, max_size=4)), "axis": at}


@form
def take_along_axis(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1, max_dims=2, min_side=1))
    at = draw(st.integers(0, len(shape) - 1))
    index_shape = (*shape[:at], draw(st.integers(1, 3)), *shape[at + 1 :])
    picks = iter(draw(st.lists(st.integers(0, shape[at] - 1), min_size=_size(index_shape), max_size=_size(index_shape))))
    return (shape,), {"indices": _nested(index_shape, picks), "axis": at - (len(shape) if draw(st.booleans()) else 0)}


@form
def at_set(draw: Any, row: Operation) -> Drawn:
    import numpy as np

    shape = draw(shapes(min_dims=1, max_dims=2, min_side=1))
    # Assigned twice, an entry may keep either value; so each is assigned once.
    key = draw(index_keys(shape, unique=True).filter(lambda k: not _backwards(k)))
    return (shape, np.empty(shape)[key].shape), {"key": key}


def _backwards(key: Any) -> bool:
    return any(isinstance(k, slice) and (k.step or 1) < 0 for k in (key if isinstance(key, tuple) else (key,)))


@form
def at_add(draw: Any, row: Operation) -> Drawn:
    shape = draw(shapes(min_dims=1, max_dims=2, min_side=1))
    indices = draw(st.lists(st.integers(0, shape[0] - 1), min_size=1, max_size=4))
    return (shape, (len(indices), *shape[1:])), {"indices": indices}


# ----- linear algebra -----

SIDES = st.sampled_from((2, 3, 1))


@form
def matmul(draw: Any, row: Operation) -> Drawn:
    n, k, m = draw(SIDES), draw(SIDES), draw(SIDES)
    a, b = draw(st.sampled_from((((n, k), (k, m)), ((k,), (k, m)), ((n, k), (k,)), ((k,), (k,)))))
    if len(a) == len(b) == 2 and draw(st.booleans()):
        lead_a, lead_b = draw(st.sampled_from((((2,), (2,)), ((2,), ()), ((), (2,)), ((1,), (3,)), ((2,), (1,)))))
        a, b = (*lead_a, *a), (*lead_b, *b)
    return (a, b), {}


@form
def outer(draw: Any, row: Operation) -> Drawn:
    return ((draw(SIDES),), (draw(SIDES),)), {}


@form
def tensordot(draw: Any, row: Operation) -> Drawn:
    shared = tuple(draw(SIDES) for _ in range(draw(st.integers(0, 2))))
    return ((draw(SIDES), *shared), (*shared, draw(SIDES))), {"axes": len(shared)}


@form
def einsum(draw: Any, row: Operation) -> Drawn:
    i, j, k = draw(SIDES), draw(SIDES), draw(SIDES)
    sizes = {"i": i, "j": j, "k": k}
    subscripts = draw(st.sampled_from(("ij,jk->ik", "ij,jk->ki", "ij,kj->i", "i,j->ji", "ij,ij->", "ij,j->", "ij,ik->jk")))
    left, right = subscripts.split("->")[0].split(",")
    return (tuple(sizes[c] for c in left), tuple(sizes[c] for c in right)), {"subscripts": subscripts}


@form
def square(draw: Any, row: Operation) -> Drawn:
    n = draw(st.sampled_from((2, 3, 1)))
    return (((2, n, n) if draw(st.booleans()) else (n, n)),), {}


@form
def regular(draw: Any, row: Operation) -> Drawn:
    return square(draw, row)


@form
def positive_definite(draw: Any, row: Operation) -> Drawn:
    return square(draw, row)


@form
def solve(draw: Any, row: Operation) -> Drawn:
    ((*lead, n, _),), _ = square(draw, row)
    return ((*lead, n, n), (*lead, n, draw(SIDES))), {}
