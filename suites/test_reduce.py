"""Reductions: values over every subset of axes."""

from typing import Any

import numpy as np

from clinometer.harness.cells import Cell, given, operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.transcript import Transcript
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, Operation
from clinometer.strategies.forms import FORMS

# Not left to chance: a sum over the wrong one of two axes has the right shape only where they are of one length.
ALWAYS: list[tuple[Any, dict[str, Any]]] = [
    ([(2, 3)], {"axis": 0, "keepdims": False}),
    ([(2, 3)], {"axis": -1, "keepdims": True}),
    ([(2, 3, 2)], {"axis": (0, -1), "keepdims": False}),
    ([(2, 3)], {"axis": None, "keepdims": False}),
]


@clause(
    "REDUCE-1",
    over=operations(
        mode="value",
        where=lambda row: row.differentiable and FORMS[row.form].kind == "reduction",
        pinned=lambda row: ALWAYS,
    ),
    broken_by=["off_axis", "promoted_value"],
    judges_dtype=True,
)
def test_a_reduction_runs_over_the_axes_that_it_is_given(check: Check, case: Case) -> None:
    """A reduction MUST reduce the axes that it is given: all, one, several, negative, with and without keepdims."""
    check(case, "value")


IDENTITIES = given(("sum", 0.0), ("prod", 1.0), names=["sum", "prod"], using=["sum", "prod"])


@clause("REDUCE-2", over=IDENTITIES, broken_by=["nan_of_nothing"])
def test_reducing_nothing_gives_the_identity(check: Check, pair) -> None:
    """The sum of no entries MUST be 0 and their product 1, in the shape of the axes that are left."""
    name, identity = pair
    for shape, axis, left in (((0,), None, ()), ((2, 0), 1, (2,)), ((0, 3), 0, (3,))):
        for dtype in check.reals:
            said = Transcript(check, x=np.zeros(shape, dtype))
            said.call(name, "x", axis=axis)
            said.same(np.full(left, identity, dtype), f"{name} of shape {shape} over axis {axis}")


@clause("REDUCE-3", over=given("sum", "prod", using=["sum", "prod"]), broken_by=["greedy_empty_axis"])
def test_an_empty_tuple_of_axes_reduces_nothing(check: Check, name: str) -> None:
    """With an empty tuple of axes a reduction MUST return every entry as it is."""
    x = np.array([[1.0, 2.0], [3.0, -4.0]], check.real)
    said = Transcript(check, x=x)
    said.call(name, "x", axis=())
    said.same(x, f"{name} over axis ()")


ROWS = [
    Cell(operation=row.name, mode="value", argument=row) for row in CATALOGUE.values() if FORMS[row.form].kind == "reduction"
]


@clause("REDUCE-4", over=ROWS, broken_by=["tolerant_axis"])
def test_an_axis_out_of_range_is_refused(check: Check, row: Operation) -> None:
    """A reduction over an axis that the array lacks MUST raise an exception."""
    said = Transcript(check, x=np.array([[1.0, 2.0], [3.0, 4.0]], check.real))
    said.raises(lambda: said.call(row.name, "x", axis=2), f"{row.name} over axis 2 of a matrix")
