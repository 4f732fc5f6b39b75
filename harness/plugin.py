"""The pytest plugin: options, the fixture that asks clauses, and how a session ends.

An installation registers it for every pytest session. One that does not use the suites pays for none of this: no
option is added, and neither numpy nor Hypothesis is imported.
"""

from __future__ import annotations

import contextlib
import gc
import os
import shlex
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clinometer.journal.text import visible
from clinometer.journal.vocabulary import INCOMPLETE, NEW_FAILURES, PROFILES

if TYPE_CHECKING:
    from clinometer.harness.cells import Cell
    from clinometer.harness.clauses import Clause
    from clinometer.harness.examine import Examination
    from clinometer.harness.session import Session
    from clinometer.journal.records import Evidence

SUITES = Path(__file__).resolve().parents[1] / "suites"
FIXTURE = "clinometer"
LINE = "CLINOMETER_LINE"  # of the environment: see `harness.wire`, which only a host imports

RUN = pytest.StashKey["Session"]()
SERVING = pytest.StashKey[str]()  # where the parent of a host listens
TALLY = pytest.StashKey[Counter[str]]()
REPORTED = pytest.StashKey[set[str]]()  # pytest's names of the tests that have run


# ----- options -----


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options, where the command line is about us: another project may have a `--backend` of its own."""
    config = pluginmanager.get_plugin("pytestconfig")
    if config is None or not _concerned(config):
        return
    group = parser.getgroup("clinometer", "conformance of automatic differentiation")
    for name, about in OPTIONS.items():
        group.addoption(f"--{name}", dest=f"clinometer_{name}", **about)


OPTIONS: dict[str, dict[str, Any]] = {
    "backend": {
        "default": "reference",
        "metavar": "NAME",
        "help": "what to examine: a known name (see `clinometer backend list`), module:attribute or file.py:attribute; "
        "default: reference",
    },
    "journal": {"metavar": "FILE", "help": "write every result to FILE, as JSON Lines, as it comes"},
    "report": {"metavar": "FILE.html", "help": "write the report when the run ends; the journal goes beside it"},
    "seed": {
        "type": int,
        "default": 0,
        "metavar": "N",
        "help": "seed of all cases; the same on every backend; default: 0",
    },
    "profile": {"choices": PROFILES, "help": "how many examples; default: standard"},
    "known": {"metavar": "FILE.toml", "help": "known failures, instead of those that Clinometer ships"},
    "resume": {"action": "store_true", "help": "go on with the journal: skip the cases that were begun"},
}


def _concerned(config: pytest.Config) -> bool:
    """Say whether a session may use the suites: its words name clinometer, or it runs in a checkout of it."""
    words = [*map(str, config.invocation_params.args), *shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))]
    words += config.getini("addopts")
    return any("clinometer" in word for word in words) or _reaches(config.invocation_params.dir, words)


def _reaches(folder: Path, words: Iterable[str]) -> bool:
    """Say whether the folder or a path among the words is the checkout, or lies in its suites."""
    places = [folder, *(folder / word.partition("::")[0] for word in words if not word.startswith("-"))]
    return any(place == SUITES.parent or place.is_relative_to(SUITES) for place in _resolved(places))


def _resolved(places: Iterable[Path]) -> Iterable[Path]:
    for place in places:
        try:
            yield place.resolve()
        except (OSError, ValueError):  # a word that is no path, as an expression after -k
            continue


def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Let `--hypothesis-profile quick` stand for ours: Hypothesis refuses a name that it does not know."""
    ours = any(name in arg for arg in args for name in PROFILES) and any("--hypothesis-profile" in arg for arg in args)
    if ours and _concerned(early_config):
        from hypothesis import settings

        for name in PROFILES:
            settings.register_profile(name)


def _profile(config: pytest.Config) -> str:
    """Return our own option, or Hypothesis's if it names one of ours."""
    chosen = config.getoption("clinometer_profile", None) or config.getoption("--hypothesis-profile", None)
    return chosen if chosen in PROFILES else "standard"


# ----- the run of a session -----


def _run(config: pytest.Config) -> Session:
    """Return the run of this session, made when it is first wanted."""
    if RUN not in config.stash:
        from clinometer.harness import interruption
        from clinometer.harness.session import Session

        # Workers are told by their controller, and end at once by any other signal. They listen for its SIGINT all the same,
        # since only who listens can tell it from a KeyboardInterrupt that a backend has raised.
        listening = contextlib.ExitStack()
        listening.enter_context(interruption.heard(*(["SIGINT"] if hasattr(config, "workerinput") else [])))
        config.add_cleanup(listening.close)
        config.stash[RUN] = Session(config, _profile(config))
    return config.stash[RUN]


