"""A case, and what must come out of it.

One pass of forward mode over an ensemble gives the values and the whole Jacobian at every point, in extended
precision, with the spread of the replicas and the majorant beside them. A cotangent or a tangent is then a
contraction of that Jacobian.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from clinometer.reference.catalogue import CATALOGUE, MATHEMATICS
from clinometer.reference.dual import Dual
from clinometer.reference.ensemble import LEAD, Ensemble, PointsDisagree, perturb
from clinometer.reference.linear import broadcast
from clinometer.reference.program import Program, run
from clinometer.reference.rounding import PRECISIONS, Noise, Precision
from clinometer.reference.traced import LETTERS, einsum

REPLICAS = 8  # the clean one included

# Long double is ten times slower than float64. So replicas of float64 are computed in float64, with roundings that are so
# many times too large that its own are a percent of them; what they do is as many times too large.
COARSE = 128.0

# The one constant of all tolerances. Largest error of a right answer, in units of spread + u * majorant: 1.6 over
# 10 000 random programs in four dtypes, about 2.5 over single operations.
K = 4.0


@dataclass(frozen=True)
class Case:
    """A program and concrete inputs: everything that a question to a backend consists of.

    Parameters
    ----------
    program : Program
    inputs, tangents : tuple of ndarray
        One an input, of shape (points, *shape); the dtype holds every value exactly.
    cotangents : tuple of ndarray
        One an output, of shape (points, *shape of the output).
    dtype : str
    """

    program: Program
    inputs: tuple[np.ndarray, ...]
    tangents: tuple[np.ndarray, ...]
    cotangents: tuple[np.ndarray, ...]
    dtype: str

    @property
    def points(self) -> int:
        """How many points the case batches."""
        return len(self.inputs[0]) if self.inputs else 1

    @property
    def precision(self) -> Precision:
        """The floating-point format that the backend is to work in."""
        return PRECISIONS[self.dtype]

    def at(self, point: int) -> Case:
        """Return the case of one point alone."""
        only = slice(point, point + 1)
        inputs, tangents, cotangents = (tuple([x[only] for x in xs]) for xs in (self.inputs, self.tangents, self.cotangents))
        return Case(self.program, inputs, tangents, cotangents, self.dtype)

    @property
    def row(self) -> Any:
        """The catalogue's row, for a program of one step; else None."""
        steps = self.program.steps
        return CATALOGUE[steps[0].op] if len(steps) == 1 and not steps[0].blocks else None

    @cached_property
    def truth(self) -> Truth:
        """What must come out: computed once, when first asked for."""
        return Truth.of(self)

    @cached_property
    def second(self) -> list[Expected]:
        """What the Hessian of <cotangents, f> times the tangents must be, for each input."""
        return self.higher(2)

    def higher(self, order: int) -> list[Expected]:
        """Return what the gradient of <cotangents, f>, derived `order` - 1 times more along the tangents, must be."""
        from clinometer.reference.higher import higher  # it stands above this file

        return higher(self, order)

    def adrift(self, expected: Expected) -> bool:
        """Whether noise has left the domain of a function: somewhere a number has a tolerance that is none."""
        return bool((~np.isfinite(expected.tolerance) & (abs(expected.value) < self.precision.most)).any())

    def settle(self) -> None:
        """Keep the numbers of a truth that was asked for, and let go of what they were made of: tens of times as much."""
        truth = self.__dict__.get("truth")
        if truth is not None and truth.clean.outputs:
            settled = Truth(self, NOTHING, NOTHING)
            settled.__dict__.update(values=truth.values, gradients=truth.gradients, tangents=truth.tangents)
            self.__dict__["truth"] = settled

    def __repr__(self) -> str:
        from clinometer.reference.printing import describe  # a façade: printing knows cases

        return describe(self)


