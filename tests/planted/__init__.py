"""Backends that are wrong on purpose, by name: each is the reference, or torch, with one fault."""

from typing import Any

from planted.arrays import ARRAYS
from planted.classes import contiguous_only
from planted.derivatives import DERIVATIVES
from planted.dtypes import DTYPES
from planted.edges import EDGES
from planted.libraries import LIBRARIES
from planted.operations import OPERATIONS
from planted.second_order import SECOND_ORDER

PLANTED: dict[str, Any] = {
    **ARRAYS,
    **OPERATIONS,
    **DERIVATIVES,
    **DTYPES,
    **LIBRARIES,
    **SECOND_ORDER,
    **EDGES,
    "contiguous_only": contiguous_only,
}
