"""How the tests ask: a whole pytest of its own, or one clause in this process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clinometer.backends import Backend
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import Examination, examine
from clinometer.harness.specification import specification
from clinometer.journal import reader, records

FAULTY = Path(__file__).with_name("faulty.py")
CLAUSES: dict[str, Clause] = {clause.id: clause for clause in specification()}


def faulty(name: str) -> str:
    """Return how a backend of faulty.py is chosen."""
    return f"{FAULTY}:{name}"


def command(*words: str | Path, suite: str = "test_grad") -> list[str]:
    """Return the command line of a pytest that asks a chapter in the quick profile."""
    start = [sys.executable, "-m", "pytest", "--pyargs", f"clinometer.suites.{suite}", "-q", "-p", "no:cacheprovider"]
    return [*start, "--profile", "quick", *map(str, words)]


def ask(folder: Path, *words: str | Path, suite: str = "test_grad") -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder."""
    return subprocess.run(command(*words, suite=suite), cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def told(folder: Path, *words: str | Path) -> str:
    """Return the one line with which a run is refused."""
    done = ask(folder, *words)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert done.returncode == 2, said
    assert not any("Traceback" in line for line in said)
    assert len(said) == 1, said
    return said[0]


def of_kind(path: Path, kind: type) -> list[Any]:
    """Return the records of one kind."""
    return [record for record in reader.read(path) if isinstance(record, kind)]


def verdicts(path: Path) -> dict[str, tuple[Any, ...]]:
    """Return everything about the results but the time that they took."""
    return {r.id: (r.outcome, r.message, r.examples, r.points, r.evidence) for r in of_kind(path, records.Result)}


def first(id: str, backend: Backend, where: Callable[[Cell], bool] = lambda cell: True) -> tuple[Clause, Cell, Examination]:
    """Return the first examination of a clause that is no pass."""
    clause = CLAUSES[id]
    for cell in filter(where, clause.cells):
        result = examine(clause, cell, backend, profile="quick")
        if result.outcome != "pass":
            return clause, cell, result
    raise AssertionError(f"{id} holds on {backend.name}")
