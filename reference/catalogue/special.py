"""Special functions: scipy computes them in float64, to a few roundings.

What a library may be off by is what Cephes writes beside the function: scipy, torch and jax all go back to it. `vendor`
is that peak error, in roundings, over K; where Cephes gives none, what was measured.

For differences of them scipy's digits may be too few. Within `many_digits` they are mpmath's.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dispatch import Partial, Primitive, slack
from clinometer.reference.arithmetic.rounding import Accuracy
from clinometer.reference.catalogue.rows import UNIT, UNIT_INTERVAL, Domain, Group, Operation, convention, removable, table

POLES = [convention(0.0), convention(-1.0), convention(-2.0)]
BETWEEN_POLES = Domain(-4.0, 60.0).avoiding(0.0, -1.0, -2.0, -3.0)


DIGITS = 40  # so many that 2p - 1 has those of long double, for the smallest p that is drawn
EXACTLY: ContextVar[bool] = ContextVar("exactly", default=False)


@contextlib.contextmanager
def many_digits() -> Iterator[None]:
    """Within it the special functions of plain arrays are right to all digits of their dtype, and a thousand times slower."""
    token = EXACTLY.set(True)
    try:
        yield
    finally:
        EXACTLY.reset(token)


def _mpmath(exact: Any) -> Any:
    """Return a function of one number of numpy's, from one of the module mpmath and its number."""

    @functools.lru_cache(1 << 12)  # along a line through an array most entries stay as they are
    def evaluated(x: Any) -> Any:
        import mpmath  # here, not above: few runs need it

        high = float(x)
        low = float(x - type(x)(high)) if math.isfinite(high) else 0.0
        with mpmath.workdps(DIGITS):
            try:
                y = exact(mpmath, mpmath.mpf(high) + low)
            except ValueError:  # a pole, or outside the domain
                return type(x)(math.nan)
            high = float(y)
            return type(x)(high) + type(x)(float(y - high) if math.isfinite(high) else 0.0)

    return evaluated


def _scipy(
    name: str,
    exact: Any,
    roundings: float,
    vendor: float = 1.0,
    floor: float = 0.0,
    plain: Any = None,
    partial: Partial = None,
) -> Primitive:
    """Return a function of scipy.special as a primitive, imported when it is first called.

    `exact` is the same by mpmath: of that module and a number. `roundings` is scipy's error in roundings of float64;
    `vendor` the error, in roundings of the dtype in hand, that a library's own implementation promises; both of at least
    `floor` in place of a smaller value. `plain` is what to call with the module where the name is not that of a function
    there; `partial` the derivative, where no row says it.
    """
    evaluated = _mpmath(exact)

    def function(x: Any) -> Any:
        if EXACTLY.get():
            entries = np.asarray(x)
            return np.array([evaluated(entry) for entry in entries.flat], entries.dtype).reshape(entries.shape)[()]
        from scipy import special  # here, not above: it takes a tenth of a second that most runs do not need

        wide = np.asarray(x, np.float64)
        y = getattr(special, name)(wide) if plain is None else plain(special, wide)
        return np.asarray(y, dtype=np.asarray(x).dtype)[()]

    function.__name__ = name
    return Primitive(function, None if partial is None else [partial], Accuracy(roundings, vendor, floor))


def _polygamma(n: int) -> Any:
    """Return the derivative of order n of digamma: (-1)^(n+1) n! zeta(n + 1, x), by Hurwitz's zeta."""
    sign = (-1) ** (n + 1) * math.factorial(n)
    hurwitz = lambda special, x: sign * special.zeta(n + 1.0, x)  # noqa: E731  # a name for what it is
    of_order_n = lambda mp, x: mp.polygamma(n, x)  # noqa: E731  # as above
    slope = _next_polygamma(n) if n < 4 else None
    return _scipy(f"polygamma{n}", of_order_n, 10, vendor=2, floor=1.0, plain=hurwitz, partial=slope)


def _next_polygamma(n: int) -> Partial:
    return lambda y, x: POLYGAMMA[n + 1](x)


def _bessel(n: int) -> Any:
    """Return the modified Bessel function of order n."""
    of_order_n = lambda mp, x: mp.besseli(n, x)  # noqa: E731  # a name for what it is
    slope = _mean_of_neighbours(n) if n < 5 else None
    return _scipy(f"i{n}", of_order_n, 16, vendor=4, plain=lambda special, x: special.iv(n, x), partial=slope)


def _mean_of_neighbours(n: int) -> Partial:
    """Return the derivative of the modified Bessel function of order n (DLMF 10.29.1)."""
    return lambda y, x: (BESSEL[n - 1](x) + BESSEL[n + 1](x)) / 2


TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
ROOT_TWO_PI = math.sqrt(2 * math.pi)

erf, erfc = _scipy("erf", lambda mp, x: mp.erf(x), 4), _scipy("erfc", lambda mp, x: mp.erfc(x), 12)
# Vectorized gelu takes erf by Abramowitz and Stegun 7.1.26, good to 1.5e-7 (2.5 roundings of float32 at 1; see
# pytorch issue 198183); it is allowed some of them.
quick_erf = _scipy("erf", lambda mp, x: mp.erf(x), 4, vendor=6, partial=lambda y, x: TWO_OVER_ROOT_PI * np.exp(-x * x))

