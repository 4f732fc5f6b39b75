"""The pool: the processes of one backend's run, which we start, hear, time, and end.

A host collects, and forks workers. A worker that dies, or is over a limit, costs the case that it was at; another one goes
on. Nothing that a process says of its own end is believed: what counts is which cases have a result.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from clinometer.cli.crew import Attendant, Gone, NotBegun, Worker
from clinometer.harness import containment, interruption, wire
from clinometer.journal.records import Curve, Result, Start

LOADING = 120.0  # seconds that collecting, or loading a backend, may take, if a case may not take longer
GRACE = 3.0  # seconds in which a process that was told to end leaves its stack
DEAF = 10.0  # seconds after which a process that we have killed, or that has hung up, is waited for no more
SPOILED = "something else has written to the line on which it answers"
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has one way to end a process
TICK = 0.5  # seconds between two looks at the clock
LAST_WORDS = 15  # lines of pytest's output that are shown when it could not even begin


@dataclass(frozen=True)
class Limits:
    """What a worker may take: seconds for a case, and bytes of memory, 0 for any."""

    case: float
    memory: int = 0

    @property
    def load(self) -> float:
        """Seconds for collecting, and for loading a backend."""
        return max(LOADING, self.case)


class Pool:
    """The processes of a run.

    Parameters
    ----------
    command : sequence of str
        What starts a host.
    limits : Limits
    attendant : Attendant
    output : file, optional
        Where the processes print; else where we do.
    environment : mapping, optional
        What they have in their environment beside ours.
    folder : Path, optional
        Where they work; else where we do.
    """

    def __init__(
        self,
        command: Sequence[str],
        limits: Limits,
        attendant: Attendant,
        output: IO[str] | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ):
        self.command, self.limits, self.attendant, self.output = command, limits, attendant, output
        self.environment, self.folder = environment or {}, folder
        self.workers: dict[int, Worker] = {}
        self.status: int | None = None  # of a host that ended before it had collected
        self._token = secrets.token_hex(16)
        self._host: subprocess.Popen[bytes] | None = None
        self._host_line: wire.Line | None = None  # once it has collected
        self._since = 0.0  # when the host was started
        self._made = 0  # workers
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Pool:
        self._others = set(containment.adopted(set()))
        folder = tempfile.TemporaryDirectory(prefix="clinometer-", ignore_cleanup_errors=True)
        self._folder = Path(self._closing.enter_context(folder))
        self._selector = self._closing.enter_context(selectors.DefaultSelector())
        self._door, self._place = wire.listener(self._folder)
        self._closing.callback(self._door.close)
        self._selector.register(self._door, selectors.EVENT_READ)
        self._bell, self._string = socket.socketpair()
        for end in (self._bell, self._string):
            end.setblocking(False)
            self._closing.callback(end.close)
        self._selector.register(self._bell, selectors.EVENT_READ, self._bell)
        self._closing.callback(self._stop)
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.close()

    def wake(self) -> None:
        """Have it look at once whether there is something to ask, from another thread."""
        with contextlib.suppress(OSError):  # it rings already, or is closed
            self._string.send(b".")

    def serve(self) -> None:
        """Serve the processes until there is nothing to ask, and nobody is at anything.

        Raises
        ------
        KeyboardInterrupt
            A signal has asked for the end; all that had been told by then has been heard.
        """
        looked = time.monotonic()
        while self._busy():
            self._hear_all(TICK)
            interruption.insist()
            if time.monotonic() - looked >= TICK:
                looked = time.monotonic()
                self._look_at_clock(looked)
                self.attendant.ticked()

    def _hear_all(self, wait: float) -> None:
        with interruption.deferred():
            for key, _ in self._selector.select(wait):
                if isinstance(key.data, Worker):
                    self._hear(key.data)
                elif key.data is self._bell:
                    self._bell.recv(1 << 10)
                elif key.data is not None:
                    self._hear_host(key.data)
                else:
                    self._open_door()

    # ----- starting and ending -----

    def _busy(self) -> bool:
        """Hand out what there is to ask; False if there is nothing."""
        for worker in [it for it in self.workers.values() if it.is_idle]:
            order = self.attendant.handed(worker)
            if order is None:
                self.send_home(worker)
            elif order.ids:
                worker.todo, worker.closely = list(order.ids), order.closely
                worker.used, worker.asking, worker.since = True, True, time.monotonic()
                self._say(worker, order)
        busy = sum(worker.loaded and not worker.is_idle for worker in self.workers.values())
        while len(self.workers) < self.attendant.wanted(busy):
            if not self._hire():
                return True  # as soon as there is a host
        return bool(self.workers)

    def _hire(self) -> bool:
        """Have a worker made, if there is a host who can; else start one."""
        if self._host_line is None:
            if self._host is None:
                self._start_host()
            return False
        self._made += 1
        worker = Worker(self._made, self._folder / f"stack-{self._made}", time.monotonic())
        try:
            self._host_line.send(wire.Fork(number=self._made, stack=str(worker.stack), memory=self.limits.memory))
        except OSError:  # it has died, which we shall hear
            return False
        self.workers[self._made] = worker
        if not containment.FORKS:  # it becomes the worker itself
            worker.process, self._host = self._host, None
            self._hang_up(self._host_line)
            self._host_line = None
        return True

    def _start_host(self) -> None:
        environment = {**os.environ, **self.environment, "CLINOMETER_LINE": f"{self._place} {self._token}"}
        environment.setdefault("OMP_NUM_THREADS", "1")  # each worker has a core of its own
        environment.setdefault("PYTHONUNBUFFERED", "1")  # what a process prints before it dies is not lost
        self._since = time.monotonic()
        files = {"stdin": subprocess.DEVNULL, "stdout": self.output, "stderr": self.output}
        self._host = containment.started(self.command, env=environment, cwd=self.folder, **files)

    def send_home(self, worker: Worker) -> None:
        """Let a worker go, whatever it is at: nothing that it has left for its exit is waited for."""
        del self.workers[worker.number]
        if worker.line is not None:
            self._hang_up(worker.line)
        self._kill(worker)

    def _stop(self) -> None:
        """End all processes at once: all that they have told is written down."""
        with contextlib.suppress(Gone):
            self._hear_all(0)
        for number in (signal.SIGTERM, KILL):
            for worker in self.workers.values():
                self._kill(worker, number)
            time.sleep(0.05 if self.workers else 0)  # for what removes its temporary files when it is told to end
        if self._host is not None:
            self._host.kill()
            self._host.wait()
        self._end_orphans()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, Worker) and key.data.line is not None:
                key.data.line.close()
            elif isinstance(key.data, wire.Line):
                key.data.close()

    def _end_orphans(self) -> None:
        """End what workers that have ended had started, and what no longer is of their groups."""
        containment.end_adopted(self._others)

    def _kill(self, worker: Worker, number: int = KILL) -> None:
        """Send a signal to a worker, and to all that it has started."""
        if worker.pid:
            with contextlib.suppress(OSError):
                getattr(os, "killpg", os.kill)(worker.pid, number)
        if worker.process is not None and number == KILL:
            worker.process.kill()
            worker.process.wait()

    # ----- hearing -----

    def _open_door(self) -> None:
        connection, _ = self._door.accept()
        connection.settimeout(DEAF)
        line = wire.Line(connection)
        self._selector.register(connection, selectors.EVENT_READ, line)

    def _hear_host(self, line: wire.Line) -> None:
        """Hear a host, or one who has not said yet who it is."""
        words = line.receive()
        if words is None or line.garbled:
            self._hang_up(line)
            if line is self._host_line:
                self._host_line = None
            return
        for at, word in enumerate(words):
            match word:
                case wire.Hello() if word.token != self._token:
                    self._hang_up(line)
                    return
                case wire.Hello() if word.number:
                    worker = self.workers.get(word.number)
                    if worker is not None:
                        worker.line, worker.pid = line, word.pid
                        self._selector.modify(line.socket, selectors.EVENT_READ, worker)
                        self._take(worker, words[at + 1 :])
                    return
                case wire.Collected():
                    self.attendant.collected(word)
                    self._host_line = line
                case wire.Ended():
                    self._settle(self.workers.get(word.number), _death(word.status))

    def _hear(self, worker: Worker) -> None:
        assert worker.line is not None  # who is heard has one
        words = worker.line.receive()
        if words is not None:
            self._take(worker, words)
        if words is None or worker.spoiled:  # its host will tell how it has ended
            worker.cut = time.monotonic()
            self._hang_up(worker.line)
        if worker.spoiled:
            self._kill(worker)

    def _take(self, worker: Worker, words: Sequence[wire.Word]) -> None:
        """Take what a worker says, as far as it can be believed."""
        for word in words:
            match word:
                case wire.Loaded():
                    worker.loaded = True
                    self.attendant.loaded(word)
                case wire.Refused():
                    raise NotBegun(word.sentence)
                case wire.Example():
                    worker.example = word.evidence
                case wire.Idle():
                    worker.asking = False
                case Start() | Result() | Curve() if worker.believes(word):
                    worker.note(word)
                    self.attendant.told(worker, word)
                case _:
                    worker.spoiled = True
                    return
        worker.spoiled = worker.line is not None and worker.line.garbled

    def _say(self, worker: Worker, word: wire.Word) -> None:
        with contextlib.suppress(OSError):  # it has died, which we shall hear
            assert worker.line is not None  # who is idle has said so
            worker.line.send(word)

    def _hang_up(self, line: wire.Line) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(line.socket)
        line.close()

    # ----- the clock, and death -----

    def _look_at_clock(self, now: float) -> None:
        self._look_at_host(now)
        for worker in list(self.workers.values()):
            limit = self.limits.case if worker.loaded else self.limits.load
            if worker.process is not None and worker.process.poll() is not None:
                self._settle(worker, _death(worker.process.returncode))
            elif worker.over is not None or worker.cut is not None:
                waited = now - min(it for it in (worker.over, worker.cut) if it is not None)
                if waited > GRACE:
                    self._kill(worker)
                if waited > GRACE + DEAF:
                    self._settle(worker, "nobody knows how")
            elif not worker.is_idle and now - worker.since > limit:
                worker.over = now
                with contextlib.suppress(OSError):
                    os.kill(worker.pid, signal.SIGABRT) if worker.pid else None

    def _look_at_host(self, now: float) -> None:
        if self._host is None:
            return
        collecting = self._host_line is None
        if collecting and now - self._since > self.limits.load:
            raise NotBegun(f"collecting took longer than {self.limits.load:.0f} s.")
        code = self._host.poll()
        if code is None:
            return
        self._host = None
        if collecting and not self.workers:
            self.status = code
            raise NotBegun("")
        if self._host_line is not None:
            self._hang_up(self._host_line)
            self._host_line = None
        if containment.FORKS:  # its workers have died with it, and one of them may have killed it
            lost = list(self.workers.values())
            for worker in lost:
                self._settle(worker, f"with the process that had made it, {_death(code)}", alone=len(lost) == 1)

    def _settle(self, worker: Worker | None, how: str, alone: bool = True) -> None:
        """Hear the last words of a worker that has ended, and tell of it."""
        if worker is None or worker.number not in self.workers:
            return
        if worker.line is not None and worker.cut is None:
            worker.line.socket.setblocking(False)
            while (words := worker.line.receive()) and not worker.spoiled:
                self._take(worker, words)
            self._hang_up(worker.line)
        del self.workers[worker.number]
        self._kill(worker)  # what it has started, if anything
        self._end_orphans()
        self.attendant.died(worker, SPOILED if worker.spoiled else how, alone=alone)


def _death(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def last_words(log: Path, status: int | None) -> str:
    """Return what pytest said last, which is why it did not begin."""
    words = log.read_text("utf-8", errors="replace").split("\n")
    said = [line.removeprefix("clinometer: ") for line in words if line.strip()][-LAST_WORDS:]
    if not said:
        return f"its process ended with exit code {status}, without a word."
    return said[0] if len(said) == 1 else "\n".join(["pytest said:", *said])
