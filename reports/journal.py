"""The journal: what a run leaves behind, one JSON object a line, flushed as it happens.

Records stand in the order in which things happen: one `run`, then for each case a `case`, a `start` and
a `result`; curves anywhere; one `end`. A `start` without `result` names the case that crashed; a journal
without `end` is of an incomplete run. Journals are merged by concatenation.

Numbers travel as decimal text (`repr`), since JSON knows neither nan nor infinity nor the sign of zero.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

SCHEMA = 1

Outcome = Literal["pass", "fail", "error", "crash", "timeout", "unsupported", "inconclusive", "invalid", "notrun"]
Level = Literal["MUST", "SHOULD", "INFO"]
Class = Literal["universal", "set-valued", "convention", "informational"]


class Record(msgspec.Struct, tag_field="kind", tag=str.lower, omit_defaults=True, kw_only=True):
    """Anything that a journal holds; `kind` is the lower-case name of the class."""


class Run(Record, kw_only=True):
    """Head of a run: who was examined, with what, and how to repeat it."""

    schema: int = SCHEMA
    backend: str
    suite: str  # version of Clinometer
    digest: str  # hash of the specification: two runs with different digests asked different questions
    profile: str  # quick, standard, deep
    seed: int
    cells: int = 0  # of the whole specification: a run that describes fewer cases was asked a selection
    started: str  # ISO 8601, UTC
    command: list[str] = []
    versions: dict[str, str] = {}  # python, numpy, hypothesis, and the backend's own libraries
    platform: str = ""
    problem: str = ""  # why the backend could not be loaded; then nothing else follows


class Case(Record, kw_only=True):
    """A cell of the specification: one clause, asked of one operation in one dtype."""

    id: str
    clause: str  # "GRAD-1"
    chapter: str = ""  # "Gradients"; when empty, views fall back on the clause's prefix
    text: str  # the clause's sentence
    level: Level = "MUST"
    cls: Class = msgspec.field(default="universal", name="class")
    operation: str = ""
    dtype: str = ""
    mode: str = ""  # value, reverse, forward, tape, or empty
    parameters: str = ""
    test: str = ""  # pytest's node id with --pyargs, to run it again from any folder

    @property
    def title(self) -> str:
        """What a case is called."""
        return title(self.clause, self.operation, self.parameters, self.dtype, self.mode)


def title(*words: str) -> str:
    """Return what a case is called, from its clause, operation, parameters, dtype and mode: `GRAD-1 exp float64 reverse`."""
    return " ".join(filter(None, words))


class Start(Record, kw_only=True):
    """The case begins; if nothing follows, it took the process with it."""

    id: str
    at: str


class Array(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An array as text: `values` are row-major decimal literals."""

    name: str = ""
    dtype: str = ""
    shape: list[int] = []
    values: list[str] = []


