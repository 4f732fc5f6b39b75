"""How the control flow of a program is carried out.

In Python, on concrete values, which is what a tape sees; a library that traces has a flow of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dual import Dual
from clinometer.reference.arithmetic.replicas import LEAD, ReplicaArray, perturb

Values = tuple[Any, ...]
ABOVE = 16  # the levels of duals that a derivative within a program has: above those of the derivatives of the program


class EndlessLoop(RuntimeError):
    """A loop goes on and on."""


class PathDiverged(Exception):
    """A decision is another than the one to follow."""


class PythonControlFlow:
    """Python's own control flow. Every decision is made on a concrete value, and written down in `path`, in order."""

    most_trips = 10_000  # of a while loop: with wrong numbers it may have no end

    def __init__(self) -> None:
        self.path: list[bool] = []
        self._depth = 0

    def decide(self, test: Any) -> bool:
        """Return the truth of a concrete value."""
        self.path.append(bool(test))
        return self.path[-1]

    def cond(self, test: Any, then: Callable[[], Values], otherwise: Callable[[], Values]) -> Values:
        """Return what one of two blocks gives."""
        return then() if self.decide(test) else otherwise()

    def while_loop(self, test: Callable[..., Values], body: Callable[..., Values], carried: Values) -> Values:
        """Replace what is carried by what the body gives, while the test holds."""
        for _ in range(self.most_trips):
            if not self.decide(test(*carried)[0]):
                return carried
            carried = body(*carried)
        raise EndlessLoop(f"a while loop has made {self.most_trips} trips and goes on")

    def repeat(self, times: int, body: Callable[..., Values], carried: Values) -> Values:
        """Replace what is carried by what the body gives, so many times."""
        for _ in range(times):
            carried = body(*carried)
        return carried

    def recurse(self, depth: int, body: Callable[..., Values], args: Values) -> Values:
        """Call a function on its own results, by recursion."""
        return self.recurse(depth - 1, body, body(*args)) if depth else args

    def gradient(self, f: Callable[[Any], Any], x: Any) -> Any:
        """Return the gradient of a scalar function, by duals of a level of their own: one pass for each entry of x.

        No perturbation is confused with one around: `f` may use values that carry others. What reverse mode adds up in
        another order has the majorant for its scale, as always.
        """
        with self.deeper() as level:
            shape = np.shape(x)
            basis = np.eye(max(int(np.prod(shape)), 1)).reshape(-1, *shape)[: int(np.prod(shape))]
            ys = [f(Dual(x, e, abs(e), level)) for e in basis]
        if any(np.shape(y) for y in ys):
            raise TypeError(
                f"the gradient within a program is of a scalar function, and this one gives shape {np.shape(ys[0])}"
            )
        mine = [(y.dx, y.m) if isinstance(y, Dual) and y.level == level else (0.0 * y, 0.0) for y in ys]
        entries = [_known_to(_replicated(dx, x), m) for dx, m in mine]
        return np.reshape(np.stack(entries), shape) if entries else np.zeros(shape)

    @contextlib.contextmanager
    def deeper(self) -> Iterator[int]:
        """Count how many derivatives are being taken within the program, and return a level of duals for this one."""
        self._depth += 1
        try:
            yield ABOVE + self._depth
        finally:
            self._depth -= 1


class ReplayedPath(PythonControlFlow):
    """Takes the decisions of a path, and raises `PathDiverged` where the data would take another."""

    def __init__(self, path: Sequence[bool]):
        super().__init__()
        self.ahead = iter(path)

    def decide(self, test: Any) -> bool:
        if bool(test) != next(self.ahead, None):
            raise PathDiverged
        return super().decide(test)


def _known_to(x: Any, size: Any) -> Any:
    """Return x with the uncertainty of a sum whose terms have this `size`: one rounding of it.

    A derivative is such a sum, and may be small because its terms cancel. The majorant of x, where x is a dual itself, grows by
    the tangent of `size` in the same way.
    """
    if isinstance(x, Dual):
        same = isinstance(size, Dual) and size.level == x.level
        m = x.m + size.dx if same and x.m is not None else x.m
        return Dual(_known_to(x.x, size.x if same else size), x.dx, m, x.level)
    if isinstance(x, ReplicaArray):
        scale = size.data if isinstance(size, ReplicaArray) else np.asarray(size)
        return ReplicaArray(perturb(np.array(x.data), x.noise, scale=scale), x.noise)
    return x


def _replicated(entry: Any, x: Any) -> Any:
    """Return an entry in as many replicas as x has: exact as it may be, what is computed of it is rounded in each."""
    if isinstance(entry, Dual):
        return Dual(_replicated(entry.x, x), entry.dx, entry.m, entry.level)
    while isinstance(x, Dual):
        x = x.x
    if not isinstance(x, ReplicaArray):
        return entry
    data = entry.data if isinstance(entry, ReplicaArray) else np.asarray(entry, x.dtype)[(None,) * LEAD]
    return ReplicaArray(np.repeat(data, len(x.data) // len(data), axis=0), x.noise)
