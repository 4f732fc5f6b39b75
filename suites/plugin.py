"""The pytest plugin: options, the fixture that asks clauses, journal and report."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # a pytest run without our suites pays for none of this
    from clinometer.backends import Backend
    from clinometer.suites.clauses import Cell, Clause
    from clinometer.suites.examine import Examination
    from clinometer.suites.known import Known

PROFILE_NAMES = ("quick", "standard", "deep")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("clinometer", "conformance of automatic differentiation")
    group.addoption(
        "--backend",
        metavar="NAME",
        help="what to examine: a known name (see `clinometer backends`), module:attribute or file.py:attribute; default: reference",
    )
    group.addoption("--journal", metavar="FILE", help="write every result to FILE, as JSON Lines, as it comes")
    group.addoption("--report", metavar="FILE.html", help="write the report when the run ends")
    group.addoption("--seed", type=int, default=0, metavar="N", help="seed of all cases; the same on every backend; default: 0")
    group.addoption("--profile", choices=PROFILE_NAMES, help="how many examples; default: standard")
    group.addoption("--known", metavar="FILE.toml", help="known failures, instead of those that Clinometer ships")
    group.addoption("--resume", action="store_true", help="go on with the journal: skip the cases that were begun")


def pytest_configure(config: pytest.Config) -> None:
    if _profile(config) is None:
        config.stash[PROFILE] = "standard"


PROFILE = pytest.StashKey[str]()
RUN = pytest.StashKey["Run"]()


def _profile(config: pytest.Config) -> str | None:
    """Take our own option, or Hypothesis's if it names one of ours."""
    chosen = config.getoption("--profile") or config.getoption("--hypothesis-profile", default=None)
    if chosen in PROFILE_NAMES:
        config.stash[PROFILE] = chosen
        return chosen
    return None


def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Let `--hypothesis-profile quick` stand for ours: Hypothesis refuses a name that it does not know."""
    if any(name in arg for arg in args for name in PROFILE_NAMES) and any("--hypothesis-profile" in arg for arg in args):
        from hypothesis import settings

        for name in PROFILE_NAMES:
            settings.register_profile(name)


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.getoption("--backend"):
        _run(session.config)  # now, so that a wrong name is told before anything is collected


def pytest_report_header(config: pytest.Config) -> list[str]:
    run = config.stash.get(RUN, None)
    return [run.head()] if run else []


def _run(config: pytest.Config) -> Run:
    """Return the run of this session, made when it is first wanted."""
    if RUN not in config.stash:
        config.stash[RUN] = Run(config)
    return config.stash[RUN]


class Run:
    """A backend under examination, and the journal of it."""

    def __init__(self, config: pytest.Config):
        from clinometer.backends import BackendProblem, load
        from clinometer.reports.journal import Writer

        self.config = config
        self.selection: str = config.getoption("--backend") or "reference"
        self.seed: int = config.getoption("--seed")
        self.profile = config.stash[PROFILE]
        self.report: str | None = config.getoption("--report")
        self.path = _journal_path(config)
        self.worker = hasattr(config, "workerinput")  # of pytest-xdist: the controller begins and ends the journal
        self.counts: Counter[str] = Counter()
        self.examples = self.points = 0
        self.begun: set[str] = set()
        resume = config.getoption("--resume") and self.path is not None and self.path.exists()
        if resume:
            self._remember()
        self.journal = Writer(self.path, fresh=not (resume or self.worker)) if self.path else None
        try:
            self.backend: Backend = load(self.selection)
        except BackendProblem as problem:
            if not self.worker:
                self._write_head(str(problem))
            pytest.exit(str(problem), returncode=2)
        self.known = self._expectations()
        if not self.worker:
            self._write_head()

    def _expectations(self) -> list[Known]:
        from clinometer.suites.known import SHIPPED, BadExpectations, load

        try:
            return load(Path(self.config.getoption("--known") or SHIPPED), self.backend.name)
        except BadExpectations as problem:
            pytest.exit(str(problem), returncode=2)

    def _remember(self) -> None:
        from clinometer.reports.journal import BrokenJournal, Start, read

        assert self.path is not None  # asked before
        try:
            self.begun = {record.id for record in read(self.path) if isinstance(record, Start)}
        except BrokenJournal as problem:
            pytest.exit(str(problem), returncode=2)

    def head(self) -> str:
        about = self.backend.name
        version = getattr(self.backend, "versions", {}).get(self.backend.name)
        if version:
            about += f" {version}"
        return f"clinometer: backend {about}, profile {self.profile}, seed {self.seed} (repeat with --seed {self.seed})"

    # ----- the journal -----

    def write(self, record: Any) -> None:
        """Append to the journal, if there is one."""
        if self.journal is not None:
            self.journal.write(record)

    def _write_head(self, problem: str = "") -> None:
        if self.journal is None:
            return
        from clinometer.reports.journal import Run as Record
        from clinometer.suites.clauses import digest, specification

        versions = {name: importlib.metadata.version(name) for name in ("numpy", "hypothesis", "pytest")}
        versions |= {"python": platform.python_version()}
        if not problem:
            versions |= {name: str(version) for name, version in getattr(self.backend, "versions", {}).items()}
        self.write(
            Record(
                backend=self.selection if problem else self.backend.name,
                suite=importlib.metadata.version("clinometer"),
                digest=digest(specification()),
                profile=self.profile,
                seed=self.seed,
                started=now(),
                command=["pytest", *map(str, self.config.invocation_params.args)],
                versions=versions,
                platform=platform.platform(terse=True),
                problem=problem,
            )
        )

    def finish(self, exit_: int, interrupted: bool) -> None:
        """Close the journal and write the report."""
        if self.journal is None:
            return
        if not self.worker:
            from clinometer.reports.journal import End

            self.write(End(at=now(), exit=exit_, interrupted=interrupted))
        self.journal.close()
        self.journal = None
        if self.report and not self.worker:
            from clinometer.reports import page

            page.write([self.path], Path(self.report))

    # ----- asking -----

    def ask(self, clause: Clause, cell: Cell, node: str) -> Examination | None:
        """Ask a clause of a cell, and write down what came of it; None if an earlier run had begun it."""
        from clinometer.reports.journal import Case, Observation, Result, Start, identity
        from clinometer.suites.examine import examine
        from clinometer.suites.known import find
        from clinometer.suites.scripts import evidence

        id_ = identity(clause.id, cell.operation, cell.dtype, cell.mode, cell.parameters)
        if id_ in self.begun:
            return None
        self.write(
            Case(
                id=id_,
                clause=clause.id,
                text=clause.text,
                level=clause.level,  # type: ignore[arg-type]  # one of its literals
                cls=clause.cls,  # type: ignore[arg-type]  # one of its literals
                operation=cell.operation,
                dtype=cell.dtype,
                mode=cell.mode,
                parameters=cell.parameters,
                test=node,
            )
        )
        self.write(Start(id=id_, at=now()))
        result = examine(clause, cell, self.backend, profile=self.profile, seed_=self.seed)
        found, known = result.finding, find(self.known, clause, cell)
        result.expectation = str(known) if known else ""
        result.expected = known is not None and result.outcome in known.outcomes
        self.write(
            Result(
                id=id_,
                expectation=result.expectation,
                outcome=result.outcome,  # type: ignore[arg-type]  # one of its literals
                stability=result.stability,
                examples=result.examples,
                points=result.points,
                seconds=round(result.seconds, 4),
                message=result.message,
                evidence=evidence(found, clause, self.backend, self.selection) if found else None,
                observed=[Observation(point=p, answer=a) for p, a in result.observed.items()],
            )
        )
        for curve in result.curves:
            self.write(curve)
        return result


def _journal_path(config: pytest.Config) -> Path | None:
    given, report = config.getoption("--journal"), config.getoption("--report")
    if given:
        return Path(given)
    return Path(report).with_suffix(".jsonl") if report else None


def now() -> str:
    """Return the time in ISO 8601, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


