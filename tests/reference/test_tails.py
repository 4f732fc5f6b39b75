"""Tolerances relative to the derivative, over whole domains and far out: no truth is as lenient as the fault it looks for."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import independent
import mpmath as mp
import numpy as np
import pytest

from clinometer.reference.arithmetic.rounding import EXTENDED
from clinometer.reference.catalogue import CATALOGUE, Domain
from clinometer.reference.program.tracing import single
from clinometer.strategies import fixed_case

BOUND = 1e-13  # of the derivative, per unit of its condition: a few hundred roundings
DIGITS = 400  # so many that exp(-300) beside 1 has some
REACH = 300.0  # of domains without an end

# What all libraries lose there: more than the bound, and why that is nobody's fault yet.
LENIENT = {
    "tanh": "1 - y * y, by the output alone, which is what libraries keep",
    "sigmoid": "y * (1 - y), likewise",
    "gelu_tanh": "defined by 1 + tanh, which cancels far below zero",
    "tanhshrink": "defined as x - tanh(x): two slopes of 1 near zero",
    "softsign": "defined as a quotient, both of whose slopes are 1 / (1 + |x|) far out",
    "sinc": "defined as a quotient, whose slopes cancel near zero",
    "gelu": "defined by 1 + erf, which cancels below zero",
    "log_ndtr": "log(erfcx) - x * x / 2: a rounding of the square, which is large far below zero",
    "digamma": "trigamma is promised to a rounding of 1, and is less than that far out",
}
ROWS = [name for name in independent.MPMATH if CATALOGUE[name].arity == 1 and CATALOGUE[name].differentiable]


def points(domain: Domain) -> np.ndarray:
    """Return points from next to every end and to zero as far out as the domain goes."""
    sizes = np.logspace(-6, np.log10(REACH), 45)
    ends = [end for end in (0.0, domain.low, domain.high) if np.isfinite(end)]
    found = np.unique(np.concatenate([end + sign * sizes for end in ends for sign in (-1, 1)]))
    return found[(domain.distance(found) > 1e-7) & (abs(found) <= REACH)]


def slopes(name: str, x: float, params: dict[str, Any]) -> tuple[Any, Any]:
    """Return the first and the second derivative by mpmath, from differences of values with `DIGITS`."""
    f = functools.partial(independent.MPMATH[name], **params)
    at, h = mp.mpf(x), mp.mpf(2) ** -200
    below, here, above = f(at - h), f(at), f(at + h)
    return (above - below) / (2 * h), (above - 2 * here + below) / h**2


def leniency(name: str) -> float:
    """Return the largest tolerance of a row, of the derivative and its condition; check that the derivative is right."""
    row = CATALOGUE[name]
    params = {key: choices[0] for key, choices in row.choices.items()}
    case = fixed_case(single(name, params), [points(row.domains[0])], "float64")
    case = dataclasses.replace(case, cotangents=(np.ones_like(case.inputs[0]),))
    (expected,) = case.truth.gradients
    largest = 0.0
    with mp.workdps(DIGITS):
        for x, value, tolerance in zip(case.inputs[0][0], expected.value[0], expected.tolerance[0], strict=True):
            first, second = slopes(name, float(x), params)
            assert abs(mp.mpf(float(value)) - first) <= float(tolerance) + 2.0**-53 * abs(first), x
            if abs(first) > 1e-290:  # a normal number, and its tolerance's floor another
                largest = max(largest, float(tolerance / (abs(first) + abs(mp.mpf(float(x)) * second))))
    return largest


@pytest.mark.skipif(EXTENDED is np.float64, reason="asks for more digits than float64 has")
@pytest.mark.parametrize("name", ROWS)
def test_a_tolerance_is_a_small_part_of_the_derivative(name: str) -> None:
    """Wherever a derivative is a normal number its tolerance is a few hundred roundings of it and its condition, by mpmath."""
    if name in LENIENT:
        assert leniency(name) > BOUND, "it need not be listed any more"
    else:
        assert leniency(name) <= BOUND


def test_a_rule_that_cancels_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With y + 1 for the slope of expm1 the tolerance is more than the whole gradient."""
    from clinometer.reference.arithmetic import rules

    monkeypatch.setitem(rules.PARTIALS, np.expm1, (lambda y, x: y + 1,))
    assert leniency("expm1") > 1.0
