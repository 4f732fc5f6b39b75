"""Shape, indexing and linear algebra: entries moved, summed up, multiplied and inverted."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.reference import traced
from clinometer.reference.catalogue.rows import IDENTITY, REAL, Corner, Operation, kink, removable, table
from clinometer.reference.traced import contract, normwise

TWO = (REAL, REAL)

SHAPE = table(
    10,
    # ----- the same entries, each once -----
    Operation("reshape", lambda x, shape: np.reshape(x, shape), "reshape", exact=True),
    Operation("permute_dims", lambda x, axes: np.transpose(x, axes), "permute_dims", exact=True),
    Operation("matrix_transpose", lambda x: np.matrix_transpose(x), "matrix", exact=True),
    Operation("moveaxis", lambda x, source, destination: np.moveaxis(x, source, destination), "moveaxis", exact=True),
    Operation("expand_dims", lambda x, axis: np.expand_dims(x, axis), "expand_dims", exact=True),
    Operation("squeeze", lambda x, axis: np.squeeze(x, axis), "squeeze", exact=True),
    Operation("flip", lambda x, axis=None: np.flip(x, axis), "flip", exact=True),
    Operation("roll", lambda x, shift, axis: np.roll(x, shift, axis), "roll", exact=True),
    Operation("concat", lambda x, y, axis=0: np.concatenate([x, y], axis=axis), "concat", domain=TWO, exact=True),
    Operation("stack", lambda x, y, axis=0: np.stack([x, y], axis=axis), "stack", domain=TWO, exact=True),
    Operation("pad", lambda x, pad_width, constant_values=0.0: pad(x, pad_width, constant_values), "pad", exact=True),
    # ----- some of the entries -----
    Operation("diagonal", lambda x: np.diagonal(x, axis1=-2, axis2=-1), "matrix", exact=True),
    Operation("diag", lambda x: diag(x), "vector", exact=True),
    Operation("tril", lambda x, k=0: np.where(below(x, k), x, 0.0), "triangle", exact=True),
    Operation("triu", lambda x, k=0: np.where(below(x, k - 1), 0.0, x), "triangle", exact=True),
    # ----- entries several times: cotangents add up -----
    Operation("tile", lambda x, repetitions: np.tile(x, repetitions), "tile", corners=[([(2, 2)], {"repetitions": (3,)})]),
    Operation(
        "repeat",
        lambda x, repeats, axis: np.repeat(x, repeats, axis=axis),
        "repeat",
        corners=[([(2, 2)], {"repeats": 3, "axis": -2})],
    ),
    Operation(
        "broadcast_to", lambda x, shape: np.broadcast_to(x, shape), "broadcast_to", corners=[([(1, 1)], {"shape": (0, 1)})]
    ),
)


def pad(x: Any, pad_width: tuple[tuple[int, int], ...], value: float) -> Any:
    """Surround x with a constant."""
    shape = tuple(before + n + after for n, (before, after) in zip(x.shape, pad_width, strict=True))
    inside = tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, pad_width, strict=True))
    return traced.at_set(np.full(shape, value, x.dtype), x, key=inside)


def below(x: Any, k: int) -> np.ndarray:
    """Return which entries of a matrix are on its k-th diagonal or below."""
    rows, columns = x.shape[-2:]
    return np.tri(rows, columns, k, dtype=bool)


def diag(x: Any) -> Any:
    """Return the square matrix with x on its diagonal."""
    return np.where(np.eye(x.shape[0], dtype=bool), np.expand_dims(x, 0), 0.0)


def at_add(x: Any, y: Any, indices: Any) -> Any:
    """Add the rows of y to the rows `indices` of x; duplicates accumulate."""
    positions = np.arange(x.size).reshape(x.shape)[np.asarray(indices)]
    return x + traced.scatter(np.reshape(y, positions.shape), positions=positions, shape=x.shape)


def sort(x: Any, axis: int = -1) -> Any:
    return np.take_along_axis(x, np.argsort(x, axis=axis), axis)


# Permutations that are not their own inverses, and entries that come twice.
CYCLE: Corner = ([(3,)], {"indices": [1, 2, 0], "axis": 0})
SORTS: list[Corner] = [([(7,)], {"axis": 0}), ([(2, 3)], {"axis": 1})]

INDEXING = table(
    11,
    Operation("getitem", lambda x, key: x[key], "getitem", corners=[([(3,)], {"key": [True, True, False]})]),
    Operation("take", lambda x, indices, axis: np.take(x, indices=np.asarray(indices), axis=axis), "take", corners=[CYCLE]),
    Operation(
        "take_along_axis",
        lambda x, indices, axis: np.take_along_axis(x, np.asarray(indices), axis),
        "take_along_axis",
        corners=[CYCLE],
    ),
    Operation("at_set", lambda x, y, key: traced.at_set(x, y, key=key), "at_set", domain=TWO),
    Operation("at_add", at_add, "at_add", domain=TWO, corners=[([(3, 2), (4, 2)], {"indices": [2, 0, 2, 2]})]),
    Operation("masked_fill", lambda x, mask, value: np.where(mask, value, x), "mask"),
    Operation("sort", sort, "axis", distinct=IDENTITY, special=[kink([2.0, 1.0, 2.0], axis=0)], corners=SORTS),
)


def laplace(x: Any) -> Any:
    """Expand a determinant along the first row: polynomial in the entries, so right where it is zero too."""
    n = x.shape[-1]
    if n == 0:
        return np.ones(x.shape[:-2], x.dtype)
    if n == 1:
        return x[..., 0, 0]
    y = None
    for j in range(n):
        minor = x[..., 1:, [k for k in range(n) if k != j]]
        term = x[..., 0, j] * laplace(minor)
        term = -term if j % 2 else term
        y = term if y is None else y + term
    return y


def solve(a: Any, b: Any) -> Any:
    return traced.matmul(traced.inverse(a), b)


def cholesky(x: Any) -> Any:
    """Return L with L L' = x, from the lower triangle of the symmetrized x (Cholesky-Banachiewicz)."""
    n = x.shape[-1]
    rows: list[list[Any]] = []
    x = 0.5 * (x + np.matrix_transpose(x))
    for i in range(n):
        row: list[Any] = []
        for j in range(i + 1):
            s = x[..., i, j]
            for k in range(j):
                s = s - row[k] * (row[k] if i == j else rows[j][k])
            row.append(np.sqrt(s) if i == j else s / rows[j][j])
        rows.append(row)
    zero = np.zeros(x.shape[:-2], x.dtype)
    return np.stack([np.stack(row + [zero] * (n - len(row)), axis=-1) for row in rows], axis=-2)


