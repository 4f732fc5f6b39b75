"""Functions that bend, jump or decide."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.reference.arithmetic.rules import ratio
from clinometer.reference.catalogue.rows import (
    IDENTITY,
    INF,
    INTEGERS,
    JUMPS,
    NAN,
    NONZERO,
    REAL,
    Domain,
    Group,
    Operation,
    convention,
    kink,
    table,
    zero,
)

HALVES = Domain(integers=True, offset=0.5)


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
