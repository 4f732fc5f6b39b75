"""What a question to a backend may end in, and what is found then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinometer.reference.truth import Case
from clinometer.reference.verdict import Disagreement


class Nonconformance(AssertionError):
    """The backend does not hold what a clause says; or, with another outcome, nobody can tell, or we are wrong."""

    def __init__(self, outcome: str, message: str, finding: Finding | None = None, blamed: str = ""):
        super().__init__(message)
        self.outcome, self.finding = outcome, finding
        self.blamed = blamed  # the operation of a program that is wrong by itself


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
    lines: tuple[str, ...] = ()  # what was done, for clauses that do more than evaluate and differentiate
    way: str = ""  # in which the question was put, and of which points, where a script has to do the same
    whole: Case | None = None
