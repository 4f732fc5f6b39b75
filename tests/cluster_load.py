"""What a run on a cluster asks of the scheduler, and of the client that writes the journal: the numbers of docs/scaling.md.

    python tests/cluster_load.py

Sends tasks that ask nothing to a scheduler in a process of its own, and reads what CPU time that has taken; then has a client
hear as many records as it can. Run by hand on Linux; it takes a minute.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

import msgspec
import synthetic_journals as made
from distributed import Client, get_worker, wait

from clinometer.cli import station
from clinometer.cli.attendance import Attendance
from clinometer.cli.crew import Worker
from clinometer.cli.fleet import Fleet, Lane
from clinometer.cli.ledger import Ledger
from clinometer.cli.pool import Limits
from clinometer.harness import wire
from clinometer.journal import records
from clinometer.journal.resumption import Earlier

TASKS, EVENTS, BYTES = 1000, 75, 2000  # a task of 15 s sends at most five events a second, of ten records or so
CASES = 50_000
TICKS = os.sysconf("SC_CLK_TCK")


def task(key: str, topic: str, events: int, size: int) -> int:
    """Do what a task does beside asking: begin, and tell."""
    worker = get_worker()
    station._begin(worker, key)
    for number in range(events):
        worker.log_event(topic, {"key": key, "first": number, "lines": b"x" * size})
    return events


def cpu(pid: int) -> float:
    """Return the seconds that a process has computed."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / TICKS


def scheduler() -> None:
    """Print what tasks and events cost the scheduler."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "scheduler.json"
        words = ["--scheduler-file", str(place), "--no-dashboard"]
        begun = subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_scheduler", *words, "--port", "0"])
        helper = [sys.executable, "-m", "distributed.cli.dask_worker", *words, "--nworkers", "2", "--nthreads", "1"]
        workers = subprocess.Popen(helper, cwd=folder)
        try:
            while not place.exists():
                time.sleep(0.2)
            with Client(scheduler_file=str(place)) as client:
                client.wait_for_workers(2)
                heard: list[Any] = []
                client.subscribe_topic("load", heard.append)
                rest = cpu(begun.pid)
                time.sleep(5)
                rest = (cpu(begun.pid) - rest) / 5
                for events in (0, EVENTS):
                    before, since = cpu(begun.pid), time.monotonic()
                    done = [client.submit(task, f"{events}-{it}", "load", events, BYTES, pure=False) for it in range(TASKS)]
                    wait(done)
                    while len(heard) < events * TASKS:
                        time.sleep(0.1)
                    spent = cpu(begun.pid) - before - rest * (time.monotonic() - since)
                    print(f"{events:3} events a task: {1000 * spent / TASKS:6.2f} ms of the scheduler's CPU for each task")
        finally:
            workers.terminate()
            begun.terminate()


class Nowhere:
    """A cluster that has no workers."""

    name = "nowhere"

    def enlist(self, inbox: Any) -> str:
        """Return a name."""
        return "run-1"


def client() -> None:
    """Print how many records a second a client hears and writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it.jsonl"
        ledger = Ledger(path, Earlier(), resume=False)
        attendance = Attendance(ledger, "any", "standard", 1, [], 1, print, lambda: None, 240.0, 0.0)
        fleet = Fleet(Nowhere(), [], True, Limits(1.0), attendance)  # type: ignore[arg-type]  # nothing else is called
        cases = [made.case(operation="sin", dtype=str(it)) for it in range(CASES)]
        collected = wire.Collected(
            suite="", digest=made.run("any").digest, cells=[wire.Collectable(case=it, unit=at) for at, it in enumerate(cases)]
        )
        attendance.cells = collected.cells
        attendance.loaded(wire.Loaded(run=made.run("any")))
        lane = fleet.lanes["a"] = Lane(Worker(1, Path(), 0.0, loaded=True), "a")
        words = [
            records.encoded(word)
            for case in cases
            for word in (
                records.Start(id=case.id, at=records.now()),
                records.Result(id=case.id, outcome="pass", examples=4, points=12, seconds=0.0123),
            )
        ]
        before, size = time.process_time(), path.stat().st_size
        for at in range(0, len(words), 10):
            fleet._take("a", {"first": lane.heard, "lines": b"\n".join(words[at : at + 10])})
        took = time.process_time() - before
        print(
            f"the client hears and writes {len(words) / took:,.0f} records a second; {took / CASES * 1e6:.0f} µs of CPU a case"
        )
        print(f"{(path.stat().st_size - size) / CASES:.0f} bytes a case on the way and in the journal, if it passes")
        ids = msgspec.json.encode([case.id for case in cases])
        print(f"{len(ids) / CASES:.0f} bytes a case on the way out")


if __name__ == "__main__":
    client()
    scheduler()
