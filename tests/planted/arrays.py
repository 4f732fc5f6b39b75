"""Wrong on purpose: arrays whose operators, conversions or creation are off."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.backends.reference.adapter import Reference


def plain(x: Any) -> Any:
    """Return numpy's own array, whose operators are sound."""
    return np.asarray(x) if isinstance(x, np.ndarray) else x


class Operators(Reference):
    """A reference whose arrays are of a class with a wrong operator."""

    array: type[np.ndarray]

    def asarray(self, x: np.ndarray) -> Any:
        return np.array(x).view(self.array)


def operators(**wrong: Any) -> type[Reference]:
    """Return a backend whose arrays have these operators instead."""
    array = type("Array", (np.ndarray,), {f"__{name}__": staticmethod_of(f) for name, f in wrong.items()})
    return type("PlantedOperators", (Operators,), {"array": array})


def staticmethod_of(f: Any) -> Any:
    """Return a method that gives plain arrays to `f`."""
    return lambda *operands: np.asarray(f(*map(plain, operands)))


def truncating(function: Any) -> Any:
    """Return an operator that cuts shapes which do not fit down to those that do."""

    def apply(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        try:
            return function(x, y)
        except ValueError:
            n = min(x.size, y.size)
            return function(np.ravel(x)[:n], np.ravel(y)[:n])

    return apply


def afraid(function: Any) -> Any:
    """Return an operator that refuses arrays without entries."""

    def apply(x: Any, y: Any) -> Any:
        if np.size(x) == 0 or np.size(y) == 0:
            raise ValueError("an array without entries")
        return function(x, y)

    return apply


def first_row(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Add y to the first row of x alone."""
    z = np.array(x)
    z[0] += y
    return z


class FearfulOfNothing(Operators):
    array = type("Array", (np.ndarray,), {"__mul__": staticmethod_of(afraid(np.multiply))})

    def __init__(self) -> None:
        super().__init__()
        self.xp.multiply = afraid(np.multiply)


class LossyConversion(Reference):
    def asarray(self, x: np.ndarray) -> Any:
        return np.array(x, np.float32).astype(x.dtype) if x.dtype == np.float64 else np.array(x, np.float32)


class StrideBlind(Reference):
    def asarray(self, x: np.ndarray) -> Any:
        memory = np.ravel(x if x.base is None else x.base, order="K")
        return np.resize(memory, x.shape).astype(x.dtype)


class Creation(Reference):
    """A reference with other creation functions."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("arange", "zeros", "ones", "full", "eye", "linspace", "zeros_like", "ones_like", "asarray", "normal"):
            if hasattr(self, name) and name != "asarray":
                setattr(self.xp, name, getattr(self, name))


class OneBasedRange(Creation):
    def arange(self, *bounds: Any) -> Any:
        return np.arange(*bounds) + 1


class FlatCreation(Reference):
    def __init__(self) -> None:
        super().__init__()
        for name in ("zeros", "ones", "full", "eye", "zeros_like", "ones_like", "asarray"):
            function = getattr(self.xp, name)
            setattr(self.xp, name, lambda *a, function=function, **k: np.ravel(function(*a, **k)))


class OpenLinspace(Creation):
    def linspace(self, start: float, stop: float, num: int, dtype: str | None = None) -> Any:
        return np.linspace(start, stop, num, endpoint=False, dtype=dtype) if num > 1 else np.array([start])


class BiasedNormal(Creation):
    def normal(self, shape: tuple[int, ...], seed: int) -> Any:
        return np.random.default_rng(seed).standard_normal(shape) + 0.05


class UnseededNormal(Creation):
    draws = 0

    def normal(self, shape: tuple[int, ...], seed: int) -> Any:
        self.draws += 1
        return np.random.default_rng(self.draws).standard_normal(shape)


class ColumnMajor(Reference):
    def __init__(self) -> None:
        super().__init__()
        self.xp.reshape = lambda x, shape: np.reshape(x, shape, order="F")


ARRAYS: dict[str, type[Reference]] = {
    "swapped_operands": operators(
        sub=lambda x, y: y - x, rsub=lambda x, y: x - y, truediv=lambda x, y: y / x, rtruediv=lambda x, y: x / y,
        pow=lambda x, y: y**x,
    ),
    "truncated_division": operators(floordiv=lambda x, y: np.trunc(x / y), mod=np.fmod),
    "forgetful_negative": operators(neg=lambda x: -abs(x)),
    "strict_comparison": operators(le=np.less, ge=np.greater),
    "integer_division": operators(truediv=np.floor_divide),
    "truncating_broadcast": operators(add=truncating(np.add), mul=truncating(np.multiply)),
    "first_row_only": operators(add=first_row),
    "fearful_of_nothing": FearfulOfNothing,
    "lossy_conversion": LossyConversion,
    "stride_blind": StrideBlind,
    "one_based_range": OneBasedRange,
    "flat_creation": FlatCreation,
    "open_linspace": OpenLinspace,
    "biased_normal": BiasedNormal,
    "unseeded_normal": UnseededNormal,
    "column_major": ColumnMajor,
}  # fmt: skip
