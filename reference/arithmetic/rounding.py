"""Rounding: the unit roundoff of each dtype, and the noise that imitates it."""

from __future__ import annotations

import functools
import math
import os
from dataclasses import dataclass, replace
from typing import NamedTuple

import ml_dtypes  # noqa: F401  # gives numpy the name bfloat16
import numpy as np


@dataclass(frozen=True)
class Precision:
    """A floating-point format: unit roundoff, smallest normal and largest number, and where the reference works for it."""

    name: str
    u: float
    tiny: float
    largest: float
    working: type[np.inexact]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.name)

    @property
    def most(self) -> float:
        """The size of numbers of which something is claimed: beyond it a format may overflow on the way."""
        return self.largest / 8

    @property
    def real(self) -> type[np.floating]:
        """Where the reference works with the parts of numbers."""
        return np.zeros((), self.working).real.dtype.type

    @property
    def complex(self) -> bool:
        """Whether its numbers are complex."""
        return self.working is not self.real


class Accuracy(NamedTuple):
    """How well a function is known that is not known to half a rounding."""

    reference: float  # error of our own value, in roundings of float64
    vendor: float  # error that a library may have, in roundings of its dtype
    floor: float = 0.0  # both are relative to the value or, near a zero of the function, to this


NARROW = "CLINOMETER_NARROW_LONGDOUBLE"  # set to 1, it makes this machine one on which long double has float64's digits

# The widest real type that there is. Where numpy's longdouble has no more digits than float64 (Windows, Apple silicon), that
# is float64: the truth for float64 is then as precise as it, and the tolerance as wide as its noise.
EXTENDED: type[np.floating] = (
    np.longdouble
    if np.finfo(np.longdouble).eps < np.finfo(np.float64).eps and os.environ.get(NARROW, "0") != "1"
    else np.float64
)
EXTENDED_COMPLEX: type[np.complexfloating] = np.clongdouble if EXTENDED is np.longdouble else np.complex128

# The reference works with at least 29 bits more than float32 has, and 11 more than float64 where there are so many (x86).
PRECISIONS = {
    "float16": Precision("float16", 2.0**-11, 2.0**-14, 65504.0, np.float64),
    "bfloat16": Precision("bfloat16", 2.0**-8, 2.0**-126, float(np.finfo(np.float32).max), np.float64),
    "float32": Precision("float32", 2.0**-24, 2.0**-126, float(np.finfo(np.float32).max), np.float64),
    "float64": Precision("float64", 2.0**-53, 2.0**-1022, float(np.finfo(np.float64).max), EXTENDED),
}
# Of a complex number each part is rounded; what is promised is relative to its modulus.
PRECISIONS["complex64"] = replace(PRECISIONS["float32"], name="complex64", working=np.complex128)
PRECISIONS["complex128"] = replace(PRECISIONS["float64"], name="complex128", working=EXTENDED_COMPLEX)


class RoundingNoise:
    """Random relative errors up to the unit roundoff, from one pool that a seed fixes.

    Monte Carlo arithmetic (Parker, 1997) draws a fresh number for each rounding. Slices of one large pool at
    moving offsets cost a tenth of that and are as good for a spread over a few replicas.
    """

    SIZE = 1 << 18
    _pools: dict[type, np.ndarray] = {}

    def __init__(self, precision: Precision, seed: int = 0, coarse: float = 1.0):
        self.precision = precision
        self.u = precision.u
        self.size = precision.u * coarse  # of a rounding as it is made here
        self._pool = self._make(precision.real)
        self._factors = self._around_one(precision, self.size)
        self._at = (seed * 7919) % self.SIZE

    @classmethod
    def _make(cls, working: type[np.floating]) -> np.ndarray:
        if working not in cls._pools:
            cls._pools[working] = np.random.default_rng(20_1997).uniform(-1, 1, cls.SIZE).astype(working)
        return cls._pools[working]

    @classmethod
    @functools.cache
    def _around_one(cls, precision: Precision, size: float) -> np.ndarray:
        """Return 1 + size z: long double leaves eleven bits to a z of float64, and where it is no wider, eps has to do."""
        return 1 + cls._make(precision.real) * max(size, float(np.finfo(precision.real).eps))

    def draw(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return numbers in [-1, 1] in the working precision."""
        return self._slice(self._pool, shape)

    def factors(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return numbers in [1 - size, 1 + size]: to multiply by them is one pass, and keeps infinities."""
        return self._slice(self._factors, shape)

    def _slice(self, pool: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        n = math.prod(shape)
        start = self._advance(n)
        if n > self.SIZE // 2:
            return np.resize(np.roll(pool, start), shape)
        if start + n > self.SIZE:
            start = self._at = (start * 31 + 17) % (self.SIZE - n)
        return pool[start : start + n].reshape(shape)

    def _advance(self, n: int) -> int:
        start = self._at
        self._at = (start + n + 1) % self.SIZE
        return start
