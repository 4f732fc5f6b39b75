"""Rewritings: another program, the same function."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from drawn import examples, minimal, share

from clinometer.reference.case import Case
from clinometer.reference.catalogue import MATHEMATICS
from clinometer.reference.program.data import Program
from clinometer.reference.program.interpreter import run
from clinometer.reference.program.printing import plain
from clinometer.reference.program.tracing import trace
from clinometer.strategies.programs.random import random_programs
from clinometer.strategies.programs.rewriting import REWRITINGS, Rewritten, detached, inlined, outlined, rewritten

EACH = pytest.mark.parametrize("name", REWRITINGS)
FEW = 40  # of whose derivatives the truth is computed, twice


@functools.cache
def drawn(name: str) -> list[Rewritten]:
    """Return programs to be rewritten in one way, with a few steps of every kind."""
    way = REWRITINGS.get(name, detached)
    return examples(rewritten(random_programs("float64", most=12), way), 300, seed=4)


def values(case: Case) -> list[Any]:
    """Return the outputs at the first point."""
    return list(run(case.program, MATHEMATICS, *(x[0] for x in case.inputs)))


def names(program: Program) -> Counter[str]:
    """Return how often each name is given to a value, blocks included."""
    found = Counter(program.inputs)
    for step in program.steps:
        found.update(step.out)
        for block in step.blocks:
            found.update(names(block))
    return found


# ----- the same function -----


@EACH
def test_the_value_is_the_same_to_the_last_bit(name: str) -> None:
    """A program that is written in another way computes the same number, by the same operations."""
    for case in drawn(name):
        for y, other in zip(values(case), values(case.after), strict=True):
            np.testing.assert_array_equal(y, other)


@EACH
def test_the_gradient_is_the_same(name: str) -> None:
    """The truth about both is the same, to what both allow for."""
    for case in drawn(name)[:FEW]:
        for one, other in zip(case.truth.gradients, case.after.truth.gradients, strict=True):
            assert (abs(one.value - other.value) <= one.tolerance + other.tolerance).all(), f"{case}\n{case.after.program}"


@EACH
def test_names_stay_unique(name: str) -> None:
    """No name is given twice, not even within blocks."""
    for case in drawn(name):
        assert max(names(case.program).values()) == 1
        assert max(names(case.after.program).values()) == 1, f"{plain(case.program)}\n\n{plain(case.after.program)}"


@EACH
def test_inputs_and_outputs_are_as_many(name: str) -> None:
    """What goes in and what comes out is what it was."""
    for case in drawn(name):
        assert case.after.program.inputs == case.program.inputs
        assert len(case.after.program.outputs) == len(case.program.outputs)


LEAST = {"recomputed": 0.5, "reordered": 0.3, "outlined": 0.9, "inlined": 0.1}  # of one step there is one order


@EACH
def test_programs_really_change(name: str) -> None:
    """Each rewriting finds something to do: in most programs, or for functions to put in line, where there are any."""
    assert share(drawn(name), lambda case: case.after.program != case.program) > LEAST[name]


def test_the_seed_alone_chooses() -> None:
    """A case is rewritten alike as often as one likes, and otherwise under another seed."""
    again = [dataclasses.replace(case).after.program for case in drawn("outlined")]
    other = [dataclasses.replace(case, seed=case.seed + 1).after.program for case in drawn("outlined")]
    assert again == [case.after.program for case in drawn("outlined")]
    assert again != other


# ----- in words -----


def called_once(ad: Any, x: Any, y: Any) -> Any:
    product = x * y
    return ad.sum(ad.call(lambda a: ad.sin(a) + product, x))


def test_a_function_is_put_in_line() -> None:
    """What was the body of a function stands where it was called, with the argument for the parameter."""
    program = inlined(trace(called_once), np.random.default_rng(0))
    assert plain(program) == "v1 = multiply(x, y)\nv3 = sin(x)\nv4 = add(v3, v1)\nv6 = sum(v4)\nreturn v6"


def test_a_part_becomes_a_function() -> None:
    """A run of steps is called as a function that captures what it reads, but for an input that it is handed."""
    program = outlined(trace(lambda ad, x: ad.exp(ad.sin(x))), np.random.default_rng(1))
    assert [step.op for step in program.steps].count("call") == 1
    assert inlined(program, np.random.default_rng(0)).operations() == {"sin", "exp"}


# ----- another function of the same value -----


def test_a_detached_value_leaves_the_value() -> None:
    """A cut changes no number, and there is one more of them."""
    for case in drawn("detached"):
        for y, other in zip(values(case), values(case.after), strict=True):
            np.testing.assert_array_equal(y, other)
        assert plain(case.after.program).count("stop_gradient") == plain(case.program).count("stop_gradient") + 1


def test_a_detached_value_changes_most_gradients() -> None:
    """In two thirds of the programs the gradient of some input is another with the cut."""

    def changes(case: Rewritten) -> bool:
        pairs = zip(case.truth.gradients, case.after.truth.gradients, strict=True)
        return any((abs(one.value - other.value) > one.tolerance + other.tolerance).any() for one, other in pairs)

    assert share(drawn("detached")[:FEW], changes) > 2 / 3


# ----- shrinking -----


def test_rewritten_programs_shrink_as_programs_do() -> None:
    """The simplest case to be rewritten has one step."""
    case = minimal(rewritten(random_programs("float64"), detached))
    assert len(case.program.steps) == 1
    assert case.seed == 0
