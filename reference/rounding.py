"""Rounding: the unit roundoff of each dtype, and the noise that imitates it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Precision:
    """A floating-point format: unit roundoff, smallest normal number, and where the reference works for it."""

    name: str
    u: float
    tiny: float
    working: type[np.floating]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.name)


# The reference works with at least 29 bits more than float32 has, and 11 more than float64 where long double is
# wider (x86); elsewhere np.longdouble is float64 itself and the tolerance is as wide as its noise.
PRECISIONS = {
    "float32": Precision("float32", 2.0**-24, float(np.finfo(np.float32).tiny), np.float64),
    "float64": Precision("float64", 2.0**-53, float(np.finfo(np.float64).tiny), np.longdouble),
}


class Noise:
    """Random relative errors up to the unit roundoff, from one pool that a seed fixes.

    Monte Carlo arithmetic (Parker, 1997) draws a fresh number for each rounding. Slices of one large pool at
    moving offsets cost a tenth of that and are as good for a spread over a few replicas.
    """

    SIZE = 1 << 15
    _pools: dict[type, np.ndarray] = {}

    def __init__(self, precision: Precision, seed: int = 0):
        self.precision = precision
        self.u = precision.u
        self._pool = self._make(precision.working)
        self._at = (seed * 7919) % self.SIZE

    @classmethod
    def _make(cls, working: type[np.floating]) -> np.ndarray:
        if working not in cls._pools:
            cls._pools[working] = np.random.default_rng(20_1997).uniform(-1, 1, cls.SIZE).astype(working)
        return cls._pools[working]

    def draw(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return numbers in [-1, 1] in the working precision."""
        n = int(np.prod(shape))
        if n > self.SIZE // 2:
            return np.resize(np.roll(self._pool, self._advance(n)), shape)
        start = self._advance(n)
        if start + n > self.SIZE:
            start = self._at = (start * 31 + 17) % (self.SIZE - n)
        return self._pool[start : start + n].reshape(shape)

    def _advance(self, n: int) -> int:
        start = self._at
        self._at = (start + n + 1) % self.SIZE
        return start
