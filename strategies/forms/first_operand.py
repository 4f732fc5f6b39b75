"""A value at hand: in a program the first argument of an operation is there already, and its form takes the shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.strategies.shapes import Shape, among, broadcastable_shapes, shapes


class Unfit(Exception):
    """A value at hand has a shape that the operation does not take."""


@dataclass(frozen=True)
class FirstOperand:
    """Hypothesis' `draw`, and the shape of the value that is to be the first argument."""

    draw: Callable[[Any], Any]
    shape: Shape

    def __call__(self, strategy: Any) -> Any:
        return self.draw(strategy)


def first(draw: Any, *, min_dims: int = 0, max_dims: int = 3, min_side: int = 0) -> Shape:
    """Draw the shape of the first argument, or take the one at hand.

    Raises
    ------
    Unfit
        The shape at hand is outside the bounds.
    """
    if not isinstance(draw, FirstOperand):
        return draw(shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side))
    if not (min_dims <= len(draw.shape) <= max_dims and all(n >= min_side for n in draw.shape)):
        raise Unfit
    return draw.shape


def broadcastable(draw: Any, number: int, *, min_side: int = 0) -> tuple[Shape, ...]:
    """Draw shapes that broadcast together, or such that broadcast with the one at hand."""
    if not isinstance(draw, FirstOperand):
        return draw(broadcastable_shapes(number, min_side=min_side))
    found = [draw.shape]
    for _ in range(number - 1):
        whole = tuple(draw(among(n, 1)) if n > 1 else draw(among(n, 2)) for n in draw.shape)
        how = draw(among("whole", "shorter", "longer"))
        shorter = whole[1:] if how == "shorter" else whole
        found.append((2, *shorter) if how == "longer" and len(whole) < 3 else shorter)
    try:
        np.broadcast_shapes(*found)
    except ValueError as error:  # a third has stretched an axis otherwise than the second
        raise Unfit from error
    return tuple(found)
