"""A worker of `clinometer run`: it loads the backend, asks the cells that it is given, and tells its parent what came of it.

It keeps no journal and no clock. Whatever a backend does to it, the parent has all that it told, and knows what it was at.
"""

from __future__ import annotations

import functools
import gc
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from clinometer.backends import BackendProblem
from clinometer.harness import containment, examiner, expectations, wire
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examiner import Examiner
from clinometer.harness.findings import Finding
from clinometer.journal import records
from clinometer.reference.case import Case

Cells = Mapping[str, tuple[Clause, Cell]]  # by the id of the case
UNSEEN = frozenset({"crash", "timeout"})  # outcomes that only the parent can see


@dataclass(frozen=True)
class Assignment:
    """Whom a worker asks, and how."""

    selection: str
    profile: str
    seed: int
    known: Path | None = None


def work(address: str, token: str, order: wire.Fork, assignment: Assignment, cells: Cells) -> NoReturn:
    """Work until the line is cut, and end this process: nothing that a backend has left for its exit is waited for."""
    code = wire.BROKEN
    try:
        containment.contain(order.memory)
        containment.leave_word(order.stack)
        line = wire.call(address, token, order.number)
        _work(line, assignment, cells)
        code = 0
    except OSError:  # the parent has gone, or the backend has closed what was not its own
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _work(line: wire.Line, assignment: Assignment, cells: Cells) -> None:
    examiner_ = _loaded(line, assignment, cells)
    if examiner_ is None:
        return
    gc.freeze()  # what stands now lives to the end; the collector would look at all of it again and again
    while (words := line.receive()) is not None:
        for word in words:
            if isinstance(word, wire.Ask):
                for id in word.ids:
                    _ask(line, examiner_, id, *cells[id], closely=word.closely)
                line.send(wire.Idle())


def _loaded(line: wire.Line, assignment: Assignment, cells: Cells) -> Examiner | None:
    try:
        found = Examiner(assignment.selection, assignment.profile, assignment.seed, assignment.known)
        run = found.head([])
    except BackendProblem as problem:
        run = examiner.head(assignment.selection, assignment.profile, assignment.seed, 0, [], problem=str(problem))
        line.send(wire.Loaded(run=run))
        return None
    except expectations.BadExpectations as problem:
        line.send(wire.Refused(sentence=str(problem)))
        return None
    excused = {}
    if any(not UNSEEN.isdisjoint(known.outcomes) for known in found.known):
        for id, (clause, cell) in cells.items():
            if reasons := {it: reason for it in UNSEEN if (reason := found.excuse(clause, cell, it))}:
                excused[id] = reasons
    line.send(wire.Loaded(run=run, dtypes=list(found.dtypes), excused=excused))
    return found


def _ask(line: wire.Line, found: Examiner, id: str, clause: Clause, cell: Cell, closely: bool) -> None:
    line.send(records.Start(id=id, at=records.now()))
    before = functools.partial(_tell, line, found, id, clause, cell) if closely else None
    result, record = found.ask(clause, cell, id, before)
    line.send(record)
    for curve in result.curves:
        line.send(curve)


def _tell(line: wire.Line, found: Examiner, id: str, clause: Clause, cell: Cell, case: Any) -> None:
    """Tell what is about to be asked."""
    if isinstance(case, Case):
        about = found.evidence(Finding("the process survives", case, cell.mode), clause, cell)
        line.send(wire.Example(id=id, evidence=about))
