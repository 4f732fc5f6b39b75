"""Reductions and scans: compositions of the elementwise rows, sums and picks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from clinometer.reference.arithmetic.dispatch import curvature, fold, reduced, slack, stop_gradient, unfold
from clinometer.reference.catalogue.rows import (
    IDENTITY,
    NONZERO,
    Corner,
    Domain,
    Group,
    Operation,
    convention,
    kink,
    removable,
    table,
)
from clinometer.reference.catalogue.structure import sort

ALL_NEGATIVE: Corner = ([(2, 3)], {"axis": (-2, -1), "keepdims": False})
ONE_ENTRY: Corner = ([(2, 1)], {"axis": 1, "keepdims": False})
MODEST = Domain(-80.0, 80.0)  # exp neither overflows nor underflows in float32


def count(x: Any, axis: Any) -> int:
    """Return the number of entries that a reduction over `axis` sees."""
    return math.prod(x.shape[i] for i in reduced(axis, len(x.shape)))


def total(x: Any, axis: Any = None, keepdims: bool = False, where: Any = None, initial: float | None = None) -> Any:
    y = np.sum(masked(x, where, 0.0), axis=axis, keepdims=keepdims)
    return y if initial is None else y + initial


def masked(x: Any, where: Any, neutral: float) -> Any:
    """Return x with what `where` leaves out replaced by a number that changes nothing."""
    return x if where is None else np.where(np.asarray(where), x, neutral)


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


def prod(x: Any, axis: Any = None, keepdims: bool = False, where: Any = None, initial: float = 1.0) -> Any:
    """Multiply in order: right where an entry, or two, are zero."""
    folded = fold(masked(x, where, 1.0), axis)
    y = np.full(folded.shape[:-1], initial, x.dtype)
    for k in range(folded.shape[-1]):
        y = y * folded[..., k]
    # libraries differentiate to y / x, where x is not zero
    y = y + np.sum(curvature(abs(np.expand_dims(y, -1)) / (folded * folded), folded), axis=-1)
    return unfold(y, x.shape, axis, keepdims)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    top = stop_gradient(np.max(x, axis=axis, keepdims=True))
    y = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    y = y + slack(stop_gradient(y) * np.sum(np.exp(x - y), axis=axis, keepdims=True))  # libraries differentiate to exp(x - y)
    return y if keepdims else np.reshape(y, tuple(n for i, n in enumerate(x.shape) if i not in reduced(axis, len(x.shape))))


def extremum(reduce: Callable[..., Any], larger: Callable[..., Any]) -> Callable[..., Any]:
    """Return max or min: with `where`, what is left out counts as the initial value."""

    def run(x: Any, axis: Any = None, keepdims: bool = False, where: Any = None, initial: float | None = None) -> Any:
        y = reduce(masked(x, where, 0.0 if initial is None else initial), axis=axis, keepdims=keepdims)
        return y if initial is None else larger(y, initial)

    return run


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the middle entry, or the mean of the two."""
    entries = sort(fold(x, axis))
    n = entries.shape[-1]
    return unfold(0.5 * (entries[..., (n - 1) // 2] + entries[..., n // 2]), x.shape, axis, keepdims)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    return unfold(np.argmax(fold(x, axis), axis=-1), x.shape, axis, keepdims)


def number(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return how many entries are true, or not zero."""
    return np.sum(np.where(x != 0, 1.0, 0.0), axis=axis, keepdims=keepdims)


def vector_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    if ord == math.inf:
        return np.max(abs(x), axis=axis, keepdims=keepdims)
    if ord == 1:
        return np.sum(abs(x), axis=axis, keepdims=keepdims)
    if ord == -math.inf:
        return np.min(abs(x), axis=axis, keepdims=keepdims)
    if ord != 2:  # relative to the greatest entry, since powers overflow in half precision
        sizes = fold(abs(x), axis)
        top = stop_gradient(np.max(sizes, axis=-1, keepdims=True))
        y = top[..., 0] * np.power(np.sum(np.power(sizes / top, ord), axis=-1), 1 / ord)
        return unfold(y, x.shape, axis, keepdims)
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


REDUCTIONS = table(
    Group.REDUCTION,
    # ----- linear -----
    Operation("sum", total, "axes", kinds="fc", linear=True, symmetry="invariant"),
    Operation("mean", mean, "axes_counted", kinds="fc", symmetry="invariant"),
    # ----- products and squares -----
    Operation(
        "prod",
        prod,
        "axes",
        domain=NONZERO,
        special=[
            removable([2.0, 0.0, 3.0]),
            removable([0.0, 2.0, 0.0]),
            removable([[0.0, 2.0], [0.0, 3.0]], axis=0),
            removable([[0.0, 2.0], [3.0, 0.0]], axis=(0, 1)),
            removable([0.0]),
        ],
        kinds="fc",
        symmetry="invariant",
    ),
    Operation(
        "var",
        var,
        "axes_nonempty",
        choices={"correction": (0.0, 1.0)},
        special=[removable([2.0, 2.0, 2.0]), removable([2.0])],
        corners=[ALL_NEGATIVE],
        symmetry="invariant",
    ),
    Operation(
        "std",
        lambda x, axis=None, keepdims=False, correction=0.0: np.sqrt(var(x, axis, keepdims, correction)),
        "axes_nonempty",
        choices={"correction": (0.0, 1.0)},
        distinct=IDENTITY,
        special=[convention([2.0, 2.0, 2.0])],
        corners=[ALL_NEGATIVE],
        symmetry="invariant",
    ),
    Operation(
        "logsumexp",
        logsumexp,
        "axes_nonempty",
        domain=MODEST,
        special=[removable([1000.0, 999.0]), removable([-math.inf, 1.0, 2.0]), convention([-math.inf, -math.inf])],
        corners=[ALL_NEGATIVE, ONE_ENTRY],
        symmetry="invariant",
        saturates="rows",
    ),
    Operation(
        "vector_norm",
        vector_norm,
        "axes_nonempty",
        domain=NONZERO,
        choices={"ord": (2, 1, math.inf, 3, 0.5)},
        distinct=np.abs,
        special=[
            convention([0.0, 0.0], ord=2),
            convention([0.0, 0.0], ord=3),
            kink([0.0, 0.0], ord=1),
            kink([0.0, 0.0], ord=math.inf),
            kink([3.0, -3.0], ord=math.inf),
            kink([3.0, -3.0, 4.0], ord=-math.inf),
        ],
        corners=[
            ([(4, 3, 2)], {"axis": 2, "keepdims": True, "ord": 2}),
            ([(3,)], {"axis": 0, "keepdims": False, "ord": math.inf}),
        ],
        symmetry="invariant",
    ),
    # ----- which entry it is gets chosen, then its derivative is that of the entry -----
    Operation(
        "max",
        extremum(np.max, np.maximum),
        "axes_nonempty",
        distinct=IDENTITY,
        special=[kink([1.0, 3.0, 3.0]), kink([[2.0, 2.0], [2.0, 2.0]])],
        corners=[ALL_NEGATIVE, ONE_ENTRY],
        symmetry="invariant",
    ),
    Operation(
        "min",
        extremum(np.min, np.minimum),
        "axes_nonempty",
        distinct=IDENTITY,
        special=[kink([1.0, 1.0, 3.0]), kink([[2.0, 2.0], [2.0, 2.0]])],
        corners=[ALL_NEGATIVE, ONE_ENTRY],
        symmetry="invariant",
    ),
    Operation(
        "median",
        median,
        "axes_nonempty",
        distinct=IDENTITY,
        # Of an even number the two in the middle may tie: half of each is right, and nothing else.
        special=[kink([1.0, 2.0, 2.0]), kink([2.0, 2.0, 5.0, 2.0]), removable([2.0, 1.0, 5.0, 2.0])],
        corners=[ALL_NEGATIVE, ([(5,)], {"axis": 0, "keepdims": False}), ([(2, 4)], {"axis": -1, "keepdims": True})],
        symmetry="invariant",
    ),
    # ----- decisions, without a derivative -----
    Operation("argmax", argmax, "axis_or_none", distinct=IDENTITY, differentiable=False),
    Operation("any", lambda x, axis=None, keepdims=False: number(x, axis, keepdims) > 0, "axes", differentiable=False),
    Operation("all", lambda x, axis=None, keepdims=False: number(x == 0, axis, keepdims) == 0, "axes", differentiable=False),
    Operation("count_nonzero", number, "axes", differentiable=False),
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


def logcumsumexp(x: Any, axis: int) -> Any:
    at = normalize_axis_index(axis, len(x.shape))
    heads = [x[(slice(None),) * at + (slice(0, k + 1),)] for k in range(x.shape[at])]
    return np.stack([logsumexp(head, at) for head in heads], axis=at)


def trapezoid(x: Any, dx: float = 1.0, axis: int = -1) -> Any:
    """Integrate along an axis by the trapezoidal rule."""
    at = normalize_axis_index(axis, len(x.shape))
    after, before = (slice(None),) * at + (slice(1, None),), (slice(None),) * at + (slice(None, -1),)
    return np.sum(0.5 * dx * (x[after] + x[before]), axis=at)


def cumulative_prod(x: Any, axis: int) -> Any:
    y = scan(np.multiply)(x, axis)
    # Libraries differentiate to y / x, and sum it up from the end by what a sum from the start leaves of the total: what
    # rounding does to one entry is of the size of all.
    logarithm = np.sum(np.where(x == 0, 0.0, x / stop_gradient(np.where(x == 0, 1.0, x))), axis=axis, keepdims=True)
    return y + curvature(abs(y), np.broadcast_to(logarithm, y.shape))


def diff(x: Any, axis: int = -1) -> Any:
    at = normalize_axis_index(axis, len(x.shape))
    after, before = (slice(None),) * at + (slice(1, None),), (slice(None),) * at + (slice(None, -1),)
    return x[after] - x[before]


SCANS = table(
    Group.SCAN,
    Operation("cumulative_sum", scan(np.add), "axis", kinds="fc", linear=True),
    Operation(
        "cumulative_prod",
        cumulative_prod,
        "axis",
        domain=NONZERO,
        special=[
            removable([2.0, 0.0, 3.0], axis=0),
            removable([0.0, 2.0, 0.0, 3.0], axis=0),
            removable([[0.0, 2.0], [3.0, 0.0]], axis=1),
        ],
        kinds="fc",
    ),
    Operation(
        "cummax",
        scan(np.maximum),
        "axis",
        distinct=IDENTITY,
        special=[kink([1.0, 3.0, 3.0], axis=0), kink([[2.0, 2.0], [1.0, 2.0]], axis=0)],
    ),
    Operation(
        "cummin",
        scan(np.minimum),
        "axis",
        distinct=IDENTITY,
        special=[kink([3.0, 1.0, 1.0], axis=0), kink([[2.0, 2.0], [3.0, 2.0]], axis=1)],
    ),
    Operation("logcumsumexp", logcumsumexp, "axis", domain=MODEST, special=[removable([0.0, 200.0], axis=0, note="far apart")]),
    Operation("trapezoid", trapezoid, "axis", choices={"dx": (1.0, 0.25)}, corners=[([(1,)], {"axis": 0})]),
    Operation("diff", diff, "axis", corners=[([(1,)], {"axis": 0})], kinds="fc", linear=True),
)
