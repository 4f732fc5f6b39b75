"""Gradients of broadcasting: the sum over what was repeated."""

import numpy as np

from clinometer.harness.broadcasting import pinned, spreads, unequal
from clinometer.harness.cells import given, operations, programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.reference.case import Case
from clinometer.reference.program.tracing import single
from clinometer.strategies import fixed_case
from clinometer.suites.programs import NUMBERS, SAFE


@clause(
    "GRAD-BCAST-1",
    over=operations(mode="reverse", where=spreads, form=unequal, pinned=pinned),
    broken_by=["lost_broadcast_sum", "averaged_broadcast"],
)
def test_a_broadcast_operand_gets_the_sum(check: Check, case: Case) -> None:
    """The gradient of a broadcast operand MUST be summed over the axes along which it was repeated."""
    check(case, "reverse")


TWICE = {
    "x*x": lambda ad, x: x * x,
    "x-x": lambda ad, x: x - x,
    "x/x": lambda ad, x: x / x,
    "x+x*x": lambda ad, x: x + x * x,
}


@clause(
    "GRAD-BCAST-2",
    over=programs(*TWICE.values(), names=list(TWICE), mode="reverse", domain=SAFE),
    broken_by=["last_use_wins"],
)
def test_an_array_used_twice_gets_both_parts(check: Check, case: Case) -> None:
    """The gradient of an array that is both operands MUST be the sum of both parts."""
    check(case, "reverse")


@clause(
    "GRAD-BCAST-3",
    over=programs(*NUMBERS.values(), names=list(NUMBERS), mode="reverse", domain=SAFE),
    broken_by=["rightist"],
    judges_dtype=True,
)
def test_numbers_are_constants(check: Check, case: Case) -> None:
    """A Python number on either side of an operator MUST be a constant of the derivative."""
    check(case, "reverse")


EMPTY = given(((0, 3), (1, 3)), ((0, 3), (3,)), ((2, 0), ()), ((0,), (1,)), mode="reverse", using=["multiply"])


@clause("GRAD-BCAST-4", over=EMPTY, broken_by=["fearful_of_nothing"])
def test_broadcasting_against_nothing_gives_zeros(check: Check, pair) -> None:
    """An operand that is broadcast against an array without entries MUST have a gradient of zeros in its own shape."""
    case = fixed_case(single("multiply", {}), [np.full(shape, 2.0) for shape in pair], check.real)
    check(case, "reverse")
