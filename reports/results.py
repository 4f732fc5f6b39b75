"""The results: one or more journals, merged into one model that every view reads.

The rules of merging are few, and give the same in any order. Journals of one backend are one subject; made with
other versions of its libraries, they are subjects of their own, which can be compared. Within one attempt the last result
of a case counts; of two attempts the worse, and if both drew the same cases, the result is flaky. A case that started and
left no result took its process with it: a crash. A run that did not come to its end is incomplete, and a backend that
could not be loaded has no result at all, which is not the same as zero. What answers another specification is not merged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from clinometer.journal import reader, records
from clinometer.journal.reader import BrokenJournal
from clinometer.journal.records import CaseRecord, Curve, End, Result, RunRecord, Start
from clinometer.journal.vocabulary import FAILURES, INCOMPLETE, OUTCOMES, RAN

STANDINGS = ("", "new", "known", "fixed")  # of a result, to what is known of its case
TOOLS = frozenset({"python", "pytest", "hypothesis"})  # what examines; another version of it makes no other subject


@dataclass(frozen=True)
class Tally:
    """Counts with their denominators: conformance is `held / ran`, coverage is `asked_ran / asked`.

    Conformance counts clauses of level MUST alone; all else counts every level. Coverage is over the whole
    specification, whatever was selected.
    """

    held: int = 0
    ran: int = 0
    asked_ran: int = 0
    asked: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    standings: dict[str, int] = field(default_factory=dict)  # new, known and fixed
    known: dict[str, int] = field(default_factory=dict)  # of the outcomes, those that were known

    @classmethod
    def of(cls, cases: Iterable[tuple[CaseRecord, Result]], cells: int = 0) -> Tally:
        """Count the outcomes of cases, of as many as the specification has."""
        outcomes: Counter[str] = Counter()
        must: Counter[str] = Counter()
        standings: Counter[str] = Counter()
        known: Counter[str] = Counter()
        for case, result in cases:
            outcomes[result.outcome] += 1
            standings[standing(result)] += 1
            known[result.outcome] += result.expected
            if case.level == "MUST":
                must[result.outcome] += 1
        return cls(
            held=must["pass"],
            ran=sum(must[outcome] for outcome in RAN),
            asked_ran=sum(outcomes[outcome] for outcome in RAN),
            asked=max(outcomes.total(), cells),
            outcomes={outcome: outcomes[outcome] for outcome in OUTCOMES if outcomes[outcome]},
            standings={name: standings[name] for name in STANDINGS if name},
            known=dict(+known),
        )


def standing(result: Result) -> str:
    """Return what a result is to one who knows the known failures; nothing, if it is no failure and none was known.

    A failure where another one is known is new.
    """
    if result.expected:
        return "known"
    if result.outcome in FAILURES:
        return "new"
    return "fixed" if result.expectation and result.outcome == "pass" else ""


@dataclass
class Subject:
    """One backend as it was examined, with one set of libraries."""

    name: str
    runs: list[RunRecord] = field(default_factory=list)
    cases: dict[str, CaseRecord] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)  # for each run that did not end, what happened
    remarks: list[str] = field(default_factory=list)  # on what is behind it, since a later attempt has asked again
    gapped: bool = False  # a line of this attempt cannot be read
    _open: set[str] = field(default_factory=set)  # started, no result yet
    _fresh: dict[str, Result] = field(default_factory=dict)  # of the attempt that is being read
    _curves: dict[tuple[str, str], Curve] = field(default_factory=dict)

    @property
    def run(self) -> RunRecord:
        """The run that describes this subject: the last one that could load its backend."""
        return max(self.runs, key=lambda run: (not run.problem, run.started))

    @property
    def versions(self) -> dict[str, str]:
        """Versions of what ran, the backend's own library first."""
        own = self.run.backend.partition(":")[0]
        return dict(sorted(self.run.versions.items(), key=lambda item: item[0] != own))

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of what was examined, the backend's own library first: all but those of the tools."""
        return _libraries(next((run for run in reversed(self.runs) if not run.problem), self.run))

    @property
    def problem(self) -> str:
        """Why there is no result at all, or an empty string."""
        return self.run.problem if not self.results else ""

    @property
    def restarts(self) -> int:
        """How often the run had to be resumed."""
        return len(self.runs) - 1

    @property
    def curves(self) -> list[Curve]:
        """One curve for each operation and dtype."""
        return list(self._curves.values())

    @property
    def examples(self) -> int:
        """Examples really run, which is not the budget of the profile."""
        return sum(result.examples for result in self.results.values())

    @property
    def seconds(self) -> float:
        """Time spent in cases."""
        return sum(result.seconds for result in self.results.values())

    @property
    def cells(self) -> int:
        """How many cases the whole specification has."""
        return max(run.cells for run in self.runs)

    @property
    def selected(self) -> bool:
        """Whether it was asked a part of the specification; a run that ended before it described a case cannot tell."""
        return 0 < len(self.cases) < self.cells

    @property
    def limits(self) -> list[str]:
        """One sentence for each reason not to take this for the whole truth, with the name before it."""
        count = f"{len(self.cases)} of the {self.cells} cases of the specification"
        selection = [f"{count} were selected; of the others this says nothing."] if self.selected else []
        return [f"{self.name}: {what}" for what in self.unfinished + self.remarks + selection]

    @cached_property
    def tally(self) -> Tally:
        """Counts over all cases."""
        return Tally.of(((self.cases[id], result) for id, result in self.results.items()), self.cells)

    def add(self, record: records.AnyRecord) -> None:
        """Take one record of the journal, in the order in which it was written."""
        match record:
            case RunRecord():
                self._settle(interrupted=False)  # what an earlier attempt has begun and not answered
                self.runs.append(record)
            case CaseRecord():
                self.cases[record.id] = record
            case Start():
                self._open.add(record.id)
            case Result():
                self._open.discard(record.id)
                self._fresh[record.id] = record
            case End(interrupted=True):  # a run that goes on later need not ask the case again that was cut off here
                self._settle(interrupted=True)
            case Curve():
                self._curves[record.operation, record.dtype] = record  # a resumed run may draw one again

    def complete(self) -> None:
        """Say of the cases that no journal has a result of that they were not run."""
        for id in self.cases:
            self.results.setdefault(id, Result(id=id, outcome="notrun", message="The run ended before this case."))

    def _settle(self, interrupted: bool) -> None:
        """Take what an attempt has answered; an attended one would have written that a case has ended its process."""
        for id in sorted(self._open):
            cut_off = interrupted or self.runs[-1].attended
            found = _UNREAD if self.gapped else _CUT_OFF if cut_off else _CRASHED
            self._fresh[id] = msgspec.structs.replace(found, id=id)
        self.gapped = False
        same = len({(run.profile, run.seed) for run in self.runs}) == 1
        for id, result in self._fresh.items():
            self.results[id] = merged(self.results[id], result, same) if id in self.results else result
        self._open.clear()
        self._fresh.clear()

    def close(self, source: Path, end: End | None, gaps: reader.Gaps) -> None:
        """Settle what one journal left open: crashes, cases that never ran, a missing end, lines that cannot be read."""
        interrupted, gapped = end is not None and end.interrupted, self.gapped
        self._settle(interrupted)
        for id in self.results:
            self.cases.setdefault(id, CaseRecord(id=id, clause="UNKNOWN", text="The journal does not describe this case."))
        if self.runs[-1].problem:
            if self.cases:
                self.unfinished.append(f"the backend could not be loaded again: {self.runs[-1].problem}")
        elif end is None:
            self.unfinished.append(f"the journal {source.name} has no end; the run was cut short.")
        elif interrupted:
            self.unfinished.append("the run was interrupted.")
        elif end.exit == INCOMPLETE:
            self.unfinished.append("the run ended before all its cases were asked.")
        if gaps.lines:
            (self.unfinished if gapped else self.remarks).append(f"{gaps}.")


