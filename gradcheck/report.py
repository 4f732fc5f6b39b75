"""What was examined of a function of one's own, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from clinometer.gradcheck.differences import Judgement


@dataclass
class Row:
    """What was examined of the gradient in one argument."""

    name: str
    about: str
    entries: int = 0
    directions: int = 0
    undecided: list[str] = field(default_factory=list)  # which numbers
    error: float = 0.0  # the largest, in units of its tolerance
    fineness: float = 0.0  # the largest tolerance, in units of the gradient

    def count(self, heard: Judgement, what: str) -> None:
        """Count a number."""
        if heard.verdict == "agrees":
            self.error, self.fineness = max(self.error, heard.error), max(self.fineness, heard.fineness)
        else:
            self.undecided.append(what)

    def __str__(self) -> str:
        if not self.entries and not self.directions:
            return f"{self.name}: {self.about}"
        counts = f"{self.entries} entries" if self.entries else f"{self.directions} directions"
        text = f"{self.name}, {self.about}: {counts}, {len(self.undecided)} undecided"
        return f"{text}; largest error {self.error:.2g} tolerances, largest tolerance {self.fineness:.1g} of the gradient"


@dataclass
class GradientReport:
    """What was examined, and what came of it; true where every number was decided, and is right."""

    backend: str
    outcome: str = "pass"  # pass, fail, cannot tell
    message: str = ""
    rows: list[Row] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.outcome == "pass"

    @property
    def undecided(self) -> int:
        """How many numbers finite differences could not decide."""
        return sum(len(row.undecided) for row in self.rows)

    @property
    def decided(self) -> int:
        """How many numbers they agree with."""
        return self.numbers - self.undecided

    @property
    def numbers(self) -> int:
        """How many numbers were held against finite differences."""
        return sum(row.entries + row.directions for row in self.rows)

    @property
    def error(self) -> float:
        """The largest error, in units of its tolerance."""
        return max((row.error for row in self.rows), default=0.0)

    def __str__(self) -> str:
        decided = "" if self.outcome == "fail" else f", {self.decided} of {self.numbers} numbers decided"
        lines = [f"gradients by {self.backend}: {self.outcome}{decided}", *([f"  {self.message}"] if self.message else [])]
        lines += [f"  {row}" for row in self.rows]
        lines += [f"  also holds: {', '.join(self.checked)}"] if self.checked else []
        return "\n".join(lines + [f"  not checked: {reason}" for reason in self.skipped])


# ----- numbers in messages -----


def apart(a: float, b: float) -> tuple[str, str]:
    """Return two numbers in as many digits as tell them apart, and at least ten."""
    for digits in range(10, 18):
        shown = f"{a:.{digits}g}", f"{b:.{digits}g}"
        if not math.isfinite(a - b) or abs(float(shown[0]) - float(shown[1]) - (a - b)) <= abs(a - b) / 10:
            break
    return shown


def factor(got: float, expected: float) -> str:
    """Return by what factor a number is off, in digits that tell it from one."""
    if abs(got) >= 1e3 * abs(expected):
        return "where it should be almost zero"
    return f"by a factor of {apart(got / expected, 1.0)[0] if abs(got / expected - 1) < 1e-6 else f'{got / expected:.8g}'}"
