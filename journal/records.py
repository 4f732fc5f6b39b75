"""The journal: what a run leaves behind, one JSON object a line, flushed as it happens.

Records stand in the order in which things happen: one `run`, then for each case a `case`, a `start` and
a `result`; curves anywhere; one `end`. A `start` without `result` names the case that crashed; a journal
without `end` is of an incomplete run. Journals are merged by concatenation.

Numbers travel as decimal text (`repr`), since JSON knows neither nan nor infinity nor the sign of zero.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import Any

import msgspec

from clinometer.journal.vocabulary import Class, Level, Outcome

SCHEMA = 1


class Record(msgspec.Struct, tag_field="kind", tag=str.lower, omit_defaults=True, kw_only=True):
    """Anything that a journal holds; `kind` is the lower-case name of the class."""


class RunRecord(Record, tag="run", kw_only=True):
    """Head of a run: who was examined, with what, and how to repeat it."""

    schema: int = 1  # a journal that says nothing is of the first, whichever comes later: see docs/versioning.md
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
    nonce: str = ""  # of this attempt; its `end` has the same
    attended: bool = False  # a parent has written this, who would have seen a case end its process


class CaseRecord(Record, tag="case", kw_only=True):
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
    sides: list[str] = []  # what got and expected are, in the names of the script, where both are answers of the library
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
    nonce: str = ""  # of the attempt that ends


AnyRecord = RunRecord | CaseRecord | Start | Result | Curve | End


def now() -> str:
    """Return the time in ISO 8601, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def encoded(record: Any) -> bytes:
    """Return a record as JSON; what UTF-8 cannot say, half a surrogate pair in an exception's text, is escaped."""
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        return msgspec.json.encode(_encodable(msgspec.to_builtins(record)))


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