@dataclass
class Results:
    """Everything that a report shows: the subjects in the order of their journals, and the cases of them all."""

    subjects: list[Subject]

    @cached_property
    def cases(self) -> dict[str, CaseRecord]:
        """The cases of all subjects, chapter by chapter; chapters stand in the order in which they first appear."""
        found = {id: case for subject in reversed(self.subjects) for id, case in subject.cases.items()}
        order: dict[str, int] = {}
        for subject in self.subjects:
            for case in subject.cases.values():
                order.setdefault(chapter_of(case), len(order))
        return dict(sorted(found.items(), key=lambda item: (order[chapter_of(item[1])], *_reading_order(item[1]))))

    @property
    def examined(self) -> list[Subject]:
        """The subjects that could be loaded."""
        return [subject for subject in self.subjects if not subject.problem]

    @property
    def unfinished(self) -> list[str]:
        """One sentence for each run that did not come to its end."""
        return [f"{subject.name}: {what}" for subject in self.subjects for what in subject.unfinished]

    @property
    def limits(self) -> list[str]:
        """One sentence for each reason not to take this for the whole truth."""
        return [sentence for subject in self.subjects for sentence in subject.limits] + self.mismatches

    @property
    def cells(self) -> int:
        """How many cases the specification has."""
        return max([len(self.cases), *(subject.cells for subject in self.subjects)])

    @property
    def mismatches(self) -> list[str]:
        """One sentence for each way in which the runs cannot be compared cell by cell."""
        said = []
        for attribute, what in (
            ("digest", "different specifications"),
            ("suite", "different versions of Clinometer"),
            ("profile", "different profiles"),
            ("seed", "different seeds"),
        ):
            values = {str(getattr(run, attribute)) for subject in self.examined for run in subject.runs}
            if len(values) > 1:
                said.append(f"These runs used {what}: {', '.join(sorted(values))}.")
        return said


