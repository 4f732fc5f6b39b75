"""Special points of operations: the cells that ask about them, and how the atlas names them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from clinometer.harness.cells import DTYPES, Cell
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, Operation, Special
from clinometer.reference.program.tracing import single
from clinometer.strategies import fixed_case
from clinometer.strategies.forms import FORMS

COMPLEX = ("complex64", "complex128")


class Point(NamedTuple):
    """What a cell about a special point is asked of."""

    row: Operation
    special: Special
    dtype: str

    @property
    def name(self) -> str:
        """The operation and the point: a line of the atlas."""
        return f"{self.row.name} {point_name(self.special)}"


def special_cells(*kinds: str, mode: str = "reverse", dtypes: tuple[str, ...] = DTYPES) -> list[Cell]:
    """Return a cell for each special point of some kinds, in each dtype; of a complex operation in each complex one."""
    return [
        Cell(operation=row.name, dtype=dtype, mode=mode, parameters=point_name(special), argument=Point(row, special, dtype))
        for row in CATALOGUE.values()
        for special in row.special
        if special.kind in kinds
        for dtype in (dtypes if "float64" in row.dtypes else COMPLEX)
    ]


def point_name(special: Special) -> str:
    """Return a short name of a special point, for ids and for the atlas."""
    params = "".join(f", {k}={v}" for k, v in special.params.items())
    return ("at " + ", ".join(map(str, special.args)) + params).replace(" ", "")


def case_at(point: Point) -> Case:
    """Return the case of a special point."""
    row, special, dtype = point
    params = dict(special.params)
    if FORMS[row.form].kind == "reduction":
        params.setdefault("axis", None)
    return fixed_case(single(row.name, params), special.args, dtype)


def legible(x: np.ndarray) -> str:
    """Return numbers with six digits, as nested lists."""
    wide = np.complex128 if x.dtype.kind == "c" else np.float64
    return str((np.round(x.astype(wide), 6) + 0.0).tolist())
