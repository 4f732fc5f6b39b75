"""Functions that a solver computes: the gradient of what it solves is not blamed for its tolerance, and a wrong one is found.

The solvers are written by hand, one for each way in which values differ from those that are meant. Each has the gradient of
the exact solution, by the implicit function theorem or from a solver that is a thousand times more careful.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from custom import known_pullback

from clinometer.backends.reference.adapter import Reference
from clinometer.gradcheck import GradientReport, check_gradients
from clinometer.gradcheck.line import UserLine
from clinometer.gradcheck.solvers import NEAR, jumps

Values = Callable[[np.ndarray], np.ndarray]


def told(f: Callable[..., Any], *args: Any, backend: Any = "autograd", **how: Any) -> GradientReport:
    """Return the report on a function, whatever is wrong with it."""
    return check_gradients(f, *args, backend=backend, raise_exception=False, **how)


# ----- solvers -----


def fixed_point(stop: float) -> Values:
    """Return the solver of y = x cos(y) that goes on until a step is shorter than `stop`: all entries together."""

    def solve(x: np.ndarray) -> np.ndarray:
        y = np.full_like(x, 0.5)
        for _ in range(400):
            y, before = x * np.cos(y), y
            if np.max(abs(y - before)) < stop:
                break
        return y

    return solve


def bisected(stop: float) -> Values:
    """Return the solver of y = x cos(y) that halves an interval until it is as short as `stop`: a staircase."""

    def solve(x: np.ndarray) -> np.ndarray:
        low, high = np.zeros_like(x), np.full_like(x, 1.5)
        while np.max(high - low) > stop:
            middle = (low + high) / 2
            above = middle > x * np.cos(middle)
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return (low + high) / 2

    return solve


def cosine_slope(x: np.ndarray) -> np.ndarray:
    """Return dy/dx of y = x cos(y)."""
    y = fixed_point(1e-16)(x)
    return np.cos(y) / (1 + x * np.sin(y))


def adaptive(tolerance: float) -> Values:
    """Return the solver of y' = cos(4 t) - y^2 from 0 to 1 that chooses its steps, by Heun's method: waves and jumps."""

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        return np.cos(4 * t) - y * y

    def solve(y: np.ndarray) -> np.ndarray:
        t, step = 0.0, 0.1
        while t < 1:
            step = min(step, 1 - t)
            one = slope(t, y)
            two = slope(t + step, y + step * one)
            error = float(np.max(abs(step * (two - one)) / 2)) / tolerance
            if error <= 1:
                t, y = t + step, y + step * (one + two) / 2
            step *= min(max(0.9 / np.sqrt(max(error, 1e-10)), 0.2), 5.0)
        return y

    return solve


def flow_slope(x: np.ndarray) -> np.ndarray:
    """Return dy(1)/dy(0) of that equation, along a path of a thousand steps of the classical method of Runge and Kutta."""
    state, n = np.array([x, np.ones_like(x)]), 1000

    def slope(t: float, z: np.ndarray) -> np.ndarray:
        return np.array([np.cos(4 * t) - z[0] ** 2, -2 * z[0] * z[1]])

    for k in range(n):
        t, h = k / n, 1 / n
        a = slope(t, state)
        b = slope(t + h / 2, state + h / 2 * a)
        c = slope(t + h / 2, state + h / 2 * b)
        state = state + h / 6 * (a + 2 * b + 2 * c + slope(t + h, state + h * c))
    return state[1]


# How it is solved, and the slope of the exact solution.
SOLVERS: dict[str, tuple[Values, Values]] = {
    "stops, at a millionth": (fixed_point(1e-6), cosine_slope),
    "stops, at a ten thousandth": (fixed_point(1e-4), cosine_slope),
    "a staircase of a millionth": (bisected(1e-6), cosine_slope),
    "a staircase of a billionth": (bisected(1e-9), cosine_slope),
    "chooses its steps, to a thousandth": (adaptive(1e-3), flow_slope),
}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", SOLVERS)
def test_the_gradient_of_what_is_solved_is_not_blamed(name: str, seed: int) -> None:
    """The slope of the exact solution, beside values that are good to some digits, is never called wrong."""
    values, slope = SOLVERS[name]
    x = np.random.default_rng(seed).uniform(0.3, 0.9, 3)
    report = told(known_pullback(values, lambda ct, x: ct * slope(x)), x, seed=seed)
    assert report.outcome != "fail", report.message


@pytest.mark.parametrize("error", [0.05, -2.0])
@pytest.mark.parametrize("name", SOLVERS)
def test_a_wrong_gradient_of_what_is_solved_is_found(name: str, error: float) -> None:
    """Beside the same values a slope that is off by a twentieth, or has the other sign, is refuted."""
    values, slope = SOLVERS[name]
    x = np.random.default_rng(0).uniform(0.3, 0.9, 3)
    report = told(known_pullback(values, lambda ct, x: ct * slope(x) * (1 + error)), x)
    assert report.outcome == "fail", report.message


def test_a_second_digit_is_told_where_values_have_six() -> None:
    """Of values that are good to a millionth a slope that is off by a thousandth is refuted or undecided, and never passes."""
    values, slope = SOLVERS["stops, at a millionth"]
    for seed in range(4):
        x = np.random.default_rng(seed).uniform(0.3, 0.9, 3)
        assert not told(known_pullback(values, lambda ct, x: ct * slope(x) * 1.002), x, seed=seed)


def test_a_branch_of_a_formula_is_no_solver() -> None:
    """Of a formula with a jump far away, where it changes its branch, a slope that is off by a thousandth is refuted."""
    f = known_pullback(lambda x: np.exp(x) + 2e-3 * (x > -1), lambda ct, x: ct * np.exp(x) * 1.001)
    assert told(f, [-5.0, -2.0, -0.5, 0.7]).outcome == "fail"


# ----- solvers within a pullback -----

MATRIX = np.array([[2.0, 0.5, 0.1], [0.5, 3.0, 0.4], [0.1, 0.4, 1.5]])


def swept(rhs: np.ndarray, stop: float) -> np.ndarray:
    """Return the solution of MATRIX y = rhs, by sweeps of Gauss and Seidel that end when they change little: not linear."""
    y = np.zeros_like(rhs)
    for _ in range(200):
        before = y.copy()
        for i in range(len(y)):
            y[i] += (rhs[i] - MATRIX[i] @ y) / MATRIX[i, i]
        if np.max(abs(y - before)) < stop:
            break
    return y


@pytest.mark.parametrize("seed", range(4))
def test_a_pullback_that_solves_is_linear_to_its_tolerance(seed: int) -> None:
    """A pullback that iterates until it is good to twelve digits is not blamed for it, and one that is bent is."""

    def report(vjp: Callable[[Any, Any], Any]) -> GradientReport:
        f = known_pullback(lambda x: np.linalg.solve(MATRIX, np.sin(x)), vjp)
        return told(f, np.random.default_rng(seed).uniform(0.3, 0.9, 3), seed=seed)

    assert report(lambda ct, x: swept(ct, 1e-12) * np.cos(x)).outcome != "fail"
    bent = report(lambda ct, x: np.linalg.solve(MATRIX, ct + 1e-8 * abs(ct)) * np.cos(x))
    assert "a pullback is linear" in bent.message


def test_both_modes_may_round_to_single_numbers() -> None:
    """Slopes that are rounded to float32 in both modes, each after its own product, agree; one that is off does not."""

    class Single(Reference):
        off = 0.0

        def vjp(self, f: Any, *primals: Any) -> Any:
            y, pullback = super().vjp(f, *primals)
            return y, lambda ct: [g.astype(np.float32).astype(np.float64) * (1 + 1e-12) for g in pullback(ct)]

        def jvp(self, f: Any, primals: Any, tangents: Any) -> Any:
            y, dy = super().jvp(f, primals, tangents)
            return y, dy.astype(np.float32).astype(np.float64) * (1 + 1e-12 + self.off)

    def rounds(x: Any) -> Any:
        return np.sin(x) * 1.5

    assert "the modes disagree" not in told(rounds, [0.5, 1.5], backend=Single()).message
    backend = Single()
    backend.off = 1e-4
    assert not told(rounds, [0.5, 1.5], backend=backend)


# ----- jumps -----

TORN: dict[str, tuple[Callable[[float], float], list[tuple[float, float]]]] = {
    "smooth": (np.sin, []),
    "smooth and steep": (lambda t: float(np.exp(5 * t)), []),
    "a kink": (lambda t: np.sin(t) + 1e-6 * abs(t - 0.3), []),
    "a rectifier": (lambda t: max(t - 0.2, 0.0), []),
    "a jump": (lambda t: np.sin(t) + 1e-8 * (t > 0.3), [(1e-8, 0.3)]),
    "a jump beside a kink": (lambda t: np.sin(t) + 1e-8 * (t > -0.1) + 1e-6 * abs(t - 0.3), [(1e-8, 0.1)]),
    "two jumps": (lambda t: np.exp(t) + 1e-8 * (t > -0.1) + 3e-10 * (t > 0.05), [(1e-8, 0.1), (3e-10, 0.05)]),
}


@pytest.mark.parametrize("name", TORN)
def test_a_jump_however_low_is_told_from_a_kink(name: str) -> None:
    """Jumps of a hundred millionth are found with their height and place; kinks and steep slopes are none."""
    f, due = TORN[name]
    line = UserLine(lambda t: float(f(t) - f(0)), 1e-16)
    assert {(float(f"{it.height:.2g}"), float(f"{it.away:.6g}")) for it in jumps(line, (1.0, *NEAR))} == set(due)
