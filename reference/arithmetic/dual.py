"""Forward mode: numbers that carry their derivative, and the scale of what it sums up.

A dual is x + dx·ε with ε² = 0. Beside the tangent it carries the majorant m: the same sum over all paths of
products of partials, of absolute values. Every mode of differentiation evaluates that sum in some order, so m is
the scale of the rounding that any mode may make, even where this one's happens to cancel.

The components may be duals themselves, of a lower level, which gives second derivatives. So may the majorant: with
the majorant of a coefficient for its derivative, the product rule makes |f''| m1 m2 + |f'| m12 of it, all terms positive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clinometer.reference.arithmetic import dispatch
from clinometer.reference.arithmetic.rules import linearize

Array = Any


class Dual(dispatch.Traced):
    """Primal `x`, tangent `dx`, majorant `m` (None where nobody asks for it)."""

    def __init__(self, x: Array, dx: Array, m: Array | None = None, level: int = 1):
        self.x, self.dx, self.m, self.level = x, dx, m, level

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]  # read-only here
        return np.shape(self.x)

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]  # read-only here
        return self.x.dtype

    def __bool__(self) -> bool:
        return bool(self.x)

    def __repr__(self) -> str:
        return f"Dual({self.x!r}, {self.dx!r})"

    def clean(self) -> Array:
        return dispatch.clean(self.x)

    def magnitude(self) -> Array:
        size = dispatch.magnitude(self.x)
        return size if self.m is None else Dual(size, self.m, level=self.level)

    def apply(self, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> Array:
        mine = [isinstance(a, Dual) and a.level == self.level for a in args]
        primals = [a.x if own else a for a, own in zip(args, mine, strict=True)]
        y = dispatch.call(function, primals, params)
        dy = m = None
        for place, (a, own) in enumerate(zip(args, mine, strict=True)):
            linear = linearize(function, place, y, primals, params) if own else None
            if linear is None:
                continue
            term = linear.push(a.dx)
            dy = term if dy is None else dy + term
            if a.m is not None:
                bound = linear.bound(a.m)
                m = bound if m is None else m + bound
        # A constant from here on: no tangent to carry.
        return y if dy is None else Dual(y, dy, m, self.level)
