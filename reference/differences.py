"""The second witness: adaptive finite differences of the plain numpy function, with an error estimate.

The method of FiniteDifferences.jl: exact rational weights; a first stencil estimates how large the next
derivative is near the point; the step then balances roundoff against truncation, and the same balance is the
error estimate. Two things are added to it: the noise is measured, not taken for the spacing of the type, and half the
step is tried too. Nothing here knows a derivative rule.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

CONDITION = 10.0  # assumed size of a derivative where none can be estimated (FiniteDifferences.DEFAULT_CONDITION)
WIDEST = 1000.0  # largest step, in units of the default one
FINE = 1e-4  # of the scout's step: so short that a sixth difference sees nothing but noise


class Tried(NamedTuple):
    """A finite difference by one step."""

    step: float
    value: Any
    error: Any  # of truncation and roundoff
    taken: bool = False


@dataclass(frozen=True)
class Estimate:
    """A derivative, how far off it may be, and how it was found."""

    value: Any
    error: Any
    step: float
    tried: tuple[Tried, ...] = ()

    def times(self, factor: Any) -> Estimate:
        """Return the estimate of a multiple."""
        size = abs(factor)
        tried = (it._replace(value=factor * it.value, error=size * it.error) for it in self.tried)
        return Estimate(factor * self.value, size * self.error, self.step, tuple(tried))

    def plus(self, other: Estimate) -> Estimate:
        """Return the estimate of a sum, such as that of a real and an imaginary part."""
        return Estimate(self.value + other.value, self.error + other.error, self.step, self.tried + other.tried)

    def conjugate(self) -> Estimate:
        """Return the estimate of the complex conjugate."""
        tried = (it._replace(value=np.conjugate(it.value)) for it in self.tried)
        return Estimate(np.conjugate(self.value), self.error, self.step, tuple(tried))


@functools.cache
def weights(grid: tuple[int, ...], order: int) -> tuple[Fraction, ...]:
    """Return the weights of the stencil on `grid` that is exact for polynomials of degree below its length.

    Solves the Vandermonde system sum_j w_j g_j^i = order! [i = order] in rational numbers.
    """
    n = len(grid)
    rows = [[Fraction(g) ** i for g in grid] + [Fraction(math.factorial(order) if i == order else 0)] for i in range(n)]
    for i in range(n):
        pivot = next(r for r in range(i, n) if rows[r][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [a / rows[i][i] for a in rows[i]]
        for r in range(n):
            if r != i and rows[r][i] != 0:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return tuple(row[-1] for row in rows)


@dataclass(frozen=True)
class Stencil:
    """A central difference for the derivative of some order, on `points` points."""

    points: int
    order: int

    @property
    def grid(self) -> tuple[int, ...]:
        """Multiples of the step: symmetric, with 0 for an odd number of points only."""
        half = self.points // 2
        return tuple(g for g in range(-half, half + 1) if g or self.points % 2)

    @functools.cache  # noqa: B019  # a handful of stencils, asked thousands of times
    def weights(self, kind: type, shift: int = 0) -> np.ndarray:
        """Return the weights for the derivative at `shift` steps from the centre."""
        exact = weights(tuple(g - shift for g in self.grid), self.order)
        return np.array([kind(w.numerator) / kind(w.denominator) for w in exact])

    def balance(self, derivative: Any, roundoff: Any) -> tuple[Any, Any]:
        """Return the step that balances truncation against roundoff, and the error that is then left.

        Parameters
        ----------
        derivative : float
            Size of the derivative of order `points` near the point.
        roundoff : float
            Error of a function value.
        """
        c1, c2 = self._coefficients(derivative, roundoff)
        step = (self.order / (self.points - self.order) * (c1 / c2)) ** (1 / self.points)
        return step, self.error(step, derivative, roundoff)

    def error(self, step: Any, derivative: Any, roundoff: Any) -> Any:
        """Return the bound on the error at a given step."""
        c1, c2 = self._coefficients(derivative, roundoff)
        return c1 * step**-self.order + c2 * step ** (self.points - self.order)

    def _coefficients(self, derivative: Any, roundoff: Any) -> tuple[Any, Any]:
        spread, remainder = self._sizes()
        return roundoff * spread, derivative * remainder

    @functools.cache  # noqa: B019  # as above
    def _sizes(self) -> tuple[float, float]:
        exact = weights(self.grid, self.order)
        remainder = sum(abs(w * g**self.points) for w, g in zip(exact, self.grid, strict=True)) / math.factorial(self.points)
        return float(sum(abs(w) for w in exact)), float(remainder)

    def apply(self, values: np.ndarray, step: Any, shift: int = 0) -> Any:
        """Combine function values on the grid."""
        weights = self.weights(values.dtype.type, shift)  # type: ignore[arg-type]  # mypy takes it for unhashable
        return (values * weights).sum() / step**self.order


@np.errstate(all="ignore")  # what overflows, or is no number, shows in the estimate
def derivative(
    f: Callable[[Any], Any],
    x: Any,
    *,
    order: int = 1,
    points: int = 5,
    reach: float = math.inf,
    noise: float = 0.0,
    floor: float = 0.0,
) -> Estimate:
    """Estimate a derivative of f at x, f'(x) unless another order is asked for, and its error.

    Parameters
    ----------
    f : callable
        Scalar function of a scalar, of the floating type of `x`.
    x : numpy floating
        Its type sets the precision.
    order : int
        Less than `points`.
    points : int
        Of the stencil; the adaptive one has two more.
    reach : float
        Largest distance from x at which f is evaluated: no step crosses a kink or an edge of the domain.
    noise : float
        Relative error of f's values, if it is known to be more than a rounding.
    floor : float
        Absolute error of f's values, where they are differences of larger numbers.

    Returns
    -------
    Estimate
        `error` estimates the worst case of truncation and roundoff, after `reach` has been respected.
    """
    kind, f = type(x), functools.cache(f)  # stencils of different steps share points
    stencil = Stencil(points, order)

    def at(step: float, grid: Sequence[int]) -> np.ndarray:
        return np.array([f(x + kind(g) * kind(step)) for g in grid])

    first, values, bound, noise = _scouted(f, x, at, points, reach, floor, noise)
    if not np.isfinite(bound):
        return Estimate(kind(np.nan), math.inf, first)
    step = _limited(stencil, stencil.balance(bound, noise)[0], float(np.finfo(kind).eps), reach)

    def by(step: float, values: np.ndarray, taken: bool = False) -> Tried:
        return Tried(step, stencil.apply(values, kind(step)), stencil.error(step, bound, noise), taken)

    # The scout's grid has one more point at each end.
    tried = (
        by(first, values[1:-1]),
        by(step, at(step, stencil.grid), taken=True),
        by(step / 2, at(step / 2, stencil.grid)),
    )
    _, best, half = tried
    # A function that turns faster than the scout's step looks flat to it; half the step then gives another number.
    return Estimate(best.value, max(best.error, float(abs(best.value - half.value))), step, tried)


def _scouted(
    f: Callable[[Any], Any],
    x: Any,
    at: Callable[[float, Sequence[int]], np.ndarray],
    points: int,
    reach: float,
    floor: float,
    noise: float,
) -> tuple[float, np.ndarray, float, float]:
    """Return a first step, the values on its grid, a bound of the derivative that truncation leaves, and the values' noise."""
    eps, tiny = float(np.finfo(type(x)).eps), float(np.finfo(type(x)).tiny)
    scout = Stencil(points + 2, points)
    first = _limited(scout, scout.balance(CONDITION, eps)[0], eps, reach)
    values = at(first, scout.grid)
    bound = max(abs(scout.apply(values, type(x)(first), shift)) for shift in (-1, 0, 1))
    size = max(abs(values))
    if not (np.isfinite(bound) and np.isfinite(size)):
        return first, values, math.inf, math.inf
    if float(bound) == 0 or float(size) == 0:
        return first, values, CONDITION, max(eps, floor)
    # The scout's own roundoff bounds what it can tell from zero.
    noise = max(float(np.spacing(size)), noise * float(size), floor, eps * tiny, roughness(f, x, first * FINE))
    return first, values, float(bound), noise


def roughness(f: Callable[[Any], Any], x: Any, step: float) -> float:
    """Return the size of the noise in f's values near x, from their differences (Hamming; Moré & Wild 2011).

    A function that computes in fewer digits than its type has (scipy's, on long doubles) is noisier than a spacing.
    """
    values = np.array([f(x + type(x)(k) * type(x)(step)) for k in range(-4, 5)])
    differences = np.diff(values, 6).astype(np.float64)
    return math.sqrt(float(np.mean(differences**2)) * math.factorial(6) ** 2 / math.factorial(12))


def _limited(stencil: Stencil, step: Any, eps: float, reach: float) -> float:
    default = stencil.balance(CONDITION, eps)[0]
    return float(min(step, WIDEST * default, reach / max(stencil.grid)))
