"""Programs: pure functions as data.

A program is a list of steps over named values; a step applies one operation of the catalogue, or is structured with
blocks, which are programs that see the values around them: `if`, `while`, `for`, the `call` of a function, which may be
recursive, and the `gradient` of one. Being data, a program can be run on anything that has the operations, printed,
stored and taken apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Operand = str | int | float  # the name of a value, or a number


class InvalidProgram(Exception):
    """A program names an operation, a parameter or a value that there is not."""


@dataclass(frozen=True)
class Step:
    """`out = op(*args, **params)`, or with blocks: see `STRUCTURES`."""

    out: tuple[str, ...]
    op: str
    args: tuple[Operand, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    blocks: tuple[Program, ...] = ()


@dataclass(frozen=True)
class Program:
    """Inputs, steps, outputs; a block of control flow is one too, and also sees the values around it."""

    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Operand, ...]

    def operations(self) -> frozenset[str]:
        """Return the names of all operations used, blocks included."""
        inner = (block.operations() for step in self.steps for block in step.blocks)
        return frozenset(step.op for step in self.steps if not step.blocks).union(*inner)

    def differentiated(self) -> set[str]:
        """Return the names of the operations that the program takes a derivative of itself."""
        found = (b.operations() if step.op == "gradient" else b.differentiated() for step in self.steps for b in step.blocks)
        return set[str]().union(*found)

    @property
    def branches(self) -> bool:
        """Whether there is control flow."""
        return any(step.blocks for step in self.steps)


# ----- taking apart -----


def prune(program: Program) -> Program:
    """Return a program without the steps that nothing depends on."""
    used = {o for o in program.outputs if isinstance(o, str)}
    kept: list[Step] = []
    for step in reversed(program.steps):
        if used & set(step.out):
            kept.append(step)
            used |= reads(step)
    return Program(program.inputs, tuple(reversed(kept)), program.outputs)


def reads(step: Step) -> set[str]:
    """Return the names that a step reads, those that its blocks see around them included."""
    found = {a for a in step.args if isinstance(a, str)}
    for block in step.blocks:
        made = {name for inner in block.steps for name in inner.out} | set(block.inputs)
        inside = {o for o in block.outputs if isinstance(o, str)}.union(*(reads(inner) for inner in block.steps))
        found |= inside - made
    return found
