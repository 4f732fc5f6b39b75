"""What was examined of a function of one's own, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from clinometer.suites.slopes import Heard


@dataclass
class Row:
    """What was examined of the gradient in one argument."""

    name: str
    about: str
    entries: int = 0
    directions: int = 0
    undecided: int = 0
    error: float = 0.0  # the largest, in units of its tolerance
    fineness: float = 0.0  # the largest tolerance, in units of the gradient

    def hear(self, heard: Heard) -> None:
        """Count a number."""
        if heard.verdict == "agrees":
            self.error, self.fineness = max(self.error, heard.error), max(self.fineness, heard.fineness)
        else:
            self.undecided += 1

    def __str__(self) -> str:
        if not self.entries and not self.directions:
            return f"{self.name}: {self.about}"
        counts = f"{self.entries} entries" if self.entries else f"{self.directions} directions"
        text = f"{self.name}, {self.about}: {counts}, {self.undecided} undecided"
        return f"{text}; largest error {self.error:.2g} tolerances, largest tolerance {self.fineness:.1g} of the gradient"


@dataclass
class GradientReport:
    """What was examined, and what came of it; true where the gradients are right."""

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
        return sum(row.undecided for row in self.rows)

    @property
    def decided(self) -> int:
        """How many numbers they agree with."""
        return sum(row.entries + row.directions for row in self.rows) - self.undecided

    @property
    def error(self) -> float:
        """The largest error, in units of its tolerance."""
        return max((row.error for row in self.rows), default=0.0)

    def __str__(self) -> str:
        lines = [f"gradients by {self.backend}: {self.outcome}", *([f"  {self.message}"] if self.message else [])]
        lines += [f"  {row}" for row in self.rows]
        lines += [f"  also holds: {', '.join(self.checked)}"] if self.checked else []
        return "\n".join(lines + [f"  not checked: {reason}" for reason in self.skipped])
