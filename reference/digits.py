"""The second witness with all digits: the plain program on numbers of mpmath.

Where a value hardly changes (expm1 far below zero), differences of long doubles have no digits left. numpy's functions call
a method of that name on objects that are no numbers of its own; so a program of such functions runs on `Number` as it stands.
What it cannot run raises, and then long double has the last word.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from clinometer.reference.case import Case
from clinometer.reference.catalogue import MATHEMATICS
from clinometer.reference.differences import Estimate, weights
from clinometer.reference.program.interpreter import run
from clinometer.reference.witness import OVER, POLARIZED, against, unit

DPS = 150  # decimal digits
STEP = mpmath.mpf(2) ** -64
GRID = (-2, -1, 0, 1, 2)

NAMES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "rint": "nint", "cbrt": "cbrt",
}  # fmt: skip


class Number:
    """A real number with `DPS` digits, for numpy's arrays of objects."""

    def __init__(self, value: Any):
        self.value: Any = value.value if isinstance(value, Number) else mpmath.mpf(value)

    @property
    def real(self) -> Number:
        return self

    def conjugate(self) -> Number:
        return self

    def sum(self) -> Number:  # an array without axes is its entry
        return self

    def __getattr__(self, name: str) -> Callable[[], Number]:
        if name.startswith("_"):
            raise AttributeError(name)
        function = getattr(mpmath, NAMES.get(name, name))  # an AttributeError, as of any object
        return lambda: Number(function(self.value))

    def exp2(self) -> Number:
        return Number(mpmath.power(2, self.value))

    def log2(self) -> Number:
        return Number(mpmath.log(self.value, 2))

    def __neg__(self) -> Number:
        return Number(-self.value)

    def __pos__(self) -> Number:
        return self

    def __abs__(self) -> Number:
        return Number(abs(self.value))

    def __bool__(self) -> bool:
        return bool(self.value)


def _arithmetic(name: str) -> None:
    function = getattr(operator, name)

    def forward(self: Number, other: Any) -> Any:
        return Number(function(self.value, Number(other).value))

    def backward(self: Number, other: Any) -> Any:
        return Number(function(Number(other).value, self.value))

    setattr(Number, f"__{name}__", forward)
    setattr(Number, f"__r{name}__", backward)


def _comparison(name: str) -> None:
    function = getattr(operator, name)
    setattr(Number, f"__{name}__", lambda self, other: bool(function(self.value, Number(other).value)))


for _name in ("add", "sub", "mul", "truediv", "pow", "mod"):
    _arithmetic(_name)
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _comparison(_name)


def numbers(x: np.ndarray) -> np.ndarray:
    """Return an array of objects with the same numbers, every digit of them."""
    found = np.empty(x.shape, object)
    for place in np.ndindex(x.shape):
        entry: Any = x[place]
        high = float(entry)
        found[place] = Number(mpmath.mpf(high) + float(entry - type(entry)(high)))
    return found


def exact(case: Case, mode: str, which: int, place: tuple[int, ...]) -> Estimate:
    """Estimate a derivative of an elementwise operation, to more digits than any type has: see `witness`.

    Raises
    ------
    TypeError, AttributeError
        A function that takes no objects.
    """
    point, *index = place
    order = len(mode.split(OVER))
    vs, cts = [dx[point] for dx in case.tangents], [ct[point] for ct in case.cotangents]
    functional, divisor, lines = against(cts), 1, [(1, vs)]
    if mode == "forward":
        functional = lambda *ys: np.asarray(ys[which])[tuple(index)]  # noqa: E731  # of an output's entry, no input's
    elif order == 1:
        lines = [(1, unit(case, which, index))]
    else:
        divisor, terms = POLARIZED[order]
        lines = [(w, [e + k * v for e, v in zip(unit(case, which, index), vs, strict=True)]) for w, k in terms]

    def along(t: Any) -> Any:
        total = mpmath.mpf(0)
        for w, line in lines:
            moved = [x + numbers(np.asarray(v, float)) * Number(t) for x, v in zip(xs, line, strict=True)]
            total += w * Number(functional(*run(case.program, MATHEMATICS, *moved))).value
        return total

    def difference(h: Any, order: int) -> Any:
        rational = zip(GRID, weights(GRID, order), strict=True)
        return sum(mpmath.mpf(w.numerator) / w.denominator * along(g * h) for g, w in rational) / h**order

    with mpmath.workdps(DPS):
        xs = [numbers(x[point]) for x in case.inputs]
        value = difference(STEP, order)
        off = abs(value - difference(2 * STEP, order))
        if order == 1:  # where the function bends, a second difference is as large as what turns there, over the step
            off += abs(difference(STEP, 2)) * STEP
        kind = case.precision.real
        high = float(value / divisor)
        return Estimate(kind(high) + kind(float(value / divisor - high)), float(off / divisor), float(STEP))
