"""A station: the processes that ask a backend on one worker of a Dask cluster. It is kept between tasks.

A task hands it some cases and ends when they are answered, or when the process that asked them has died: what a death
means, and what is asked next, is decided where the journal is written. All that is told on the way is sent there as it
comes, so that a machine that is lost costs what it was at.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import sys
import tempfile
import threading
import time
import traceback
import zlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from clinometer.cli.crew import Gone, NotBegun, Worker
from clinometer.cli.pool import Limits, Pool, last_words
from clinometer.harness import wire
from clinometer.journal.records import Curve, Evidence, Record, Result, Start, encoded

IDLE = 10.0  # seconds without a task after which the processes end
LOOK = 0.25  # seconds between two looks at whether a task is still wanted
FLUSH = 0.2  # seconds within which what is told is sent in one
MOST = 2  # stations in one process: two runs may share a cluster


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a station starts; a run has one."""

    run: str  # the nonce of the client
    command: list[str]  # of a host
    own: bool  # in the interpreter of the Dask worker
    case: float
    memory: int
    folder: str  # that the command was given in
    environment: dict[str, str]
    verbose: bool


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What must be alike on all machines of a run; else a verdict would depend on where a case was asked."""

    suite: str
    digest: str
    cells: str  # a hash of the cases that were collected
    machine: str
    versions: dict[str, str]

    @classmethod
    def of(cls, collected: wire.Collected, loaded: wire.Loaded) -> Kind:
        """Return the kind of this machine."""
        ids = hashlib.blake2b("\n".join(it.case.id for it in collected.cells).encode(), digest_size=8).hexdigest()
        versions, machine = loaded.run.versions, platform.machine()
        return cls(suite=collected.suite, digest=collected.digest, cells=ids, machine=machine, versions=versions)

    def refusal(self, expected: Kind) -> str:
        """Return in what this machine is not like the first one, or nothing."""
        here, there = msgspec.to_builtins(self), msgspec.to_builtins(expected)
        here |= here.pop("versions")
        there |= there.pop("versions")
        told = {"suite": "clinometer", "digest": "specification", "cells": "selection of cases"}
        unlike = [f"{told.get(it, it)} {here.get(it, 'none')}" for it in {**there, **here} if here.get(it) != there.get(it)]
        asked = [f"{told.get(it, it)} {there.get(it, 'none')}" for it in {**there, **here} if here.get(it) != there.get(it)]
        return f"it has {', '.join(unlike)}, and other workers {', '.join(asked)}; install the same on all" if unlike else ""


class Died(Record, kw_only=True):
    """A process that asked has ended."""

    how: str
    over: bool
    alone: bool
    loaded: bool
    ours: bool
    stack: str = ""
    example: Evidence | None = None


class Over(msgspec.Struct, kw_only=True):
    """What a task returns: how many words it has told on the way."""

    told: int = 0
    sentence: str = ""  # why it could not be done at all
    begun: bool = False  # by another worker before, which must have been lost; nothing was done here


Told = Start | Result | Curve | Died


class Job:
    """What a task wants of a station.

    Parameters
    ----------
    ask : wire.Ask
        What is asked; of a job that has no cases, only what there is to ask.
    send : callable
        Sends lines of words, of which the first has a number.
    kind : Kind, optional
        Of the machines that have asked before.
    fresh : bool
        Whether it is for a process that has not been asked anything.
    """

    def __init__(self, ask: wire.Ask, send: Callable[[int, bytes], Any], kind: Kind | None = None, fresh: bool = False):
        self.ask, self.kind, self.fresh = ask, kind, fresh
        self.done, self.stopped, self.sentence = threading.Event(), False, ""
        self.told = 0
        self._send, self._lines, self._sent = send, list[bytes](), time.monotonic()

    def tell(self, word: Told) -> None:
        """Tell the client, at once unless that was just done."""
        self._lines.append(encoded(word))
        if time.monotonic() - self._sent >= FLUSH:
            self.flush()

    def flush(self) -> None:
        """Send what is to be told."""
        if self._lines:
            self._send(self.told, b"\n".join(self._lines))
            self.told += len(self._lines)
            self._lines.clear()
        self._sent = time.monotonic()

    def finish(self, sentence: str = "") -> None:
        """Say that it is over, and why if it could not be done."""
        self.flush()
        self.sentence = sentence
        self.done.set()


class Station:
    """Attends a pool of its own, in a thread of its own: processes die with the thread that has started them."""

    def __init__(self, order: Order):
        self.order, self.closing = order, False
        self.collection: wire.Collected | None = None
        self.loading: wire.Loaded | None = None
        self.kind: Kind | None = None
        self.jobs: deque[Job] = deque()
        self.at: dict[int, tuple[Worker, Job]] = {}
        self.pool: Pool | None = None
        self._last = time.monotonic()  # when there was something to do
        self.thread = threading.Thread(target=self._live, name="clinometer", daemon=True)

    # ----- from the threads of tasks -----

    def take(self, job: Job) -> None:
        """Take a job."""
        self._last = time.monotonic()
        self.jobs.append(job)
        if self.pool is not None:
            self.pool.wake()

    def close(self) -> None:
        """End all processes."""
        self.closing = True
        if self.pool is not None:
            self.pool.wake()

    # ----- in its own thread -----

    def _live(self) -> None:
        while True:
            with _LOCK:
                if not self.jobs or self.closing:
                    _STATIONS.pop(self.order.run, None) if _STATIONS.get(self.order.run) is self else None
                    break
            try:
                self._serve()
            except Exception as error:  # a task that waits is told, whatever it was
                traceback.print_exc()
                self._fail(f"{type(error).__name__}: {error}")
            finally:
                self.pool = None
        self._fail("")

    def _serve(self) -> None:
        order = self.order
        command = [sys.executable, *order.command[1:]] if order.own else order.command
        folder = Path(order.folder) if Path(order.folder).is_dir() else None
        with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
            output = None if order.verbose else log
            with Pool(command, Limits(order.case, order.memory), self, output, order.environment, folder) as self.pool:
                try:
                    self.pool.serve()
                except NotBegun as why:
                    said = "look at what its Dask worker prints." if order.verbose else ""
                    self._fail(str(why) or said or last_words(Path(log.name), self.pool.status))
                except Gone as why:
                    self._fail(str(why))
                except OSError as error:
                    self._fail(f"{error.filename or command[0]}: {error.strerror or error}.")

    def _fail(self, sentence: str) -> None:
        for _, job in self.at.values():
            job.finish(sentence)
        self.at.clear()
        while self.jobs:
            self.jobs.popleft().finish(sentence)

    # ----- attending -----

    def collected(self, word: wire.Collected) -> None:
        """Keep what was collected."""
        self.collection = word

    def loaded(self, word: wire.Loaded) -> None:
        """Keep what was loaded; where that was nothing, no job can be done."""
        assert self.collection is not None  # a worker is forked after that
        self.loading, self.kind = word, Kind.of(self.collection, word)
        if word.run.problem:
            self._fail(word.run.problem)

    def told(self, worker: Worker, record: Start | Result | Curve) -> None:
        """Tell the client."""
        if worker.number in self.at:
            self.at[worker.number][1].tell(record)

    def wanted(self, busy: int) -> int:
        """Return as many as there are jobs."""
        jobs = len(self.jobs) + len(self.at)
        if jobs:
            self._last = time.monotonic()
        return jobs

    def handed(self, worker: Worker) -> wire.Ask | None:
        """Return what the next job asks; none for a while if there is none, and then a worker need not wait any more."""
        _, before = self.at.pop(worker.number, (None, None))
        if before is not None:
            before.finish()
        while self.jobs and self.kind is not None:
            job = self.jobs[0]
            sentence = self.kind.refusal(job.kind) if job.kind else ""
            if not job.stopped and not sentence and job.ask.ids:
                if job.fresh and worker.used:
                    return None
                self.jobs.popleft()
                self.at[worker.number] = worker, job
                return job.ask
            self.jobs.popleft().finish(sentence)
        return wire.Ask(ids=[]) if time.monotonic() - self._last < IDLE else None

    def died(self, worker: Worker, how: str, *, alone: bool = True) -> None:
        """Tell the client: of one that did not even load the backend, in the name of the job that waits for it."""
        _, job = self.at.pop(worker.number, (None, None))
        if job is None and not worker.loaded and self.jobs:
            job = self.jobs.popleft()
        if job is not None:
            stack, ours = worker.last_word()
            over = worker.over is not None
            death = Died(how=how, over=over, alone=alone, loaded=worker.loaded, ours=ours, stack=stack, example=worker.example)
            job.tell(death)
            job.finish()

    def ticked(self) -> None:
        """Send what is to be told, and end what is not wanted any more."""
        if self.closing:
            raise Gone("")
        for number, (worker, job) in list(self.at.items()):
            job.flush()
            if job.stopped and self.pool is not None:
                del self.at[number]
                self.pool.send_home(worker)
                job.finish()
                self._last = float("-inf")  # its client has gone, or this machine goes: nothing more is waited for


_STATIONS: dict[str, Station] = {}  # of this process, by the run that they are of
_LOCK = threading.Lock()


def _at_station(order: Order, job: Job) -> Station:
    """Hand a job to the station of its run; where there are too many, one that has nothing to do is closed."""
    with _LOCK:
        for other in list(_STATIONS.values()) if order.run not in _STATIONS else []:
            if len(_STATIONS) >= MOST and not other.jobs and not other.at:
                _STATIONS.pop(other.order.run).close()
        found = _STATIONS.get(order.run)
        if found is None:
            found = _STATIONS[order.run] = Station(order)
        found.take(job)
        if not found.thread.is_alive():
            found.thread.start()
        return found


# ----- what Dask calls -----


def identity() -> dict[str, str]:
    """Return what a worker has to have in common with the client."""
    return {"clinometer": importlib.metadata.version("clinometer")}


def describe(order: bytes) -> bytes:
    """Return what there is to ask: the words `Collected` and `Loaded`, or `Died`, and the kind of this machine."""
    lines: list[bytes] = []
    job = Job(wire.Ask(ids=[]), lambda first, more: lines.append(more))
    station = _at_station(msgspec.json.decode(order, type=Order), job)
    _attend(job)
    known = [station.collection, station.loading] if station.loading is not None else []
    words = [*(encoded(it) for it in known), *lines]
    kind = msgspec.json.encode(station.kind)
    return zlib.compress(b"\n".join([encoded_over(job), kind, *words]), 1)


def ask(order: bytes, kind: bytes, ids: list[str], closely: bool, fresh: bool) -> bytes:
    """Ask some cases, and return how many words were told on the way."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    if not _begin(worker, key):
        return msgspec.json.encode(Over(begun=True))
    run = msgspec.json.decode(order, type=Order)

    def send(first: int, lines: bytes) -> None:
        worker.log_event(topic_of(run.run), {"key": key, "first": first, "lines": lines})

    job = Job(wire.Ask(ids=ids, closely=closely), send, msgspec.json.decode(kind, type=Kind), fresh)
    _at_station(run, job)
    _attend(job)
    job.sentence = f"on {worker.address}: {job.sentence}" if job.sentence else ""
    return encoded_over(job)


