"""Which case of which journal is meant: by its id, or the first letters of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clinometer.cli.processes import FOLDER
from clinometer.journal.reader import BrokenJournal
from clinometer.journal.records import CaseRecord, Result
from clinometer.journal.vocabulary import FAILURES
from clinometer.reports.results import Subject, load

NAMED = 5  # cases that a refusal names
TELLING = ("inconclusive", "unsupported", "pass", "notrun")  # outcomes that are no failures, that which says most first


@dataclass(frozen=True)
class Found:
    """A case, and what came of it in one journal."""

    journal: Path
    subject: Subject
    case: CaseRecord
    result: Result

    @property
    def failed(self) -> bool:
        """Whether it is a failure, known or new."""
        return self.result.outcome in FAILURES


def found(journals: Sequence[Path], prefix: str) -> list[Found]:
    """Return what came of a case, in each journal that asked it.

    Parameters
    ----------
    journals : sequence of Path
        Where it is looked for; if there are none, in `clinometer-report`.
    prefix : str
        Its id, or the first letters of it.

    Raises
    ------
    BrokenJournal
        No journal, or no case of that name, or several.
    """
    paths = list(journals) or sorted(FOLDER.glob("*.jsonl"))
    if prefix.endswith(".jsonl"):
        raise BrokenJournal(f"{prefix}: is a journal; write the id of a case, or its first letters, behind it.")
    if not paths:
        raise BrokenJournal(f"{FOLDER}: holds no journal; write one with `clinometer run BACKEND`, or name yours.")
    where = ", ".join(map(str, paths))
    met = [
        Found(path, subject, subject.cases[id], result)
        for path in paths
        for subject in load([path]).subjects
        for id, result in subject.results.items()
        if id.startswith(prefix)
    ]
    named = {it.case.id: it.case.title for it in met}
    if not prefix or not named:
        raise BrokenJournal(f"{where}: the letters {prefix!r} name no case; copy the id from the report.")
    if prefix not in named and len(named) > 1:
        some = "; ".join(f"{id} {title}" for id, title in list(named.items())[:NAMED])
        more = "; ..." if len(named) > NAMED else ""
        raise BrokenJournal(f"{where}: the letters {prefix!r} begin {len(named)} cases, write more of them: {some}{more}")
    return [it for it in met if it.case.id == prefix or prefix not in named]


def chosen(met: Sequence[Found]) -> Found:
    """Return the one that failed, else the one that says most.

    Raises
    ------
    BrokenJournal
        Several failed.
    """
    failed = [it for it in met if it.failed]
    if len(failed) > 1:
        which = "; ".join(f"{it.journal} ({it.subject.name}: {it.result.outcome})" for it in failed)
        raise BrokenJournal(f"case {failed[0].case.id} ({failed[0].case.title}) failed in several, name one journal: {which}")
    return failed[0] if failed else min(met, key=lambda it: TELLING.index(it.result.outcome))
