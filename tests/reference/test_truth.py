"""The truth of a case, and one K for all tolerances."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from drawn import examples

from clinometer.backends.reference.adapter import Reference
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.data import Program, Step
from clinometer.reference.program.interpreter import run
from clinometer.reference.program.tracing import single, trace
from clinometer.reference.truth import first_order
from clinometer.reference.truth.expected import K
from clinometer.reference.truth.problem import REPLICAS
from clinometer.reference.verdict import Disagreement, errors_in_tolerances, worst_disagreement
from clinometer.strategies import operation_cases, program_cases

DTYPES = ("float32", "float64")
BOTH = pytest.mark.parametrize("dtype", DTYPES)
NUMPY = Reference()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Let plain numpy overflow without a word, as it does in the working dtype."""
    with np.errstate(all="ignore"):
        yield


def case_of(function: Callable[..., Any], *inputs: Any, dtype: str = "float64", ct: Any = None) -> Case:
    """Return the case of a program at inputs whose first axis is the points."""
    program = trace(function)
    xs = tuple(np.asarray(x, dtype) for x in inputs)
    shape = np.shape(run(program, NUMPY.xp, *(x[0] for x in xs))[0])
    cotangent = np.ones((len(xs[0]), *shape)) if ct is None else ct
    return Case(program, xs, tuple(np.ones_like(x) for x in xs), (np.asarray(cotangent, dtype),), dtype)


def reverse(case: Case) -> list[np.ndarray]:
    """Return the gradients that plain numpy and a tape compute in the dtype of the case."""
    found = []
    for p in range(case.points):
        _, pull = NUMPY.vjp(lambda *xs: run(case.program, NUMPY.xp, *xs)[0], *(x[p] for x in case.inputs))
        found.append(pull(case.cotangents[0][p]))
    return [np.stack(gradients) for gradients in zip(*found, strict=True)]


def forward(case: Case) -> np.ndarray:
    """Return the tangents of the output, likewise."""
    return np.stack(
        [
            NUMPY.jvp(
                lambda *xs: run(case.program, NUMPY.xp, *xs)[0], [x[p] for x in case.inputs], [dx[p] for dx in case.tangents]
            )[1]
            for p in range(case.points)
        ]
    )


def value(case: Case) -> np.ndarray:
    """Return the output, likewise."""
    return np.stack([run(case.program, NUMPY.xp, *xs)[0] for xs in zip(*case.inputs, strict=True)])


def largest(got: list[np.ndarray], expected: list[Any]) -> float:
    return max((float(errors_in_tolerances(g, e).max()) for g, e in zip(got, expected, strict=True) if g.size), default=0.0)


PROGRAMS: dict[str, Callable[..., Any]] = {
    "cancelling": lambda ad, x, y: ad.sum(ad.subtract(ad.multiply(x, y), ad.sin(x))),
    "deep": lambda ad, x: ad.tanh(ad.sin(ad.exp(ad.sin(ad.tanh(ad.sin(x)))))),
    "normalised": lambda ad, x: ad.multiply(ad.softmax(x, axis=-1), ad.sigmoid(x)),
    "quotient": lambda ad, x, y: ad.divide(ad.sin(x), ad.add(2.0, ad.multiply(y, y))),
    "power series": lambda ad, x: ad.subtract(ad.multiply(x, ad.multiply(x, x)), ad.multiply(3.0, ad.square(x))),
    "distance": lambda ad, x, y: ad.sqrt(ad.add(1.0, ad.sum(ad.square(ad.subtract(x, y))))),
}


@functools.cache
def cases(dtype: str) -> list[Case]:
    """Return some hundred cases: each differentiable row ten times, and compositions."""
    found = []
    for name, row in CATALOGUE.items():
        if row.differentiable:
            found += examples(operation_cases(name, dtype), 10, zlib.crc32(f"K {name} {dtype}".encode()))
    for name, function in PROGRAMS.items():
        shape = (3, 2)
        found += examples(program_cases(function, dtype, shape=shape), 40, zlib.crc32(f"K {name} {dtype}".encode()))
    return found


# ----- one K -----


@BOTH
def test_right_answers_stay_below_one_k(dtype: str) -> None:
    """Over more than a thousand cases, value, gradient and tangent by plain numpy are within K of their scale."""
    drawn = cases(dtype)
    assert len(drawn) > 1000
    for case in drawn:
        assert largest([value(case)], case.truth.values) < 1, case
        assert largest(reverse(case), case.truth.gradients) < 1, case
        assert largest([forward(case)], case.truth.tangents) < 1, case


