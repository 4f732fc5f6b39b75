"""The second witness keeps its stencil on one side of every kink, edge and pole, and says a thing once."""

from __future__ import annotations

import numpy as np
import pytest

from clinometer.reference import witness
from clinometer.reference.catalogue import CATALOGUE, Operation
from clinometer.reference.catalogue.special import many_digits
from clinometer.reference.differences import Estimate
from clinometer.reference.program.data import Program, Step
from clinometer.reference.program.tracing import single
from clinometer.reference.witness import Line
from clinometer.strategies import fixed_case


def line(op: str, *xs: list[float], along: int = 0) -> Line:
    """Return the line through the inputs of an operation along the first entry of one of them."""
    names = CATALOGUE[op].parameters[: len(xs)]
    case = fixed_case(Program(names, (Step(("r",), op, names),), ("r",)), [np.array(x) for x in xs], "float64")
    tangents = [np.zeros(len(x)) for x in xs]
    tangents[along][0] = 1.0
    return Line(case, 0, tangents)


@pytest.mark.parametrize(
    ("op", "xs", "near", "far"),
    [
        ("reciprocal", ([0.5],), 0.25, 0.75),  # a pole
        ("reciprocal", ([0.5],), 0.25, 4.0),  # far on the other side of it
        ("sqrt", ([0.5],), 0.25, 0.75),  # an edge
        ("abs", ([0.5, 1e-6],), 0.25, 0.75),  # what stays where it is may be as near as it likes
        ("maximum", ([0.0], [2.0]), 0.5, 3.0),  # a tie, and beyond it
        ("remainder", ([5.0], [2.0]), 0.125, 1.0),  # a multiple
        ("huber", ([0.0], [2.0]), 0.125, 1.5),  # a knee, of the second derivative
        ("sin", ([0.5],), 0.25, 1.0),  # no kink, but a function that turns
    ],
)
def test_a_step_is_clear_that_stays_before_the_next_kink(op: str, xs: tuple[list[float], ...], near: float, far: float) -> None:
    """Half of the way is clear; over it, or far beyond, is not."""
    assert line(op, *xs).clear(near)
    assert not line(op, *xs).clear(far)


def test_between_points_that_were_watched_a_line_only_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody asks how near a kink is, the outputs are the same to the bit, and no distance is computed."""
    found = line("maximum", [0.5, 1.0], [2.0, 3.0])
    watched, _, (y,) = found.watched(0.25)
    assert watched.distances
    assert watched.guarded
    with monkeypatch.context() as patched:
        patched.setattr(Operation, "distance", None)
        (z,) = found.values(0.25)
    np.testing.assert_array_equal(y, z)


def test_what_the_second_witness_has_said_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry of a case has one estimate, in every nesting of an order; another entry, and all digits, have their own."""
    asked = []
    monkeypatch.setattr(witness, "witness", lambda mode: lambda *at: asked.append((mode, *at[1:])) or Estimate(1.0, 0.0, 0.1))
    case = fixed_case(single("sin", {}), [np.array([0.5, 1.0])], "float64")
    for mode in ("reverse", "reverse", "forward-over-reverse", "reverse-over-reverse"):
        witness.estimated(case, mode, 0, (0, 0))
    witness.estimated(case, "reverse", 0, (0, 1))
    with many_digits():
        witness.estimated(case, "reverse", 0, (0, 1))
    assert asked == [
        ("reverse", 0, (0, 0)),
        ("forward-over-reverse", 0, (0, 0)),
        ("reverse", 0, (0, 1)),
        ("reverse", 0, (0, 1)),
    ]
