"""Backends that are wrong on purpose, by name: each is the reference, or torch, with one fault."""

from typing import Any

from planted.arrays import ARRAYS
from planted.classes import contiguous_only
from planted.derivatives import DERIVATIVES
from planted.dtypes import DTYPES
from planted.edges import EDGES
from planted.libraries import LIBRARIES
from planted.operations import OPERATIONS
from planted.programs import PROGRAMS
from planted.second_order import SECOND_ORDER
from planted.state import STATE
from planted.transforms import TRANSFORMS

PLANTED: dict[str, Any] = {
    **ARRAYS,
    **OPERATIONS,
    **DERIVATIVES,
    **DTYPES,
    **LIBRARIES,
    **SECOND_ORDER,
    **{
        name: PROGRAMS[name]
        for name in ("third_use_lost", "wrong_order_in_a_diamond", "late_binding", "confused_perturbations")
    },
    **TRANSFORMS,
    **EDGES,
    **STATE,
    "contiguous_only": contiguous_only,
}
