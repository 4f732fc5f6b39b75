"""Gradients of reductions: over every subset of axes."""

import itertools

import numpy as np

from clinometer.harness.cells import Cell, in_one
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.reference.catalogue import CATALOGUE, Operation
from clinometer.reference.program.tracing import single
from clinometer.strategies import fixed_case
from clinometer.strategies.forms import FORMS


def reduction_cells() -> list[Cell]:
    """Return a cell for each reduction: its body runs over all subsets of axes."""
    rows = [row for row in CATALOGUE.values() if FORMS[row.form].kind == "reduction" and row.differentiable]
    return in_one(
        lambda d: [Cell(operation=row.name, dtype=d, mode="reverse", parameters="axes", argument=(row, d)) for row in rows]
    )


@clause("GRAD-REDUCE-1", over=reduction_cells(), broken_by=["off_axis", "lost_broadcast_sum"])
def test_a_reduction_spreads_its_cotangent_over_its_axes(check: Check, argument: tuple[Operation, str]) -> None:
    """The gradient of a reduction MUST be right for every subset of axes, with keepdims and without."""
    row, dtype = argument
    x = np.random.default_rng(5).permutation(12).reshape(2, 3, 2) / 4 + 0.125
    subsets = [None, 0, -1, *itertools.chain.from_iterable(itertools.combinations(range(3), k) for k in (1, 2, 3))]
    params = {name: choices[0] for name, choices in row.choices.items()}
    for axis, keepdims in itertools.product(subsets, (False, True)):
        check(fixed_case(single(row.name, {"axis": axis, "keepdims": keepdims, **params}), [x], dtype), "reverse")


ZEROS = {
    "prod of one zero": (single("prod", {"axis": 0}), [2.0, 0.0, -3.0]),
    "prod of two zeros": (single("prod", {"axis": 0}), [2.0, 0.0, 0.0]),
    "prod of all, in a matrix": (single("prod", {"axis": None}), [[0.0, 2.0], [3.0, 4.0]]),
    "prod along rows": (single("prod", {"axis": 1}), [[0.0, 2.0, 0.0], [3.0, 0.0, 4.0], [1.0, 2.0, 3.0]]),
    "cumulative_prod of one zero": (single("cumulative_prod", {"axis": 0}), [2.0, 0.0, -3.0, 1.5]),
    "cumulative_prod of two zeros": (single("cumulative_prod", {"axis": 0}), [0.0, 2.0, 0.0, 3.0]),
}


def special_cells(table) -> list[Cell]:
    """Return a cell for each named program and point."""
    return [
        Cell(operation=program.steps[0].op, mode="reverse", parameters=name, argument=(program, x))
        for name, (program, x) in table.items()
    ]


@clause("GRAD-REDUCE-2", over=special_cells(ZEROS), broken_by=["product_by_division"])
def test_a_product_with_zeros_has_its_gradient(check: Check, pair) -> None:
    """The gradient of prod and cumulative_prod MUST be right where an entry, or two, are zero."""
    program, x = pair
    for dtype in check.reals:
        check(fixed_case(program, [x], dtype), "reverse")


CONSTANT = {"var of a constant row": (single("var", {"axis": -1}), [[2.5, 2.5, 2.5], [1.0, 2.0, 4.0]])}


@clause("GRAD-REDUCE-3", over=special_cells(CONSTANT), broken_by=["nervous_variance"])
def test_the_variance_of_a_constant_row_has_gradient_zero(check: Check, pair) -> None:
    """The gradient of var along a constant row MUST be zero."""
    program, x = pair
    for dtype in check.reals:
        check(fixed_case(program, [x], dtype), "reverse")
