"""The entry at which an answer is wrong: numbers from the text that a journal keeps of them."""

from __future__ import annotations

import math
import struct
from typing import Any

from clinometer.journal.records import Array, Evidence

CODES = {"float16": "e", "float32": "f"}  # of `struct`
REAL = {"complex64": "float32", "complex128": "float64"}


def number(text: str, dtype: str = "") -> complex | None:
    """Return a number of Python's in text, as its dtype has it; None of what is none, such as True."""
    try:
        value = complex(text)
    except ValueError:
        return None
    return complex(_rounded(value.real, dtype), _rounded(value.imag, dtype))


def size(x: complex) -> float:
    """Return the absolute value of a number; of a very large one infinity, where `abs` raises."""
    return math.hypot(x.real, x.imag)


def _rounded(x: float, dtype: str) -> float:
    """Return the number that a text stands for: of a narrow dtype it has no more digits than tell numbers apart."""
    kind = REAL.get(dtype, dtype)
    if kind == "float64" or not math.isfinite(x):
        return x
    try:
        if kind in CODES:
            return float(struct.unpack(CODES[kind], struct.pack(CODES[kind], x))[0])
        if kind == "bfloat16":
            [bits] = struct.unpack("I", struct.pack("f", x))
            kept = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
            return float(struct.unpack("f", struct.pack("I", kept))[0])
    except OverflowError:
        return math.copysign(math.inf, x)
    return x


def _at(array: Array | None, flat: int) -> str:
    return array.values[flat] if array is not None and flat < len(array.values) else ""


def entry_of(evidence: Evidence) -> dict[str, Any]:
    """Return the entry that was judged: what was got there, and what is right."""
    got, expected = evidence.got, evidence.expected
    if got is None and expected is None:
        return {}
    if got is None or expected is None or evidence.index is None:
        return {name: _shape(it) for name, it in (("got", got), ("expected", expected)) if it is not None}
    flat = 0
    for i, side in zip(evidence.index, got.shape, strict=False):
        flat = flat * side + i
    texts = _at(got, flat), _at(expected, flat)
    return {
        "claim": evidence.claim,
        "index": evidence.index,
        "got": texts[0],
        "expected": texts[1],
        "difference": _difference(evidence, *texts, _at(evidence.tolerance, flat)),
        "tolerance": _at(evidence.tolerance, flat),
        "error": evidence.error,
        "entries": math.prod(got.shape),
        "outside": _outside(evidence, flat),
    }


def _difference(evidence: Evidence, got: str, expected: str, tolerance: str) -> str:
    """Return how far the two are apart; from the error, where it is known, since the truth has more digits than its text."""
    assert evidence.got is not None  # asked before
    assert evidence.expected is not None
    error, bound = number(evidence.error), number(tolerance)
    if error is not None and bound is not None and math.isfinite((error * bound).real):
        return f"{(error * bound).real:.4g}"
    one, other = number(got, evidence.got.dtype), number(expected, evidence.expected.dtype)
    if one is None or other is None:
        return ""
    return f"{size(one - other):.4g}" if math.isfinite(size(one - other)) else "none, since one is no finite number"


def _shape(array: Array) -> str:
    sides = ", ".join(map(str, array.shape)) + "," * (len(array.shape) == 1)
    return f"{array.dtype} of shape ({sides})"


def _outside(evidence: Evidence, judged: int) -> int | None:
    """Return how many entries are outside of their tolerance, the judged one among them; None where too many to tell."""
    got, expected, tolerance = evidence.got, evidence.expected, evidence.tolerance
    if got is None or expected is None or tolerance is None or len(got.values) < math.prod(got.shape):
        return None
    count = 0
    for at, (one, other, allowed) in enumerate(zip(got.values, expected.values, tolerance.values, strict=False)):
        x, y, bound = number(one, got.dtype), number(other, expected.dtype), number(allowed)
        if at == judged:
            count += 1
        elif x is None or y is None or bound is None:
            count += one != other
        elif not (x == y or (x != x and y != y) or bound.real == math.inf):
            count += not size(x - y) <= bound.real
    return count
