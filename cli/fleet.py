"""The fleet: the workers of a run on a Dask cluster, as seen from where the journal is written.

It does for a cluster what the pool does for one machine. A task asks some cases, for some ten seconds; each is one worker
to who attends it. Dask sends a task to wherever there is room, and says when it is over. A task is begun once: where its
worker is lost, what it has told counts, and what is left of it is handed out anew.
"""

from __future__ import annotations

import itertools
import os
import queue
import time
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from clinometer.cli.attendance import FRUITLESS, Attendance
from clinometer.cli.crew import Gone, NotBegun, Worker
from clinometer.cli.pool import TICK, Limits
from clinometer.cli.progress import weight
from clinometer.cli.station import Died, Order, Over, Told
from clinometer.harness import interruption, wire
from clinometer.journal.records import Result

TASK = 15.0  # seconds that a task is meant to take
AHEAD = 2  # tasks for each thread: one that waits, so that no worker does; a cluster that adapts grows for it
COUNTED = 2.0  # seconds between two looks at how many workers there are
UNHEARD = 15.0  # seconds after which what a task has told is waited for no more, once it is over
PATIENCE = 60.0  # seconds between two sentences about workers that are waited for
TRIES = 3  # times that describing a backend is tried, whose worker is lost
UNMEASURED = 1  # units of a task as long as nothing is known of how long a case takes


class Cluster(Protocol):
    """What a fleet needs of a Dask cluster: see `cli.cluster`."""

    name: str

    def enlist(self, inbox: queue.SimpleQueue[Any]) -> str:
        """Return a name for a run, whose events come to an inbox from now on."""

    def submit(self, task: str, key: str, run: str, *words: Any) -> Any:
        """Have a task done; when it is over, its key comes to the inbox with the future."""

    def threads(self, run: str) -> int:
        """Return how many tasks of a run can be done at once; of all runs, if it is of none."""

    def settled(self, key: str) -> None:
        """Forget a task that is over."""

    def result(self, future: Any) -> bytes | None:
        """Return what a task has returned; None if its worker was lost."""

    def dismiss(self, run: str, futures: Sequence[Any]) -> None:
        """End a run everywhere."""


@dataclass
class Lane:
    """A task that is under way, and the worker that it is to who attends it."""

    worker: Worker
    key: str
    future: Any = None
    heard: int = 0  # words
    over: Over | None = None
    since: float = 0.0  # when it was over


