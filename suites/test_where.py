"""Where: the branch that is not taken, and the NaN that waits there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from clinometer.harness.cells import DTYPES, Cell, of_program
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.consistency import assert_untouched
from clinometer.harness.findings import answered
from clinometer.harness.special_points import legible
from clinometer.journal.vocabulary import CONVENTION, INFO
from clinometer.reference.case import Case
from clinometer.reference.program.tracing import trace
from clinometer.strategies import fixed_case

NAN, INF = float("nan"), float("inf")
GOOD = (0.25, 0.5, 0.875)  # in the domain of every function below


class Branch(NamedTuple):
    """A function, the points at which it or its derivative is no number, and what stands in for them."""

    f: Callable[[Any, Any], Any]
    bad: tuple[float, ...]
    safe: float = 0.5


BRANCHES = {
    "sqrt": Branch(lambda ad, x: ad.sqrt(x), (-1.0, 0.0)),
    "log": Branch(lambda ad, x: ad.log(x), (-1.0, 0.0)),
    "1/x": Branch(lambda ad, x: 1.0 / x, (0.0,)),
    "sin(x)/x": Branch(lambda ad, x: ad.sin(x) / x, (0.0, INF)),
    "x**0.5": Branch(lambda ad, x: x**0.5, (-1.0, 0.0)),
    "asin": Branch(lambda ad, x: ad.asin(x), (1.0, 2.0)),
    "exp": Branch(lambda ad, x: ad.exp(x), (1000.0,)),
    "x*x": Branch(lambda ad, x: x * x, (NAN, INF, -INF)),
    "softmax": Branch(lambda ad, x: ad.softmax(x, axis=-1), (NAN, INF)),
}
MIXED = {name: (GOOD[0], *branch.bad, *GOOD[1:]) for name, branch in BRANCHES.items()}


def plain(name: str, turned: bool) -> Any:
    """Return where(x is good, f(x), 3) or, turned around, where(x is bad, 3, f(x))."""
    branch, xs = BRANCHES[name], MIXED[name]

    def program(ad: Any, x: Any) -> Any:
        return _where(ad, xs, branch.f(ad, x), 3.0, turned)

    return program


def double(name: str, turned: bool) -> Any:
    """Return the same with an inner `where`, that keeps bad points away from f."""
    branch, xs = BRANCHES[name], MIXED[name]

    def program(ad: Any, x: Any) -> Any:
        return _where(ad, xs, branch.f(ad, _where(ad, xs, x, branch.safe, turned)), 3.0, turned)

    return program


def _where(ad: Any, xs: tuple[float, ...], good: Any, bad: Any, turned: bool) -> Any:
    is_good = [x in GOOD for x in xs]
    if turned:
        return ad.where(bad, good, condition=[not taken for taken in is_good])
    return ad.where(good, bad, condition=is_good)


def cells(idiom: Callable[[str, bool], Any], mode: str) -> list[Cell]:
    """Return a cell for each function behind a `where`, on either side of it, in each dtype."""
    found = []
    for name in BRANCHES:
        for turned in (False, True):
            program = trace(idiom(name, turned))
            title = f"{name},{'second' if turned else 'first'}"
            for dtype in DTYPES:
                argument = fixed_case(program, [MIXED[name]], dtype)
                found.append(of_program(program, dtype=dtype, mode=mode, parameters=title, argument=argument))
    return found


PLAIN = [dataclasses.replace(cell, argument=(cell.parameters, cell.argument)) for cell in cells(plain, "reverse")]


@clause("WHERE-1", over=PLAIN, level=INFO, kind=CONVENTION)
def test_a_branch_that_is_not_taken_is_recorded(check: Check, argument: tuple[str, Case]) -> None:
    """What the gradient is at an entry whose branch that is not taken is NaN or infinite is recorded."""
    name, case = argument
    check.points += 1
    _, (gradient,) = check.pull(case, np.ones_like(case.cotangents[0]))
    for x, g in zip(case.inputs[0][0], gradient[0], strict=True):
        if x not in GOOD:
            check.observe(f"where around {name}, not taken at {x:g}", legible(g))


@clause("WHERE-2", over=cells(double, "reverse"), broken_by=["arithmetic_where"])
def test_two_wheres_make_the_gradient_finite(check: Check, case: Case) -> None:
    """With a second `where` that keeps bad points from the function, the gradient MUST be finite and right."""
    check(case, "reverse")


@clause("WHERE-3", over=cells(double, "forward"), needs=["forward"], broken_by=["arithmetic_where"])
def test_two_wheres_make_the_tangent_finite(check: Check, case: Case) -> None:
    """With a second `where` that keeps bad points from the function, the tangent MUST be finite and right."""
    check(case, "forward")


@clause("WHERE-4", over=cells(double, "reverse-over-reverse"), needs=["nested"], broken_by=["arithmetic_where"])
def test_two_wheres_make_the_second_derivative_finite(check: Check, case: Case) -> None:
    """With a second `where` that keeps bad points from the function, the second derivative MUST be finite and right."""
    check(case, "reverse-over-reverse")


TAKEN = {
    "first": lambda ad, x: ad.where(ad.sin(x), x, condition=[True, True, True, False]),
    "second": lambda ad, x: ad.where(x, x * x, condition=[False, True, False, False]),
    "passed on": lambda ad, x: ad.where(x, 3.0, condition=[True, True, True, False]) * x,
}
SPOILED = 2  # which entry is NaN


@clause(
    "WHERE-5",
    over=[
        of_program(case.program, dtype=dtype, mode="reverse", parameters=name.replace(" ", ""), argument=case)
        for name, f in TAKEN.items()
        for dtype in DTYPES
        for case in [fixed_case(trace(f), [[0.25, 0.5, 0.75, 1.5]], dtype)]
    ],
    broken_by=["cleaning_where", "contagious_gradient"],
)
def test_a_nan_that_is_taken_stays(check: Check, sound: Case) -> None:
    """A NaN that `where` takes MUST stay a NaN, and MUST change neither the value nor the gradient of another entry."""
    x = np.array(sound.inputs[0])
    x[0, SPOILED] = NAN
    case = dataclasses.replace(sound, inputs=(x,))
    there = np.arange(x.shape[1]) == SPOILED
    y = assert_untouched(check, sound, case, there, [there])
    want = np.where(there, NAN, y).astype(y.dtype)
    check.same(y, want, "value beside a NaN that is taken", case, about=answered(case, "value"))
