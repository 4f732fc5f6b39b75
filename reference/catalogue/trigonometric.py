"""The circle and the hyperbola."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dispatch import primitive, slack
from clinometer.reference.arithmetic.rounding import EXTENDED, Accuracy
from clinometer.reference.catalogue.rows import (
    NONZERO,
    UNIT,
    WIDE,
    Domain,
    Group,
    Operation,
    convention,
    removable,
    table,
)

PI = EXTENDED("3.14159265358979323846264338327950288")


HALF_TURNS = Domain(-1.5, 1.5)  # tan between two poles


ENDS = [convention(-1.0), convention(1.0)]


FAR = [removable(-1000.0, note="saturated"), removable(1000.0, note="saturated")]


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
