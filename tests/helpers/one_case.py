"""One case of a journal that `clinometer repro` and `clinometer explain` are asked about."""

from __future__ import annotations

from pathlib import Path

import synthetic_journals as made
from click.testing import Result as Called

from clinometer.journal.records import CaseRecord, End, Evidence, Result, Start, identity
from clinometer.journal.vocabulary import Outcome
from clinometer.reports.results import Subject, load

CASE = made.case("GRAD-1", "exp")
FAILING = 'print("got", 1)\nassert 1 == 2, "no"\n'


def subject(path: Path) -> Subject:
    """Return the one backend of a journal."""
    [found] = load([path]).subjects
    return found


def failing(path: Path, operation: str, dtype: str = "float64") -> CaseRecord:
    """Return the case in which the gradient of an operation is held against the truth."""
    id = identity("GRAD-1", operation, dtype, "reverse", "")
    return subject(path).cases[id]


def journal(
    path: Path,
    outcome: Outcome = "fail",
    script: str = FAILING,
    backend: str = "torch",
    message: str = "wrong",
    claim: str = "",
) -> Path:
    """Write a journal in which one case failed, and return its path."""
    result = Result(id=CASE.id, outcome=outcome, message=message, evidence=Evidence(claim=claim, script=script))
    made.write(path, [made.run(backend), CASE, Start(id=CASE.id, at="now"), result, End(at="now", exit=1)])
    return path


def refused(called: Called) -> str:
    """Return the one sentence on stderr of a command that was refused."""
    assert called.exit_code == 2, called.output
    [sentence] = called.stderr.strip().splitlines()
    return sentence
