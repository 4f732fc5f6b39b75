"""Resumption: what an earlier run has asked and what was answered, for the run that goes on with its journal."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from clinometer.journal import reader
from clinometer.journal.records import CaseRecord, End, Result, RunRecord, Start


@dataclass
class Earlier:
    """The cases that a journal describes, and the last result of each that has one; a crash where a case ended its process.

    What was cut off has none: where a run was interrupted, and where its parent, who would have seen a crash, died as well.
    """

    cases: dict[str, CaseRecord] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    ended: bool = False  # the last run came to its end
    digest: str = ""  # of the specification that was asked; empty for none
    gaps: str = ""  # what of the journal cannot be read, in a sentence; a case whose answer stood there is asked again

    def settle(self, open_: set[str], run: RunRecord | None, gaps: bool) -> None:
        """Settle what a run has begun and not answered, or what its answer is not known of."""
        if run is not None and not run.attended and not gaps:
            self.results |= {id: Result(id=id, outcome="crash") for id in open_}
        open_.clear()

    def refusal(self, digest: str) -> str:
        """Return why a run that asks the specification of a digest cannot go on with this, or nothing."""
        if self.digest in ("", digest):
            return ""
        return f"was asked another specification, {self.digest}, than this version of Clinometer asks, {digest}; begin anew"


def earlier(path: Path, profile: str, seed: int, backend: str = "") -> Earlier:
    """Return what a run of this profile and seed can go on with.

    Parameters
    ----------
    path : Path
        A journal; it need not be there.
    profile : str
    seed : int
    backend : str
        Whose runs count; empty for those of any.

    Raises
    ------
    BrokenJournal
        It cannot be read; or it was written in another profile or under another seed, so that its cases are others.
    """
    found, open_, gaps, seen = Earlier(), set[str](), reader.Gaps(path), 0
    run: RunRecord | None = None
    for record in reader.resumable(path, profile, seed, gaps) if os.path.lexists(path) else ():
        if isinstance(record, RunRecord):
            found.settle(open_, run, gaps.lines > seen)
            seen = gaps.lines
            run, found.ended, found.digest = record, False, record.digest if not record.problem else found.digest
        if run is None or (backend and run.backend != backend):
            continue
        match record:
            case CaseRecord():
                found.cases[record.id] = record
            case Start():
                open_.add(record.id)
            case Result():
                found.results[record.id] = record
                open_.discard(record.id)
            case End():
                if record.interrupted:
                    open_.clear()
                found.ended = not record.interrupted
    found.settle(open_, run, gaps.lines > seen)
    found.gaps = str(gaps)
    return found
