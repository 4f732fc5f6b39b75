"""A number held against finite differences of a function of which nothing is known but its values.

No catalogue says how far the next kink is, nor how fast the function turns. So the differences are taken within
several reaches, each a fraction of the one before: near a kink, or where the function turns quickly, the wide ones say
that they cannot tell. A number is refuted only if two of them refute it and no two contradict each other.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from clinometer.gradcheck.line import EPS, STRICT, UserLine
from clinometer.gradcheck.solvers import Left, left
from clinometer.reference.differences import Estimate, Stencil, derivative, roughness, weights
from clinometer.reference.verdict import SAFETY

REACHES = tuple(2.0**-k for k in (9, 15, 21, 27, 33))  # largest steps, in units of the argument
# Where differences are taken: by how much the argument is scaled, and the largest step.
WINDOWS = ((1.0, math.inf), *((1.0, reach) for reach in REACHES), (8.0, math.inf), (64.0, math.inf))
POOR = 1e-3  # a tolerance above this share of the gradient decides nothing
SPREAD = float(sum(abs(w) for w in weights(Stencil(5, 1).grid, 1)))  # by how much a stencil amplifies noise in the values
SIDE = (0, 1, 2, 3, 4)  # a one-sided stencil
BESIDE = (1, 2, 3, 4, 5)  # the same without the point itself: the limit of f from one side


@dataclass(frozen=True)
class Judgement:
    """What finite differences say of a number."""

    verdict: str  # agrees, refuted, undecided, or what is wrong with the point: kink, jump, edge
    got: float
    estimate: Estimate
    tolerance: float
    fineness: float = 0.0  # the tolerance, in units of the gradient's size
    solved: bool = False  # the tolerance is that of a solver

    @property
    def error(self) -> float:
        """The error of the number in units of its tolerance."""
        off = abs(self.got - float(self.estimate.value))
        return 0.0 if off == 0 else off / self.tolerance if self.tolerance and math.isfinite(off) else math.inf


def estimates(line: UserLine) -> Iterator[Estimate]:
    """Yield estimates of the derivative at zero: as far as seems fit, then nearer and nearer, at last further away."""
    for stretch, reach in WINDOWS:
        found = derivative(lambda t: line(stretch * t), np.float64(0), reach=reach, floor=line.noise + line.rough)  # noqa: B023  # called here
        if np.isfinite(found.value):
            value, step = found.value / stretch, found.step * stretch
            noise = SPREAD * (line.noise + line.rough + line.slack * float(abs(value))) / step
            yield Estimate(value, float(found.error) / stretch + noise, step)


def judge_derivative(
    line: UserLine, got: float, rounding: float, size: float, windows: int = len(WINDOWS), around: Iterable[Left] = ()
) -> Judgement:
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
    around : iterable of Left
        What a solver is seen to leave on other lines through the point, and of which the values are not to be blamed.
    """
    heard = _heard(line, got, rounding, size, windows)
    if heard.verdict == "agrees" or windows < len(WINDOWS):
        return heard
    what = find_singularity(line)
    if what:
        return dataclasses.replace(heard, verdict=what)
    whole = max(size, abs(float(heard.estimate.value)))
    seen = list(around)
    seen = seen if any(it.height for it in seen) else [left(line, whole)]
    height, part = max(it.height for it in seen), max(it.part for it in seen)
    if height == 0:
        return heard
    heard = _heard(line, got, rounding + part * whole, size, windows)
    if heard.verdict != "agrees":
        heard = _heard(dataclasses.replace(line, rough=max(line.rough, height)), got, rounding, size, windows)
    return dataclasses.replace(heard, solved=True)


