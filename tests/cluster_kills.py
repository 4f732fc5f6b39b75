"""A run on a cluster whose workers are killed, beside one on this machine: the same results, and what that costs.

    python tests/cluster_kills.py                               the reference in quick, a worker killed every 20 seconds
    python tests/cluster_kills.py --every 5 -- -k "grad or fwd" others, more often

Asks one backend three times: with -n 2, on a cluster of two, and on one of whose workers one is killed every few seconds.
Prints what each took, in seconds of the clock and of all its processors, and in which cases they differ; exit code 1 if any
does. CPU time is summed over all processes of a run while it goes on, those that were killed as well, so that a busy machine
changes it little. Run by hand on Linux: it takes some minutes.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from clinometer.journal import records
from clinometer.journal.reader import read

MARK = "CLUSTER_KILLS"  # in the environment of all processes of a run
LOOK = 0.25  # seconds between two looks at them
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Watched:
    """A run, and what its processes have taken."""

    name: str
    wall: float = 0.0
    kills: int = 0
    ticks: dict[tuple[int, int], int] = field(default_factory=dict)  # of each process, by its id and when it began

    @property
    def cpu(self) -> float:
        """Seconds of all processors."""
        return sum(self.ticks.values()) / TICKS


@click.command()
@click.option("--backend", default="reference", show_default=True)
@click.option("--profile", default="quick", show_default=True)
@click.option("--seed", default="3", show_default=True)
@click.option("--every", type=float, default=20.0, show_default=True, help="Seconds between two kills.")
@click.argument("pytest_args", nargs=-1)
def main(backend: str, profile: str, seed: str, every: float, pytest_args: tuple[str, ...]) -> None:
    """Ask on one machine, on a cluster, and on one whose workers are killed."""
    with tempfile.TemporaryDirectory() as folder:
        words = [backend, "--profile", profile, "--seed", seed, "-q"]
        found: list[tuple[Watched, dict[str, tuple[str, str]]]] = []
        arms = (("-n 2", 0.0), ("--cluster local:2", 0.0), ("--cluster local:2", every))
        for at, (how, killing) in enumerate(arms):
            out = Path(folder) / str(at)
            run = watched(
                f"{how}{' with kills' if killing else ''}", [*words, *how.split(), "-o", str(out)], pytest_args, killing
            )
            found.append((run, results(next(out.glob("*.jsonl")))))
            told = f"{run.wall:7.1f} s of the clock, {run.cpu:7.1f} s of CPU"
            click.echo(
                f"{run.name:30}{told}, {run.cpu / found[0][0].cpu - 1:+7.1%}, {run.kills} kills, {len(found[-1][1])} cases"
            )
        first = found[0][1]
        unlike = [
            f"{run.name}: {id} {theirs.get(id)}, not {first.get(id)}"
            for run, theirs in found[1:]
            for id in first.keys() | theirs.keys()
            if first.get(id) != theirs.get(id)
        ]
    click.echo("\n".join(unlike) or "The results are the same, case by case.")
    sys.exit(bool(unlike))


def results(path: Path) -> dict[str, tuple[str, str]]:
    """Return the last outcome and message of each case."""
    return {it.id: (it.outcome, it.message) for it in read(path) if isinstance(it, records.Result)}


def watched(name: str, words: Sequence[str], pytest_args: Sequence[str], every: float) -> Watched:
    """Run, look at the processes all the while, and kill a worker now and then."""
    mark, run = f"{MARK}={secrets.token_hex(8)}", Watched(name)
    key, _, value = mark.partition("=")
    asking = ["-c", "from clinometer.cli.main import main; main()", "run", *words]
    command = [sys.executable, *asking, *(["--", *pytest_args] if pytest_args else [])]
    began = killed = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | {key: value}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None:
        workers = []
        for pid, begun, ticks, line in processes(mark):
            run.ticks[pid, begun] = ticks
            workers += [(begun, pid)] if "spawn_main" in line else []
        if every and workers and time.monotonic() - killed >= every:
            killed = time.monotonic()
            run.kills += 1
            os.kill(min(workers)[1], signal.SIGKILL)  # the oldest, so that each has its turn
        time.sleep(LOOK)
    run.wall = time.monotonic() - began
    if process.returncode not in (0, 1):
        assert process.stderr is not None  # it is a pipe
        sys.exit(f"{name}: exit code {process.returncode}\n{process.stderr.read().decode()}")
    if left := list(processes(mark)):
        sys.exit(f"{name}: {len(left)} processes are left: {left}")
    return run


def processes(mark: str) -> Iterator[tuple[int, int, int, str]]:
    """Yield the processes whose environment has a mark: the id, when it began, its ticks of CPU, and its command line."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes():
                told = (place / "stat").read_text().rpartition(")")[2].split()
                line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                yield int(place.name), int(told[19]), int(told[11]) + int(told[12]), line
        except OSError:  # it has ended meanwhile, or is somebody else's
            continue


if __name__ == "__main__":
    main()
