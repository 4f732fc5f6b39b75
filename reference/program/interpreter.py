"""The interpreter: a program carried out on anything that has the operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clinometer.reference.program.control_flow import PythonControlFlow
from clinometer.reference.program.data import InvalidProgram, Program, Step


def run(program: Program, xp: Any, *inputs: Any, flow: PythonControlFlow | None = None) -> tuple[Any, ...]:
    """Run a program on any namespace of operations.

    Parameters
    ----------
    program : Program
    xp : namespace
        Operations under the catalogue's names.
    inputs : array
        In the type that `xp` works on.
    flow : PythonControlFlow, optional
        Who carries out control flow: Python, if nobody else is named.

    Returns
    -------
    tuple
        The outputs.
    """
    return _block(program, xp, {}, inputs, PythonControlFlow() if flow is None else flow)


def _block(
    block: Program, xp: Any, around: Mapping[str, Any], inputs: Sequence[Any], flow: PythonControlFlow
) -> tuple[Any, ...]:
    values = {**around, **dict(zip(block.inputs, inputs, strict=True))}
    for step in block.steps:
        values.update(zip(step.out, perform(step, xp, values, flow), strict=True))
    return tuple([values[o] if isinstance(o, str) else o for o in block.outputs])


def perform(step: Step, xp: Any, values: Mapping[str, Any], flow: PythonControlFlow) -> tuple[Any, ...]:
    """Return the results of one step, given the values that it sees."""
    args = tuple([values[a] if isinstance(a, str) else a for a in step.args])
    if not step.blocks:
        return (getattr(xp, step.op)(*args, **step.params),)
    if step.op not in BLOCK_OPERATIONS:
        raise InvalidProgram(f"control flow {step.op!r}; there are {', '.join(BLOCK_OPERATIONS)}")
    blocks = [lambda *inputs, block=block: _block(block, xp, values, inputs, flow) for block in step.blocks]
    return BLOCK_OPERATIONS[step.op](flow, step, blocks, args)


# Each structure: its name, and what it does with its blocks and operands.
BLOCK_OPERATIONS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "if": lambda flow, step, blocks, args: flow.cond(args[0], *blocks),  # (then, otherwise)
    "while": lambda flow, step, blocks, args: flow.while_loop(*blocks, args),  # (test, body)
    "for": lambda flow, step, blocks, args: flow.repeat(step.params["times"], *blocks, args),
    "call": lambda flow, step, blocks, args: flow.recurse(step.params["depth"], *blocks, args),
    "gradient": lambda flow, step, blocks, args: (flow.gradient(lambda x: blocks[0](x)[0], args[0]),),
}
