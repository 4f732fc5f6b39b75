"""Hypothesis strategies: shapes, broadcastable shapes, arrays, indices, cotangents, whole cases.

They know the reference and no backend: everything is made in numpy, from one seed, and converted by adapters.
"""

from clinometer.strategies.arrays import DISTRIBUTIONS, cotangents, distinct_values, values
from clinometer.strategies.cases import fixed_case, operation_cases, pinned_case, program_cases
from clinometer.strategies.shapes import axes_subsets, broadcastable_shapes, index_keys, shapes

__all__ = [
    "DISTRIBUTIONS",
    "axes_subsets",
    "broadcastable_shapes",
    "cotangents",
    "distinct_values",
    "fixed_case",
    "index_keys",
    "operation_cases",
    "pinned_case",
    "program_cases",
    "shapes",
    "values",
]
