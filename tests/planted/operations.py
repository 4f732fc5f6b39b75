"""Wrong on purpose: operations whose value, or whose derivative at a special point, is off."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from clinometer.backends.reference.adapter import Node, Reference
from clinometer.reference.arithmetic.dispatch import stop_gradient
from clinometer.reference.catalogue import CATALOGUE


def operation(**wrong: Callable[..., Any]) -> type[Reference]:
    """Return a reference in which these operations are replaced."""

    class Planted(Reference):
        def __init__(self) -> None:
            super().__init__()
            vars(self.xp).update(wrong)

    return Planted


def sound(name: str) -> Callable[..., Any]:
    """Return the operation as it should be."""
    return CATALOGUE[name].value


def off_axis(x: Any, axis: Any = None, keepdims: bool = False, **part: Any) -> Any:
    """Sum over the axis after the one that is asked for."""
    if isinstance(axis, int) and len(x.shape) > 1:
        axis = (axis + 1) % len(x.shape)
    return sound("sum")(x, axis=axis, keepdims=keepdims, **part)


def least_for_greatest(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return where the least entry is."""
    return sound("argmax")(-x, axis=axis, keepdims=keepdims)


def tolerant_axis(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Wrap an axis around that there is not."""
    return np.sum(x, axis=axis % len(x.shape) if isinstance(axis, int) else axis, keepdims=keepdims)


def nan_of_nothing(name: str) -> Callable[..., Any]:
    """Return a reduction that has no identity."""

    def reduce(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        y = sound(name)(x, axis=axis, keepdims=keepdims)
        return y if x.size else y + math.nan

    return reduce


def greedy_empty_axis(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Take no axis for all axes."""
    return np.sum(x, axis=None if axis == () else axis, keepdims=keepdims)


def aligned_left(x: Any, y: Any) -> Any:
    """Align leading axes instead of trailing ones."""
    rank = max(len(np.shape(x)), len(np.shape(y)))
    x, y = (np.reshape(a, np.shape(a) + (1,) * (rank - len(np.shape(a)))) for a in (x, y))
    return np.multiply(x, y)


def shifted(name: str) -> Callable[..., Any]:
    """Return an operation whose result is rolled by one."""

    def apply(*args: Any, **params: Any) -> Any:
        y = sound(name)(*args, **params)
        return np.reshape(np.roll(np.reshape(y, (-1,)), 1, 0), np.shape(y)) if np.size(y) > 1 else y

    return apply


def wrapping_index(x: Any, key: Any) -> Any:
    """Wrap integers around the axis."""
    keys = key if isinstance(key, tuple) else (key,)
    wrapped = tuple(
        k % n if isinstance(k, int) else [i % n for i in k] if isinstance(k, list) else k
        for k, n in zip(keys, x.shape, strict=False)
    )
    return x[wrapped]


def product_by_logarithm(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Have the right value, and y / x for a derivative."""
    with np.errstate(all="ignore"):
        size = np.exp(np.sum(np.log(abs(x)), axis=axis, keepdims=keepdims))
        sign = np.prod(np.sign(np.asarray(x.value if isinstance(x, Node) else x)), axis=axis, keepdims=keepdims)
    return size * sign


def variance_by_root(x: Any, axis: Any = None, keepdims: bool = False, correction: float = 0.0) -> Any:
    """Square the standard deviation: at zero its derivative is 0 times infinity."""
    with np.errstate(all="ignore"):
        return np.square(np.sqrt(sound("var")(x, axis=axis, keepdims=keepdims, correction=correction)))


def greedy_max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Give the whole cotangent to each of several greatest entries."""
    top = stop_gradient(np.max(x, axis=axis, keepdims=True))
    ties = np.where(x == top, x - stop_gradient(x), 0.0)
    return np.sum(ties, axis=axis, keepdims=keepdims) + stop_gradient(np.max(x, axis=axis, keepdims=keepdims))


def nan_xlogy(x: Any, y: Any) -> Any:
    """Divide by x on the way."""
    with np.errstate(all="ignore"):
        return (x / x) * x * np.log(y)


def coarse(name: str) -> Callable[..., Any]:
    """Return an operation whose value is off by 30 units of rounding."""

    def apply(*args: Any) -> Any:
        y = sound(name)(*args)
        return y * (1 + 15 * float(np.finfo(y.dtype).eps))

    return apply


class WrongBranch(Reference):
    """While differentiating, takes the branch that the data does not take."""

    def __init__(self) -> None:
        super().__init__()
        self.xp.greater = lambda x, y: np.logical_not(np.greater(x, y)) if isinstance(x, Node) else np.greater(x, y)


class FrozenBranch(Reference):
    """Decides once for a function, on the first data that it sees, and keeps to it."""

    def __init__(self) -> None:
        super().__init__()
        self.function, self.first = None, None
        self.xp.greater = self.greater

    def vjp(self, f: Any, *primals: Any) -> Any:
        self.first = self.first if f is self.function else None
        self.function = f
        return super().vjp(f, *primals)

    def greater(self, x: Any, y: Any) -> Any:
        if self.first is None:
            self.first = np.greater(x, y)
        return self.first


OPERATIONS: dict[str, type[Reference]] = {
    "coarse_value": operation(sin=coarse("sin"), multiply=coarse("multiply")),
    "off_axis": operation(sum=off_axis),
    "least_for_greatest": operation(argmax=least_for_greatest),
    "tolerant_axis": operation(sum=tolerant_axis),
    "nan_of_nothing": operation(sum=nan_of_nothing("sum"), prod=nan_of_nothing("prod")),
    "greedy_empty_axis": operation(sum=greedy_empty_axis),
    "aligned_left": operation(multiply=aligned_left),
    "shifted_index": operation(getitem=shifted("getitem"), at_set=shifted("at_set")),
    "wrapping_index": operation(getitem=wrapping_index),
    "product_by_division": operation(prod=product_by_logarithm),
    "nervous_variance": operation(var=variance_by_root),
    "greedy_ties": operation(max=greedy_max),
    "nan_at_zero": operation(xlogy=nan_xlogy),
    "wrong_branch": WrongBranch,
    "frozen_branch": FrozenBranch,
    "leaky_detach": operation(stop_gradient=np.positive),
    "rounding_detach": operation(stop_gradient=lambda x: stop_gradient(x).astype(np.float16).astype(x.dtype)),
}
