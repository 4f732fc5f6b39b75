"""One run: a backend under examination, what is expected of it, and the journal of what came out."""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections.abc import Iterable
from pathlib import Path

import pytest

from clinometer.backends import BackendProblem
from clinometer.backends.protocol import versions_of
from clinometer.harness import examiner, expectations
from clinometer.harness.cells import DTYPES, Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import Examination
from clinometer.harness.examiner import Examiner, described
from clinometer.harness.host import question
from clinometer.harness.specification import digest, specification
from clinometer.journal import reader, records, writer
from clinometer.journal.files import is_one_of
from clinometer.journal.resumption import earlier
from clinometer.journal.vocabulary import FAILURES, INCOMPLETE, USAGE


class Session:
    """A backend under examination, and the journal of it.

    Under pytest-xdist the controller begins and ends the journal; its workers, each with a run of its own, append.
    """

    def __init__(self, config: pytest.Config, profile: str):
        self.config, self.profile = config, profile
        self.selection: str = config.getoption("clinometer_backend", "reference")
        self.seed: int = config.getoption("clinometer_seed", 0)
        self.path, self.report = files(config)
        self.worker: str = getattr(config, "workerinput", {}).get("workerid", "")
        self.gaps = ""  # what cannot be read of the journal that this run goes on with
        self.trouble = ""  # why there is no report
        self.lost = ""  # why the journal does not go on
        self.kept: Path | None = None  # where that is which stood in the journal's place
        self.incomplete = False
        self.failed = False  # the run that this one resumes had new failures, so that both together have
        self.begun: set[str] = set()  # by the run that this one resumes
        self.described: set[str] = set()  # cases that the journal describes
        self.selected: set[str] = set()  # pytest's names of the clauses' tests
        self.journal: writer.Writer | None = None
        self.nonce = secrets.token_hex(4)
        self.examiner = self._load()
        resume = bool(config.getoption("clinometer_resume", False))
        if resume:
            self._remember()
        self._open(fresh=not resume)
        if not self.worker:
            self._write_head()

    # ----- beginning; each problem is told in one line and ends the session -----

    def _load(self) -> Examiner:
        known = self.config.getoption("clinometer_known", None)
        try:
            return Examiner(self.selection, self.profile, self.seed, Path(known) if known else None)
        except expectations.BadExpectations as problem:
            raise refusal(str(problem)) from None
        except BackendProblem as problem:
            if not self.worker:
                self._open(fresh=not self.config.getoption("clinometer_resume", False))
                self._write_head(str(problem))
            raise refusal(str(problem)) from None

    def _remember(self) -> None:
        """Read what an earlier run of this backend has begun; a case that was interrupted is asked again."""
        if self.path is None:
            raise refusal("--resume goes on with a journal; name it with --journal FILE")
        try:
            found = earlier(self.path, self.profile, self.seed, self.examiner.backend.name)
        except reader.BrokenJournal as problem:
            raise refusal(str(problem)) from None
        if reason := found.refusal(digest(specification())):
            raise refusal(f"{self.path} {reason}")
        self.gaps = found.gaps
        self.described, self.begun = set(found.cases), set(found.results)
        self.failed = any(
            id_ in found.cases and not it.expected and self._is_news(found.cases[id_], it.outcome)
            for id_, it in found.results.items()
        )

    def _is_news(self, case: records.CaseRecord, outcome: str) -> bool:
        """Say whether an outcome is a failure that nobody knew."""
        clause = {it.id: it for it in specification()}.get(case.clause) if outcome in FAILURES else None
        if clause is None:
            return False
        cell = Cell(operation=case.operation, dtype=case.dtype, mode=case.mode, parameters=case.parameters)
        return not self.examiner.excuse(clause, cell, outcome)

    def _open(self, fresh: bool) -> None:
        if self.path is None:
            return
        if self.report is not None and (is_one_of(self.report, [self.path]) or self.report.is_dir()):
            raise refusal(f"--report {self.report}: name an HTML file; the journal goes beside it as a .jsonl")
        fresh = fresh and not self.worker
        try:
            self.kept = writer.set_aside(self.path) if fresh else None
            self.journal = writer.Writer(self.path, fresh=fresh, alone=not self.worker)
        except OSError as error:
            raise refusal(f"{self.path}: cannot be written: {error.strerror or error}") from None

    def head(self) -> str:
        """Return the line that says who is examined, and how to repeat it."""
        backend = self.examiner.backend
        about = backend.name
        version = versions_of(backend).get(backend.name.partition(":")[0])
        if version:
            about += f" {version}"
        return f"clinometer: backend {about}, profile {self.profile}, seed {self.seed} (repeat with --seed {self.seed})"

    @functools.cached_property
    def cells(self) -> int:
        """How many cells of the whole specification the backend is asked; if it does not load, those that most are."""
        offered = self.examiner.dtypes if hasattr(self, "examiner") else DTYPES
        return sum(len(clause.asked_of(offered)) for clause in specification())

    # ----- the journal -----

    def write(self, *some: records.AnyRecord) -> None:
        """Append to the journal, if there is one."""
        if self.journal is not None:
            try:
                self.journal.write(*some)
            except OSError as error:
                self._close()
                self.lost = f"{self.path}: cannot be written: {error.strerror or error}; what was written is kept"
                raise pytest.exit.Exception(self.lost) from None  # as an interruption: then pytest prints its summary

    def _close(self) -> None:
        if self.journal is not None:
            self.journal.close()
            self.journal = None

    def _write_head(self, problem: str = "") -> None:
        if self.journal is None:
            return
        command = ["pytest", *map(str, self.config.invocation_params.args)]
        if problem:
            head = examiner.head(self.selection, self.profile, self.seed, self.cells, command, problem=problem)
        else:
            head = self.examiner.head(command)
        head.nonce = self.nonce
        self.write(head)

    def describe(self, items: Iterable[pytest.Item]) -> None:
        """Write down which cases are about to be asked, so that a run that is cut off knows what it never reached."""
        for item in items:
            asked = question(item)
            if asked is not None:
                self.selected.add(item.nodeid)
                self._describe(*asked, item.nodeid, silent=self.worker not in ("", "gw0"))

    def count(self, nodes: Iterable[str]) -> None:
        """Count the clauses' tests among those that were collected elsewhere."""
        names = {clause.body.__name__ for clause in specification()}
        self.selected = {node for node in nodes if node.partition("::")[2].partition("[")[0] in names}

    def _describe(self, clause: Clause, cell: Cell, node: str, silent: bool = False) -> str:
        case = described(clause, cell, node)
        if case.id not in self.described:
            self.described.add(case.id)
            if not silent:
                self.write(case)
        return case.id

    def finish(self, exit_: int, interrupted: bool) -> None:
        """Close the journal and write the report; a run that is incomplete was interrupted, or its workers have died."""
        if self.path is None or (self.journal is None and not self.lost):
            self.incomplete = exit_ == INCOMPLETE
            return
        if not self.worker:
            with contextlib.suppress(pytest.exit.Exception):
                self.write(records.End(at=records.now(), exit=exit_, interrupted=interrupted, nonce=self.nonce))
        self._close()
        self.incomplete = exit_ == INCOMPLETE or bool(self.lost)
        if self.report is not None and not self.worker:
            from clinometer.reports.html import page  # templates: only a run that reports needs them

            try:
                page.write([self.path], self.report)
            except reader.BrokenJournal as problem:
                self.trouble = str(problem)
            except OSError as error:
                self.trouble = f"{self.report}: cannot be written: {error.strerror or error}"

    # ----- asking -----

    def ask(self, clause: Clause, cell: Cell, node: str) -> tuple[Examination, records.Evidence | None] | None:
        """Ask a clause of a cell, and write down what came of it; None if an earlier run had begun it."""
        id_ = self._describe(clause, cell, node)
        if id_ in self.begun:
            return None
        self.write(records.Start(id=id_, at=records.now()))
        result, record = self.examiner.ask(clause, cell, id_)
        self.write(record, *result.curves)
        return result, record.evidence


def refusal(sentence: str) -> BaseException:
    """Return the exception that ends a session with one line and the exit code of bad usage."""
    return pytest.exit.Exception(sentence, returncode=USAGE)


def files(config: pytest.Config) -> tuple[Path | None, Path | None]:
    """Return where journal and report go; a report alone has its journal beside it."""
    given, report = config.getoption("clinometer_journal", None), config.getoption("clinometer_report", None)
    place = Path(report) if report else None
    return (Path(given) if given else place.with_suffix(".jsonl") if place else None), place
