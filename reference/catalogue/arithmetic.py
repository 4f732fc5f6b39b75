"""Arithmetic: what each operation means, where it is smooth, and where it bends.

A row is a claim about mathematics: it knows numpy and no backend. A partial takes the output first, then the
inputs, so that `exp` can say `y` and stop. Rows without partials are compositions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.reference.catalogue.rows import (
    JUMPS,
    NONZERO,
    REAL,
    Domain,
    Group,
    Operation,
    convention,
    removable,
    table,
)


def off_multiples(x: Any, y: Any) -> Any:
    """Return how far x and y may move together before one is a multiple of the other."""
    below, above = (abs(x - n * y) / (1 + abs(n)) for n in (np.floor(x / y), np.ceil(x / y)))
    return np.minimum(below, above)


QUOTIENT = (Domain(-8.0, 8.0), Domain(0.5, 8.0))  # of larger quotients multiples are nowhere far
DOWN = [removable(-7.0, 2.0, note="down, not to zero"), removable(7.0, -2.0, note="down, not to zero"), removable(-7.0, -2.0)]


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
