"""The second witness at work on a case: finite differences of its program in plain numpy.

The program runs on ordinary arrays in the working precision, with numpy's own reshape, sum and argmax: neither the
rules nor the rewritings of `traced` take part.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dispatch import clean
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, Domain, Operation
from clinometer.reference.catalogue.special import EXACTLY
from clinometer.reference.differences import Estimate, derivative
from clinometer.reference.program.control_flow import PathDiverged, PythonControlFlow, ReplayedPath
from clinometer.reference.program.data import Program
from clinometer.reference.program.interpreter import run

TURN = 0.5  # how far the argument of such a function may move over the whole stencil
NEAR = 0.75  # of the way to the nearest kink or edge
POINTS = 9  # of the stencil: in long double good to nearly float64's own precision


@dataclass
class Plain:
    """Plain numpy under the catalogue's names.

    Detached values are constants to a derivative, so they are recorded at the centre and replayed beside it.
    """

    frozen: list[Any] | None = None
    detached: list[Any] = field(default_factory=list)

    def __getattr__(self, op: str) -> Callable[..., Any]:
        return CATALOGUE[op].value

    def stop_gradient(self, x: Any) -> Any:
        """Return a value as it is at the centre."""
        self.detached.append(clean(x))
        return self.detached[-1] if self.frozen is None else self.frozen[len(self.detached) - 1]


@dataclass
class Watched(Plain):
    """The same, watching how near each step comes to a kink."""

    distances: list[float] = field(default_factory=list)
    guarded: list[tuple[Any, np.ndarray]] = field(
        default_factory=list
    )  # how far an argument may move, all or each entry, and it
    curved: list[np.ndarray] = field(default_factory=list)  # arguments of functions that turn within a unit or so

    def __getattr__(self, op: str) -> Callable[..., Any]:
        row = CATALOGUE[op]

        def apply(*args: Any, **params: Any) -> Any:
            self._watch(row, args)
            with np.errstate(all="ignore"):
                return row.value(*args, **params)

        return apply

    def _watch(self, row: Operation, args: Sequence[Any]) -> None:
        arrays = [np.asarray(clean(a)) for a in args[: row.arity]]  # of duals too: a derivative may be part of a program
        self.distances.append(row.distance(*arrays))
        if row.distinct or row.joint:  # kinks that entries have together
            self.guarded += [(self.distances[-1], a) for a in arrays]
        else:
            self.guarded += [(d.distance(a.real), a) for d, a in zip(row.domains, arrays, strict=True) if d != Domain()]
        if row.group.curved:
            self.curved.extend(arrays)


def plain_values(case: Case, point: int = 0) -> list[np.ndarray]:
    """Return the outputs at one point, by plain numpy in the working precision."""
    xs = [x[point].astype(case.precision.working) for x in case.inputs]
    ys = [np.asarray(y) for y in run(case.program, Watched(), *xs)]
    return [y if y.dtype.kind in "fc" else y.astype(case.precision.working) for y in ys]


class Line:
    """A program along a straight line through one point of a case.

    Parameters
    ----------
    case : Case
    point : int
    tangents : sequence of ndarray
        One an input, of the input's shape at one point.
    """

    def __init__(self, case: Case, point: int, tangents: Sequence[np.ndarray]):
        self.program, self.working, self.real = case.program, case.precision.working, case.precision.real
        self.xs = [x[point].astype(self.working) for x in case.inputs]
        self.dxs = [np.asarray(dx).astype(self.working) for dx in tangents]
        self.moves = [bool(dx.any()) for dx in self.dxs]
        self.frozen: list[Any] | None = None
        self.centre, self.path, self.outputs = self.watched(self.real(0))
        self.frozen = self.centre.detached

    def at(self, t: Any) -> list[np.ndarray]:
        """Return the inputs x + t dx."""
        return [x + t * dx if moves else x for x, dx, moves in zip(self.xs, self.dxs, self.moves, strict=True)]

    def watched(self, t: Any) -> tuple[Watched, list[bool], tuple[Any, ...]]:
        """Run the program at x + t dx."""
        watched, flow = Watched(self.frozen), PythonControlFlow() if self.frozen is None else ReplayedPath(self.path)
        ys = run(self.program, watched, *self.at(t), flow=flow)
        return watched, flow.path, ys

    def values(self, t: Any) -> tuple[Any, ...]:
        """Return the outputs at x + t dx: between points that have been watched, most of the work."""
        return run(self.program, Plain(self.frozen), *self.at(t), flow=ReplayedPath(self.path))

    def clear(self, t: float) -> bool:
        """Whether the points at t and -t lie on this side of every kink, edge and branch."""
        return self._clear(self.real(t)) and self._clear(self.real(-t))

    def _clear(self, t: Any) -> bool:
        try:
            watched, path, ys = self.watched(t)
        except (np.linalg.LinAlgError, PathDiverged):  # a matrix that is singular over there, or another branch
            return False
        before = self.centre
        if not all(np.isfinite(y).all() for y, y0 in zip(ys, self.outputs, strict=True) if np.isfinite(y0).all()):
            return False
        if len(path) != len(self.path) or len(watched.guarded) != len(before.guarded):
            return False
        if any((abs(a - a0) > TURN).any() for a, a0 in zip(watched.curved, before.curved, strict=True)):
            return False
        # The ends may be far from a kink that lies between them: so what counts is how far each argument has moved.
        return not any(
            (abs(now - then) > np.where(np.isfinite(d) & (d > 0), NEAR * d, np.inf)).any()
            for (_, now), (d, then) in zip(watched.guarded, before.guarded, strict=True)
        )


def roundings(program: Program) -> float:
    """Return the error of plain numpy's values, in roundings of float64, where it is not that of the working precision."""
    return max((CATALOGUE[op].roundings for op in program.operations()), default=0.0)


