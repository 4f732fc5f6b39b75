"""Blame: of a program that fails, the step that is wrong by itself is named, and no other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clinometer.backends.reference.adapter import Reference
from clinometer.harness.check import Check
from clinometer.harness.findings import Finding, Nonconformance
from clinometer.harness.localize import blame, blaming, steps
from clinometer.reference.arithmetic.dispatch import stop_gradient
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.tracing import trace
from clinometer.strategies.cases import complete


def sine(x: Any) -> Any:
    return CATALOGUE["sin"].value(x)


def backend(**wrong: Callable[..., Any]) -> Reference:
    """Return a reference some of whose operations are replaced."""
    made = Reference()
    made.second_witness = False  # type: ignore[misc]  # the truth is not what is on trial
    vars(made.xp).update(wrong)
    return made


def wrong_value() -> Reference:
    return backend(sin=lambda x: 1.5 * sine(x))


def wrong_slope() -> Reference:
    """The value is right, and the derivative twice what it should be."""
    return backend(sin=lambda x: 2 * sine(x) - stop_gradient(sine(x)))


def case(function: Callable[..., Any], *inputs: Any) -> Case:
    """Return the case of a function at one point."""
    xs = tuple(np.array([x], "float64") for x in inputs or [[0.5, 1.25]])
    return complete(trace(function), xs, np.random.default_rng(0), "float64")


# Programs that are wrong by their sine alone, wherever it stands.
PLACES: dict[str, Callable[..., Any]] = {
    "a straight line": lambda ad, x: ad.exp(ad.sin(x)) * x,
    "a branch": lambda ad, x: ad.cond(ad.sum(x) > 1.0, lambda: ad.sin(x * x), lambda: x),
    "a loop": lambda ad, x: ad.repeat_times(3, lambda z: ad.sin(z) + x, x),
    "a loop on data": lambda ad, x: ad.while_loop(lambda z: ad.sum(z) < 3.0, lambda z: ad.sin(z) + z + x, x),
    "a function": lambda ad, x: ad.call(lambda z: ad.sin(z) * x, ad.exp(x)),
    "a recursion": lambda ad, x: ad.call(lambda z: ad.sin(z) + x, x, depth=3),
    "a branch in a loop": lambda ad, x: ad.repeat_times(2, lambda z: ad.cond(ad.sum(z) > 0.5, lambda: ad.sin(z), lambda: z), x),
    "a gradient": lambda ad, x: x * ad.gradient(lambda z: ad.sum(ad.exp(ad.sin(z))), x),
}
EACH = pytest.mark.parametrize("place", PLACES)


@EACH
@pytest.mark.parametrize("mode", ["value", "reverse", "forward"])
def test_a_wrong_operation_is_named_wherever_it_stands(place: str, mode: str) -> None:
    """In a branch, a loop, a function and a derivative the operation is found that is wrong alone."""
    found = blame(Check(wrong_value()), case(PLACES[place]), mode)
    assert found is not None
    assert found.op == "sin"


@EACH
def test_a_wrong_derivative_is_named_wherever_it_stands(place: str) -> None:
    """Likewise where the value is right."""
    found = blame(Check(wrong_slope()), case(PLACES[place]), "reverse")
    assert found is not None
    assert found.op == "sin"


@EACH
@pytest.mark.parametrize("mode", ["value", "reverse", "forward", "reverse-over-reverse"])
def test_a_sound_program_is_blamed_for_nothing(place: str, mode: str) -> None:
    """Where each step is right alone there is nobody to blame."""
    assert blame(Check(backend()), case(PLACES[place]), mode) is None


def test_the_first_wrong_step_is_named() -> None:
    """Of two that are wrong it is the one that comes first."""
    wrong = backend(sin=lambda x: 1.5 * sine(x), cos=lambda x: 2.0 * CATALOGUE["cos"].value(x))
    found = blame(Check(wrong), case(lambda ad, x: ad.sin(ad.cos(x))), "reverse")
    assert found is not None
    assert (found.op, found.name) == ("cos", "v1")


def test_a_side_that_is_not_taken_is_not_asked_about() -> None:
    """An operation on the side of a branch that was not carried out is out of the question."""
    untaken = case(lambda ad, x: ad.cond(ad.sum(x) > 100.0, lambda: ad.sin(x), lambda: ad.exp(x)))
    assert [step.op for step, _ in steps(untaken)] == ["sum", "greater", "exp"]
    assert blame(Check(wrong_value()), untaken, "reverse") is None


def test_the_steps_of_a_loop_come_one_by_one() -> None:
    """Each trip has steps of its own, with the numbers that it meets."""
    found = steps(case(lambda ad, x: ad.repeat_times(3, lambda z: z * 2.0, x), [1.0]))
    assert [next(iter(read.values())).tolist() for _, read in found] == [[1.0], [2.0], [4.0]]


def test_the_step_that_is_wrong_stands_alone_in_the_message() -> None:
    """The message names the step as the program has it, its inputs, and what is wrong about it."""
    found = blame(Check(wrong_value()), case(PLACES["a straight line"], [0.5, 1.25]), "reverse")
    told, _, off = str(found).rpartition("; ")
    assert told == "v1 = sin(x) is wrong alone, at x = [0.5, 1.25]: value at [0]: got 0.7191, expected 0.4794"
    assert re.fullmatch(r"off by \d\.\d+e\+14 tolerances", off)


# ----- what is added to a failure -----


def failure(function: Callable[..., Any], on: Reference) -> Nonconformance:
    """Return how a program fails under blame."""
    check, asked = Check(on), case(function)
    with pytest.raises(Nonconformance) as caught, blaming(check, asked, "reverse"):
        check(asked, "reverse")
    return caught.value


def test_a_failure_says_who_is_to_blame() -> None:
    """The message of the failure is followed by the step, and the operation goes to the known failures."""
    wrong = failure(PLACES["a loop"], wrong_slope())
    assert wrong.blamed == "sin"
    first, _, second = str(wrong).partition("; v2 = sin(v1) ")
    assert first.startswith("gradient of x at ")
    assert second.startswith("is wrong alone, at v1 = [0.5, 1.25]: gradient of v1 at [0]: got -0.4388, expected -0.2194")
    assert wrong.finding is not None
    assert wrong.finding.case is not None
    assert [step.op for step in wrong.finding.case.program.steps] == ["for"]  # the evidence stays that of the program


class Deaf(Reference):
    """Right about each step, and wrong about any two."""

    second_witness = False

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        parts = 1.0 if self.steps == 1 else 2.0
        return y, lambda ct: [parts * g for g in pullback(ct)]

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        for op in ("sin", "exp"):
            setattr(self.xp, op, self.counted(getattr(self.xp, op)))

    def counted(self, operation: Any) -> Any:
        def apply(*args: Any) -> Any:
            self.steps += 1
            return operation(*args)

        return apply

    def asarray(self, x: Any) -> Any:
        self.steps = 0  # a new question
        return super().asarray(x)


def test_where_each_step_is_right_the_message_says_so() -> None:
    """A fault that lies between operations is pinned on none of them."""
    wrong = failure(lambda ad, x: ad.exp(ad.sin(x)), Deaf())
    assert wrong.blamed == ""
    assert str(wrong).endswith("; each step alone is right: sin, exp")


def test_what_nobody_can_tell_is_no_reason_for_blame() -> None:
    """An outcome other than a failure or an error passes as it came."""
    with pytest.raises(Nonconformance) as caught, blaming(Check(wrong_value()), case(PLACES["a loop"]), "reverse"):
        raise Nonconformance("invalid", "ours", Finding("ours"))
    assert str(caught.value) == "ours"


def test_the_counts_of_the_check_stay() -> None:
    """What is asked on the search is not added to what the clause has asked."""
    check = Check(wrong_value())
    assert blame(check, case(PLACES["a loop"]), "reverse") is not None
    assert (check.examples, check.points) == (0, 0)