@BOTH
def test_k_is_not_far_too_large(dtype: str) -> None:
    """The errors of right answers come near K: the largest is above a sixth of it, so the tolerance is no shrug."""
    assert max(largest(reverse(case), case.truth.gradients) for case in cases(dtype)) * K > K / 6


SCALED = [
    ("float32", 1e-2, 0.99),
    ("float32", 1e-4, 0.98),
    ("float32", 1e-5, 0.95),
    ("float64", 1e-8, 0.99),
    ("float64", 1e-12, 0.98),
    ("float64", 1e-14, 0.9),
]


@pytest.mark.parametrize(("dtype", "off", "least"), SCALED)
def test_scaled_gradients_are_outside(dtype: str, off: float, least: float) -> None:
    """A gradient scaled by 1 + d is outside the tolerance in nearly every single case, down to a d of some 100 roundings."""
    flagged = []
    for case in cases(dtype):
        if any(np.any(g.value != 0) for g in case.truth.gradients):
            scaled = [(g * (1 + off)).astype(dtype) for g in reverse(case)]
            flagged.append(largest(scaled, case.truth.gradients) > 1)
    assert len(flagged) > 800
    assert np.mean(flagged) >= least


WRONG: dict[str, Callable[[list[np.ndarray]], list[np.ndarray]]] = {
    "negated": lambda gs: [-g for g in gs],
    "doubled": lambda gs: [2 * g for g in gs],
    "absent": lambda gs: [0 * g for g in gs],
    "shifted by an entry": lambda gs: [np.roll(g, 1) for g in gs],
    "first entry lost": lambda gs: [np.where(np.arange(g.size).reshape(g.shape) == 0, 0, g) for g in gs],
}


@BOTH
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_grossly_wrong_gradients_are_outside_always(wrong: Callable, dtype: str) -> None:
    """No tolerance of any case is so wide that a negated, doubled, absent or shifted gradient gets through."""
    for case in cases(dtype)[::7]:
        right = [g.value for g in case.truth.gradients]
        got = wrong(right)
        apart = [np.any(np.abs(a - b) > 1e-3 * (np.abs(a) + np.abs(b)) + 1e-12) for a, b in zip(right, got, strict=True)]
        if any(apart):
            assert largest(got, case.truth.gradients) > 1, case


@BOTH
def test_no_tolerance_is_zero_or_without_bound(dtype: str) -> None:
    """Every tolerance is positive, and finite where the number is."""
    for case in cases(dtype):
        for expected in (*case.truth.values, *case.truth.gradients, *case.truth.tangents):
            assert np.all(expected.tolerance > 0)
            assert np.all(np.isfinite(expected.tolerance) | ~np.isfinite(expected.value)), case


@BOTH
def test_forward_and_reverse_are_one_truth(dtype: str) -> None:
    """The dot test holds of the truth itself: <ct, tangent> is <gradient, dx>."""
    for case in cases(dtype)[::5]:
        one = sum((ct * dy.value).sum() for ct, dy in zip(case.cotangents, case.truth.tangents, strict=True))
        other = sum((g.value * dx).sum() for g, dx in zip(case.truth.gradients, case.tangents, strict=True))
        room = sum((abs(ct) * dy.tolerance).sum() for ct, dy in zip(case.cotangents, case.truth.tangents, strict=True))
        assert abs(one - other) <= room


def test_the_same_case_has_the_same_truth() -> None:
    """Noise comes from a seed: a tolerance is the same number each time it is computed."""
    case = cases("float32")[3]
    again = Case(case.program, case.inputs, case.tangents, case.cotangents, case.dtype)
    for one, other in zip(case.truth.gradients, again.truth.gradients, strict=True):
        np.testing.assert_array_equal(one.tolerance, other.tolerance)


def test_points_do_not_change_each_other() -> None:
    """The clean truth of a point in a batch is the truth of that point alone."""
    case = case_of(
        lambda ad, x: ad.softmax(ad.sin(x), axis=0), [[0.5, 1.0, 2.0], [-3.0, 0.25, 1.5]], ct=[[1, -2, 3], [2, 0.5, -1]]
    )
    for p in range(2):
        np.testing.assert_array_equal(case.truth.gradients[0].value[p], case.at(p).truth.gradients[0].value[0])


# ----- what a truth is made of -----


