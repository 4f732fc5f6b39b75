"""The second witness at work on a case: finite differences of its program in plain numpy.

The program runs on ordinary arrays in the working precision, with numpy's own reshape, sum and argmax: neither the
rules nor the rewritings of `traced` take part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.differences import Estimate, derivative
from clinometer.reference.program import run
from clinometer.reference.truth import Case

CURVED = {2, 3, 5, 6}  # the groups of exp, sin, tanh, erf: their scale is one
TURN = 0.5  # how far the argument of such a function may move over the whole stencil
POINTS = 9  # of the stencil: in long double good to nearly float64's own precision


@dataclass
class Watched:
    """Plain numpy under the catalogue's names, watching how near each step comes to a kink.

    Detached values are constants to a derivative, so they are recorded at the centre and replayed beside it.
    """

    frozen: list[Any] | None = None
    detached: list[Any] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)
    curved: list[np.ndarray] = field(default_factory=list)  # arguments of functions that turn within a unit or so

    def __getattr__(self, op: str) -> Callable[..., Any]:
        row = CATALOGUE[op]

        def apply(*args: Any, **params: Any) -> Any:
            if op == "stop_gradient":
                return self._cut(args[0])
            arrays = [np.asarray(a) for a in args[: row.arity]]
            self.distances.append(row.distance(*arrays))
            if row.group in CURVED:
                self.curved.extend(arrays)
            with np.errstate(all="ignore"):
                return row.value(*args, **params)

        return apply

    def _cut(self, x: Any) -> Any:
        self.detached.append(x)
        return x if self.frozen is None else self.frozen[len(self.detached) - 1]


def plain_values(case: Case, point: int = 0) -> list[np.ndarray]:
    """Return the outputs at one point, by plain numpy in the working precision."""
    xs = [x[point].astype(case.precision.working) for x in case.inputs]
    return [np.asarray(y, case.precision.working) for y in run(case.program, Watched(), *xs)]


def directional(case: Case, point: int, tangents: Sequence[np.ndarray], functional: Callable[..., Any]) -> Estimate:
    """Estimate the derivative of `functional(*outputs)` along tangents at one point of a case.

    Parameters
    ----------
    case : Case
    point : int
    tangents : sequence of ndarray
        One an input, of the input's shape at one point.
    functional : callable
        From the outputs to a number.
    """
    working = case.precision.working
    xs = [x[point].astype(working) for x in case.inputs]
    dxs = [np.asarray(dx).astype(working) for dx in tangents]
    centre = Watched()
    here: list[bool] = []
    outputs = run(case.program, centre, *xs, path=here)

    def at(t: Any) -> tuple[Watched, list[bool], tuple[Any, ...]]:
        watched = Watched(frozen=centre.detached)
        path: list[bool] = []
        return watched, path, run(case.program, watched, *(x + t * dx for x, dx in zip(xs, dxs, strict=True)), path=path)

    def clear(t: float) -> bool:
        for sign in (-1, 1):
            try:
                watched, path, ys = at(working(sign * t))
            except np.linalg.LinAlgError:  # a matrix that is singular over there
                return False
            if not all(np.isfinite(y).all() for y, y0 in zip(ys, outputs, strict=True) if np.isfinite(y0).all()):
                return False
            if path != here or len(watched.distances) != len(centre.distances):
                return False
            if any((abs(a - a0) > TURN).any() for a, a0 in zip(watched.curved, centre.curved, strict=True)):
                return False
            if any(d < 0.25 * d0 for d, d0 in zip(watched.distances, centre.distances, strict=True) if math.isfinite(d0)):
                return False
        return True

    noise = max((CATALOGUE[op].roundings for op in case.program.operations()), default=0.0) * 2.0**-53
    reach = 1.0
    while not clear(reach) and reach > 1e-9:
        reach /= 4
    return derivative(lambda t: working(functional(*at(t)[2])), working(0), points=POINTS, reach=reach, noise=noise)


def gradient_entry(case: Case, which: int, place: tuple[int, ...]) -> Estimate:
    """Estimate one entry of the gradient of input `which`; `place` is the point, then the index of the entry."""
    point, *index = place
    tangents = [np.zeros(x.shape[1:]) for x in case.inputs]
    tangents[which][tuple(index)] = 1.0
    cts = [ct[point] for ct in case.cotangents]
    return directional(case, point, tangents, lambda *ys: sum((y * ct).sum() for y, ct in zip(ys, cts, strict=True)))


def tangent_entry(case: Case, which: int, place: tuple[int, ...]) -> Estimate:
    """Estimate one entry of the pushforward at output `which`; `place` is the point, then the index of the entry."""
    point, *index = place
    return directional(case, point, [dx[point] for dx in case.tangents], lambda *ys: np.asarray(ys[which])[tuple(index)])


def value_entry(case: Case, which: int, place: tuple[int, ...]) -> Estimate:
    """Return one entry of the value by plain numpy, with the rounding of the working precision for its error."""
    point, *index = place
    y = plain_values(case, point)[which][tuple(index)]
    return Estimate(y, 16 * float(np.finfo(case.precision.working).eps) * abs(float(y)), 0.0)


WITNESSES = {"value": value_entry, "reverse": gradient_entry, "forward": tangent_entry}
