"""Wrong on purpose: in half precision alone, in casts, and for inputs that are no floats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clinometer.backends.reference.adapter import Node, Reference
from clinometer.backends.reference.half import NARROW, HalfArray, kind
from clinometer.reference.arithmetic import dispatch
from clinometer.reference.catalogue import CATALOGUE
from planted.derivatives import flowing, pushing
from planted.operations import operation


def half_scaled_rule(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    return linear.pull(ct) * 1.05 if function is np.sin and isinstance(ct, HalfArray) else None


def half_drifting_rule(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    return linear.pull(ct) * 1.01 if function is np.sin and isinstance(ct, HalfArray) else None


def unconjugated_rule(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    partial = getattr(linear, "partial", None)
    return partial * ct if function is np.exp and np.iscomplexobj(partial) else None


def conjugating_exp(z: Any) -> Any:
    """Return the exponential of the conjugate."""
    return np.exp(np.conjugate(z) if z.dtype.kind == "c" else z)


def half_shifted_value(x: Any) -> Any:
    """Return the sine, too large in half precision."""
    y = CATALOGUE["sin"].value(x)
    return y * 1.05 if kind(x) else y


def stalling_sum(x: Any, axis: Any = None, keepdims: bool = False, **part: Any) -> Any:
    """Add one entry after the other, rounding each time."""
    if not isinstance(x, HalfArray) or part:
        return CATALOGUE["sum"].value(x, axis=axis, keepdims=keepdims, **part)
    total = HalfArray(np.zeros(()), x.name)
    for entry in np.ravel(x):
        total = total + entry
    return total


def floats_through_integers(x: Any, dtype: str) -> Any:
    """Cast to integers, straight through."""
    return x + dispatch.stop_gradient(np.trunc(x) - x) if dtype == "int64" else dispatch.cast(x, dtype=dtype)


def cutting_cast(x: Any, dtype: str) -> Any:
    """Cast, and cut."""
    return dispatch.cast(dispatch.stop_gradient(x), dtype=dtype)


def promoting(name: str) -> Callable[..., Any]:
    """Return an operation whose result is float64 where its arguments are float32."""

    def promoted(*args: Any, **params: Any) -> Any:
        y = CATALOGUE[name].value(*args, **params)
        return dispatch.cast(y, dtype="float64") if getattr(y, "dtype", None) == np.float32 else y

    return promoted


class NumbersForIntegers(Reference):
    """Counts integers twice."""

    def vjp(self, f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Sequence[Any]]]:
        y, pullback = super().vjp(f, *primals)
        whole = [np.asarray(x).dtype.kind in "ib" for x in primals]
        return y, lambda ct: [np.full(np.shape(g), 2.0) if i else g for g, i in zip(pullback(ct), whole, strict=True)]


DTYPES: dict[str, type[Reference]] = {
    **{wrong.__name__: flowing(wrong) for wrong in (half_scaled_rule, half_drifting_rule, unconjugated_rule)},
    "half_scaled_tangent": pushing(
        after=lambda dy: (dy.astype(float) * 1.1).astype(dy.dtype) if dy.dtype.name in NARROW else dy
    ),
    "conjugating_exp": operation(exp=conjugating_exp),
    "half_shifted_value": operation(sin=half_shifted_value),
    "promoted_value": operation(**{name: promoting(name) for name in ("exp", "sum", "take", "at_add")}),
    "stalling_sum": operation(sum=stalling_sum),
    "floats_through_integers": operation(astype=floats_through_integers),
    "cutting_cast": operation(astype=cutting_cast),
    "numbers_for_integers": NumbersForIntegers,
}
