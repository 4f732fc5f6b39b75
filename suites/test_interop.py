"""Interoperation: numpy's arrays go in and come back."""

import numpy as np
from hypothesis import strategies as st

from clinometer.backends.dialect import Vocabulary
from clinometer.harness.cells import drawn, given
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import Relation
from clinometer.harness.transcript import Transcript
from clinometer.journal.vocabulary import CONVENTION, INFO
from clinometer.reference.text import literal
from clinometer.strategies import shapes

ODD = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, 1e-42, 1.0, -1 / 3, 65504.0]


@st.composite
def odd_arrays(draw, dtype):
    """Draw arrays with every kind of number; shrinks to zeros."""
    shape = draw(shapes())
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return rng.choice(np.array(ODD), shape).astype(dtype)


BITS = {4: "uint32", 8: "uint64"}


def bits(x: np.ndarray) -> np.ndarray:
    """Return the bits, since -0.0 == 0.0 and nan != nan."""
    return np.ascontiguousarray(x).reshape(x.shape).view(BITS[x.dtype.itemsize])


@clause("INTEROP-1", over=drawn(odd_arrays), broken_by=["lossy_conversion"], judges_dtype=True)
def test_a_round_trip_keeps_every_bit(check: Check, x: np.ndarray) -> None:
    """From numpy and back, an array MUST keep its dtype, its shape and every bit, since a copy computes nothing."""
    said, back = round_trip(check, x, f"np.array({literal(x)}, dtype='{x.dtype}').reshape({x.shape})")
    text = f"{x.dtype} {x.shape} comes back as {back.dtype} {back.shape}"
    said.require((back.dtype, back.shape) == (x.dtype, x.shape), text, "(back.dtype, back.shape) == (x.dtype, x.shape)")
    with said:
        whole = BITS[x.dtype.itemsize]
        about = Relation(f"back.view('{whole}')", f"x.view('{whole}')")
        check.same(bits(back), bits(x), f"the bits of {x.tolist()} after a round trip", about=about)


def round_trip(check: Check, x: np.ndarray, source: str) -> tuple[Transcript, np.ndarray]:
    """Return an array that went in and came back, and the transcript: the adapter is asked, and no dialect."""
    said = Transcript(check)
    said.lines += [f"x = {source}", "back = backend.to_numpy(backend.asarray(x))"]
    with said:
        return said, check.numpy(check.native(x))


LAYOUTS = {
    "transposed": lambda dtype: np.arange(24, dtype=dtype).reshape(4, 6).T,
    "every other": lambda dtype: np.arange(24, dtype=dtype).reshape(4, 6)[::2, ::3],
    "reversed": lambda dtype: np.arange(24, dtype=dtype).reshape(4, 6)[::-1],
    "both reversed": lambda dtype: np.arange(24, dtype=dtype).reshape(4, 6)[::-1, ::-1],
    "broadcast": lambda dtype: np.broadcast_to(np.arange(24, dtype=dtype).reshape(4, 6)[0], (3, 6)),
    "column-major": lambda dtype: np.asfortranarray(np.arange(24, dtype=dtype).reshape(4, 6)),
    "0-d": lambda dtype: np.array(2.5, dtype),
    "empty": lambda dtype: np.zeros((0, 3), dtype),
}


@clause("INTEROP-2", over=given(*LAYOUTS, names=list(LAYOUTS)), broken_by=["stride_blind"])
def test_the_layout_in_memory_does_not_matter(check: Check, layout: str) -> None:
    """Arrays of any strides, without axes or without entries MUST go in and come back."""
    x = LAYOUTS[layout](check.real)
    said, back = round_trip(check, x, Vocabulary(LAYOUTS).spell(layout, [], {"dtype": check.real}))
    with said:
        check.same(back, np.array(x), "an array of unusual layout", about=Relation("back", "x"))


@clause("INTEROP-3", broken_by=["lossy_conversion"], judges_dtype=True)
def test_integers_and_booleans_keep_their_dtype(check: Check) -> None:
    """Arrays of integers and of booleans MUST keep their dtype and values."""
    for x in (np.array([1, -2, 2**40]), np.array([3, 4], np.int32), np.array([True, False])):
        said, back = round_trip(check, x, f"np.array({x.tolist()}, dtype='{x.dtype}')")
        with said:
            check.same(back, x, f"an array of {x.dtype}", about=Relation("back", "x"))


@clause("INTEROP-4", level=INFO, kind=CONVENTION)
def test_sharing_of_memory_is_recorded(check: Check) -> None:
    """Whether numpy's view and the library's array share memory is recorded."""
    native = check.native(np.zeros(3, check.real))
    with check.backend_call("conversion to numpy"):
        view = np.asarray(check.backend.to_numpy(native))
        writeable = view.flags.writeable
        if writeable:
            view[0] = 1.0
        answer = "read-only" if not writeable else "shared" if check.numpy(native)[0] == 1.0 else "copied"
    check.observe("memory of to_numpy", answer)
