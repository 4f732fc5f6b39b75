"""What stands behind a nonconformance: the case, the numbers, and the two sides that are held against each other.

A clause that holds an answer against another one says so by a `Relation`, so that its script asks both.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from clinometer.backends.raised import kind
from clinometer.reference.case import Case
from clinometer.reference.program.data import Program
from clinometer.reference.verdict import Disagreement

Given = np.ndarray | Program | str  # an array, a program, or the source of a function
BESIDE = "value beside "  # and a mode: the value that comes with a derivative


@dataclass(frozen=True)
class Asked:
    """An answer.

    Parameters
    ----------
    case : Case
        Of one point, or of those that the relation has.
    mode : str
        value, reverse, forward, or of higher order; or `BESIDE` reverse or forward.
    which : int
        For which input.
    mark : str
        What is added to the names of its arrays, where they are others than those before: `ct2`.
    given : mapping
        Arrays that are themselves answers: {"ct": "between"}.
    alone : bool
        Whether the other inputs are constants.
    """

    case: Case
    mode: str
    which: int = 0
    mark: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False


@dataclass(frozen=True)
class Relation:
    """Two expressions that must have one value: `twice` and `-2 * once`.

    Parameters
    ----------
    left, right : str
        In the names of answers, and of the arrays that they were asked with; each means the same to numpy and to a library.
        An empty one on the right stands for the numbers that are expected.
    asked : mapping
        The answers, by name; empty where the transcript of a clause names them.
    """

    left: str
    right: str = ""
    asked: Mapping[str, Asked] = field(default_factory=dict)

    def at(self, point: int) -> Relation:
        """Return the relation at one point of its cases."""
        asked = {name: dataclasses.replace(one, case=one.case.at(point)) for name, one in self.asked.items()}
        return dataclasses.replace(self, asked=asked)


def inner(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the sum of inner products, as an expression that scripts can evaluate: see `scripts.INNER`."""
    return " + ".join(f"inner({u}, {v})" for u, v in pairs)


def answered(case: Case, mode: str, which: int = 0) -> Relation:
    """Return what is said of one answer that is held against numbers."""
    return Relation("got", asked={"got": Asked(case, mode, which)})


def compared(case: Case, sound: Case, mode: str, which: int = 0) -> Relation:
    """Return what is said of an answer that is to be as in another case."""
    return Relation("got", "without", {"got": Asked(case, mode, which), "without": Asked(sound, mode, which, "2")})


def both_modes(case: Case) -> Relation:
    """Return what is said of <u, Jv> by forward mode, and <J'u, v> by reverse mode."""
    names = case.program.inputs
    asked = {f"gradient_of_{name}": Asked(case, "reverse", i) for i, name in enumerate(names)}
    right = inner((f"d{name}", f"gradient_of_{name}") for name in names)
    return Relation(inner([("ct", "tangent")]), right, {"tangent": Asked(case, "forward"), **asked})


def twice(once: Case, scaled: Case, mode: str, which: int = 0) -> Relation:
    """Return what is said of an answer that is to be -2 times another."""
    return Relation("scaled", "-2 * once", {"once": Asked(once, mode, which), "scaled": Asked(scaled, mode, which, "2")})


class Nonconformance(AssertionError):
    """The backend does not hold what a clause says; or, with another outcome, nobody can tell, or we are wrong."""

    def __init__(self, outcome: str, message: str, finding: Finding | None = None, blamed: str = ""):
        super().__init__(message)
        self.outcome, self.finding = outcome, finding
        self.blamed = blamed  # the operation of a program that is wrong by itself

    @property
    def answer(self) -> str:
        """What the library has done, where to raise an exception is an answer too."""
        return f"raises {kind(self.__cause__)}"


class Unsupported(Exception):
    """The backend does not offer what the case needs."""


@dataclass(frozen=True)
class Finding:
    """What stands behind a nonconformance: the case of one point, and the numbers."""

    claim: str
    case: Case | None = None
    mode: str = ""
    which: int = 0
    got: np.ndarray | None = None
    expected: np.ndarray | None = None
    tolerance: np.ndarray | None = None
    disagreement: Disagreement | None = None
    trace: str = ""
    kind: tuple[str, tuple[int, ...]] | None = None  # the dtype and the shape that are right, where those are wrong
    index: tuple[int, ...] = ()  # the entry that is wrong, if the disagreement does not say so
    about: Relation | None = None  # the two sides, where not an answer is held against what is expected
    fact: str = ""  # an expression that must hold, for clauses that compare no numbers
    refused: bool = False  # the last of the lines must raise
    lines: tuple[str, ...] = ()  # what was done, for clauses that do more than evaluate and differentiate
    given: Mapping[str, Given] = field(default_factory=dict)  # what the lines begin with, if not the inputs of the case
    elsewhere: bool = False  # what the lines print is not the same in two processes
    way: str = ""  # in which the question was put, and of which points, where a script has to do the same
    whole: Case | None = None


class Claim(NamedTuple):
    """What is said of an answer, and how a script asks for it."""

    text: str
    case: Case | None = None
    mode: str = ""
    which: int = 0
    lines: tuple[str, ...] = ()
    about: Relation | None = None

    def at(self, point: int) -> Claim:
        """Return the claim about one point."""
        return self._replace(case=self.case and self.case.at(point), about=self.about and self.about.at(point))

    def finding(self, got: np.ndarray, **more: Any) -> Finding:
        """Return what stands behind it, if it is wrong."""
        return Finding(self.text, self.case, self.mode, self.which, got, about=self.about, lines=self.lines, **more)


@contextlib.contextmanager
def felt(*cases: Case) -> Iterator[None]:
    """Have the script of a wrong answer ask at the other points of these cases first: their calls may be felt."""
    try:
        yield
    except Nonconformance as wrong:
        found = wrong.finding
        if found is not None and found.case is not None and found.mode and not found.about:
            points = [case.at(i) for case in cases for i in range(case.points)]
            others = [one for one in points if one.program == found.case.program and not _identical(one, found.case)]
            marks = ["", *(str(i + 2) for i in range(len(others)))]
            asked = {f"before{mark}": Asked(one, found.mode, mark=mark) for one, mark in zip(others, marks, strict=False)}
            asked["got"] = Asked(found.case, found.mode, found.which, marks[-1])
            wrong.finding = dataclasses.replace(found, about=Relation("got", asked=asked))
        raise


def _identical(one: Case, other: Case) -> bool:
    """Whether two cases have the same inputs, to the last bit."""
    return all(x.tobytes() == y.tobytes() for x, y in zip(one.inputs, other.inputs, strict=True))
