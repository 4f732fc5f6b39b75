"""Bugs that lie between operations: random programs find them, small, and blame no operation."""

from __future__ import annotations

from typing import Any

import pytest

from clinometer.harness.cells import Cell
from clinometer.harness.examine import Examination, examine
from clinometer.harness.specification import specification
from clinometer.reference.program.data import Program
from planted.programs import CAUGHT_BY, PROGRAMS

CLAUSES = {clause.id: clause for clause in specification()}
ENOUGH = 2_000  # programs, within which each must be found
SMALL = 5  # steps of what is shown, blocks included
LARGER = 2  # of all, which may be larger


def cells(id: str) -> list[Cell]:
    """Return the cells that are asked, of float64 first."""
    asked = [cell for cell in CLAUSES[id].cells if cell.dtype != "bfloat16"]
    return sorted(asked, key=lambda cell: (cell.dtype != "float64", cell.parameters))


def caught(name: str) -> tuple[Examination | None, int]:
    """Return the first failure of the clause that catches a planted backend, and how many programs it took."""
    clause, asked = CLAUSES[CAUGHT_BY.get(name, "PROGRAM-2")], 0
    for cell in cells(clause.id):
        backend: Any = PROGRAMS[name]()
        backend.second_witness = False  # the truth is not what is on trial
        result = examine(clause, cell, backend, profile="standard")
        asked += result.examples
        assert result.outcome in ("pass", "fail", "error"), result.message
        if result.outcome != "pass":
            return result, asked
    return None, asked


def size(program: Program) -> int:
    """Return how many steps a program has, those of its blocks included."""
    return sum(1 + sum(map(size, step.blocks)) for step in program.steps)


@pytest.fixture(scope="module")
def hunt() -> dict[str, tuple[Examination | None, int]]:
    """What was caught of each."""
    return {name: caught(name) for name in PROGRAMS}


def test_there_are_twenty_bugs_between_operations() -> None:
    """As many as are asked for, and a few more."""
    assert len(PROGRAMS) >= 20


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_bug_between_operations_is_caught(hunt: dict[str, tuple[Examination | None, int]], name: str) -> None:
    """Each is found in the standard profile, within two thousand programs."""
    result, asked = hunt[name]
    assert result is not None, f"{name} holds in {asked} programs"
    assert asked <= ENOUGH + 500  # those included that were tried to make it small


def test_what_is_shown_is_small(hunt: dict[str, tuple[Examination | None, int]]) -> None:
    """All but two of the programs shown have five steps at most."""
    sizes = {name: size(result.finding.case.program) for name, (result, _) in hunt.items() if result and result.finding}
    assert len(sizes) == len(PROGRAMS)
    assert sum(n > SMALL for n in sizes.values()) <= LARGER, sizes


def test_no_operation_is_blamed_for_what_lies_between_them(hunt: dict[str, tuple[Examination | None, int]]) -> None:
    """Where all operations are sound, a failure says that each step alone is right."""
    for name, (result, _) in hunt.items():
        if name not in ("inner_gradient_is_constant", *CAUGHT_BY):  # a gradient is one step; a call has no step to blame
            assert result is not None
            assert "each step alone is right" in result.message, f"{name}: {result.message}"