@dataclass(frozen=True)
class Expected:
    """Numbers, and how far from each an answer may be: arrays of shape (points, ...) in the working precision."""

    value: np.ndarray
    tolerance: np.ndarray
    times: float = 1.0  # the truth of the case: gradients that have accumulated are a multiple of it

    def __rmul__(self, factor: float) -> Expected:
        return Expected(factor * self.value, abs(factor) * self.tolerance, factor * self.times)


@dataclass(frozen=True)
class Truth:
    """Values and derivatives of a case, with tolerances.

    `clean` is one replica in the working precision; `noisy` are the replicas that spread, with majorants: a scale of
    roundings need not have more digits than they.
    """

    case: Case
    clean: Pass
    noisy: Pass

    @classmethod
    def of(cls, case: Case) -> Truth:
        """Compute the truth, point by point where branches of the program disagree between points."""
        try:
            return cls(case, *_passes(case))
        except PointsDisagree:
            both = _by_points(case, lambda one: _pass(one, one.precision, REPLICAS))
            return cls(case, both, both)

    @cached_property
    def values(self) -> list[Expected]:
        """What each output must be."""
        return self._expected(lambda run: [(y, np.abs(y[:1])) for y in run.outputs])

    @cached_property
    def gradients(self) -> list[Expected]:
        """What the pullback of the case's cotangents must be, for each input."""
        return self.pull(self.case.cotangents)

    def pull(self, cotangents: Sequence[np.ndarray]) -> list[Expected]:
        """Contract the Jacobian with cotangents of shape (points, *out): one gradient an input."""
        return self._expected(lambda run: run.pull(self.case, cotangents))

    @cached_property
    def tangents(self) -> list[Expected]:
        """What the pushforward of the case's tangents must be, for each output."""
        return self._expected(lambda run: run.push(self.case))

    def _expected(self, of: Callable[[Pass], list[tuple[np.ndarray, np.ndarray]]]) -> list[Expected]:
        noisy = of(self.noisy)
        clean = noisy if self.clean is self.noisy else of(self.clean)
        found = [
            expect(replicas, scale, self.case, number[0], self.noisy.coarse)
            for (number, _), (replicas, scale) in zip(clean, noisy, strict=True)
        ]
        if not any(map(self.case.adrift, found)):
            return found
        return [
            settled(e, at_rest) for e, at_rest in zip(found, [expect(*r, self.case) for r in of(self.at_rest)], strict=True)
        ]

    @cached_property
    def at_rest(self) -> Pass:
        """The replicas of inputs that no rounding has moved, which is what a library is given.

        Noise on inputs stands for the condition of a problem. At the edge of a domain it steps over: 0 to the power of
        1 - 1 is 1, and to that of 1 - (1 + u) infinite.
        """
        return _by_points(self.case, lambda case: _pass(case, case.precision, REPLICAS, moved=False))


