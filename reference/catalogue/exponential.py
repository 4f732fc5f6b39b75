"""Exponentials, logarithms, roots."""

from __future__ import annotations

import math

import numpy as np

from clinometer.reference.catalogue.rows import (
    INF,
    NONZERO,
    POSITIVE,
    REAL,
    WIDE,
    Domain,
    Group,
    Operation,
    convention,
    removable,
    table,
)

LN2, LN10 = math.log(2), math.log(10)


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