class Step(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A finite difference that was tried."""

    step: str
    estimate: str
    error: str  # as it estimates itself
    taken: bool = False  # what the witness says is this one


class Witness(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The second witness, who is heard about one entry: that at the index of the evidence."""

    value: str
    error: str  # how far off it may be, by its own estimate
    steps: list[Step] = []  # none where plain numpy has computed a value


class Evidence(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What stands behind a verdict that is not a pass. All arrays but `inputs` have one shape."""

    claim: str = ""  # what was compared: "gradient of x", "value", "jvp"
    inputs: list[Array] = []
    expected: Array | None = None
    tolerance: Array | None = None
    got: Array | None = None
    index: list[int] | None = None  # the worst entry, or the first that differs; empty for a scalar's
    error: str = ""  # there, in units of the tolerance
    witness: Witness | None = None  # heard about that entry
    program: str = ""  # readable Python
    script: str = ""  # stand-alone, in the backend's own library
    trace: str = ""


class Observation(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a library does where no answer, or more than one, is right: a row of the atlas."""

    point: str
    answer: str


class Cost(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a gradient takes: measured in the run, so that another run has another number."""

    ratio: float  # CPU time of value and gradients over that of the value
    shapes: str  # of the inputs: "64x64, 64x64"


class Result(Record, kw_only=True):
    """The verdict: four independent fields (outcome, expectation, stability; the level is the case's)."""

    id: str
    outcome: Outcome
    expectation: str = ""  # reason of a known failure, with its link
    expected: bool = False  # the outcome is one that the known failure names; any other is news
    stability: str = ""  # "flaky (2 of 3 replays)", or empty for stable
    examples: int = 0  # examples really run, not the budget
    points: int = 0  # points checked in them
    seconds: float = 0.0
    message: str = ""  # one line
    evidence: Evidence | None = None
    observed: list[Observation] = []
    cost: Cost | None = None


class Curve(Record, kw_only=True):
    """f, the backend's gradient and the reference's over an interval, for the plots."""

    operation: str
    dtype: str
    x: list[float]
    value: list[float | None]
    gradient: list[float | None]
    reference: list[float | None]


class End(Record, kw_only=True):
    """The run came to its end, as planned unless `interrupted`."""

    at: str
    exit: int
    interrupted: bool = False


AnyRecord = Run | Case | Start | Result | Curve | End


class BrokenJournal(Exception):
    """A line is not a record; the message names file and line."""


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value


def identity(clause: str, operation: str, dtype: str, mode: str, parameters: str) -> str:
    """Return the stable id of a case: the same on every backend, machine and day."""
    key = "\0".join((clause, operation, dtype, mode, parameters))
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


class Writer:
    """Appends records to a file, each with a single write, so that several processes may share it."""

    def __init__(self, path: str | os.PathLike[str], *, fresh: bool = True):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if fresh else 0)
        self._file = os.open(path, flags, 0o644)
        if not fresh:
            self._drop_cut_line()

    def _drop_cut_line(self) -> None:
        # A crash may cut the last line short. Appended to, it would spoil the next record as well.
        size = os.lseek(self._file, 0, os.SEEK_END)
        whole = size
        while whole and os.pread(self._file, 1, whole - 1) != b"\n":
            whole -= 1
        if whole != size:
            os.ftruncate(self._file, whole)

    def write(self, record: AnyRecord) -> None:
        """Append one record; it is on its way to the disk when this returns."""
        try:
            line = msgspec.json.encode(record)
        except UnicodeEncodeError:  # an exception's text may hold half a surrogate pair, which UTF-8 cannot say
            line = msgspec.json.encode(_encodable(msgspec.to_builtins(record)))
        os.write(self._file, line + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def set_aside(path: Path) -> Path | None:
    """Rename what is there, so that nothing is lost: to the first of FILE.1, FILE.2, ... that is free.

    Returns None if there is nothing in it. The suffix comes last, so that `*.jsonl` are the runs that count.
    """
    if not path.is_file() or not path.stat().st_size:
        return None
    number = 1
    while (kept := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    path.rename(kept)
    return kept


def read(path: str | os.PathLike[str]) -> Iterator[AnyRecord]:
    """Yield the records of a journal.

    A last line cut short by a crash is dropped: nothing after it was written. Records of a kind that this
    version does not know are refused, as is anything else that is not a record.

    Raises
    ------
    BrokenJournal
        A line that is no record, or no such file. The message says which file, which line and what is wrong.

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
        yield record


def resumable(path: Path, profile: str, seed: int) -> Iterator[AnyRecord]:
    """Yield the records of a journal that a run of this profile and seed can go on with.

    Raises
    ------
    BrokenJournal
        As `read`; or it was written in another profile or under another seed, so that its cases are others.

    """
    for record in read(path):
        if isinstance(record, Run) and (record.profile, record.seed) != (profile, seed):
            there, here = (f"profile {p}, seed {s}" for p, s in ((record.profile, record.seed), (profile, seed)))
            raise BrokenJournal(f"{path}: was written with {there} and cannot be resumed with {here}; give the same.")
        yield record
