"""Arithmetic: Python's operators on arrays and numbers."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.harness.cells import DTYPES, drawn, given
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.transcript import DIVISION, FOUR, ORDER, applied
from clinometer.journal.vocabulary import CONVENTION, INFO
from clinometer.reference.arithmetic.rounding import EXTENDED
from clinometer.reference.catalogue import Domain
from clinometer.strategies import DISTRIBUTIONS, broadcastable_shapes, values

SCALARS = (2, -3, 0.5, 1.0)


@st.composite
def pairs(draw, dtype):
    """Draw two arrays that broadcast together, neither near zero; shrinks to ones."""
    found = draw(broadcastable_shapes(2))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    profile = draw(st.sampled_from(tuple(DISTRIBUTIONS)))
    return tuple(values(rng, profile, shape, Domain(avoid=(0.0,)), dtype) for shape in found)


@clause("ARITH-1", over=drawn(pairs), broken_by=["swapped_operands"])
def test_the_four_operations_round_correctly(check: Check, pair) -> None:
    """x + y, x - y and x * y of arrays MUST be correctly rounded (IEEE 754), and x / y at most twice, under broadcasting."""
    x, y = pair
    for symbol, function in FOUR.items():
        said, want = applied(check, symbol, "x", "y", x=x, y=y), np.asarray(function(x, y))
        got = near_quotient(said.numbers(), want, x, y) if symbol == "/" else said.numbers()
        said.same(want, f"x {symbol} y", got=got)


def near_quotient(got: np.ndarray, want: np.ndarray, x: Any, y: Any) -> np.ndarray:
    """Return a quotient as it is wanted where two roundings can have made it: some libraries multiply by the reciprocal."""
    if got.shape != want.shape:
        return got
    exact = np.asarray(x).astype(EXTENDED) / np.asarray(y).astype(EXTENDED)
    near = abs(got - exact) <= np.finfo(want.dtype).eps * abs(exact)  # two roundings of half an eps each
    return np.where(near, want, got).astype(got.dtype)


@clause("ARITH-2", over=drawn(pairs), broken_by=["swapped_operands"], judges_dtype=True)
def test_a_number_may_stand_on_either_side(check: Check, pair) -> None:
    """A Python number MUST combine with an array from either side, leave the array's dtype, and round at most twice."""
    x, _ = pair
    for symbol, function in FOUR.items():
        for number in SCALARS:
            applied(check, symbol, "x", number, x=x).same(np.asarray(function(x, number)), f"x {symbol} {number}")
            said, want = applied(check, symbol, number, "x", x=x), np.asarray(function(number, x))
            got = said.numbers()
            if (
                symbol == "/" and got.shape == want.shape
            ):  # some take the reciprocal first; its rounding, and one of the product, are theirs to make
                rounded = bool((got == want).all())
                check.observe("number / array", "correctly rounded" if rounded else "by the reciprocal: two roundings")
                got = near_quotient(got, want, number, x)
            said.same(want, f"{number} {symbol} x", got=got)


@clause(
    "ARITH-3", over=given(((7.0, -7.0, 7.5, -7.5), (2.0, 2.0, -2.0, -2.0)), names=["signs"]), broken_by=["truncated_division"]
)
def test_floor_division_rounds_down(check: Check, pair) -> None:
    """x // y MUST round down and x % y MUST have the sign of y, for operands of either sign."""
    for dtype in check.reals:
        x, y = (np.array(a, dtype) for a in pair)
        for symbol, function in DIVISION.items():
            said = applied(check, symbol, "x", "y", x=x, y=y)
            said.same(np.asarray(function(x, y)), f"{x.tolist()} {symbol} {y.tolist()}")


POWERS = given(0, 1, 2, 3, 0.5, -1, names=[f"power{p}" for p in (0, 1, 2, 3, 0.5, -1)])


@clause("ARITH-4", over=POWERS, broken_by=["swapped_operands"])
def test_powers_of_an_array(check: Check, exponent) -> None:
    """x ** p MUST be the power, exactly 1 for p = 0, since it is so by definition, else within four roundings."""
    for dtype in check.reals:
        x = np.array([1.0, 4.0, 16.0, 0.25], dtype)
        said, want = applied(check, "**", "x", exponent, x=x), x**exponent
        got = said.numbers()
        if exponent != 0 and got.shape == want.shape:
            got = np.where(abs(got - want) <= 2 * np.finfo(x.dtype).eps * want, want, got).astype(got.dtype)
        said.same(want, f"{x.tolist()} ** {exponent}", got=got)


@clause("ARITH-5", over=drawn(pairs), broken_by=["forgetful_negative"])
def test_signs_change_exactly(check: Check, pair) -> None:
    """-x MUST change the sign of every entry and nothing else."""
    x, _ = pair
    applied(check, "-", "x", x=x).same(np.asarray(-x), "-x")


@clause("ARITH-6", over=drawn(pairs), broken_by=["strict_comparison"])
def test_comparisons_give_booleans(check: Check, pair) -> None:
    """Comparisons of arrays MUST give booleans, entry by entry, equal entries included."""
    x, y = pair
    x, y = (np.concatenate([np.ravel(a), np.ravel(b)])[:8] for a, b in ((x, y), (x, x)))
    n = min(len(x), len(y))
    x, y = x[:n], y[:n]
    for symbol, function in ORDER.items():
        applied(check, symbol, "x", "y", x=x, y=y).same(np.asarray(function(x, y)), f"x {symbol} y")


@clause("ARITH-7", broken_by=["integer_division"])
def test_true_division_of_integers_gives_floats(check: Check) -> None:
    """x / y of integers MUST give the floating-point quotient."""
    x, y = np.array([1, 2, 3, 4]), np.array([2, 3, 4, 5])
    said = applied(check, "/", "x", "y", x=x, y=y)
    kind = said.numbers().dtype  # which of the floating dtypes it has is not asked here
    text = f"[1, 2, 3, 4] / [2, 3, 4, 5] has dtype {kind}"
    said.require(kind.kind == "f", text, f"type({said.read()}.tolist()[0]) is float")
    want = (x / y).astype(kind)
    said.same(want, "[1, 2, 3, 4] / [2, 3, 4, 5]", tolerance=2.0**-23 * want)


PROMOTIONS = [("int32", "int64"), ("int64", "float32"), ("float32", "float64"), ("int32", "float64"), ("bool", "float32")]


@clause("ARITH-8", level=INFO, kind=CONVENTION)
def test_promotion_of_dtypes_is_recorded(check: Check) -> None:
    """The dtype of a sum of two dtypes is recorded; the array API leaves mixed kinds open."""
    for left, right in PROMOTIONS:
        if {left, right} & set(DTYPES) - set(check.reals):
            continue  # it does not work in them
        try:
            x, y = check.native(np.ones(1, left)), check.native(np.ones(1, right))
            with check.backend_call():
                answer = str(check.numpy(x + y).dtype)
        except AssertionError as error:
            answer = f"raises: {str(error)[:60]}"
        check.observe(f"{left} + {right}", answer)
