"""Higher order: the truth of derivatives of derivatives, its tolerance, and the second witness of it."""

from __future__ import annotations

import functools
import inspect
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import independent
import mpmath
import numpy as np
import pytest
from drawn import examples

from clinometer.backends.reference.adapter import Reference
from clinometer.harness.higher_order import higher
from clinometer.reference.arithmetic.dispatch import curvature
from clinometer.reference.arithmetic.dual import Dual
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.differences import derivative
from clinometer.reference.program.interpreter import run
from clinometer.reference.program.tracing import single, trace
from clinometer.reference.truth.expected import Expected, K
from clinometer.reference.verdict import ask_second_witness, check_truth, errors_in_tolerances, worst_disagreement
from clinometer.strategies import fixed_case, operation_cases, values

DTYPES = ("float32", "float64")
BOTH = pytest.mark.parametrize("dtype", DTYPES)
SECOND, THIRD = "reverse-over-reverse", "reverse-over-reverse-over-reverse"
SMOOTH = [name for name, row in CATALOGUE.items() if row.differentiable]
ELEMENTWISE = [name for name in SMOOTH if CATALOGUE[name].form == "elementwise"]
BACKEND: Any = Reference()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Let numpy overflow without a word, and mpmath work with 50 digits."""
    with np.errstate(all="ignore"), mpmath.workdps(50):
        yield


@functools.cache
def drawn(name: str, dtype: str, count: int = 3) -> list[Case]:
    """Return some cases of a row, the same to every test: each computes its truth once."""
    return examples(operation_cases(name, dtype), count, zlib.crc32(f"higher {name} {dtype}".encode()))


def somewhere(name: str, expected: Expected) -> tuple[int, ...]:
    """Return a place that the name chooses."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return tuple(int(rng.integers(n)) for n in expected.value.shape)


def answers(case: Case, mode: str) -> list[np.ndarray]:
    """Return what plain numpy in the dtype of the case computes, by a nesting of the reference's modes."""
    found = []
    for p in range(case.points):
        one = case.at(p)

        def f(*xs: Any, one: Case = one) -> Any:
            return run(one.program, BACKEND.xp, *xs)[0]

        found.append(higher(BACKEND, f, [x[0] for x in one.inputs], [v[0] for v in one.tangents], one.cotangents[0][0], mode))
    return [np.stack(each) for each in zip(*found, strict=True)]


# ----- against the first order -----


@BOTH
@pytest.mark.parametrize("name", SMOOTH)
def test_of_order_one_it_is_the_gradient(name: str, dtype: str) -> None:
    """Without a derivative below, value and tolerance are those of the gradient."""
    for case in drawn(name, dtype):
        for found, expected in zip(case.higher(1), case.truth.gradients, strict=True):
            assert np.all(errors_in_tolerances(found.value, Expected(expected.value, expected.tolerance / 4)) <= 1), case
            ratio = found.tolerance[np.isfinite(found.tolerance)] / expected.tolerance[np.isfinite(found.tolerance)]
            assert np.all((ratio > 0.1) & (ratio < 10)), case


# ----- against mpmath -----


def decimal(x: Any) -> mpmath.mpf:
    return mpmath.mpf(np.format_float_scientific(x, 40, unique=False))


def disagreement(found: Any, exact: Any, tolerance: Any) -> float:
    """Return the error of our truth in units of its tolerance; what mpmath's differences leave of zero is zero."""
    return float(abs(decimal(found) - (exact if abs(exact) > 1e-15 else 0)) / decimal(tolerance))


