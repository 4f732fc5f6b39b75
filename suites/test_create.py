"""Creation: arrays from sizes, ranges, nested lists and chance."""

import numpy as np

from clinometer.harness.cells import given, with_operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import Relation
from clinometer.harness.transcript import Transcript
from clinometer.journal.vocabulary import CONVENTION, INFO
from clinometer.reference.arithmetic.rounding import EXTENDED

SIZES = ((3, 4), (), (0,), (2, 0, 3), (1, 2, 3))


@clause("CREATE-1", over=with_operations("arange"), broken_by=["one_based_range"])
def test_a_range_counts_from_zero(check: Check) -> None:
    """arange(12) MUST hold 0 to 11, with shape (12,) and length 12."""
    said = Transcript(check)
    x = said.call("arange", 12)
    with check.backend_call("arange(12)"):
        said.require(tuple(x.shape) == (12,), f"arange(12) has shape {tuple(x.shape)}", "tuple(out.shape) == (12,)")
        said.require(len(x) == 12, f"arange(12) has length {len(x)}", "len(out) == 12")
    said.float64(np.arange(12.0), "arange(12)")


@clause(
    "CREATE-2", over=given((2, 11, 3), (0, 1, 1), (5, 0, -2), (0.0, 1.0, 0.25), using=["arange"]), broken_by=["one_based_range"]
)
def test_a_range_has_start_stop_and_step(check: Check, bounds) -> None:
    """arange(start, stop, step) MUST stop before its bound, in steps of either sign."""
    said = Transcript(check)
    said.call("arange", *bounds)
    said.float64(np.arange(*bounds), f"arange{bounds}")


@clause("CREATE-3", over=given(*SIZES, using=["zeros", "ones", "full"]), broken_by=["flat_creation"], judges_dtype=True)
def test_filled_arrays_have_their_shape_dtype_and_value(check: Check, shape) -> None:
    """zeros, ones and full MUST have the shape and dtype that is asked for, and one value."""
    for name, value, extra in (("zeros", 0.0, ()), ("ones", 1.0, ()), ("full", -2.5, (-2.5,))):
        for dtype in check.reals:
            said = Transcript(check)
            said.call(name, shape, *extra, dtype=dtype)
            said.same(np.full(shape, value, dtype), f"{name}({shape}, dtype={dtype})")


@clause("CREATE-4", over=given(1, 5, 0, using=["eye"]), broken_by=["flat_creation"])
def test_the_identity_has_ones_on_its_diagonal(check: Check, n) -> None:
    """eye(n) MUST be the identity matrix."""
    said = Transcript(check)
    said.call("eye", n, dtype=check.real)
    said.same(np.eye(n, dtype=check.real), f"eye({n})")


@clause("CREATE-5", over=given(*SIZES, using=["zeros_like", "ones_like"]), broken_by=["flat_creation"], judges_dtype=True)
def test_likeness_keeps_shape_and_dtype(check: Check, shape) -> None:
    """zeros_like and ones_like MUST keep the shape and the dtype of their model."""
    for dtype in check.reals:
        for name, value in (("zeros_like", 0.0), ("ones_like", 1.0)):
            said = Transcript(check, model=np.full(shape, 3.0, dtype))
            said.call(name, "model")
            said.same(np.full(shape, value, dtype), name)


@clause(
    "CREATE-6",
    over=given((-1.0, 1.0, 5), (0.0, 3.0, 7), (2.0, -2.0, 3), (1.0, 2.0, 1), using=["linspace"]),
    broken_by=["open_linspace"],
)
def test_linspace_includes_both_ends(check: Check, bounds) -> None:
    """linspace(start, stop, num) MUST be evenly spaced and include both ends."""
    said = Transcript(check)
    said.call("linspace", *bounds, dtype=check.real)
    exact = np.linspace(EXTENDED(bounds[0]), EXTENDED(bounds[1]), bounds[2])
    x, want = said.numbers(), exact.astype(check.real)
    bound = 2 * max(abs(bounds[0]), abs(bounds[1])) * np.finfo(check.real).eps
    got = np.where(abs(x - exact) <= bound, want, x).astype(x.dtype) if x.shape == exact.shape else x
    said.same(want, f"linspace{bounds}", got=got, tolerance=bound)


NESTED = given([1, 2, 3], [[1.5, -2.0], [3.0, 4.25]], [[[1], [2]], [[3], [4]]], [[]], 7.5, using=["asarray"])


@clause("CREATE-7", over=NESTED, broken_by=["flat_creation"])
def test_nested_lists_become_arrays(check: Check, lists) -> None:
    """An array made of nested lists MUST have their shape and values."""
    said = Transcript(check)
    said.call("asarray", lists)
    said.float64(np.asarray(lists), f"asarray({lists})")


@clause("CREATE-8", over=with_operations("normal"), broken_by=["biased_normal"])
def test_normal_numbers_have_normal_moments(check: Check) -> None:
    """Standard normal numbers MUST have mean 0, variance 1, no skew and kurtosis 3, within six standard errors."""
    n = 40_000
    said = Transcript(check)
    said.call("normal", (200, 200), 1)
    x, read = np.asarray(said.numbers(), np.float64), said.read()
    said.require(x.shape == (200, 200), f"normal((200, 200)) has shape {x.shape}", f"tuple({read}.shape) == (200, 200)")
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):  # variances of the powers of a normal
        found = float((x**power).mean())
        bound = 6 * (variance / n) ** 0.5
        fact = f"{moment - bound} <= sum(x**{power} for x in {read}.ravel().tolist()) / {n} <= {moment + bound}"
        text = f"moment {power} of 40 000 normal numbers is {found:.4f}, not {moment}"
        said.require(abs(found - moment) <= bound, text, fact)


@clause("CREATE-9", over=with_operations("normal"), broken_by=["unseeded_normal"])
def test_a_seed_repeats_its_numbers(check: Check) -> None:
    """Random numbers MUST repeat under one seed and differ under another."""
    said = Transcript(check)
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        said.call("normal", (2, 4), seed, name=name)
    with said:
        about = Relation(said.read("b"), said.read("a"))
        check.same(said.numbers("b"), said.numbers("a"), "normal numbers under the same seed", about=about)
    fact = f"{said.read('c')}.tolist() != {said.read('a')}.tolist()"
    said.require(not np.array_equal(said.numbers("a"), said.numbers("c")), "two seeds give the same numbers", fact)


@clause("CREATE-10", over=with_operations("arange", "reshape"), broken_by=["column_major"])
def test_reshape_keeps_the_order_of_rows(check: Check) -> None:
    """reshape MUST keep the row-major order of the entries."""
    said = Transcript(check)
    said.call("arange", 12, name="x")
    x = said.call("reshape", "x", (3, 4))
    with check.backend_call("reshape"):
        said.require(len(x) == 3, f"the length of a (3, 4) array is {len(x)}", "len(out) == 3")
    said.float64(np.arange(12.0).reshape(3, 4), "arange(12) as (3, 4)")


@clause("CREATE-11", level=INFO, kind=CONVENTION)
def test_the_default_dtypes_are_recorded(check: Check) -> None:
    """The default dtypes of integer and of float data are recorded."""
    made = {
        "arange(3)": ("arange", 3),
        "zeros((2,))": ("zeros", (2,)),
        "[1, 2]": ("asarray", [1, 2]),
        "[1.0]": ("asarray", [1.0]),
    }
    for point, (name, argument) in made.items():
        if check.has(name):
            with check.backend_call(point):
                x = getattr(check.xp, name)(argument)
            check.observe(f"dtype of {point}", str(check.numpy(x).dtype))
