"""The wire: what the processes of a run say to each other, one JSON object a line.

The parent, `clinometer run`, keeps the journal and the clock. A host has collected the cells; workers, which it forks, load
the backend and ask. Each has a line to the parent. What they say is records of the journal, and the few words below.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec

from clinometer.journal import records
from clinometer.journal.records import Curve, Evidence, Record, Result, RunRecord, Start

LONGEST = 1 << 26  # bytes of one word; who says more is no worker of ours
LONGEST_PLACE = 100  # bytes of a socket's name, by the systems that allow least
BROKEN = 70  # exit code of a process that cannot reach its parent, or is at its wits' end: EX_SOFTWARE of sysexits.h


class Hello(Record, kw_only=True):
    """The first word of a line: who is there. A worker has a number, which it was forked by; the host has none."""

    token: str
    pid: int
    number: int = 0


class Collectable(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A case that was selected."""

    case: records.CaseRecord
    unit: int  # cases of one unit share what is drawn, and go to one worker
    unless: str = ""  # asked only of backends that do not work in this dtype


class Collected(Record, kw_only=True):
    """The host: what was selected, by a suite of this version and digest."""

    suite: str
    digest: str
    cells: list[Collectable]
    others: int = 0  # tests that are no clauses
    maxfail: int = 0  # new failures after which the run stops, as pytest's -x and --maxfail


class Fork(Record, kw_only=True):
    """To the host: make a worker of this number, which leaves its stack in this file when it dies."""

    number: int
    stack: str
    memory: int = 0  # bytes of address space; 0 for no limit


class Ended(Record, kw_only=True):
    """The host: a worker has ended, with an exit code, or the negative number of a signal."""

    number: int
    status: int


class Loaded(Record, kw_only=True):
    """A worker: the backend is there, or `run.problem` says why not."""

    run: RunRecord
    dtypes: list[str] = []
    excused: dict[str, dict[str, str]] = {}  # for cases by id: outcomes that only the parent can see, and their known reasons


class Refused(Record, kw_only=True):
    """A worker: what was asked for makes no sense."""

    sentence: str


class Ask(Record, kw_only=True):
    """To a worker: ask these cases. `closely`: the smallest examples first, each told before it is asked."""

    ids: list[str]
    closely: bool = False


class Example(Record, kw_only=True):
    """A worker that asks closely: what it is about to ask."""

    id: str
    evidence: Evidence


class Idle(Record, kw_only=True):
    """A worker: it has asked what it was given."""


Word = Hello | Collected | Fork | Ended | Loaded | Refused | Ask | Example | Idle | Start | Result | Curve


class Line:
    """One end of a connection between the parent and another process of its run."""

    def __init__(self, connection: socket.socket):
        self.socket = connection
        self.garbled = False  # something else has written to it, and nothing more that comes can be believed
        self._pid, self._rest = os.getpid(), b""
        self._decoder = msgspec.json.Decoder(Word)

    def send(self, word: Word) -> None:
        """Send a word; a copy of this process, made by whatever runs in it, ends instead: it is nobody's worker."""
        if os.getpid() != self._pid:
            os._exit(0)
        self.socket.sendall(records.encoded(word) + b"\n")

    def receive(self) -> list[Word] | None:
        """Return the words that have come, waiting for some bytes if there are none; None at the end of the line.

        Of what is `garbled`, the words before that count.
        """
        try:
            found = self.socket.recv(1 << 20)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not found or self.garbled:
            return None
        *lines, self._rest = (self._rest + found).split(b"\n")
        words: list[Word] = []
        try:
            for line in lines:
                words.append(self._decoder.decode(line))  # those before one that is none are kept
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.garbled = True
        self.garbled = self.garbled or len(self._rest) > LONGEST
        return words

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def listener(folder: Path) -> tuple[socket.socket, str]:
    """Return a socket that listens, in a folder where the system has such and it has no long name, and its address."""
    place = str(folder / "line")
    if hasattr(socket, "AF_UNIX") and len(os.fsencode(place)) < LONGEST_PLACE:
        heard = socket.socket(socket.AF_UNIX)
        heard.bind(place)
    else:
        heard = socket.socket(socket.AF_INET)
        heard.bind(("127.0.0.1", 0))
        place = str(heard.getsockname()[1])
    heard.listen()
    return heard, place


def call(address: str, token: str, number: int = 0) -> Line:
    """Connect to the parent and say who is there."""
    port = address.isdecimal()
    connection = socket.socket(socket.AF_INET if port else socket.AF_UNIX)
    connection.connect(("127.0.0.1", int(address)) if port else address)
    line = Line(connection)
    line.send(Hello(token=token, pid=os.getpid(), number=number))
    return line
