"""An answer held against the truth, and against the second witness before anybody is blamed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clinometer.reference.case import Case
from clinometer.reference.catalogue.special import many_digits
from clinometer.reference.differences import Estimate
from clinometer.reference.truth.expected import Expected
from clinometer.reference.witness import estimated, roundings

SAFETY = 10.0  # an error estimate of finite differences is trusted up to this factor
FAR = 10.0  # tolerances: so far from both witnesses is wrong whichever is right, each being off by one at most


@dataclass(frozen=True)
class Disagreement:
    """The worst entry of an answer outside its tolerance."""

    mode: str  # value, reverse, forward, or of higher order "reverse-over-forward" and the like: which claim
    which: int  # which input (reverse) or output
    place: tuple[int, ...]  # point, then index
    got: Any
    expected: Any
    tolerance: Any
    error: float  # in units of the tolerance
    times: float = 1.0  # see `Expected`
    outcome: str = "fail"  # fail, invalid or inconclusive, once the second witness has been heard
    witness: Estimate | None = None

    def conjugate(self) -> Disagreement:
        """Return what the conjugates of both sides disagree about."""
        heard = self.witness and self.witness.conjugate()
        return replace(self, got=np.conjugate(self.got), expected=np.conjugate(self.expected), witness=heard)


def errors_in_tolerances(got: np.ndarray, expected: Expected) -> np.ndarray:
    """Return the error of each entry in units of its tolerance; equal infinities and NaNs agree."""
    want = expected.value
    with np.errstate(all="ignore"):
        error = np.abs(got.astype(want.dtype) - want) / expected.tolerance
        got = got.astype(want.dtype)
        same = (got == want) | (np.isnan(got) & np.isnan(want)) | np.isinf(expected.tolerance)
    return np.where(same, 0.0, np.where(np.isnan(error), np.inf, error)).astype(np.float64)


def worst_disagreement(got: np.ndarray, expected: Expected, mode: str, which: int) -> Disagreement | None:
    """Return the entry that is furthest outside its tolerance, or None if all agree."""
    with np.errstate(all="ignore"):
        if (np.abs(got.astype(expected.value.dtype) - expected.value) <= expected.tolerance).all():
            return None  # nearly always, and without the passes for infinities and NaNs
    error = errors_in_tolerances(got, expected)
    if not (error > 1).any():
        return None
    place = tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))
    return Disagreement(
        mode, which, place, got[place], expected.value[place], expected.tolerance[place], float(error[place]), expected.times
    )


def ask_second_witness(case: Case, found: Disagreement) -> Disagreement:
    """Ask the second witness about a disagreement.

    It is `fail` where both witnesses speak against the backend, `invalid` where they contradict each other (our
    defect), `inconclusive` where finite differences cannot tell, not even of values with all digits.
    """
    heard = _heard(case, found)
    if heard.outcome == "inconclusive" and roundings(case.program):
        with many_digits():
            heard = _heard(case, found)
    if heard.outcome == "inconclusive" and found.mode != "value" and _scalar(case):
        with contextlib.suppress(TypeError, AttributeError, ValueError, ArithmeticError):  # what takes no objects
            from clinometer.reference.digits import exact  # here, not above: mpmath takes a tenth of a second

            heard = _heard(case, found, exact(case, found.mode, found.which, found.place))
    return heard


def _scalar(case: Case) -> bool:
    """Whether a case is of one operation that works on one real number after the other."""
    return case.row is not None and case.row.form == "elementwise" and not case.precision.complex


def _heard(case: Case, found: Disagreement, estimate: Estimate | None = None) -> Disagreement:
    estimate = estimate or estimated(case, found.mode, found.which, found.place)
    if found.times != 1.0:
        estimate = estimate.times(found.times)
    return Disagreement(**{**vars(found), "witness": estimate, "outcome": _decide(found, estimate, blur(case))})


def blur(case: Case) -> float:
    """Return how far off the truth's own numbers may be, in units of the tolerance."""
    digits = max(float(np.finfo(case.precision.real).eps), roundings(case.program) * 2.0**-53)
    return min(1.0, digits / case.precision.u)


def _decide(found: Disagreement, estimate: Estimate, blur: float) -> str:
    doubt = SAFETY * estimate.error
    if not np.isfinite([estimate.value, doubt, found.expected]).all() or np.isnan(found.tolerance):
        return "inconclusive"  # of a tolerance: rounding alone may leave the domain of a function
    apart = abs(estimate.value - found.expected)
    if apart > doubt + found.tolerance:
        return "invalid"
    got = np.asarray(found.got).astype(type(estimate.value))
    off = abs(estimate.value - got)
    # Who blames has to tell what is right from what was got. Witnesses that are as one, to the digits of the truth, are both
    # against it; and where they are not quite, what is far from either is wrong whichever of them is right.
    as_one = apart <= doubt + blur * found.tolerance and not off <= doubt
    return "fail" if as_one or off > doubt + FAR * found.tolerance else "inconclusive"


def check_truth(case: Case, mode: str, which: int, place: tuple[int, ...], expected: Expected) -> Disagreement | None:
    """Hold the truth itself against the second witness, at one entry; None if they agree, as they must."""
    found = Disagreement(mode, which, place, expected.value[place], expected.value[place], expected.tolerance[place], 0.0)
    heard = _heard(case, found)
    return heard if heard.outcome == "invalid" else None
