"""The comparison of two runs: in what they differ, and what was asked in one alone.

Of one library at two times the second run is news: a case broke, is newly offered and wrong, is mended, or has
changed otherwise. Of two libraries neither is news, and what differs is told under their names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from clinometer.journal.reader import BrokenJournal
from clinometer.journal.records import CaseRecord
from clinometer.journal.vocabulary import LEVELS, WRONG
from clinometer.reports.atlas import Point, points
from clinometer.reports.results import Results, Subject, load

ENDS = ("first", "second")

# What two outcomes of a case are to each other, with a glyph for the page: in one order for versions and libraries.
VERSIONS = {
    "broke": ("▼", "broke"),
    "offered": ("▽", "newly offered and wrong"),
    "mended": ("▲", "mended"),
    "changed": ("◆", "changed otherwise"),
}
LIBRARIES = {
    "second_wrong": ("◨", "right in {0}, wrong in {1}"),
    "one_offers": ("◇", "wrong in one, not offered by the other"),
    "first_wrong": ("◧", "wrong in {0}, right in {1}"),
    "differ": ("◆", "different otherwise"),
}


@dataclass(frozen=True)
class Change:
    """A case, or the same case in several dtypes, that has another outcome in the other run."""

    case: CaseRecord
    dtypes: tuple[str, ...]
    outcomes: tuple[str, str]
    known: tuple[bool, bool]  # whether a known failure names the outcome
    message: str  # of the run in which the answer is wrong, the second one if it is in both


@dataclass
class Comparison:
    """Two runs side by side; of one library, the old one first."""

    runs: Results
    changes: dict[str, list[Change]] = field(default_factory=dict)  # by kind: see `VERSIONS` and `LIBRARIES`
    conventions: list[Point] = field(default_factory=list)
    same: int = 0
    unknown: int = 0  # cases that one run was asked and never came to
    asked: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))  # by clause
    alone: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))  # in one run, by clause

    @property
    def libraries(self) -> bool:
        """Whether these are two libraries, not one at two times."""
        first, second = self.runs.subjects
        return first.run.backend != second.run.backend

    @property
    def ends(self) -> tuple[str, str]:
        """What to call the two runs."""
        return ("first", "second") if self.libraries else ("old", "new")

    @property
    def places(self) -> tuple[str, str]:
        """Where a case was asked."""
        first, second = (subject.name for subject in self.runs.subjects)
        return (f"of {first}", f"of {second}") if self.libraries else (f"in {first}", f"in {second}")

    def title(self, name: str) -> str:
        """Return a kind of change in words."""
        return (LIBRARIES if self.libraries else VERSIONS)[name][1].format(*(it.name for it in self.runs.subjects))

    @property
    def fails(self) -> bool:
        """Whether a case is wrong in the second run that the first has right or does not offer."""
        return any(
            it.outcomes[0] in ("pass", "unsupported") and it.outcomes[1] in WRONG
            for changes in self.changes.values()
            for it in changes
        )

    @property
    def counts(self) -> dict[str, int]:
        """How many cases there are of each kind, and points of changed conventions, every dtype counted."""
        return {
            **{name: sum(len(change.dtypes) for change in changes) for name, changes in self.changes.items()},
            "same": self.same,
            "unknown": self.unknown,
            "conventions": sum(len(point.dtypes) for point in self.conventions),
            "only_first": self.alone[0].total(),
            "only_second": self.alone[1].total(),
        }


def compare(first: Subject, second: Subject) -> Comparison:
    """Compare two subjects case by case."""
    if first.run.backend == second.run.backend:
        first, second = replace(first, name="the old run"), replace(second, name="the new run")
    found = Comparison(Results([first, second]))
    changes: list[Change] = []
    for id, case in found.runs.cases.items():
        results = [subject.results.get(id) for subject in (first, second)]
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
            pair, known = (before.outcome, after.outcome), (before.expected, after.expected)
            changes.append(Change(case, (case.dtype,), pair, known, message))
    found.changes = {name: [] for name in (LIBRARIES if found.libraries else VERSIONS)}
    for change in sorted(_folded(changes), key=lambda it: LEVELS.index(it.case.level)):
        found.changes[kind(*change.outcomes, libraries=found.libraries)].append(change)
    found.conventions = [point for point in points(found.runs) if point.differ]
    return found


def kind(first: str, second: str, *, libraries: bool = False) -> str:
    """Return what two different outcomes of a case are to each other, a key of `VERSIONS` or of `LIBRARIES`."""
    names = list(LIBRARIES if libraries else VERSIONS)
    if second in WRONG and first == "pass":
        return names[0]
    if second in WRONG and first == "unsupported":
        return names[1]
    if libraries and first in WRONG and second == "unsupported":
        return names[1]
    return names[2] if first in WRONG and second == "pass" else names[3]


def _folded(changes: Iterable[Change]) -> list[Change]:
    groups: dict[tuple[object, ...], list[Change]] = {}
    for it in changes:
        key = (it.case.clause, it.case.operation, it.case.mode, it.case.parameters, it.outcomes, it.known)
        groups.setdefault(key, []).append(it)
    return [
        Change(first.case, tuple(it.case.dtype for it in group), first.outcomes, first.known, first.message)
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
