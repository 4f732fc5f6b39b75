"""What a clause does with a library, done and written down in the same breath.

The transcript is the stand-alone script of a failure, in the library's own words. A clause that works within its
transcript (`with said:`) has it in whatever it finds.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clinometer.backends.dialect import Dialect
from clinometer.backends.protocol import as_list
from clinometer.backends.raised import told
from clinometer.harness.check import Check
from clinometer.harness.findings import Finding, Given, Nonconformance, Relation, Unsupported
from clinometer.harness.scripts.words import words_for
from clinometer.reference.program.printing import plainly
from clinometer.reference.text import literal

OUT = "out"  # not "y", which is the second input of many programs

FOUR = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}
DIVISION = {"//": operator.floordiv, "%": operator.mod}
OPERATORS: dict[str, Callable[..., Any]] = {**FOUR, **DIVISION, **ORDER, "**": operator.pow}


class Name(str):
    """An expression of a script, where a number or a word stands for itself."""

    __slots__ = ()


class Spelled:
    """The library's operations, of expressions instead of arrays."""

    def __init__(self, dialect: Dialect):
        self.dialect = dialect

    def __getattr__(self, op: str) -> Callable[..., Name]:
        def spelled(*args: Any, **params: Any) -> Name:
            return Name(self.dialect.spell(op, [a if isinstance(a, Name) else literal(a) for a in args], params))

        return spelled


class Transcript:
    """Arrays by name, and the lines that were carried out with them.

    Parameters
    ----------
    check : Check
    arrays : mapping
        What the script begins with.
    """

    needs: Sequence[str] = ()  # fields of a dialect; of a library that lacks one the adapter is asked

    def __init__(self, check: Check, **arrays: np.ndarray):
        self.check = check
        self.dialect = words_for(check.backend, *self.needs)
        self.given: dict[str, Given] = dict(arrays)
        self.arrays: dict[str, Any] = {name: check.native(np.array(x)) for name, x in arrays.items()}
        self.lines: list[str] = []
        self.entered: list[Nonconformance | None] = []

    def __enter__(self) -> Any:
        self.entered.append(self.check.miscast)
        return self

    def __exit__(self, kind: Any, wrong: BaseException | None, trace: Any) -> None:
        miscast = self.check.miscast if self.entered.pop() is None else None  # found here, and told later
        for found in (wrong, miscast):
            if isinstance(found, Nonconformance) and found.finding is not None and not found.finding.lines:
                found.finding = self.told(found.finding)

    def told(self, finding: Finding) -> Finding:
        """Return a finding with the transcript."""
        return dataclasses.replace(finding, lines=tuple(self.lines), given=dict(self.given))

    # ----- doing -----

    def apply(self, symbol: str, *operands: str | float, name: str = OUT) -> np.ndarray:
        """Set a name to what an operator of Python's makes of arrays, and return it as numbers.

        Parameters
        ----------
        symbol : str
            A key of `OPERATORS`; with one operand, "-" is the sign.
        operands : str or number
            Names of arrays, and numbers.

        Raises
        ------
        Unsupported
            Python finds no such operator of these arrays.
        """
        source = expression(symbol, *operands)
        self.lines.append(f"{name} = {source}")
        with self, self.check.backend_call(source):
            function = OPERATORS[symbol] if len(operands) > 1 else operator.neg
            try:
                self.arrays[name] = function(*(self.arrays[x] if isinstance(x, str) else x for x in operands))
            except TypeError as error:
                if told(error).startswith("unsupported operand type"):
                    raise Unsupported(told(error)) from error
                raise
        return self.numbers(name)

    def call(self, op: str, *args: Any, name: str = OUT, **params: Any) -> Any:
        """Set a name to an operation of the library and return it; an operand is the name of an array, or a number."""
        said = [Name(a) if isinstance(a, str) else a for a in args]
        self.lines.append(f"{name} = {getattr(Spelled(self.dialect), op)(*said, **params)}")
        with self, self.check.backend_call(plainly(op, [a if isinstance(a, str) else literal(a) for a in args], params)):
            operands = [self.arrays[a] if isinstance(a, str) else a for a in args]
            self.arrays[name] = getattr(self.check.xp, op)(*operands, **params)
        return self.arrays[name]

    def numbers(self, name: str = OUT) -> np.ndarray:
        """Return what has a name, as numpy has it."""
        with self:
            return self.check.numpy(self.arrays[name])

    def read(self, expression: str = OUT) -> str:
        """Return an expression of the same in a script."""
        return self.dialect.numpy.format(x=expression)

    # ----- holding -----

    def same(self, want: Any, claim: str, *, got: np.ndarray | None = None, name: str = OUT, tolerance: Any = 0.0) -> None:
        """Hold what has a name to numbers; `got` are its own, where the clause forgives some of their roundings."""
        got = self.numbers(name) if got is None else got
        with self:
            self.check.same(got, want, claim, about=Relation(self.read(name)), tolerance=tolerance)

    def float64(self, want: Any, claim: str, name: str = OUT) -> None:
        """Hold what has a name to numbers, whichever dtype it has: what that is by default is a clause of its own."""
        got, want, shape = np.asarray(self.numbers(name), np.float64), np.asarray(want, np.float64), f"{self.read(name)}.shape"
        text = f"{claim}: shape {got.shape} where {want.shape} is right"
        self.require(got.shape == want.shape, text, f"tuple({shape}) == {want.shape}")
        self.same(want, claim, got=got, name=name)

    def require(self, holds: bool, text: str, fact: str) -> None:
        """Hold the library to a fact, which the script can assert."""
        with self:
            self.check.require(holds, text, fact=fact)

    def raises(self, action: Callable[[], Any], what: str) -> BaseException:
        """Hold the library to raising an exception in what the last line does, and return it."""
        return self.check.raises(action, what, self.lines, self.given)


