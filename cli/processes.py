"""Examining one backend from beginning to end: its processes, its journal, and the exit code that comes of it.

AD libraries share OpenMP, protobuf and signal handlers badly, so that processes of their own are the only way
to examine two of them in one go; and a crash then costs its own case, never the run.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from clinometer.cli.attendance import Attendance
from clinometer.cli.crew import Gone, NotBegun
from clinometer.cli.fleet import Cluster, Fleet
from clinometer.cli.ledger import Ledger
from clinometer.cli.pool import Limits, Pool, last_words
from clinometer.journal import reader
from clinometer.journal.resumption import Earlier, earlier
from clinometer.journal.vocabulary import DEEP, EXPECTED, INCOMPLETE, NEW_FAILURES, QUICK, STANDARD, USAGE

FOLDER = Path("clinometer-report")  # where journals and report go, unless somebody says otherwise

# Seconds that one case may take. The slowest of torch takes four in `quick` and `standard`, on a machine of two cores.
CASE_LIMIT: dict[str, float] = {QUICK: 60.0, STANDARD: 240.0, DEEP: 1800.0}
PATIENCE = 2  # times that limit may go into asking new failures again


@dataclass(frozen=True)
class Plan:
    """How to examine a backend."""

    backend: str
    journal: Path
    profile: str = "standard"
    seed: int = 0
    workers: int = 1
    pytest_args: Sequence[str] = ()
    resume: bool = False  # go on with the journal that is there
    verbose: bool = False  # what the processes print goes to the terminal, else to a file beside the journal
    python: str = ""  # the interpreter that the backend is installed in, if it is not ours
    case_timeout: float = 0.0  # seconds; 0 for the profile's
    memory: int = 0  # bytes that a worker may take; 0 for any

    @property
    def log(self) -> Path:
        """The file that what the processes print goes to."""
        return self.journal.with_suffix(".log")

    @property
    def limits(self) -> Limits:
        """What a worker may take."""
        return Limits(self.case_timeout or CASE_LIMIT[self.profile], self.memory)

    @property
    def words(self) -> list[str]:
        """The command that asks the same in one pytest session."""
        words = ["pytest", "--pyargs", "clinometer.suites", "--backend", self.backend]
        return [*words, "--profile", self.profile, "--seed", str(self.seed), *self.pytest_args]

    @property
    def command(self) -> list[str]:
        """The command line of a host; nothing is captured, since its workers print as well."""
        return [self.python or sys.executable, "-m", *self.words, "-p", "no:cacheprovider", "--capture=no"]


@dataclass(frozen=True)
class Outcome:
    """How an examination ended: the exit code that it asks for, and one sentence if it did not go well."""

    code: int
    sentence: str = ""
    kept: Path | None = None  # what the journal held before
    written: bool = False  # the journal is of this run
    interrupted: bool = False  # by the user, who does not want what comes after it either


def slug(backend: str) -> str:
    """Return a file name for a backend: `torch:func` is `torch-func`."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", backend).strip("-.") or "backend"


def slugs(backends: Sequence[str]) -> dict[str, str]:
    """Return file names for backends, each different from the others even where letter case does not count."""
    names: dict[str, str] = {}
    for backend in backends:
        name, number = slug(backend), 1
        while name.lower() in {other.lower() for other in names.values()}:
            number += 1
            name = f"{slug(backend)}-{number}"
        names[backend] = name
    return names


def profile_of(backend: str, chosen: str | None) -> str:
    """Return the profile of a backend: the reference is what others are held against, and no news is expected of it."""
    return chosen or (QUICK if backend == "reference" else STANDARD)


def run_backend(
    plan: Plan, say: Callable[[str], None], watch: Callable[[], None] = lambda: None, cluster: Cluster | None = None
) -> Outcome:
    """Ask one backend all that is selected, whatever becomes of the processes that ask.

    Parameters
    ----------
    plan : Plan
    say : callable
        Is told in a sentence what is out of the ordinary.
    watch : callable
        Is called twice a second.
    cluster : Cluster, optional
        Whose workers ask; else processes of this machine.
    """
    plan.journal.parent.mkdir(parents=True, exist_ok=True)
    try:
        before = earlier(plan.journal, plan.profile, plan.seed) if plan.resume else Earlier()
    except reader.BrokenJournal as problem:
        return Outcome(USAGE, f"{plan.backend}: {problem}")
    if plan.resume:
        say(_ahead(plan, before))
    if before.gaps:
        say(f"{plan.backend}: {before.gaps}; it is asked again.")
    ledger = Ledger(plan.journal, before, resume=plan.resume)
    limit = plan.limits.case
    asked = (plan.backend, plan.profile, plan.seed, plan.words, plan.workers)
    attendance = Attendance(ledger, *asked, say, watch, limit, PATIENCE * limit, elsewhere=bool(plan.python))
    interrupted = False
    try:
        code, sentence = _attend(plan, attendance, cluster)
    except KeyboardInterrupt:
        interrupted = True
        code, sentence = INCOMPLETE, "interrupted."
        _end(ledger)
    except BaseException:  # also where nobody reads what we print any more
        _end(ledger)
        raise
    if ledger.kept:
        say(f"{plan.backend}: what {plan.journal} held before is kept as {ledger.kept.name}.")
    told = f"{plan.backend}: {sentence}" if sentence else ""
    return Outcome(code, told, ledger.kept, ledger.begun, interrupted)


def _end(ledger: Ledger) -> None:
    with contextlib.suppress(Gone):
        ledger.end(INCOMPLETE, interrupted=not ledger.is_done)


def _attend(plan: Plan, attendance: Attendance, cluster: Cluster | None) -> tuple[int, str]:
    """Return an exit code and a sentence for a run that nobody has interrupted."""
    ledger = attendance.ledger
    try:
        with _output(plan) as output, _askers(plan, attendance, cluster, output) as askers:
            try:
                askers.serve()
            finally:
                attendance.conclude()
        code = INCOMPLETE if not ledger.is_done else NEW_FAILURES if ledger.new else EXPECTED
        ledger.end(code, interrupted=not ledger.is_done)
        return code, "" if ledger.is_done else "not all cases have a result."
    except NotBegun as why:
        ledger.close()
        if str(why) or not isinstance(askers, Pool):
            return USAGE, str(why)
        said = "the message is above." if plan.verbose else last_words(plan.log, askers.status)
        return USAGE, f"could not be examined; {said}"
    except Gone as why:
        _end(ledger)
        return INCOMPLETE, str(why)


def _askers(plan: Plan, attendance: Attendance, cluster: Cluster | None, output: IO[str] | None) -> Pool | Fleet:
    if cluster is None:
        return Pool(plan.command, plan.limits, attendance, output)
    return Fleet(cluster, plan.command, not plan.python, plan.limits, attendance, plan.verbose)


def _ahead(plan: Plan, before: Earlier) -> str:
    """Say what a resumption has before it."""
    if not before.cases:
        return f"{plan.backend}: nothing to resume; it starts from the beginning."
    if before.ended:
        return f"{plan.backend}: nothing to resume, its run came to the end; only what it was not asked is asked."
    return f"{plan.backend}: goes on after {len(before.results)} of {len(before.cases)} cells."


def _output(plan: Plan) -> contextlib.AbstractContextManager[IO[str] | None]:
    return contextlib.nullcontext() if plan.verbose else plan.log.open("a" if plan.resume else "w", encoding="utf-8")
