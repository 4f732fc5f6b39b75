"""A scalar function of which nothing is known but its values: an output of one's own function, along a direction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

EPS = float(np.finfo(np.float64).eps)
STILL = 100.0  # roundings that a function which does not depend on its argument may move by
STRICT = 3.0  # an estimate that is off by more, in units of its error, is doubtful enough to stop a refutation


@dataclass
class UserLine:
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
    rough: float = 0.0
    size: float = 1.0
    unit: float = 1.0
    slack: float = 0.0
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