def scalars(name: str, dtype: str) -> Case:
    """Return a case of one elementwise operation at scalars, along ones."""
    row, rng = CATALOGUE[name], np.random.default_rng(zlib.crc32(name.encode()))
    inputs = [
        np.concatenate([values(rng, p, (4,), domain, dtype) for p in ("ones", "fractions", "normal")]) for domain in row.domains
    ]
    if row.distinct:
        inputs[1] = np.where(abs(inputs[0] - inputs[1]) < 0.1, inputs[0] + 0.5, inputs[1]).astype(dtype)
    if getattr(row, "joint", None):
        inputs[0] = np.where(row.joint(*inputs) < 0.01, inputs[0] + 0.3 * inputs[1], inputs[0]).astype(dtype)
    params = {parameter: choices[0] for parameter, choices in row.choices.items()}
    ones = np.ones(len(inputs[0]), dtype)
    return Case(single(name, params), tuple(inputs), tuple(ones for _ in inputs), (ones,), dtype)


@pytest.mark.parametrize("name", independent.MPMATH)
@pytest.mark.parametrize(("order", "dtype"), [(2, "float32"), (2, "float64"), (3, "float64")])
def test_elementwise_rows_agree_with_mpmath(name: str, order: int, dtype: str) -> None:
    """Second and third derivatives are mpmath's, to a quarter of the tolerance."""
    case, function = scalars(name, dtype), independent.MPMATH[name]
    params = case.program.steps[0].params
    for i, found in enumerate(case.higher(order)):
        for p, xs in enumerate(zip(*case.inputs, strict=True)):
            at = [mpmath.mpf(float(x)) for x in xs]

            def along(s: Any, t: Any, at: list[Any] = at, i: int = i) -> Any:
                return function(*(x + t + s * (j == i) for j, x in enumerate(at)), **params)

            exact = mpmath.diff(along, (0, 0), (1, order - 1))
            assert disagreement(found.value[p], exact, found.tolerance[p]) < 0.25, xs


LISTS: dict[str, tuple[Callable[..., Any], dict[str, Any], tuple[int, ...]]] = {
    **{name: (function, params, (5,)) for name, (function, params) in independent.MPMATH_VECTORS.items()},
    **{name: (function, {}, (3, 3)) for name, function in independent.MPMATH_MATRICES.items()},
}


@BOTH
@pytest.mark.parametrize("name", LISTS)
def test_reductions_and_matrix_functions_agree_with_mpmath(name: str, dtype: str) -> None:
    """The Hessian times a vector is mpmath's, to a quarter of the tolerance."""
    function, params, shape = LISTS[name]
    part = np.random.default_rng(5).integers(-4, 5, shape) / 4
    x = (part + part.T) / 2 + 4 * np.eye(3) if len(shape) > 1 else np.array([1.5, 0.25, 3.0, 0.75, 2.125])
    case = fixed_case(single(name, params), [x], dtype)
    xs, vs, cts = ([mpmath.mpf(float(a)) for a in np.ravel(b)] for b in (x, case.tangents[0], case.cotangents[0]))
    known = {k: v for k, v in params.items() if k in inspect.signature(function).parameters}
    (found,) = case.second
    for i in range(x.size):

        def along(s: Any, t: Any, i: int = i) -> Any:
            y = function([a + t * v + s * (j == i) for j, (a, v) in enumerate(zip(xs, vs, strict=True))], **known)
            return mpmath.fdot(zip(cts, y if isinstance(y, list | tuple) else [y], strict=True))

        exact = mpmath.diff(along, (0, 0), (1, 1))
        assert disagreement(found.value.flat[i], exact, found.tolerance.flat[i]) < 0.25, i


# ----- against finite differences -----


@BOTH
@pytest.mark.parametrize("name", SMOOTH)
def test_finite_differences_confirm_the_second_order_of_every_row(name: str, dtype: str) -> None:
    """Second differences of the plain function agree with the Hessian times a vector."""
    for case in drawn(name, dtype):
        for which, expected in enumerate(case.second):
            if expected.value.size:
                assert check_truth(case, SECOND, which, somewhere(name, expected), expected) is None, case


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_finite_differences_confirm_the_third_order(name: str) -> None:
    """Third differences of the plain function agree with the third derivative of every elementwise row."""
    for case in drawn(name, "float64"):
        for which, expected in enumerate(case.higher(3)):
            if expected.value.size:
                assert check_truth(case, THIRD, which, somewhere(name, expected), expected) is None, case


