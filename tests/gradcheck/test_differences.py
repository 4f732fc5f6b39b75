"""The witness of one's own functions: what finite differences say of a number, and of a point."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from clinometer.gradcheck.differences import Judgement, estimates, find_singularity, judge_derivative
from clinometer.gradcheck.line import UserLine
from clinometer.reference.differences import Estimate


def line(f: Callable[[float], float], noise: float = 1e-16) -> UserLine:
    """Return f as it is differentiated at zero."""
    return UserLine(f, noise, 0.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("slope", [1.0, 3.0, -0.2])
def test_a_number_is_judged_by_differences(slope: float) -> None:
    """The slope agrees and another number is refuted, with its error in units of the tolerance."""
    f = line(lambda t: slope * t + t * t)
    assert judge_derivative(f, slope, 0.0, 1.0).verdict == "agrees"
    wrong = judge_derivative(line(f.at), slope + 1e-6, 0.0, 1.0)
    assert wrong.verdict == "refuted"
    assert wrong.error == pytest.approx(1e-6 / wrong.tolerance, rel=0.01)


def test_a_bend_is_seen_from_near_and_far() -> None:
    """Kink, jump and edge have their names, and a smooth function has none."""
    assert find_singularity(line(abs)) == "kink"
    assert find_singularity(line(lambda t: float(t >= 0) - 1)) == "jump"
    assert find_singularity(line(lambda t: t if t >= 0 else np.nan)) == "edge"
    assert find_singularity(line(np.sin)) == ""


def test_the_estimates_of_a_quick_function_do_not_refute_it() -> None:
    """Where wide differences see a fraction of the slope, the near ones that see it all are heard."""
    f = line(lambda t: float(np.sin(1e6 * t)))
    assert any(abs(e.value - 1e6) < 1 for e in estimates(f))
    assert judge_derivative(f, 1e6, 0.0, 1e6).verdict != "refuted"


def test_an_error_is_in_units_of_its_tolerance() -> None:
    """An exact number has no error, and what is no number has an infinite one."""
    estimate = Estimate(np.float64(2.0), 0.1, 1.0)
    assert Judgement("agrees", 2.0, estimate, 1.0).error == 0
    assert Judgement("refuted", 5.0, estimate, 1.0).error == 3
    assert Judgement("refuted", np.nan, estimate, 1.0).error == np.inf
