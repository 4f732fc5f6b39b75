"""A number held against finite differences of a function of which nothing is known but its values.

No catalogue says how far the next kink is, nor how fast the function turns. So the differences are taken within
several reaches, each a fraction of the one before: near a kink, or where the function turns quickly, the wide ones say
that they cannot tell. A number is refuted only if two of them refute it and no two contradict each other.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.reference.differences import Estimate, Stencil, derivative, roughness, weights
from clinometer.reference.verdict import SAFETY

REACHES = tuple(2.0**-k for k in (9, 15, 21, 27, 33))  # in units of the argument itself
WINDOWS = ((1.0, math.inf), *((1.0, reach) for reach in REACHES), (64.0, math.inf))  # how far t is stretched, and a reach
EPS = float(np.finfo(np.float64).eps)
STRICT = 3.0  # an estimate that is off by more, in units of its error, is doubtful enough to stop a refutation
POOR = 1e-3  # of a gradient's size: with a wider tolerance there is nothing to decide
SPREAD = float(sum(abs(w) for w in weights(Stencil(5, 1).grid, 1)))  # what a stencil makes of the noise of values
STILL = 100.0  # roundings that a function which does not depend on its argument may move by
SIDE = (0, 1, 2, 3, 4)  # a stencil that looks one way
BESIDE = (1, 2, 3, 4, 5)  # the same without the point itself: where does f go to?
AROUND = tuple(2.0**-k for k in (0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 18))  # how far around the point pieces are looked for
NODES = 32  # of Chebyshev's, at which they are
FAINT = 1e-4  # of a gradient's size: what steeper pieces a function is made of are meant, and not left by a solver


@dataclass
class Line:
    """<cotangent, f(x + t dx) - f(x)> of one output: a scalar function of t, which is zero at zero.

    Parameters
    ----------
    at : callable
        From t to that number; not-a-number where f has no value.
    noise : float
        How far the rounding of f's values may move it.
    rough : float
        How far it is seen to be moved close by.
    size : float
        Of the values that the differences are taken of.
    unit : float
        Of the cotangent.
    slack : float
        How far the rounding of x + t dx may move t.
    wide : float
        How far t goes until x moves by the size of the largest entries beside those that move.
    """

    at: Callable[[float], float]
    noise: float
    rough: float
    size: float
    unit: float
    slack: float
    wide: float = 1.0
    seen: dict[float, float] = field(default_factory=lambda: {0.0: 0.0})

    def __call__(self, t: Any) -> np.float64:
        t = float(t)
        if t not in self.seen:
            self.seen[t] = self.at(t)
        return np.float64(self.seen[t])

    @property
    def moves(self) -> bool:
        """Whether it was ever seen to differ from zero."""
        return any(value != 0 for value in self.seen.values())

    @property
    def steepness(self) -> float:
        """What a derivative of it is to be compared with, where its own is zero."""
        if max(map(abs, self.seen.values())) <= STILL * self.noise:
            return self.size
        far = max(abs(t) for t, value in self.seen.items() if math.isfinite(value))
        return max(abs(self.seen.get(t, 0.0)) for t in (-far, far)) / far


@dataclass(frozen=True)
class Heard:
    """What finite differences say of a number."""

    verdict: str  # agrees, refuted, undecided, or what is wrong with the point: kink, jump, edge
    got: float
    estimate: Estimate
    tolerance: float
    fineness: float = 0.0  # the tolerance, in units of the gradient's size

    @property
    def error(self) -> float:
        """The error of the number in units of its tolerance."""
        off = abs(self.got - float(self.estimate.value))
        return 0.0 if off == 0 else off / self.tolerance if self.tolerance and math.isfinite(off) else math.inf


def estimates(line: Line) -> Iterator[Estimate]:
    """Yield estimates of the derivative at zero: as far as seems fit, then nearer and nearer, at last further away."""
    for stretch, reach in WINDOWS:
        found = derivative(lambda t: line(stretch * t), np.float64(0), reach=reach, floor=line.noise + line.rough)  # noqa: B023  # called here
        if np.isfinite(found.value):
            value, step = found.value / stretch, found.step * stretch
            noise = SPREAD * (line.noise + line.rough + line.slack * float(abs(value))) / step
            yield Estimate(value, float(found.error) / stretch + noise, step)


def judge(line: Line, got: float, rounding: float, size: float, windows: int = len(WINDOWS)) -> Heard:
    """Hold a derivative against finite differences.

    Parameters
    ----------
    line : Line
    got : float
    rounding : float
        How far rounding may have moved `got`.
    size : float
        Of the gradient that `got` is an entry of.
    windows : int
        How many estimates to make before giving up.
    """
    heard: list[Heard] = []
    for estimate in itertools.islice(estimates(line), windows):
        one = _compare(line, got, estimate, rounding, size)
        heard.append(one)
        best = min(heard, key=lambda h: h.tolerance)
        # Zero agrees with every function that is flat close by, as one that rounds is; another number must be met.
        met = one.tolerance <= POOR * abs(float(one.estimate.value))
        if one is best and one.verdict == "agrees" and (met or _consistent([h.estimate for h in heard], SAFETY)):
            return one
    if not heard:
        return Heard("edge", got, Estimate(np.nan, math.inf, 0.0), math.inf)
    if windows < len(WINDOWS):
        return dataclasses.replace(best, verdict="undecided")
    # What f's own pieces are steep by, differences cannot know better.
    pieces = max((w for w in unsmooth(line) if w <= FAINT * max(size, abs(float(best.estimate.value)))), default=0.0)
    if pieces:
        heard = [_compare(line, got, h.estimate, rounding + pieces, size) for h in heard]
        best = min(heard, key=lambda h: h.tolerance)
        if best.verdict == "agrees" and _consistent([h.estimate for h in heard], SAFETY):
            return best
    refuting = [h for h in heard if h.verdict == "refuted"]
    certain = best in refuting and len(refuting) > 1 and _consistent([h.estimate for h in heard], STRICT)
    certain = certain and not wild(line, got) and not _defended(line, got, best.estimate)
    return dataclasses.replace(best, verdict=bend(line) or ("refuted" if certain else "undecided"))


def _compare(line: Line, got: float, estimate: Estimate, rounding: float, size: float) -> Heard:
    tolerance = SAFETY * estimate.error + rounding
    size = max(size, abs(float(estimate.value)))
    size = size if size > tolerance else line.steepness
    still = got == 0 and not line.moves
    fineness = 0.0 if still else tolerance / size if size else math.inf
    off = abs(got - float(estimate.value))
    if not off <= tolerance:
        # What f adds to a number of size one, and takes away again, is lost without a trace in its values.
        lost = SAFETY * (SPREAD * EPS * line.unit / estimate.step + rounding)
        return Heard("undecided" if off <= tolerance + lost else "refuted", got, estimate, tolerance, fineness)
    return Heard("agrees" if fineness <= POOR else "undecided", got, estimate, tolerance, fineness)


def _consistent(found: Sequence[Estimate], factor: float) -> bool:
    pairs = itertools.combinations(found, 2)
    return all(abs(a.value - b.value) <= factor * (a.error + b.error) for a, b in pairs)


def _defended(line: Line, got: float, best: Estimate) -> bool:
    """Whether an estimate agrees with a number that the best one refutes, once the noise of other lines is left out."""
    alone = dataclasses.replace(line, rough=0.0)
    return any(abs(got - e.value) <= STRICT * e.error and not _consistent([e, best], STRICT) for e in estimates(alone))


def wild(line: Line, got: float) -> bool:
    """Whether the derivative may be so large that f moves by its own size between neighbouring numbers, as it seems to."""
    return line.slack * abs(got) > line.size and line.rough > POOR * line.size


def unsmooth(line: Line) -> Iterator[float]:
    """Yield how steep that part of f is which no smooth function has, within several reaches.

    Chebyshev's coefficients of a smooth function fall until rounding hides them. A solver that stops when it is good enough, or
    chooses its steps, leaves pieces or waves whose coefficients stay where they are: around the derivative that
    its author means, the slope of its values is off by as much as these are steep.
    """
    angles = np.pi * (np.arange(NODES) + 0.5) / NODES
    transform = np.cos(np.outer(np.arange(NODES), angles)) * 2 / NODES
    wider = itertools.takewhile(lambda a: a > max(AROUND), (line.wide * 2.0**-k for k in itertools.count()))
    for reach in (*wider, *AROUND):
        coefficients = abs(transform @ np.array([line(reach * t) for t in np.cos(angles)]))
        middle, last = coefficients[NODES // 2 : -NODES // 4].max(), coefficients[-NODES // 4 :].max()
        if last > max(middle / 10, SAFETY * (line.noise + line.rough)):  # not so where a value is not-a-number
            steep = np.arange(NODES) * coefficients / reach
            yield STRICT * float(steep[NODES // 2 :].max())


# ----- points without a derivative -----


def bend(line: Line) -> str:
    """Return what is wrong with the point: "kink" where the slopes to the left and to the right differ, "jump", "edge".

    A bend looks the same from near and far, so it must be seen within most reaches.
    """
    around = [(sign * 5 * step, step) for step in (2.0**-21, 2.0**-27) for sign in (-1, 1)]  # each on one side of the point
    noise = max(line.noise, EPS * line.unit, *(roughness(line, np.float64(t), step) for t, step in around))
    seen = [_within(line, reach / max(BESIDE), noise) for reach in REACHES]
    return next((what for what in ("edge", "jump", "kink") if seen.count(what) > len(seen) / 2), "")


def _within(line: Line, step: float, noise: float) -> str:
    """Look to both sides of the point, as far as the steps go."""
    (left, right), limits = ([_beside(line, sign * step, noise, order) for sign in (-1, 1)] for order in (1, 0))
    if not all(math.isfinite(e.error) for e in (left, right, *limits)):
        return "edge"
    if any(abs(limit.value) > SAFETY * limit.error for limit in limits):
        return "jump"
    return "kink" if abs(left.value - right.value) > SAFETY * (left.error + right.error) else ""


def _beside(line: Line, step: float, noise: float, order: int) -> Estimate:
    """Return the slope on one side of zero, or the limit (order 0)."""
    grid = SIDE if order else BESIDE
    exact = np.array([float(w) for w in weights(grid, order)])

    def at(step: float) -> float:
        return float(sum(w * line(g * step) for w, g in zip(exact, grid, strict=True)) / step**order)

    value, closer = at(step), at(step / 2)
    return Estimate(closer, abs(value - closer) + float(abs(exact).sum()) * noise / abs(step) ** order, step)
