"""Blame: which step of a program is wrong by itself.

A program that fails is taken apart. Each step that was carried out is a program of one step, at the inputs that it had;
the first of them that fails alone is named. Where none does, the fault is in how they meet.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.harness.check import Check
from clinometer.harness.findings import Nonconformance, Unsupported
from clinometer.reference.arithmetic.rounding import PRECISIONS
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, MATHEMATICS
from clinometer.reference.program.control_flow import PythonControlFlow
from clinometer.reference.program.data import Program, Step, reads
from clinometer.reference.program.interpreter import BLOCK_OPERATIONS, perform
from clinometer.reference.program.printing import plainly
from clinometer.reference.text import numbers
from clinometer.reference.witness import OVER
from clinometer.strategies.cases import complete, uneven
from clinometer.strategies.programs.rewriting import renamed


@dataclass(frozen=True)
class Blame:
    """A step that fails alone: its name for its result, the operation, and what is wrong."""

    name: str
    op: str
    case: Case
    wrong: Nonconformance

    def __str__(self) -> str:
        (step,) = self.case.program.steps
        at = ", ".join(f"{name} = {numbers(x[0])}" for name, x in zip(self.case.program.inputs, self.case.inputs, strict=True))
        within = f" of {', '.join(sorted(self.case.program.operations()))}" if step.blocks else ""
        said = plainly(self.op, list(map(str, step.args)), step.params)
        return f"{self.name} = {said}{within} is wrong alone, at {at}: {self.wrong}"


def blame(check: Check, case: Case, mode: str) -> Blame | None:
    """Return the first step that fails alone at the first point of a case, or None if each is right.

    Parameters
    ----------
    check : Check
        Its counts are left as they are.
    case : Case
    mode : str
        In which the program has failed.
    """
    apart = Check(check.backend, strict=check.strict)
    for step, inputs in steps(case):
        if not step.blocks and not CATALOGUE[step.op].differentiable and step.op != "stop_gradient":
            continue  # a decision, which no mode is about
        alone = _alone(step, inputs, case.dtype)
        lower = ("reverse", *(["forward"] if "forward" in mode else [])) if OVER in mode else ()
        for asked in ("value", *lower, mode) if mode != "value" else ("value",):
            try:
                apart(alone, asked)
                for long in uneven(alone) if asked == "forward" else ():
                    apart(long, asked)
            except Nonconformance as wrong:
                return _within(check, alone, mode) or Blame(step.out[0], step.op, alone, wrong)
            except Unsupported:  # in this mode
                continue
    return None


def _within(check: Check, case: Case, mode: str) -> Blame | None:
    """Return the step that is to blame within a gradient, for a case of one such step: first order, then second."""
    (step,) = case.program.steps
    if step.op != "gradient":
        return None
    (body,) = step.blocks
    names = {body.inputs[0]: str(step.args[0])}
    outputs = tuple(names.get(str(o), o) for o in body.outputs)
    inside = Program(case.program.inputs, tuple(renamed(s, names) for s in body.steps), outputs)
    whole = complete(inside, case.inputs, np.random.default_rng(0), case.dtype)
    over = "forward-over-reverse" if mode.startswith("forward") else "reverse-over-reverse"
    return blame(check, whole, "reverse") or blame(check, whole, over)


@contextlib.contextmanager
def blaming(check: Check, case: Case, *modes: str) -> Iterator[None]:
    """Name, in what fails here about a program, the first step that is wrong alone in one of these modes."""
    try:
        yield
    except Nonconformance as wrong:
        if wrong.outcome not in ("fail", "error"):
            raise
        at = wrong.finding.case if wrong.finding and wrong.finding.case else case.at(0)
        found = next(filter(None, (blame(check, at, mode) for mode in modes)), None)
        ops = ", ".join(dict.fromkeys(step.op for step, _ in steps(at)))
        text = f"{wrong}; {found or f'each step alone is right: {ops}'}"
        raise Nonconformance(wrong.outcome, text, wrong.finding, found.op if found else "") from wrong


def _alone(step: Step, inputs: Mapping[str, np.ndarray], dtype: str) -> Case:
    """Return the case of a step at its inputs."""
    program, xs = Program(tuple(inputs), (step,), step.out[:1]), tuple(x[None] for x in inputs.values())
    return complete(program, xs, np.random.default_rng(0), dtype)


def steps(case: Case) -> list[tuple[Step, dict[str, np.ndarray]]]:
    """Return the steps that are carried out at the first point of a case, in order, each with the arrays that it reads.

    What is within a branch, a loop or a function comes one by one; a gradient within the program is one step.
    """
    taken = StepRecorder(case.dtype)
    with np.errstate(all="ignore"):
        taken.block(case.program, {}, [x[0] for x in case.inputs])
    return taken.found


class StepRecorder(PythonControlFlow):
    """Carries a program out in plain numpy, rounded after each step, and notes each with what it reads."""

    def __init__(self, dtype: str):
        super().__init__()
        self.dtype = dtype
        self.found: list[tuple[Step, dict[str, np.ndarray]]] = []

    def block(self, block: Program, around: Mapping[str, Any], inputs: Sequence[Any]) -> tuple[Any, ...]:
        """Carry out a block, given the values around it."""
        values = {**around, **dict(zip(block.inputs, map(self._rounded, inputs), strict=True))}
        for step in block.steps:
            values.update(zip(step.out, map(self._rounded, self._results(step, values)), strict=True))
        return tuple(values[o] if isinstance(o, str) else o for o in block.outputs)

    def _results(self, step: Step, values: Mapping[str, Any]) -> tuple[Any, ...]:
        if step.blocks and step.op != "gradient":
            blocks = [lambda *xs, block=block: self.block(block, values, xs) for block in step.blocks]
            return BLOCK_OPERATIONS[step.op](self, step, blocks, [values[a] if isinstance(a, str) else a for a in step.args])
        read = {name: values[name] for name in sorted(reads(step))}
        self.found.append((step, read))
        return perform(step, MATHEMATICS, {name: x.astype(self._working) for name, x in read.items()}, PythonControlFlow())

    @property
    def _working(self) -> Any:
        return PRECISIONS[self.dtype].working

    def _rounded(self, given: Any) -> np.ndarray:
        x: np.ndarray = np.asarray(given)
        return x.astype(self.dtype) if x.dtype.kind not in "biu" else x
