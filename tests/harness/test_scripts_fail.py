"""Every script of what libraries are known to get wrong fails as its result says, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinometer.backends import load
from clinometer.harness import expectations
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import examine
from clinometer.harness.scripts.evidence import evidence
from clinometer.harness.specification import specification

TOOL = Path(__file__).parents[1] / "scripts_of.py"


def known(library: str) -> Iterator[tuple[Clause, Cell]]:
    """Yield, for each known failure and each of its clauses, the first cell that it is about; programs take too long."""
    asked = set()
    for entry in expectations.shipped(library):
        for clause in specification():
            cell = next((cell for cell in clause.cells if entry.covers(clause, cell)), None)
            if cell is not None and clause.chapter != "PROGRAM" and (clause.id, str(cell)) not in asked:
                asked.add((clause.id, str(cell)))
                yield clause, cell


@pytest.mark.parametrize("library", ["torch", "autograd"])
def test_the_scripts_of_known_failures_fail_as_they_say(library: str, tmp_path: Path) -> None:
    """Each script ends in an assertion that fails, or raises what the library raised; nothing else ends it."""
    pytest.importorskip(library)
    backend, path, written = load(library), tmp_path / "some.jsonl", 0
    with path.open("w") as journal:
        journal.write(json.dumps({"kind": "run", "backend": library}) + "\n")
        for clause, cell in known(library):
            result = examine(clause, cell, backend, profile="quick")
            if result.outcome in ("fail", "error") and result.finding is not None:
                made = evidence(result.finding, clause, backend, library, cell.mode)
                told = {"script": made.script, "claim": made.claim}
                line = {"kind": "result", "id": f"{clause.id} {cell}", "outcome": result.outcome, "message": result.message}
                journal.write(json.dumps({**line, "evidence": told}) + "\n")
                written += 1
    done = subprocess.run([sys.executable, TOOL, path], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout
    assert written > 20
    assert f"{written} of {written} scripts fail as they say" in done.stdout


BROKEN = {
    "passes": ("fail", "x = 1\nassert x == 1\n", "ends without an exception"),
    "dies of something else": ("fail", "x = undefined\nassert x == 1\n", "raises NameError, not AssertionError"),
    "fails too early": ("fail", "assert 1 == 2\nx = 1\nassert x == 2\n", "fails before its last statement"),
    "raises something else": ("error", "raise KeyError(1)\n", "raises KeyError, not ValueError"),
}


@pytest.mark.parametrize(("outcome", "source", "said"), BROKEN.values(), ids=list(BROKEN))
def test_a_script_that_shows_something_else_is_told(outcome: str, source: str, said: str, tmp_path: Path) -> None:
    """A script that ends well, fails too early or dies of something else is named, with the reason."""
    path = tmp_path / "broken.jsonl"
    result = {"kind": "result", "id": "one", "outcome": outcome, "message": "claim: ValueError: no", "evidence": {
        "script": source, "claim": "claim"}}  # fmt: skip
    path.write_text(json.dumps({"kind": "run", "backend": "none"}) + "\n" + json.dumps(result) + "\n")
    done = subprocess.run([sys.executable, TOOL, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert said in done.stdout
