"""Elementwise operations: what each means, where it is smooth, and where it bends.

A row is a claim about mathematics: it knows numpy and no backend. A partial takes the output first, then the
inputs, so that `exp` can say `y` and stop. Rows without partials are compositions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dispatch import primitive, slack
from clinometer.reference.arithmetic.rounding import EXTENDED, Accuracy
from clinometer.reference.arithmetic.rules import ratio
from clinometer.reference.catalogue.rows import (
    IDENTITY,
    NONZERO,
    POSITIVE,
    REAL,
    UNIT,
    Domain,
    Group,
    Operation,
    convention,
    kink,
    removable,
    table,
    zero,
)

LN2, LN10 = math.log(2), math.log(10)
PI = EXTENDED("3.14159265358979323846264338327950288")
HALF_TURNS = Domain(-1.5, 1.5)  # tan between two poles
INTEGERS = Domain(integers=True)
HALVES = Domain(integers=True, offset=0.5)
WIDE = Domain(-80.0, 80.0)  # exp(80) is far from overflow in float32
NAN, INF = math.nan, math.inf
ENDS = [convention(-1.0), convention(1.0)]
FAR = [removable(-1000.0, note="saturated"), removable(1000.0, note="saturated")]


def off_multiples(x: Any, y: Any) -> Any:
    """Return how far x and y may move together before one is a multiple of the other."""
    below, above = (abs(x - n * y) / (1 + abs(n)) for n in (np.floor(x / y), np.ceil(x / y)))
    return np.minimum(below, above)


QUOTIENT = (Domain(-8.0, 8.0), Domain(0.5, 8.0))  # of larger quotients multiples are nowhere far
DOWN = [removable(-7.0, 2.0, note="down, not to zero"), removable(7.0, -2.0, note="down, not to zero"), removable(-7.0, -2.0)]
JUMPS = "a program learns nothing of it but where it jumps"


ARITHMETIC = table(
    Group.ARITHMETIC,
    # ----- exact or correctly rounded -----
    Operation(
        "add",
        np.add,
        partials=[lambda y, a, b: 1, lambda y, a, b: 1],
        domain=(REAL, REAL),
        kinds="fc",
        commutes=True,
        linear=True,
        takes_number=True,
    ),
    Operation(
        "subtract",
        np.subtract,
        partials=[lambda y, a, b: 1, lambda y, a, b: -1],
        domain=(REAL, REAL),
        kinds="fc",
        linear=True,
        takes_number=True,
    ),
    Operation(
        "multiply",
        np.multiply,
        partials=[lambda y, a, b: b, lambda y, a, b: a],
        domain=(REAL, REAL),
        kinds="fc",
        commutes=True,
        takes_number=True,
    ),
    Operation(
        "divide",
        np.divide,
        partials=[lambda y, a, b: 1 / b, lambda y, a, b: -y / b],
        domain=(REAL, NONZERO),
        special=[convention(1.0, 0.0)],
        kinds="fc",
        takes_number=True,
    ),
    Operation("negative", np.negative, partials=[lambda y, x: -1], kinds="fc", linear=True),
    Operation("positive", np.positive, partials=[lambda y, x: 1], kinds="fc", linear=True),
    Operation(
        "reciprocal", np.reciprocal, partials=[lambda y, x: -y * y], domain=NONZERO, special=[convention(0.0)], kinds="fc"
    ),
    Operation("square", np.square, partials=[lambda y, x: 2 * x], kinds="fc"),
    # ----- powers -----
    Operation(
        "pow",
        np.power,
        # A power of zero is zero whatever the exponent, where 0 * log(0) is nan.
        partials=[lambda y, x, p: p * np.power(x, p - 1), lambda y, x, p: y * np.log(np.where(x == 0, 1.0, x))],
        domain=(Domain(0.0, 20.0), Domain(-4.0, 4.0)),
        special=[
            removable(0.0, 1.0, order=1),
            removable(0.0, 2.0, order=1),
            convention(0.0, 0.0),
            convention(0.0, 0.5),
            convention(-2.0, 3.0, note="no function of a real exponent"),
        ],
        takes_number=True,
    ),
    Operation(
        "hypot",
        lambda x, y: np.sqrt(x * x + y * y),
        domain=(NONZERO, NONZERO),
        special=[removable(0.0, 2.0), convention(0.0, 0.0)],
        commutes=True,
    ),
    # ----- compositions -----
    Operation("lerp", lambda x, y, weight: x + weight * (y - x), domain=(REAL, REAL, REAL)),
    Operation(
        "addcmul", lambda x, y, z, value=1.0: x + value * (y * z), domain=(REAL, REAL, REAL), choices={"value": (1.0, -2.5)}
    ),
    # ----- by a quotient that is rounded down: constant between multiples -----
    Operation(
        "floor_divide",
        lambda x, y: np.floor(x / y),
        domain=QUOTIENT,
        joint=off_multiples,
        special=[convention(4.0, 2.0), *DOWN],
    ),
    Operation(
        "remainder",
        lambda x, y: x - np.floor(x / y) * y,
        domain=QUOTIENT,
        joint=off_multiples,
        special=[convention(4.0, 2.0), convention(0.0, 2.0), *DOWN],
        undrawn=JUMPS,
    ),
)

EXPONENTIAL = table(
    Group.EXPONENTIAL,
    Operation("exp", np.exp, partials=[lambda y, x: y], domain=WIDE, kinds="fc", saturates="down"),
    Operation("exp2", np.exp2, partials=[lambda y, x: y * LN2], domain=Domain(-100.0, 100.0), saturates="down"),
    Operation("expm1", np.expm1, partials=[lambda y, x: np.exp(x)], domain=WIDE, saturates="down"),  # not y + 1, which cancels
    Operation("log", np.log, partials=[lambda y, x: 1 / x], domain=POSITIVE, special=[convention(0.0)], kinds="fc"),
    Operation("log2", np.log2, partials=[lambda y, x: 1 / (x * LN2)], domain=POSITIVE, special=[convention(0.0)]),
    Operation(
        "log10", np.log10, partials=[lambda y, x: 1 / (x * LN10)], domain=POSITIVE, special=[convention(0.0)], kinds="fc"
    ),
    Operation("log1p", np.log1p, partials=[lambda y, x: 1 / (1 + x)], domain=Domain(low=-1.0), special=[convention(-1.0)]),
    Operation("sqrt", np.sqrt, partials=[lambda y, x: 0.5 / y], domain=POSITIVE, special=[convention(0.0)], kinds="fc"),
    Operation("rsqrt", lambda x: 1 / np.sqrt(x), domain=POSITIVE, special=[convention(0.0)], kinds="fc"),
    Operation("cbrt", np.cbrt, partials=[lambda y, x: 1 / (3 * y * y)], domain=NONZERO, special=[convention(0.0)]),
    Operation(
        "logaddexp",
        np.logaddexp,
        partials=[lambda z, x, y: np.exp(x - z), lambda z, x, y: np.exp(y - z)],  # as libraries have it
        domain=(WIDE, WIDE),
        special=[removable(1.0, 1.0), removable(1000.0, -1000.0), convention(INF, INF), convention(-INF, -INF)],
        commutes=True,
    ),
    Operation(
        "xlogy", lambda x, y: x * np.log(y), domain=(REAL, POSITIVE), special=[removable(0.0, 2.0), convention(0.0, 0.0)]
    ),
    Operation("entr", lambda x: -x * np.log(x), domain=POSITIVE, special=[convention(0.0)]),
)


def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x): by its series near zero, where the derivatives of the quotient cancel."""
    t = x.dtype.type(PI) * x
    near = abs(x) < 0.5
    square = np.where(near, t * t, 0.0)  # which overflows far out, and its gradient with it
    series: Any = 1.0
    for k in range(28, 0, -2):  # the next term is below the rounding of long double, to order 4
        series = 1 - square / (k * (k + 1)) * series
    quotient = np.sin(t) / np.where(x == 0, 1.0, t)
    # Libraries have the quotient everywhere but at zero, and its roundings.
    return np.where(near, series + np.where(x == 0, 0.0, slack(quotient - series)), quotient)


