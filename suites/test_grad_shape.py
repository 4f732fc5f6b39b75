"""Gradients of shape: entries that are only moved or repeated."""

from clinometer.harness.cells import operations, programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import BESIDE, answered
from clinometer.reference.case import Case
from clinometer.reference.program.tracing import trace

EXACT = operations(mode="reverse", where=lambda row: row.exact)


@clause("GRAD-SHAPE-1", over=EXACT, broken_by=["inverse_permutation", "noisy_shape"])
def test_moving_entries_is_exact(check: Check, case: Case) -> None:
    """The gradient of an operation that only moves entries MUST be exact, to the last bit, since nothing is computed."""
    check.points += case.points
    y, gradients = check.pull(case)
    check.same(y, case.truth.values[0].value.astype(case.dtype), "value", case, about=answered(case, f"{BESIDE}reverse"))
    for which, (got, expected) in enumerate(zip(gradients, case.truth.gradients, strict=True)):
        about, claim = answered(case, "reverse", which), f"gradient of {case.program.inputs[which]}"
        check.same(got, expected.value.astype(case.dtype), claim, case, about=about)


@clause(
    "GRAD-SHAPE-2",
    over=operations(mode="reverse", where=lambda row: row.name in ("tile", "repeat", "broadcast_to")),
    broken_by=["dropped_duplicate"],
)
def test_repeated_entries_get_the_sum(check: Check, case: Case) -> None:
    """The gradient of an entry that is repeated MUST be the sum of the cotangents of its copies."""
    check(case, "reverse")


CYCLES = {
    "permute_dims": trace(lambda ad, x: ad.permute_dims(x, axes=(1, 2, 0))),
    "roll": trace(lambda ad, x: ad.roll(x, shift=1, axis=2)),
    "moveaxis": trace(lambda ad, x: ad.moveaxis(x, source=0, destination=2)),
}


@clause(
    "GRAD-SHAPE-3",
    over=programs(*CYCLES.values(), names=list(CYCLES), mode="reverse", shape=(2, 3, 4)),
    broken_by=["inverse_permutation"],
)
def test_the_pullback_of_a_cycle_runs_backward(check: Check, case: Case) -> None:
    """The gradient of a permutation that is not its own inverse MUST be permuted by the inverse."""
    check(case, "reverse")
