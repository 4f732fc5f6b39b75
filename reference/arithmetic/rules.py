"""The derivative of each primitive, as a linear map an argument.

Elementwise functions have partials, a formula each, given with their row in the catalogue (`partials`). The few
structural primitives stand here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clinometer.reference.arithmetic import dispatch
from clinometer.reference.arithmetic.dispatch import Partial
from clinometer.reference.arithmetic.linear_maps import Cast, Chain, Contract, LinearMap, Part, Pick, Scale, Scatter, Select
from clinometer.reference.arithmetic.summation import LETTERS


def ratio(y: Any, x: Any) -> Any:
    """y / x, or 0 at zero: the slope 1 or -1 as libraries have it, whose derivative cancels to a rounding."""
    return np.where(x == 0, 0.0, y / np.where(x == 0, 1.0, x))


# Of numpy's elementwise functions: `f(y, *x)` each, None for one that is zero everywhere. The catalogue adds those of its rows.
PARTIALS: dict[Callable, Sequence[Partial]] = {
    np.hypot: (lambda r, x, y: ratio(x, r), lambda r, x, y: ratio(y, r)),  # the size of complex numbers
}


def linearize(function: Any, place: int, y: Any, args: Sequence[Any], params: dict[str, Any]) -> LinearMap | None:
    """Return the derivative of a primitive in its argument `place`, at the point `args` with the result `y`.

    None means zero, everywhere: nothing flows.

    Raises
    ------
    TypeError
        The function has no rule.
    """
    ours = isinstance(function, dispatch.Primitive)
    partials = PARTIALS.get(function) or (function.partials if ours else None)
    if partials is not None:
        partial = partials[place]
        if partial is None:
            return None
        return Scale(partial(y, *_typed(y, args)), np.shape(args[place]), np.shape(y))
    if function in dispatch.DECISIONS:
        return None
    linearized = function.linearized if ours else None
    if linearized is None and function not in STRUCTURAL:
        raise TypeError(f"{getattr(function, '__name__', function)} has no derivative rule; give its row partials")
    return (linearized or STRUCTURAL[function])(place, y, args, params)


def _typed(y: Any, args: Sequence[Any]) -> list[Any]:
    """Return arguments with Python's numbers in the type of the result: 1 / 3 is to have all its digits."""
    if not any(type(a) in (int, float) for a in args) or y.dtype.kind not in "fc":
        return list(args)
    real = np.finfo(y.dtype).dtype.type
    return [real(a) if type(a) in (int, float) else a for a in args]


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
    batch = LETTERS[: len(np.shape(y)) - 2]
    labels = [batch + "wx", batch + "xy", batch + "yz"]
    return Contract(labels, batch + "wz", [-y, args[0], y], 1)


def _eigenvalues(place: int, w: Any, args: Sequence[Any], params: dict[str, Any]) -> LinearMap:
    """dw = diag(V' dX V), with orthonormal eigenvectors V of X (Giles 2008, section 3.1)."""
    return _congruence(dispatch.eigenvectors(args[0]), args[0], "i", "i")


def _eigenvectors(place: int, v: Any, args: Sequence[Any], params: dict[str, Any]) -> LinearMap:
    """dV = V (F o V' dX V), where F_ij = 1 / (w_j - w_i) and F_ii = 0 (Giles 2008, section 3.1)."""
    w, shape = dispatch.eigenvalues(args[0]), np.shape(v)
    same = np.eye(shape[-1], dtype=bool)
    gap = np.expand_dims(w, -2) - np.expand_dims(w, -1)
    f = np.where(same, 0.0, 1 / np.where(same, 1.0, gap))
    batch = LETTERS[: len(shape) - 2]
    back = Contract([batch + "xi", batch + "ij"], batch + "xj", [v, v], 1)
    return Chain(_congruence(v, args[0], "i", "j"), Scale(f, shape, shape), back)


def _congruence(v: Any, x: Any, row: str, column: str) -> Contract:
    """Return the map dX -> V' dX V, or its diagonal where row and column have one letter."""
    batch = LETTERS[: len(np.shape(x)) - 2]
    out = batch + (row if row == column else row + column)
    return Contract([batch + "x" + row, batch + "xy", batch + "y" + column], out, [v, x, v], 1)


def _cast(place: int, y: Any, args: Sequence[Any], params: dict[str, Any]) -> LinearMap | None:
    return None if np.dtype(params["dtype"]).kind in "iub" else Cast(args[0].dtype, params["dtype"])


STRUCTURAL: dict[Callable, Callable[..., LinearMap | None]] = {
    dispatch.pick: _pick,
    dispatch.scatter: _scatter,
    dispatch.contract: _contract,
    np.where: _where,
    dispatch.inverse: _inverse,
    dispatch.eigenvalues: _eigenvalues,
    dispatch.eigenvectors: _eigenvectors,
    dispatch.normwise: lambda place, y, args, params: Scale(1, np.shape(y), np.shape(y)),
    dispatch.cast: _cast,
    np.real: lambda place, y, args, params: Part(np.real, lambda ct: ct * (1 + 0j)),
    np.imag: lambda place, y, args, params: Part(np.imag, lambda ct: ct * 1j),
    np.conjugate: lambda place, y, args, params: Part(np.conjugate, np.conjugate),
    dispatch.stop_gradient: lambda place, y, args, params: None,
}
