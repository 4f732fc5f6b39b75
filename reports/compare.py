"""The comparison of two runs: what got worse, what got better, what is answered differently, what was asked in one alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from clinometer.reports.atlas import Point, points
from clinometer.reports.journal import BrokenJournal, Case
from clinometer.reports.results import LEVELS, RAN, Results, Subject, load

WRONG = RAN - {"pass"}


@dataclass(frozen=True)
class Change:
    """A case, or the same case in several dtypes, whose outcome is another one in the new run."""

    case: Case
    dtypes: tuple[str, ...]
    old: str
    new: str
    message: str  # of the run in which the answer is wrong, the new one if it is in both
    known: bool  # the new outcome is one that a known failure names


@dataclass
class Comparison:
    """Two runs side by side, the old one first."""

    runs: Results
    worse: list[Change] = field(default_factory=list)  # wrong, and was not
    better: list[Change] = field(default_factory=list)  # holds, and did not
    other: list[Change] = field(default_factory=list)
    conventions: list[Point] = field(default_factory=list)
    same: int = 0
    unknown: int = 0  # cases that one run was asked and never came to
    asked: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))  # by clause
    alone: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))  # in one run, by clause

    @property
    def counts(self) -> dict[str, int]:
        """How many cases there are of each kind, and points of changed conventions, every dtype counted."""
        kinds = {"worse": self.worse, "better": self.better, "other": self.other}
        return {
            **{kind: sum(len(change.dtypes) for change in changes) for kind, changes in kinds.items()},
            "same": self.same,
            "unknown": self.unknown,
            "conventions": sum(len(point.dtypes) for point in self.conventions),
            "only_old": self.alone[0].total(),
            "only_new": self.alone[1].total(),
        }


def compare(old: Subject, new: Subject) -> Comparison:
    """Compare two subjects case by case."""
    found = Comparison(Results([old, new]))
    changes: list[Change] = []
    for id, case in found.runs.cases.items():
        results = [subject.results.get(id) for subject in (old, new)]
        for at, result in enumerate(results):
            found.asked[at][case.clause] += result is not None
            found.alone[at][case.clause] += result is not None and None in results
        before, after = results
        if before is None or after is None:
            continue
        if before.outcome == after.outcome:
            found.same += 1
        elif "notrun" in (before.outcome, after.outcome):
            found.unknown += 1
        else:
            message = (after.message if after.outcome in WRONG else before.message) or after.message
            changes.append(Change(case, (case.dtype,), before.outcome, after.outcome, message, after.expected))
    for change in _folded(changes):
        getattr(found, kind(change.old, change.new)).append(change)
    found.worse.sort(key=lambda it: (it.old != "pass", LEVELS.index(it.case.level)))
    found.conventions = [point for point in points(found.runs) if point.differ]
    return found


def kind(old: str, new: str) -> str:
    """Return what a change of outcome is: worse, better or other."""
    if new in WRONG and old not in WRONG:
        return "worse"
    return "better" if new == "pass" else "other"


def _folded(changes: Iterable[Change]) -> list[Change]:
    groups: dict[tuple[object, ...], list[Change]] = {}
    for it in changes:
        key = (it.case.clause, it.case.operation, it.case.mode, it.case.parameters, it.old, it.new, it.known)
        groups.setdefault(key, []).append(it)
    return [
        Change(first.case, tuple(it.case.dtype for it in group), first.old, first.new, first.message, first.known)
        for group in groups.values()
        for first in group[:1]
    ]


def only(path: Path) -> Subject:
    """Return the one backend of a journal.

    Raises
    ------
    BrokenJournal
        The journal holds several, or one that could not be loaded.

    """
    subjects = load([path]).subjects
    if len(subjects) > 1:
        names = ", ".join(subject.name for subject in subjects)
        raise BrokenJournal(f"{path}: holds {len(subjects)} backends ({names}); name a journal of one.")
    [subject] = subjects
    if subject.problem:
        raise BrokenJournal(f"{path}: {subject.name} could not be loaded, so there is nothing to compare: {subject.problem}")
    return subject