class Fleet:
    """The workers of one backend's run on a cluster.

    Parameters
    ----------
    cluster : Cluster
    command : sequence of str
        What starts a host.
    own : bool
        Whether that is started with the interpreter of the Dask worker.
    limits : Limits
    attendance : Attendance
    verbose : bool
        Whether the processes print where their Dask worker does.
    """

    def __init__(
        self, cluster: Cluster, command: Sequence[str], own: bool, limits: Limits, attendance: Attendance, verbose: bool = False
    ):
        self.cluster, self.attendance, self.ledger = cluster, attendance, attendance.ledger
        self.inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.run = cluster.enlist(self.inbox)
        order = Order(
            run=self.run,
            command=list(command),
            own=own,
            case=limits.case,
            memory=limits.memory,
            folder=str(Path.cwd()),
            environment={name: it for name, it in os.environ.items() if name.startswith("CLINOMETER_")},
            verbose=verbose,
        )
        self.order, self.kind = msgspec.json.encode(order), b""
        self.lanes: dict[str, Lane] = {}
        self.threads = self.mute = 0
        self.spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])  # seconds and weights, by chapter
        self._numbers = itertools.count(1)
        self._decoder = msgspec.json.Decoder(Told)
        self._counted = self._said = float("-inf")
        self._ticked = time.monotonic()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cluster.dismiss(self.run, [lane.future for lane in self.lanes.values()])

    def serve(self) -> None:
        """Ask until there is nothing to ask, and nobody is at anything.

        Raises
        ------
        KeyboardInterrupt
            A signal has asked for the end; all that had been told by then has been heard.
        """
        self._describe()
        while self._hand_out():
            self._hear()

    # ----- what there is to ask -----

    def _describe(self) -> None:
        """Have some worker collect the cases and load the backend."""
        for _ in range(TRIES):
            lane = self._send("describe", Worker(next(self._numbers), Path(), time.monotonic()), self.order)
            while lane.over is None:
                self._hear()
            try:
                answer = self.cluster.result(lane.future)
            except Gone as why:
                raise NotBegun(str(why)) from None
            del self.lanes[lane.key]
            if answer is not None:
                self._described(lane, zlib.decompress(answer).split(b"\n"))
                return
        raise NotBegun(f"{TRIES} workers of {self.cluster.name} were lost in a row while they loaded it.")

    def _described(self, lane: Lane, lines: list[bytes]) -> None:
        over, self.kind = msgspec.json.decode(lines[0], type=Over), lines[1]
        words = [msgspec.json.decode(line, type=wire.Collected | wire.Loaded | Told) for line in lines[2:]]
        if over.sentence and not any(isinstance(word, wire.Loaded) for word in words):
            raise NotBegun(self._hint(over.sentence))
        for word in words:
            match word:
                case wire.Collected():
                    self.attendance.collected(word)
                case wire.Loaded():
                    run = msgspec.structs.replace(word.run, problem=self._hint(word.run.problem))
                    self.attendance.loaded(msgspec.structs.replace(word, run=run))
                case Died():
                    self._died(lane, word)
        if not self.attendance.opened:
            raise NotBegun(f"a worker of {self.cluster.name} was told to go while it loaded it.")

    # ----- handing out -----

    def _hand_out(self) -> bool:
        """Hand out what there is to ask, to as many workers as there are; False if there is nothing, and all is told."""
        self.attendance.number = max(AHEAD * self.threads, 1)
        while len(self.lanes) < self.attendance.wanted(len(self.lanes)):
            worker = Worker(next(self._numbers), Path(), time.monotonic(), loaded=True)
            order = self._task(worker)
            if not order.ids:
                break
            worker.todo, worker.closely, worker.used = list(order.ids), order.closely, True
            fresh = self.attendance.looks is not None
            self._send("ask", worker, self.order, self.kind, order.ids, order.closely, fresh)
        return bool(self.lanes)

    def _task(self, worker: Worker) -> wire.Ask:
        """Return what a task asks: units that take some seconds; fewer when there are few left, so that all end together."""
        task, seconds = wire.Ask(ids=[]), 0.0
        most = -(-self.ledger.left // max(2 * self.threads, 1)) if self.spent else UNMEASURED
        for _ in range(max(most, 1)):
            more = self.attendance.handed(worker)
            if more is None:
                break
            alone = self.ledger.is_suspect(more.ids[0])
            if alone and task.ids:
                self.ledger.back(more.ids)
                break
            task = wire.Ask(ids=task.ids + more.ids, closely=more.closely)
            seconds += sum(map(self._guess, more.ids))
            if alone or seconds >= TASK or self.attendance.looks is not None:
                break
        return task

    def _guess(self, id: str) -> float:
        """Return what a case may take: what others of its chapter took; else by its weight."""
        clause = self.ledger.cases[id].clause
        chapter = clause.rpartition("-")[0]
        alike = [self.spent[chapter]] if chapter in self.spent else list(self.spent.values())
        weights = sum(it[1] for it in alike)
        return sum(it[0] for it in alike) / weights * weight(clause) if weights else 0.0

    def _send(self, task: str, worker: Worker, *words: Any) -> Lane:
        lane = Lane(worker, f"{self.run}-{task}-{worker.number}")
        self.lanes[lane.key] = lane
        lane.future = self.cluster.submit(task, lane.key, self.run, *words)
        return lane

    # ----- hearing -----

    def _hear(self) -> None:
        """Hear what has come, for a while if that is nothing."""
        with interruption.deferred():
            wait = TICK
            while True:
                try:
                    key, what = self.inbox.get(timeout=wait) if wait else self.inbox.get_nowait()
                except queue.Empty:
                    break
                wait = 0.0
                self._take(key, what)
                if time.monotonic() - self._ticked >= TICK:
                    break
        interruption.insist()
        now = time.monotonic()
        if now - self._ticked >= TICK:
            self._ticked = now
            self._count(now)
            self.attendance.ticked()
            for lane in list(self.lanes.values()):
                if lane.over is not None and now - lane.since > UNHEARD and lane.key in self.lanes:
                    self._settle(lane)

    def _count(self, now: float) -> None:
        """Count the workers, and say so if there are none."""
        if now - self._counted < COUNTED:
            return
        self._counted, self.threads = now, self.cluster.threads(self.run)
        if self.threads:
            self._said = now
        elif now - self._said >= PATIENCE and not self.cluster.threads(""):
            self._said = now
            self.attendance.say(f"{self.attendance.name}: {self.cluster.name} has no workers; they are waited for.")

    def _take(self, key: str, what: Any) -> None:
        lane = self.lanes.get(key)
        if lane is None:  # of a task that was given up
            return
        if isinstance(what, dict):
            if what["first"] != lane.heard:  # something between was lost; what follows would be out of order
                return
            for line in what["lines"].split(b"\n"):
                lane.heard += 1
                self._told(lane, self._decoder.decode(line))
        else:
            lane.since, lane.over = time.monotonic(), Over()
            if key.startswith(f"{self.run}-describe"):
                return
            answer = self.cluster.result(lane.future)
            lane.over = msgspec.json.decode(answer, type=Over) if answer is not None else Over()
        if lane.over is not None and lane.over.told <= lane.heard:
            self._settle(lane)

    def _told(self, lane: Lane, word: Told) -> None:
        if isinstance(word, Died):
            self._died(lane, word)
            return
        lane.worker.note(word)
        if isinstance(word, Result) and word.id in self.ledger.cases:
            clause = self.ledger.cases[word.id].clause
            spent = self.spent[clause.rpartition("-")[0]]
            spent[0] += word.seconds
            spent[1] += weight(clause)
        self.attendance.told(lane.worker, word)

    def _died(self, lane: Lane, word: Died) -> None:
        worker = lane.worker
        worker.left, worker.example, worker.loaded = (word.stack, word.ours), word.example, word.loaded
        worker.over = time.monotonic() if word.over else None
        self.attendance.died(worker, word.how, alone=word.alone)
        worker.at, worker.todo = "", []

    def _settle(self, lane: Lane) -> None:
        """Take leave of a task that is over; what it has left is asked again."""
        del self.lanes[lane.key]
        self.cluster.settled(lane.key)
        assert lane.over is not None  # that it is
        self.mute = 0 if lane.heard else self.mute + 1
        if self.mute > FRUITLESS + self.attendance.number:
            raise Gone(f"{self.mute} tasks in a row ended without a word; given up.")
        if lane.over.sentence:
            raise Gone(f"a worker of {self.cluster.name} cannot ask, {self._hint(lane.over.sentence)}")
        self.attendance.left(lane.worker, begun=lane.over.begun)

    def _hint(self, problem: str) -> str:
        """Return a problem of loading, with what a cluster needs of a backend that is no installed module."""
        if not problem or ".py" not in self.attendance.name:
            return problem
        return f"{problem.rstrip('.')}. A backend in a file has to be at the same path on each worker, or installed there."
