"""Gradients of indexing: cotangents go back to where entries came from."""

import numpy as np

from clinometer.harness.cells import Cell, operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.reference.case import Case
from clinometer.reference.program.tracing import single
from clinometer.strategies import fixed_case

X = np.arange(1.0, 13.0).reshape(3, 4)


KEYS = {
    "duplicates": [0, 2, 0, 0],
    "duplicates in a column": (slice(None), [1, 1, 3]),
    "negative and positive": [-1, 2, 0],
    "mask": [[True, False, True, False], [False, False, False, False], [True, True, True, True]],
    "reversed": (slice(None, None, -1), slice(None, None, -2)),
    "new axis": (None, 1, ..., None),
    "permutation": [1, 2, 0],
}


INDEXING = [Cell(operation="getitem", mode="reverse", parameters=name, argument=key) for name, key in KEYS.items()]


@clause("GRAD-INDEX-1", over=INDEXING, broken_by=["dropped_duplicate"])
def test_an_entry_picked_twice_gets_both_cotangents(check: Check, key) -> None:
    """The gradient of indexing MUST put each cotangent where its entry came from, and add those of one entry up."""
    for dtype in check.reals:
        case = fixed_case(single("getitem", {"key": key}), [X], dtype)
        check(case, "reverse")


@clause(
    "GRAD-INDEX-2",
    over=operations(mode="reverse", where=lambda row: row.name in ("at_set", "masked_fill")),
    broken_by=["ghost_of_the_overwritten"],
)
def test_an_overwritten_entry_gets_zero(check: Check, case: Case) -> None:
    """The gradient of an entry that is overwritten MUST be zero, and that of what overwrites it the whole cotangent."""
    check(case, "reverse")


@clause(
    "GRAD-INDEX-3",
    over=operations(mode="reverse", where=lambda row: row.gathers),
    broken_by=["dropped_duplicate", "inverse_permutation"],
)
def test_gather_scatter_and_sort_move_cotangents_back(check: Check, case: Case) -> None:
    """The gradients of take, take_along_axis, scatter and sort MUST follow each entry back to where it came from."""
    check(case, "reverse")
