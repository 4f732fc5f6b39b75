"""The harvest of a campaign: what its journals hold, counted by backend, with denominators."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clinometer.cli.progress import Entry, Progress
from clinometer.journal.vocabulary import RAN

HEAD = 60  # characters of a message that tell one failure from another
NUMBER = re.compile(r"-?\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b", re.IGNORECASE)
REFERENCE = "reference"  # held against itself: what fails there is a false alarm


@dataclass
class Failure:
    """New failures that are alike: of one clause and operation, with messages that differ in their numbers at most."""

    clause: str
    operation: str
    head: str
    cases: int = 0
    seeds: set[int] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)
    doubtful: bool = True  # each was flaky, or a defect of ours, or the reference's own
    first: tuple[str, str] = ("", "")  # journal and id of the first


@dataclass
class Harvest:
    """What one backend has answered in a campaign."""

    backend: str
    planned: int = 0
    ended: int = 0
    cases: int = 0  # that ran
    examples: int = 0
    points: int = 0
    seconds: float = 0.0
    new: int = 0
    flaky: int = 0
    crashes: int = 0  # new ones, and timeouts
    known: int = 0
    problem: str = ""  # why it could not be loaded
    failures: dict[tuple[str, str, str], Failure] = field(default_factory=dict)

    def add(self, path: Path, seed: int) -> None:
        """Count one journal."""
        progress = Progress(path)
        progress.look()
        self.problem = progress.problem or self.problem
        self.ended += progress.ended
        self.seconds += progress.seconds
        for id, result in progress.results.items():
            self.cases += result.outcome in RAN
            self.examples += result.examples
            self.points += result.points
            self.known += result.expected and result.outcome != "pass"
            if result.is_new:
                self._fail(path, seed, progress.cases.get(id, Entry()), result)

    def _fail(self, path: Path, seed: int, case: Entry, result: Entry) -> None:
        flaky = result.stability.startswith("flaky")
        self.new += 1
        self.flaky += flaky
        self.crashes += result.outcome in ("crash", "timeout")
        head = NUMBER.sub("#", result.message)[:HEAD]
        it = self.failures.setdefault(
            (case.clause, case.operation, head), Failure(case.clause, case.operation, head, first=(str(path), result.id))
        )
        it.cases += 1
        it.seeds.add(seed)
        it.outcomes.add(result.outcome)
        it.doubtful &= flaky or result.outcome == "invalid" or self.backend == REFERENCE

    @property
    def findings(self) -> int:
        """Distinct failures that are the backend's, each time that they were asked."""
        return sum(not it.doubtful for it in self.failures.values())

    @property
    def alarms(self) -> int:
        """Distinct failures that may be false alarms."""
        return sum(it.doubtful for it in self.failures.values())

    def rows(self) -> dict[str, Any]:
        """Return all of it, for a table or a file: rates are None where there is no denominator."""
        return {
            "backend": self.backend,
            "runs": self.planned,
            "runs_ended": self.ended,
            "cases": self.cases,
            "examples": self.examples,
            "points": self.points,
            "cpu_hours": round(self.seconds / 3600, 4),
            "new": self.new,
            "known": self.known,
            "flaky": self.flaky,
            "crashes": self.crashes,
            "findings": self.findings,
            "false_alarm_candidates": self.alarms,
            "findings_per_million_cases": per_million(self.findings, self.cases),
            "findings_per_million_points": per_million(self.findings, self.points),
            "false_alarm_candidates_per_million_cases": per_million(self.alarms, self.cases),
            "false_alarm_candidates_per_million_points": per_million(self.alarms, self.points),
            "problem": self.problem,
            "failures": [
                {
                    "clause": it.clause,
                    "operation": it.operation,
                    "message": it.head,
                    "outcomes": sorted(it.outcomes),
                    "cases": it.cases,
                    "seeds": sorted(it.seeds),
                    "false_alarm_candidate": it.doubtful,
                    "journal": it.first[0],
                    "case": it.first[1],
                }
                for it in sorted(self.failures.values(), key=lambda it: (it.doubtful, -it.cases))
            ],
        }


def per_million(number: int, of: int) -> float | None:
    """Return a rate, with three digits."""
    return float(f"{1e6 * number / of:.3g}") if of else None


def harvested(journals: Iterable[tuple[str, int, Path]]) -> list[Harvest]:
    """Return what the journals of a campaign hold, by backend; of a journal that is not there nothing is counted.

    Parameters
    ----------
    journals
        Backend, seed and file of each run that is planned.
    """
    found: dict[str, Harvest] = {}
    for backend, seed, path in journals:
        harvest = found.setdefault(backend, Harvest(backend))
        harvest.planned += 1
        if path.exists():
            harvest.add(path, seed)
    return list(found.values())


ASKED = ("backend", "runs", "cases", "examples", "points", "CPU hours", "known failures")
FOUND = ("backend", "new", "findings", "/M cases", "/M pts", "alarms", "/M pts", "flaky", "crash")
LEGEND = (
    "Findings and alarms are distinct; M is a million. An alarm may be a false one: flaky, a defect of ours, the reference's."
)


def asked(it: Harvest) -> tuple[str, ...]:
    """Return a row of a table at 80 columns: what was asked."""
    counts = (short(it.cases), short(it.examples), short(it.points))
    return it.backend, f"{it.ended}/{it.planned}", *counts, f"{it.seconds / 3600:.2f}", short(it.known)


def found(it: Harvest) -> tuple[str, ...]:
    """Return a row of a table at 80 columns: what came of it."""
    rates = [rate(per_million(number, of)) for number, of in ((it.findings, it.cases), (it.findings, it.points))]
    alarms = str(it.alarms), rate(per_million(it.alarms, it.points))
    return it.backend, short(it.new), str(it.findings), *rates, *alarms, short(it.flaky), short(it.crashes)


def short(number: float) -> str:
    """Return a number in four characters or so: 999, 14.3k, 2.1M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def rate(number: float | None) -> str:
    """Return a rate, or a dash where nothing was asked."""
    return "-" if number is None else short(number)
