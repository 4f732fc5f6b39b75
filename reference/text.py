"""Numbers as text: literals that read back, and as many digits as tell two numbers apart; and no text without bound."""

from __future__ import annotations

import math
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # programs and cases print themselves through this module
    pass


def literal(value: Any) -> str:
    """Return Python source for a parameter: numbers, infinities, slices, tuples, arrays as nested lists."""
    if isinstance(value, slice):
        return f"slice({literal(value.start)}, {literal(value.stop)}, {literal(value.step)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, np.ndarray):
        return literal(value.tolist())
    if isinstance(value, np.generic):
        return literal(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return "..." if value is ... else repr(value)


def numbers(x: np.ndarray) -> str:
    """Return an array as nested lists of the shortest literals that its dtype reads back."""
    if x.ndim:
        return f"[{', '.join(numbers(row) for row in x)}]" if x.size or x.ndim == 1 else literal(x)
    if x.dtype.kind == "c" and not np.isfinite(x):
        return f'complex("{complex(x)!r}")'
    if x.dtype.kind != "f":
        return repr(x.item())
    text = str(x[()]) if x.dtype.itemsize <= 8 else repr(float(x))
    return text if math.isfinite(float(x)) else f'float("{text}")'


def clipped(text: str, most: int) -> str:
    """Return a text, of a long one the beginning and the end, and how much is left out between them."""
    if len(text) <= most:
        return text
    tail = most // 4
    head = most - tail
    return f"{text[:head]} [... {len(text) - most:,} characters are left out ...] {text[-tail:]}"


def apart(x: Any, y: Any) -> tuple[str, str]:
    """Return two numbers as text, in as few digits as tell them apart and one more; in four at least."""
    if not _decimal(x) or not _decimal(y) or x == y:
        return _brief(x), _brief(y)
    one, other = _exactly(x), _exactly(y)
    for digits in range(4, 40):
        if _rounded(one, digits - 1) != _rounded(other, digits - 1):
            return _rounded(one, digits), _rounded(other, digits)
    return str(one), str(other)


def got_and_expected(got: Any, want: Any) -> str:
    """Return how a message tells two numbers that should be one."""
    return "got {}, expected {}".format(*apart(got, want))


def _decimal(x: Any) -> bool:
    return _real(x) and math.isfinite(float(x))


def _real(x: Any) -> bool:
    dtype = np.asarray(x).dtype
    return dtype.kind == "f" or dtype.name == "bfloat16"


def _brief(x: Any) -> str:
    """Return a number that stands alone."""
    return f"{float(x):.6g}" if _real(x) else str(x)


def _exactly(x: Any) -> Decimal:
    """Return all digits of a number, also of one wider than Python's."""
    high = float(x)
    return Decimal(high) + Decimal(float(x - high))


def _rounded(x: Decimal, digits: int) -> str:
    """Return the shortest text of a number rounded to so many digits."""
    if not x:
        return "0"
    rounded = Context(prec=digits).plus(x)
    text = f"{rounded.normalize():g}"
    if -5 <= rounded.adjusted() < 16:
        text = f"{rounded.normalize():f}"
    return text
