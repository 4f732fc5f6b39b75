"""Who tests the tests: every clause is broken by the backends that it names, and by none that is sound."""

from __future__ import annotations

import pytest

from clinometer.backends import dtypes
from clinometer.backends.reference import Reference
from clinometer.suites import specification
from clinometer.suites.clauses import INFO, Clause
from clinometer.suites.examine import Examination, examine
from planted import PLANTED

CLAUSES = specification()
PAIRS = [pytest.param(clause, name, id=f"{clause.id}-{name}") for clause in CLAUSES for name in sorted(clause.broken_by)]


def first_failure(clause: Clause, name: str) -> Examination | None:
    """Return what the clause finds in a planted backend, in the quick profile."""
    backend = PLANTED[name]()
    for cell in clause.asked_of(dtypes(backend)):
        result = examine(clause, cell, backend, profile="quick")
        if result.outcome in ("fail", "error"):
            return result
        assert result.outcome != "invalid", result.message
    return None


@pytest.mark.parametrize(("clause", "name"), PAIRS)
def test_a_planted_bug_is_caught_by_the_clause_that_names_it(clause: Clause, name: str) -> None:
    """A clause fails on each planted backend that it names, within the quick profile."""
    found = first_failure(clause, name)
    assert found is not None, f"{clause.id} holds on {name}"
    assert found.message


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.id)
def test_the_sound_backend_passes_beside_it(clause: Clause) -> None:
    """The reference holds every clause in the quick profile, cell by cell."""
    backend = Reference()
    for cell in clause.asked_of(dtypes(backend)):
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
