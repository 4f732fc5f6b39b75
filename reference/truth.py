"""A case, and what must come out of it.

One pass of forward mode over an ensemble gives the values and the whole Jacobian at every point, in extended
precision, with the spread of the replicas and the majorant beside them. A cotangent or a tangent is then a
contraction of that Jacobian.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from clinometer.reference.catalogue import CATALOGUE, MATHEMATICS
from clinometer.reference.dual import Dual
from clinometer.reference.ensemble import LEAD, Ensemble, PointsDisagree
from clinometer.reference.program import Program, run
from clinometer.reference.rounding import PRECISIONS, Noise, Precision

REPLICAS = 8  # the clean one included

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
        return dataclasses.replace(
            self,
            inputs=tuple(x[only] for x in self.inputs),
            tangents=tuple(x[only] for x in self.tangents),
            cotangents=tuple(x[only] for x in self.cotangents),
        )

    @property
    def row(self) -> Any:
        """The catalogue's row, for a program of one step; else None."""
        steps = self.program.steps
        return CATALOGUE[steps[0].op] if len(steps) == 1 and not steps[0].blocks else None

    @cached_property
    def truth(self) -> Truth:
        """What must come out: computed once, when first asked for."""
        return Truth.of(self)

    def settle(self) -> None:
        """Keep the numbers of a truth that was asked for, and let go of what they were made of: tens of times as much."""
        truth = self.__dict__.get("truth")
        if truth is not None and truth.outputs:
            settled = Truth(self, [], [], [])
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
    """Values and Jacobians of a case, with tolerances.

    `outputs[k]` has shape (replicas, points, *out). `jacobians[k][i]` has shape
    (replicas, points, size of input i, *out) and `majorants[k][i]` the same with one replica.
    """

    case: Case
    outputs: list[np.ndarray]
    jacobians: list[list[np.ndarray]]
    majorants: list[list[np.ndarray]]

    @classmethod
    def of(cls, case: Case) -> Truth:
        """Compute the truth, point by point where branches of the program disagree between points."""
        try:
            return _whole(case)
        except PointsDisagree:
            return _joined(case, [_whole(case.at(i)) for i in range(case.points)])

    @cached_property
    def values(self) -> list[Expected]:
        """What each output must be."""
        return [_expect(y, np.abs(y[:1]), self.case) for y in self.outputs]

    @cached_property
    def gradients(self) -> list[Expected]:
        """What the pullback of the case's cotangents must be, for each input."""
        return self.pull(self.case.cotangents)

    def pull(self, cotangents: Sequence[np.ndarray]) -> list[Expected]:
        """Contract the Jacobian with cotangents of shape (points, *out): one gradient an input."""
        found = []
        for i, x in enumerate(self.case.inputs):
            replicas = scale = np.zeros((1, *x.shape), self.case.precision.working)
            for k, ct in enumerate(cotangents):
                jacobian, majorant = self.jacobians[k][i], self.majorants[k][i]
                replicas = replicas + _contracted(jacobian, ct).reshape(len(jacobian), *x.shape)
                scale = scale + _contracted(majorant, abs(ct)).reshape(1, *x.shape)
            found.append(_expect(replicas, scale, self.case))
        return found

    @cached_property
    def tangents(self) -> list[Expected]:
        """What the pushforward of the case's tangents must be, for each output."""
        found = []
        for k in range(len(self.outputs)):
            total = scale = np.zeros((1, 1), self.case.precision.working)
            for i, dx in enumerate(self.case.tangents):
                jacobian, majorant = self.jacobians[k][i], self.majorants[k][i]
                dx = dx.reshape(1, len(dx), -1, *(1,) * (jacobian.ndim - LEAD)).astype(jacobian.dtype)
                total = total + (jacobian * dx).sum(2)
                scale = scale + (majorant * abs(dx)).sum(2)
            found.append(_expect(total, scale, self.case))
        return found