def close(run: str, within: float = 2.0) -> None:
    """End the processes of a run; return when they have, or after some seconds."""
    station = _STATIONS.get(run)
    if station is not None:
        station.close()
        station.thread.join(within)


def dask_setup(worker: Any) -> None:
    """Leave signals of the terminal to the client: called by Dask in the workers of a local cluster, as they start."""
    if hasattr(os, "setsid"):
        os.setsid()


def topic_of(run: str) -> str:
    """Return what the events of a run are called, and of all others that its client has begun."""
    return f"clinometer-{run.partition('-')[0]}"


def encoded_over(job: Job) -> bytes:
    """Return what a task has to say of its end."""
    return msgspec.json.encode(Over(told=job.told, sentence=job.sentence))


def _begin(worker: Any, key: str) -> bool:
    """Say that a task is begun; False if it was begun before.

    The scheduler gives a task whose worker it has lost to another one. What that one had told is told, and what is left
    of it only the client knows, who hands it out anew.
    """
    from distributed.utils import sync

    if sync(worker.loop, worker.scheduler.event_is_set, name=key):
        return False
    sync(worker.loop, worker.scheduler.event_set, name=key)
    return True


def _attend(job: Job) -> None:
    """Wait until a job is done, or nobody wants it any more: its client has gone, or this worker is to go."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    while not job.done.wait(LOOK):
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled" or worker.status.name not in ("running", "paused"):
            job.stopped = True
