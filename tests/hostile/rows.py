"""What a row of the table says: where a backend strikes, what it does there, and what a run must make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

IMPORTING, MAKING = "importing", "making"

# The cases that are asked: clause, operation, mode and dtype; and the tests that ask them.
OPERATIONS = ("sin", "cos", "exp", "tanh", "sinh", "cosh", "atan", "square")
VALUES = [f"VALUE-1 {name} float64 value" for name in OPERATIONS]
GRADIENTS = [f"GRAD-1 {name} float64 reverse" for name in ("sin", "exp", "tanh")]
OTHERS = ["VALUE-1 exp float32 value", "FWD-1 exp float64 forward", "ACC-2 float64 tape"]
CASES = (*VALUES, *GRADIENTS, *OTHERS)
TESTS = {
    "VALUE-1": "the_value_is_the_mathematics",
    "GRAD-1": "the_gradient_equals_the_truth",
    "FWD-1": "the_tangent_equals_the_truth",
    "ACC-2": "two_backwards_add",
}
# The one case that is struck at a place; at the name of an operation it is that of its value.
STRUCK = {
    "asarray": "VALUE-1 exp float32 value",
    "to_numpy": "VALUE-1 exp float32 value",
    "vjp": "GRAD-1 exp float64 reverse",
    "pullback": "GRAD-1 exp float64 reverse",
    "jvp": "FWD-1 exp float64 forward",
    "backward": "ACC-2 float64 tape",
}


def selection() -> list[str]:
    """Return the words behind the `--` that select the cases, and collect no more chapters than they need."""
    words = []
    for case in CASES:
        clause, *operation, dtype, mode = case.split()
        words.append(f"{TESTS[clause]}[{'-'.join([*operation, mode, dtype])}]")
    chapters = "".join(f"--ignore-glob=/*/suites/test_{it}* " for it in ("[b-eh-uw-z]", "a[!c]", "g*_", "f[!w]")).split()
    return [*chapters, "-k", " or ".join(words)]


@dataclass(frozen=True)
class Answer:
    """What a deed has a backend answer, in place of what is right."""

    value: Any


@dataclass(frozen=True)
class Row:
    """A hostility.

    Parameters
    ----------
    at : str
        The place: the name of an operation, of a member, `IMPORTING` or `MAKING`.
    does : callable
        The deed. What it returns is dropped, unless it is an `Answer`.
    outcome : str
        Of the case that is struck; or more than one, where Python's version decides.
    says : str
        Regular expression of that result's message.
    """

    at: str
    does: Callable[[], Any]
    outcome: str = "pass"
    says: str = ""

    @property
    def case(self) -> str:
        """The case that is struck; none where all are, or the backend is not even loaded."""
        return STRUCK.get(self.at, f"VALUE-1 {self.at} float64 value" if self.at in OPERATIONS else "")


@dataclass(frozen=True)
class Backend:
    """A backend of some hostilities, each at a place of its own, and the run that it is examined in.

    Parameters
    ----------
    rows : sequence of Row
    exit : int
        Of the run.
    says : str
        Regular expression of what the run prints.
    limit : int
        Seconds that a case may take.
    workers : int
    options : sequence of str
        Of the run.
    starts : int
        Processes that may be started at most.
    slow : bool
        Whether only `tox -e hostile` runs it.
    """

    rows: Sequence[Row]
    exit: int = 0
    says: str = ""
    limit: int = 30
    workers: int = 1
    options: Sequence[str] = ()
    starts: int = 1
    slow: bool = False

    def made(self, kind: Callable[[Sequence[Row]], Any]) -> Any:
        """Return the backend."""
        return kind(self.rows)
