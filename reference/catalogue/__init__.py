"""The operations that Clinometer knows: `CATALOGUE[name]` is a row, and all there is to know of it.

Adding an operation takes one row in one of the tables of this folder, and no other change.
"""

from __future__ import annotations

from types import SimpleNamespace

from clinometer.reference.arithmetic.rules import PARTIALS
from clinometer.reference.catalogue import (
    activations,
    arithmetic,
    complex_numbers,
    exponential,
    linalg,
    losses,
    piecewise,
    reductions,
    special,
    structure,
    trigonometric,
    windows,
)
from clinometer.reference.catalogue.rows import Domain, Operation, Special

CATALOGUE: dict[str, Operation] = {
    **arithmetic.ARITHMETIC,
    **exponential.EXPONENTIAL,
    **trigonometric.TRIGONOMETRIC,
    **piecewise.PIECEWISE,
    **activations.ACTIVATIONS,
    **special.SPECIAL,
    **reductions.REDUCTIONS,
    **reductions.SCANS,
    **losses.LOSSES,
    **structure.SHAPE,
    **structure.INDEXING,
    **linalg.LINEAR_ALGEBRA,
    **windows.WINDOWS,
    **complex_numbers.COMPLEX,
    **structure.PRIMITIVES,
}

# The arithmetic takes the derivative of a function from its row.
PARTIALS.update({row.value: tuple(row.partials) for row in CATALOGUE.values() if row.partials is not None})

# The mathematics as a namespace: what a program runs on to find its truth.
MATHEMATICS = SimpleNamespace(**{name: row.value for name, row in CATALOGUE.items()})

__all__ = ["CATALOGUE", "MATHEMATICS", "Domain", "Operation", "Special"]