class PullbackTranscript(Transcript):
    """Arrays of any dtypes by name, and the gradients of a function of them."""

    needs = ("vjp",)

    def pull(
        self, f: Callable[..., Any], *names: str, ct: Callable[[np.ndarray], np.ndarray], constants: Sequence[str] = ()
    ) -> list[Any]:
        """Return the library's gradients of a function of `xp` and arrays by name, `gradients` in the transcript.

        Parameters
        ----------
        f : callable
        names, constants : str
            What is differentiated, and what f takes after it.
        ct : callable
            From the value to the cotangent.
        """
        body = f(Spelled(self.dialect), *map(Name, (*names, *constants)))
        self.given["f"] = f"def f({', '.join(names)}):\n    return {body}"
        self.lines.append(f"{OUT}, pullback = {self.dialect.vjp.format(f='f', names=', '.join(names))}")
        rest = [self.arrays[name] for name in constants]
        with self, self.check.backend_call("gradient"):
            xs = [self.arrays[name] for name in names]
            self.arrays[OUT], pullback = self.check.backend.vjp(lambda *zs: f(self.check.xp, *zs, *rest), *xs)
            cotangent = self.given["ct"] = ct(self.numbers())
            self.lines.append("gradients = pullback(ct)")
            found = as_list(pullback(self.check.native(cotangent)), n := len(names))
        self.require(len(found) == n, f"the pullback gives {len(found)} gradients for {n} inputs", f"len(gradients) == {n}")
        return found

    def pulled(self, got: Any, which: int, want: np.ndarray, claim: str) -> None:
        """Hold a gradient that was pulled to numbers."""
        with self:
            self.check.same(self.check.numpy(got, claim), want, claim, about=Relation(self.read(f"gradients[{which}]")))


def expression(symbol: str, *operands: str | float) -> str:
    """Return an expression of Python's: `x + y`, or `-x`."""
    return f" {symbol} ".join(map(str, operands)) if len(operands) > 1 else f"{symbol}{operands[0]}"


def applied(check: Check, symbol: str, *operands: str | float, **arrays: np.ndarray) -> Transcript:
    """Return the transcript of an operator of Python's: see `Transcript.apply`."""
    transcript = Transcript(check, **{name: np.asarray(x) for name, x in arrays.items()})
    transcript.apply(symbol, *operands)
    return transcript


def refused(check: Check, symbol: str, what: str, **arrays: np.ndarray) -> None:
    """Hold the library to raising an exception in an operator of Python's between arrays."""
    transcript = Transcript(check, **arrays)
    transcript.raises(lambda: transcript.apply(symbol, *arrays), what)
