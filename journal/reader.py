"""Reading a journal: record by record, also one that a crash has cut short."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from clinometer.journal.records import SCHEMA, AnyRecord, RunRecord


class BrokenJournal(Exception):
    """A line is not a record; the message names file and line."""


def read(path: str | os.PathLike[str]) -> Iterator[AnyRecord]:
    """Yield the records of a journal.

    A last line cut short by a crash is dropped: nothing after it was written. Records of a kind that this
    version does not know are refused, as is anything else that is not a record.

    Raises
    ------
    BrokenJournal
        A line that is no record, a journal of another schema, or no such file. The message says which file, which line and
        what is wrong.

    """
    path = Path(path)
    decoder = msgspec.json.Decoder(AnyRecord)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BrokenJournal(f"{path}: cannot be read: {error.strerror or error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = decoder.decode(line)
        except msgspec.MsgspecError as error:
            if number == len(lines):
                return
            raise BrokenJournal(f"{path}, line {number}: not a journal record: {error}") from error
        except UnicodeDecodeError as error:
            raise BrokenJournal(f"{path}, line {number}: not UTF-8 text: {error.reason}") from error
        if isinstance(record, RunRecord) and record.schema != SCHEMA:
            text = f"a journal of schema {record.schema}, where this version of Clinometer reads {SCHEMA}"
            raise BrokenJournal(f"{path}, line {number}: {text}; docs/versioning.md says what that means")
        yield record


def resumable(path: Path, profile: str, seed: int) -> Iterator[AnyRecord]:
    """Yield the records of a journal that a run of this profile and seed can go on with.

    Raises
    ------
    BrokenJournal
        As `read`; or it was written in another profile or under another seed, so that its cases are others.

    """
    for record in read(path):
        if isinstance(record, RunRecord) and (record.profile, record.seed) != (profile, seed):
            there, here = (f"profile {p}, seed {s}" for p, s in ((record.profile, record.seed), (profile, seed)))
            raise BrokenJournal(f"{path}: was written with {there} and cannot be resumed with {here}; give the same.")
        yield record
