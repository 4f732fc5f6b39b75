"""Failing programs made small."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from drawn import examples

from clinometer.reference.case import Case
from clinometer.reference.catalogue import MATHEMATICS
from clinometer.reference.program.data import Program
from clinometer.reference.program.interpreter import run
from clinometer.reference.program.printing import plain
from clinometer.reference.program.tracing import trace
from clinometer.strategies.cases import complete
from clinometer.strategies.programs.random import random_programs
from clinometer.strategies.programs.shrinking import MOST, fitted, reduced, smaller_cases


@functools.cache
def drawn() -> list[Case]:
    """Return programs of all kinds, at two points where there are two."""
    return examples(random_programs("float64", points=2), 400, seed=3)


def size(program: Program) -> int:
    """Return how many steps a program has, those of its blocks included."""
    return sum(1 + sum(map(size, step.blocks)) for step in program.steps)


def having(op: str) -> Callable[[Case], bool]:
    """Return what fails wherever there is an operation or structure."""

    def within(program: Program) -> bool:
        return any(step.op == op or any(map(within, step.blocks)) for step in program.steps)

    return lambda case: within(case.program)


def made(function: Callable[..., Any], *inputs: Any) -> Case:
    """Return the case of a function at one point."""
    xs = tuple(np.array([x], "float64") for x in inputs)
    return complete(trace(function), xs, np.random.default_rng(0), "float64")


# ----- what becomes of a failure -----

SMALLEST = {"sum": 1, "tanh": 1, "stop_gradient": 1, "concat": 1, "if": 3, "for": 2, "while": 4, "call": 2, "gradient": 2}


@pytest.mark.parametrize("op", SMALLEST)
def test_a_step_that_fails_is_left_nearly_alone(op: str) -> None:
    """What fails by one operation or structure comes down to it, and what it cannot be without, in most programs."""
    fails = having(op)
    sizes = [size(reduced(case, fails).program) for case in list(filter(fails, drawn()))[:12]]
    assert len(sizes) >= 8
    assert np.median(sizes) <= SMALLEST[op], sizes


def test_what_is_returned_fails_and_is_valid() -> None:
    """The small case is no larger, fails as the large one did, and is valid, with all that a case has."""

    def fails(case: Case) -> bool:
        return any(np.size(y) > 3 for y in run(case.program, MATHEMATICS, *(x[0] for x in case.inputs)))

    cases = list(filter(fails, drawn()))[:20]
    assert len(cases) == 20
    for case in cases:
        small = reduced(case, fails)
        assert fails(small)
        assert fitted(small) is not None
        assert size(small.program) <= size(case.program)
        assert [dx.shape for dx in small.tangents] == [x.shape for x in small.inputs]
        assert {x.dtype for x in (*small.inputs, *small.tangents, *small.cotangents)} == {np.dtype("float64")}


def test_points_are_dropped() -> None:
    """Of several points one is left, where one is enough."""
    case = next(case for case in drawn() if case.points == 2)
    assert reduced(case, lambda case: True).points == 1


def test_what_needs_two_points_keeps_them() -> None:
    """A failure of the second call alone is not lost on the way."""
    case = next(case for case in drawn() if case.points == 2)
    assert reduced(case, lambda case: case.points == 2).points == 2


def test_a_failure_that_is_gone_leaves_the_case_as_it_is() -> None:
    """Where no smaller case fails, it is the same one that comes back."""
    case = drawn()[0]
    assert reduced(case, lambda case: False) is case


def test_the_search_has_an_end() -> None:
    """It asks about so many cases and no more."""
    asked = 0

    def fails(case: Case) -> bool:
        nonlocal asked
        asked += 1
        return False

    reduced(max(drawn(), key=lambda case: size(case.program)), fails)
    assert 0 < asked <= MOST


# ----- how -----


def test_a_branch_becomes_the_side_that_is_taken() -> None:
    """Of an `if` that does not matter the side that was carried out is left."""
    case = made(lambda ad, x: ad.cond(ad.sum(x) > 0.5, lambda: ad.exp(x), lambda: ad.sin(x)), [1.0, 2.0])
    assert plain(reduced(case, having("exp")).program) == "v3 = exp(x)\nreturn v3"


def test_a_loop_becomes_a_trip() -> None:
    """Of a `for` that does not matter the body is left, once."""
    case = made(lambda ad, x: ad.repeat_times(3, lambda z: ad.tanh(ad.sin(z)), x), [1.0, 2.0])
    assert size(reduced(case, having("sin")).program) == 1


def test_a_loop_that_matters_makes_fewer_trips() -> None:
    """Where the loop is to blame, it is made shorter, and its body lighter."""
    case = made(lambda ad, x: ad.repeat_times(4, lambda z: ad.tanh(ad.sin(z)), x), [1.0, 2.0])
    small = reduced(case, having("for"))
    assert small.program.steps[0].params == {"times": 1}
    assert size(small.program) <= 2


def test_numbers_become_simple() -> None:
    """Inputs are rounded as far as the failure allows."""
    case = made(lambda ad, x: ad.exp(x), [1.2345, -0.6789])
    np.testing.assert_array_equal(reduced(case, having("exp")).inputs[0], [[1.0, -1.0]])
    kept = reduced(case, lambda case: bool(case.inputs[0][0, 0] > 1.2))
    np.testing.assert_array_equal(kept.inputs[0], [[1.23, -0.68]])


def test_inputs_that_nothing_reads_are_dropped() -> None:
    """An input without a use does not stand in what is shown."""
    case = made(lambda ad, x, y: ad.exp(x) + ad.sum(y), [1.0, 2.0], [3.0])
    assert reduced(case, having("exp")).program.inputs == ("x",)


def test_a_beginning_becomes_an_input() -> None:
    """What leads up to the failure is replaced by the numbers that it gives."""
    case = made(lambda ad, x: ad.exp(ad.reshape(ad.sin(x), shape=(2, 1))), [1.0, 2.0])
    small = reduced(case, lambda case: having("exp")(case) and case.cotangents[0].shape == (1, 2, 1))
    assert [step.op for step in small.program.steps] == ["exp"]
    assert small.inputs[0].shape == (1, 2, 1)


def test_a_case_that_is_not_valid_is_not_asked_about() -> None:
    """Whatever is asked about is inside its domain and clear of kinks."""
    case = made(lambda ad, x: ad.log(ad.square(x) + 1.0), [-2.0, 0.5])
    asked: list[Case] = []
    reduced(case, lambda case: bool(asked.append(case)))

    def outside(case: Case) -> bool:  # the logarithm of the input itself, which has a negative entry
        return case.inputs[0].min() < 0 and any(step.op == "log" and step.args == ("x",) for step in case.program.steps)

    assert any(map(outside, smaller_cases(case)))
    assert not any(map(outside, asked))
    assert asked


def test_what_is_put_behind_each_other_becomes_a_sum() -> None:
    """Of two results, flattened and joined, a smaller case has the sum, where their shapes broadcast, and is valid."""

    def joined(ad: Any, x: Any) -> Any:
        return ad.concat(ad.reshape(ad.sin(x), shape=(6,)), ad.reshape(ad.sum(x), shape=(1,)), axis=0)

    ops = [case.program.operations() for case in filter(None, map(fitted, smaller_cases(made(joined, np.ones((2, 3))))))]
    assert {"sin", "sum", "add"} in ops


def test_what_does_not_broadcast_stays_joined() -> None:
    """Two results of three and of two entries have no sum."""

    def joined(ad: Any, x: Any, y: Any) -> Any:
        return ad.concat(ad.sin(x), y, axis=0)

    assert not any("add" in case.program.operations() for case in smaller_cases(made(joined, np.ones(3), np.ones(2))))


def test_of_several_outputs_those_are_left_that_it_takes() -> None:
    """What fails by one of three outputs comes down to it; what fails by two that are alike keeps two."""

    def three(ad: Any, x: Any) -> Any:
        return ad.sin(x), ad.exp(x) + 1.0, ad.tanh(x)

    case = made(three, np.ones(3))
    assert plain(reduced(case, having("exp")).program).startswith("v2 = exp(x)\nreturn v2")
    two = reduced(case, lambda smaller: len(smaller.program.outputs) > 1)
    assert len(two.program.outputs) == len(two.cotangents) == 2
    assert fitted(two) is two
