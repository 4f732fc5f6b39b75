"""Reductions, scans, normalisers and losses: compositions of the elementwise rows, sums and picks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from clinometer.reference.catalogue.rows import (
    IDENTITY,
    NONZERO,
    POSITIVE,
    REAL,
    Corner,
    Domain,
    Operation,
    convention,
    kink,
    removable,
    table,
)
from clinometer.reference.traced import fold, reduced, slack, stop_gradient, unfold

ALL_NEGATIVE: Corner = ([(2, 3)], {"axis": (-2, -1), "keepdims": False})
MODEST = Domain(-80.0, 80.0)  # exp neither overflows nor underflows in float32


def count(x: Any, axis: Any) -> int:
    """Return the number of entries that a reduction over `axis` sees."""
    return math.prod(x.shape[i] for i in reduced(axis, len(x.shape)))


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.sum(x, axis=axis, keepdims=keepdims) / count(x, axis)


def var(x: Any, axis: Any = None, keepdims: bool = False, correction: float = 0.0) -> Any:
    centre = mean(x, axis, keepdims=True)
    off = x - centre
    # Zero, and so is its derivative; but a library may take 2 * off for the derivative without centring the tangent,
    # and then a rounding of the mean stays in. The majorant has to know.
    loose = slack(centre * np.sum(off, axis=axis, keepdims=True))
    return (np.sum(off * off, axis=axis, keepdims=keepdims) + np.sum(loose, axis, keepdims=keepdims)) / (
        count(x, axis) - correction
    )


def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Multiply in order: right where an entry, or two, are zero."""
    folded = fold(x, axis)
    y = np.ones(folded.shape[:-1], x.dtype)
    for k in range(folded.shape[-1]):
        y = y * folded[..., k]
    return unfold(y, x.shape, axis, keepdims)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    top = stop_gradient(np.max(x, axis=axis, keepdims=True))
    y = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    y = y + slack(stop_gradient(y) * np.sum(np.exp(x - y), axis=axis, keepdims=True))  # libraries differentiate to exp(x - y)
    return y if keepdims else np.reshape(y, tuple(n for i, n in enumerate(x.shape) if i not in reduced(axis, len(x.shape))))


def vector_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    if ord == math.inf:
        return np.max(abs(x), axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(abs(x), axis=axis, keepdims=keepdims)
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


REDUCTIONS = table(
    7,
    # ----- linear -----
    Operation("sum", lambda x, axis=None, keepdims=False: np.sum(x, axis=axis, keepdims=keepdims), "axes"),
    Operation("mean", mean, "axes_counted"),
    # ----- products and squares -----
    Operation("prod", prod, "axes", domain=NONZERO, special=[removable([2.0, 0.0, 3.0]), removable([0.0, 2.0, 0.0])]),
    Operation(
        "var",
        var,
        "axes_nonempty",
        choices={"correction": (0.0, 1.0)},
        special=[removable([2.0, 2.0, 2.0])],
        corners=[ALL_NEGATIVE],
    ),
    Operation(
        "std",
        lambda x, axis=None, keepdims=False, correction=0.0: np.sqrt(var(x, axis, keepdims, correction)),
        "axes_nonempty",
        choices={"correction": (0.0, 1.0)},
        distinct=IDENTITY,
        special=[convention([2.0, 2.0, 2.0])],
        corners=[ALL_NEGATIVE],
    ),
    Operation("logsumexp", logsumexp, "axes_nonempty", domain=MODEST, corners=[ALL_NEGATIVE]),
    Operation(
        "vector_norm",
        vector_norm,
        "axes_nonempty",
        domain=NONZERO,
        choices={"ord": (2, 1, math.inf)},
        distinct=np.abs,
        special=[kink([0.0, 0.0], ord=1), kink([3.0, -3.0], ord=math.inf)],
        corners=[
            ([(4, 3, 2)], {"axis": 2, "keepdims": True, "ord": 2}),
            ([(3,)], {"axis": 0, "keepdims": False, "ord": math.inf}),
        ],
    ),
    # ----- which entry it is gets chosen, then its derivative is that of the entry -----
    Operation(
        "max",
        lambda x, axis=None, keepdims=False: np.max(x, axis=axis, keepdims=keepdims),
        "axes_nonempty",
        distinct=IDENTITY,
        special=[kink([1.0, 3.0, 3.0]), kink([[2.0, 2.0], [2.0, 2.0]])],
        corners=[ALL_NEGATIVE],
    ),
    Operation(
        "min",
        lambda x, axis=None, keepdims=False: np.min(x, axis=axis, keepdims=keepdims),
        "axes_nonempty",
        distinct=IDENTITY,
        special=[kink([1.0, 1.0, 3.0])],
        corners=[ALL_NEGATIVE],
    ),
)


def scan(step: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return the running reduction of `step` along an axis."""

    def run(x: Any, axis: int) -> Any:
        at = normalize_axis_index(axis, len(x.shape))
        entries = [x[(slice(None),) * at + (k,)] for k in range(x.shape[at])]
        for k in range(1, len(entries)):
            entries[k] = step(entries[k - 1], entries[k])
        return np.stack(entries, axis=at)

    return run


def diff(x: Any, axis: int = -1) -> Any:
    at = normalize_axis_index(axis, len(x.shape))
    after, before = (slice(None),) * at + (slice(1, None),), (slice(None),) * at + (slice(None, -1),)
    return x[after] - x[before]


SCANS = table(
    8,
    Operation("cumulative_sum", scan(np.add), "axis"),
    Operation("cumulative_prod", scan(np.multiply), "axis", domain=NONZERO, special=[removable([2.0, 0.0, 3.0], axis=0)]),
    Operation("cummax", scan(np.maximum), "axis", distinct=IDENTITY, special=[kink([1.0, 3.0, 3.0], axis=0)]),
    Operation("diff", diff, "axis", corners=[([(1,)], {"axis": 0})]),
)


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - stop_gradient(np.max(x, axis=axis, keepdims=True)))
    return e / np.sum(e, axis=axis, keepdims=True)


def layer_norm(x: Any, eps: float = 1e-3) -> Any:
    off = x - mean(x, -1, keepdims=True)
    return off / np.sqrt(var(x, -1, keepdims=True) + eps)


def cosine_similarity(x: Any, y: Any) -> Any:
    dot = np.sum(x * y, axis=-1)
    return dot / (vector_norm(x, -1) * vector_norm(y, -1))


LOSSES = table(
    9,
    # ----- along one axis -----
    Operation("softmax", softmax, "axis", domain=MODEST),
    Operation("log_softmax", lambda x, axis=-1: x - logsumexp(x, axis, keepdims=True), "axis", domain=MODEST),
    Operation("layer_norm", layer_norm, "last_axis", domain=MODEST, choices={"eps": (0.5, 0.001)}),
    Operation("cosine_similarity", cosine_similarity, "vectors", domain=(NONZERO, NONZERO)),
    # ----- to a number -----
    Operation("mse", lambda x, y: mean((x - y) * (x - y)), "same", domain=(REAL, REAL)),
    Operation("kl_div", lambda x, y: np.sum(y * (np.log(y) - np.log(x))), "same", domain=(POSITIVE, POSITIVE)),
)
