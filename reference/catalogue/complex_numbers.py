"""Complex numbers: parts, conjugate, size, direction, angle. Rows elsewhere that take them too say so by `kinds="fc"`.

A derivative is then a linear map over the real numbers, and its pullback the transpose in the inner product
Re <u, v>: a gradient points where the function grows fastest. Libraries that transpose without conjugating are held
to that convention (see `Check.transposes`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.reference.catalogue.rows import NONZERO, Group, Operation, convention, table


def modulus(z: Any) -> Any:
    re, im = np.real(z), np.imag(z)
    return np.sqrt(re * re + im * im)


COMPLEX = table(
    Group.COMPLEX,
    Operation("real", lambda z: np.real(z), kinds="c"),
    Operation("imag", lambda z: np.imag(z), kinds="c"),
    Operation("conj", lambda z: np.conjugate(z), kinds="c"),
    Operation("modulus", modulus, domain=NONZERO, kinds="c", special=[convention(0j)]),
    Operation("sgn", lambda z: np.sign(z), domain=NONZERO, kinds="c", special=[convention(0j)]),
    Operation("angle", lambda z: np.arctan2(np.imag(z), np.real(z)), domain=NONZERO, kinds="c", special=[convention(0j)]),
)
