"""What must come out of a problem: values and first derivatives, with the tolerance of every number.

One pass of forward mode over an ensemble gives the values and the whole Jacobian at every point, in extended
precision, with the spread of the replicas and the majorant beside them. A cotangent or a tangent is then a
contraction of that Jacobian.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dual import Dual
from clinometer.reference.arithmetic.linear_maps import broadcast
from clinometer.reference.arithmetic.replicas import LEAD, PointsDisagree, ReplicaArray
from clinometer.reference.arithmetic.rounding import Precision, RoundingNoise
from clinometer.reference.arithmetic.summation import LETTERS, einsum
from clinometer.reference.catalogue import MATHEMATICS
from clinometer.reference.program.interpreter import run
from clinometer.reference.truth.expected import Expected, expect, settled
from clinometer.reference.truth.problem import REPLICAS, Problem, basis, directions, replicate

# Long double is ten times slower than float64. So replicas of float64 are computed in float64, with roundings that are so
# many times too large that its own are a percent of them; what they do is as many times too large.
COARSE = 128.0


class Truth:
    """Values and derivatives of a problem, with tolerances: each computed once, when first asked for.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem):
        self.problem = problem

    @cached_property
    def passes(self) -> tuple[Pass, Pass]:
        """One replica in the working precision, and the replicas that spread, with majorants.

        A scale of roundings need not have more digits than they. Both are made point by point where branches of the
        program disagree between points.
        """
        try:
            return _passes(self.problem)
        except PointsDisagree:
            both = _by_points(self.problem, lambda one: _pass(one, one.precision, REPLICAS))
            return both, both

    @cached_property
    def values(self) -> list[Expected]:
        """What each output must be."""
        return self._expected(lambda run: [(y, np.abs(y[:1])) for y in run.outputs])

    @cached_property
    def gradients(self) -> list[Expected]:
        """What the pullback of the problem's cotangents must be, for each input."""
        return self.pull(self.problem.cotangents)

    def pull(self, cotangents: Sequence[np.ndarray]) -> list[Expected]:
        """Contract the Jacobian with cotangents of shape (points, *out): one gradient an input."""
        return self._expected(lambda run: run.pull(self.problem, cotangents))

    @cached_property
    def tangents(self) -> list[Expected]:
        """What the pushforward of the problem's tangents must be, for each output."""
        return self._expected(lambda run: run.push(self.problem))

    def _expected(self, of: Callable[[Pass], list[tuple[np.ndarray, np.ndarray]]]) -> list[Expected]:
        clean_pass, noisy_pass = self.passes
        precision, noisy = self.problem.precision, of(noisy_pass)
        clean = noisy if clean_pass is noisy_pass else of(clean_pass)
        found = [
            expect(replicas, scale, precision, number[0], noisy_pass.coarse)
            for (number, _), (replicas, scale) in zip(clean, noisy, strict=True)
        ]
        if not any(e.adrift(precision) for e in found):
            return found
        at_rest = [expect(*r, precision) for r in of(self.at_rest)]
        return [settled(e, still) for e, still in zip(found, at_rest, strict=True)]

    @property
    def dependent(self) -> list[bool]:
        """Whether each output has a derivative in any input that is not zero."""
        return [any(map(np.any, jacobians)) for jacobians in self.passes[1].jacobians]

    @cached_property
    def at_rest(self) -> Pass:
        """The replicas of inputs that no rounding has moved, which is what a library is given.

        Noise on inputs stands for the condition of a problem. At the edge of a domain it steps over: 0 to the power of
        1 - 1 is 1, and to that of 1 - (1 + u) infinite.
        """
        return _by_points(self.problem, lambda one: _pass(one, one.precision, REPLICAS, moved=False))

    def release(self) -> None:
        """Keep the numbers, and let go of the passes that they were made of: tens of times as much memory."""
        if "passes" in self.__dict__:
            _ = self.values, self.gradients, self.tangents
            self.__dict__.pop("at_rest", None)
            del self.passes


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

    def pull(self, problem: Problem, cotangents: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the replicas and the scale of each gradient."""
        found = []
        for i, x in enumerate(problem.inputs):
            replicas = scale = np.zeros((1, *x.shape))
            for k, ct in enumerate(cotangents):
                along = _contracted(self.jacobians[k][i], ct)
                bound = _contracted(self.majorants[k][i], abs(ct)) if self.majorants else np.zeros_like(along[:1])
                if problem.precision.complex:  # directions 1, then directions i
                    n = along.shape[-1] // 2
                    along, bound = along[..., :n] + 1j * along[..., n:], np.maximum(bound[..., :n], bound[..., n:])
                replicas = replicas + along.reshape(len(along), *x.shape)
                scale = scale + bound.reshape(1, *x.shape)
            found.append((replicas, scale))
        return found

    def push(self, problem: Problem) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the replicas and the scale of each tangent."""
        found = []
        for k, jacobians in enumerate(self.jacobians):
            replicas = scale = np.zeros((1, 1))
            for i, (jacobian, dx) in enumerate(zip(jacobians, problem.tangents, strict=True)):
                out = LETTERS[: jacobian.ndim - LEAD]
                dx = dx.reshape(len(dx), -1)
                if problem.precision.complex:
                    dx = np.concatenate([dx.real, dx.imag], axis=1)
                dx = dx.astype(jacobian.real.dtype)
                replicas = replicas + einsum([f"RPI{out}", "PI"], f"RP{out}", jacobian, dx)
                if self.majorants:
                    scale = scale + einsum([f"RPI{out}", "PI"], f"RP{out}", self.majorants[k][i], abs(dx))
            found.append((replicas, scale))
        return found


def _contracted(jacobian: np.ndarray, ct: np.ndarray) -> np.ndarray:
    """Sum a Jacobian of shape (replicas, points, entries, *out) against cotangents (points, *out): Re <ct, J>."""
    out = LETTERS[: jacobian.ndim - LEAD]
    return einsum([f"RPI{out}", f"P{out}"], "RPI", jacobian, np.conjugate(ct).astype(jacobian.dtype)).real


def _passes(problem: Problem) -> tuple[Pass, Pass]:
    """Return the clean pass and the noisy one, which are one where it costs nothing."""
    precision = problem.precision
    if precision.u > COARSE * 2.0**-53:  # the working precision is float64
        both = _pass(problem, precision, REPLICAS)
        return both, both
    fast = dataclasses.replace(precision, working=np.complex128 if precision.complex else np.float64)
    clean, noisy = _pass(problem, precision, 1, majorants=False), _pass(problem, fast, REPLICAS, COARSE)
    if not all(map(_holds_up, noisy.arrays, clean.arrays)):  # float64's range is too short for what long double holds
        noisy = _pass(problem, precision, REPLICAS)
    return clean, noisy


@np.errstate(all="ignore")  # what overflows, or is no number, is infinite or none in the result
def _pass(
    problem: Problem, precision: Precision, replicas: int, coarse: float = 1.0, majorants: bool = True, moved: bool = True
) -> Pass:
    """Run the program once on duals of ensembles: all replicas, points and directions together."""
    noise, sizes = RoundingNoise(precision, coarse=coarse), directions(problem)
    primals = [replicate(x, precision, noise, replicas, moved) for x in problem.inputs]
    entries = basis(problem, noise)
    duals = [Dual(x, dx, abs(dx) if majorants else None) for x, dx in zip(primals, entries, strict=True)]
    found = Pass([], [], [], coarse)
    for y in run(problem.program, MATHEMATICS, *duals):
        primal = y.x if isinstance(y, Dual) else y
        data = primal.data if isinstance(primal, ReplicaArray) else np.asarray(primal)[None, None, None]
        if data.dtype.kind not in "fc":  # a comparison's answers are booleans, which do not subtract
            data = data.astype(precision.working)
        shape = data.shape[LEAD:]
        found.outputs.append(broadcast(data, (len(data), problem.points, 1, *shape))[:, :, 0])
        full = (problem.points, sum(sizes), *shape)
        found.jacobians.append(_split(_component(y, "dx", shape, precision), full, sizes))
        if majorants:
            found.majorants.append(_split(_component(y, "m", shape, precision), full, sizes))
    return found


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


def _by_points(problem: Problem, one: Callable[[Problem], Pass]) -> Pass:
    """Return a pass of all points, each by itself: branches of the program may disagree between them."""
    return _joined([one(problem.at(i)) for i in range(problem.points)])


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
