"""Half precision for the reference backend: numbers kept in float32, every result rounded.

So libraries do it on a CPU: they load float16 or bfloat16, compute in float32, accumulate there, and store the
rounded result of each operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clinometer.reference.arithmetic import dispatch

Array = Any

NARROW = ("float16", "bfloat16")


class HalfArray(dispatch.Traced):
    """An array of a type that numpy computes in poorly or not at all; `data` is float32, and exact in `name`."""

    def __init__(self, x: np.ndarray, name: str):
        self.name = name
        with np.errstate(all="ignore"):  # beyond the largest number lies infinity
            self.data = np.asarray(x, np.float32).astype(name).astype(np.float32)

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]  # read-only here
        return self.data.shape

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]  # what is made beside it is computed with, not stored
        return self.data.dtype

    def __bool__(self) -> bool:
        return bool(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.data.astype(dtype or self.name)

    def clean(self) -> np.ndarray:
        return self.data

    def apply(self, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> Array:
        if isinstance(params.get("positions"), dispatch.Traced):  # what is traced takes precedence, as among arguments
            return params["positions"].apply(function, args, params)
        plain = [a.data if isinstance(a, HalfArray) else a for a in args]
        y = (function.plain if isinstance(function, dispatch.Primitive) else function)(*plain, **params)
        return HalfArray(y, self.name) if np.asarray(y).dtype.kind == "f" else y


def stored(value: Callable[..., Array]) -> Callable[..., Array]:
    """Return an operation whose result is of its arguments' kind, also where none of their entries is in it."""

    def operation(*args: Any, **params: Any) -> Array:
        y = value(*args, **params)
        name = next(filter(None, map(kind, args)), "")
        return HalfArray(y, name) if name and isinstance(y, np.ndarray) and y.dtype.kind == "f" else y

    return operation


def kind(x: Any) -> str:
    """Return the half precision that an array is of, below all derivatives; "" if it is of none."""
    while not isinstance(x, HalfArray):
        x = getattr(x, "value", getattr(x, "x", None))
        if x is None:
            return ""
    return x.name
