"""The host of `clinometer run`: a pytest session that has collected the clauses' cells, and forks workers to ask them.

It never loads a backend. What pytest selects is what is asked; how it is asked, and by how many workers, says the parent.
Where a process cannot be forked safely, it does not make workers but becomes one.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from clinometer.harness import containment, wire
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examiner import described, installed
from clinometer.harness.specification import digest, specification
from clinometer.harness.worker import Assignment, Cells, work

# What we import where it is wanted, since few runs do. Workers find it there already, whatever a backend makes of importing.
LATE = ("clinometer.backends.members", "clinometer.reference.digits", "mpmath", "scipy.optimize", "scipy.special")


def question(item: pytest.Item) -> tuple[Clause, Cell] | None:
    """Return the clause and the cell that a test asks; None for a test that is no clause."""
    cell = getattr(getattr(item, "callspec", None), "params", {}).get("cell")
    clause = getattr(getattr(item, "function", None), "clause", None)
    return (clause, cell) if isinstance(clause, Clause) and isinstance(cell, Cell) else None


def serve(session: pytest.Session, place: str, assignment: Assignment) -> None:
    """Tell the parent what was collected, and make workers for it until it hangs up."""
    address, token = place.split()
    containment.die_with_parent()
    line = wire.call(address, token)
    cells, collected = _collected(session)
    line.send(collected)
    for module in LATE:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # so that workers share these pages with us for as long as they live
    _Host(line, address, token, assignment, cells).serve()


def _collected(session: pytest.Session) -> tuple[Cells, wire.Collected]:
    cells: dict[str, tuple[Clause, Cell]] = {}
    told: list[wire.Collectable] = []
    units: dict[int, int] = {}
    for item in session.items:
        asked = question(item)
        if asked is None:
            continue
        clause, cell = asked
        case = described(clause, cell, item.nodeid)
        if case.id not in cells:
            cells[case.id] = asked
            unit = units.setdefault(id(cell if cell.strategy is None else cell.strategy), len(units))
            told.append(wire.Collectable(case=case, unit=unit, unless=cell.unless))
    return cells, wire.Collected(
        suite=installed()["clinometer"],
        digest=digest(specification()),
        cells=told,
        others=sum(question(item) is None for item in session.items),
        maxfail=session.config.getoption("maxfail", 0) or 0,
    )


class _Host:
    """Forks, and tells how what it has forked has ended."""

    def __init__(self, line: wire.Line, address: str, token: str, assignment: Assignment, cells: Cells):
        self.line, self.address, self.token, self.assignment, self.cells = line, address, token, assignment, cells
        self.workers: dict[int, int] = {}  # number by pid

    def serve(self) -> None:
        if not containment.FORKS:
            self._become()
            return
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # so that the pipe is written to
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            while self._hears(reading):
                pass
        finally:
            for pid in self.workers:
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)

    def _become(self) -> None:
        while (words := self.line.receive()) is not None:
            for word in words:
                if isinstance(word, wire.Fork):
                    work(self.address, self.token, word, self.assignment, self.cells)

    def _hears(self, reading: int) -> bool:
        """Wait for an order or the end of a worker; False when the parent has hung up."""
        heard: list[Any] = [self.line.socket, reading]
        ready, _, _ = select.select(heard, [], [])
        if reading in ready:
            os.read(reading, 1 << 10)
            self._reap()
        if self.line.socket in ready:
            words = self.line.receive()
            for word in words or ():
                if isinstance(word, wire.Fork):
                    self._fork(word)
            return words is not None
        return True

    def _fork(self, order: wire.Fork) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            containment.die_with_parent(parent)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.line.socket.close()
            work(self.address, self.token, order, self.assignment, self.cells)
        self.workers[pid] = order.number

    def _reap(self) -> None:
        while self.workers:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self.workers:
                self.line.send(wire.Ended(number=self.workers.pop(pid), status=os.waitstatus_to_exitcode(status)))


def assignment_of(config: pytest.Config, profile: str) -> Assignment:
    """Return whom the workers of a session ask."""
    known = config.getoption("clinometer_known", None)
    return Assignment(
        config.getoption("clinometer_backend", "reference"),
        profile,
        config.getoption("clinometer_seed", 0),
        Path(known) if known else None,
    )
