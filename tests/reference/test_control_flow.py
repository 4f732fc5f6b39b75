"""Control flow of programs: paths, loops without an end, and derivatives within a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clinometer.reference.case import Case
from clinometer.reference.catalogue import MATHEMATICS
from clinometer.reference.program.control_flow import EndlessLoop, PathDiverged, PythonControlFlow, ReplayedPath
from clinometer.reference.program.interpreter import run
from clinometer.reference.program.tracing import trace
from clinometer.reference.truth.expected import Expected
from clinometer.reference.verdict import check_truth
from clinometer.strategies.cases import complete

X = np.array([0.5, -1.25, 2.0])
CT, DX = np.array([1.5, -0.5, 2.0]), np.array([0.25, 1.0, -0.75])


def value(function: Callable[..., Any], x: Any, flow: PythonControlFlow | None = None) -> Any:
    """Return what a program gives."""
    (y,) = run(trace(function), MATHEMATICS, np.asarray(x, float), flow=flow)
    return y


def case(function: Callable[..., Any], x: np.ndarray = X, ct: np.ndarray = CT, dx: np.ndarray = DX) -> Case:
    """Return the case of a program at one point, with these cotangents and tangents."""
    made = complete(trace(function), (x[None],), np.random.default_rng(0), "float64")
    return Case(made.program, made.inputs, (dx[None],), (ct[None],), "float64")


def assert_right(found: Expected, right: Any) -> None:
    """Hold what the truth says against a formula, by its own tolerance, which is tight."""
    assert found.value.shape == (1, *np.shape(right))
    assert (abs(found.value[0] - right) <= found.tolerance[0]).all(), (found.value[0], right)
    assert (found.tolerance[0] <= 1e-12 * (1 + abs(np.asarray(right)).max())).all()


# ----- decisions -----


def winding(ad: Any, x: Any) -> Any:
    halved = ad.while_loop(lambda z: z > 1.0, lambda z: z * 0.5, x)
    return ad.cond(halved > 0.75, lambda: halved + 10.0, lambda: halved - 10.0)


def test_a_path_is_followed_where_the_data_agree() -> None:
    """The decisions of one run hold in another that makes the same ones, and are written down again."""
    seen = PythonControlFlow()
    value(winding, 3.0, seen)
    assert seen.path == [True, True, False, False]
    following = ReplayedPath(seen.path)
    assert value(winding, 2.5, following) == 2.5 / 4 - 10
    assert following.path == seen.path


@pytest.mark.parametrize("x", [3.5, 1.5, 6.0])
def test_another_branch_or_trip_is_off_the_path(x: float) -> None:
    """Data that take the other branch, a trip less or a trip more are told from those that follow."""
    with pytest.raises(PathDiverged):
        value(winding, x, ReplayedPath([True, True, False, False]))


def test_a_path_that_ends_early_is_left() -> None:
    """A decision behind the last of the path is another path."""
    with pytest.raises(PathDiverged):
        value(winding, 3.0, ReplayedPath([True, True, False]))


def test_a_loop_without_an_end_is_ended() -> None:
    """A `while` that goes on after so many trips says how many, instead of running for ever."""

    class Impatient(PythonControlFlow):
        most_trips = 7

    with pytest.raises(EndlessLoop, match=r"^a while loop has made 7 trips and goes on$"):
        value(lambda ad, x: ad.while_loop(lambda z: z > 0.0, lambda z: z + 1.0, x), 1.0, Impatient())


def test_a_loop_of_no_trips_gives_what_it_was_given() -> None:
    """Neither a `for` of none nor a `while` whose test fails at once changes anything."""
    assert value(lambda ad, x: ad.repeat_times(0, lambda z: z * 2.0, x), 3.0) == 3.0
    assert value(lambda ad, x: ad.while_loop(lambda z: z > 5.0, lambda z: z * 2.0, x), 3.0) == 3.0


@pytest.mark.parametrize("n", [1, 2, 5])
def test_recursion_is_a_loop(n: int) -> None:
    """A function called on its own results so many times gives what the loop of as many trips gives."""
    called = value(lambda ad, x: ad.call(lambda z: ad.sin(z) + x, x, depth=n), X)
    looped = value(lambda ad, x: ad.repeat_times(n, lambda z: ad.sin(z) + x, x), X)
    np.testing.assert_array_equal(called, looped)


# ----- derivatives within a program -----


def cubes(ad: Any, x: Any) -> Any:
    """Return 3 x^3 s, where s is the sum of x: by the gradient of z -> s sum(z^3), which captures s."""
    return x * ad.gradient(lambda z: ad.sum(z * z * z) * ad.sum(x), x)


def test_a_gradient_within_a_program_is_that_of_the_formula() -> None:
    """The value is 3 x^3 s, captured values held fast."""
    np.testing.assert_allclose(value(cubes, X), 3 * X**3 * X.sum(), rtol=1e-14)


def test_a_gradient_within_that_adds_up_is_known_to_a_rounding_of_what_it_adds() -> None:
    """Of 2 a - 1.999 a the slope is 0.001, of terms of size two: it has roundings of theirs, though all of it is exact."""
    about = case(lambda ad, x: ad.gradient(lambda z: ad.sum(z * 2.0 - z * 1.999), x))
    (slope,) = about.truth.values
    assert (slope.tolerance >= 3.999 * 2.0**-53).all()
    assert (slope.tolerance <= 100 * 2.0**-53).all()


def test_the_gradient_around_it_is_that_of_the_formula() -> None:
    """What is captured moves with x outside: 9 x^2 s u, and 3 sum(x^3 u) by way of s."""
    assert_right(case(cubes).truth.gradients[0], 9 * X**2 * X.sum() * CT + 3 * (X**3 * CT).sum())


def test_the_tangent_around_it_is_that_of_the_formula() -> None:
    """Forward mode likewise."""
    assert_right(case(cubes).truth.tangents[0], 9 * X**2 * X.sum() * DX + 3 * X**3 * DX.sum())


def test_the_second_derivative_around_it_is_that_of_the_formula() -> None:
    """The product of the Hessian with a vector sees third derivatives of what is within."""
    right = 18 * X * X.sum() * CT * DX + 9 * X**2 * CT * DX.sum() + 9 * (X**2 * CT * DX).sum()
    assert_right(case(cubes).second[0], right)


@pytest.mark.parametrize("mode", ["value", "reverse", "forward", "reverse-over-reverse"])
def test_finite_differences_agree(mode: str) -> None:
    """The second witness, which differentiates what was computed, has nothing against the first."""
    about = case(cubes)
    expected = {
        "value": lambda: about.truth.values[0],
        "reverse": lambda: about.truth.gradients[0],
        "forward": lambda: about.truth.tangents[0],
        "reverse-over-reverse": lambda: about.second[0],
    }[mode]()
    for place in range(X.size):
        assert check_truth(about, mode, 0, (0, place), expected) is None


def test_perturbations_are_not_confused() -> None:
    """The derivative of x (d/dz of x z) is 2 x, though both derivatives are taken at one number."""
    about = case(lambda ad, x: x * ad.gradient(lambda z: ad.sum(x * z), x))
    np.testing.assert_array_equal(value(lambda ad, x: x * ad.gradient(lambda z: ad.sum(x * z), x), X), X * X)
    assert_right(about.truth.gradients[0], 2 * X * CT)


def test_a_gradient_within_a_gradient() -> None:
    """Of z (d/dw of sum w^3) the gradient is 9 z^2, and that around it 18 x u."""

    def twice(ad: Any, x: Any) -> Any:
        return ad.gradient(lambda z: ad.sum(z * ad.gradient(lambda w: ad.sum(w * w * w), z)), x)

    np.testing.assert_allclose(value(twice, X), 9 * X**2, rtol=1e-14)
    assert_right(case(twice).truth.gradients[0], 18 * X * CT)


def test_what_does_not_depend_has_a_gradient_of_zeros() -> None:
    """The gradient of what does not look at its argument is zeros of its shape; so is that of a cut value."""
    np.testing.assert_array_equal(value(lambda ad, x: ad.gradient(lambda z: ad.sum(x), x), X), np.zeros(3))
    np.testing.assert_array_equal(value(lambda ad, x: ad.gradient(lambda z: ad.sum(ad.stop_gradient(z)), x), X), np.zeros(3))


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_a_gradient_has_the_shape_of_its_argument(shape: tuple[int, ...]) -> None:
    """Of a number, a vector and a matrix alike."""
    x = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(value(lambda ad, x: ad.gradient(lambda z: ad.sum(z * z), x), x), 2 * x)


def test_levels_are_given_back() -> None:
    """A derivative that is interrupted by an exception leaves the flow as it was."""
    flow = PythonControlFlow()

    def fails(x: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        flow.gradient(fails, X)
    with flow.deeper() as level:
        first = level
    with flow.deeper() as level:
        assert level == first