@pytest.fixture
def clinometer(request: pytest.FixtureRequest) -> Clinometer:
    """The run that clauses are asked in."""
    return Clinometer(_run(request.config), request)


class Clinometer:
    """What the fixture hands to a clause's test."""

    def __init__(self, run: Session, request: pytest.FixtureRequest):
        self.run, self.request = run, request

    def ask(self, clause: Clause, cell: Cell) -> None:
        """Ask, and tell pytest: a nonconformance fails, what is not offered or not decided is skipped."""
        answer = self.run.ask(clause, cell, self.request.node.nodeid)
        if answer is None:
            pytest.skip("begun by the run that this one resumes")
        result, evidence = answer
        told = f"known {result.outcome}" if result.expected else result.outcome
        told = "fixed" if result.expectation and result.outcome == "pass" else told
        self.request.node.user_properties += [("clinometer", [told, result.examples, result.points])]
        if result.expected:
            pytest.xfail(visible(result.expectation))
        if result.outcome in ("unsupported", "inconclusive"):
            pytest.skip(visible(f"{result.outcome}: {result.message}"))
        if result.outcome != "pass":
            pytest.fail(_told(clause, result, evidence), pytrace=False)


def _told(clause: Clause, result: Examination, evidence: Evidence | None) -> str:
    """Return a failure as a person reads it in the terminal."""
    lines = [textwrap.fill(f"{clause.id} ({clause.level}): {clause.text}", 79), "", f"{result.outcome}: {result.message}"]
    if evidence is not None and evidence.script:
        lines += ["", evidence.script.rstrip()]
    if evidence is not None and evidence.trace and (result.outcome in ("invalid", "error") or not evidence.script):
        lines += ["", evidence.trace.rstrip()]
    return visible("\n".join(lines))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a case of each cell that the backend is asked; where nothing is asked, of those that most are."""
    clause = getattr(metafunc.function, "clause", None)
    if clause is None or "cell" not in metafunc.fixturenames:
        return
    from clinometer.harness.cells import DTYPES

    if SERVING in metafunc.config.stash:
        offered: Sequence[str] = ()  # all cells: the parent leaves out those that are for other backends
    else:
        offered = DTYPES if metafunc.config.getoption("collectonly") else _run(metafunc.config).examiner.dtypes
    metafunc.parametrize("cell", clause.asked_of(offered), ids=str)


# ----- beginning, counting and closing: in the controller, if pytest-xdist has workers -----


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY], config.stash[REPORTED] = Counter(), set()
    config.pluginmanager.register(Counting(config.stash[TALLY], config.stash[REPORTED]), "clinometer-counting")
    config.pluginmanager.register(Hurrying(config), "clinometer-hurrying")


class Hurrying:
    """Ends the workers of an interrupted run at once: who sent a signal may send a harder one in a few seconds."""

    def __init__(self, config: pytest.Config):
        self.config = config

    def pytest_keyboard_interrupt(self) -> None:
        manager = getattr(self.config.pluginmanager.getplugin("dsession"), "nodemanager", None)
        if manager is not None and RUN in self.config.stash:
            manager.EXIT_TIMEOUT = 1.0  # pytest-xdist would give each case under way ten seconds, and drop it all the same


class Counting:
    """Counts what is reported, by outcome; workers report to their controller."""

    def __init__(self, tally: Counter[str], reported: set[str]):
        self.tally, self.reported = tally, reported

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.reported.add(report.nodeid)
        for name, value in report.user_properties if report.when == "call" else ():
            if name == "clinometer":
                assert isinstance(value, list | tuple)  # as `ask` has put it
                outcome, examples, points = value
                self.tally.update({outcome: 1, "examples": examples, "points": points})


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Begin at once where it is plain that the suites are asked: what is wrong is told in a line, before all else."""
    if place := os.environ.pop(LINE, ""):  # what a backend starts is no host
        config.stash[SERVING] = place
    nothing = any(config.getoption(option, False) for option in ASKING_NOTHING)
    if place or nothing or hasattr(config, "workerinput"):
        return None
    asked = any("clinometer.suites" in arg for arg in config.args) or _reaches(config.invocation_params.dir, config.args)
    wants_journal = config.getoption("clinometer_journal", None) or config.getoption("clinometer_report", None)
    distributed = config.getoption("dist", "no") != "no"  # then nothing is collected here, and the workers only append
    if asked or (distributed and wants_journal):
        try:
            _run(config)
        except pytest.exit.Exception as refused:
            sys.stderr.write(f"clinometer: {visible(refused.msg)}\n")
            return INCOMPLETE if refused.returncode is None else refused.returncode
        except KeyboardInterrupt:
            sys.stderr.write("clinometer: interrupted before the first case\n")
            return INCOMPLETE
    return None


