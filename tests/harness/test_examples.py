"""How many cases a cell has: fewer where each has more points, and enough to meet what is wrong for few numbers alone."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from asking import CLAUSES

from clinometer.backends.reference.adapter import Reference
from clinometer.harness.cells import Cell, operations
from clinometer.harness.check import Check
from clinometer.harness.examine import EXAMPLES, FEWEST, examine, examples, sample
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE
from clinometer.strategies.cases import POINTS
from clinometer.strategies.forms import FORMS

CELLS = {cell.operation: cell for cell in operations(mode="reverse", dtypes=["float64"])}


@pytest.mark.parametrize("name", ["sin", "conv2d", "inv"])
def test_the_more_points_a_case_has_the_fewer_are_drawn(name: str) -> None:
    """In standard and deep the cases of an operation have as many points, at most, whatever its form."""
    points = FORMS[CATALOGUE[name].form].points
    for profile in ("standard", "deep"):
        number = examples(CELLS[name], profile)
        assert abs(number * points - EXAMPLES[profile] * POINTS) <= points / 2
        cases = sample(CELLS[name].strategy, number, 0)  # type: ignore[arg-type]  # it has one
        assert len(cases) == number
        assert POINTS < max(case.points for case in cases) <= points


@pytest.mark.parametrize("factor", [0.01, 0.25, 1, 20])
def test_a_few_cases_are_drawn_in_any_profile(factor: float) -> None:
    """Whatever the factor of a cell, there are cases beside the simplest one."""
    numbers = [examples(Cell(budget_factor=factor), profile) for profile in EXAMPLES]
    assert min(numbers) >= FEWEST
    assert numbers == sorted(numbers)


# What libraries are known to get wrong: of some numbers alone. Where each of them is met.
NUMBERS: dict[str, Any] = {
    "large": lambda x: abs(x) > 10,
    "small": lambda x: (abs(x) < 0.1) & (x != 0),
    "whole": lambda x: (x == np.rint(x)) & (abs(x) > 1) & (abs(x) < 10),
    "with decimals": lambda x: (x * 8 != np.rint(x * 8)) & (x == np.round(x, 4)),
}


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("seed", range(5))
def test_a_slope_that_is_wrong_for_one_kind_of_numbers_is_met(numbers: str, seed: int) -> None:
    """In standard an elementwise operation is asked about numbers of each kind, under any seed."""
    cell, chosen = CELLS["sin"], NUMBERS[numbers]
    cases = sample(cell.strategy, examples(cell, "standard"), seed)  # type: ignore[arg-type]  # it has one
    assert sum(bool(chosen(x).any()) for case in cases for x in case.inputs[0]) >= 2


@pytest.mark.parametrize(("undecided", "outcome"), [(1, "pass"), (3, "inconclusive")])
def test_an_example_that_nobody_can_tell_counts_once(undecided: int, outcome: str) -> None:
    """Half of the examples undecided make a cell inconclusive; one of them does not, in however many ways it is asked about."""
    met: list[Case] = []

    def body(check: Check, case: Case) -> None:
        met.append(case)
        check.undecided += 4 if len(met) <= undecided else 0

    clause = dataclasses.replace(CLAUSES["GRAD-1"], body=body)
    result = examine(clause, CELLS["sin"], Reference(), profile="standard")
    assert len(met) == 6
    assert result.outcome == outcome


@pytest.mark.parametrize("id", ["DTYPE-4", "GRAD-1"])
def test_each_case_is_told_before_it_is_asked_the_smallest_first(id: str) -> None:
    """So it is known which one has ended a process; of a clause as well that judges all cases of a cell together."""
    clause = CLAUSES[id]
    cell = next(cell for cell in clause.cells if cell.operation == "sin")
    told: list[Case] = []
    examine(clause, cell, Reference(), profile="quick", before=told.append)
    sizes = [sum(x[0].size for x in case.inputs) for case in told]
    assert len(told) >= examples(cell, "quick")
    assert sizes == sorted(sizes)
