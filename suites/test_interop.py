"""Interoperation: numpy's arrays go in and come back."""

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from clinometer.strategies import shapes
from clinometer.suites.check import Check
from clinometer.suites.clauses import CONVENTION, INFO, clause, drawn, given

ODD = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, 1e-42, 1.0, -1 / 3, 65504.0]


@st.composite
def odd_arrays(draw, dtype):
    """Draw arrays with every kind of number; shrinks to zeros."""
    shape = draw(shapes())
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return rng.choice(np.array(ODD), shape).astype(dtype)


def bits(x: np.ndarray) -> np.ndarray:
    """Return the bits, since -0.0 == 0.0 and nan != nan."""
    return np.ascontiguousarray(x).reshape(x.shape).view({4: np.uint32, 8: np.uint64}[x.dtype.itemsize])


@clause("INTEROP-1", over=drawn(odd_arrays), broken_by=["lossy_conversion"], judges_dtype=True)
def test_a_round_trip_keeps_every_bit(check: Check, x: np.ndarray) -> None:
    """From numpy and back, an array MUST keep its dtype, its shape and every bit, since a copy computes nothing."""
    back = check.numpy(check.native(x))
    check.that((back.dtype, back.shape) == (x.dtype, x.shape), f"{x.dtype} {x.shape} comes back as {back.dtype} {back.shape}")
    check.same(bits(back), bits(x), f"the bits of {x.tolist()} after a round trip")


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "transposed": lambda x: x.T,
    "every other": lambda x: x[::2, ::3],
    "reversed": lambda x: x[::-1],
    "both reversed": lambda x: x[::-1, ::-1],
    "broadcast": lambda x: np.broadcast_to(x[0], (3, 6)),
    "column-major": np.asfortranarray,
    "0-d": lambda x: np.array(2.5, x.dtype),
    "empty": lambda x: np.zeros((0, 3), x.dtype),
}


@clause("INTEROP-2", over=given(*LAYOUTS.values(), names=list(LAYOUTS)), broken_by=["stride_blind"])
def test_the_layout_in_memory_does_not_matter(check: Check, layout: Callable[[np.ndarray], np.ndarray]) -> None:
    """Arrays of any strides, without axes or without entries MUST go in and come back."""
    x = layout(np.arange(24, dtype=check.real).reshape(4, 6))
    check.same(check.numpy(check.native(x)), np.array(x), "an array of unusual layout")


@clause("INTEROP-3", broken_by=["lossy_conversion"], judges_dtype=True)
def test_integers_and_booleans_keep_their_dtype(check: Check) -> None:
    """Arrays of integers and of booleans MUST keep their dtype and values."""
    for x in (np.array([1, -2, 2**40]), np.array([3, 4], np.int32), np.array([True, False])):
        check.same(check.numpy(check.native(x)), x, f"an array of {x.dtype}")


@clause("INTEROP-4", level=INFO, kind=CONVENTION)
def test_sharing_of_memory_is_recorded(check: Check) -> None:
    """Whether numpy's view and the library's array share memory is recorded."""
    native = check.native(np.zeros(3, check.real))
    with check.theirs("conversion to numpy"):
        view = np.asarray(check.backend.to_numpy(native))
    if view.flags.writeable:
        view[0] = 1.0
        check.observe("memory of to_numpy", "shared" if check.numpy(native)[0] == 1.0 else "copied")
    else:
        check.observe("memory of to_numpy", "read-only")
