"""The second witness: finite differences that know how good they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest

from clinometer.reference.differences import Estimate, Stencil, derivative, roughness, weights

# The golden values are FiniteDifferences.jl's for central_fdm(5, 1)(sin, 1.0).
GOLDEN_STEP = 0.001065235154086019
GOLDEN_ERROR = 1.9541865128909085e-13


def fractions(text: str) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, text.split()))


# Fornberg (1988), tables 1 and 3.
KNOWN = [
    ((-1, 0, 1), 1, "-1/2 0 1/2"),
    ((-1, 1), 1, "-1/2 1/2"),
    ((-2, -1, 0, 1, 2), 1, "1/12 -2/3 0 2/3 -1/12"),
    ((-3, -2, -1, 0, 1, 2, 3), 1, "-1/60 3/20 -3/4 0 3/4 -3/20 1/60"),
    ((-1, 0, 1), 2, "1 -2 1"),
    ((-2, -1, 0, 1, 2), 2, "-1/12 4/3 -5/2 4/3 -1/12"),
    ((-2, -1, 0, 1, 2), 3, "-1/2 1 0 -1 1/2"),
    ((-2, -1, 0, 1, 2), 4, "1 -4 6 -4 1"),
    ((0, 1), 1, "-1 1"),
    ((0, 1, 2), 1, "-3/2 2 -1/2"),
    ((0, 1, 2, 3, 4), 1, "-25/12 4 -3 4/3 -1/4"),
]

# Smooth functions, with points: easy, steep, flat, far out, near an edge, of a short scale.
FUNCTIONS: list[tuple[str, Callable, Callable, tuple[float, ...]]] = [
    ("sin", np.sin, mpmath.sin, (0.0, 1.0, 1.5, -7.0, 100.0)),
    ("cos", np.cos, mpmath.cos, (0.0, 0.5, 3.0)),
    ("exp", np.exp, mpmath.exp, (-20.0, 0.0, 1.0, 20.0)),
    ("log", np.log, mpmath.log, (1.5, 10.0, 1e5)),
    ("sqrt", np.sqrt, mpmath.sqrt, (1.5, 400.0)),
    ("tanh", np.tanh, mpmath.tanh, (0.0, 0.5, 4.0)),
    ("atan", np.arctan, mpmath.atan, (0.0, 1.0, 30.0)),
    ("cube", lambda x: x * x * x, lambda x: x**3, (0.0, 1.0, -5.0)),
    ("constant", lambda x: x * 0 + 3, lambda x: mpmath.mpf(3), (0.0, 2.0)),
    ("line", lambda x: 3 * x - 1, lambda x: 3 * x - 1, (0.0, 2.0)),
    ("small", lambda x: np.sin(x) / 2**40, lambda x: mpmath.sin(x) / 2**40, (0.0, 1.0)),
    ("large", lambda x: np.sin(x) * 2**40, lambda x: mpmath.sin(x) * 2**40, (0.0, 1.0)),
    ("bell", lambda x: np.exp(-x * x), lambda x: mpmath.exp(-x * x), (0.0, 0.5, 2.0)),
    ("narrow", lambda x: x / np.sqrt(x * x + 2.0**-10), lambda x: x / mpmath.sqrt(x * x + mpmath.mpf(2) ** -10), (0.0, 0.125)),
    ("quick", lambda x: np.sin(32 * x), lambda x: mpmath.sin(32 * x), (0.0, 1.0)),
    ("coarse", lambda x: np.sin(x).astype(np.float32).astype(x.dtype), mpmath.sin, (0.5, 1.0, 2.0)),
    ("coarse argument", lambda x: np.sin(x.astype(np.float32)).astype(x.dtype), mpmath.sin, (0.5, 1.0, 2.0)),
]
POINTS = [pytest.param(f, g, x, id=f"{name}({x:g})") for name, f, g, xs in FUNCTIONS for x in xs]


def true_error(found: Estimate, function: Callable, x: float) -> float:
    with mpmath.workdps(50):
        return float(abs(mpmath.mpf(str(np.format_float_scientific(found.value, 30))) - mpmath.diff(function, mpmath.mpf(x))))


def test_sin_at_one_is_the_golden_case() -> None:
    """Step, error estimate and actual error of sin at 1 on five points are those of FiniteDifferences.jl."""
    found = derivative(np.sin, np.float64(1.0), points=5)
    assert found.step == pytest.approx(GOLDEN_STEP, rel=1e-14)
    assert found.error == pytest.approx(GOLDEN_ERROR, rel=1e-14)
    assert abs(found.value - math.cos(1.0)) == pytest.approx(2.1e-14, rel=0.05)


@pytest.mark.parametrize(("grid", "order", "expected"), KNOWN)
def test_known_stencils_come_out_exactly(grid: tuple[int, ...], order: int, expected: str) -> None:
    """The weights of the stencils that every textbook prints are those fractions, not near them."""
    assert weights(grid, order) == fractions(expected)


@pytest.mark.parametrize("grid", [(-1, 0, 1), (-3, -1, 2, 5), (0, 1, 2, 3, 4, 5), tuple(range(-5, 6))])
def test_weights_are_exact_on_polynomials(grid: tuple[int, ...]) -> None:
    """A stencil of n points differentiates every polynomial of degree below n without any error."""
    for order in range(1, len(grid)):
        found = weights(grid, order)
        for degree in range(len(grid)):
            exact = math.factorial(order) if degree == order else 0
            assert sum(w * Fraction(g) ** degree for w, g in zip(found, grid, strict=True)) == exact


def test_the_grid_is_symmetric_and_has_its_centre_for_odd_numbers_only() -> None:
    """An even stencil leaves the point itself out."""
    assert Stencil(5, 1).grid == (-2, -1, 0, 1, 2)
    assert Stencil(4, 1).grid == (-2, -1, 1, 2)


def test_the_balanced_step_is_the_best_one() -> None:
    """The error bound at the balanced step is below the bound at any other step."""
    stencil = Stencil(5, 1)
    step, error = stencil.balance(10.0, 1e-16)
    assert all(stencil.error(step * factor, 10.0, 1e-16) > error for factor in (0.25, 0.9, 1.1, 4.0))


def test_long_double_is_good_to_the_precision_of_float64() -> None:
    """With nine points in long double the derivative of sin is right to 1e-16."""
    for x in np.linspace(-3, 3, 25, dtype=np.longdouble):
        assert abs(derivative(np.sin, x, points=9).value - np.cos(x)) < 1e-16


@pytest.mark.parametrize("kind", [np.float64, np.longdouble])
@pytest.mark.parametrize(("f", "g", "x"), POINTS)
def test_the_error_estimate_bounds_the_error(f: Callable, g: Callable, x: float, kind: type) -> None:
    """The true error is at most three times its estimate, on every function and point tried."""
    found = derivative(f, kind(x), points=9)
    assert true_error(found, g, x) <= 3 * found.error


@pytest.mark.parametrize(("f", "g", "x"), [p for p in POINTS if "coarse" not in str(p.id)])
def test_the_error_estimate_is_of_use(f: Callable, g: Callable, x: float) -> None:
    """The estimate is no shrug: in float64 it stays below 1e-8 of the function's own size or slope."""
    found = derivative(f, np.float64(x), points=9)
    assert found.error <= 1e-14 + 1e-8 * max(abs(float(f(np.float64(x)))), abs(float(found.value)))