def load(paths: Iterable[str | Path]) -> Results:
    """Read journals and merge them.

    Parameters
    ----------
    paths
        Journal files. One file may hold several runs, also of several backends; one backend may have several files,
        and is one subject for each set of versions of its libraries.

    Raises
    ------
    BrokenJournal
        A file that is missing, holds something else than records, or holds no run.

    """
    subjects: list[Subject] = []
    for path in map(Path, paths):
        at = -1
        ends: dict[int, End | None] = {}
        gaps, seen = reader.Gaps(path), 0
        for record in reader.read(path, gaps):
            if gaps.lines > seen and at >= 0:
                subjects[at].gapped = True
            seen = gaps.lines
            if isinstance(record, RunRecord):
                at = _place(record, subjects, path)
                ends[at] = None
            if at < 0:
                raise BrokenJournal(f"{path}: the first record is no run; is the beginning of the file missing?")
            subjects[at].add(record)
            if isinstance(record, End):
                ends[at] = record
        if at < 0:
            raise BrokenJournal(f"{path}: holds no run; was it written by `pytest --journal` or `clinometer run`?")
        subjects[at].gapped |= gaps.lines > seen
        for place, end in ends.items():
            subjects[place].close(path, end, gaps)
    for subject in subjects:
        subject.complete()
    _name_apart(subjects)
    return Results(subjects)


def merged(one: Result, other: Result, same: bool) -> Result:
    """Return what two attempts say of a case: the worse, and flaky if they differ though they drew the same.

    One that was left out or cut off says nothing.
    """
    if "notrun" in (one.outcome, other.outcome):
        return one if other.outcome == "notrun" else other
    best, worst = sorted((one, other), key=_badness)
    if best.outcome == worst.outcome or not same:
        return worst
    return msgspec.structs.replace(worst, stability=f"flaky ({worst.outcome} and {best.outcome})")


def _badness(result: Result) -> tuple[int, int, int, str]:
    """Return a key by which a worse result stands later; of two alike, the one that says more."""
    at = OUTCOMES.index(result.outcome)
    return result.outcome in FAILURES, at if result.outcome in FAILURES else -at, result.examples, result.message


def _place(run: RunRecord, subjects: list[Subject], path: Path) -> int:
    """Return the place of the subject that a run belongs to, a new one if there is none."""
    for at, subject in enumerate(subjects):
        # A run that could not load its backend does not know the versions of its libraries.
        unknown = run.problem or all(it.problem for it in subject.runs)
        if subject.run.backend == run.backend and (unknown or _libraries(run) == subject.libraries):
            if run.digest != subject.run.digest and not unknown:
                asked = f"it was asked another specification, {run.digest}, than the run before it, {subject.run.digest}"
                raise BrokenJournal(f"{path}: {asked}, and is not merged with it; `clinometer diff` compares the two.")
            return at
    subjects.append(Subject(run.backend))
    return len(subjects) - 1


def _libraries(run: RunRecord) -> dict[str, str]:
    own = run.backend.partition(":")[0]
    found = {name: version for name, version in run.versions.items() if name not in TOOLS}
    return dict(sorted(found.items(), key=lambda item: (item[0] != own, item[0])))


def _name_apart(subjects: list[Subject]) -> None:
    """Give subjects of one backend the versions that tell them apart as part of their names."""
    for subject in subjects:
        own, found = subject.run.backend.partition(":")[0], subject.libraries
        told = _telling([it.libraries for it in subjects if it.run.backend == subject.run.backend])
        versions = {name: found.get(name, "unknown") for name in told}
        subject.name = " ".join([subject.run.backend, *(versions[name] for name in told if name == own)])
        if others := [f"{name} {versions[name]}" for name in told if name != own]:
            subject.name += f" with {', '.join(others)}"


def _telling(group: list[dict[str, str]]) -> list[str]:
    """Return the libraries whose versions tell the members of a group apart, no more than it takes."""
    told: list[str] = []
    for name in dict.fromkeys(name for libraries in group for name in libraries):
        before, after = ({tuple(map(it.get, names)) for it in group} for names in (told, [*told, name]))
        if len(after) > len(before):
            told.append(name)
    return told


def chapter_of(case: CaseRecord) -> str:
    """Return the title of a case's chapter, from the record, its file, or the prefix of its clause."""
    if case.chapter:
        return case.chapter
    if stem := re.search(r"\.test_(\w+)::", case.test):
        return stem[1].replace("_", " ").capitalize()
    return case.clause.rpartition("-")[0] or case.clause


def share(held: int, ran: int) -> str:
    """Return a share as text; only all is 100 %, and only nothing is 0 %."""
    if not ran:
        return "none ran"
    if held in (0, ran):
        return f"{100 * held // ran} %"
    return f"{min(max(100 * held / ran, 0.1), 99.9):.1f} %"


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key under which GRAD-2 stands before GRAD-10."""
    return tuple((int(part), "") if re.fullmatch("[0-9]{1,18}", part) else (-1, part) for part in re.split("([0-9]+)", text))


def _reading_order(case: CaseRecord) -> tuple[object, ...]:
    return (natural(case.clause), case.operation, case.dtype, case.mode, natural(case.parameters), case.id)


# What becomes of a case that has begun and has no result.
_CRASHED = Result(id="", outcome="crash", message="The case started and the process died before it had a result.")
_UNREAD = Result(id="", outcome="notrun", message="What the journal says of this case cannot be read.")
_CUT_OFF = Result(id="", outcome="notrun", message="The run was interrupted during this case.")
