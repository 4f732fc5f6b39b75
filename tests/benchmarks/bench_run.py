"""The bars of a run: what its parent costs, what a second process gains, and how fast journals are read.

python3 -m tox -e benchmarks
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

import synthetic_journals as made
from asking import verdicts

from clinometer.journal.records import End, Result, Start
from clinometer.journal.writer import Writer
from clinometer.reports.results import load

SELECTION = "test_grad.py and truth"
RUN = """
import resource, sys
from clinometer.cli.main import main
try:
    main()
finally:
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print("cpu", own.ru_utime + own.ru_stime, others.ru_utime + others.ru_stime)
"""


def run(folder: Path, workers: int) -> tuple[float, float, float]:
    """Return the seconds that a run of the reference takes: by the clock, and the CPU time of its parent and of the others."""
    words = ["run", "reference", "--profile", "standard", "-n", str(workers), "-o", str(folder), "--", "-k", SELECTION]
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, check=True)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("cpu ")]
    own, others = map(float, line.split()[1:])
    return time.perf_counter() - start, own, others


def test_the_parent_and_the_journal_cost_little_and_a_second_process_gains_much(tmp_path: Path) -> None:
    """Less than 3 % of the CPU time is the parent's; two processes are 1.7 times as fast as one, with the same verdicts."""
    one, own, others = run(tmp_path / "one", 1)
    two, _, _ = run(tmp_path / "two", 2)
    print(f"\nparent {100 * own / (own + others):.1f} % of {own + others:.0f} s of CPU; -n 1 {one:.0f} s, -n 2 {two:.0f} s")
    assert own <= 0.03 * (own + others)
    assert one >= 1.7 * two
    assert verdicts(tmp_path / "one" / "reference.jsonl") == verdicts(tmp_path / "two" / "reference.jsonl")


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four journals of 12 500 results each."""
    paths = []
    for shard in range(4):
        paths.append(tmp_path_factory.mktemp("many") / f"{shard}.jsonl")
        writer = Writer(paths[-1])
        writer.write(made.run("torch"))
        for at in range(12_500):
            case = made.case(dtype=f"{shard}.{at}")
            writer.write(case, Start(id=case.id, at="now"), Result(id=case.id, outcome="pass", examples=25, points=80))
        writer.write(End(at="later", exit=0))
        writer.close()
    return paths


def test_fifty_thousand_results_are_read_and_merged_in_two_seconds(journals: list[Path]) -> None:
    """Four shards of one run are read, merged and counted."""
    start = time.process_time()
    [subject] = load(journals).subjects
    assert subject.tally.outcomes == {"pass": 50_000}
    seconds = time.process_time() - start
    print(f"\n50 000 results in {seconds:.2f} s")
    assert seconds < 2
