"""Verdicts: who is blamed, and where nobody is."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.reference.program import trace
from clinometer.reference.verdict import hear, worst
from clinometer.strategies import fixed_case


def cancelled(ad: Any, x: Any) -> Any:
    """Return the logarithm of what nearly cancels, and may be less than nothing after a few roundings."""
    return ad.log(ad.exp(x) - ad.exp(x) + 2.0**-20)


def test_nobody_is_blamed_where_rounding_alone_leaves_the_domain() -> None:
    """The tolerance is no number there; a wrong answer is undecided, and the right one is right."""
    case = fixed_case(trace(cancelled), [np.array([4.0])], "bfloat16")
    (value,) = case.truth.values
    assert np.isnan(value.tolerance).all()
    assert worst(value.value, value, "value", 0) is None
    found = worst(value.value + 0.5, value, "value", 0)
    assert found is not None
    assert hear(case, found).outcome == "inconclusive"
