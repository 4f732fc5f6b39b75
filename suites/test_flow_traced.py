"""Traced flow: branches and loops in the library's own words, and functions that are traced once."""

from typing import Any

from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.control_flow import BackendControlFlow
from clinometer.harness.findings import BESIDE, Nonconformance
from clinometer.harness.transforms import also, traced_by, traced_programs
from clinometer.reference.case import Case
from clinometer.suites.programs import (
    BRANCHES,
    CUTS,
    CUTS_IN_FLOW,
    FEW_OR_NONE,
    FEW_SHAPES,
    FLOWS,
    LOOPS,
    REPEATS,
    SPREAD,
    WHILES,
)

# The planted faults of these clauses break a program at its first example, if they break it at all (under five seeds); but for
# the loop without trips, which "while, no trip" is there for.
COMPILED: dict[str, Any] = {"shape": FEW_OR_NONE, "budget_factor": 0.4}
WIDE = {**SPREAD, **COMPILED}


def gradient_of_the_path(check: Check, case: Case) -> None:
    """Hold the gradient through the library's own control flow, and the value that comes with it."""
    with traced_by(check, case):
        check(case, f"{BESIDE}reverse")


@clause(
    "FLOW-TRACED-1",
    over=traced_programs(BRANCHES, mode="reverse", **WIDE),
    needs=["cond"],
    broken_by=["deaf_capture", "wrong_branch"],
)
def test_cond_has_the_gradient_of_the_branch_taken(check: Check, case: Case) -> None:
    """The gradient through the library's `cond` MUST be that of the branch taken, in all values that the branch uses."""
    gradient_of_the_path(check, case)


@clause(
    "FLOW-TRACED-2",
    over=[
        *traced_programs(WHILES, mode="reverse", scale=2.0, **COMPILED),
        *traced_programs({"while, no trip": LOOPS["while"]}, mode="reverse", scale=0.0625, **COMPILED),
    ],
    needs=["while_loop"],
    broken_by=["do_while", "deaf_capture"],
)
def test_while_loop_has_the_gradient_of_its_trips(check: Check, case: Case) -> None:
    """The gradient through the library's `while_loop` MUST be that of as many trips as the data asks for, none included."""
    gradient_of_the_path(check, case)


@clause(
    "FLOW-TRACED-3",
    over=traced_programs(REPEATS, mode="reverse", **COMPILED),
    needs=["scan"],
    broken_by=["dropped_last_trip", "deaf_capture"],
)
def test_scan_has_the_gradient_of_its_trips(check: Check, case: Case) -> None:
    """The gradient through the library's `scan` MUST run through every trip, what is carried and what is captured."""
    gradient_of_the_path(check, case)


@clause(
    "FLOW-TRACED-4",
    over=traced_programs(FLOWS, mode="forward", scale=2.0, **COMPILED),
    needs=["forward", "cond"],
    broken_by=["deaf_capture", "scaled_tangent"],
)
def test_traced_flow_has_the_tangent_of_the_path_taken(check: Check, case: Case) -> None:
    """The tangent through the library's own branches and loops MUST be that of the path taken."""
    with traced_by(check, case):
        check(case, "forward")


@clause(
    "FLOW-TRACED-5",
    over=traced_programs(CUTS_IN_FLOW, mode="reverse", **COMPILED),
    needs=["cond", *CUTS],
    broken_by=["leaky_detach", "deaf_capture"],
)
def test_a_detach_cuts_inside_traced_flow(check: Check, case: Case) -> None:
    """A detach inside the library's own branches and loops MUST cut there and nowhere else."""
    gradient_of_the_path(check, case)


TRACED_ONCE = traced_programs(FLOWS, mode="reverse", scale=2.0, shape=FEW_SHAPES)
# The test of these is of a sum, which changes its sign with the data.
SIGNED = {name: BRANCHES[name] for name in ("a or 100*a", "captured")}
MIRRORED = also(traced_programs({f"{name}, both": f for name, f in SIGNED.items()}, mode="reverse", **WIDE), lambda x: -x)


@clause(
    "FLOW-TRACED-6",
    over=[*TRACED_ONCE, *MIRRORED],
    needs=["jit"],
    broken_by=["branch_frozen_in_trace", "stale_jit"],
)
def test_a_function_traced_on_one_path_has_the_gradient_of_another(check: Check, case: Case) -> None:
    """A function that was traced at one point MUST have at others the gradient of the path that their data takes."""
    with traced_by(check, case, within="jit"):
        check(case, "value")
        check(case, "reverse")


@clause(
    "FLOW-TRACED-7",
    over=also(traced_programs(SIGNED, mode="reverse", **WIDE), lambda x: -x),
    needs=["jit"],
    broken_by=["baking_jit"],
)
def test_no_branch_of_python_is_baked_in(check: Check, case: Case) -> None:
    """A Python branch on data in a function that is traced MUST be refused, or be taken anew at every call."""
    with traced_by(check, case, BackendControlFlow, within="jit"):
        try:
            check(case, "reverse")
        except Nonconformance as wrong:
            if wrong.outcome != "error":
                raise
            check.observe("a Python branch on data, traced", wrong.answer)
        else:
            check.observe("a Python branch on data, traced", "is taken anew")
