"""Gradients: reverse mode of every differentiable operation."""

from clinometer.reference.truth import Case
from clinometer.suites.check import Check
from clinometer.suites.clauses import clause, operations


@clause("GRAD-1", over=operations(mode="reverse"), broken_by=["scaled_rule"])
def test_the_gradient_equals_the_truth(check: Check, case: Case) -> None:
    """The gradient of every differentiable operation MUST equal the truth, for signed, non-uniform cotangents."""
    check(case, "reverse")
