"""A derivative is a linear map.

Each primitive, at a point, has one linear map an argument. From that single datum come forward mode
(`push` a tangent), reverse mode (`pull` a cotangent) and the majorant (`bound`: the same sum of absolute
values), so no rule is ever written twice. Four kinds suffice (with `Scatter`, the transpose of `Pick`, and `Chain`,
one after another):

* `Scale`     dy = p * dx, for elementwise functions;
* `Pick`      dy = dx[positions], for whatever moves entries without computing;
* `Select`    dy = dx where chosen, else 0, for `where`: nothing multiplies, so a NaN beside stays there;
* `Contract`  dy = einsum(..., dx, ...), for sums and products of matrices.

The maps are written in numpy's functions, so they work on whatever array type `traced` gives them: with
duals for coefficients they are differentiated in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from clinometer.reference.arithmetic import dispatch

Array = Any  # ndarray, ReplicaArray, Dual, or the reference backend's Node


class LinearMap(Protocol):
    """The derivative of one output with respect to one argument, at a point."""

    def push(self, dx: Array) -> Array:
        """Carry a tangent of the argument to one of the output."""

    def pull(self, ct: Array) -> Array:
        """Carry a cotangent of the output to one of the argument: the transpose of `push`."""

    def bound(self, m: Array) -> Array:
        """Push the majorant `m` >= 0 through the absolute values of the map."""


class Scale:
    """dy = partial * dx, broadcast to the output's shape."""

    def __init__(self, partial: Array, shape: tuple[int, ...], out: tuple[int, ...]):
        self.partial, self.shape, self.out = partial, shape, out

    def push(self, dx: Array) -> Array:
        return broadcast(times(self.partial, dx), self.out)

    def pull(self, ct: Array) -> Array:
        return unbroadcast(times(conjugate(self.partial), ct), self.shape)

    def bound(self, m: Array) -> Array:
        return broadcast(times(dispatch.magnitude(self.partial), m), self.out)


class Select:
    """dy = dx where `taken`, else zero, broadcast to the output's shape."""

    def __init__(self, taken: Array, shape: tuple[int, ...], out: tuple[int, ...]):
        self.taken, self.shape, self.out = taken, shape, out

    def push(self, dx: Array) -> Array:
        return broadcast(np.where(self.taken, dx, 0.0), self.out)

    def pull(self, ct: Array) -> Array:
        return unbroadcast(np.where(self.taken, ct, 0.0), self.shape)

    bound = push


class Pick:
    """dy = dx.ravel()[positions]; a position equal to the size of dx stands for zero."""

    def __init__(self, positions: Array, shape: tuple[int, ...]):
        self.positions, self.shape = positions, shape

    def push(self, dx: Array) -> Array:
        return dispatch.pick(dx, positions=self.positions)

    def pull(self, ct: Array) -> Array:
        return dispatch.scatter(ct, positions=self.positions, shape=self.shape)

    bound = push


class Scatter:
    """The transpose of `Pick`: entries are added up at their positions."""

    def __init__(self, positions: Array, shape: tuple[int, ...]):
        self.positions, self.shape = positions, shape

    def push(self, dx: Array) -> Array:
        return dispatch.scatter(dx, positions=self.positions, shape=self.shape)

    def pull(self, ct: Array) -> Array:
        return dispatch.pick(ct, positions=self.positions)

    bound = push


class Contract:
    """dy = einsum(labels, ..., dx, ...): the other operands are the coefficients."""

    def __init__(self, labels: Sequence[str], out: str, operands: Sequence[Array], place: int):
        self.labels, self.out, self.operands, self.place = list(labels), out, list(operands), place
        self.shape = np.shape(operands[place])

    def push(self, dx: Array) -> Array:
        return self._contract(self.operands, dx)

    def bound(self, m: Array) -> Array:
        return self._contract([dispatch.magnitude(a) for a in self.operands], m)

    def _contract(self, operands: Sequence[Array], dx: Array) -> Array:
        operands = [dx if i == self.place else a for i, a in enumerate(operands)]
        return dispatch.contract(*operands, labels=tuple(self.labels), out=self.out)

    def pull(self, ct: Array) -> Array:
        mine = self.labels[self.place]
        labels, operands = [self.out], [ct]
        for i, (label, a) in enumerate(zip(self.labels, self.operands, strict=True)):
            if i != self.place:
                labels.append(label)
                operands.append(conjugate(a))
        # A label that stands nowhere else was summed alone: its cotangent is the same all along it.
        alone = [i for i, c in enumerate(mine) if not any(c in label for label in labels)]
        if alone:
            labels.append("".join(mine[i] for i in alone))
            operands.append(np.ones([self.shape[i] for i in alone], ct.dtype))
        return unbroadcast(dispatch.contract(*operands, labels=tuple(labels), out=mine), self.shape)


class Part:
    """dy = the real part, the imaginary part or the conjugate of dx: linear over the real numbers alone."""

    def __init__(self, push: Callable[[Array], Array], pull: Callable[[Array], Array]):
        self.push, self.pull = push, pull

    def bound(self, m: Array) -> Array:
        return m


class Cast:
    """dy = dx in another dtype."""

    def __init__(self, dtype: Any, out: Any):
        self.dtype, self.out = dtype, out

    def push(self, dx: Array) -> Array:
        return dispatch.cast(dx, dtype=self.out)

    def pull(self, ct: Array) -> Array:
        return dispatch.cast(ct, dtype=self.dtype)

    bound = push


class Chain:
    """One map after another."""

    def __init__(self, *maps: LinearMap):
        self.maps = maps

    def push(self, dx: Array) -> Array:
        for linear in self.maps:
            dx = linear.push(dx)
        return dx

    def pull(self, ct: Array) -> Array:
        for linear in reversed(self.maps):
            ct = linear.pull(ct)
        return ct

    def bound(self, m: Array) -> Array:
        for linear in self.maps:
            m = linear.bound(m)
        return m


def times(partial: Array, x: Array) -> Array:
    """Multiply, without a rounding where the partial is the number 1 or -1."""
    if isinstance(partial, int | float):
        if partial == 1:
            return x
        if partial == -1:
            return -x
    return partial * x


def conjugate(p: Array) -> Array:
    """Return the conjugate: the transpose in the inner product Re <u, v>. Of real numbers that is they themselves."""
    return np.conjugate(p) if getattr(p, "dtype", np.dtype(float)).kind == "c" else p


def broadcast(x: Array, shape: tuple[int, ...]) -> Array:
    """Broadcast unless the shape is right already."""
    return x if np.shape(x) == shape else np.broadcast_to(x, shape)


def unbroadcast(ct: Array, shape: tuple[int, ...]) -> Array:
    """Sum a cotangent over the axes along which its argument was broadcast to it."""
    have = np.shape(ct)
    if have == shape:
        return ct
    lead = len(have) - len(shape)
    axes = (*range(lead), *(lead + i for i, n in enumerate(shape) if n == 1 and have[lead + i] != 1))
    ct = np.sum(ct, axis=axes) if axes else ct
    # What is left has the argument's entries in order; an axis of size 1 may still be missing or to spread.
    return ct if np.shape(ct) == shape else broadcast(np.reshape(ct, _squeezed(np.shape(ct), shape)), shape)


def _squeezed(have: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if int(np.prod(have)) == int(np.prod(shape)) else have
