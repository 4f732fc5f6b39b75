"""The crew of a run: a worker as its parent sees it, and who decides what workers are asked."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from clinometer.harness import containment, wire
from clinometer.journal.records import Curve, Evidence, Result, Start


class Gone(Exception):
    """The run cannot go on; the message is a sentence that says why."""


class NotBegun(Gone):
    """The run could not even begin."""


@dataclass
class Worker:
    """A process that asks, as its parent sees it."""

    number: int
    stack: Path
    since: float  # when it began what it is at
    line: wire.Line | None = None
    pid: int = 0
    process: subprocess.Popen[bytes] | None = None  # where workers are not forked
    loaded: bool = False
    used: bool = False  # it has been handed something
    asking: bool = False  # it has not said that it is through with that
    closely: bool = False  # it tells each example before it asks it
    todo: list[str] = field(default_factory=list)  # cases that it was handed, and has not begun
    at: str = ""  # the case that it is at
    example: Evidence | None = None  # the last that it has told of that
    over: float | None = None  # when it was told to end, for being over its limit
    cut: float | None = None  # when its line was cut
    spoiled: bool = False  # something else has written to its line
    left: tuple[str, bool] | None = None  # its last word, where another machine has told it

    @property
    def is_idle(self) -> bool:
        """Whether it waits for cases."""
        return self.loaded and not self.asking and self.cut is None and self.over is None

    def believes(self, record: Start | Result | Curve) -> bool:
        """Whether a record is of what it was handed; else something else has written it."""
        match record:
            case Start():
                return record.id in self.todo
            case Result():
                return record.id == self.at
        return True

    def note(self, record: Start | Result | Curve) -> None:
        """Note what it is at; the clock of a case begins with it."""
        if isinstance(record, Start):
            self.at, self.example, self.since = record.id, None, time.monotonic()
            self.todo = [id for id in self.todo if id != record.id]
        elif isinstance(record, Result):
            self.at = ""

    def last_word(self) -> tuple[str, bool]:
        """Return the stack that it has left when it died, if any, and whether that was in our own code."""
        return containment.last_word(self.stack) if self.left is None else self.left


class Attendant(Protocol):
    """Who decides what is asked, and is told what comes. Each method may raise `Gone`."""

    def collected(self, word: wire.Collected) -> None:
        """Hear what was collected."""

    def loaded(self, word: wire.Loaded) -> None:
        """Hear that a worker has loaded the backend."""

    def told(self, worker: Worker, record: Start | Result | Curve) -> None:
        """Hear what a worker was at, or has been answered."""

    def wanted(self, busy: int) -> int:
        """Return how many workers there should be, so many of whom are at something."""

    def handed(self, worker: Worker) -> wire.Ask | None:
        """Return what an idle worker is asked next: no cases if it has to wait, None if there is nothing, and it goes home."""

    def died(self, worker: Worker, how: str, *, alone: bool = True) -> None:
        """Hear that a worker has died, or was ended for being `over` its limit, and whether it is the only one."""

    def ticked(self) -> None:
        """Do what is done twice a second."""
