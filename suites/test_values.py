"""Values: what each operation is, before anything is differentiated."""

from clinometer.reference.truth import Case
from clinometer.suites.check import Check
from clinometer.suites.clauses import clause, operations

COVERED = {"axes", "axes_counted", "axes_nonempty", "getitem", "take", "take_along_axis", "at_set", "at_add"}  # REDUCE, INDEX


@clause(
    "VALUE-1",
    over=operations(mode="value", where=lambda row: row.differentiable and row.form not in COVERED),
    broken_by=["coarse_value"],
)
def test_the_value_is_the_mathematics(check: Check, case: Case) -> None:
    """The value of every operation MUST be the mathematical one, within the rounding of its dtype."""
    check(case, "value")
