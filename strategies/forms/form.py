"""What is known of a form: how its shapes and structural parameters are drawn, and what its arrays may be like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.forms.first_operand import FirstOperand, Unfit
from clinometer.strategies.shapes import Shape

Drawn = tuple[tuple[Shape, ...], dict[str, Any]]  # one shape an array argument, and parameters
Structure = tuple[Sequence[Shape], Mapping[str, Any]]


@dataclass(frozen=True)
class Form:
    """An entry of the table of forms; nothing about a form stands anywhere else.

    Parameters
    ----------
    draw : callable
        Draws shapes and parameters for a row, with Hypothesis' `draw`. In a program the first argument is a value that is
        there already: `draw` then is `FirstOperand`, whose shape `at_hand.first` returns.
    given : callable, optional
        Takes the place of `draw` in programs, where that would draw the first shape itself.
    in_programs : bool
        Random programs can do with it.
    degenerate : callable, optional
        Returns, for a side n of 0 or 1, structures in which some side is n; without it there are none to ask.
    listed : bool
        A parameter is a nested list with an entry for each of an argument: without entries it says no shape.
    kind : str
        "reduction", "indexing" or "update" where chapters of that name ask for the values; else VALUE does.
    matrix : callable, optional
        Draws the entries of the first argument, far from those where the operation has no derivative.
    rank : int, optional
        Axes of one problem: 0 for a number, 1 for a row, 2 for a matrix, of which there may be an array.
    entwined : bool
        Each entry of the result depends on all entries of an argument; or some libraries refuse a NaN among them.
    reduced : bool
        All entries along an axis take part in each result, also where a NaN among them does not show.
    large : mapping, optional
        Parameters with which arguments of one shape, whatever it is, are taken.
    points : int
        How many a case has at most that a clause is asked about: so many examples fewer are drawn. Where shapes and parameters
        say little, many points do more than many examples.
    """

    draw: Callable[[Any, Operation], Drawn]
    given: Callable[[FirstOperand, Operation], Drawn] | None = None
    in_programs: bool = True
    degenerate: Callable[[int], list[Structure]] | None = None
    listed: bool = False
    kind: str = ""
    matrix: Callable[[np.random.Generator, Shape], np.ndarray] | None = None
    rank: int | None = None
    entwined: bool = False
    reduced: bool = False
    large: Mapping[str, Any] | None = None
    points: int = 8


# ----- what several families draw -----


def signed(draw: Any, ndim: int) -> int:
    """Draw one axis, as it is or negative."""
    return draw(st.integers(0, ndim - 1)) - (ndim if draw(st.booleans()) else 0)


def size(shape: Shape) -> int:
    """Return the number of entries of a shape, in plain integers."""
    n = 1
    for side in shape:
        n *= side
    return n


def nested(shape: Shape, entries: Any) -> Any:
    """Return nested lists of a shape, filled from an iterator."""
    return [nested(shape[1:], entries) for _ in range(shape[0])] if shape else next(entries)


def axes_of(draw: FirstOperand, least: int, most: int = 3) -> tuple[int, ...]:
    """Return the shape at hand, if it has so many axes."""
    if not least <= len(draw.shape) <= most:
        raise Unfit
    return draw.shape