def _heard(line: UserLine, got: float, rounding: float, size: float, windows: int) -> Judgement:
    """Hold a derivative against differences within some windows; all must have been asked before it is refuted."""
    heard: list[Judgement] = []
    for estimate in itertools.islice(estimates(line), windows):
        one = _compare(line, got, estimate, rounding, size)
        heard.append(one)
        best = min(heard, key=lambda h: h.tolerance)
        # Zero agrees with every function that is flat close by, as one that rounds is; another number must be met.
        met = one.tolerance <= POOR * abs(float(one.estimate.value))
        if one is best and one.verdict == "agrees" and (met or _consistent(heard, SAFETY)):
            return one
    if not heard:
        return Judgement("edge", got, Estimate(np.nan, math.inf, 0.0), math.inf)
    refuting = [h for h in heard if h.verdict == "refuted"]
    certain = windows == len(WINDOWS) and best in refuting and len(refuting) > 1 and _consistent(heard, STRICT)
    certain = certain and not too_steep(line, got) and not _defended(line, got, best.estimate)
    return dataclasses.replace(best, verdict="refuted" if certain else "undecided")


def _compare(line: UserLine, got: float, estimate: Estimate, rounding: float, size: float) -> Judgement:
    tolerance = SAFETY * estimate.error + rounding
    size = max(size, abs(float(estimate.value)))
    size = size if size > tolerance else line.steepness
    still = got == 0 and not line.moves
    fineness = 0.0 if still else tolerance / size if size else math.inf
    off = abs(got - float(estimate.value))
    if not off <= tolerance:
        # What f adds to a number of size one, and takes away again, is lost without a trace in its values.
        lost = SAFETY * (SPREAD * EPS * line.unit / estimate.step + rounding)
        return Judgement("undecided" if off <= tolerance + lost else "refuted", got, estimate, tolerance, fineness)
    return Judgement("agrees" if fineness <= POOR else "undecided", got, estimate, tolerance, fineness)


def _consistent(heard: Sequence[Judgement], factor: float) -> bool:
    """Whether no two estimates contradict each other."""
    return all(_alike(a.estimate, b.estimate, factor) for a, b in itertools.combinations(heard, 2))


def _alike(a: Estimate, b: Estimate, factor: float) -> bool:
    return bool(abs(a.value - b.value) <= factor * (a.error + b.error))


def _defended(line: UserLine, got: float, best: Estimate) -> bool:
    """Whether an estimate agrees with a number that the best one refutes, once the noise of other lines is left out."""
    alone = dataclasses.replace(line, rough=0.0)
    return any(abs(got - e.value) <= STRICT * e.error and not _alike(e, best, STRICT) for e in estimates(alone))


def too_steep(line: UserLine, got: float) -> bool:
    """Whether the derivative may be so large that f moves by its own size between neighbouring numbers, as it seems to."""
    return line.slack * abs(got) > line.size and line.rough > POOR * line.size


# ----- points without a derivative -----


def find_singularity(line: UserLine) -> str:
    """Return what is wrong with the point: "kink" where the slopes to the left and to the right differ, "jump", "edge".

    A bend looks the same from near and far, so it must be seen within most reaches.
    """
    around = [(sign * 5 * step, step) for step in (2.0**-21, 2.0**-27) for sign in (-1, 1)]  # each on one side of the point
    noise = max(line.noise, EPS * line.unit, *(roughness(line, np.float64(t), step) for t, step in around))
    seen = [_within(line, reach / max(BESIDE), noise) for reach in REACHES]
    return next((what for what in ("edge", "jump", "kink") if seen.count(what) > len(seen) / 2), "")


def _within(line: UserLine, step: float, noise: float) -> str:
    """Look to both sides of the point, as far as the steps go."""
    (left, right), limits = ([_beside(line, sign * step, noise, order) for sign in (-1, 1)] for order in (1, 0))
    if not all(math.isfinite(e.error) for e in (left, right, *limits)):
        return "edge"
    if any(abs(limit.value) > SAFETY * limit.error for limit in limits):
        return "jump"
    return "kink" if abs(left.value - right.value) > SAFETY * (left.error + right.error) else ""


def _beside(line: UserLine, step: float, noise: float, order: int) -> Estimate:
    """Return the slope on one side of zero, or the limit (order 0)."""
    grid = SIDE if order else BESIDE
    exact = np.array([float(w) for w in weights(grid, order)])

    def at(step: float) -> float:
        return float(sum(w * line(g * step) for w, g in zip(exact, grid, strict=True)) / step**order)

    value, closer = at(step), at(step / 2)
    return Estimate(closer, abs(value - closer) + float(abs(exact).sum()) * noise / abs(step) ** order, step)