@pytest.mark.parametrize(("dtype", "off"), [("float32", 1e-4), ("float64", 1e-8)])
def test_the_second_witness_would_notice(dtype: str, off: float) -> None:
    """A truth that is slightly off is found invalid at 19 of 20 entries, over all rows together."""
    noticed = []
    for name in SMOOTH:
        for case in drawn(name, dtype):
            for which, expected in enumerate(case.second):
                wrong = Expected(expected.value * (1 + off), expected.tolerance)
                place = somewhere(name, expected) if expected.value.size else ()
                if expected.value.size and abs(expected.value[place]) > 0.01:
                    noticed.append(check_truth(case, SECOND, which, place, wrong) is not None)
    assert len(noticed) > 100
    assert np.mean(noticed) >= 0.95


def test_a_wrong_answer_is_blamed_and_a_right_one_is_not() -> None:
    """Heard about an answer, the second witness says `fail` for a wrong one."""
    case = fixed_case(single("tanh", {}), [np.array([0.5, -1.25])], "float64")
    (expected,) = case.second
    found = worst_disagreement(expected.value * 1.001, expected, SECOND, 0)
    assert found is not None
    assert ask_second_witness(case, found).outcome == "fail"
    assert worst_disagreement(expected.value, expected, SECOND, 0) is None


@pytest.mark.parametrize(("order", "exact"), [(1, np.cos(1.0)), (2, -np.sin(1.0)), (3, -np.cos(1.0))])
def test_differences_of_any_order_bound_their_error(order: int, exact: float) -> None:
    """The derivative of sin is found to 1e-10 up to order three, and the estimate covers the error."""
    found = derivative(np.sin, np.float64(1.0), order=order, points=9)
    assert abs(found.value - exact) <= 3 * found.error
    assert found.error < 1e-9


# ----- the tolerance -----

NESTINGS = (SECOND, "forward-over-reverse", "reverse-over-forward")


@BOTH
@pytest.mark.parametrize("mode", NESTINGS)
@pytest.mark.parametrize("name", SMOOTH)
def test_right_answers_are_within_the_tolerance(name: str, mode: str, dtype: str) -> None:
    """However the modes are nested, plain numpy is within K of its scale."""
    for case in drawn(name, dtype):
        for got, expected in zip(answers(case, mode), case.second, strict=True):
            assert np.all(errors_in_tolerances(got, expected) <= 1), case


@pytest.mark.parametrize(("dtype", "off"), [("float32", 1e-3), ("float64", 1e-12)])
def test_slightly_wrong_answers_are_outside(dtype: str, off: float) -> None:
    """A Hessian that is off by some thousand roundings is outside the tolerance in 9 of 10 cases."""
    flagged = []
    for name in SMOOTH:
        for case in drawn(name, dtype):
            if any(np.any(e.value != 0) for e in case.second):
                flagged.append(any(np.any(errors_in_tolerances(e.value * (1 + off), e) > 1) for e in case.second))
    assert len(flagged) > 200
    assert np.mean(flagged) >= 0.9


def second(function: Callable[..., Any], x: Any, dtype: str = "float64") -> Expected:
    """Return the second derivative of a program of one input, along ones and for a cotangent of ones."""
    program, x = trace(function), np.asarray(x, dtype)[None]
    y = run(program, BACKEND.xp, x[0])[0]
    (found,) = Case(program, (x,), (np.ones_like(x),), (np.ones((1, *np.shape(y)), dtype),), dtype).second
    return found


@pytest.mark.parametrize(
    "function",
    [lambda ad, x: ad.multiply(ad.divide(x, x), x), lambda ad, x: ad.subtract(ad.multiply(x, x), ad.multiply(x, x))],
    ids=["x/x*x", "x*x-x*x"],
)
def test_the_majorant_holds_where_a_nesting_cancels_by_luck(function: Callable[..., Any]) -> None:
    """The second derivative is zero; forward over forward may hit it exactly, and others are off by a rounding of the terms."""
    found = second(function, [3.0, 0.7])
    np.testing.assert_allclose(np.asarray(found.value, float), 0, atol=1e-18)
    assert np.all(found.tolerance > 2.0**-53)
    assert np.all(found.tolerance < 200 * 2.0**-53)


