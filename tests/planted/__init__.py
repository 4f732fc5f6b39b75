"""Backends that are wrong on purpose, by name: each is the reference with one fault."""

from clinometer.backends.reference import Reference
from planted.arrays import ARRAYS
from planted.derivatives import DERIVATIVES
from planted.operations import OPERATIONS

PLANTED: dict[str, type[Reference]] = {**ARRAYS, **OPERATIONS, **DERIVATIVES}
