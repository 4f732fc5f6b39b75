"""Programs as readable Python.

The structure (assignments, `if`, `while`, `for`) is the same for everybody; how an operation is spelled is given
by the caller: `spell(op, arguments, parameters)` returns an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from clinometer.reference.program.data import Operand, Program, Step
from clinometer.reference.text import literal

Spell = Callable[[str, Sequence[str], Mapping[str, Any]], str]


def plainly(op: str, args: Sequence[str], params: Mapping[str, Any]) -> str:
    """Spell an operation by its name in the catalogue."""
    return f"{op}({', '.join([*args, *(f'{k}={literal(v)}' for k, v in params.items())])})"


def plain(program: Program) -> str:
    """Return the program in the catalogue's own names."""
    return "\n".join(statements(program, plainly))


def statements(program: Program, spell: Spell) -> list[str]:
    """Return the lines of a function body, `return` included."""
    return Printer(spell).body(program)


class Printer:
    """Writes programs as Python.

    Parameters
    ----------
    spell : callable
        From an operation, the sources of its arguments and its parameters to an expression.
    """

    def __init__(self, spell: Spell):
        self.spell = spell
        self._blocks = {
            "if": self.branch,
            "for": self.repetition,
            "while": self.loop,
            "call": self.call,
            "gradient": self.gradient,
        }

    def body(self, program: Program) -> list[str]:
        """Return the lines of a function body; a branch that is all that is left to do returns early."""
        *steps, last = program.steps or (None,)
        if last is None or last.op != "if" or last.out != program.outputs:
            return [*self.steps(program.steps), returned(program.outputs)]
        then, otherwise = map(self.body, last.blocks)
        return [*self.steps(steps), f"if {operand(last.args[0])}:", *indented(then), *otherwise]

    def steps(self, steps: Iterable[Step]) -> Iterator[str]:
        """Yield the lines of steps, one after the other."""
        for step in steps:
            args = list(map(operand, step.args))
            if step.blocks:
                yield from self._blocks[step.op](step, args)
            else:
                yield f"{step.out[0]} = {self.spell(step.op, args, step.params)}"

    def branch(self, step: Step, args: Sequence[str]) -> Iterator[str]:
        """Yield the lines of an `if`."""
        yield f"if {args[0]}:"
        yield from indented(self._assigned(step.blocks[0], step.out))
        yield "else:"
        yield from indented(self._assigned(step.blocks[1], step.out))

    def repetition(self, step: Step, args: Sequence[str]) -> Iterator[str]:
        """Yield the lines of a loop of so many trips."""
        yield from bound(step.out, args)
        yield f"for _ in range({step.params['times']}):"
        yield from indented(self._looped(step.blocks[0], step.out))

    def loop(self, step: Step, args: Sequence[str]) -> Iterator[str]:
        """Yield the lines of a loop of as many trips as a test wants."""
        test, body = step.blocks
        yield from bound(step.out, args)
        yield "while True:"
        yield from indented([*bound(test.inputs, step.out), *self.steps(test.steps)])
        yield from indented([f"if not {operand(test.outputs[0])}:", "    break"])
        yield from indented(self._looped(body, step.out))

    def call(self, step: Step, args: Sequence[str]) -> Iterator[str]:
        """Yield the lines of a function and of its call; one that calls itself counts down."""
        (body,), depth, name = step.blocks, step.params["depth"], f"{step.out[0]}_f"
        if depth == 1:
            yield from defined(name, body.inputs, self.body(body))
            yield f"{', '.join(step.out)} = {name}({', '.join(args)})"
            return
        again = f"return {name}({', '.join(['n - 1', *map(operand, body.outputs)])})"
        lines = ["if n == 0:", f"    {returned(body.inputs)}", *self.steps(body.steps), again]
        yield from defined(name, ("n", *body.inputs), lines)
        yield f"{', '.join(step.out)} = {name}({', '.join([str(depth), *args])})"

    def gradient(self, step: Step, args: Sequence[str]) -> Iterator[str]:
        """Yield the lines of a function and of its gradient."""
        (body,), name = step.blocks, f"{step.out[0]}_f"
        yield from defined(name, body.inputs, self.body(body))
        yield f"{step.out[0]} = {self.spell('gradient', [name, *args], {})}"

    def _assigned(self, block: Program, out: Sequence[str]) -> list[str]:
        return [*self.steps(block.steps), *bound(out, [operand(o) for o in block.outputs])]

    def _looped(self, body: Program, carried: Sequence[str]) -> list[str]:
        return [*bound(body.inputs, carried), *self._assigned(body, carried)]


def operand(a: Operand) -> str:
    """Return the source of an operand."""
    return a if isinstance(a, str) else literal(a)


def defined(name: str, inputs: Sequence[str], lines: Iterable[str]) -> list[str]:
    """Return the lines of a function."""
    return [f"def {name}({', '.join(inputs)}):", *indented(lines)]


def returned(outputs: Sequence[Operand]) -> str:
    """Return the line that ends a function."""
    return f"return {', '.join(map(operand, outputs))}"


def bound(names: Sequence[str], values: Sequence[str]) -> list[str]:
    """Return the line that sets names to values, if there are any."""
    return [f"{', '.join(names)} = {', '.join(values)}"] if names else []


def indented(lines: Iterable[str]) -> list[str]:
    """Return lines a level further in."""
    return [f"    {line}" for line in lines]