# Beyond it tanh is 1 to twice the digits of float64: it rounds to 1 in every format, and so does its square.
SATURATION = 40.0


@primitive(
    partials=[lambda y, x: -2 * np.sign(np.real(x)) * y],
    accuracy=Accuracy(reference=2.0**55, vendor=1),  # off by as much as it is: others have 1 - 1
)
def remnant(x: Any) -> Any:
    """1 - tanh(x)**2 beyond `SATURATION`."""
    return 4 * np.exp(-2 * np.sign(np.real(x)) * x)


def tanh_slope(y: Any, x: Any) -> Any:
    """1 - y * y, as everybody has it; what is left of it far out has no rounding of 1, however large the factors beside."""
    return np.where(abs(np.real(x)) > SATURATION, remnant(x), 1 - y * y)


TRIGONOMETRIC = table(
    Group.TRIGONOMETRIC,
    # ----- the circle -----
    Operation("sin", np.sin, partials=[lambda y, x: np.cos(x)], kinds="fc"),
    Operation("cos", np.cos, partials=[lambda y, x: -np.sin(x)], kinds="fc"),
    Operation("tan", np.tan, partials=[lambda y, x: 1 + y * y], domain=HALF_TURNS, kinds="fc"),
    Operation("asin", np.arcsin, partials=[lambda y, x: 1 / np.sqrt(1 - x * x)], domain=UNIT, special=ENDS),
    Operation("acos", np.arccos, partials=[lambda y, x: -1 / np.sqrt(1 - x * x)], domain=UNIT, special=ENDS),
    Operation("atan", np.arctan, partials=[lambda y, x: 1 / (1 + x * x)], saturates="both"),
    Operation(
        "atan2",
        np.arctan2,
        partials=[lambda a, y, x: x / (x * x + y * y), lambda a, y, x: -y / (x * x + y * y)],
        domain=(NONZERO, NONZERO),
        special=[
            removable(0.0, 2.0),
            removable(2.0, 0.0, note="the quotient is infinite"),
            convention(0.0, 0.0),
            convention(0.0, -2.0, note="the cut"),
        ],
    ),
    Operation("sinc", sinc, special=[removable(0.0)], saturates="both"),
    # ----- the hyperbola -----
    Operation("sinh", np.sinh, partials=[lambda y, x: np.cosh(x)], domain=WIDE, kinds="fc"),
    Operation("cosh", np.cosh, partials=[lambda y, x: np.sinh(x)], domain=WIDE, kinds="fc"),
    Operation("tanh", np.tanh, partials=[tanh_slope], special=FAR, kinds="fc", saturates="both"),
    Operation("asinh", np.arcsinh, partials=[lambda y, x: 1 / np.sqrt(x * x + 1)], saturates="both"),
    Operation(
        "acosh", np.arccosh, partials=[lambda y, x: 1 / np.sqrt(x * x - 1)], domain=Domain(low=1.0), special=[convention(1.0)]
    ),
    Operation("atanh", np.arctanh, partials=[lambda y, x: 1 / (1 - x * x)], domain=UNIT, special=ENDS),
)


