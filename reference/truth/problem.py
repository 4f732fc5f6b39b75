"""A problem: a program and concrete inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from clinometer.reference.arithmetic.replicas import ReplicaArray, perturb
from clinometer.reference.arithmetic.rounding import PRECISIONS, Precision, RoundingNoise
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.data import Program

REPLICAS = 8  # the clean one included


@dataclass(frozen=True)
class Problem:
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
        """How many points the problem batches."""
        return len(self.inputs[0]) if self.inputs else 1

    @property
    def precision(self) -> Precision:
        """The floating-point format that the backend is to work in."""
        return PRECISIONS[self.dtype]

    def at(self, point: int) -> Self:
        """Return the problem of one point alone."""
        only = slice(point, point + 1)
        inputs, tangents, cotangents = (tuple([x[only] for x in xs]) for xs in (self.inputs, self.tangents, self.cotangents))
        return type(self)(self.program, inputs, tangents, cotangents, self.dtype)

    @property
    def row(self) -> Any:
        """The catalogue's row, for a program of one step; else None."""
        steps = self.program.steps
        return CATALOGUE[steps[0].op] if len(steps) == 1 and not steps[0].blocks else None


def basis(problem: Problem, noise: RoundingNoise) -> list[ReplicaArray]:
    """Return for each input a direction along every entry of all inputs, in order: zeros where it is another's."""
    sizes = directions(problem)
    unit = np.eye(sum(sizes), dtype=noise.precision.real)
    found = []
    for x, n, end in zip(problem.inputs, sizes, np.cumsum(sizes), strict=True):
        entries = unit[:, end - n : end]
        if problem.precision.complex:
            entries = entries[:, : n // 2] + 1j * entries[:, n // 2 :]
        found.append(ReplicaArray(entries.reshape(1, 1, sum(sizes), *x.shape[1:]), noise))
    return found


def directions(problem: Problem) -> list[int]:
    """Return how many directions each input has at a point: a complex number moves along 1 and along i."""
    return [math.prod(x.shape[1:]) * (1 + problem.precision.complex) for x in problem.inputs]


def replicate(
    x: np.ndarray, precision: Precision, noise: RoundingNoise, replicas: int = REPLICAS, moved: bool = True
) -> ReplicaArray:
    """Repeat an input over the replicas, each but the first off by up to a rounding unless it is not to be `moved`."""
    data = np.repeat(x.astype(precision.working)[None, :, None], replicas, axis=0)
    return ReplicaArray(perturb(data, noise) if moved else data, noise)
