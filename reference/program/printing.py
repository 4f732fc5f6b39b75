"""Programs as readable Python.

The structure (assignments, `if`, `while`, `for`) is the same for everybody; how an operation is spelled is given
by the caller: `spell(op, arguments, parameters)` returns an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    """Return the lines of a function body, `return` included; a branch that is all that is left to do returns early."""
    *steps, last = program.steps or (None,)
    if last is None or last.op != "if" or last.out != program.outputs:
        return [*_steps(program.steps, spell), _return(program.outputs)]
    then, otherwise = (statements(block, spell) for block in last.blocks)
    return [*_steps(steps, spell), f"if {_operand(last.args[0])}:", *_indented(then), *otherwise]


def _operand(a: Operand) -> str:
    return a if isinstance(a, str) else literal(a)


def _steps(steps: Sequence[Step], spell: Spell) -> Iterator[str]:
    for step in steps:
        yield from _step(step, spell)


def _step(step: Step, spell: Spell) -> Iterator[str]:
    args = [_operand(a) for a in step.args]
    if step.op == "if":
        yield f"if {args[0]}:"
        yield from _indented(_assigned(step.blocks[0], step.out, spell))
        yield "else:"
        yield from _indented(_assigned(step.blocks[1], step.out, spell))
    elif step.op == "for":
        yield from _bind(step.out, args)
        yield f"for _ in range({step.params['times']}):"
        yield from _indented(_looped(step.blocks[0], step.out, spell))
    elif step.op == "while":
        test, body = step.blocks
        yield from _bind(step.out, args)
        yield "while True:"
        yield from _indented([*_bind(test.inputs, step.out), *_steps(test.steps, spell)])
        yield from _indented([f"if not {_operand(test.outputs[0])}:", "    break"])
        yield from _indented(_looped(body, step.out, spell))
    elif step.op == "call":
        yield from _called(step, args, spell)
    elif step.op == "gradient":
        (body,) = step.blocks
        yield from _defined(f"{step.out[0]}_f", body.inputs, statements(body, spell))
        yield f"{step.out[0]} = {spell('gradient', [f'{step.out[0]}_f', *args], {})}"
    else:
        yield f"{step.out[0]} = {spell(step.op, args, step.params)}"


def _called(step: Step, args: Sequence[str], spell: Spell) -> Iterator[str]:
    """Define the function and call it; one that calls itself counts down."""
    (body,), depth, name = step.blocks, step.params["depth"], f"{step.out[0]}_f"
    if depth == 1:
        yield from _defined(name, body.inputs, statements(body, spell))
        yield f"{', '.join(step.out)} = {name}({', '.join(args)})"
        return
    again = f"return {name}({', '.join(['n - 1', *map(_operand, body.outputs)])})"
    lines = ["if n == 0:", f"    {_return(body.inputs)}", *_steps(body.steps, spell), again]
    yield from _defined(name, ("n", *body.inputs), lines)
    yield f"{', '.join(step.out)} = {name}({', '.join([str(depth), *args])})"


def _defined(name: str, inputs: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    yield f"def {name}({', '.join(inputs)}):"
    yield from _indented(lines)


def _return(outputs: Sequence[Operand]) -> str:
    return f"return {', '.join(map(_operand, outputs))}"


def _assigned(block: Program, out: Sequence[str], spell: Spell) -> list[str]:
    return [*_steps(block.steps, spell), *_bind(out, [_operand(o) for o in block.outputs])]


def _looped(body: Program, carried: Sequence[str], spell: Spell) -> list[str]:
    return [*_bind(body.inputs, carried), *_assigned(body, carried, spell)]


def _bind(names: Sequence[str], values: Sequence[str]) -> list[str]:
    return [f"{', '.join(names)} = {', '.join(values)}"] if names else []


def _indented(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)
