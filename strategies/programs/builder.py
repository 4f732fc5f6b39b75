"""A program in the making: what it has at hand, and its steps so far."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from clinometer.reference.program.data import Operand, Program, Step, prune
from clinometer.reference.program.interpreter import perform
from clinometer.strategies.programs.probe import MOST, Probe, ProbedControlFlow, Unclear, Value

MAX_INPUTS = 4
MAX_ENTRIES = 40  # of all inputs
BACK, LATEST = 10, 5  # how far back an operand is: not at all, five times of ten
NAMES = "xyzw"


class Named(NamedTuple):
    """A value and what the program calls it."""

    name: str
    value: Value

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.value.x.shape


class Mark(NamedTuple):
    """Where a draft stands."""

    inputs: int
    steps: int
    pool: list[Named]


class Draft:
    """A program in the making.

    Parameters
    ----------
    draw : callable
        Hypothesis', for the parameters of operations. All other choices are made by a generator: a program has some
        fifty of them, and those that fail are made small as programs (`strategies.reducing`).
    dtype : str
    seed : int
        Of those choices, and of the entries of inputs.
    profile : str
        Of the entries: see `strategies.arrays`.
    """

    def __init__(self, draw: Callable[[Any], Any], dtype: str, seed: int, profile: str):
        self.draw, self.dtype, self.profile = draw, dtype, profile
        self.random, self.rng = random.Random(seed), np.random.default_rng(seed)  # noqa: S311  # no secret
        self.probe = Probe(dtype, self.rng)
        self.inputs: list[tuple[str, np.ndarray]] = []
        self.steps: list[Step] = []
        self.pool: list[Named] = []  # what operations may take
        self.tests: list[Named] = []  # booleans, for branches
        self.depth = self._count = 0

    # ----- what is there -----

    def fresh(self) -> str:
        """Return a new name."""
        self._count += 1
        return f"v{self._count}"

    def operand(self) -> Named:
        """Choose a value at hand: the latest, half of the time."""
        back = self.random.randrange(BACK)
        return self.pool[-1 - max(back - LATEST, 0) % len(self.pool)]

    def mark(self) -> Mark:
        """Return where the draft stands."""
        return Mark(len(self.inputs), len(self.steps), list(self.pool))

    def back_to(self, mark: Mark) -> None:
        """Forget all that came after a mark."""
        del self.inputs[mark.inputs :], self.steps[mark.steps :]
        self.pool = mark.pool

    @property
    def full(self) -> bool:
        """Whether there are as many inputs as there may be."""
        return len(self.inputs) == MAX_INPUTS

    # ----- what is added -----

    def input(self, x: np.ndarray) -> Named:
        """Add an input.

        Raises
        ------
        Unclear
            There are enough, or it has no entries, or more than a value may have.
        """
        entries = x.size + sum(y.size for _, y in self.inputs)
        if len(self.inputs) == MAX_INPUTS or entries > MAX_ENTRIES or not 0 < x.size <= MOST:
            raise Unclear
        name = NAMES[len(self.inputs)]
        self.inputs.append((name, x))
        self.pool.insert(0, Named(name, self.probe.value(x)))  # there from the start: no step's result
        return self.pool[0]

    def perform(self, step: Step) -> tuple[Named, ...]:
        """Add a step and return its results.

        Raises
        ------
        Unclear
            It is not valid at the values that it meets.
        """
        return self.record(step, perform(step, self.probe, dict([*self.pool, *self.tests]), ProbedControlFlow(self.probe)))

    def record(self, step: Step, results: Sequence[Value]) -> tuple[Named, ...]:
        """Add a step whose results are known."""
        named = tuple(map(Named, step.out, results))
        self.steps.append(step)
        (self.pool if results[0].x.dtype.kind == "f" else self.tests).extend(named)
        return named

    def apply(self, op: str, *args: Operand, **params: Any) -> Named:
        """Add one operation."""
        return self.perform(Step((self.fresh(),), op, args, params))[0]

    def structured(
        self, op: str, args: Sequence[Operand], blocks: Sequence[Program], results: Sequence[Value], **params: Any
    ) -> Named:
        """Add a step with blocks whose results are known; return the first."""
        step = Step(tuple(self.fresh() for _ in results), op, tuple(args), params, tuple(blocks))
        return self.record(step, results)[0]

    def block(self, carried: Sequence[Value], grow: Callable[..., Named]) -> tuple[Program, Value]:
        """Return the program that `grow` makes, from what is at hand and new names for what is carried, and its result."""
        steps, before, self.steps, self.pool = self.steps, self.pool, [], list(self.pool)
        self.depth += 1
        try:
            names = tuple(self.fresh() for _ in carried)
            self.pool.extend(map(Named, names, carried))
            last = grow(*names)
            return prune(Program(names, tuple(self.steps), (last.name,))), last.value
        finally:
            known = {named.name for named in before}
            mine = {name for name, _ in self.inputs} - known  # an input that came up within is there for all
            self.steps, self.pool = steps, [*(n for n in self.pool if n.name in mine), *before]
            self.depth -= 1

    def run(self, block: Program, args: Sequence[Value]) -> tuple[Value, ...]:
        """Return what a block gives for these arguments.

        Raises
        ------
        Unclear
            A step of it is not valid there.
        """
        step = Step((), "call", block.inputs, {"depth": 1}, (block,))
        seen = dict([*self.pool, *self.tests, *zip(block.inputs, args, strict=True)])
        return perform(step, self.probe, seen, ProbedControlFlow(self.probe))

    def program(self, *outputs: str) -> Program:
        """Return the program that has these outputs."""
        return prune(Program(tuple(name for name, _ in self.inputs), tuple(self.steps), outputs))
