"""Broadcasting: values where shapes differ."""

import numpy as np

from clinometer.harness.broadcasting import pinned, spreads, unequal
from clinometer.harness.cells import given, operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.transcript import applied, refused
from clinometer.reference.case import Case


@clause("BCAST-1", over=operations(mode="value", where=spreads, form=unequal, pinned=pinned), broken_by=["aligned_left"])
def test_values_broadcast(check: Check, case: Case) -> None:
    """Operands of unequal shapes MUST be repeated along missing and size-1 axes, the trailing axes aligned."""
    check(case, "value")


@clause("BCAST-2", over=given(((0, 3), (1, 3)), ((2, 0), ()), ((0,), (1,)), ((2, 1), (2, 0))), broken_by=["fearful_of_nothing"])
def test_empty_arrays_broadcast(check: Check, pair) -> None:
    """Arrays without entries MUST broadcast like others, to results without entries."""
    x, y = (np.ones(shape, check.real) for shape in pair)
    applied(check, "*", "x", "y", x=x, y=y).same(x * y, f"the product of shapes {pair[0]} and {pair[1]}")


MISFITS = given(((2,), (3,)), ((2, 3), (2,)), ((2, 3), (3, 3)), ((4, 1, 2), (3, 3)))


@clause("BCAST-3", over=MISFITS, broken_by=["truncating_broadcast"])
def test_shapes_that_do_not_fit_are_refused(check: Check, pair) -> None:
    """Operands whose shapes do not broadcast MUST raise an exception."""
    x, y = (np.ones(shape, check.real) for shape in pair)
    for symbol in "+*":
        refused(check, symbol, f"x {symbol} y of shapes {pair[0]} and {pair[1]}", x=x, y=y)
