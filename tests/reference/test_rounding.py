"""How far right answers are from the truth is measured as docs/tolerances.md says."""

from __future__ import annotations

from pathlib import Path

import pytest
import rounding
from planted.classes import Bug, InReference, scaled

from clinometer.reference.truth.expected import K

PAGE = (Path(__file__).parents[2] / "docs" / "tolerances.md").read_text("utf-8")
SINE = rounding.questions(r"^(VALUE-1|GRAD-1|HIGH-1)\[sin-.*float(32|64)")


def test_errors_are_told_by_dtype_and_order() -> None:
    """Of the reference each point of each kind is counted, and none is off by as much as is allowed."""
    found, wrong = rounding.errors(SINE, "reference")
    kinds = {(False, dtype, what) for dtype in ("float32", "float64") for what in rounding.WHAT}
    assert set(found) == kinds
    assert not wrong
    assert all(len(some) > 4 and 0 < max(some) < K for some in found.values())
    assert len(list(rounding.table(found))) == 2 + len(kinds)


def test_what_does_not_hold_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong answer that nobody knew is named, and its error counts."""
    off = InReference("sin", Bug("half as much again", scaled(1.5)))
    monkeypatch.setattr(rounding, "load", lambda name: off)
    found, wrong = rounding.errors(SINE, "off")
    assert [line.split("-", 2)[0] for line in wrong] == ["GRAD", "GRAD", "HIGH", "HIGH"]
    assert max(found[False, "float32", "first order"]) > K > max(found[False, "float32", "value"])


def test_the_table_of_the_page_is_of_the_clauses_that_are_asked() -> None:
    """Each line of the table in docs/tolerances.md is of a kind that the command measures, and below what is allowed."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith(("| operations", "| programs"))]
    assert len(lines) > 20
    assert {what for _, _, what, *_ in lines} == set(rounding.WHAT)
    assert all(float(median) < float(nearly) <= float(largest) < K for *_, median, nearly, largest in lines)
