"""Forward mode: tangents, and their agreement with reverse mode."""

import numpy as np

from clinometer.harness.cells import in_one, operations, programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.consistency import assert_doubled
from clinometer.harness.findings import BESIDE, answered, both_modes, twice
from clinometer.reference.arithmetic.rounding import EXTENDED
from clinometer.reference.case import Case
from clinometer.strategies.cases import uneven
from clinometer.suites.programs import NUMBERS, SAFE

ALL = operations(mode="forward")
IN_ONE = in_one(lambda dtype: operations(mode="forward", dtypes=[dtype]))


@clause("FWD-1", over=ALL, broken_by=["scaled_tangent"])
def test_the_tangent_equals_the_truth(check: Check, case: Case) -> None:
    """The tangent of every differentiable operation MUST equal the truth, along signed, non-uniform directions."""
    check(case, "forward")


@clause("FWD-2", over=IN_ONE, broken_by=["scaled_tangent"])
def test_the_modes_agree(check: Check, case: Case) -> None:
    """<u, Jv> by forward mode MUST equal <J'u, v> by reverse mode, whatever the truth is."""
    wide = EXTENDED
    _, tangent = check.push(case)
    _, gradients = check.pull(case)
    along = tuple(range(1, tangent.ndim))
    u = case.cotangents[0].astype(wide)
    left = (u * tangent.astype(wide)).sum(along)
    tolerance = (abs(u) * case.truth.tangents[0].tolerance).sum(along)
    right = np.zeros(case.points, wide)
    for dx, g, expected in zip(case.tangents, gradients, case.truth.gradients, strict=True):
        axes = tuple(range(1, dx.ndim))
        right = right + (g.astype(wide) * dx).sum(axes)
        tolerance = tolerance + (abs(dx) * expected.tolerance).sum(axes)
    check.points += case.points
    check.near(left, right, tolerance, "<u, Jv> beside <J'u, v>", case, both_modes(case))


@clause("FWD-3", over=IN_ONE, broken_by=["constant_tangent"])
def test_pushing_is_linear(check: Check, case: Case) -> None:
    """The tangent MUST be linear in the direction: minus twice the direction gives minus twice the tangent, within the rounding
    of both."""
    _, once = check.push(case)
    scaled = Case(case.program, case.inputs, tuple(-2 * dx for dx in case.tangents), case.cotangents, case.dtype)
    _, double = check.push(scaled)
    about, tolerance = twice(case, scaled, "forward"), case.truth.tangents[0].tolerance
    assert_doubled(check, double, once, tolerance, "tangent along -2 times the direction", case, about)


@clause("FWD-4", over=ALL, broken_by=["rounding_recorder", "promoted_tangents"], judges_dtype=True)
def test_the_value_under_forward_mode_is_the_plain_value(check: Check, case: Case) -> None:
    """The value that comes with a tangent MUST be the plain value, within rounding, and both MUST have its shape and dtype."""
    y, _ = check.push(case)  # which holds both to their shape and dtype
    check.agrees(y, case.truth.values[0], case, "value", about=answered(case, f"{BESIDE}forward"))


@clause(
    "FWD-5",
    over=programs(*NUMBERS.values(), names=list(NUMBERS), mode="forward", domain=SAFE),
    needs=["forward"],
    broken_by=["promoted_tangent"],
    judges_dtype=True,
)
def test_numbers_are_constants_of_the_tangent(check: Check, case: Case) -> None:
    """A Python number beside an array, also one without axes, MUST be a constant and leave the tangent's dtype alone."""
    check(case, "forward")


@clause(
    "FWD-6",
    over=operations(mode="forward", where=lambda row: row.differentiable and row.arity > 1),
    broken_by=["blended_tangent"],
)
def test_a_long_direction_drowns_nothing(check: Check, case: Case) -> None:
    """The tangent MUST equal the truth where the direction of one operand is thousands of times longer than the others': what
    an operand does not contribute, it does not blur."""
    for long in uneven(case):
        check(long, "forward")