def test_cancellation_widens_the_tolerance_and_nothing_else_does() -> None:
    """Where the value cancels a thousandfold the relative tolerance is about a thousand times wider."""
    case = case_of(lambda ad, x: ad.sum(x), [[1.0, 1.0, 1.0], [1000.0, -999.0, 2.0]])
    (values,) = case.truth.values
    np.testing.assert_array_equal(values.value, [3, 3])
    assert 100 < values.tolerance[1] / values.tolerance[0] < 2000


def test_the_majorant_holds_where_a_mode_cancels_by_luck() -> None:
    """The derivative of x/x*x is 1 with a tolerance of some roundings, though the forward mode may cancel to none."""
    case = case_of(lambda ad, x: ad.multiply(ad.divide(x, x), x), [3.0])
    (gradient,) = case.truth.gradients
    assert gradient.value[0] == 1
    assert 4 * 2.0**-53 <= gradient.tolerance[0] <= 100 * 2.0**-53


@BOTH
def test_an_exact_derivative_has_a_tolerance_of_a_few_roundings(dtype: str) -> None:
    """The derivative of a sum is exactly one, and K roundings are what an answer may be off."""
    case = case_of(lambda ad, x: ad.sum(x), [[0.5, 2.0, -1.0]], dtype=dtype)
    (gradient,) = case.truth.gradients
    np.testing.assert_array_equal(gradient.value, 1)
    assert np.all(gradient.tolerance <= 2 * K * case.precision.u)


def test_the_truth_has_the_shapes_that_it_says() -> None:
    """Outputs, Jacobians and majorants lead with replicas and points, a Jacobian then with the entries of its input."""
    case = case_of(lambda ad, x, y: ad.matmul(x, y), np.ones((2, 3, 4)), np.ones((2, 4, 5)), ct=np.ones((2, 3, 5)))
    clean, noisy = case.truth.passes
    assert [each.outputs[0].shape for each in (clean, noisy)] == [(1, 2, 3, 5), (REPLICAS, 2, 3, 5)]
    for each in (clean, noisy):
        assert [j.shape[1:] for j in each.jacobians[0]] == [(2, 12, 3, 5), (2, 20, 3, 5)]
    assert [m.shape for m in noisy.majorants[0]] == [(1, 2, 12, 3, 5), (1, 2, 20, 3, 5)]
    assert [g.value.shape for g in case.truth.gradients] == [(2, 3, 4), (2, 4, 5)]


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_coarse_roundings_in_float64_spread_as_fine_ones_in_long_double(dtype: str) -> None:
    """The tolerance of a value and of a gradient is what replicas in long double give, but for chance."""
    x = np.linspace(0.5, 2, 60).reshape(10, 6)
    case = case_of(
        lambda ad, x: ad.multiply(ad.exp(ad.sin(x)), ad.cumulative_prod(x, axis=0)), x, dtype=dtype, ct=np.ones((10, 6))
    )
    both = first_order._pass(case, case.precision, REPLICAS)
    slow = Case(**vars(case)).truth
    slow.passes = both, both
    for one, other in zip((*case.truth.values, *case.truth.gradients), (*slow.values, *slow.gradients), strict=True):
        np.testing.assert_array_equal(one.value, other.value)
        ratio = one.tolerance / other.tolerance
        assert 0.95 < np.median(ratio) < 1.05
        assert 0.5 < ratio.min() <= ratio.max() < 2


def test_what_overflows_in_float64_alone_has_a_tolerance_all_the_same() -> None:
    """Where long double goes on and float64 does not, replicas are made in long double."""
    case = case_of(lambda ad, x: ad.divide(ad.exp(ad.multiply(x, 2.0)), ad.exp(ad.multiply(x, 1.5))), [[400.0, 500.0]])
    (value,), (gradient,) = case.truth.values, case.truth.gradients
    for expected in (value, gradient):
        assert np.isfinite(expected.tolerance).all()
        assert np.all(expected.tolerance < 1e-10 * expected.value)


