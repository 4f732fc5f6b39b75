"""Values: what each operation is, before anything is differentiated."""

from clinometer.harness.cells import operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import answered
from clinometer.reference.case import Case
from clinometer.strategies.forms import FORMS


@clause(
    "VALUE-1",
    over=operations(mode="value", where=lambda row: row.differentiable and not FORMS[row.form].kind),
    broken_by=["coarse_value", "promoted_value"],
    judges_dtype=True,
)
def test_the_value_is_the_mathematics(check: Check, case: Case) -> None:
    """The value of every operation MUST be the mathematical one, within the rounding of its dtype."""
    check(case, "value")


@clause("VALUE-2", over=operations(mode="value", where=lambda row: not row.differentiable), broken_by=["least_for_greatest"])
def test_a_decision_is_exact(check: Check, case: Case) -> None:
    """An operation that decides, as a comparison or an argmax does, MUST decide as mathematics does, in whatever dtype."""
    check.points += case.points
    got = check.value(case)
    want = case.truth.values[0].value
    check.same(got.astype(case.dtype), want.astype(case.dtype), "decision", case, about=answered(case, "value"))
