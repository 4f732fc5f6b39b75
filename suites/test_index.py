"""Indexing: values by integers, slices, lists and masks."""

import numpy as np

from clinometer.harness.cells import given, operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import answered
from clinometer.harness.transcript import Transcript
from clinometer.reference.case import Case
from clinometer.strategies.forms import FORMS


@clause(
    "INDEX-1",
    over=operations(mode="value", where=lambda row: FORMS[row.form].kind == "indexing"),
    broken_by=["shifted_index", "promoted_value"],
    judges_dtype=True,
)
def test_indexing_picks_the_entries(check: Check, case: Case) -> None:
    """Indexing by integers, slices, ellipsis, new axes, lists and masks MUST pick numpy's entries, to the last bit, since
    nothing is computed."""
    got = check.value(case)
    check.points += case.points
    check.same(got, case.truth.values[0].value.astype(case.dtype), "indexed value", case, about=answered(case, "value"))


@clause(
    "INDEX-2",
    over=operations(mode="value", where=lambda row: FORMS[row.form].kind == "update"),
    broken_by=["shifted_index", "promoted_value"],
    judges_dtype=True,
)
def test_functional_updates_change_the_indexed_entries_alone(check: Check, case: Case) -> None:
    """Setting and adding at an index MUST change those entries, accumulate duplicates, and leave all others."""
    check(case, "value")


@clause("INDEX-3", over=given(3, -4, (0, 2), [0, 5], using=["getitem"]), broken_by=["wrapping_index"])
def test_an_index_out_of_range_is_refused(check: Check, key) -> None:
    """An integer index outside an axis MUST raise an exception, alone, in a tuple and in a list."""
    said = Transcript(check, x=np.arange(6.0).reshape(3, 2).astype(check.real))
    said.raises(lambda: check.numpy(said.call("getitem", "x", key=key)), f"x[{key}] of a (3, 2) array")
