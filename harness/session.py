"""One run: a backend under examination, what is expected of it, and the journal of what came out."""

from __future__ import annotations

import datetime
import functools
import importlib.metadata
import os
import platform
import traceback
from collections.abc import Iterable
from pathlib import Path

import pytest

from clinometer.backends import Backend, BackendProblem, load, support_of
from clinometer.backends.protocol import versions_of
from clinometer.harness import expectations
from clinometer.harness.cells import DTYPES, Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import Examination, examine
from clinometer.harness.findings import Finding
from clinometer.harness.scripts.evidence import evidence
from clinometer.harness.specification import digest, specification
from clinometer.journal import reader, records, writer
from clinometer.journal.vocabulary import FAILURES, QUICK, USAGE


class Session:
    """A backend under examination, and the journal of it.

    Under pytest-xdist the controller begins and ends the journal; its workers, each with a run of its own, append.
    """

    def __init__(self, config: pytest.Config, profile: str):
        self.config, self.profile = config, profile
        self.selection: str = config.getoption("clinometer_backend", None) or "reference"
        self.seed: int = config.getoption("clinometer_seed", 0)
        self.path, self.report = files(config)
        self.worker: str = getattr(config, "workerinput", {}).get("workerid", "")
        self.trouble = ""  # why there is no report
        self.kept: Path | None = None  # where that is which stood in the journal's place
        self.interrupted = False
        self.failed = False  # the run that this one resumes had new failures, so that both together have
        self.begun: set[str] = set()  # by the run that this one resumes
        self.described: set[str] = set()  # cases that the journal describes
        self.selected = 0  # of the cells of the specification
        self.journal: writer.Writer | None = None
        self.backend = self._load()
        self.known = self._expectations()
        resume = bool(config.getoption("clinometer_resume", False))
        if resume:
            self._remember()
        self._open(fresh=not resume)
        if not self.worker:
            self._write_head()

    # ----- beginning; each problem is told in one line and ends the session -----

    def _load(self) -> Backend:
        # On arrays this small a library's second thread only waits, and workers have cores of their own.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            return load(self.selection)
        except BackendProblem as problem:
            if not self.worker:
                self._open(fresh=not self.config.getoption("clinometer_resume", False))
                self._write_head(str(problem))
            raise refusal(str(problem)) from None

    def _expectations(self) -> list[expectations.Known]:
        chosen = self.config.getoption("clinometer_known", None)
        try:
            return expectations.load(Path(chosen), self.backend.name) if chosen else expectations.shipped(self.backend.name)
        except expectations.BadExpectations as problem:
            raise refusal(str(problem)) from None

    def _remember(self) -> None:
        """Read what an earlier run of this backend has begun; a case that was interrupted is asked again."""
        if self.path is None:
            raise refusal("--resume goes on with a journal; name it with --journal FILE")
        if not self.path.exists():
            return
        ours, cases, answers = True, {}, {}  # of this backend; what it was asked; its outcome, a crash if it has none
        unanswered: set[str] = set()  # of one run
        try:
            for record in reader.resumable(self.path, self.profile, self.seed):
                match record:
                    case records.RunRecord():
                        ours, unanswered = record.backend == self.backend.name, set()
                    case records.CaseRecord() if ours:
                        cases[record.id] = record
                    case records.Start() if ours:
                        answers[record.id] = "crash"
                        unanswered.add(record.id)
                    case records.Result() if ours:
                        answers[record.id] = "known" if record.expected else record.outcome
                        unanswered.discard(record.id)
                    case records.End() if ours and record.interrupted:
                        answers = {id_: answers[id_] for id_ in answers.keys() - unanswered}
        except reader.BrokenJournal as problem:
            raise refusal(str(problem)) from None
        self.described, self.begun = set(cases), set(answers)
        self.failed = any(id_ in cases and self._is_news(cases[id_], outcome) for id_, outcome in answers.items())

    def _is_news(self, case: records.CaseRecord, outcome: str) -> bool:
        """Say whether an outcome is a failure that nobody knew."""
        clause = {it.id: it for it in specification()}.get(case.clause) if outcome in FAILURES else None
        if clause is None:
            return False
        cell = Cell(operation=case.operation, dtype=case.dtype, mode=case.mode, parameters=case.parameters)
        known = expectations.find(self.known, clause, cell, outcome)
        return known is None or outcome not in known.outcomes

    def _open(self, fresh: bool) -> None:
        if self.path is None:
            return
        if self.report is not None and (self.report == self.path or self.report.is_dir()):
            raise refusal(f"--report {self.report}: name an HTML file; the journal goes beside it as a .jsonl")
        fresh = fresh and not self.worker
        try:
            self.kept = writer.set_aside(self.path) if fresh else None
            self.journal = writer.Writer(self.path, fresh=fresh)
        except OSError as error:
            raise refusal(f"{self.path}: cannot be written: {error.strerror or error}") from None

    def head(self) -> str:
        """Return the line that says who is examined, and how to repeat it."""
        about = self.backend.name
        version = versions_of(self.backend).get(self.backend.name.partition(":")[0])
        if version:
            about += f" {version}"
        return f"clinometer: backend {about}, profile {self.profile}, seed {self.seed} (repeat with --seed {self.seed})"

    @functools.cached_property
    def cells(self) -> int:
        """How many cells of the whole specification the backend is asked; if it does not load, those that most are."""
        offered = support_of(self.backend).dtypes if hasattr(self, "backend") else DTYPES
        return sum(len(clause.asked_of(offered)) for clause in specification())

    # ----- the journal -----

    def write(self, record: records.AnyRecord) -> None:
        """Append to the journal, if there is one."""
        if self.journal is not None:
            self.journal.write(record)

    def _write_head(self, problem: str = "") -> None:
        if self.journal is None:
            return
        versions = {name: importlib.metadata.version(name) for name in ("numpy", "hypothesis", "pytest")}
        versions |= {"python": platform.python_version()}
        if not problem:
            versions |= {name: str(version) for name, version in versions_of(self.backend).items()}
        self.write(
            records.RunRecord(
                schema=records.SCHEMA,
                backend=self.selection if problem else self.backend.name,
                suite=importlib.metadata.version("clinometer"),
                digest=digest(specification()),
                profile=self.profile,
                seed=self.seed,
                cells=self.cells,
                started=now(),
                command=["pytest", *map(str, self.config.invocation_params.args)],
                versions=versions,
                platform=platform.platform(terse=True),
                problem=problem,
            )
        )

    def describe(self, items: Iterable[pytest.Item]) -> None:
        """Write down which cases are about to be asked, so that a run that is cut off knows what it never reached."""
        for item in items:
            asked = question(item)
            if asked is not None:
                self.selected += 1
                self._describe(*asked, item.nodeid, silent=self.worker not in ("", "gw0"))

    def count(self, nodes: Iterable[str]) -> None:
        """Count the clauses' tests among those that were collected elsewhere."""
        names = {clause.body.__name__ for clause in specification()}
        self.selected = sum(node.partition("::")[2].partition("[")[0] in names for node in nodes)

    def _describe(self, clause: Clause, cell: Cell, node: str, silent: bool = False) -> str:
        id_ = records.identity(clause.id, cell.operation, cell.dtype, cell.mode, cell.parameters)
        if id_ not in self.described:
            self.described.add(id_)
            if not silent:
                self.write(described(clause, cell, id_, node))
        return id_

    def finish(self, exit_: int, interrupted: bool) -> None:
        """Close the journal and write the report."""
        self.interrupted = interrupted
        if self.journal is None or self.path is None:
            return
        if not self.worker:
            self.write(records.End(at=now(), exit=exit_, interrupted=interrupted))
        self.journal.close()
        self.journal = None
        if self.report is not None and not self.worker:
            from clinometer.reports.html import page  # templates: only a run that reports needs them

            try:
                page.write([self.path], self.report)
            except OSError as error:
                self.trouble = f"{self.report}: cannot be written: {error.strerror or error}"

    # ----- asking -----

    def ask(self, clause: Clause, cell: Cell, node: str) -> tuple[Examination, records.Evidence | None] | None:
        """Ask a clause of a cell, and write down what came of it; None if an earlier run had begun it."""
        id_ = self._describe(clause, cell, node)
        if id_ in self.begun:
            return None
        self.write(records.Start(id=id_, at=now()))
        waive = functools.partial(expectations.waive, self.known, clause, cell)
        result = examine(clause, cell, self.backend, profile=self.profile, seed_=self.seed, waive=waive)
        if not result.expected:  # by what was waived
            known = expectations.find(self.known, clause, cell, result.outcome, few=self.profile == QUICK)
            result.expectation = str(known) if known else ""
            result.expected = known is not None and result.outcome in known.outcomes
        shown = self._evidence(result.finding, clause, cell) if result.finding else None
        self.write(
            records.Result(
                id=id_,
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
        )
        for curve in result.curves:
            self.write(curve)
        return result, shown

    def _evidence(self, finding: Finding, clause: Clause, cell: Cell) -> records.Evidence:
        try:
            return evidence(finding, clause, self.backend, self.selection, cell.mode)
        except Exception:  # a verdict that cannot be shown is still one; without a result it would count as a crash
            return records.Evidence(claim=finding.claim, trace=f"{finding.trace}{traceback.format_exc()}")


def refusal(sentence: str) -> BaseException:
    """Return the exception that ends a session with one line and the exit code of bad usage."""
    return pytest.exit.Exception(sentence, returncode=USAGE)


def question(item: pytest.Item) -> tuple[Clause, Cell] | None:
    """Return the clause and the cell that a test asks; None for a test that is no clause."""
    cell = getattr(getattr(item, "callspec", None), "params", {}).get("cell")
    clause = getattr(getattr(item, "function", None), "clause", None)
    return (clause, cell) if isinstance(clause, Clause) and isinstance(cell, Cell) else None


def described(clause: Clause, cell: Cell, id_: str, node: str) -> records.CaseRecord:
    """Return the journal's description of a case, with the test by its module: pytest's own id depends on the folder."""
    chapter = clause.body.__module__.rpartition(".")[2]
    return records.CaseRecord(
        id=id_,
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


def files(config: pytest.Config) -> tuple[Path | None, Path | None]:
    """Return where journal and report go; a report alone has its journal beside it."""
    given, report = config.getoption("clinometer_journal", None), config.getoption("clinometer_report", None)
    place = Path(report) if report else None
    return (Path(given) if given else place.with_suffix(".jsonl") if place else None), place


def now() -> str:
    """Return the time in ISO 8601, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
