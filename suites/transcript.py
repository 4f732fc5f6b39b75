"""What a clause does with a library, done and written down in the same breath.

The transcript is the stand-alone script of a failure, in the library's own words. A clause that works within its
transcript (`with said:`) has it in whatever it finds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from clinometer.reference.printing import literal, plainly
from clinometer.suites.check import Check
from clinometer.suites.finding import Finding, Given, Nonconformance, Relation, Unsupported
from clinometer.suites.words import adapter

OUT = "out"  # not "y", which is the second input of many programs


class Transcript:
    """Arrays by name, and the lines that were carried out with them.

    Parameters
    ----------
    check : Check
    arrays : mapping
        What the script begins with.
    """

    def __init__(self, check: Check, **arrays: np.ndarray):
        self.check = check
        self.dialect = getattr(check.backend, "dialect", None) or adapter("")
        self.given: dict[str, Given] = dict(arrays)
        self.arrays: dict[str, Any] = {name: check.native(x) for name, x in arrays.items()}
        self.lines: list[str] = []

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: Any, wrong: BaseException | None, trace: Any) -> None:
        if isinstance(wrong, Nonconformance) and wrong.finding is not None and not wrong.finding.lines:
            wrong.finding = self.told(wrong.finding)

    def told(self, finding: Finding) -> Finding:
        """Return a finding with the transcript."""
        return dataclasses.replace(finding, lines=tuple(self.lines), given=dict(self.given))

    # ----- doing -----

    def value(self, source: str, name: str = OUT) -> np.ndarray:
        """Set a name to an expression of Python's own, in the names of arrays: `x + y`; and return it as numbers.

        Raises
        ------
        Unsupported
            Python finds no such operator of these arrays.
        """
        self.lines.append(f"{name} = {source}")
        with self, self.check.theirs(source):
            try:
                self.arrays[name] = eval(source, dict(self.arrays))  # noqa: S307  # the clause's own constant
            except TypeError as error:
                if str(error).startswith("unsupported operand type"):
                    raise Unsupported(str(error)) from error
                raise
        return self.numbers(name)

    def call(self, op: str, *args: Any, name: str = OUT, **params: Any) -> Any:
        """Set a name to an operation of the library and return it; an operand is the name of an array, or a number."""
        said = [a if isinstance(a, str) else literal(a) for a in args]
        self.lines.append(f"{name} = {self.dialect.spell(op, said, params)}")
        with self, self.check.theirs(plainly(op, said, params)):
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

    def that(self, holds: bool, text: str, fact: str) -> None:
        """Hold the library to a fact, which the script can assert."""
        with self:
            self.check.that(holds, text, fact=fact)

    def raises(self, action: Callable[[], Any], what: str) -> BaseException:
        """Hold the library to raising an exception in what the last line does, and return it."""
        return self.check.raises(action, what, self.lines, self.given)


def refused(check: Check, source: str, what: str, **arrays: np.ndarray) -> None:
    """Hold the library to raising an exception in an expression of Python's own."""
    said = Transcript(check, **arrays)
    said.raises(lambda: said.value(source), what)