# Cephes, with peak errors in units of 2**-53: lgam 4.9 and psi 13.5 (relative, but absolute below one), i0 5.2, i1 17,
# ndtri 6.5. Measured against mpmath over the domains below, in roundings of their dtype (torch 2.13 in float32 and in
# float64, scipy in float64): lgamma 1, 1 and 4.5; digamma 12, 11 and 3 where x > 0; i0 5, 4 and 5; i1 16, 12 and 16;
# ndtri 5, 4 and 8; erfinv 1, 1 and 3. In single precision Cephes claims 4.0e-7 for i0f and 1.5e-6 for i1f, which are 6.7
# and 25 roundings; of torch's kernels without vector instructions 7.3 and 17 were measured.
gammaln = _scipy("gammaln", lambda mp, x: mp.re(mp.loggamma(x)), 5, floor=1.0)
digamma = _scipy("digamma", lambda mp, x: mp.digamma(x), 14, vendor=4, floor=1.0, partial=_next_polygamma(0))
# Recurrences and Euler-Maclaurin sums, likewise: trigamma 8 in torch's float32, polygamma(2) 8 in float64.
POLYGAMMA = [digamma, *(_polygamma(n) for n in (1, 2, 3, 4))]

i0 = _scipy("i0", lambda mp, x: mp.besseli(0, x), 6, vendor=3)
i1 = _scipy("i1", lambda mp, x: mp.besseli(1, x), 16, vendor=6.5, partial=_mean_of_neighbours(1))
BESSEL = [i0, i1, *(_bessel(n) for n in (2, 3, 4, 5))]
erfinv = _scipy("erfinv", lambda mp, x: mp.erfinv(x), 4)
ndtri = _scipy("ndtri", lambda mp, x: mp.sqrt(2) * mp.erfinv(2 * x - 1), 8, vendor=2)
# Far down libraries have log(erfcx(-x / sqrt(2)) / 2) - x^2 / 2 (torch's ATen/native/Math.h): a rounding of the square, and one
# of the difference.
log_ndtr = _scipy("log_ndtr", lambda mp, x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2), 24, vendor=2)


def i1_slope(y: Any, x: Any) -> Any:
    """(i0 + i2) / 2; libraries have i0 - i1 / x, which cancels near zero, and its roundings."""
    slope = (i0(x) + BESSEL[2](x)) / 2
    return slope + np.where(x == 0, 0.0, slack(i0(x) - y / np.where(x == 0, 1.0, x) - slope))


NEAR_POLES = "near its poles libraries are as good as the argument is, and a quotient of two is better"

SPECIAL = table(
    Group.SPECIAL,
    # ----- the normal distribution -----
    Operation(
        "erf",
        erf,
        partials=[lambda y, x: TWO_OVER_ROOT_PI * np.exp(-x * x)],
        domain=Domain(-4.0, 4.0),
        roundings=8,
        saturates="both",
    ),
    Operation(
        "erfc",
        erfc,
        partials=[lambda y, x: -TWO_OVER_ROOT_PI * np.exp(-x * x)],
        domain=Domain(-4.0, 4.0),
        roundings=8,
        saturates="both",
    ),
    Operation(
        "erfinv",
        erfinv,
        partials=[lambda y, x: np.exp(y * y) / TWO_OVER_ROOT_PI],
        domain=UNIT,
        special=[convention(-1.0), convention(1.0)],
        roundings=8,
    ),
    # By erf, as libraries have it: the far negative tail cancels, and its error is one of absolute size.
    Operation("ndtr", lambda x: 0.5 * (1 + erf(x * math.sqrt(0.5))), domain=Domain(-4.0, 4.0), roundings=8, saturates="both"),
    Operation(
        "ndtri",
        ndtri,
        partials=[lambda y, x: ROOT_TWO_PI * np.exp(y * y / 2)],
        domain=UNIT_INTERVAL,
        special=[convention(0.0), convention(1.0)],
        roundings=16,
    ),
    Operation(
        "log_ndtr",
        log_ndtr,
        partials=[lambda y, x: np.exp(-y - x * x / 2) / ROOT_TWO_PI],
        domain=Domain(-30.0, 4.0),
        special=[removable(-40.0, note="erfc underflows")],
        roundings=48,
    ),
    Operation(
        "gelu",
        lambda x: x * (0.5 * (1 + quick_erf(x * math.sqrt(0.5)))),
        domain=Domain(-4.0, 4.0),
        special=[removable(-100.0, note="saturated"), removable(100.0, note="saturated")],
        roundings=8,
        saturates="both",
    ),
    # ----- the gamma function -----
    Operation(
        "lgamma",
        gammaln,
        partials=[lambda y, x: digamma(x)],
        domain=BETWEEN_POLES,
        special=POLES,
        roundings=16,
        undrawn=NEAR_POLES,
    ),
    Operation(
        "digamma",
        digamma,
        partials=[lambda y, x: POLYGAMMA[1](x)],
        domain=BETWEEN_POLES,
        special=POLES,
        roundings=16,
        undrawn=NEAR_POLES,
    ),
    # ----- Bessel functions -----
    Operation("i0", i0, partials=[lambda y, x: i1(x)], domain=Domain(-80.0, 80.0), roundings=16),
    Operation("i1", i1, partials=[i1_slope], domain=Domain(-80.0, 80.0), special=[removable(0.0)], roundings=32),
)
