"""The number system of the truth: an ensemble of arrays that numpy's functions see as one.

Three hidden axes lead each array: replica, point and direction. Replica 0 is clean; in the others every result
is perturbed by a random relative amount up to the unit roundoff of the backend's dtype (Monte Carlo
arithmetic). The spread of the replicas is what rounding can do to this very computation. Points are
independent inputs of one case; directions are the tangents of a Jacobian.

Values and rules stay plain mathematics (`1 - y * y`): the rounding is in the type, and nobody can forget it.
Choices (a comparison, an argmax, a sign) are made by the clean replica, and all replicas follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clinometer.reference.arithmetic import dispatch
from clinometer.reference.arithmetic.jacobi import jacobi
from clinometer.reference.arithmetic.rounding import Accuracy, RoundingNoise
from clinometer.reference.arithmetic.summation import einsum

LEAD = 3  # replica, point, direction


class PointsDisagree(Exception):
    """A branch was asked for one truth value, and the points of the ensemble give two."""


class ReplicaArray(dispatch.Traced):
    """Replicas x points x directions of an array; `shape` and `dtype` are those of the array."""

    level = 0

    def __init__(self, data: np.ndarray, noise: RoundingNoise):
        self.data, self.noise = data, noise

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]  # read-only here
        return self.data.shape[LEAD:]

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]  # read-only here
        return self.data.dtype

    def __bool__(self) -> bool:
        answers = np.unique(self.data[:1])
        if len(answers) != 1:
            raise PointsDisagree
        return bool(answers[0])

    def __repr__(self) -> str:
        return f"ReplicaArray(replicas, points, directions = {self.data.shape[:LEAD]}, shape={self.shape})"

    def clean(self) -> ReplicaArray:
        return ReplicaArray(self.data[:1], self.noise) if len(self.data) > 1 else self

    def apply(self, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> ReplicaArray:
        implementation = IMPLEMENTATIONS.get(function, elementwise)
        if function not in dispatch.DECISIONS:
            return ReplicaArray(implementation(self.noise, function, args, params), self.noise)
        decided = implementation(self.noise, function, [dispatch.clean(a) for a in args], params)
        if decided.dtype.kind == "f":  # a number: it is the same in all replicas, and what is computed of it is rounded in each
            decided = np.repeat(decided, max(len(a.data) for a in args if isinstance(a, ReplicaArray)), axis=0)
        return ReplicaArray(decided, self.noise)


def perturb(y: np.ndarray, noise: RoundingNoise, scale: np.ndarray | None = None, factor: float = 1.0) -> np.ndarray:
    """Round all replicas but the clean one, relative to `scale` (default: the result itself), in place."""
    if len(y) == 1 or y.dtype.kind not in "fc" or not y.size:
        return y
    moved = y[1:]
    if scale is None and factor == 1 and y.dtype.kind == "f":
        moved *= noise.factors(moved.shape)
        return y
    size = (moved if scale is None else scale) * (noise.size * factor)
    size = np.where(np.isfinite(size), size, 0)  # noise makes no NaN out of an infinity
    z = noise.draw(moved.shape)
    moved += size * (z + 1j * noise.draw(moved.shape) if y.dtype.kind == "c" else z)
    return y


def align(args: Sequence[Any]) -> list[Any]:
    """Give all ensembles the core rank of the largest operand, so that their leading axes broadcast."""
    arrays = [a.data if isinstance(a, ReplicaArray) else a for a in args]
    ranks = [y.ndim if y is not a else np.ndim(a) + LEAD for a, y in zip(args, arrays, strict=True)]
    rank = max(ranks)
    for i, (a, y, own) in enumerate(zip(args, arrays, ranks, strict=True)):
        if y is not a and own < rank:
            arrays[i] = y.reshape(y.shape[:LEAD] + (1,) * (rank - own) + y.shape[LEAD:])
    return arrays


EXACT = {np.real, np.imag, np.conjugate, np.negative, np.absolute, np.positive, np.copysign, np.where} | dispatch.DECISIONS


# Libraries promise 4 ulp (numpy's vectorized functions: numpy pull request 19478) or better (glibc and SLEEF: 1 to 2),
# and 4 ulp are up to 8 roundings: K times 2. Measured over the domains below, in roundings: numpy 2.4 in float32 up to
# 5.6 (asin), 3.9 (log, atan2) and 3.5 (log10, cosh), in float64 up to 1.6; torch 2.13 in either up to 2.1 (asinh). In
# chains of three to six of them numpy's float32 was off by up to 5.0 of the K = 4 that are allowed, and so by 2.6.
TRANSCENDENTAL = Accuracy(reference=1, vendor=2)
ACCURACY: dict[Callable, Accuracy] = dict.fromkeys(
    (
        np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.logaddexp, np.power, np.cbrt,
        np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.arctan2,
        np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh,
    ),
    TRANSCENDENTAL,
)  # fmt: skip
SINGLE = 2.0**-24  # a rounding of float32


def elementwise(noise: RoundingNoise, function: Any, args: Sequence[Any], params: dict[str, Any]) -> np.ndarray:
    if function in LEADING_AXIS:
        return _along_axis(function, args[0], params)
    ours = isinstance(function, dispatch.Primitive)
    y = (function.plain if ours else function)(*align(args), **params)
    if function in EXACT:
        return y
    known = function.accuracy if ours else ACCURACY.get(function)
    if known is None:
        return perturb(np.asarray(y), noise)
    scale = np.maximum(np.abs(y[:1]), known.floor) if known.floor else None
    vendor = known.vendor * min(1.0, SINGLE / noise.u)  # half precision is computed in single, and rounded
    return perturb(np.asarray(y), noise, scale, max(1.0, vendor, known.reference * 2.0**-53 / noise.u))


LEADING_AXIS = {np.argmax, np.argmin, np.argsort}


def _along_axis(function: Callable, x: ReplicaArray, params: dict[str, Any]) -> np.ndarray:
    axis = params["axis"]
    if axis is None:
        raise TypeError("fold the axes first: an ensemble has no flat order")
    axis = axis if axis < 0 else axis + LEAD
    stable = {"kind": "stable"} if function is np.argsort else {}
    return function(x.data, **{**params, "axis": axis}, **stable)


def _pick(noise: RoundingNoise, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> np.ndarray:
    positions = params["positions"]
    leads = {a.data.shape[:LEAD] for a in args if isinstance(a, ReplicaArray)}
    lead = leads.pop() if len(leads) == 1 else np.broadcast_shapes((1,) * LEAD, *leads)
    flats = [_flat(a, lead) for a in args]
    flat = flats[0] if len(flats) == 1 else np.concatenate(flats, axis=-1)
    if isinstance(positions, ReplicaArray):  # chosen point by point
        chosen = positions.data
        index = chosen.reshape(*chosen.shape[:LEAD], -1)
        index = np.broadcast_to(index, np.broadcast_shapes(index.shape[:LEAD], lead) + index.shape[LEAD:])
        flat = np.broadcast_to(flat, index.shape[:LEAD] + flat.shape[LEAD:])
        return np.take_along_axis(flat, index, -1).reshape(index.shape[:LEAD] + chosen.shape[LEAD:])
    if positions.size and positions.max() == flat.shape[-1]:
        flat = np.concatenate([flat, np.zeros((*lead, 1), flat.dtype)], axis=-1)
    return np.take(flat, positions, axis=-1)  # in memory as it reads, which an index behind an ellipsis is not


def _flat(a: Any, lead: tuple[int, ...]) -> np.ndarray:
    if not isinstance(a, ReplicaArray):
        return np.broadcast_to(np.ravel(a), (*lead, np.size(a)))
    flat = a.data.reshape(*a.data.shape[:LEAD], a.size)
    return flat if flat.shape[:LEAD] == lead else np.broadcast_to(flat, (*lead, a.size))


def _scatter(noise: RoundingNoise, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> np.ndarray:
    (x,), positions, shape = args, params["positions"], params["shape"]
    if isinstance(positions, ReplicaArray):
        raise TypeError("a scatter to chosen positions is a pullback; the truth runs forward")

    def add_up(data: np.ndarray) -> np.ndarray:
        out = np.zeros((*data.shape[:LEAD], int(np.prod(shape)) + 1), data.dtype)
        where = np.ravel(positions)
        everywhere: Any = (*(slice(None),) * LEAD, where)  # Any: numpy's stubs know no mixture of slices and arrays
        np.add.at(out, everywhere, data.reshape(*data.shape[:LEAD], where.size))
        return out[..., :-1].reshape(data.shape[:LEAD] + tuple(shape))

    return perturb(add_up(x.data), noise, scale=add_up(np.abs(x.data[:1])))


WORTH_PLANNING = 1 << 10  # entries: finding BLAS for an einsum takes a tenth of a millisecond, and makes it ten times faster


def _contract(noise: RoundingNoise, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> np.ndarray:
    labels = [("..." if isinstance(a, ReplicaArray) else "") + label for a, label in zip(args, params["labels"], strict=True)]
    out = "..." + params["out"]
    arrays = [a.data if isinstance(a, ReplicaArray) else np.asarray(a) for a in args]
    planned = max(a.size for a in arrays) > WORTH_PLANNING
    y = einsum(labels, out, *arrays, optimize=planned)
    if len(y) == 1:
        return y
    # A sum is good to a rounding of the sum of magnitudes, whatever its order.
    scale = einsum(labels, out, *(np.abs(a.data[:1] if isinstance(a, ReplicaArray) else a) for a in args))
    # einsum may hand out a view of its operand; noise must not land there
    return perturb(y if y.base is None else np.array(y), noise, scale=scale)


def _inverse(noise: RoundingNoise, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> np.ndarray:
    x = args[0].data
    return dispatch.inverse(_normwise(noise, function, args, params) if len(x) > 1 else x)


def _eigenvalues(noise: RoundingNoise, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> np.ndarray:
    return jacobi(_steps(noise, args[0]))[0]


def _eigenvectors(noise: RoundingNoise, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> np.ndarray:
    v = jacobi(_steps(noise, args[0]))[1]
    return perturb(v, noise, scale=np.ones(()), factor=args[0].shape[-1])  # and orthonormal to as many roundings


def _steps(noise: RoundingNoise, x: ReplicaArray) -> np.ndarray:
    """Perturb matrices as orthogonal steps do, one a row: each adds a rounding of the norm (Higham, lemma 19.3)."""
    return _normwise(noise, dispatch.normwise, [x], {"roundings": lambda u: x.shape[-1]})


def _normwise(noise: RoundingNoise, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> np.ndarray:
    x = np.array(args[0].data)
    norm = np.sqrt(np.sum(abs(x[:1]) ** 2, axis=(-2, -1), keepdims=True))
    return perturb(x, noise, scale=norm, factor=params["roundings"](noise.u) if "roundings" in params else 1.0)


def _identity(noise: RoundingNoise, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> np.ndarray:
    return args[0].data


IMPLEMENTATIONS: dict[Callable, Callable[..., np.ndarray]] = {
    dispatch.pick: _pick,
    dispatch.scatter: _scatter,
    dispatch.contract: _contract,
    dispatch.inverse: _inverse,
    dispatch.eigenvalues: _eigenvalues,
    dispatch.eigenvectors: _eigenvectors,
    dispatch.normwise: _normwise,
    dispatch.stop_gradient: _identity,
}
