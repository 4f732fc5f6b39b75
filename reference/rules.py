"""The derivative of each primitive, as a linear map an argument.

Elementwise functions have partials, a formula each, given with their row in the catalogue (`partials`). The few
structural primitives stand here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clinometer.reference import traced
from clinometer.reference.linear import Contract, LinearMap, Pick, Scale, Scatter, Select

Partial = Callable[..., Any] | None

PARTIALS: dict[Callable, Sequence[Partial]] = {}


def partials(function: Callable, rule: Sequence[Partial]) -> None:
    """Register the partials of an elementwise function: `f(y, *x)` each, None for one that is zero everywhere."""
    PARTIALS[function] = tuple(rule)


def linearize(function: Callable, place: int, y: Any, args: Sequence[Any], params: dict[str, Any]) -> LinearMap | None:
    """Return the derivative of a primitive in its argument `place`, at the point `args` with the result `y`.

    None means zero, everywhere: nothing flows.

    Raises
    ------
    TypeError
        The function has no rule.
    """
    if function in PARTIALS:
        partial = PARTIALS[function][place]
        if partial is None:
            return None
        with np.errstate(all="ignore"):
            return Scale(partial(y, *args), np.shape(args[place]), np.shape(y))
    if function in traced.DECISIONS:
        return None
    if function not in STRUCTURAL:
        raise TypeError(f"{getattr(function, '__name__', function)} has no derivative rule; give its row partials")
    return STRUCTURAL[function](place, y, args, params)


def _pick(place: int, y: Any, args: Sequence[Any], params: dict[str, Any]) -> LinearMap:
    positions = params["positions"]
    if len(args) == 1:
        return Pick(positions, np.shape(args[0]))
    sizes = [math.prod(np.shape(a)) for a in args]
    here = positions - sum(sizes[:place])
    return Pick(np.where((here >= 0) & (here < sizes[place]), here, sizes[place]), np.shape(args[place]))


def _scatter(place: int, y: Any, args: Sequence[Any], params: dict[str, Any]) -> LinearMap:
    return Scatter(params["positions"], params["shape"])


def _contract(place: int, y: Any, args: Sequence[Any], params: dict[str, Any]) -> LinearMap:
    return Contract(params["labels"], params["out"], args, place)


def _where(place: int, y: Any, args: Sequence[Any], params: dict[str, Any]) -> LinearMap | None:
    if place == 0:
        return None
    taken = args[0] if place == 1 else np.logical_not(args[0])
    return Select(taken, np.shape(args[place]), np.shape(y))


def _inverse(place: int, y: Any, args: Sequence[Any], params: dict[str, Any]) -> LinearMap:
    """d(X^-1) = -X^-1 dX X^-1 (Giles 2008, section 2.2.3)."""
    batch = traced.LETTERS[: len(np.shape(y)) - 2]
    labels = [batch + "wx", batch + "xy", batch + "yz"]
    return Contract(labels, batch + "wz", [-y, args[0], y], 1)


STRUCTURAL: dict[Callable, Callable[..., LinearMap | None]] = {
    traced.pick: _pick,
    traced.scatter: _scatter,
    traced.contract: _contract,
    np.where: _where,
    traced.inverse: _inverse,
    traced.normwise: lambda place, y, args, params: Scale(1, np.shape(y), np.shape(y)),
    traced.stop_gradient: lambda place, y, args, params: None,
}