@pytest.mark.parametrize("reach", [1e-6, 1e-3, 0.1, 1.0])
@pytest.mark.parametrize("points", [3, 5, 9])
def test_no_step_goes_beyond_the_reach(reach: float, points: int) -> None:
    """The function is never asked further away than `reach`, scouting included."""
    asked: list[float] = []

    def watched(x: Any) -> Any:
        asked.append(float(x))
        return np.exp(x)

    derivative(watched, np.float64(2.0), points=points, reach=reach)
    assert max(abs(x - 2.0) for x in asked) <= reach * (1 + 1e-9)


def test_a_kink_is_not_crossed() -> None:
    """Beside a kink that the reach stops short of, the derivative is that of the side it is on."""
    x = np.longdouble(2.0**-16)
    found = derivative(np.abs, x, points=9, reach=2.0**-17)
    assert abs(found.value - 1) <= 3 * found.error <= 1e-12
    across = derivative(np.abs, x, points=9)
    assert abs(across.value - 1) > 1e-3  # or the test above would prove nothing


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_function_that_is_not_finite_has_no_estimate(value: float) -> None:
    """Not-a-number or infinity anywhere on the grid gives a NaN with an infinite error."""
    found = derivative(lambda x: x if x <= 0 else type(x)(value), np.float64(0.0))
    assert math.isnan(found.value)
    assert found.error == math.inf


def test_noise_is_measured_where_it_is_larger_than_a_spacing() -> None:
    """A sine rounded to float32 is found to be noisy by about a spacing of float32, and in full precision it is not."""
    x, step = np.float64(1.0), 1e-5
    assert 1e-9 < roughness(lambda t: np.float64(np.float32(np.sin(t))), x, step) < 1e-7
    assert roughness(np.sin, x, step) < 1e-16


def test_coarser_types_have_larger_steps() -> None:
    """The step grows as the precision falls: float32, float64, long double."""
    steps = [derivative(np.sin, kind(1.0)).step for kind in (np.longdouble, np.float64, np.float32)]
    assert all(a < b for a, b in pairwise(steps))
