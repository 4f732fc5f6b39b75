"""Control flow: the gradient is that of the path that the data takes."""

from typing import Any

from hypothesis import strategies as st

from clinometer.reference.program import trace
from clinometer.reference.truth import Case
from clinometer.strategies import program_cases, shapes
from clinometer.suites.calls import Call, Calls, single_points
from clinometer.suites.check import Check
from clinometer.suites.clauses import DTYPES, Cell, clause, programs


def halving(ad, x):
    """Halve while the sum of squares exceeds 1: the trip count depends on the data, zero included."""
    return ad.while_loop(lambda a: ad.sum(a * a) > 1.0, lambda a: a * 0.5, x)


def growing(ad, x):
    """Carry two values; the second captures the input."""
    y, total = ad.while_loop(lambda a, s: ad.sum(s * s) < 20.0, lambda a, s: (a * 1.5, s + ad.sin(a) * x + 1.0), x, x * 0.0)
    return y + total


def early(ad, x):
    """Return early from two nested tests."""
    return ad.cond(
        ad.max(x) > 3.0,
        lambda: x * 2.0,
        lambda: ad.cond(ad.sum(x) < -1.0, lambda: x * x * x, lambda: ad.sin(x)),
    )


def recursive(depth):
    """Return a program that unrolls a recursion: f(x) = x * f(x / 2) down to `depth`."""

    def f(ad, x, level=0):
        return ad.cos(x) if level == depth else x * f(ad, x * 0.5, level + 1)

    return lambda ad, x: f(ad, x)


BRANCHES = {
    "a or 100*a": lambda ad, x: ad.cond(ad.sum(x) > 0, lambda: x * 1.0, lambda: 100 * x),
    "x or x*x": lambda ad, x: ad.cond(ad.sqrt(ad.sum(x * x)) > 10.0, lambda: x * 1.0, lambda: x * x),
    "single entry": lambda ad, x: ad.cond(ad.max(x) > 1.0, lambda: ad.exp(x * 0.1), lambda: ad.sin(x) * x),
    "early return": early,
    "captured": lambda ad, x: (lambda a: ad.cond(ad.sum(x) > 0, lambda: a * x, lambda: a + x))(ad.sin(x)),
}
LOOPS = {
    "for": lambda ad, x: ad.repeat_times(4, lambda a: ad.sin(a) + x * a, x),
    "for, no trip": lambda ad, x: ad.repeat_times(0, lambda a: a * a, x * 3.0),
    "while": halving,
    "while, two carried": growing,
    "recursion": recursive(3),
}
SPREAD: dict[str, Any] = {"scale": 4.0, "profiles": ("normal", "fractions", "integers")}


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
    Cell("", dtype, "reverse", "", both_sides(dtype), operations=frozenset({"sum", "multiply", "greater"})) for dtype in DTYPES
]


@clause("FLOW-4", over=BOTH, broken_by=["frozen_branch"])
def test_the_branch_is_taken_anew_at_every_call(check: Check, pair) -> None:
    """A function called at two points on either side of its test MUST have at each the gradient of the branch there."""
    points, calls = single_points(pair), Calls(check)
    f = calls.define(points[0])
    for one in (*points, points[0]):
        Call(calls, one, f).holds()
