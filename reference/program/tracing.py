"""Tracing: a program written down by running a Python function of an `ad` namespace and its inputs.

>>> program = trace(lambda ad, x: x * ad.stop_gradient(x))
>>> print(plain(program))
v1 = stop_gradient(x)
v2 = multiply(x, v1)
return v2
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.data import InvalidProgram, Operand, Program, Step


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
