"""Control flow: the gradient is that of the path that the data takes."""

from hypothesis import strategies as st

from clinometer.harness.cells import DTYPES, Cell, programs
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.concurrency import Call, Calls, single_points
from clinometer.reference.case import Case
from clinometer.reference.program.tracing import trace
from clinometer.strategies import program_cases, shapes
from clinometer.suites.programs import BRANCHES, LOOPS, SPREAD


@clause("FLOW-1", over=programs(*BRANCHES.values(), names=list(BRANCHES), mode="reverse", **SPREAD), broken_by=["wrong_branch"])
def test_the_gradient_is_that_of_the_branch_taken(check: Check, case: Case) -> None:
    """The gradient of a function that branches on its data MUST be the gradient of the branch that is taken."""
    check(case, "reverse")


@clause("FLOW-2", over=programs(*LOOPS.values(), names=list(LOOPS), mode="reverse", scale=1.0), broken_by=["last_trip_only"])
def test_the_gradient_runs_through_every_trip(check: Check, case: Case) -> None:
    """The gradient of a loop MUST be that of its trips, as many as the data asks for, none included."""
    check(case, "reverse")


@clause(
    "FLOW-3",
    over=programs(
        *BRANCHES.values(),
        *LOOPS.values(),
        names=[*BRANCHES, *LOOPS],
        mode="forward",
        scale=2.0,
        shape=shapes(min_dims=1, min_side=1),
    ),
    needs=["forward"],
    broken_by=["scaled_tangent"],
)
def test_the_tangent_is_that_of_the_path_taken(check: Check, case: Case) -> None:
    """The tangent of a function that branches or loops MUST be the tangent of the path that is taken."""
    check(case, "forward")


@st.composite
def both_sides(draw, dtype):
    """Draw a case whose points take both branches; shrinks to two points."""
    case = draw(program_cases(trace(BRANCHES["a or 100*a"]), dtype, **SPREAD))
    mirrored = tuple(-x for x in case.inputs)
    return case, Case(case.program, mirrored, case.tangents, case.cotangents, dtype)


BOTH = [
    Cell(dtype=dtype, mode="reverse", strategy=both_sides(dtype), operations=frozenset({"sum", "multiply", "greater"}))
    for dtype in DTYPES
]


@clause("FLOW-4", over=BOTH, broken_by=["frozen_branch"])
def test_the_branch_is_taken_anew_at_every_call(check: Check, pair) -> None:
    """A function called at two points on either side of its test MUST have at each the gradient of the branch there."""
    points, calls = single_points(pair), Calls(check)
    f = calls.define(points[0])
    for one in (*points, points[0]):
        Call(calls, one, f).holds()