def test_an_input_that_is_not_used_has_zero_for_its_gradient() -> None:
    """Zeros of the input's shape, not nothing."""
    case = case_of(lambda ad, x, y: ad.sin(x), [[1.0, 2.0]], [[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(case.truth.gradients[1].value, np.zeros((1, 3)))


def test_an_output_that_depends_on_nothing_has_zero_for_its_tangent() -> None:
    """A comparison's answer is a number with a zero derivative."""
    case = Case(
        single("greater", {}), (np.ones((1, 2)), np.zeros((1, 2))), (np.ones((1, 2)),) * 2, (np.ones((1, 2)),), "float64"
    )
    np.testing.assert_array_equal(case.truth.values[0].value, [[1, 1]])
    np.testing.assert_array_equal(case.truth.tangents[0].value, [[0, 0]])
    assert worst_disagreement(np.array([[True, True]]), case.truth.values[0], "value", 0) is None
    assert isinstance(worst_disagreement(np.array([[True, False]]), case.truth.values[0], "value", 0), Disagreement)


def test_the_same_input_twice_adds_up() -> None:
    """Of x * x the derivative is 2x, and of x + x it is 2."""
    assert case_of(lambda ad, x: ad.multiply(x, x), [3.0]).truth.gradients[0].value[0] == 6
    assert case_of(lambda ad, x: ad.add(x, x), [3.0]).truth.gradients[0].value[0] == 2


# ----- detaching -----


@BOTH
def test_a_detached_factor_is_a_constant(dtype: str) -> None:
    """The gradient of x * stop_gradient(x) is ct * x: neither 2x nor zero."""
    x, ct = np.array([[1.5, -2.0, 0.25]]), np.array([[2.0, -1.0, 0.5]])
    case = case_of(lambda ad, x: x * ad.stop_gradient(x), x, dtype=dtype, ct=ct)
    np.testing.assert_array_equal(case.truth.gradients[0].value, x * ct)
    np.testing.assert_array_equal(case.truth.values[0].value, x * x)


def test_a_detached_value_has_no_gradient() -> None:
    """Cut off entirely, an input has exactly zero."""
    case = case_of(lambda ad, x: ad.sin(ad.stop_gradient(x)), [[1.0, 2.0]])
    np.testing.assert_array_equal(case.truth.gradients[0].value, 0)


# ----- branches and loops -----


@BOTH
def test_two_branches_in_one_batch(dtype: str) -> None:
    """Points on the two sides of a branch get the derivative of their own side each."""
    case = case_of(
        lambda ad, x: ad.cond(x > 0, lambda: ad.square(x), lambda: ad.multiply(x, -3.0)), [2.0, -1.0, 5.0, -4.0], dtype=dtype
    )
    np.testing.assert_array_equal(case.truth.gradients[0].value, [4, -3, 10, -3])
    np.testing.assert_array_equal(case.truth.values[0].value, [4, 3, 25, 12])
    np.testing.assert_array_equal(case.truth.tangents[0].value, [4, -3, 10, -3])
    assert largest(reverse(case), case.truth.gradients) < 1


def test_a_branch_that_is_constant_joins_one_that_is_not() -> None:
    """Where one side depends on the input and the other does not, each point has its own, and tolerances to match."""
    case = case_of(lambda ad, x: ad.cond(x > 0, lambda: ad.sin(x), lambda: ad.stop_gradient(x)), [1.0, -1.0])
    np.testing.assert_allclose(case.truth.gradients[0].value.astype(float), [np.cos(1.0), 0], rtol=1e-15)


def halving(ad: Any, x: Any) -> Any:
    """Return x halved until it is below 1: a sawtooth of slopes 1, 1/2, 1/4, ..."""
    return ad.while_loop(lambda z: z > 1.0, lambda z: ad.multiply(z, 0.5), x)


@BOTH
def test_a_loop_of_zero_trips_is_the_identity(dtype: str) -> None:
    """A while loop whose test fails at once hands value, tangent and cotangent through."""
    case = case_of(halving, [0.75, 0.5], dtype=dtype, ct=[3.0, -2.0])
    np.testing.assert_array_equal(case.truth.values[0].value, [0.75, 0.5])
    np.testing.assert_array_equal(case.truth.gradients[0].value, [3, -2])


def test_points_turn_a_loop_each_as_often_as_it_must() -> None:
    """In one batch a point may take no trip, another one, another three."""
    case = case_of(halving, [0.75, 1.5, 5.0])
    np.testing.assert_array_equal(case.truth.gradients[0].value, [1, 0.5, 0.125])


SQUARED = Program(("z",), (Step(("w",), "square", ("z",)),), ("w",))


def test_a_repeated_step_is_a_chain() -> None:
    """Squaring three times has the derivative 8 x**7, and no times at all 1."""
    for times, slope in ((3, 8 * 1.5**7), (0, 1.0)):
        program = Program(("x",), (Step(("y",), "for", ("x",), {"times": times}, (SQUARED,)),), ("y",))
        one = np.array([1.0])
        case = Case(program, (np.array([1.5]),), (one,), (one,), "float64")
        assert float(case.truth.gradients[0].value[0]) == pytest.approx(slope, rel=1e-15)
