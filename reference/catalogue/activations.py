"""Activations: what neural networks bend with, and what each keyword of theirs changes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dispatch import primitive, slack
from clinometer.reference.arithmetic.replicas import TRANSCENDENTAL
from clinometer.reference.catalogue.piecewise import clip
from clinometer.reference.catalogue.rows import (
    NONZERO,
    REAL,
    UNIT_INTERVAL,
    WIDE,
    Domain,
    Group,
    Operation,
    convention,
    kink,
    removable,
    table,
)
from clinometer.reference.catalogue.trigonometric import FAR

SHRUNK = REAL.avoiding(-0.5, 0.5, -0.25, 0.25)

# Klambauer et al. 2017, equation 14.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@primitive(accuracy=TRANSCENDENTAL)
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


@primitive(accuracy=TRANSCENDENTAL)
def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)) without overflow."""
    return -np.logaddexp(-x, 0.0)


def log_sigmoid_slope(y: Any, x: Any) -> Any:
    """exp(y - x); others differentiate to 1 - sigmoid(x), whose derivative cancels on the other side."""
    slope = np.exp(y - x)
    return slope + slack(sigmoid(x) + slope)


def softplus(x: Any, beta: float = 1.0) -> Any:
    """log(1 + exp(beta x)) / beta."""
    return np.logaddexp(beta * x, 0.0) / beta


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x, or alpha (exp(x) - 1) where that is negative."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def celu(x: Any, alpha: float = 1.0) -> Any:
    """The elu whose slope is continuous for every alpha (Barron 2017)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0) / alpha))


def gelu_tanh(x: Any) -> Any:
    """gelu by a tanh in place of erf (Hendrycks & Gimpel 2016)."""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))


def softshrink(x: Any, lambd: float = 0.5) -> Any:
    """Move x by lambda towards zero, and no further."""
    return np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, 0.0))


ACTIVATIONS = table(
    Group.ACTIVATION,
    # ----- smooth -----
    # From the rounded output, as everybody has it: where y saturates the derivative loses digits, and may.
    Operation("sigmoid", sigmoid, partials=[lambda y, x: y * (1 - y)], domain=WIDE, special=FAR, saturates="both"),
    Operation("log_sigmoid", log_sigmoid, partials=[log_sigmoid_slope], domain=WIDE, special=FAR, saturates="both"),
    Operation("logit", lambda x: np.log(x / (1 - x)), domain=UNIT_INTERVAL, special=[convention(0.0), convention(1.0)]),
    Operation("softplus", softplus, domain=WIDE, choices={"beta": (1.0, 2.0, 0.5)}, special=FAR, saturates="both"),
    Operation("silu", lambda x: x * sigmoid(x), domain=WIDE, special=FAR, saturates="both"),
    Operation("mish", lambda x: x * np.tanh(softplus(x)), domain=WIDE, special=FAR, saturates="both"),
    Operation("gelu_tanh", gelu_tanh, domain=Domain(-8.0, 8.0), special=[removable(0.0), *FAR], saturates="both"),
    Operation("tanhshrink", lambda x: x - np.tanh(x), special=[removable(0.0), *FAR], saturates="both"),
    Operation("softsign", lambda x: x / (1 + abs(x)), domain=NONZERO, special=[removable(0.0, order=1)], saturates="both"),
    Operation(
        "celu",
        celu,
        domain=NONZERO,
        choices={"alpha": (1.0, 2.0, 0.5)},
        special=[removable(0.0, order=1), removable(0.0, order=1, alpha=2.0), *FAR],
        saturates="both",
    ),
    # ----- with a bend -----
    Operation("relu", lambda x: np.maximum(x, 0.0), domain=NONZERO, special=[kink(0.0), kink(-0.0)]),
    Operation(
        "leaky_relu",
        lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
        domain=NONZERO,
        choices={"negative_slope": (0.5, 0.0625)},
        special=[kink(0.0, negative_slope=0.5)],
    ),
    Operation(
        "elu",
        elu,
        domain=NONZERO,
        choices={"alpha": (1.0, 2.0, 0.5)},
        special=[removable(0.0, order=1), kink(0.0, alpha=0.5), *FAR],
        saturates="both",
    ),
    Operation("selu", lambda x: SELU_SCALE * elu(x, SELU_ALPHA), domain=NONZERO, special=[kink(0.0), *FAR], saturates="both"),
    Operation("relu6", lambda x: clip(x, 0.0, 6.0), domain=REAL.avoiding(0.0, 6.0), special=[kink(0.0), kink(6.0)]),
    Operation("hardtanh", lambda x: clip(x, -1.0, 1.0), domain=REAL.avoiding(-1.0, 1.0), special=[kink(-1.0), kink(1.0)]),
    Operation(
        "hardsigmoid", lambda x: clip(x + 3, 0.0, 6.0) / 6, domain=REAL.avoiding(-3.0, 3.0), special=[kink(-3.0), kink(3.0)]
    ),
    Operation(
        "hardswish",
        lambda x: x * clip(x + 3, 0.0, 6.0) / 6,
        domain=REAL.avoiding(-3.0, 3.0),
        special=[kink(-3.0), kink(3.0)],
        saturates="both",
    ),
    Operation(
        "softshrink",
        softshrink,
        domain=SHRUNK,
        choices={"lambd": (0.5, 0.25)},
        special=[kink(0.5), kink(-0.5), kink(0.25, lambd=0.25)],
    ),
    # ----- with a jump -----
    Operation(
        "hardshrink",
        lambda x, lambd=0.5: np.where(abs(x) > lambd, x, 0.0),
        domain=SHRUNK,
        choices={"lambd": (0.5, 0.25)},
        special=[convention(0.5), convention(-0.5)],
    ),
)
