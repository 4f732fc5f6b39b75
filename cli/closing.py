"""The last block of `clinometer run`: how many cells were asked, what is new, what is known, and what to try next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clinometer.cli.processes import FOLDER
from clinometer.journal.records import CaseRecord, Result, RunRecord
from clinometer.journal.vocabulary import FAILURES
from clinometer.reports.results import Subject, load

# Known failures that are joined in one cell; each ends with where it was seen, and perhaps a link.
REASON = re.compile(r"(.+?\(seen in [^)]*\)(?: https?://[^\s;]+)?)(?:; |$)")


@dataclass
class Count:
    """What came out of one backend, each cell counted once."""

    subject: Subject
    journal: Path
    holds: int = 0
    new: list[tuple[CaseRecord, Result]] = field(default_factory=list)
    known: int = 0
    reasons: set[str] = field(default_factory=set)
    inconclusive: int = 0
    unsupported: int = 0
    notrun: int = 0

    @classmethod
    def of(cls, subject: Subject, journal: Path) -> Count:
        """Count the results of a backend."""
        count = cls(subject, journal)
        for id, result in subject.results.items():
            if result.outcome != "pass" and result.expected:
                count.known += 1
                count.reasons.update(REASON.findall(result.expectation) or [result.expectation])
            elif result.outcome in FAILURES:
                count.new.append((subject.cases[id], result))
            else:
                name = "holds" if result.outcome == "pass" else result.outcome
                setattr(count, name, getattr(count, name) + 1)
        return count

    def sentence(self) -> str:
        """Return the counts in a sentence, whose numbers add up to that of the cells."""
        all = len(self.subject.results)
        asked = f"{all - self.notrun} of {all}" if self.notrun else f"{all}"
        words = [f"{self.holds} hold", f"{len(self.new)} new {_plural('failure', len(self.new))}"]
        if self.known:
            known, reasons = _plural("known failure", self.known), _plural("reason", len(self.reasons))
            words.append(f"{self.known} {known} for {len(self.reasons)} {reasons}")
        words += [f"{self.unsupported} not offered"] if self.unsupported else []
        words += [f"{self.inconclusive} undecided"] if self.inconclusive else []
        return f"{asked} cells asked: {', '.join(words)}."


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"


def counts(journals: Sequence[Path]) -> list[Count]:
    """Return what came out of each backend, in the order of the journals."""
    return [Count.of(subject, path) for path in journals for subject in load([path]).subjects]


def selection(run: RunRecord) -> str:
    """Return what a backend was chosen by, which need not be the name that it gives itself: `./mine.py:Backend`."""
    words = [*run.command, ""]
    return words[words.index("--backend") + 1] if "--backend" in words else run.backend


def suggestions(found: Sequence[Count], kept: dict[Path, Path]) -> list[tuple[list[str], str]]:
    """Return what to try next: the words of a command of ours, and what it is for.

    Parameters
    ----------
    found : sequence of Count
    kept : dict
        For each journal the file that keeps what it held before.
    """
    new = [([str(count.journal), case.id], case, result) for count in found for case, result in count.new]
    scripted = [it for it in new if it[2].evidence is not None and it[2].evidence.script]
    if new:
        words, case, _ = (scripted or new)[0]
        explained = (["explain", *words], f"what stands behind the first new failure, {case.clause}")
        return [explained, (["repro", *words], "runs its script, and says whether it fails again")] if scripted else [explained]
    tips = [
        (["diff", str(kept[count.journal]), str(count.journal)], "what has changed since the run before")
        for count in found
        if count.journal in kept
    ]
    if len(found) > 1:
        elsewhere = [str(count.journal) for count in found if count.journal.parent != FOLDER]
        tips.append((["atlas", "--differ", *elsewhere], "where their answers differ and none is wrong"))
    others = [selection(count.subject.run) for count in found if count.subject.run.backend != "reference"]
    if others:
        tips.append((["run", others[0], "--profile", "deep"], "ten times the examples"))
    return [*tips, (["run", "./mine.py:Backend"], "a library of your own: docs/plugging-in-a-backend.md")]
