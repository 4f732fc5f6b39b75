"""Who tests the tests: every clause is broken by the backends that it names, and by none that is sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripts_of import Shown, executed, judged

from clinometer.backends import Backend, support_of
from clinometer.backends.dialect import Dialect
from clinometer.backends.reference.adapter import Reference
from clinometer.backends.torch.scripts import DIALECT
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import Examination, examine
from clinometer.harness.scripts.evidence import script
from clinometer.harness.specification import specification
from clinometer.journal.vocabulary import INFO
from planted import PLANTED
from planted.libraries import LIBRARIES

CLAUSES = specification()
PAIRS = [pytest.param(clause, name, id=f"{clause.id}-{name}") for clause in CLAUSES for name in sorted(clause.broken_by)]


def first_failure(clause: Clause, name: str, dialect: Dialect | None = None) -> tuple[Backend, Cell, Examination] | None:
    """Return what the clause finds in a planted backend, in the quick profile; its script is in the words of a dialect."""
    backend: Any = PLANTED[name]()
    backend.dialect = dialect
    for cell in clause.asked_of(support_of(backend).dtypes):
        result = examine(clause, cell, backend, profile="quick")
        if result.outcome in ("fail", "error"):
            return backend, cell, result
        assert result.outcome != "invalid", result.message
    return None


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file from which every planted backend can be loaded by its name."""
    path = tmp_path_factory.mktemp("planted") / "planted_here.py"
    tests = str(Path(__file__).parents[1])
    path.write_text(f"import sys\n\nsys.path.insert(0, {tests!r})\nfrom planted import PLANTED\n\nglobals().update(PLANTED)\n")
    return path


@pytest.mark.parametrize(("clause", "name"), PAIRS)
def test_a_planted_bug_is_caught_and_shown_by_the_clause_that_names_it(clause: Clause, name: str, chosen: Path) -> None:
    """A clause fails on each planted backend that it names, within the quick profile, and its script shows that again: it
    prints both sides and ends in an assertion that fails, or raises what the backend raised."""
    found = first_failure(clause, name)
    assert found is not None, f"{clause.id} holds on {name}"
    backend, cell, result = found
    assert result.message
    assert result.finding is not None
    source = script(result.finding, clause, backend, f"{chosen}:{name}", cell.mode)
    with np.errstate(all="ignore"):
        wrong, ending = judged(Shown(clause.id, result.outcome, result.message, source, result.finding.claim))
    assert not wrong, f"{wrong}: {ending.text}\n{source}"
    if result.outcome == "fail":
        assert source.count("\nprint(") >= 2 or "raises nothing, where an exception is due" in ending.text, source


# What torch does where a planted backend does another thing: it refuses, or has no gradient to print.
OTHERWISE = {"ALIAS-5": "RuntimeError", "DTYPE-9": "RuntimeError", "ACC-4": "AttributeError"}
# In torch's own words, and about what torch has.
TORCH = [p for p in PAIRS if p.values[1] not in LIBRARIES and p.values[0].chapter in (
    "ACC", "ALIAS", "ARITH", "BCAST", "CREATE", "DETACH", "DTYPE", "FLOW", "GRAD", "HIGH", "INDEX", "LIFE", "REDUCE", "STATE",
    "TUTORIAL",
)]  # fmt: skip


@pytest.mark.parametrize(("clause", "name"), [p for p in TORCH if not p.values[1].startswith("torch_")])
def test_a_transcript_in_the_words_of_torch_clears_torch(clause: Clause, name: str) -> None:
    """What a clause has written down while it asked a planted backend runs in torch, and there its assertion holds."""
    found = first_failure(clause, name, DIALECT)
    assert found is not None
    backend, cell, result = found
    if result.finding is None or not result.finding.lines or clause.chapter == "INTEROP":
        return  # an answer alone, in templates that tests/harness/test_scripts.py asks of torch
    ending = executed(script(result.finding, clause, backend, "none", cell.mode))
    assert ending.raised == OTHERWISE.get(clause.id, ""), ending.text


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)
def test_the_sound_backend_passes_beside_it(clause: Clause) -> None:
    """The reference holds every clause in the quick profile, cell by cell."""
    backend = Reference()
    for cell in clause.asked_of(support_of(backend).dtypes):
        result = examine(clause, cell, backend, profile="quick")
        assert result.outcome == "pass", f"{cell}: {result.outcome}: {result.message}"


@pytest.mark.parametrize("clause", [c for c in CLAUSES if c.level != INFO], ids=lambda clause: clause.id)
def test_no_clause_passes_vacuously(clause: Clause) -> None:
    """Every clause that can fail names a planted backend that breaks it."""
    assert clause.broken_by, f"{clause.id} names no planted backend"
    assert clause.broken_by <= set(PLANTED), f"{clause.id} names {clause.broken_by - set(PLANTED)}, which nobody planted"


def test_every_planted_bug_is_named() -> None:
    """At least 25 bugs are planted, and each is named by a clause."""
    named = set().union(*(clause.broken_by for clause in CLAUSES))
    assert set(PLANTED) == named
    assert len(PLANTED) >= 25
