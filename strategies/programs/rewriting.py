"""Programs written in another way: what they compute is the same, and so is its derivative.

A rewriting takes a program and a generator and returns a program of the same inputs and outputs. Names are unique
throughout a program, blocks included, so that renaming is simple.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.data import Operand, Program, Step, reads

Rewriting = Callable[[Program, np.random.Generator], Program]


@dataclass(frozen=True)
class Rewritten(Case):
    """A case whose program is to be written in another way."""

    rewriting: Rewriting = lambda program, rng: program  # a field
    seed: int = 0

    @functools.cached_property
    def after(self) -> Case:
        """The same case of the program written in the other way."""
        program = self.rewriting(self.program, np.random.default_rng(self.seed))
        return Case(program, self.inputs, self.tangents, self.cotangents, self.dtype)


@st.composite
def rewritten(draw: Any, cases: st.SearchStrategy[Case], rewriting: Rewriting) -> Rewritten:
    """Draw a case whose program is to be rewritten; shrinks as its strategy does."""
    case, seed = draw(cases), draw(st.integers(0, 2**16))
    return Rewritten(case.program, case.inputs, case.tangents, case.cotangents, case.dtype, rewriting, seed)


def renamed(step: Step, names: Mapping[str, str]) -> Step:
    """Return a step that reads other values."""

    def operand(o: Operand) -> Operand:
        return names.get(o, o) if isinstance(o, str) else o

    def block(b: Program) -> Program:
        return Program(b.inputs, tuple(renamed(s, names) for s in b.steps), tuple(map(operand, b.outputs)))

    return dataclasses.replace(step, args=tuple(map(operand, step.args)), blocks=tuple(map(block, step.blocks)))


def _from(program: Program, place: int, extra: Step, names: Mapping[str, str]) -> Program:
    """Return a program with a step put in at a place; what comes behind it reads other values."""
    steps = [*program.steps[:place], extra, *(renamed(step, names) for step in program.steps[place:])]
    outputs = tuple(names.get(o, o) if isinstance(o, str) else o for o in program.outputs)
    return Program(program.inputs, tuple(steps), outputs)


def _some(program: Program, rng: np.random.Generator) -> int:
    """Choose a step that has one result which is no decision."""
    places = [i for i, step in enumerate(program.steps) if len(step.out) == 1 and step.op not in ("greater", "less")]
    return int(rng.choice(places)) if places else -1


# ----- the same function -----


def recomputed(program: Program, rng: np.random.Generator) -> Program:
    """Compute a value a second time, for the uses behind some place: common subexpressions undone."""
    place = _some(program, rng)
    if place < 0 or program.steps[place].blocks:  # the names within blocks would stand twice
        return program
    step = program.steps[place]
    again = dataclasses.replace(step, out=(f"{step.out[0]}b",))
    return _from(program, int(rng.integers(place + 1, len(program.steps) + 1)), again, {step.out[0]: again.out[0]})


def reordered(program: Program, rng: np.random.Generator) -> Program:
    """Take steps in another order that their operands allow, those of blocks too, and operands that commute the other way."""
    orders = (_order(program, rng) for _ in range(ORDERS))
    return next((other for other in orders if other != program), program)


ORDERS = 4  # of which one that is new is taken; of two steps that do not need each other every second one is


def _order(program: Program, rng: np.random.Generator) -> Program:
    waiting, done = list(program.steps), set(program.inputs)
    made = {name for step in waiting for name in step.out}
    steps: list[Step] = []
    while waiting:
        ready = [step for step in waiting if not (reads(step) & made) - done]
        step = ready[int(rng.integers(len(ready)))]
        waiting.remove(step)
        done |= set(step.out)
        swap = not step.blocks and CATALOGUE[step.op].commutes and not isinstance(step.args[1], float)
        blocks = tuple(_order(block, rng) for block in step.blocks)
        steps.append(dataclasses.replace(step, args=step.args[::-1] if swap else step.args, blocks=blocks))
    return Program(program.inputs, tuple(steps), program.outputs)


def outlined(program: Program, rng: np.random.Generator) -> Program:
    """Put a run of steps into an inner function that captures what it reads, and call it."""
    n = len(program.steps)
    if not n:
        return program
    start = int(rng.integers(n))
    stop = int(rng.integers(start + 1, n + 1))
    inner = program.steps[start:stop]
    later = set().union(*(reads(step) for step in program.steps[stop:])) | set(program.outputs)
    results = tuple(name for step in inner for name in step.out if name in later)
    given = tuple(name for name in sorted(reads(inner[0])) if name in program.inputs)[:1]  # the rest is captured
    inside = {name: f"{name}a" for name in given}
    body = Program(tuple(inside.values()), tuple(renamed(step, inside) for step in inner), results)
    names = {name: f"{name}r" for name in results}
    call = Step(tuple(names.values()), "call", given, {"depth": 1}, (body,))
    rest = Program(program.inputs, (*program.steps[:start], *program.steps[stop:]), program.outputs)
    return _from(rest, start, call, names)


def inlined(program: Program, rng: np.random.Generator) -> Program:
    """Put the bodies of functions that are called once where they are called."""
    steps: list[Step] = []
    names: dict[str, str] = {}
    for step in (renamed(s, names) for s in program.steps):
        step = renamed(step, names)
        if step.op == "call" and step.params["depth"] == 1 and all(isinstance(a, str) for a in step.args):
            (body,) = step.blocks
            inside: Any = dict(zip(body.inputs, step.args, strict=True))
            steps += [renamed(s, inside) for s in body.steps]
            names |= {out: inside.get(o, o) for out, o in zip(step.out, body.outputs, strict=True) if isinstance(o, str)}
        else:
            steps.append(step)
    outputs = tuple(names.get(o, o) if isinstance(o, str) else o for o in program.outputs)
    return Program(program.inputs, tuple(steps), outputs)


REWRITINGS: dict[str, Rewriting] = {"recomputed": recomputed, "reordered": reordered, "outlined": outlined, "inlined": inlined}


# ----- another function of the same value -----


def detached(program: Program, rng: np.random.Generator) -> Program:
    """Cut a value from its derivative, for all its uses."""
    place = _some(program, rng)
    if place < 0:
        return program
    (name,) = program.steps[place].out
    return _from(program, place + 1, Step((f"{name}d",), "stop_gradient", (name,)), {name: f"{name}d"})
