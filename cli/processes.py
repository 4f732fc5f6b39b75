"""Launching: one pytest process a backend, started again when it dies, until it is through or makes no progress.

AD libraries share OpenMP, protobuf and signal handlers badly, so that a process of their own is the only way
to examine two of them in one go; and a crash then costs its own case, never the run.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from clinometer.cli.progress import Progress
from clinometer.journal import reader, records, writer
from clinometer.journal.vocabulary import EXPECTED, INCOMPLETE, NEW_FAILURES, USAGE

FOLDER = Path("clinometer-report")  # where journals and report go, unless somebody says otherwise

RESTARTS = 20
PATIENCE = 30.0  # seconds that an interrupted pytest has to write the end of its journal; its workers may take ten
TICK = 0.5  # seconds between two looks at a journal
LAST_WORDS = 15  # lines of pytest's output that are shown when it could not even begin


# pytest's exit codes: 2 interrupted, 3 internal error, 4 usage, 5 nothing collected.
_MEANING = {0: EXPECTED, 1: NEW_FAILURES, 2: USAGE, 3: INCOMPLETE, 4: USAGE, 5: USAGE}


# A process that was told to stop before it could listen.
_STOPPED = {-getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}


@dataclass(frozen=True)
class Plan:
    """How to examine a backend."""

    backend: str
    journal: Path
    profile: str = "standard"
    seed: int = 0
    workers: str = ""
    pytest_args: Sequence[str] = ()
    resume: bool = False  # go on with the journal that is there
    verbose: bool = False  # pytest writes to the terminal, else to a file beside the journal

    @property
    def log(self) -> Path:
        """The file that pytest's own output goes to."""
        return self.journal.with_suffix(".log")

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
    kept: Path | None = None  # what the journal held before


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
    return chosen or ("quick" if backend == "reference" else "standard")


def run_backend(plan: Plan, say: Callable[[str], None], watch: Callable[[], None] = lambda: None) -> Outcome:
    """Run pytest for one backend, and again after each crash, as long as that gets further.

    Parameters
    ----------
    plan : Plan
    say : callable
        Is told in a sentence what is out of the ordinary.
    watch : callable
        Is called twice a second.

    Raises
    ------
    KeyboardInterrupt
        The user stopped the run; pytest has then been given the time to write the end of its journal.

    """
    plan.journal.parent.mkdir(parents=True, exist_ok=True)
    kept = None
    if plan.resume:
        try:
            say(_ahead(plan))
        except reader.BrokenJournal as problem:
            return Outcome(USAGE, f"{plan.backend}: {problem}")
    elif kept := writer.set_aside(plan.journal):  # else a usage error would be answered with the results of yesterday
        say(f"{plan.backend}: what {plan.journal} held is kept as {kept.name}.")
    try:
        return replace(_persevere(plan, say, watch), kept=kept)
    except BaseException:  # also where nobody reads what we print any more
        _end(plan.journal)
        raise


def _ahead(plan: Plan) -> str:
    """Say what a resumption has before it; raises BrokenJournal where it may not go on."""
    found = list(reader.resumable(plan.journal, plan.profile, plan.seed)) if plan.journal.exists() else []
    asked = {it.id for it in found if isinstance(it, records.CaseRecord)}
    if not asked:
        return f"{plan.backend}: nothing to resume; it starts from the beginning."
    done = {it.id for it in found if isinstance(it, records.Result)}
    if isinstance(found[-1], records.End) and not found[-1].interrupted:
        return f"{plan.backend}: nothing to resume, its run came to the end; only what it was not asked is asked."
    return f"{plan.backend}: goes on after {len(done)} of {len(asked)} cells."


def _persevere(plan: Plan, say: Callable[[str], None], watch: Callable[[], None]) -> Outcome:
    progress = Progress(plan.journal)
    progress.look()
    with _output(plan) as output:
        for attempt in range(RESTARTS + 1):
            before = progress.begun
            code = _call(plan.command(resume=plan.resume or attempt > 0), output, watch)
            progress.look()
            if code in _STOPPED:
                raise KeyboardInterrupt
            if problem := _problem(plan.journal):
                return Outcome(USAGE, f"{plan.backend}: {problem}")
            if code in _MEANING:
                return Outcome(_MEANING[code], _sentence(plan, code))
            if progress.begun == before:
                why = "again, without a new case" if attempt else "before its first case"
                return Outcome(INCOMPLETE, f"{plan.backend}: the process died ({_death(code)}) {why}; given up.")
            last = progress.name(next(reversed(progress.open), ""))
            if attempt < RESTARTS:
                say(f"{plan.backend}: the process died ({_death(code)}) in {last}; going on after it.")
    return Outcome(INCOMPLETE, f"{plan.backend}: the process died {RESTARTS + 1} times; given up after {last}.")


def _output(plan: Plan) -> contextlib.AbstractContextManager[IO[str] | None]:
    return contextlib.nullcontext() if plan.verbose else plan.log.open("a" if plan.resume else "w", encoding="utf-8")


def _call(command: list[str], output: IO[str] | None, watch: Callable[[], None]) -> int:
    process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603  # our own interpreter, and no shell
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(TICK)
            watch()
    except BaseException:
        # A terminal has told pytest as well, and it takes both for one; on Windows this would kill it.
        if os.name == "posix":
            process.terminate()
        try:
            process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()
        raise


def _end(path: Path) -> None:
    """Write the end that an interrupted pytest had no time for: else its last case would count as a crash."""
    try:
        last = collections.deque(reader.read(path), maxlen=1)
    except reader.BrokenJournal:
        return
    if last and not isinstance(last[0], records.End):
        file = writer.Writer(path, fresh=False)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        file.write(records.End(at=now, exit=INCOMPLETE, interrupted=True))
        file.close()


def _problem(path: Path) -> str:
    """Return why the backend could not be loaded, if that is all that the journal says."""
    try:
        found = list(itertools.islice(reader.read(path), 2))
    except reader.BrokenJournal:
        return ""
    return found[0].problem if len(found) == 1 and isinstance(found[0], records.RunRecord) else ""


def _death(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def _sentence(plan: Plan, code: int) -> str:
    match code:
        case 2 | 4:
            return f"{plan.backend}: could not be examined; {_last_words(plan)}"
        case 3:
            return f"{plan.backend}: the run was interrupted, or stopped before its end."
        case 5:
            return f"{plan.backend}: no test was selected; check the arguments after `--`."
    return ""


def _last_words(plan: Plan) -> str:
    """Return what pytest said last, which is why it did not begin."""
    if plan.verbose:
        return "the message is above."
    words = plan.log.read_text("utf-8", errors="replace").split("\n")
    said = [line.removeprefix("clinometer: ") for line in words if line.strip()][-LAST_WORDS:]
    return said[0] if len(said) == 1 else "\n".join(["pytest said:", *said])
