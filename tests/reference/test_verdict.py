"""Verdicts: who is blamed, and where nobody is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clinometer.reference import verdict
from clinometer.reference.case import Case
from clinometer.reference.differences import Estimate
from clinometer.reference.digits import exact
from clinometer.reference.program.tracing import single, trace
from clinometer.reference.verdict import Disagreement, ask_second_witness, worst_disagreement
from clinometer.strategies import fixed_case


def cancelled(ad: Any, x: Any) -> Any:
    """Return the logarithm of what nearly cancels, and may be less than nothing after a few roundings."""
    return ad.log(ad.exp(x) - ad.exp(x) + 2.0**-20)


def at_the_end(ad: Any, x: Any) -> Any:
    """Return the arccosine of what is 1, or a rounding more."""
    return ad.acos(x / x)


@pytest.mark.parametrize(("function", "x"), [(cancelled, 4.0), (at_the_end, 3.0)])
def test_nobody_is_blamed_where_rounding_alone_leaves_the_domain(function: Any, x: float) -> None:
    """The tolerance is no number there; a wrong answer is undecided, and the right one is right."""
    case = fixed_case(trace(function), [np.array([x])], "bfloat16")
    (value,) = case.truth.values
    assert np.isnan(value.tolerance).all()
    assert worst_disagreement(value.value, value, "value", 0) is None
    for wrong in (value.value + 0.5, np.full_like(value.value, np.nan)):
        found = worst_disagreement(wrong, value, "value", 0)
        assert found is not None
        assert ask_second_witness(case, found).outcome == "inconclusive"


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize("off", [0.25, np.nan])
def test_a_wrong_gradient_of_a_power_of_zero_is_blamed(off: float, dtype: str) -> None:
    """At 0 to the power of 1, where noise on the exponent would divide by zero, both arguments have their one gradient."""
    case = fixed_case(single("pow", {}), [0.0, 1.0], dtype)
    for which, expected in enumerate(case.truth.gradients):
        assert np.isfinite(expected.tolerance).all()
        assert worst_disagreement(expected.value, expected, "reverse", which) is None
        found = worst_disagreement(expected.value + off, expected, "reverse", which)
        assert found is not None
        assert ask_second_witness(case, found).outcome == "fail"


def test_an_exact_argument_at_the_end_of_a_domain_has_its_value() -> None:
    """No rounding moves an input: arccos(1) is 0, and NaN is wrong."""
    case = fixed_case(single("acos", {}), [1.0], "float32")
    (value,) = case.truth.values
    found = worst_disagreement(np.full_like(value.value, np.nan), value, "value", 0)
    assert found is not None
    assert ask_second_witness(case, found).outcome == "fail"


SAYS = [
    # the second witness, its error, what was got for 1.0 with a tolerance of 0.1, what comes of it
    (1.0, 1e-6, 1.5, "fail"),
    (1.0, 1e-6, np.nan, "fail"),
    (1.0, 0.1, 1.5, "inconclusive"),  # it cannot tell 1 from 1.5
    (1.09, 1e-6, 1.2, "inconclusive"),  # it is of a third opinion, which the tolerance alone excuses
    (1.09, 1e-6, 2.5, "fail"),  # far from both: wrong whichever of them is right
    (1.5, 1e-6, 1.5, "invalid"),
    (np.nan, 1e-6, 1.5, "inconclusive"),
    (1.0, np.inf, 1.5, "inconclusive"),
]


@pytest.mark.parametrize(("says", "error", "got", "outcome"), SAYS)
def test_a_blame_needs_two_witnesses_of_one_mind(
    monkeypatch: pytest.MonkeyPatch, says: float, error: float, got: float, outcome: str
) -> None:
    """The second witness blames only where it tells what was got from what is right, and agrees with the first on that."""
    case = fixed_case(single("sin", {}), [0.5], "float32")
    found = Disagreement("reverse", 0, (0,), np.float64(got), np.float64(1.0), np.float64(0.1), abs(got - 1.0) / 0.1)
    monkeypatch.setattr(verdict, "estimated", lambda *asked: Estimate(np.float64(says), error, 0.1))
    assert ask_second_witness(case, found).outcome == outcome


@pytest.mark.parametrize("correction", [0.0, 1.0])
@pytest.mark.parametrize("got", [0.05, -1e-9])
def test_a_wrong_gradient_of_the_variance_of_equal_numbers_is_blamed(got: float, correction: float) -> None:
    """Differences know the zero there to more digits than it has; so does the truth, and a number beside it is wrong."""
    case = fixed_case(single("var", {"axis": None, "correction": correction}), [[2.0, 2.0, 2.0]], "float64")
    (right,) = case.truth.gradients
    assert (abs(right.value) <= np.finfo(case.precision.real).eps).all()
    found = worst_disagreement(np.full((1, 3), got), right, "reverse", 0)
    assert found is not None
    assert ask_second_witness(case, found).outcome == "fail"


def test_a_zero_by_cancellation_has_the_tolerance_of_what_cancels() -> None:
    """The gradient of a target at a logit of 0 is log 2 - log 2 by one formula: its rounding is right, 1e-3 is not."""
    for dtype, tolerated in (("float32", 2.3e-9), ("float64", 1e-17)):
        case = fixed_case(single("bce_with_logits", {}), [[0.0, 300.0, -300.0], [0.25, 0.5, 0.5]], dtype)
        expected = case.truth.gradients[1]
        assert expected.value[0, 0] == 0
        assert worst_disagreement(expected.value + tolerated, expected, "reverse", 1) is None
        found = worst_disagreement(expected.value + np.array([1e-3, 0, 0]), expected, "reverse", 1)
        assert found is not None
        assert ask_second_witness(case, found).outcome == "fail"


STRUCTURED = {
    "qr": ([[1.0, 2.0], [2.0, 1.0]], (3, 0)),  # Q above R
    "cholesky": ([[4.0, 1.0], [1.0, 2.0]], (0, 1)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "x", "place"), [(name, *at) for name, at in STRUCTURED.items()])
def test_a_derivative_of_a_structural_zero_may_round(
    name: str, x: list[list[float]], place: tuple[int, int], dtype: str
) -> None:
    """A factor's zeros are promised, and exact; their tangents are computed beside the others, and as good as these."""
    case = fixed_case(single(name, {}), [x], dtype)
    (value,), (tangent,) = case.truth.values, case.truth.tangents
    at = (0, *place)
    assert value.value[at] == 0
    assert abs(tangent.value[at]) < tangent.tolerance[at]
    off = np.zeros_like(value.value)
    off[at] = case.precision.u
    assert worst_disagreement(value.value + off, value, "value", 0) is not None
    assert worst_disagreement(tangent.value + off, tangent, "forward", 0) is None
    found = worst_disagreement(tangent.value + 1e4 * off, tangent, "forward", 0)
    assert found is not None
    assert found.place == at
    assert ask_second_witness(case, found).outcome == "fail"


