"""The known failures that Clinometer ships: what a finding says, and what it points at."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clinometer.backends.registry import BUILT_IN
from clinometer.harness import expectations
from clinometer.harness.expectations import SHIPPED, BadExpectations, Known, shipped
from clinometer.harness.specification import specification
from clinometer.reference.catalogue import CATALOGUE

OUTCOMES = {"fail", "error", "crash", "timeout"}  # what can be known of a library; the others are no statement about it


def known(**fields: Any) -> Known:
    """Make an entry about GRAD-1."""
    return Known(**{"backend": "lib", "clauses": ("GRAD-1",), "reason": "why", "seen": "1.0"} | fields)


BACKENDS = sorted(path.stem for path in SHIPPED.glob("*.toml"))
ENTRIES = [entry for backend in BACKENDS for entry in shipped(backend)]


def about(entry: Known) -> str:
    """Return a name for an entry."""
    return "-".join([entry.backend, entry.operation, *entry.clauses[:2]])


def cells(entry: Known) -> list[tuple[str, str]]:
    """Return the cells that an entry covers, as clause and cell."""
    return [(c.id, str(cell)) for c in specification() for cell in c.cells if entry.covers(c, cell)]


def test_what_is_shipped_is_about_built_in_backends() -> None:
    """There is a file for each of some backends that are shipped, and nothing is known about any other."""
    assert set(BACKENDS) <= set(BUILT_IN)
    assert all(shipped(backend) for backend in BACKENDS)
    assert shipped("reference") == []


def test_an_entry_has_what_its_finding_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Reason, version and link are the finding's, for each of its entries."""
    file = """[[finding]]
title = "t"
summary = "why"
seen = "1.0"
link = "url"
known = [{ clauses = ["GRAD-1"], operation = "sin" }, { clauses = ["GRAD-2"], intermittent = true }]
"""
    (tmp_path / "lib.toml").write_text(file)
    monkeypatch.setattr(expectations, "SHIPPED", tmp_path)
    assert shipped("lib") == [
        known(reason="why", link="url", operation="sin"),
        known(reason="why", link="url", clauses=("GRAD-2",), intermittent=True),
    ]
    (tmp_path / "lib.toml").write_text(file.replace("intermittent", "some"))
    with pytest.raises(BadExpectations, match=r"lib\.toml, 't': it has an unknown field 'some'"):
        shipped("lib")


@pytest.mark.parametrize("entry", ENTRIES, ids=about)
def test_a_shipped_entry_points_at_something(entry: Known) -> None:
    """Each clause, operation, dtype and parameter of an entry has a cell that it covers."""
    assert set(entry.clauses) <= {clause.id for clause in specification()}
    assert set(entry.outcomes) <= OUTCOMES
    assert not entry.operation or entry.operation in CATALOGUE
    for name in ("clauses", "parameters"):
        for value in getattr(entry, name):  # one that goes by words is about the same cells
            assert cells(dataclasses.replace(entry, **{name: (value,), "message_pattern": ""})), f"nothing is asked of {value}"


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_cell_is_known_twice(backend: str) -> None:
    """One cell has one reason: of two entries that cover it the second would never be told."""
    covered = Counter(cell for entry in shipped(backend) for cell in cells(entry))
    assert [cell for cell, times in covered.items() if times > 1] == []
