"""What must come out: a number, and how far from it an answer may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.reference.arithmetic.rounding import Precision

# The one constant of all tolerances. Largest error of a right answer, in units of spread + u * majorant: 1.6 over
# 10 000 random programs in four dtypes, about 2.5 over single operations.
K = 4.0


@dataclass(frozen=True)
class Expected:
    """Numbers, and how far from each an answer may be: arrays of shape (points, ...) in the working precision."""

    value: np.ndarray
    tolerance: np.ndarray
    times: float = 1.0  # the truth of the problem: gradients that have accumulated are a multiple of it

    def __rmul__(self, factor: float) -> Expected:
        return Expected(factor * self.value, abs(factor) * self.tolerance, factor * self.times)

    def adrift(self, precision: Precision) -> bool:
        """Whether noise has left the domain of a function: somewhere a number has a tolerance that is none."""
        return bool((~np.isfinite(self.tolerance) & (abs(self.value) < precision.most)).any())


def expect(
    replicas: np.ndarray, scale: np.ndarray, precision: Precision, clean: np.ndarray | None = None, coarse: float = 1.0
) -> Expected:
    """Turn replicas and a scale into a number and its tolerance.

    The number is `clean`, or the first replica. Roundings `coarse` times too large have spread the replicas so many times.
    """
    number = replicas[0] if clean is None else clean
    with np.errstate(invalid="ignore"):
        spread = abs(replicas[1:] - replicas[0]).max(0) if len(replicas) > 1 else np.zeros_like(replicas[0].real)
    tolerance = K * (spread / coarse + precision.u * scale[0]) + precision.tiny
    return Expected(number, np.where(abs(number) < precision.most, tolerance, np.inf))


def settled(moved: Expected, at_rest: Expected) -> Expected:
    """Return numbers with the tolerance that they have with inputs at rest, where moving them gives none."""
    return Expected(moved.value, np.where(np.isfinite(moved.tolerance), moved.tolerance, at_rest.tolerance))
