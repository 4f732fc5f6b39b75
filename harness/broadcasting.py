"""Operands of unequal shapes: what clauses of broadcasting are asked over."""

from typing import Any

from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies import shapes


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