@np.errstate(all="ignore")  # what overflows, or is no number, shows in the estimate
def directional(lines: Sequence[tuple[int, Line]], functional: Callable[..., Any], order: int = 1) -> Estimate:
    """Estimate a sum of derivatives of `functional(*outputs)` along lines.

    Parameters
    ----------
    lines : sequence of (int, Line)
        Each with its weight.
    functional : callable
        From the outputs to a number.
    order : int
        Of the derivative.
    """
    real, program = lines[0][1].real, lines[0][1].program
    noise = roundings(program) * 2.0**-53 * (not EXACTLY.get())
    reach = 1.0
    while not all(line.clear(reach) for _, line in lines) and reach > 1e-9:
        reach /= 4

    def f(t: Any) -> Any:
        try:
            return real(sum(weight * functional(*line.values(t)) for weight, line in lines))
        except PathDiverged:  # between two ends that are on it
            return real(math.nan)

    # Values of several lines may cancel; what rounding each of them leaves does not.
    size = real(sum(abs(weight * functional(*line.outputs)) for weight, line in lines))
    floor = float(np.spacing(size)) if np.isfinite(size) else math.inf
    return derivative(f, real(0), order=order, points=POINTS + 4 * (order - 1), reach=reach, noise=noise, floor=floor)


def against(cotangents: Sequence[np.ndarray]) -> Callable[..., Any]:
    """Return the functional Re <cotangents, outputs>."""
    weights = [np.conjugate(ct) for ct in cotangents]
    return lambda *ys: sum((y * w).sum().real for y, w in zip(ys, weights, strict=True))


def unit(case: Case, which: int, index: Sequence[int]) -> list[np.ndarray]:
    """Return the direction along one entry of input `which`."""
    tangents = [np.zeros(x.shape[1:]) for x in case.inputs]
    tangents[which][tuple(index)] = 1.0
    return tangents


def gradient_entry(case: Case, which: int, place: tuple[int, ...]) -> Estimate:
    """Estimate one entry of the gradient of input `which`; `place` is the point, then the index of the entry."""
    point, *index = place
    functional = against([ct[point] for ct in case.cotangents])
    along = unit(case, which, index)
    found = directional([(1, Line(case, point, along))], functional)
    if not case.precision.complex:
        return found
    across = directional([(1, Line(case, point, [1j * dx for dx in along]))], functional)
    return found.plus(across.times(1j))


def tangent_entry(case: Case, which: int, place: tuple[int, ...]) -> Estimate:
    """Estimate one entry of the pushforward at output `which`; `place` is the point, then the index of the entry."""
    point, *index = place
    line = Line(case, point, [dx[point] for dx in case.tangents])

    def part(name: str) -> Estimate:
        return directional([(1, line)], lambda *ys: getattr(np.asarray(ys[which])[tuple(index)], name))

    found = part("real")
    if np.asarray(line.outputs[which]).dtype.kind != "c":
        return found
    return found.plus(part("imag").times(1j))


def value_entry(case: Case, which: int, place: tuple[int, ...]) -> Estimate:
    """Return one entry of the value by plain numpy, with the rounding of the working precision for its error."""
    point, *index = place
    y = plain_values(case, point)[which][tuple(index)]
    return Estimate(y, 16 * float(np.finfo(case.precision.real).eps) * float(abs(y)), 0.0)


# D^n F[v, ..., v, e] from n-th derivatives along single directions e + k v (polarization): a divisor, then weight and k.
POLARIZED = {2: (4, ((1, 1), (-1, -1))), 3: (6, ((1, 1), (1, -1), (-2, 0)))}


def higher_entry(case: Case, which: int, place: tuple[int, ...], order: int) -> Estimate:
    """Estimate one entry of `Case.higher`; `place` is the point, then the index of the entry."""
    point, *index = place
    divisor, terms = POLARIZED[order]
    entry = unit(case, which, index)
    lines = [
        (weight, Line(case, point, [e + k * dx[point] for e, dx in zip(entry, case.tangents, strict=True)]))
        for weight, k in terms
    ]
    found = directional(lines, against([ct[point] for ct in case.cotangents]), order)
    return found.times(type(found.value)(1) / divisor)


OVER = "-over-"  # between the steps of a mode of higher order

WITNESSES: dict[str, Callable[[Case, int, tuple[int, ...]], Estimate]] = {
    "value": value_entry,
    "reverse": gradient_entry,
    "forward": tangent_entry,
}


def witness(mode: str) -> Callable[[Case, int, tuple[int, ...]], Estimate]:
    """Return who is heard about a mode; of higher order a mode names its steps, as "forward-over-reverse"."""
    order = len(mode.split(OVER))
    return WITNESSES[mode] if order == 1 else functools.partial(higher_entry, order=order)


def estimated(case: Case, mode: str, which: int, place: tuple[int, ...]) -> Estimate:
    """Return what the second witness says of an entry.

    Clauses share cases: what it has said once it is not asked again, and of higher order it looks at no nesting.
    """
    said = case.__dict__.setdefault("said", {})
    key = (mode if OVER not in mode else mode.count(OVER), which, place, EXACTLY.get())
    if key not in said:
        said[key] = witness(mode)(case, which, place)
    return said[key]