def _contracted(jacobian: np.ndarray, ct: np.ndarray) -> np.ndarray:
    """Sum a Jacobian of shape (replicas, points, entries, *out) against cotangents (points, *out)."""
    out = tuple(range(LEAD, jacobian.ndim))
    return (jacobian * ct.astype(jacobian.dtype)[None, :, None]).sum(out)


def _expect(replicas: np.ndarray, scale: np.ndarray, case: Case) -> Expected:
    """Turn replicas and a scale into a number and its tolerance."""
    precision = case.precision
    with np.errstate(invalid="ignore"):
        spread = abs(replicas[1:] - replicas[0]).max(0) if len(replicas) > 1 else np.zeros_like(replicas[0])
    return Expected(replicas[0], K * (spread + precision.u * scale[0]) + precision.tiny)


def _whole(case: Case) -> Truth:
    """Run the program once on duals of ensembles: all replicas, points and directions together."""
    precision, noise = case.precision, Noise(case.precision)
    sizes = [math.prod(x.shape[1:]) for x in case.inputs]
    primals = [_replicate(x, precision, noise) for x in case.inputs]
    duals = []
    for i, (x, primal) in enumerate(zip(case.inputs, primals, strict=True)):
        basis = np.zeros((1, 1, sum(sizes), sizes[i]), precision.working)
        start = sum(sizes[:i])
        basis[0, 0, start : start + sizes[i]] = np.eye(sizes[i])
        direction = Ensemble(basis.reshape(1, 1, sum(sizes), *x.shape[1:]), noise)
        duals.append(Dual(primal, direction, direction))
    outputs, jacobians, majorants = [], [], []
    for y in run(case.program, MATHEMATICS, *duals):
        primal = y.x if isinstance(y, Dual) else y
        data = primal.data if isinstance(primal, Ensemble) else np.asarray(primal)[None, None, None]
        data = data.astype(precision.working, copy=False)  # a comparison's answers are booleans, which do not subtract
        shape = data.shape[LEAD:]
        outputs.append(np.broadcast_to(data, (len(data), case.points, 1, *shape))[:, :, 0])
        full = (case.points, sum(sizes), *shape)
        jacobians.append(_split(_component(y, "dx", shape, precision), full, sizes))
        majorants.append(_split(_component(y, "m", shape, precision), full, sizes))
    return Truth(case, outputs, jacobians, majorants)


def _replicate(x: np.ndarray, precision: Precision, noise: Noise) -> Ensemble:
    """Repeat an input over the replicas, each off by up to a rounding."""
    data = np.repeat(x.astype(precision.working)[None, :, None], REPLICAS, axis=0)
    data[1:] += data[1:] * (noise.draw(data[1:].shape) * noise.u)
    return Ensemble(data, noise)


def _component(y: Any, name: str, shape: tuple[int, ...], precision: Precision) -> np.ndarray:
    """Return the data of a tangent or majorant; a value without derivative has zeros."""
    part = getattr(y, name, None) if isinstance(y, Dual) else None
    return np.zeros((1, 1, 1, *shape), precision.working) if part is None else part.data


def _split(data: np.ndarray, full: tuple[int, ...], sizes: list[int]) -> list[np.ndarray]:
    data = np.broadcast_to(data, (len(data), *full))
    ends = np.cumsum(sizes)
    return [data[:, :, end - n : end] for end, n in zip(ends, sizes, strict=True)]


def _joined(case: Case, parts: list[Truth]) -> Truth:
    """Put the truths of single points together."""

    def along_points(arrays: list[np.ndarray]) -> np.ndarray:
        replicas = max(len(a) for a in arrays)
        return np.concatenate([np.broadcast_to(a, (replicas, *a.shape[1:])) for a in arrays], axis=1)

    def nested(name: str) -> list[list[np.ndarray]]:
        first = getattr(parts[0], name)
        return [
            [along_points([getattr(p, name)[k][i] for p in parts]) for i in range(len(case.inputs))] for k in range(len(first))
        ]

    outputs = [along_points([p.outputs[k] for p in parts]) for k in range(len(parts[0].outputs))]
    return Truth(case, outputs, nested("jacobians"), nested("majorants"))
