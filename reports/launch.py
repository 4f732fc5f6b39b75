"""Launching: one pytest process a backend, started again when it dies, until it is through or makes no progress.

AD libraries share OpenMP, protobuf and signal handlers badly, so that a process of their own is the only way
to examine two of them in one go; and a crash then costs its own case, never the run.
"""

from __future__ import annotations

import collections
import datetime
import itertools
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from clinometer.reports import journal

RESTARTS = 20
PATIENCE = 15.0  # seconds that an interrupted pytest has to write the end of its journal

# Exit codes of the console script.
EXPECTED, NEW_FAILURES, USAGE, INCOMPLETE = 0, 1, 2, 3

# pytest's exit codes: 2 interrupted, 3 internal error, 4 usage, 5 nothing collected.
_MEANING = {0: EXPECTED, 1: NEW_FAILURES, 2: USAGE, 3: INCOMPLETE, 4: USAGE, 5: USAGE}


@dataclass(frozen=True)
class Plan:
    """How to examine a backend."""

    backend: str
    journal: Path
    profile: str = "standard"
    seed: int = 0
    workers: str = ""
    pytest_args: Sequence[str] = ()

    def command(self, resume: bool = False) -> list[str]:
        """Return the command line of pytest."""
        words = [sys.executable, "-m", "pytest", "--pyargs", "clinometer.suites"]
        words += ["--backend", self.backend, "--journal", str(self.journal)]
        words += ["--hypothesis-profile", self.profile, "--seed", str(self.seed), "-p", "no:cacheprovider"]
        words += ["-n", self.workers] if self.workers else []
        words += ["--resume"] if resume else []
        return [*words, *self.pytest_args]


@dataclass(frozen=True)
class Outcome:
    """How an examination ended: the exit code that it asks for, and one sentence if it did not go well."""

    code: int
    sentence: str = ""


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


def examine(plan: Plan, say: Callable[[str], None]) -> Outcome:
    """Run pytest for one backend, and again after each crash, as long as that gets further.

    Raises
    ------
    KeyboardInterrupt
        The user stopped the run; pytest has then been given the time to write the end of its journal.

    """
    plan.journal.parent.mkdir(parents=True, exist_ok=True)
    plan.journal.unlink(missing_ok=True)  # else a usage error would be answered with the results of yesterday
    try:
        return _persevere(plan, say)
    except KeyboardInterrupt:
        _end(plan.journal)
        raise


def _persevere(plan: Plan, say: Callable[[str], None]) -> Outcome:
    started = -1
    for attempt in range(RESTARTS + 1):
        code = _call(plan.command(resume=attempt > 0))
        if code == -signal.SIGINT:
            raise KeyboardInterrupt
        if problem := _problem(plan.journal):
            return Outcome(USAGE, f"{plan.backend}: {problem}")
        if code in _MEANING:
            return Outcome(_MEANING[code], _sentence(plan.backend, code))
        before, started = started, _started(plan.journal)
        if started <= max(before, 0):
            why = "before its first case" if started <= 0 else "again, without a new case"
            return Outcome(INCOMPLETE, f"{plan.backend}: the process died ({_death(code)}) {why}; given up.")
        if attempt < RESTARTS:
            say(f"{plan.backend}: the process died ({_death(code)}) in case {started}; going on after it.")
    return Outcome(INCOMPLETE, f"{plan.backend}: the process died {RESTARTS + 1} times; given up after case {started}.")


def _call(command: list[str]) -> int:
    process = subprocess.Popen(command)  # noqa: S603  # our own interpreter, and no shell
    try:
        return process.wait()
    except KeyboardInterrupt:
        # The terminal has told pytest as well; it only needs time.
        try:
            process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()
        raise


def _end(path: Path) -> None:
    """Write the end that an interrupted pytest had no time for: else its last case would count as a crash."""
    try:
        last = collections.deque(journal.read(path), maxlen=1)
    except journal.BrokenJournal:
        return
    if last and not isinstance(last[0], journal.End):
        writer = journal.Writer(path, fresh=False)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        writer.write(journal.End(at=now, exit=INCOMPLETE, interrupted=True))
        writer.close()


def _started(path: Path) -> int:
    """Count the cases that were begun; a line that a crash cut short counts for nothing."""
    count = 0
    if path.exists():
        for line in path.read_bytes().splitlines():
            try:
                count += msgspec.json.decode(line, type=_Kind).kind == "start"
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
    return count


class _Kind(msgspec.Struct):
    kind: str = ""


def _problem(path: Path) -> str:
    """Return why the backend could not be loaded, if that is all that the journal says."""
    try:
        records = list(itertools.islice(journal.read(path), 2))
    except journal.BrokenJournal:
        return ""
    return records[0].problem if len(records) == 1 and isinstance(records[0], journal.Run) else ""


def _death(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def _sentence(backend: str, code: int) -> str:
    return {
        2: f"{backend}: could not be examined; the message is above.",
        3: f"{backend}: the run was interrupted, or stopped before its end.",
        4: f"{backend}: could not be examined; the message is above.",
        5: f"{backend}: no test was selected; check the arguments after `--`.",
    }.get(code, "")