def test_the_majorant_of_a_chain_is_the_sum_over_both_paths() -> None:
    """Of g(f(x)) it is |g''| m1 m1 + |g'| m2, where m1 and m2 are those of f."""
    x, one = np.array([0.4, -0.8]), np.ones(2)
    z = np.exp(Dual(Dual(x, one, one, 1), one, one, 2))
    y = np.sin(z)
    m1 = m2 = np.exp(x)
    np.testing.assert_allclose(z.m.dx, m2, rtol=1e-15)
    np.testing.assert_allclose(y.m.dx, abs(np.sin(m1)) * m1 * m1 + abs(np.cos(m1)) * m2, rtol=1e-14)


@BOTH
@pytest.mark.parametrize("name", SMOOTH)
def test_no_tolerance_is_zero_or_without_bound(name: str, dtype: str) -> None:
    """Every tolerance is positive, and finite where the number is."""
    for case in drawn(name, dtype):
        for expected in case.second:
            assert np.all(expected.tolerance > 0)
            assert np.all(np.isfinite(expected.tolerance) | ~np.isfinite(expected.value)), case


def test_a_linear_function_has_zeros_and_the_smallest_tolerance() -> None:
    """Where no path bends there is nothing to round: the second derivative of a sum is zero."""
    found = second(lambda ad, x: ad.sum(x), [1.0, 2.0])
    np.testing.assert_array_equal(found.value, 0)
    assert np.all(found.tolerance == np.finfo("float64").tiny)


def test_what_is_added_for_the_second_order_is_not_seen_at_the_first() -> None:
    """`curvature` has the value zero and derivatives of zero; of its majorants the second alone is there."""
    x, one = np.array([2.0, -0.5]), np.ones(2)
    size = np.array([0.25, np.inf])
    y = curvature(size, Dual(Dual(x, one, one, 1), one, one, 2))
    for part in (y.x.x, y.x.dx, y.x.m, y.dx.x, y.dx.dx, y.m.x):
        np.testing.assert_array_equal(part, 0)
    np.testing.assert_array_equal(y.m.dx, [1.0, 0.0])


# ----- points, branches, inputs -----


def test_points_on_two_branches_have_each_its_own_second_derivative() -> None:
    """Points that take different branches are computed one by one."""
    program = trace(lambda ad, x: ad.cond(ad.sum(x) > 0, lambda: x * x * x, lambda: ad.exp(x)))
    x = np.array([[2.0], [-1.0]])
    (found,) = Case(program, (x,), (np.ones_like(x),), (np.ones_like(x),), "float64").second
    np.testing.assert_allclose(np.asarray(found.value, float), [[12.0], [np.exp(-1.0)]], rtol=1e-15)
    assert found.tolerance.shape == (2, 1)
    assert np.all(found.tolerance < 100 * K * 2.0**-53)


def test_a_detached_factor_is_a_constant_to_every_order() -> None:
    """The second derivative of x * detach(x) is zero, and that of x * x * detach(x) is twice x."""
    cut = lambda ad, x: x * ad.stop_gradient(x)  # noqa: E731  # a program
    half = lambda ad, x: x * x * ad.stop_gradient(x)  # noqa: E731  # another
    np.testing.assert_array_equal(second(cut, [3.0]).value, 0)
    np.testing.assert_array_equal(second(half, [3.0]).value, 6)


def test_mixed_partials_are_in_the_product() -> None:
    """Of x * y along (v, w) the gradient in x moves by w, and that in y by v."""
    program = trace(lambda ad, x, y: x * y)
    x, y, v, w = (np.array([[a]]) for a in (3.0, 5.0, 0.5, -2.0))
    in_x, in_y = Case(program, (x, y), (v, w), (np.ones((1, 1)),), "float64").second
    assert (in_x.value, in_y.value) == (-2, 0.5)