@dataclass(frozen=True)
class Pass:
    """What one run of a program on duals of ensembles gives; `coarse` is how many times too large its roundings are.

    `outputs[k]` has shape (replicas, points, *out). `jacobians[k][i]` has shape
    (replicas, points, size of input i, *out) and `majorants[k][i]` the same with one replica; without majorants a scale is 0.
    """

    outputs: list[np.ndarray]
    jacobians: list[list[np.ndarray]]
    majorants: list[list[np.ndarray]]
    coarse: float = 1.0

    @property
    def arrays(self) -> list[np.ndarray]:
        """All numbers that replicas have."""
        return [*self.outputs, *(j for row in self.jacobians for j in row)]

    def pull(self, case: Case, cotangents: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the replicas and the scale of each gradient."""
        found = []
        for i, x in enumerate(case.inputs):
            replicas = scale = np.zeros((1, *x.shape))
            for k, ct in enumerate(cotangents):
                along = _contracted(self.jacobians[k][i], ct)
                bound = _contracted(self.majorants[k][i], abs(ct)) if self.majorants else np.zeros_like(along[:1])
                if case.precision.complex:  # directions 1, then directions i
                    n = along.shape[-1] // 2
                    along, bound = along[..., :n] + 1j * along[..., n:], np.maximum(bound[..., :n], bound[..., n:])
                replicas = replicas + along.reshape(len(along), *x.shape)
                scale = scale + bound.reshape(1, *x.shape)
            found.append((replicas, scale))
        return found

    def push(self, case: Case) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the replicas and the scale of each tangent."""
        found = []
        for k, jacobians in enumerate(self.jacobians):
            replicas = scale = np.zeros((1, 1))
            for i, (jacobian, dx) in enumerate(zip(jacobians, case.tangents, strict=True)):
                out = LETTERS[: jacobian.ndim - LEAD]
                dx = dx.reshape(len(dx), -1)
                if case.precision.complex:
                    dx = np.concatenate([dx.real, dx.imag], axis=1)
                dx = dx.astype(jacobian.real.dtype)
                replicas = replicas + einsum([f"RPI{out}", "PI"], f"RP{out}", jacobian, dx)
                if self.majorants:
                    scale = scale + einsum([f"RPI{out}", "PI"], f"RP{out}", self.majorants[k][i], abs(dx))
            found.append((replicas, scale))
        return found


NOTHING = Pass([], [], [])


def _contracted(jacobian: np.ndarray, ct: np.ndarray) -> np.ndarray:
    """Sum a Jacobian of shape (replicas, points, entries, *out) against cotangents (points, *out): Re <ct, J>."""
    out = LETTERS[: jacobian.ndim - LEAD]
    return einsum([f"RPI{out}", f"P{out}"], "RPI", jacobian, np.conjugate(ct).astype(jacobian.dtype)).real


def expect(
    replicas: np.ndarray, scale: np.ndarray, case: Case, clean: np.ndarray | None = None, coarse: float = 1.0
) -> Expected:
    """Turn replicas and a scale into a number and its tolerance.

    The number is `clean`, or the first replica. Roundings `coarse` times too large have spread the replicas so many times.
    """
    precision, number = case.precision, replicas[0] if clean is None else clean
    with np.errstate(invalid="ignore"):
        spread = abs(replicas[1:] - replicas[0]).max(0) if len(replicas) > 1 else np.zeros_like(replicas[0].real)
    tolerance = K * (spread / coarse + precision.u * scale[0]) + precision.tiny
    return Expected(number, np.where(abs(number) < precision.most, tolerance, np.inf))


def settled(moved: Expected, at_rest: Expected) -> Expected:
    """Return numbers with the tolerance that they have with inputs at rest, where moving them gives none."""
    return Expected(moved.value, np.where(np.isfinite(moved.tolerance), moved.tolerance, at_rest.tolerance))


def _passes(case: Case) -> tuple[Pass, Pass]:
    """Return the clean pass and the noisy one, which are one where it costs nothing."""
    precision = case.precision
    if precision.u > COARSE * 2.0**-53:  # the working precision is float64
        both = _pass(case, precision, REPLICAS)
        return both, both
    fast = dataclasses.replace(precision, working=np.complex128 if precision.complex else np.float64)
    clean, noisy = _pass(case, precision, 1, majorants=False), _pass(case, fast, REPLICAS, COARSE)
    if not all(map(_holds_up, noisy.arrays, clean.arrays)):  # float64's range is too short for what long double holds
        noisy = _pass(case, precision, REPLICAS)
    return clean, noisy


@np.errstate(all="ignore")  # what overflows, or is no number, is infinite or none in the result
def _pass(
    case: Case, precision: Precision, replicas: int, coarse: float = 1.0, majorants: bool = True, moved: bool = True
) -> Pass:
    """Run the program once on duals of ensembles: all replicas, points and directions together."""
    noise, sizes = Noise(precision, coarse=coarse), directions(case)
    primals = [replicate(x, precision, noise, replicas, moved) for x in case.inputs]
    entries = basis(case, noise)
    duals = [Dual(x, dx, abs(dx) if majorants else None) for x, dx in zip(primals, entries, strict=True)]
    found = Pass([], [], [], coarse)
    for y in run(case.program, MATHEMATICS, *duals):
        primal = y.x if isinstance(y, Dual) else y
        data = primal.data if isinstance(primal, Ensemble) else np.asarray(primal)[None, None, None]
        if data.dtype.kind not in "fc":  # a comparison's answers are booleans, which do not subtract
            data = data.astype(precision.working)
        shape = data.shape[LEAD:]
        found.outputs.append(broadcast(data, (len(data), case.points, 1, *shape))[:, :, 0])
        full = (case.points, sum(sizes), *shape)
        found.jacobians.append(_split(_component(y, "dx", shape, precision), full, sizes))
        if majorants:
            found.majorants.append(_split(_component(y, "m", shape, precision), full, sizes))
    return found


def basis(case: Case, noise: Noise) -> list[Ensemble]:
    """Return for each input a direction along every entry of all inputs, in order: zeros where it is another's."""
    sizes = directions(case)
    unit = np.eye(sum(sizes), dtype=noise.precision.real)
    found = []
    for x, n, end in zip(case.inputs, sizes, np.cumsum(sizes), strict=True):
        entries = unit[:, end - n : end]
        if case.precision.complex:
            entries = entries[:, : n // 2] + 1j * entries[:, n // 2 :]
        found.append(Ensemble(entries.reshape(1, 1, sum(sizes), *x.shape[1:]), noise))
    return found


def directions(case: Case) -> list[int]:
    """Return how many directions each input has at a point: a complex number moves along 1 and along i."""
    return [math.prod(x.shape[1:]) * (1 + case.precision.complex) for x in case.inputs]


def replicate(x: np.ndarray, precision: Precision, noise: Noise, replicas: int = REPLICAS, moved: bool = True) -> Ensemble:
    """Repeat an input over the replicas, each but the first off by up to a rounding unless it is not to be `moved`."""
    data = np.repeat(x.astype(precision.working)[None, :, None], replicas, axis=0)
    return Ensemble(perturb(data, noise) if moved else data, noise)


def _component(y: Any, name: str, shape: tuple[int, ...], precision: Precision) -> np.ndarray:
    """Return the data of a tangent or majorant; a value without derivative has zeros."""
    part = getattr(y, name, None) if isinstance(y, Dual) else None
    return np.zeros((1, 1, 1, *shape), precision.real) if part is None else part.data


def _split(data: np.ndarray, full: tuple[int, ...], sizes: list[int]) -> list[np.ndarray]:
    data = broadcast(data, (len(data), *full))
    ends = np.cumsum(sizes)
    return [data[:, :, end - n : end] for end, n in zip(ends, sizes, strict=True)]


def _holds_up(noisy: np.ndarray, clean: np.ndarray) -> bool:
    """Whether replicas are finite wherever the clean number is."""
    return bool(np.isfinite(noisy).all()) or bool((np.isfinite(noisy).all(0) | ~np.isfinite(clean[0])).all())


def _by_points(case: Case, one: Callable[[Case], Pass]) -> Pass:
    """Return a pass of all points, each by itself: branches of the program may disagree between them."""
    return _joined([one(case.at(i)) for i in range(case.points)])


def _joined(parts: Sequence[Pass]) -> Pass:
    """Put the passes of single points together."""

    def along_points(arrays: Iterable[np.ndarray]) -> np.ndarray:
        arrays = list(arrays)
        replicas = max(len(a) for a in arrays)
        return np.concatenate([np.broadcast_to(a, (replicas, *a.shape[1:])) for a in arrays], axis=1)

    def each(lists: Iterable[list[np.ndarray]]) -> list[np.ndarray]:
        return [along_points(arrays) for arrays in zip(*lists, strict=True)]

    return Pass(
        each(p.outputs for p in parts),
        [each(rows) for rows in zip(*(p.jacobians for p in parts), strict=True)],
        [each(rows) for rows in zip(*(p.majorants for p in parts), strict=True)],
    )
