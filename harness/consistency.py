"""A library held against itself: numbers that must be as they are in another call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from clinometer.harness.check import Check
from clinometer.harness.findings import BESIDE, Nonconformance, Relation, Unsupported, compared
from clinometer.reference.case import Case
from clinometer.reference.truth.first_order import Truth


def assert_same_within(
    check: Check,
    got: np.ndarray,
    want: np.ndarray,
    tolerance: np.ndarray,
    claim: str,
    case: Case,
    about: Relation,
    but: Any = False,
) -> None:
    """Hold an array to that of another call; each may be `tolerance` off the truth, and where `but` is true, anything."""
    check.near(got, want, np.where(but, np.inf, 2 * tolerance), claim, case, about)


def assert_doubled(
    check: Check, got: np.ndarray, once: np.ndarray, tolerance: np.ndarray, claim: str, case: Case, about: Relation
) -> None:
    """Hold an array to -2 times another, which may be `tolerance` off the truth; so it may itself be off twice as far.

    Linear maps are not so to the bit: a library may scale by a norm, or take logarithms.
    """
    check.near(got, -2 * once, 4 * tolerance, claim, case, about)


def without(check: Check, sound: Case) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return value and gradients of a case, as a backend has them: what is wrong with them is another clause's matter.

    Raises
    ------
    Unsupported
        There is nothing to compare with.
    """
    try:
        y, gradients = check.pull(sound)
    except Nonconformance as wrong:
        raise Unsupported(f"no gradient to compare with: {wrong}") from wrong
    shapes = [x.shape for x in (y, *gradients)]
    if shapes != [x.shape for x in (*sound.cotangents, *sound.inputs)]:
        raise Unsupported(f"no gradient to compare with: shapes {shapes}")
    return y, gradients


def assert_untouched(
    check: Check, sound: Case, case: Case, touched: np.ndarray, reached: Sequence[np.ndarray], truth: Truth | None = None
) -> np.ndarray:
    """Hold what is neither `touched` of the value nor `reached` of the gradients to what it is in the sound case.

    The truth is that of the sound case, or of one that begins with its points. Returns the value of the other case.
    """
    truth, points = truth or sound.truth, slice(sound.points)
    before, befores = without(check, sound)
    check.points += 1
    y, gradients = check.pull(case)
    about = compared(case, sound, f"{BESIDE}reverse")
    assert_same_within(check, y, before, truth.values[0].tolerance[points], "value beside it", case, about, touched)
    for i, (name, expected) in enumerate(zip(case.program.inputs, truth.gradients, strict=True)):
        about, off = compared(case, sound, "reverse", i), expected.tolerance[points]
        assert_same_within(check, gradients[i], befores[i], off, f"gradient of {name} beside it", case, about, reached[i])
    return y
