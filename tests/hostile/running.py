"""Running `clinometer run` as a process of its own, and looking at what it leaves behind."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clinometer.journal import records
from clinometer.journal.reader import read

HERE = Path(__file__).parent
TIME = 240  # seconds in which a run has ended, or never will


@dataclass
class Place:
    """A folder for a run: where it stands, what it writes, and the mark that all its processes bear.

    Parameters
    ----------
    folder : Path
    """

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        for path in (self.here, self.temporary):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def here(self) -> Path:
        """Where the run is started."""
        return self.folder / "here"

    @property
    def temporary(self) -> Path:
        """Where temporary files go."""
        return self.folder / "t"

    @property
    def out(self) -> Path:
        """Where journal and report go."""
        return self.folder / "out"

    @property
    def environment(self) -> dict[str, str]:
        """What the run is started with."""
        ours = {"HOSTILE_MARK": self.mark, "HOSTILE_FOLDER": str(self.folder), "TMPDIR": str(self.temporary)}
        return os.environ | ours | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}

    def start(self, words: Sequence[str]) -> subprocess.Popen[str]:
        """Start a run."""
        command = [sys.executable, "-c", "from clinometer.cli.main import main; main()", "run", "-o", str(self.out), *words]
        return subprocess.Popen(
            command,
            cwd=self.here,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=_dumping,
        )

    def run(self, words: Sequence[str]) -> tuple[int, str]:
        """Run, and return exit code and output, with its lines joined."""
        process = self.start(words)
        try:
            output, _ = process.communicate(timeout=TIME)
        finally:
            process.kill()
        return process.returncode, output

    def alive(self) -> list[str]:
        """Return the command lines of processes that bear the mark."""
        return [words for _, words in processes(self.mark)]

    def left_alive(self, within: float = 5.0) -> list[str]:
        """Return the processes that are left some seconds after a run."""
        until = time.monotonic() + within
        while (found := self.alive()) and time.monotonic() < until:
            time.sleep(0.05)
        return found

    def starts(self) -> list[tuple[str, ...]]:
        """Return the processes that have made the backend, each with its parent."""
        path = self.folder / "starts"
        return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []

    def journal(self) -> Path:
        """Return the journal, of which there is one."""
        [path] = self.out.glob("*.jsonl")
        return path


def _dumping() -> None:
    """Let a process that dies leave a core file: what a run starts must forbid that by itself."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def processes(mark: str) -> list[tuple[int, str]]:
    """Return number and words of each process that lives and was started with a mark in its environment.

    What a process itself makes of its environment later does not count.
    """
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                if f"HOSTILE_MARK={mark}".encode() in (path / "environ").read_bytes():
                    words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found.append((int(path.name), words[:300]))
            except OSError:  # it has gone
                continue
    return found


@dataclass
class Told:
    """What a journal tells: the last result of each case, by its title, and how often it has one."""

    results: dict[str, records.Result]
    times: dict[str, int]
    end: records.End | None

    @classmethod
    def of(cls, path: Path) -> Told:
        """Read a journal."""
        cases: dict[str, str] = {}
        results: dict[str, records.Result] = {}
        times: dict[str, int] = {}
        end = None
        for record in read(path):
            if isinstance(record, records.CaseRecord):
                cases[record.id] = record.title
            elif isinstance(record, records.Result):
                results[cases[record.id]] = record
                times[cases[record.id]] = times.get(cases[record.id], 0) + 1
            end = record if isinstance(record, records.End) else None
        return cls(results, times, end)

    def verdicts(self) -> dict[str, tuple[object, ...]]:
        """Return what must be the same in two runs, by case."""
        return {name: (it.outcome, it.message, it.examples, it.points, str(it.observed)) for name, it in self.results.items()}


TRACEBACK = re.compile(r"^Traceback \(most recent call last\):", re.MULTILINE)
