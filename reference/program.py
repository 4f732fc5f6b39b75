"""Programs: pure functions as data.

A program is a list of steps over named values; a step applies one operation of the catalogue, or is structured with
blocks, which are programs that see the values around them: `if`, `while`, `for`, the `call` of a function, which may be
recursive, and the `gradient` of one. Being data, a program can be run on anything that has the operations, printed,
stored and taken apart.

`trace` makes one from a Python function of an `ad` namespace and its inputs:

>>> program = trace(lambda ad, x: x * ad.stop_gradient(x))
>>> print(program)
v1 = stop_gradient(x)
v2 = multiply(x, v1)
return v2
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.flow import Eager

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

    def operations(self) -> set[str]:
        """Return the names of all operations used, blocks included."""
        inner = (block.operations() for step in self.steps for block in step.blocks)
        return {step.op for step in self.steps if not step.blocks}.union(*inner)

    def differentiated(self) -> set[str]:
        """Return the names of the operations that the program takes a derivative of itself."""
        found = (b.operations() if step.op == "gradient" else b.differentiated() for step in self.steps for b in step.blocks)
        return set[str]().union(*found)

    @property
    def branches(self) -> bool:
        """Whether there is control flow."""
        return any(step.blocks for step in self.steps)

    def __str__(self) -> str:
        from clinometer.reference.printing import plain  # a façade: printing knows programs

        return plain(self)


# ----- running -----


def run(program: Program, xp: Any, *inputs: Any, flow: Eager | None = None) -> tuple[Any, ...]:
    """Run a program on any namespace of operations.

    Parameters
    ----------
    program : Program
    xp : namespace
        Operations under the catalogue's names.
    inputs : array
        In the type that `xp` works on.
    flow : Eager, optional
        Who carries out control flow: Python, if nobody else is named.

    Returns
    -------
    tuple
        The outputs.
    """
    return _block(program, xp, {}, inputs, Eager() if flow is None else flow)


def _block(block: Program, xp: Any, around: Mapping[str, Any], inputs: Sequence[Any], flow: Eager) -> tuple[Any, ...]:
    values = {**around, **dict(zip(block.inputs, inputs, strict=True))}
    for step in block.steps:
        values.update(zip(step.out, perform(step, xp, values, flow), strict=True))
    return tuple([values[o] if isinstance(o, str) else o for o in block.outputs])


def perform(step: Step, xp: Any, values: Mapping[str, Any], flow: Eager) -> tuple[Any, ...]:
    """Return the results of one step, given the values that it sees."""
    args = tuple([values[a] if isinstance(a, str) else a for a in step.args])
    if not step.blocks:
        return (getattr(xp, step.op)(*args, **step.params),)
    if step.op not in STRUCTURES:
        raise InvalidProgram(f"control flow {step.op!r}; there are {', '.join(STRUCTURES)}")
    blocks = [lambda *inputs, block=block: _block(block, xp, values, inputs, flow) for block in step.blocks]
    return STRUCTURES[step.op](flow, step, blocks, args)


# Each structure: its name, and what it does with its blocks and operands.
STRUCTURES: dict[str, Callable[..., tuple[Any, ...]]] = {
    "if": lambda flow, step, blocks, args: flow.cond(args[0], *blocks),  # (then, otherwise)
    "while": lambda flow, step, blocks, args: flow.while_loop(*blocks, args),  # (test, body)
    "for": lambda flow, step, blocks, args: flow.repeat(step.params["times"], *blocks, args),
    "call": lambda flow, step, blocks, args: flow.recurse(step.params["depth"], *blocks, args),
    "gradient": lambda flow, step, blocks, args: (flow.gradient(lambda x: blocks[0](x)[0], args[0]),),
}


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


# ----- making -----


class Var:
    """A value of a program that is being traced."""

    def __init__(self, ad: Builder, name: str):
        self.ad, self.name = ad, name

    def __getitem__(self, key: Any) -> Var:
        return self.ad.getitem(self, key=key)

    def __neg__(self) -> Var:
        return self.ad.negative(self)

    def __bool__(self) -> bool:
        raise InvalidProgram("a traced value has no truth value; write ad.cond(test, lambda: ..., lambda: ...)")


def _operator(op: str, swap: bool = False) -> Callable[[Var, Any], Var]:
    def method(self: Var, other: Any) -> Var:
        return getattr(self.ad, op)(*((other, self) if swap else (self, other)))

    return method


ARITHMETIC = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "pow", "matmul": "matmul"}
for _name, _op in ARITHMETIC.items():
    setattr(Var, f"__{_name}__", _operator(_op))
    setattr(Var, f"__r{_name}__", _operator(_op, swap=True))
for _name, _op in {"gt": "greater", "lt": "less"}.items():
    setattr(Var, f"__{_name}__", _operator(_op))


class Builder:
    """The `ad` of `trace`: every operation of the catalogue, `cond`, `while_loop` and `repeat`."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._count = 0

    def __getattr__(self, op: str) -> Callable[..., Var]:
        if op not in CATALOGUE:
            raise InvalidProgram(f"operation {op!r} is not in the catalogue")

        def record(*args: Any, **params: Any) -> Var:
            names = CATALOGUE[op].parameters
            unknown = set(params) - set(names)
            if unknown:
                raise InvalidProgram(f"operation {op!r} has no parameter {sorted(unknown)[0]!r}; it has {', '.join(names)}")
            return self._record(op, args, params)[0]

        return record

    def cond(self, test: Var, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
        """`then()` if test else `otherwise()`; both may use any value around them."""
        blocks = (self._nested(then, 0), self._nested(otherwise, 0))
        return self._structured("if", (test,), {}, blocks, len(blocks[0].outputs))

    def while_loop(self, test: Callable[..., Var], body: Callable[..., Any], *carried: Any) -> Any:
        """Replace `carried` by `body(*carried)` while `test(*carried)`."""
        blocks = (self._nested(test, len(carried)), self._nested(body, len(carried)))
        return self._structured("while", carried, {}, blocks, len(carried))

    def repeat_times(self, times: int, body: Callable[..., Any], *carried: Any) -> Any:
        """Replace `carried` by `body(*carried)`, `times` times."""
        return self._structured("for", carried, {"times": times}, (self._nested(body, len(carried)),), len(carried))

    def call(self, body: Callable[..., Any], *args: Any, depth: int = 1) -> Any:
        """Return `body(*args)`, or with a depth, what comes of calling it on its own results so many times."""
        block = self._nested(body, len(args))
        return self._structured("call", args, {"depth": depth}, (block,), len(block.outputs))

    def gradient(self, body: Callable[[Any], Any], x: Any) -> Any:
        """Return the gradient of a scalar function at x."""
        return self._structured("gradient", (x,), {}, (self._nested(body, 1),), 1)

    def _structured(self, op: str, args: Sequence[Any], params: dict, blocks: tuple[Program, ...], outputs: int) -> Any:
        out = self._record(op, args, params, blocks, outputs)
        return out[0] if outputs == 1 else out

    def _record(
        self, op: str, args: Sequence[Any], params: Mapping[str, Any], blocks: tuple[Program, ...] = (), outputs: int = 1
    ) -> tuple[Var, ...]:
        out = tuple(self._fresh() for _ in range(outputs))
        self._steps.append(Step(out, op, tuple(map(_operand, args)), dict(params), blocks))
        return tuple(Var(self, name) for name in out)

    def _fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _nested(self, body: Callable[..., Any], inputs: int) -> Program:
        outer, self._steps = self._steps, []
        names = tuple(self._fresh() for _ in range(inputs))
        result = body(*(Var(self, name) for name in names))
        block = Program(names, tuple(self._steps), _outputs(result))
        self._steps = outer
        return block


def _operand(a: Any) -> Operand:
    if isinstance(a, Var):
        return a.name
    if isinstance(a, int | float | np.floating):
        return a if isinstance(a, int) else float(a)
    raise InvalidProgram(f"{a!r} is neither a value of the program nor a number")


def _outputs(result: Any) -> tuple[Operand, ...]:
    return tuple(map(_operand, result)) if isinstance(result, tuple) else (_operand(result),)


def trace(function: Callable[..., Any]) -> Program:
    """Return the program that a Python function of `ad` and its inputs writes down.

    Raises
    ------
    InvalidProgram
        An operation or parameter that the catalogue lacks, or a Python branch on a traced value.
    """
    names = tuple(inspect.signature(function).parameters)[1:]
    ad = Builder()
    result = function(ad, *(Var(ad, name) for name in names))
    return Program(names, tuple(ad._steps), _outputs(result))


def single(op: str, params: Mapping[str, Any], names: Sequence[str] = ()) -> Program:
    """Return the program of one step: an operation, alone."""
    inputs = tuple(names) or CATALOGUE[op].parameters[: CATALOGUE[op].arity]
    return Program(inputs, (Step(("result",), op, inputs, dict(params)),), ("result",))
