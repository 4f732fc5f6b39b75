"""Structures of an operation in which a side is 0, for empty arrays, or 1."""

from __future__ import annotations

import itertools

from clinometer.reference.catalogue import CATALOGUE, Operation
from clinometer.strategies.forms import FORMS, Structure


def degenerate_structures(row: Operation, n: int) -> list[Structure]:
    """Return structures of an operation in which some side is n, 0 or 1; none if it takes no such arrays."""
    if row.form == "elementwise":
        return [(((n,),) * row.arity, {}), (((2, n, 3),) * row.arity, {})]
    form = FORMS[row.form]
    if form.degenerate is None or (n == 0 and form.listed):
        return []
    # The mean of nothing is no number; the sum is.
    how = {"reduction": "sum"} if n == 0 and "reduction" in row.choices else {}
    return [(shapes[: row.arity], {**params, **how}) for shapes, params in form.degenerate(n)]


def hollow_corners(row: Operation) -> list[Structure]:
    """Return the corners of an operation of which an argument or the result has no entries."""
    return [
        (tuple(shapes), params)
        for shapes, params in row.corners
        if 0 in itertools.chain(*shapes, params.get("shape", ()))
        and (tuple(shapes), params) not in degenerate_structures(row, 0)
    ]


def asked() -> list[Operation]:
    """Return the differentiable rows of real arrays."""
    return [row for row in CATALOGUE.values() if row.differentiable and "float64" in row.dtypes]
