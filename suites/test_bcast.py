"""Broadcasting: values where shapes differ."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.reference.truth import Case
from clinometer.strategies import shapes
from clinometer.suites.check import Check
from clinometer.suites.clauses import clause, given, operations
from clinometer.suites.transcript import evaluated, refused


def unequal(draw: Any, row: Operation) -> tuple[tuple[tuple[int, ...], ...], dict[str, Any]]:
    """Draw shapes that broadcast and are not equal: one operand is whole, another is squashed or shortened."""
    whole = draw(shapes(min_dims=1, min_side=2))
    kind = draw(st.sampled_from(("size 1", "leading", "both", "scalar")))
    at = draw(st.integers(0, len(whole) - 1))
    small = {
        "size 1": (*whole[:at], 1, *whole[at + 1 :]),
        "leading": whole[at + 1 :],
        "both": (1, *whole[at + 1 :])[-max(len(whole) - 1, 1) :],
        "scalar": (),
    }[kind]
    found = [whole] * row.arity
    found[draw(st.integers(0, row.arity - 1))] = small
    return tuple(found), {}


def pinned(row: Operation) -> list[tuple[list[tuple[int, ...]], dict[str, Any]]]:
    """Return each way to broadcast once: a row, a column, both, a number, on either side."""
    pairs = [
        ((2, 3), (3,)),
        ((2, 2), (2,)),
        ((2, 3), (2, 1)),
        ((2, 1), (1, 3)),
        ((3,), ()),
        ((3,), (2, 3)),
        ((2, 1, 2), (3, 1)),
    ]
    return [([*pair, *[pair[1]] * (row.arity - 2)], {}) for pair in pairs]


def spreads(row: Operation) -> bool:
    """Say whether an operation broadcasts its arguments against each other."""
    return row.differentiable and row.form == "elementwise" and row.arity > 1


@clause("BCAST-1", over=operations(mode="value", where=spreads, form=unequal, pinned=pinned), broken_by=["aligned_left"])
def test_values_broadcast(check: Check, case: Case) -> None:
    """Operands of unequal shapes MUST be repeated along missing and size-1 axes, the trailing axes aligned."""
    check(case, "value")


@clause("BCAST-2", over=given(((0, 3), (1, 3)), ((2, 0), ()), ((0,), (1,)), ((2, 1), (2, 0))), broken_by=["fearful_of_nothing"])
def test_empty_arrays_broadcast(check: Check, pair) -> None:
    """Arrays without entries MUST broadcast like others, to results without entries."""
    x, y = (np.ones(shape, check.real) for shape in pair)
    evaluated(check, "x * y", x=x, y=y).same(x * y, f"the product of shapes {pair[0]} and {pair[1]}")


MISFITS = given(((2,), (3,)), ((2, 3), (2,)), ((2, 3), (3, 3)), ((4, 1, 2), (3, 3)))


@clause("BCAST-3", over=MISFITS, broken_by=["truncating_broadcast"])
def test_shapes_that_do_not_fit_are_refused(check: Check, pair) -> None:
    """Operands whose shapes do not broadcast MUST raise an exception."""
    x, y = (np.ones(shape, check.real) for shape in pair)
    for symbol in "+*":
        refused(check, f"x {symbol} y", f"x {symbol} y of shapes {pair[0]} and {pair[1]}", x=x, y=y)
