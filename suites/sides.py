"""Structures of every form with one side left open: none for empty arrays, one for axes of size 1."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clinometer.reference.catalogue import CATALOGUE, Operation

Structure = tuple[Sequence[tuple[int, ...]], Mapping[str, Any]]  # shapes of the arguments, and parameters

FILTER = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
POOL = {"kernel_size": (2,), "stride": (2,), "padding": (0,)}
SIGNAL = {"n": None, "axis": -1}

STRUCTURES: dict[str, Callable[[int], list[Structure]]] = {
    # ----- elementwise -----
    "where": lambda n: [(((n, 3), (3,)), {"condition": True}), (((n,), (n,)), {"condition": False})],
    "mask": lambda n: [(((n, 3),), {"mask": True, "value": -2.5}), (((n, 3),), {"mask": False, "value": 0.0})],
    # ----- along axes -----
    "axes": lambda n: [
        (((n, 3),), {"axis": None}),
        (((n, 3),), {"axis": 0}),
        (((3, n),), {"axis": 0}),
        (((2, n, 3),), {"axis": (0, -1), "keepdims": True}),
    ],
    "axes_counted": lambda n: [(((n, 3),), {"axis": 1}), (((2, n, 3),), {"axis": (0, -1), "keepdims": True})],
    "axes_nonempty": lambda n: [(((n, 3),), {"axis": 1}), (((2, n, 3),), {"axis": (0, -1), "keepdims": True})],
    "axis": lambda n: [(((n, 3),), {"axis": 1}), (((3, n),), {"axis": 0}), (((2, n, 3),), {"axis": -1})],
    "last_axis_scaled": lambda n: [(((n, 3), (3,), (3,)), {}), (((2, n, 3), (3,), (3,)), {})],
    "vectors": lambda n: [(((n, 3), (n, 3)), {})],
    "same": lambda n: [(((n,), (n,)), {}), (((n, 3), (n, 3)), {})],
    "signs": lambda n: [(((n,),), {"target": [1] * n})],
    "classes": lambda n: [(((n, 3),), {"target": [2] * n})],
    "cdist": lambda n: [(((n, 3), (2, 3)), {}), (((2, 3), (n, 3)), {})],
    # ----- shape -----
    "reshape": lambda n: [(((n, 3),), {"shape": (3, n)}), (((n,),), {"shape": (n, 1)})],
    "permute_dims": lambda n: [(((2, n, 3),), {"axes": (2, 0, 1)})],
    "matrix": lambda n: [(((2, n),), {}), (((n, 2, 3),), {})],
    "moveaxis": lambda n: [(((2, n, 3),), {"source": 0, "destination": -1})],
    "expand_dims": lambda n: [(((n,),), {"axis": 0}), (((2, n),), {"axis": -1})],
    "squeeze": lambda n: [(((1, n, 2),), {"axis": 0})],
    "flip": lambda n: [(((n, 3),), {"axis": 0}), (((n, 3),), {"axis": 1})],
    "roll": lambda n: [(((n, 3),), {"shift": 1, "axis": 0}), (((n, 3),), {"shift": -2, "axis": 1})],
    "concat": lambda n: [(((n, 3), (2, 3)), {"axis": 0}), (((2, n), (1, n)), {"axis": 0})],
    "stack": lambda n: [(((n,), (n,)), {"axis": 0}), (((n, 2), (n, 2)), {"axis": -1})],
    "split": lambda n: [(((2, n),), {"at": 1, "axis": 0})],
    "diagonal": lambda n: [(((n, 3),), {"offset": 0}), (((2, 3, n),), {"offset": 0})],
    "diag": lambda n: [(((n,),), {"k": 0})],
    "triangle": lambda n: [(((n, 3),), {"k": 0}), (((2, 3, n),), {"k": -1})],
    "tile": lambda n: [(((n,),), {"repetitions": (2,)}), (((2, n),), {"repetitions": (2, 1, 3)})],
    "repeat": lambda n: [(((n, 3),), {"repeats": 2, "axis": 0}), (((2, n),), {"repeats": 3, "axis": 0})],
    "pad": lambda n: [(((n, 2),), {"pad_width": ((1, 0), (0, 2))})],
    "outer": lambda n: [(((n,), (3,)), {}), (((3,), (n,)), {})],
    "broadcast_to": lambda n: [(((n,),), {"shape": (2, n)}), (((1, n),), {"shape": (3, n)})],
    # ----- indexing -----
    "getitem": lambda n: [(((2, n),), {"key": 0}), (((2, n),), {"key": (..., slice(None))}), (((2, n),), {"key": [1, 1]})],
    "take": lambda n: [(((2, n),), {"indices": [1, 0, 1], "axis": 0})],
    "take_along_axis": lambda n: [(((2, n),), {"indices": [[0] * n, [1] * n, [1] * n], "axis": 0})],
    "at_set": lambda n: [(((2, n), (n,)), {"key": 0})],
    "at_add": lambda n: [(((2, n), (2, n)), {"indices": [1, 1]})],
    "index_add": lambda n: [(((2, n), (3, n)), {"indices": [1, 0, 1], "axis": 0})],
    "scatter_add": lambda n: [(((2, n), (2, n)), {"indices": [[0] * n, [0] * n], "axis": 0})],
    "topk": lambda n: [(((2, n),), {"k": 1, "axis": 0})],
    # ----- products -----
    "matmul": lambda n: [(((2, n), (n, 3)), {}), (((n, 2), (2, 3)), {}), (((n, 2, 2), (2, 3)), {})],
    "dot": lambda n: [(((2, n), (n, 3)), {}), (((n, 2), (2, 3)), {})],
    "inner": lambda n: [(((2, n), (3, n)), {}), (((n, 2), (3, 2)), {})],
    "kron": lambda n: [(((n,), (2,)), {}), (((2, 2), (n, 3)), {})],
    "cross": lambda n: [(((n, 3), (n, 3)), {"axis": -1})],
    "tensordot": lambda n: [(((2, n), (n, 3)), {"axes": 1}), (((n, 2), (2, 3)), {"axes": 1})],
    "einsum": lambda n: [(((2, n), (n, 3)), {"subscripts": "ij,jk->ik"}), (((n, 2), (2, 3)), {"subscripts": "ij,jk->ki"})],
    "einsum_of_one": lambda n: [(((n, 3),), {"subscripts": "ij->j"}), (((n, 3),), {"subscripts": "ij->ji"})],
    "einsum_of_three": lambda n: [(((2, n), (n, 3), (3, 2)), {"subscripts": "ij,jk,kl->il"})],
    "trace": lambda n: [(((n, 2, 2),), {"offset": 0})],
    # ----- stacks of matrices, batches of signals -----
    **dict.fromkeys(("square", "regular", "positive_definite", "separated"), lambda n: [(((n, 2, 2),), {})]),
    "full_rank": lambda n: [(((n, 3, 2),), {})],
    "least_squares": lambda n: [(((n, 3, 2), (n, 3, 2)), {})],
    "solve": lambda n: [(((n, 2, 2), (n, 2, 3)), {})],
    "conv1d": lambda n: [(((n, 2, 4), (3, 2, 2)), FILTER)],
    "conv2d": lambda n: [(((n, 2, 4, 3), (3, 2, 2, 2)), FILTER)],
    "pool": lambda n: [(((n, 2, 4),), POOL)],
    "pool_dilated": lambda n: [(((n, 2, 4),), {**POOL, "dilation": (1,)})],
    "signal": lambda n: [(((n, 4),), SIGNAL)],
    "spectrum": lambda n: [(((n, 3, 2),), SIGNAL)],
    "complex_signal": lambda n: [(((n, 4, 2),), SIGNAL)],
}

# Nested lists without entries say neither shape nor dtype.
LISTED = {"signs", "classes", "take_along_axis", "scatter_add"}


def structures(row: Operation, n: int) -> list[Structure]:
    """Return structures of an operation in which some side is n, 0 or 1; none if it takes no such arrays."""
    if row.form == "elementwise":
        return [(((n,),) * row.arity, {}), (((2, n, 3),) * row.arity, {})]
    if row.form not in STRUCTURES or (n == 0 and row.form in LISTED):
        return []
    # The mean of nothing is no number; the sum is.
    how = {"reduction": "sum"} if n == 0 and "reduction" in row.choices else {}
    return [(shapes[: row.arity], {**params, **how}) for shapes, params in STRUCTURES[row.form](n)]


def hollow_corners(row: Operation) -> list[Structure]:
    """Return the corners of an operation of which an argument or the result has no entries."""
    return [
        (tuple(shapes), params)
        for shapes, params in row.corners
        if 0 in itertools.chain(*shapes, params.get("shape", ())) and (tuple(shapes), params) not in structures(row, 0)
    ]


def asked() -> list[Operation]:
    """Return the differentiable rows of real arrays."""
    return [row for row in CATALOGUE.values() if row.differentiable and "float64" in row.dtypes]
