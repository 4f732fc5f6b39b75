"""Shape and indexing: entries moved, and summed up."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.reference.arithmetic import dispatch
from clinometer.reference.catalogue.rows import IDENTITY, REAL, Corner, Domain, Group, Operation, kink, table

TWO = (REAL, REAL)

SHAPE = table(
    Group.SHAPE,
    # ----- the same entries, each once -----
    Operation("reshape", lambda x, shape: np.reshape(x, shape), "reshape", exact=True, kinds="fc"),
    Operation("permute_dims", lambda x, axes: np.transpose(x, axes), "permute_dims", exact=True, kinds="fc"),
    Operation("matrix_transpose", lambda x: np.matrix_transpose(x), "matrix", exact=True, kinds="fc"),
    Operation(
        "moveaxis", lambda x, source, destination: np.moveaxis(x, source, destination), "moveaxis", exact=True, kinds="fc"
    ),
    Operation("expand_dims", lambda x, axis: np.expand_dims(x, axis), "expand_dims", exact=True, kinds="fc"),
    Operation("squeeze", lambda x, axis: np.squeeze(x, axis), "squeeze", exact=True, kinds="fc"),
    Operation("flip", lambda x, axis=None: np.flip(x, axis), "flip", exact=True, kinds="fc"),
    Operation(
        "roll",
        lambda x, shift, axis: np.roll(x, shift, axis),
        "roll",
        exact=True,
        corners=[([(2, 3)], {"shift": (1, -2), "axis": (0, 1)})],
        kinds="fc",
    ),
    Operation("concat", lambda x, y, axis=0: np.concatenate([x, y], axis=axis), "concat", domain=TWO, exact=True, kinds="fc"),
    Operation("stack", lambda x, y, axis=0: np.stack([x, y], axis=axis), "stack", domain=TWO, exact=True, kinds="fc"),
    # Of an operation with several results all are used, each in another place.
    Operation("split", lambda x, at, axis: np.concatenate(np.split(x, at, axis)[::-1], axis=axis), "split", exact=True),
    Operation("unstack", lambda x, axis: np.stack(np.unstack(x, axis=axis)[::-1]), "axis", exact=True),
    # ----- some of the entries -----
    Operation(
        "diagonal",
        lambda x, offset=0: np.diagonal(x, offset, axis1=-2, axis2=-1),
        "diagonal",
        exact=True,
        corners=[([(2, 2)], {"offset": 0}), ([(2, 3)], {"offset": 0})],
        kinds="fc",
    ),
    Operation("diag", lambda x, k=0: diag(x, k), "diag", exact=True, kinds="fc"),
    Operation("tril", lambda x, k=0: np.where(below(x, k), x, 0.0), "triangle", exact=True, kinds="fc"),
    Operation("triu", lambda x, k=0: np.where(below(x, k - 1), 0.0, x), "triangle", exact=True, kinds="fc"),
    # ----- entries several times: cotangents add up -----
    Operation(
        "tile", lambda x, repetitions: np.tile(x, repetitions), "tile", corners=[([(2, 2)], {"repetitions": (3,)})], kinds="fc"
    ),
    Operation(
        "repeat",
        lambda x, repeats, axis: np.repeat(x, repeats, axis=axis),
        "repeat",
        corners=[([(2, 2)], {"repeats": 3, "axis": -2}), ([(2, 3)], {"repeats": [2, 0, 1], "axis": 1})],
        kinds="fc",
    ),
    Operation(
        "pad",
        lambda x, pad_width, constant_values=0.0, mode="constant": pad(x, pad_width, constant_values, mode),
        "pad",
        corners=[
            ([(3,)], {"pad_width": ((2, 1),), "mode": "reflect"}),
            ([(2, 3)], {"pad_width": ((1, 2), (0, 3)), "mode": "wrap"}),
        ],
        kinds="fc",
    ),
    Operation(
        "meshgrid",
        lambda x, y, indexing="xy": np.stack(np.meshgrid(x, y, indexing=indexing)),
        "outer",
        domain=TWO,
        choices={"indexing": ("xy", "ij")},
    ),
    Operation(
        "broadcast_to",
        lambda x, shape: np.broadcast_to(x, shape),
        "broadcast_to",
        corners=[([(1, 1)], {"shape": (0, 1)})],
        kinds="fc",
    ),
)


def pad(x: Any, pad_width: tuple[tuple[int, int], ...], value: float, mode: Any) -> Any:
    """Surround x with a constant, or with entries of its own."""
    if mode != "constant":
        for axis, width in enumerate(pad_width):
            x = np.take(x, indices=np.pad(np.arange(x.shape[axis]), width, mode), axis=axis)
        return x
    shape = tuple(before + n + after for n, (before, after) in zip(x.shape, pad_width, strict=True))
    inside = tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, pad_width, strict=True))
    return dispatch.at_set(np.full(shape, value, x.dtype), x, key=inside)


def below(x: Any, k: int) -> np.ndarray:
    """Return which entries of a matrix are on its k-th diagonal or below."""
    rows, columns = x.shape[-2:]
    return np.tri(rows, columns, k, dtype=bool)


def diag(x: Any, k: int) -> Any:
    """Return the square matrix with x on its k-th diagonal."""
    places = np.diag(np.arange(1, x.shape[0] + 1), k)
    return dispatch.pick(x, positions=np.where(places == 0, x.shape[0], places - 1))


def places(x: Any) -> np.ndarray:
    """Return the position of each entry in the flattened array."""
    return np.arange(x.size).reshape(x.shape)


def added(x: Any, y: Any, positions: np.ndarray) -> Any:
    """Add y at positions of x; duplicates accumulate."""
    return x + dispatch.scatter(np.reshape(y, np.shape(positions)), positions=positions, shape=x.shape)


def index_add(x: Any, y: Any, indices: Any, axis: int) -> Any:
    """Add the slices of y, along an axis, to the slices `indices` of x."""
    return added(x, y, np.take(places(x), np.asarray(indices), axis))


def scatter_add(x: Any, y: Any, indices: Any, axis: int) -> Any:
    """Add each entry of y, along an axis, to the entry of x that its own index names."""
    return added(x, y, np.take_along_axis(places(x), np.asarray(indices), axis))


def sort(x: Any, axis: int = -1) -> Any:
    return np.take_along_axis(x, np.argsort(x, axis=axis), axis)


def topk(x: Any, k: int, axis: int = -1, largest: bool = True) -> Any:
    """Return the k largest or smallest entries along an axis, the foremost first."""
    entries = sort(x, axis)
    entries = np.flip(entries, axis) if largest else entries
    return np.take(entries, indices=np.arange(k), axis=axis)


def one_hot(x: Any, num_classes: int) -> Any:
    """Return a row of zeros with a one at the whole part of each number."""
    return np.where(np.expand_dims(np.floor(x), -1) == np.arange(num_classes), 1.0, 0.0)


def searchsorted(x: Any, y: Any) -> Any:
    """Return how many entries of x, which is to be sorted, are less than each of y."""
    return np.sum(np.where(x < np.expand_dims(y, -1), 1.0, 0.0), axis=-1)


# Permutations that are not their own inverses, and entries that come twice.
CYCLE: Corner = ([(3,)], {"indices": [1, 2, 0], "axis": 0})
SORTS: list[Corner] = [([(7,)], {"axis": 0}), ([(2, 3)], {"axis": 1})]

INDEXING = table(
    Group.INDEXING,
    Operation("getitem", lambda x, key: x[key], "getitem", corners=[([(3,)], {"key": [True, True, False]})], kinds="fc"),
    Operation(
        "take",
        lambda x, indices, axis: np.take(x, indices=np.asarray(indices), axis=axis),
        "take",
        corners=[CYCLE],
        kinds="fc",
        gathers=True,
    ),
    Operation(
        "take_along_axis",
        lambda x, indices, axis: np.take_along_axis(x, np.asarray(indices), axis),
        "take_along_axis",
        corners=[CYCLE],
        kinds="fc",
        gathers=True,
    ),
    Operation("at_set", lambda x, y, key: dispatch.at_set(x, y, key=key), "at_set", domain=TWO, kinds="fc"),
    Operation(
        "at_add",
        lambda x, y, indices: added(x, y, places(x)[indices]),
        "at_add",
        domain=TWO,
        corners=[([(3, 2), (4, 2)], {"indices": [2, 0, 2, 2]})],
        kinds="fc",
        gathers=True,
    ),
    Operation(
        "index_add",
        index_add,
        "index_add",
        domain=TWO,
        corners=[([(2, 3), (2, 4)], {"indices": [2, 0, 2, 2], "axis": 1})],
        gathers=True,
    ),
    Operation(
        "scatter_add",
        scatter_add,
        "scatter_add",
        domain=TWO,
        corners=[([(3, 2), (3, 2)], {"indices": [[1, 0], [1, 2], [1, 2]], "axis": 0})],
        gathers=True,
    ),
    Operation("masked_fill", lambda x, mask, value: np.where(mask, value, x), "mask"),
    # ----- in order: ties are kinks -----
    Operation(
        "sort",
        sort,
        "axis",
        distinct=IDENTITY,
        special=[kink([2.0, 1.0, 2.0], axis=0), kink([[2.0, 2.0], [1.0, 2.0]], axis=1)],
        corners=SORTS,
        gathers=True,
        symmetry="invariant",
    ),
    Operation(
        "topk",
        topk,
        "topk",
        distinct=IDENTITY,
        choices={"largest": (True, False)},
        special=[kink([2.0, 1.0, 2.0], k=1, axis=0), kink([2.0, 1.0, 2.0], k=2, axis=0, largest=False)],
        gathers=True,
    ),
    # ----- decisions, without a derivative -----
    Operation("argsort", lambda x, axis=-1: np.argsort(x, axis=axis), "axis", distinct=IDENTITY, differentiable=False),
    Operation("searchsorted", searchsorted, "sequence", domain=TWO, distinct=IDENTITY, differentiable=False),
    Operation(
        "one_hot",
        one_hot,
        domain=Domain(0.0, 4.0, integers=True),
        choices={"num_classes": (4, 6)},
        differentiable=False,
    ),
)


PRIMITIVES = table(
    Group.PRIMITIVE,
    Operation("stop_gradient", dispatch.stop_gradient, differentiable=False),
)
