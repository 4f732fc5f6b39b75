"""Elementwise operations: what each means, where it is smooth, and where it bends.

A row is a claim about mathematics: it knows numpy and no backend. A partial takes the output first, then the
inputs, so that `exp` can say `y` and stop. Rows without partials are compositions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clinometer.reference.catalogue.rows import (
    IDENTITY,
    NONZERO,
    POSITIVE,
    REAL,
    UNIT,
    Domain,
    Operation,
    convention,
    kink,
    removable,
    table,
    zero,
)
from clinometer.reference.ensemble import ACCURACY, Accuracy
from clinometer.reference.rules import partials
from clinometer.reference.traced import primitive, slack, stop_gradient

LN2, LN10 = math.log(2), math.log(10)
HALF_TURNS = Domain(-1.5, 1.5)  # tan between two poles
INTEGERS = Domain(integers=True)
HALVES = Domain(integers=True, offset=0.5)

ARITHMETIC = table(
    1,
    # ----- exact or correctly rounded -----
    Operation("add", np.add, partials=[lambda y, a, b: 1, lambda y, a, b: 1], domain=(REAL, REAL)),
    Operation("subtract", np.subtract, partials=[lambda y, a, b: 1, lambda y, a, b: -1], domain=(REAL, REAL)),
    Operation("multiply", np.multiply, partials=[lambda y, a, b: b, lambda y, a, b: a], domain=(REAL, REAL)),
    Operation("divide", np.divide, partials=[lambda y, a, b: 1 / b, lambda y, a, b: -y / b], domain=(REAL, NONZERO)),
    Operation("negative", np.negative, partials=[lambda y, x: -1]),
    Operation("positive", np.positive, partials=[lambda y, x: 1]),
    Operation("reciprocal", np.reciprocal, partials=[lambda y, x: -y * y], domain=NONZERO, special=[convention(0.0)]),
    Operation("square", np.square, partials=[lambda y, x: 2 * x]),
    # ----- powers -----
    Operation(
        "pow",
        np.power,
        partials=[lambda y, x, p: p * np.power(x, p - 1), lambda y, x, p: y * np.log(x)],
        domain=(Domain(0.0, 20.0), Domain(-4.0, 4.0)),
        special=[convention(0.0, 0.0), convention(0.0, 0.5)],
    ),
    Operation("hypot", lambda x, y: np.sqrt(x * x + y * y), domain=(NONZERO, NONZERO), special=[convention(0.0, 0.0)]),
    # ----- compositions -----
    Operation("lerp", lambda x, y, weight: x + weight * (y - x), domain=(REAL, REAL, REAL)),
)

EXPONENTIAL = table(
    2,
    Operation("exp", np.exp, partials=[lambda y, x: y], domain=Domain(-80.0, 80.0)),
    Operation("exp2", np.exp2, partials=[lambda y, x: y * LN2], domain=Domain(-100.0, 100.0)),
    Operation("expm1", np.expm1, partials=[lambda y, x: y + 1], domain=Domain(-80.0, 80.0)),
    Operation("log", np.log, partials=[lambda y, x: 1 / x], domain=POSITIVE, special=[convention(0.0)]),
    Operation("log2", np.log2, partials=[lambda y, x: 1 / (x * LN2)], domain=POSITIVE, special=[convention(0.0)]),
    Operation("log10", np.log10, partials=[lambda y, x: 1 / (x * LN10)], domain=POSITIVE, special=[convention(0.0)]),
    Operation("log1p", np.log1p, partials=[lambda y, x: 1 / (1 + x)], domain=Domain(low=-1.0), special=[convention(-1.0)]),
    Operation("sqrt", np.sqrt, partials=[lambda y, x: 0.5 / y], domain=POSITIVE, special=[convention(0.0)]),
    Operation("rsqrt", lambda x: 1 / np.sqrt(x), domain=POSITIVE, special=[convention(0.0)]),
    Operation(
        "logaddexp",
        lambda x, y: logaddexp(x, y),
        domain=(Domain(-80.0, 80.0), Domain(-80.0, 80.0)),
        distinct=IDENTITY,
    ),
    Operation(
        "xlogy", lambda x, y: x * np.log(y), domain=(REAL, POSITIVE), special=[removable(0.0, 2.0), convention(0.0, 0.0)]
    ),
)

TRIGONOMETRIC = table(
    3,
    # ----- the circle -----
    Operation("sin", np.sin, partials=[lambda y, x: np.cos(x)]),
    Operation("cos", np.cos, partials=[lambda y, x: -np.sin(x)]),
    Operation("tan", np.tan, partials=[lambda y, x: 1 + y * y], domain=HALF_TURNS),
    Operation("asin", np.arcsin, partials=[lambda y, x: 1 / np.sqrt(1 - x * x)], domain=UNIT, special=[convention(1.0)]),
    Operation("acos", np.arccos, partials=[lambda y, x: -1 / np.sqrt(1 - x * x)], domain=UNIT, special=[convention(1.0)]),
    Operation("atan", np.arctan, partials=[lambda y, x: 1 / (1 + x * x)]),
    Operation(
        "atan2",
        np.arctan2,
        partials=[lambda a, y, x: x / (x * x + y * y), lambda a, y, x: -y / (x * x + y * y)],
        domain=(NONZERO, NONZERO),
        special=[convention(0.0, 0.0)],
    ),
    # ----- the hyperbola -----
    Operation("sinh", np.sinh, partials=[lambda y, x: np.cosh(x)], domain=Domain(-80.0, 80.0)),
    Operation("cosh", np.cosh, partials=[lambda y, x: np.sinh(x)], domain=Domain(-80.0, 80.0)),
    Operation("tanh", np.tanh, partials=[lambda y, x: 1 - y * y]),
    Operation("asinh", np.arcsinh, partials=[lambda y, x: 1 / np.sqrt(x * x + 1)]),
    Operation("acosh", np.arccosh, partials=[lambda y, x: 1 / np.sqrt(x * x - 1)], domain=Domain(low=1.0)),
    Operation("atanh", np.arctanh, partials=[lambda y, x: 1 / (1 - x * x)], domain=UNIT),
)


def logaddexp(x: Any, y: Any) -> Any:
    """log(exp(x) + exp(y)) without overflow; libraries differentiate to exp(x - z)."""
    z = np.log1p(np.exp(-abs(x - y))) + np.maximum(x, y)
    return z + slack(stop_gradient(z) * (np.exp(x - z) + np.exp(y - z)))


def softplus(x: Any) -> Any:
    """log(1 + exp(x)) without overflow."""
    z = np.log1p(np.exp(-abs(x))) + np.maximum(x, 0.0)
    return z + slack(stop_gradient(z) * (np.exp(x - z) + np.exp(-z)))


@primitive
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


PIECEWISE = table(
    4,
    # ----- continuous, with a bend -----
    Operation("abs", np.absolute, partials=[lambda y, x: np.sign(x)], domain=NONZERO, special=[kink(0.0)]),
    Operation("maximum", lambda x, y: np.maximum(x, y), domain=(REAL, REAL), distinct=IDENTITY, special=[kink(1.0, 1.0)]),
    Operation("minimum", lambda x, y: np.minimum(x, y), domain=(REAL, REAL), distinct=IDENTITY, special=[kink(1.0, 1.0)]),
    Operation(
        "clip",
        lambda x, min=None, max=None: _clip(x, min, max),
        domain=REAL.avoiding(-1.5, 0.75),
        choices={"min": (-1.5, None), "max": (0.75,)},
        special=[kink(-1.5, min=-1.5, max=0.75), kink(0.75, min=-1.5, max=0.75)],
    ),
    Operation("where", lambda x, y, condition: np.where(condition, x, y), form="where", domain=(REAL, REAL)),
    # ----- comparisons: decisions, without a derivative -----
    Operation("greater", np.greater, partials=[zero, zero], domain=(REAL, REAL), distinct=IDENTITY, differentiable=False),
    Operation("less", np.less, partials=[zero, zero], domain=(REAL, REAL), distinct=IDENTITY, differentiable=False),
    # ----- steps: the derivative is zero wherever there is one -----
    Operation("sign", np.sign, partials=[zero], domain=NONZERO, special=[convention(0.0)]),
    Operation("floor", np.floor, partials=[zero], domain=INTEGERS, special=[convention(1.0)]),
    Operation("ceil", np.ceil, partials=[zero], domain=INTEGERS, special=[convention(1.0)]),
    Operation("trunc", np.trunc, partials=[zero], domain=INTEGERS, special=[convention(1.0)]),
    Operation("round", np.rint, partials=[zero], domain=HALVES, special=[convention(0.5)]),
)

ACTIVATIONS = table(
    5,
    # ----- smooth -----
    # From the rounded output, as everybody has it: where y saturates the derivative loses digits, and may.
    Operation("sigmoid", sigmoid, partials=[lambda y, x: y * (1 - y)], domain=Domain(-80.0, 80.0)),
    Operation("softplus", softplus, domain=Domain(-15.0, 15.0).avoiding(0.0)),  # torch is linear above 20
    Operation("silu", lambda x: x * sigmoid(x), domain=Domain(-80.0, 80.0)),
    Operation("softsign", lambda x: x / (1 + abs(x)), domain=NONZERO),
    # ----- with a bend -----
    Operation("relu", lambda x: np.maximum(x, 0.0), domain=NONZERO, special=[kink(0.0)]),
    Operation(
        "leaky_relu",
        lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
        domain=NONZERO,
        choices={"negative_slope": (0.5, 0.0625)},
        special=[kink(0.0, negative_slope=0.5)],
    ),
    Operation("relu6", lambda x: _clip(x, 0.0, 6.0), domain=REAL.avoiding(0.0, 6.0), special=[kink(0.0), kink(6.0)]),
    Operation("hardtanh", lambda x: _clip(x, -1.0, 1.0), domain=REAL.avoiding(-1.0, 1.0), special=[kink(-1.0), kink(1.0)]),
    Operation("elu", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))), domain=NONZERO, special=[removable(0.0)]),
)


def _clip(x: Any, low: float | None, high: float | None) -> Any:
    x = x if low is None else np.where(x < low, low, x)
    return x if high is None else np.where(x > high, high, x)


# ----- special functions: scipy computes them in float64, to a few roundings -----


def _scipy(name: str, roundings: float, vendor: float = 1.0) -> Any:
    """Return a function of scipy.special as a primitive, imported when it is first called.

    `roundings` is its error in roundings of float64; `vendor` the error, in roundings of the dtype in hand, that a
    library's own implementation promises.
    """

    def plain(x: Any) -> Any:
        from scipy import special  # here, not above: it takes a tenth of a second that most runs do not need

        function = (lambda a: special.zeta(2.0, a)) if name == "trigamma" else getattr(special, name)
        return np.asarray(function(np.asarray(x, np.float64)), dtype=np.asarray(x).dtype)[()]

    plain.__name__ = name
    function = primitive(plain)
    ACCURACY[function] = Accuracy(roundings, vendor)
    return function


erf, erfc, gammaln = _scipy("erf", 4), _scipy("erfc", 8), _scipy("gammaln", 8)
digamma, trigamma = _scipy("digamma", 16, vendor=4), _scipy("trigamma", 32, vendor=4)
TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
partials(digamma, [lambda y, x: trigamma(x)])

# Vectorized gelu takes erf by Abramowitz and Stegun 7.1.26, good to 1.5e-7 (2.5 roundings of float32 at 1; see
# pytorch issue 198183); it is allowed some of them.
quick_erf = _scipy("erf", 4, vendor=6)
partials(quick_erf, [lambda y, x: TWO_OVER_ROOT_PI * np.exp(-x * x)])

SPECIAL = table(
    6,
    Operation("erf", erf, partials=[lambda y, x: TWO_OVER_ROOT_PI * np.exp(-x * x)], domain=Domain(-4.0, 4.0), roundings=8),
    Operation("erfc", erfc, partials=[lambda y, x: -TWO_OVER_ROOT_PI * np.exp(-x * x)], domain=Domain(-4.0, 4.0), roundings=8),
    # Near its zeros at 1 and 2 libraries promise an absolute error; drawn beyond them.
    Operation("lgamma", gammaln, partials=[lambda y, x: digamma(x)], domain=Domain(2.5, 60.0), roundings=16),
    # By erf, as libraries have it: the far negative tail cancels, and its error is one of absolute size.
    Operation("ndtr", lambda x: 0.5 * (1 + erf(x * math.sqrt(0.5))), domain=Domain(-4.0, 4.0), roundings=8),
    Operation("gelu", lambda x: x * (0.5 * (1 + quick_erf(x * math.sqrt(0.5)))), domain=Domain(-4.0, 4.0), roundings=8),
)
