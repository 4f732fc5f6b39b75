"""Reading a journal: record by record, also one that a crash has cut short, and as far as it goes one that was damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from clinometer.journal.files import content
from clinometer.journal.records import SCHEMA, AnyRecord, CaseRecord, End, RunRecord

LONGEST = 300  # characters of what is wrong with a line
BOM = b"\xef\xbb\xbf"


class BrokenJournal(Exception):
    """A journal, or a line of it, cannot be read; the message names file and line."""


class OtherSchema(BrokenJournal):
    """A journal of another schema."""


@dataclass
class Gaps:
    """The lines of a journal that cannot be read, and those whose run is not known for want of them."""

    path: Path
    lines: int = 0
    first: str = ""  # the first of them, and what is wrong with it

    def __str__(self) -> str:
        if not self.lines:
            return ""
        what = "1 line" if self.lines == 1 else f"{self.lines} lines"
        return f"{what} of {self.path.name} cannot be read, and what stood there is missing: {self.first}"

    def add(self, where: str, why: str) -> None:
        """Count a line."""
        self.lines += 1
        self.first = self.first or f"{where}: {why}"


@dataclass
class _Run:
    """What is known of the run that lines belong to, so that none is taken for another one's, whose head cannot be read."""

    known: bool = False
    broken: bool = False  # a line since its head
    ended: bool = False
    described: set[str] = field(default_factory=set)

    def lose(self, line: bytes) -> None:
        """Take note of a line that cannot be read: it may have been the head of another run."""
        self.broken = True
        self.known = self.known and not self.ended and b'"run"' not in line

    def has(self, record: AnyRecord) -> bool:
        """Say whether a record belongs to this run. No run describes a case twice: one that does has lost its head."""
        if isinstance(record, CaseRecord):
            self.known = self.known and not (self.broken and record.id in self.described)
            self.described.add(record.id)
        self.ended = self.ended or isinstance(record, End)
        return self.known


def read(path: str | os.PathLike[str], gaps: Gaps | None = None) -> Iterator[AnyRecord]:
    """Yield the records of a journal.

    A last line cut short by a crash is dropped: nothing after it was written. With `gaps` a line that is no record, or is
    one of a kind that this version does not know, is counted there, and what can be read is read; else it is refused.

    Raises
    ------
    BrokenJournal
        A line that is no record, a journal of another schema, one of which nothing can be read, or no such file. The message
        says which file, which line and what is wrong.

    """
    path = Path(path)
    try:
        lines = content(path).removeprefix(BOM).split(b"\n")
    except (OSError, ValueError) as error:  # of a path that no system takes
        why = getattr(error, "strerror", None) or error
        raise BrokenJournal(f"{path}: cannot be read: {why}") from error
    run, heads, found = _Run(), 0, gaps or Gaps(path)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        record = _decoded(line)
        if isinstance(record, str):
            if number == len(lines):
                break
            run.lose(line)
            found.add(f"line {number}", record)
        elif isinstance(record, RunRecord):
            if record.schema != SCHEMA:
                text = f"a journal of schema {record.schema}, where this version of Clinometer reads {SCHEMA}"
                raise OtherSchema(f"{path}, line {number}: {text}; docs/versioning.md says what that means")
            run, heads = _Run(known=True), heads + 1
            yield record
        elif run.has(record) or not run.broken:
            yield record
        else:
            found.add(f"line {number}", "the run that it is of is not known")
        if found.lines and gaps is None:
            raise BrokenJournal(f"{path}, {found.first}")
    if found.lines and not heads:
        raise BrokenJournal(f"{path}, {found.first}")


_DECODER = msgspec.json.Decoder(AnyRecord)


def _decoded(line: bytes) -> AnyRecord | str:
    """Return the record of a line, or what is wrong with it."""
    try:
        record: AnyRecord = _DECODER.decode(line)
    except UnicodeDecodeError as error:
        return f"not UTF-8 text: {error.reason}"
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        return f"not a journal record: {str(error)[:LONGEST]}"
    return record


def resumable(path: Path, profile: str, seed: int, gaps: Gaps) -> Iterator[AnyRecord]:
    """Yield the records of a journal that a run of this profile and seed can go on with.

    Raises
    ------
    BrokenJournal
        As `read`; or it was written in another profile or under another seed, so that its cases are others.

    """
    for record in read(path, gaps):
        if isinstance(record, RunRecord) and (record.profile, record.seed) != (profile, seed):
            there, here = (f"profile {p}, seed {s}" for p, s in ((record.profile, record.seed), (profile, seed)))
            raise BrokenJournal(f"{path}: was written with {there} and cannot be resumed with {here}; give the same.")
        yield record


def is_journal(path: Path) -> bool:
    """Whether a file is a journal, damaged as it may be, or empty; none that is not there is one."""
    try:
        return any(True for _ in read(path, Gaps(path))) or not content(path).strip()
    except OtherSchema:
        return True
    except BrokenJournal:
        return not path.exists()