def vecdot(x: Any, y: Any) -> Any:
    return np.sum(x * y, axis=-1)


LINEAR_ALGEBRA = table(
    12,
    # ----- products -----
    Operation("matmul", lambda x, y: traced.matmul(x, y), "matmul", domain=TWO),
    Operation("vecdot", vecdot, "vectors", domain=TWO),
    Operation("outer", lambda x, y: contract(x, y, labels=("a", "b"), out="ab"), "outer", domain=TWO),
    Operation("tensordot", lambda x, y, axes: tensordot(x, y, axes), "tensordot", domain=TWO),
    Operation("einsum", lambda x, y, subscripts: einsum(x, y, subscripts), "einsum", domain=TWO),
    Operation("trace", lambda x: np.sum(np.diagonal(x, axis1=-2, axis2=-1), axis=-1), "square"),
    # ----- inverses: LAPACK bounds their error by the norm of the matrix -----
    Operation(
        "det",
        lambda x: laplace(normwise(x)),
        "regular",
        special=[removable([[1.0, 2.0], [2.0, 4.0]]), removable([[0.0, 0.0], [0.0, 0.0]]), removable([[0.0]])],
    ),
    Operation("inv", traced.inverse, "regular"),
    Operation("solve", solve, "solve", domain=TWO),
    Operation("cholesky", lambda x: cholesky(normwise(x)), "positive_definite"),
)


def tensordot(x: Any, y: Any, axes: int) -> Any:
    """Contract the last `axes` axes of x with the first of y."""
    lx = traced.LETTERS[: len(x.shape)]
    ly = lx[len(lx) - axes :] + traced.LETTERS[len(lx) : len(lx) + len(y.shape) - axes]
    return contract(x, y, labels=(lx, ly), out=lx[: len(lx) - axes] + ly[axes:])


def einsum(x: Any, y: Any, subscripts: str) -> Any:
    inputs, out = subscripts.split("->")
    return contract(x, y, labels=tuple(inputs.split(",")), out=out)


PRIMITIVES = table(
    15,
    Operation("stop_gradient", traced.stop_gradient, differentiable=False),
)
