"""Backends that are wrong on purpose, by name: each is the reference, or torch, with one fault."""

from typing import Any

from planted.arrays import ARRAYS
from planted.derivatives import DERIVATIVES
from planted.libraries import LIBRARIES
from planted.operations import OPERATIONS

PLANTED: dict[str, Any] = {**ARRAYS, **OPERATIONS, **DERIVATIVES, **LIBRARIES}