ASKING_NOTHING = ("help", "version", "collectonly", "showfixtures", "show_fixtures_per_test", "markers", "cacheshow")


def pytest_report_header(config: pytest.Config) -> list[str]:
    run = config.stash.get(RUN, None)
    if run is None:
        return []
    return [visible(run.head()), *([visible(f"clinometer: {run.gaps}; it is asked again")] if run.gaps else [])]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put together what shares its cases, where workers are sent a stretch of items each: else each would draw them all."""
    if hasattr(config, "workerinput") and any(FIXTURE in getattr(item, "fixturenames", ()) for item in items):
        ranks: dict[int, int] = {}
        items.sort(key=lambda item: ranks.setdefault(_sharing(item), len(ranks)))


def _sharing(item: pytest.Item) -> int:
    cell = item.callspec.params.get("cell") if FIXTURE in getattr(item, "fixturenames", ()) else None  # type: ignore[attr-defined]
    strategy = getattr(cell, "strategy", None)
    return id(item if strategy is None else strategy)


@pytest.hookimpl(tryfirst=True)  # before a worker tells that it is ready: so all cases stand before the first start
def pytest_collection_finish(session: pytest.Session) -> None:
    asking = [item for item in session.items if FIXTURE in getattr(item, "fixturenames", ())]
    if asking and SERVING not in session.config.stash and not session.config.getoption("collectonly"):
        _run(session.config).describe(asking)
        gc.freeze()  # what stands now lives to the end; the collector would look at all of it again and again
        session.config.add_cleanup(gc.unfreeze)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Serve the parent, where this session is a host of `clinometer run`."""
    place = session.config.stash.get(SERVING, "")
    if not place or session.testsfailed or session.config.getoption("collectonly"):
        return None
    from clinometer.harness import host

    host.serve(session, place, host.assignment_of(session.config, _profile(session.config)))
    return True


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Count what is selected where the workers collect, each of them the same."""
    run = node.config.stash.get(RUN, None)
    if run is not None:
        run.count(ids)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.config.stash.get(RUN, None) is not None:
        from clinometer.harness import interruption

        interruption.insist()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End a worker at once when it has told all: to give back what it holds would take seconds, and its controller waits."""
    if hasattr(config, "workerinput") and RUN in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    run = session.config.stash.get(RUN, None)
    if run is None:
        return
    stopped = int(exitstatus) in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
    stopped = stopped or bool(session.shouldstop) or bool(session.shouldfail)
    # pytest-xdist gives up after some deaths of its workers, and calls the session an ordinary one.
    reported: set[str] = session.config.stash[REPORTED]
    missing = run.selected - reported
    if (stopped or missing) and not run.worker and exitstatus != pytest.ExitCode.USAGE_ERROR:
        session.exitstatus = INCOMPLETE
    elif run.failed and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = NEW_FAILURES
    run.finish(int(session.exitstatus), stopped)
    if run.lost:
        session.exitstatus = INCOMPLETE


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    run, tally = config.stash.get(RUN, None), config.stash[TALLY]
    if run is None or not (tally or run.path):
        return
    outcomes = ", ".join(f"{n} {name}" for name, n in tally.items() if name not in ("examples", "points"))
    terminalreporter.section("clinometer")
    terminalreporter.write_line(visible(run.head()))
    counted = f"; {tally['examples']} examples, {tally['points']} points checked" if tally else "nothing was asked"
    terminalreporter.write_line(f"{outcomes}{counted}")
    if 0 < len(run.selected) < run.cells:
        terminalreporter.write_line(f"a selection: {len(run.selected)} of the {run.cells} cases of the specification")
    if run.incomplete:
        again = f"; go on with: {_resumption(config)}" if run.path else ""
        terminalreporter.write_line(f"the run is incomplete{again}")
    if run.path:
        kept = f" (what it held before is kept as {run.kept.name})" if run.kept else ""
        terminalreporter.write_line(visible(f"journal: {run.lost or run.path}{kept}"))
    if run.report:
        terminalreporter.write_line(visible(f"report:  {run.trouble or run.report}"))


def _resumption(config: pytest.Config) -> str:
    """Return the command that goes on with this run."""
    words = [str(word) for word in config.invocation_params.args if word != "--resume"]
    return shlex.join(["pytest", *words, "--resume"])