def test_the_second_derivative_of_an_approximated_exponential_is_right() -> None:
    """Of exp(X + E), E being a rounding of X to the power of 2m + 1: the approximant of degree 9, at ones; 1e-10 is not."""
    case = fixed_case(single("matrix_exp", {}), [np.ones((2, 2))], "float64")
    (expected,) = case.second
    x, v, ct = case.inputs[0][0], case.tangents[0][0], case.cotangents[0][0]
    got = twice_differentiated(x, v, ct)
    assert worst_disagreement(got[None], expected, "forward-over-reverse", 0) is None
    assert (abs(got - expected.value[0]) > 100 * case.precision.u).any()  # which is a good deal more than it rounds
    found = worst_disagreement(got[None] * (1 + 1e-10), expected, "forward-over-reverse", 0)
    assert found is not None
    assert ask_second_witness(case, found).outcome == "fail"


def twice_differentiated(x: np.ndarray, v: np.ndarray, ct: np.ndarray) -> np.ndarray:
    """Return the derivative along v of the gradient of <ct, r(x)>: r is the Pade approximant of exp of degree 9."""
    import mpmath as mp

    m, n = 9, len(x)

    def r(a: Any) -> Any:
        weights = [
            mp.factorial(2 * m - k) * mp.factorial(m) / (mp.factorial(2 * m) * mp.factorial(k) * mp.factorial(m - k))
            for k in range(m + 1)
        ]
        above, below, power = mp.zeros(n), mp.zeros(n), mp.eye(n)
        for k, w in enumerate(weights):
            above, below, power = above + w * power, below + (-1) ** k * w * power, power * a
        return below**-1 * above

    def slope(i: int, j: int, s: Any, t: Any) -> Any:
        e = mp.zeros(n)
        e[i, j] = 1
        y = r(mp.matrix(x.tolist()) + s * e + t * mp.matrix(v.tolist()))
        return mp.fsum(ct[k, q] * y[k, q] for k in range(n) for q in range(n))

    with mp.workdps(60):
        h = mp.mpf(10) ** -15
        return np.array([
            [
                float(
                    (slope(i, j, h, h) - slope(i, j, h, -h) - slope(i, j, -h, h) + slope(i, j, -h, -h)) / (4 * h * h)
                )
                for j in range(n)
            ]
            for i in range(n)
        ])  # fmt: skip


@pytest.mark.parametrize("mode", ["reverse", "forward", "reverse-over-reverse"])
@pytest.mark.parametrize("x", [[-40.0, 3.0], -63.0])
def test_a_slope_that_is_lost_far_out_is_blamed(x: Any, mode: str) -> None:
    """The slope of expm1 at -40 is a number like any other, and y + 1 loses it: differences of long doubles cannot tell."""
    case = fixed_case(single("expm1", {}), [x], "float64")
    (expected,) = {"reverse": case.truth.gradients, "forward": case.truth.tangents}.get(mode, case.second)
    assert (expected.tolerance < 1e-12 * abs(expected.value)).all()
    assert worst_disagreement(expected.value.astype("float64"), expected, mode, 0) is None
    found = worst_disagreement(np.zeros_like(expected.value), expected, mode, 0)
    assert found is not None
    assert ask_second_witness(case, found).outcome == "fail"


def test_all_digits_do_not_smooth_a_bend() -> None:
    """Of the size at 0, where differences from both sides differ, they claim no slope."""
    case = fixed_case(single("abs", {}), [[0.0]], "float64")
    estimate = exact(case, "reverse", 0, (0, 0))
    assert estimate.error > abs(case.cotangents[0][0, 0]) / 2


def test_a_tangent_is_known_to_all_digits_where_inputs_are_broadcast() -> None:
    """The entry that is asked about is one of the output, which may have more axes than an input."""
    x, y = np.array([[0.5, -1.0, 2.0]]), np.array([[[0.25, 1.5, 1.0], [4.0, -2.0, 3.0]]])
    dx, dy = np.array([[2.0, 3.0, 5.0]]), np.full((1, 2, 3), 7.0)
    case = Case(single("multiply", {}), (x, y), (dx, dy), (np.ones((1, 2, 3)),), "float64")
    estimate = exact(case, "forward", 0, (0, 1, 2))
    assert estimate.value == 5.0 * 3.0 + 2.0 * 7.0
    assert estimate.error < 1e-16