class Clinometer:
    """What the fixture hands to a clause's test."""

    def __init__(self, run: Run, request: pytest.FixtureRequest):
        self.run, self.request = run, request

    def ask(self, clause: Clause, cell: Cell) -> None:
        """Ask, and tell pytest: a nonconformance fails, what is not offered or not decided is skipped."""
        result = self.run.ask(clause, cell, self.request.node.nodeid)
        if result is None:
            pytest.skip("begun by the run that this one resumes")
        properties = self.request.node.user_properties
        told = f"known {result.outcome}" if result.expected else result.outcome
        told = "fixed" if result.expectation and result.outcome == "pass" else told
        properties += [("clinometer", [told, result.examples, result.points])]
        if result.expected:
            pytest.xfail(result.expectation)
        if result.outcome in ("unsupported", "inconclusive"):
            pytest.skip(f"{result.outcome}: {result.message}")
        if result.outcome != "pass":
            pytest.fail(_told(clause, cell, result, self.run), pytrace=False)


def _told(clause: Clause, cell: Cell, result: Examination, run: Run) -> str:
    """Return a failure as a person reads it in the terminal."""
    lines = [f"{clause.id} ({clause.level}): {clause.text}", "", f"{result.outcome}: {result.message}"]
    found = result.finding
    if found is not None and found.case is not None:
        from clinometer.suites.scripts import script

        lines += ["", script(found, clause, run.backend, run.selection).rstrip()]
    if found is not None and found.trace and result.outcome in ("invalid", "error"):
        lines += ["", found.trace.rstrip()]
    return "\n".join(lines)


@pytest.fixture
def clinometer(request: pytest.FixtureRequest) -> Clinometer:
    """The run that clauses are asked in."""
    return Clinometer(_run(request.config), request)


# ----- counting and closing: in the controller, if pytest-xdist has workers -----


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        for name, value in report.user_properties:
            if name == "clinometer":
                outcome, examples, points = value
                TALLY[outcome] += 1
                TALLY["examples"] += examples
                TALLY["points"] += points


TALLY: Counter[str] = Counter()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    run = session.config.stash.get(RUN, None)
    if run is not None:
        stopped = int(exitstatus) in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
        run.finish(int(exitstatus), stopped or bool(session.shouldstop) or bool(session.shouldfail))


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is None or not TALLY:
        return
    outcomes = [f"{n} {name}" for name, n in TALLY.items() if name not in ("examples", "points")]
    terminalreporter.section("clinometer")
    terminalreporter.write_line(run.head())
    terminalreporter.write_line(f"{', '.join(outcomes)}; {TALLY['examples']} examples, {TALLY['points']} points checked")
    if run.path:
        terminalreporter.write_line(f"journal: {run.path}")
    if run.report:
        terminalreporter.write_line(f"report:  {run.report}")
