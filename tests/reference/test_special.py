"""Special functions, where scipy's digits do not suffice: far out, and in differences."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest

from clinometer.reference.arithmetic.rounding import EXTENDED
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, MATHEMATICS
from clinometer.reference.catalogue.special import BESSEL, EXACTLY, POLYGAMMA, SPECIAL, digamma, many_digits
from clinometer.reference.program.tracing import single
from clinometer.reference.verdict import Disagreement, ask_second_witness, check_truth, worst_disagreement
from clinometer.strategies import fixed_case

POINTS = {
    "erfinv": [-0.75, 0.125, 0.99],
    "ndtri": [0.3, 0.9, 2.0**-40],
    "lgamma": [-1.5, 0.1, 30.0],
    "digamma": [-1.5, 0.1, 30.0],
}
ANYWHERE = [-2.5, 0.3, 3.5]


def found(name: str, points: list[float], relative: float) -> tuple[Case, Disagreement]:
    """Return the case of some points in float64, and the disagreement of a gradient that is off by so much."""
    case = fixed_case(single(name, {}), [points], "float64")
    expected = case.truth.gradients[0]
    wrong = worst_disagreement((expected.value * (1 + relative)).astype("float64"), expected, "reverse", 0)
    assert wrong is not None
    return case, wrong


@pytest.mark.parametrize("name", SPECIAL)
def test_all_digits_begin_with_those_of_scipy(name: str) -> None:
    """Within `many_digits` a value is what it is without, to the error that the row admits, and has more digits."""
    row = CATALOGUE[name]
    x = np.array(POINTS.get(name, ANYWHERE), np.longdouble)
    few = row.value(x)
    with many_digits():
        many = row.value(x)
    assert many.dtype == x.dtype
    assert (abs(many - few) <= row.roundings * 2.0**-53 * np.maximum(1, abs(few))).all()
    if np.finfo(np.longdouble).eps < 2.0**-53:
        assert (many != few).any()


def test_derivatives_of_special_functions_have_all_digits_too() -> None:
    """So it is with polygamma functions, and Bessel functions of higher order."""
    for function in (*POLYGAMMA, *BESSEL):
        few = function(np.longdouble(2.5))
        with many_digits():
            assert math.isclose(float(function(np.longdouble(2.5))), float(few), rel_tol=1e-14)


def test_a_pole_and_a_point_outside_have_no_value() -> None:
    """Where a function has a pole, or is not defined, mpmath raises, and the value is NaN; infinities are kept."""
    with many_digits():
        assert np.isnan(digamma(np.longdouble(0)))
        assert np.isnan(MATHEMATICS.erfinv(np.array([-2.0, 2.0]))).all()
        assert MATHEMATICS.lgamma(np.array([math.inf]))[0] == math.inf


def test_many_digits_end_with_their_block() -> None:
    """An exception on the way leaves scipy in its place."""
    with pytest.raises(ZeroDivisionError), many_digits():
        raise ZeroDivisionError
    assert not EXACTLY.get()


@pytest.mark.parametrize("name", ["ndtri", "digamma", "lgamma", "erfinv", "log_ndtr", "i0", "i1", "erf", "ndtr"])
def test_an_error_of_1e_12_is_confirmed(name: str) -> None:
    """The second witness tells a relative error of 1e-12 in double precision from a right answer, and a right one from it.

    Where long double has no more digits than that it tells one of 1e-8.
    """
    case, wrong = found(name, POINTS.get(name, ANYWHERE), 1e-8 if EXTENDED is np.float64 else 1e-12)
    assert ask_second_witness(case, wrong).outcome == "fail"
    right = dataclasses.replace(wrong, got=wrong.expected.astype("float64"))
    assert ask_second_witness(case, right).outcome == "inconclusive"  # an answer that both witnesses find right is never blamed


def test_nobody_waits_for_mpmath_without_a_disagreement() -> None:
    """A truth and its confirmation do not import mpmath."""
    lines = [
        "import sys",
        "from clinometer.reference.program.tracing import single",
        "from clinometer.reference.verdict import check_truth",
        "from clinometer.strategies import fixed_case",
        "case = fixed_case(single('digamma', {}), [[1.5, 2.5]], 'float64')",
        "assert check_truth(case, 'reverse', 0, (0, 1), case.truth.gradients[0]) is None",
        "assert 'scipy.special' in sys.modules and 'mpmath' not in sys.modules",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_truth_is_confirmed_by_few_digits() -> None:
    """The witness who is asked about every case of the reference finds no fault with the truth of any special function."""
    for name in SPECIAL:
        case = fixed_case(single(name, {}), [POINTS.get(name, ANYWHERE)], "float64")
        assert all(check_truth(case, "reverse", 0, (0, i), case.truth.gradients[0]) is None for i in range(3))


# ----- far out -----


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_square_of_one_leaves_nothing(dtype: str) -> None:
    """Where tanh rounds to 1, its slope is known to be nothing, whatever it is multiplied by: the cubes of gelu_tanh."""
    case = fixed_case(single("gelu_tanh", {}), [[-1000.0, 1000.0]], dtype)
    (expected,) = case.truth.gradients
    assert np.array_equal(expected.value / case.cotangents[0], [[0, 1]])
    assert (expected.tolerance <= 64 * case.precision.u * abs(case.cotangents[0])).all()


def test_what_is_left_of_a_slope_may_be_lost() -> None:
    """Far out 1 - tanh(x)**2 and what it truly is, a number below all roundings of 1, are both right; half of u is not."""
    case = fixed_case(single("tanh", {}), [[45.0, -200.0, 1000.0]], "float64")
    (expected,) = case.truth.gradients
    ct = case.cotangents[0]
    true = 1 / np.cosh(case.inputs[0].astype(np.longdouble)) ** 2
    for slope in (np.zeros(3), true.astype("float64")):
        assert worst_disagreement(slope * ct, expected, "reverse", 0) is None
    assert worst_disagreement(case.precision.u / 2 * ct, expected, "reverse", 0) is not None
