"""The values that a program being drawn has at hand, and a namespace that computes with them as long as all is well.

A step must be valid where it stands: inside the domain, clear of kinks and ties, neither huge nor hopelessly
conditioned. What rounding may do to a value on its way is part of that, and in half precision it is much: there a few
replicas go along, each rounded at random, and their spread widens every margin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clinometer.reference.arithmetic import dispatch
from clinometer.reference.arithmetic.dual import Dual
from clinometer.reference.arithmetic.rounding import PRECISIONS
from clinometer.reference.catalogue import CATALOGUE, Domain
from clinometer.reference.program.control_flow import EndlessLoop, PythonControlFlow
from clinometer.strategies.arrays import MARGIN

MOST = 30  # entries of a value: whole Jacobians stay small
LARGEST = 64.0  # of a value: products of a few of them are far from the end of any format
COARSE = 2.0**-12  # roundings that are smaller than this move nothing over a margin
REPLICAS = 3
SPREADS = 8.0  # of the replicas: nothing is drawn nearer to a border
BLURRED = 1 / 16  # a value is hopeless if rounding moves it by this part of the largest entry
SMOOTH_EVERYWHERE = {  # values at hand are finite, and it takes longer to find that out again
    row.name for row in CATALOGUE.values() if set(row.domains) == {Domain()} and row.distinct is None and row.joint is None
}


class Unclear(Exception):
    """A step is not valid where it stands."""


class Value:
    """A value at hand, as it is and, in half precision, as rounding may leave it."""

    __slots__ = ("replicas", "x")

    def __init__(self, x: Any, replicas: tuple[np.ndarray, ...] = ()):
        self.x, self.replicas = x, replicas

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.x.shape

    @property
    def spread(self) -> float:
        """How far the replicas are from the value, at most."""
        return max((float(abs(r - self.x).max(initial=0.0)) for r in self.replicas), default=0.0)


class Probe:
    """Operations under the catalogue's names, on values; raises `Unclear` where one is not valid.

    Parameters
    ----------
    dtype : str
        Whose roundings perturb the replicas.
    rng : Generator
    """

    def __init__(self, dtype: str, rng: np.random.Generator):
        u = PRECISIONS[dtype].u
        self.u, self.rng = (u if u > COARSE else 0.0), rng
        self.only = -1  # the replica that is computed alone, within a derivative

    def value(self, x: np.ndarray) -> Value:
        """Return an array as a value, each replica off by up to a rounding."""
        x = np.asarray(x, float)
        return Value(x, tuple(self._rounded(x) for _ in range(REPLICAS)) if self.u else ())

    def _rounded(self, x: np.ndarray) -> np.ndarray:
        return x + self.u * x * self.rng.uniform(-1, 1, np.shape(x))

    def __getattr__(self, op: str) -> Callable[..., Value]:
        row = CATALOGUE[op]

        def apply(*args: Value | float, **params: Any) -> Value:
            arrays = [self.at(a, self.only) for a in args]
            with np.errstate(all="ignore"):
                if row.name not in SMOOTH_EVERYWHERE:
                    primals = [np.asarray(dispatch.clean(x)) for x in arrays[: row.arity]]
                    blur = max((a.spread for a in args if isinstance(a, Value)), default=0.0) if self.u else 0.0
                    if not row.distance(*primals) >= MARGIN + SPREADS * blur:
                        raise Unclear
                y = row.value(*arrays, **params)
            if isinstance(y, Dual) or self.only >= 0:
                return Value(y)
            y = np.asarray(y)
            if y.dtype.kind == "f" and not (0 < y.size <= MOST and abs(y).max() <= LARGEST):
                raise Unclear
            return Value(y, self._replicas(row, args, params, y) if self.u else ())

        return apply

    @staticmethod
    def at(a: Value | float, replica: int) -> Any:
        """Return what a replica has for a value; a value without replicas has one."""
        if not isinstance(a, Value):
            return a
        return a.replicas[replica] if replica >= 0 and a.replicas else a.x

    def _replicas(self, row: Any, args: tuple[Any, ...], params: dict[str, Any], y: np.ndarray) -> tuple[np.ndarray, ...]:
        with np.errstate(all="ignore"):
            found = [np.asarray(row.value(*(self.at(a, i) for a in args), **params)) for i in range(REPLICAS)]
        return self.kept(y, found)

    def kept(self, y: np.ndarray, found: list[np.ndarray]) -> tuple[np.ndarray, ...]:
        """Return replicas of a result, rounded; raises `Unclear` where they are all over the place."""
        if y.dtype.kind != "f":
            return tuple(found)
        if not max(abs(r - y).max() for r in found) <= BLURRED * abs(y).max():
            raise Unclear
        return tuple(self._rounded(r) for r in found)


class ProbedControlFlow(PythonControlFlow):
    """Control flow on values."""

    most_trips = 20

    def __init__(self, probe: Probe):
        super().__init__()
        self.probe = probe

    def decide(self, test: Value) -> bool:
        if any(bool(r) != bool(test.x) for r in test.replicas):
            raise Unclear
        return super().decide(test.x)

    def while_loop(self, test: Callable[..., Any], body: Callable[..., Any], carried: tuple[Any, ...]) -> tuple[Any, ...]:
        try:
            return super().while_loop(test, body, carried)
        except EndlessLoop as error:  # on numbers of a later trip around it, for which its threshold was not made
            raise Unclear from error

    def gradient(self, f: Callable[[Value], Value], x: Value) -> Value:
        found = [self._gradient(f, x, i) for i in range(-1, len(x.replicas))]
        if not abs(found[0]).max() <= LARGEST:
            raise Unclear
        return Value(found[0], self.probe.kept(found[0], found[1:]) if found[1:] else ())

    def _gradient(self, f: Callable[[Value], Value], x: Value, replica: int) -> np.ndarray:
        before, self.probe.only = self.probe.only, replica
        try:
            return np.asarray(super().gradient(lambda a: f(Value(a)).x, self.probe.at(x, replica)))
        finally:
            self.probe.only = before
