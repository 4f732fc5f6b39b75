"""Cells that share their cases go to one worker."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

from asking import CLAUSES, ask, of_kind

from clinometer.journal import records


def test_two_workers_share_out_what_shares_its_cases(tmp_path: Path) -> None:
    """Under pytest-xdist the cells of one strategy come from one worker, but for those where a stretch of items ends."""
    strategies = {
        f"{clause.body.__name__}[{cell}]": id(cell.strategy)
        for clause in CLAUSES.values()
        for cell in clause.cells
        if cell.strategy is not None
    }
    chosen = "exp-rev or sin-rev or cos-rev or tanh-rev or sum-rev or mean-rev or matmul-rev or where-rev"
    done = ask(tmp_path, "--backend", "reference", "--profile", "quick", "-n", "2", "-vv", "-k", chosen)
    workers, asked = defaultdict(set), defaultdict(set)
    for worker, cell in re.findall(r"\[(gw\d)\] .* PASSED \S*::(\S+)", done.stdout):
        if cell in strategies:
            workers[strategies[cell]].add(worker)
            asked[strategies[cell]].add(cell)
    shared = {strategy for strategy, cells in asked.items() if len(cells) > 5}
    assert len(shared) >= 8, done.stdout
    whole = [strategy for strategy in shared if len(workers[strategy]) == 1]
    assert len(whole) >= len(shared) / 2
    assert set.union(*workers.values()) == {"gw0", "gw1"}


def test_an_interruption_that_no_signal_sent_is_an_error_in_a_worker_too(tmp_path: Path) -> None:
    """A worker that meets a KeyboardInterrupt of the backend's own goes on: one error, and every case has its result."""
    (tmp_path / "own.py").write_text(OWN)
    done = ask(tmp_path, "--backend", "own.py:Own", "-n", "1", "--journal", "j.jsonl", "-k", "truth and float64 and [s")
    outcomes = Counter(result.outcome for result in of_kind(tmp_path / "j.jsonl", records.Result))
    assert outcomes["error"] == 1
    assert outcomes["pass"] > 5
    assert done.returncode == 1
    assert "incomplete" not in done.stdout


OWN = """
from clinometer.backends.reference.adapter import Reference

class Own(Reference):
    name, second_witness = "own", False

    def __init__(self):
        super().__init__()
        self.xp.sin = self.interrupting

    def interrupting(self, x):
        raise KeyboardInterrupt
"""
