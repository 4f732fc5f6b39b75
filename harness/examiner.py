"""The examiner: a backend, what is known of its failures, and the records of what it answers."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clinometer.backends import BackendProblem, load, support_of
from clinometer.backends.protocol import versions_of
from clinometer.backends.raised import trace
from clinometer.harness import expectations
from clinometer.harness.bounds import bounded
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import Examination, examine
from clinometer.harness.findings import Finding
from clinometer.harness.interruption import insist
from clinometer.harness.scripts.evidence import evidence
from clinometer.harness.specification import digest, specification
from clinometer.journal import records
from clinometer.journal.vocabulary import QUICK

TOOLS = ("numpy", "hypothesis", "pytest")


class Examiner:
    """Asks one backend.

    Parameters
    ----------
    selection : str
        How the backend is chosen: see `backends.load`.
    profile : str
    seed : int
    known : Path, optional
        A file of known failures, instead of those that are shipped.

    Raises
    ------
    BackendProblem
        The backend cannot be used.
    BadExpectations
        The known failures cannot be read.
    """

    def __init__(self, selection: str, profile: str, seed: int, known: Path | None = None):
        # On arrays this small a library's second thread only waits, and workers have cores of their own.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self.selection, self.profile, self.seed = selection, profile, seed
        try:
            self.backend = load(selection)
        except BackendProblem as problem:
            insist(problem.__cause__)
            raise
        self.known = expectations.load(known, self.backend.name) if known else expectations.shipped(self.backend.name)

    @property
    def dtypes(self) -> Sequence[str]:
        """The dtypes that the backend works in."""
        return support_of(self.backend).dtypes

    def head(self, command: Sequence[str]) -> records.RunRecord:
        """Return the head of a run that was begun by a command."""
        cells = sum(len(clause.asked_of(self.dtypes)) for clause in specification())
        versions = {name: str(version) for name, version in versions_of(self.backend).items()}
        return head(self.backend.name, self.profile, self.seed, cells, command, versions=versions)

    def ask(
        self, clause: Clause, cell: Cell, id: str, before: Callable[[Any], None] | None = None
    ) -> tuple[Examination, records.Result]:
        """Ask a clause of a cell; return what came of it, and the record of that.

        Parameters
        ----------
        clause : Clause
        cell : Cell
        id : str
            Of the case, for the record.
        before : callable, optional
            Is told each example before it is asked, and has the smallest ones asked first.
        """
        waive = functools.partial(expectations.waive, self.known, clause, cell)
        result = examine(clause, cell, self.backend, profile=self.profile, seed_=self.seed, waive=waive, before=before)
        if not result.expected:  # by what was waived
            known = expectations.find(self.known, clause, cell, result.outcome, few=self.profile == QUICK)
            result.expectation = str(known) if known else ""
            result.expected = known is not None and result.outcome in known.outcomes
        shown = self.evidence(result.finding, clause, cell) if result.finding else None
        record = records.Result(
            id=id,
            expectation=result.expectation,
            expected=result.expected,
            outcome=result.outcome,  # type: ignore[arg-type]  # one of its literals
            stability=result.stability,
            examples=result.examples,
            points=result.points,
            seconds=round(result.seconds, 4),
            message=result.message,
            evidence=shown,
            observed=[records.Observation(point=p, answer=a) for p, a in result.observed.items()],
            cost=result.cost,
        )
        record = bounded(record)
        result.message, result.expectation = record.message, record.expectation  # which a terminal is told
        return result, record

    def evidence(self, finding: Finding, clause: Clause, cell: Cell) -> records.Evidence:
        """Return what the journal keeps of a finding."""
        try:
            return bounded(evidence(finding, clause, self.backend, self.selection, cell.mode))
        except BaseException as error:  # a verdict that cannot be shown is one; without a result it would be a crash
            insist(error)
            return bounded(records.Evidence(claim=finding.claim, trace=f"{finding.trace}{trace(error)}"))

    def excuse(self, clause: Clause, cell: Cell, outcome: str) -> str:
        """Return why an outcome of a case is known, or nothing."""
        known = expectations.find(self.known, clause, cell, outcome)
        return str(known) if known is not None and outcome in known.outcomes else ""


@functools.cache
def installed() -> Mapping[str, str]:
    """Return the versions of Clinometer and of what it examines with."""
    return {name: importlib.metadata.version(name) for name in ("clinometer", *TOOLS)}


def head(
    backend: str,
    profile: str,
    seed: int,
    cells: int,
    command: Sequence[str],
    *,
    versions: dict[str, str] | None = None,
    problem: str = "",
) -> records.RunRecord:
    """Return the head of a run, with the versions of what examines."""
    tools = installed()
    run = records.RunRecord(
        schema=records.SCHEMA,
        backend=backend,
        suite=tools["clinometer"],
        digest=digest(specification()),
        profile=profile,
        seed=seed,
        cells=cells,
        started=records.now(),
        command=list(command),
        versions={name: tools[name] for name in TOOLS} | {"python": platform.python_version()} | (versions or {}),
        platform=platform.platform(terse=True),
        problem=problem,
    )
    return bounded(run)


def described(clause: Clause, cell: Cell, node: str) -> records.CaseRecord:
    """Return the journal's description of a case, with the test by its module: pytest's own id depends on the folder."""
    chapter = clause.body.__module__.rpartition(".")[2]
    return records.CaseRecord(
        id=records.identity(clause.id, cell.operation, cell.dtype, cell.mode, cell.parameters),
        clause=clause.id,
        chapter=clause.title.partition(":")[0].strip().rstrip("."),
        text=clause.text,
        level=clause.level,  # type: ignore[arg-type]  # one of its literals
        cls=clause.cls,  # type: ignore[arg-type]  # one of its literals
        operation=cell.operation,
        dtype=cell.dtype,
        mode=cell.mode,
        parameters=cell.parameters,
        test=f"clinometer.suites.{chapter}::{node.partition('::')[2]}",
    )