def clip(x: Any, min: float | None = None, max: float | None = None) -> Any:
    x = x if min is None else np.where(x < min, min, x)
    return x if max is None else np.where(x > max, max, x)


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """Return x with the given numbers, or the largest that there are, in place of what is not finite."""
    largest = float(np.finfo(x.dtype).max)
    high, low = largest if posinf is None else posinf, -largest if neginf is None else neginf
    return np.where(np.isnan(x), nan, np.where(x == INF, high, np.where(x == -INF, low, x)))


TIES = [kink(1.0, 1.0), kink([1.0, 2.0], 1.0), convention(NAN, 1.0)]

PIECEWISE = table(
    Group.PIECEWISE,
    # ----- continuous, with a bend -----
    Operation("abs", np.absolute, partials=[ratio], domain=NONZERO, special=[kink(0.0), kink(-0.0)]),
    Operation("maximum", lambda x, y: np.maximum(x, y), domain=(REAL, REAL), distinct=IDENTITY, special=TIES, commutes=True),
    Operation("minimum", lambda x, y: np.minimum(x, y), domain=(REAL, REAL), distinct=IDENTITY, special=TIES, commutes=True),
    Operation(
        "clip",
        clip,
        domain=REAL.avoiding(-1.5, 0.75),
        choices={"min": (-1.5, None), "max": (0.75,)},
        special=[kink(-1.5, min=-1.5, max=0.75), kink(0.75, min=-1.5, max=0.75)],
    ),
    Operation(
        "where",
        lambda x, y, condition: np.where(condition, x, y),
        form="where",
        domain=(REAL, REAL),
        special=[convention(1.0, NAN, condition=True), convention(INF, 1.0, condition=False)],
        kinds="fc",
    ),
    Operation(
        "nan_to_num",
        nan_to_num,
        special=[convention(NAN), convention(INF, posinf=9.0), convention(-INF, neginf=-9.0)],
        undrawn=JUMPS,
    ),
    # ----- comparisons: decisions, without a derivative -----
    Operation("greater", np.greater, partials=[zero, zero], domain=(REAL, REAL), distinct=IDENTITY, differentiable=False),
    Operation("less", np.less, partials=[zero, zero], domain=(REAL, REAL), distinct=IDENTITY, differentiable=False),
    # ----- with a jump -----
    Operation(
        "copysign",
        np.copysign,
        partials=[lambda z, x, y: ratio(z, x), zero],
        domain=(NONZERO, NONZERO),
        special=[kink(0.0, 1.0), convention(1.0, 0.0), convention(1.0, -0.0)],
        undrawn=JUMPS,
    ),
    # ----- steps: the derivative is zero wherever there is one -----
    Operation("sign", np.sign, partials=[zero], domain=NONZERO, special=[convention(0.0)]),
    Operation("floor", np.floor, partials=[zero], domain=INTEGERS, special=[convention(1.0)]),
    Operation("ceil", np.ceil, partials=[zero], domain=INTEGERS, special=[convention(1.0)]),
    Operation("trunc", np.trunc, partials=[zero], domain=INTEGERS, special=[convention(1.0)]),
    Operation("round", np.rint, partials=[zero], domain=HALVES, special=[convention(0.5)]),
    Operation(
        "heaviside",
        lambda x, y: np.where(x > 0, 1.0, np.where(x < 0, 0.0, y)),
        domain=(NONZERO, REAL),
        special=[convention(0.0, 0.5)],
        undrawn=JUMPS,
    ),
)
