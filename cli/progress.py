"""Progress: how far a run is, read from its journal while that is written, by one process or by many."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from clinometer.journal.records import title
from clinometer.journal.vocabulary import FAILURES

# What a case takes beside one of most other chapters, roughly. Only the time that is left is guessed from it.
LONG = {"PROGRAM": 160, "FLOW-TRACED": 85, "STATE": 25, "ALIAS": 17, "ACC": 12, "XFORM": 9, "HIGH": 4, "DTYPE": 3}


class Entry(msgspec.Struct):
    """What is counted of a record of the journal, whichever kind it is of."""

    kind: str = ""
    id: str = ""
    clause: str = ""
    operation: str = ""
    dtype: str = ""
    mode: str = ""
    parameters: str = ""
    outcome: str = ""
    expected: bool = False
    message: str = ""
    stability: str = ""
    examples: int = 0
    points: int = 0
    seconds: float = 0.0
    problem: str = ""
    command: list[str] = []
    interrupted: bool = False
    attended: bool = False

    @property
    def name(self) -> str:
        """What a case is called."""
        return title(self.clause, self.operation, self.parameters, self.dtype, self.mode)

    @property
    def is_new(self) -> bool:
        """Whether a result is a failure that nobody expected."""
        return self.outcome in FAILURES and not self.expected


def weight(clause: str) -> float:
    """Return what a case of a clause takes beside others."""
    return LONG.get(clause.rpartition("-")[0], 1.0)


class Progress:
    """The counts of a journal, which may still grow.

    Parameters
    ----------
    path : Path
        The journal; it need not be there yet.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file: tuple[int, int] | None = None  # that was read last: a new run puts another one in the place of the old
        self._forget()

    def _forget(self) -> None:
        self.cases: dict[str, Entry] = {}
        self.results: dict[str, Entry] = {}
        self.open: dict[str, None] = {}  # begun, and no result yet
        self.begun = self.new = self.known = 0  # how many starts, failures that nobody expected, and those that are known
        self.all = self.done = 0.0  # weights
        self.seconds = 0.0  # that went into cases, those as well that were asked again
        self.command: list[str] = []  # by which the last run was asked
        self.problem = ""  # why the backend could not be loaded
        self.ended = False  # the last run came to its end
        self._read = 0  # bytes
        self._attended = False  # a parent has written the run, who would have seen a crash
        self._since: tuple[float, float] | None = None  # when we saw the first case begin, and what was done by then

    def look(self) -> list[Entry]:
        """Read what was written since the last look, and return the results among it."""
        found = []
        for entry in self._entries():
            if entry.kind == "case":
                self.all += weight(entry.clause) if entry.id not in self.cases else 0
                self.cases[entry.id] = entry
            elif entry.kind == "start":
                self.begun += 1
                self.open[entry.id] = None
            elif entry.kind == "result":
                self.open.pop(entry.id, None)
                self.seconds += entry.seconds
                self._count(entry)
                found.append(entry)
            elif entry.kind == "end":
                self.ended = not entry.interrupted
                if entry.interrupted:
                    self.open.clear()
            elif entry.kind == "run":  # what an earlier process has begun and not ended has ended that process
                for id in self.open if not self._attended else ():
                    self._count(Entry(id=id, outcome="crash"))
                self.open.clear()
                self._attended, self.problem, self.ended = entry.attended, entry.problem, False
                self.command = entry.command
        return found

    def _entries(self) -> Iterable[Entry]:
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if self._file != (status.st_dev, status.st_ino) or status.st_size < self._read:
                    self._file = status.st_dev, status.st_ino
                    self._forget()
                file.seek(self._read)
                new = file.read()
        except OSError:
            return
        whole = new.rfind(b"\n") + 1  # what follows is still being written, or was cut short by a crash
        self._read += whole
        for line in new[:whole].splitlines():
            try:
                yield msgspec.json.decode(line, type=Entry)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue

    def _count(self, result: Entry) -> None:
        before = self.results.get(result.id)
        for entry, sign in ((result, 1), *([(before, -1)] if before else [])):
            self.new += sign * entry.is_new
            self.known += sign * entry.expected
        if before is None and result.id in self.cases:
            self.done += weight(self.cases[result.id].clause)
        self.results[result.id] = result

    def name(self, id: str) -> str:
        """Return what a case is called."""
        return self.cases[id].name if id in self.cases else id

    def left(self, now: float) -> float | None:
        """Return the seconds that are left, roughly; None before a hundredth is done, from which nothing can be told."""
        if self._since is None:
            self._since = (now, self.done) if self.begun else None
            return None
        began, before = self._since
        done, all = self.done - before, self.all - before
        return (now - began) * (all - done) / done if done and 100 * done >= all else None
