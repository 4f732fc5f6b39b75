"""Runs of `clinometer run` in which the processes are real, and the backend and its four cases are made up."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from clinometer.cli.main import main
from clinometer.journal import records
from clinometer.journal.reader import read

HOST = f"""
import importlib.metadata, os, signal, sys, threading, time
from types import SimpleNamespace
sys.path.insert(0, {str(Path(__file__).parent)!r})
import synthetic_journals as made
from clinometer.backends import BackendProblem
from clinometer.harness import containment, host, wire, worker
from clinometer.journal.records import Result
name, CASES = sys.argv[1], [made.case(operation=it) for it in made.OPERATIONS[:4]]

class Examiner:
    dtypes, known = ("float64",), []
    def __init__(self, *how):
        LOADING
    def head(self, command):
        return made.run(name)
    def ask(self, case, cell, id, before=None):
        ASKING
        return SimpleNamespace(curves=[]), Result(id=id, outcome="fail" if "fail" in name else "pass")

worker.Examiner = Examiner
found = wire.Collected(
    suite=importlib.metadata.version("clinometer"),
    digest=made.run(name).digest,
    cells=[wire.Collectable(case=it, unit=0) for it in CASES],
)
host._collected = lambda session: ({{it.id: (it, None) for it in CASES}}, found)
assignment = worker.Assignment(name, "standard", made.run(name).seed)
host.serve(None, os.environ.pop("CLINOMETER_LINE"), assignment)
"""


def call(*words: str | Path) -> Result:
    """Run the console script."""
    return CliRunner().invoke(main, [str(word) for word in words])


def unwrapped(result: Result) -> str:
    """Return what a command printed, with its lines joined."""
    return " ".join(result.output.split())


def outcomes(path: Path) -> dict[str, str]:
    """Return the last outcome of each operation in a journal."""
    cases = {it.id: it.operation for it in read(path) if isinstance(it, records.CaseRecord)}
    return {cases[it.id]: it.outcome for it in read(path) if isinstance(it, records.Result)}
