"""A tiny library with reverse mode, for adapters that are begun by `clinometer backend new`: numpy arrays and a tape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Array:
    """An array, what it was made of, and its gradient."""

    def __init__(self, values: Any, parents: Sequence[tuple[Array, Callable[[Any], Any]]] = ()):
        self.values, self.parents = np.asarray(values), parents
        self.grad: Array | None = None

    def numpy(self) -> np.ndarray:
        """Return the values."""
        return self.values

    def backward(self, ct: Array) -> None:
        """Add to the gradients of all that it was made of."""
        self.grad = ct if self.grad is None else Array(self.grad.values + ct.values)
        for parent, pull in self.parents:
            parent.backward(Array(_summed(pull(ct.values), parent.values.shape)))

    def __add__(self, other: Any) -> Array:
        x, y = self, lifted(other, self)
        return Array(x.values + y.values, [(x, lambda ct: ct), (y, lambda ct: ct)])

    def __mul__(self, other: Any) -> Array:
        x, y = self, lifted(other, self)
        return Array(x.values * y.values, [(x, lambda ct: ct * y.values), (y, lambda ct: ct * x.values)])

    def tanh(self) -> Array:
        """Return the hyperbolic tangent: a method, and no function."""
        y = np.tanh(self.values)
        return Array(y, [(self, lambda ct: ct * (1 - y * y))])

    @staticmethod
    def stack(arrays: Sequence[Array], axis: int = 0) -> Array:
        """Return arrays of one shape along a new axis."""
        pulls = [(x, lambda ct, i=i: np.take(ct, i, axis)) for i, x in enumerate(arrays)]
        return Array(np.stack([x.values for x in arrays], axis), pulls)


def lifted(x: Any, like: Array) -> Array:
    """Return an array of a number."""
    return x if isinstance(x, Array) else Array(np.asarray(x, like.values.dtype))


def _summed(ct: Any, shape: tuple[int, ...]) -> Any:
    ct = ct.sum(tuple(range(ct.ndim - len(shape))))
    return ct.sum(tuple(i for i, n in enumerate(shape) if n == 1 != ct.shape[i]), keepdims=True)


def exp(x: Array) -> Array:
    """Under the catalogue's name."""
    y = np.exp(x.values)
    return Array(y, [(x, lambda ct: ct * y)])


def arctan(x: Array) -> Array:
    """Under numpy's name."""
    return Array(np.arctan(x.values), [(x, lambda ct: ct / (1 + x.values * x.values))])


def sum(x: Array, dim: Any = None, keepdim: bool = False) -> Array:
    """With parameters of other names."""
    y = np.sum(x.values, axis=dim, keepdims=True)
    kept = np.sum(x.values, axis=dim, keepdims=keepdim)
    return Array(kept, [(x, lambda ct: np.broadcast_to(ct.reshape(y.shape), x.values.shape))])


def clip(x: Array, low: float, high: float) -> Array:
    """With parameters of names that nobody knows."""
    return Array(np.clip(x.values, low, high), [(x, lambda ct: ct * ((low < x.values) & (x.values < high)))])


def cumsum(x: Array) -> Array:
    """Without the axis that it must take."""
    return Array(np.cumsum(x.values), [(x, lambda ct: np.cumsum(ct[::-1])[::-1].reshape(x.values.shape))])
