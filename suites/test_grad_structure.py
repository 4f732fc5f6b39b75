"""Gradients through structure: broadcasting, reductions, indexing and shape."""

import itertools

import numpy as np

from clinometer.reference.catalogue import CATALOGUE, Operation
from clinometer.reference.program import single, trace
from clinometer.reference.truth import Case
from clinometer.strategies import fixed_case
from clinometer.strategies.forms import FORMS
from clinometer.suites.check import Check
from clinometer.suites.clauses import Cell, clause, given, in_one, operations, programs
from clinometer.suites.finding import BESIDE, answered
from clinometer.suites.test_bcast import pinned, spreads, unequal

# ----- broadcasting -----


@clause(
    "GRAD-BCAST-1",
    over=operations(mode="reverse", where=spreads, form=unequal, pinned=pinned),
    broken_by=["lost_broadcast_sum", "averaged_broadcast"],
)
def test_a_broadcast_operand_gets_the_sum(check: Check, case: Case) -> None:
    """The gradient of a broadcast operand MUST be summed over the axes along which it was repeated."""
    check(case, "reverse")


TWICE = {
    "x*x": lambda ad, x: x * x,
    "x-x": lambda ad, x: x - x,
    "x/x": lambda ad, x: x / x,
    "x+x*x": lambda ad, x: x + x * x,
}
SAFE = CATALOGUE["reciprocal"].domains[0]


@clause(
    "GRAD-BCAST-2",
    over=programs(*TWICE.values(), names=list(TWICE), mode="reverse", domain=SAFE),
    broken_by=["last_use_wins"],
)
def test_an_array_used_twice_gets_both_parts(check: Check, case: Case) -> None:
    """The gradient of an array that is both operands MUST be the sum of both parts."""
    check(case, "reverse")


NUMBERS = {
    "3*x": lambda ad, x: 3 * x,
    "2-x": lambda ad, x: 2.0 - x,
    "1/x": lambda ad, x: 1 / x,
    "x/4": lambda ad, x: x / 4.0,
    "x+1": lambda ad, x: x + 1.0,
}


@clause(
    "GRAD-BCAST-3",
    over=programs(*NUMBERS.values(), names=list(NUMBERS), mode="reverse", domain=SAFE),
    broken_by=["rightist"],
    judges_dtype=True,
)
def test_numbers_are_constants(check: Check, case: Case) -> None:
    """A Python number on either side of an operator MUST be a constant of the derivative."""
    check(case, "reverse")


EMPTY = given(((0, 3), (1, 3)), ((0, 3), (3,)), ((2, 0), ()), ((0,), (1,)), mode="reverse", using=["multiply"])


@clause("GRAD-BCAST-4", over=EMPTY, broken_by=["fearful_of_nothing"])
def test_broadcasting_against_nothing_gives_zeros(check: Check, pair) -> None:
    """An operand that is broadcast against an array without entries MUST have a gradient of zeros in its own shape."""
    case = fixed_case(single("multiply", {}), [np.full(shape, 2.0) for shape in pair], check.real)
    check(case, "reverse")


# ----- reductions -----


def reduction_cells() -> list[Cell]:
    """Return a cell for each reduction: its body runs over all subsets of axes."""
    rows = [row for row in CATALOGUE.values() if FORMS[row.form].kind == "reduction" and row.differentiable]
    return in_one(
        lambda d: [Cell(row.name, d, "reverse", "axes", argument=(row, d), operations=frozenset({row.name})) for row in rows]
    )


@clause("GRAD-REDUCE-1", over=reduction_cells(), broken_by=["off_axis", "lost_broadcast_sum"])
def test_a_reduction_spreads_its_cotangent_over_its_axes(check: Check, argument: tuple[Operation, str]) -> None:
    """The gradient of a reduction MUST be right for every subset of axes, with keepdims and without."""
    row, dtype = argument
    x = np.random.default_rng(5).permutation(12).reshape(2, 3, 2) / 4 + 0.125
    subsets = [None, 0, -1, *itertools.chain.from_iterable(itertools.combinations(range(3), k) for k in (1, 2, 3))]
    params = {name: choices[0] for name, choices in row.choices.items()}
    for axis, keepdims in itertools.product(subsets, (False, True)):
        check(fixed_case(single(row.name, {"axis": axis, "keepdims": keepdims, **params}), [x], dtype), "reverse")


ZEROS = {
    "prod of one zero": (single("prod", {"axis": 0}), [2.0, 0.0, -3.0]),
    "prod of two zeros": (single("prod", {"axis": 0}), [2.0, 0.0, 0.0]),
    "prod of all, in a matrix": (single("prod", {"axis": None}), [[0.0, 2.0], [3.0, 4.0]]),
    "prod along rows": (single("prod", {"axis": 1}), [[0.0, 2.0, 0.0], [3.0, 0.0, 4.0], [1.0, 2.0, 3.0]]),
    "cumulative_prod of one zero": (single("cumulative_prod", {"axis": 0}), [2.0, 0.0, -3.0, 1.5]),
    "cumulative_prod of two zeros": (single("cumulative_prod", {"axis": 0}), [0.0, 2.0, 0.0, 3.0]),
}


def special_cells(table) -> list[Cell]:
    """Return a cell for each named program and point."""
    return [
        Cell(program.steps[0].op, "", "reverse", name, None, (program, x), frozenset({program.steps[0].op}))
        for name, (program, x) in table.items()
    ]


@clause("GRAD-REDUCE-2", over=special_cells(ZEROS), broken_by=["product_by_division"])
def test_a_product_with_zeros_has_its_gradient(check: Check, pair) -> None:
    """The gradient of prod and cumulative_prod MUST be right where an entry, or two, are zero."""
    program, x = pair
    for dtype in check.reals:
        check(fixed_case(program, [x], dtype), "reverse")


CONSTANT = {"var of a constant row": (single("var", {"axis": -1}), [[2.5, 2.5, 2.5], [1.0, 2.0, 4.0]])}


@clause("GRAD-REDUCE-3", over=special_cells(CONSTANT), broken_by=["nervous_variance"])
def test_the_variance_of_a_constant_row_has_gradient_zero(check: Check, pair) -> None:
    """The gradient of var along a constant row MUST be zero."""
    program, x = pair
    for dtype in check.reals:
        check(fixed_case(program, [x], dtype), "reverse")


# ----- indexing -----

X = np.arange(1.0, 13.0).reshape(3, 4)
KEYS = {
    "duplicates": [0, 2, 0, 0],
    "duplicates in a column": (slice(None), [1, 1, 3]),
    "negative and positive": [-1, 2, 0],
    "mask": [[True, False, True, False], [False, False, False, False], [True, True, True, True]],
    "reversed": (slice(None, None, -1), slice(None, None, -2)),
    "new axis": (None, 1, ..., None),
    "permutation": [1, 2, 0],
}
INDEXING = [Cell("getitem", "", "reverse", name, None, key, frozenset({"getitem"})) for name, key in KEYS.items()]


@clause("GRAD-INDEX-1", over=INDEXING, broken_by=["dropped_duplicate"])
def test_an_entry_picked_twice_gets_both_cotangents(check: Check, key) -> None:
    """The gradient of indexing MUST put each cotangent where its entry came from, and add those of one entry up."""
    for dtype in check.reals:
        case = fixed_case(single("getitem", {"key": key}), [X], dtype)
        check(case, "reverse")


@clause(
    "GRAD-INDEX-2",
    over=operations(mode="reverse", where=lambda row: row.name in ("at_set", "masked_fill")),
    broken_by=["ghost_of_the_overwritten"],
)
def test_an_overwritten_entry_gets_zero(check: Check, case: Case) -> None:
    """The gradient of an entry that is overwritten MUST be zero, and that of what overwrites it the whole cotangent."""
    check(case, "reverse")


@clause(
    "GRAD-INDEX-3",
    over=operations(mode="reverse", where=lambda row: row.gathers),
    broken_by=["dropped_duplicate", "inverse_permutation"],
)
def test_gather_scatter_and_sort_move_cotangents_back(check: Check, case: Case) -> None:
    """The gradients of take, take_along_axis, scatter and sort MUST follow each entry back to where it came from."""
    check(case, "reverse")


# ----- shape -----

EXACT = operations(mode="reverse", where=lambda row: row.exact)


@clause("GRAD-SHAPE-1", over=EXACT, broken_by=["inverse_permutation", "noisy_shape"])
def test_moving_entries_is_exact(check: Check, case: Case) -> None:
    """The gradient of an operation that only moves entries MUST be exact, to the last bit, since nothing is computed."""
    check.points += case.points
    y, gradients = check.pull(case)
    check.same(y, case.truth.values[0].value.astype(case.dtype), "value", case, about=answered(case, f"{BESIDE}reverse"))
    for which, (got, expected) in enumerate(zip(gradients, case.truth.gradients, strict=True)):
        about, claim = answered(case, "reverse", which), f"gradient of {case.program.inputs[which]}"
        check.same(got, expected.value.astype(case.dtype), claim, case, about=about)


@clause(
    "GRAD-SHAPE-2",
    over=operations(mode="reverse", where=lambda row: row.name in ("tile", "repeat", "broadcast_to")),
    broken_by=["dropped_duplicate"],
)
def test_repeated_entries_get_the_sum(check: Check, case: Case) -> None:
    """The gradient of an entry that is repeated MUST be the sum of the cotangents of its copies."""
    check(case, "reverse")


CYCLES = {
    "permute_dims": trace(lambda ad, x: ad.permute_dims(x, axes=(1, 2, 0))),
    "roll": trace(lambda ad, x: ad.roll(x, shift=1, axis=2)),
    "moveaxis": trace(lambda ad, x: ad.moveaxis(x, source=0, destination=2)),
}


@clause(
    "GRAD-SHAPE-3",
    over=programs(*CYCLES.values(), names=list(CYCLES), mode="reverse", shape=(2, 3, 4)),
    broken_by=["inverse_permutation"],
)
def test_the_pullback_of_a_cycle_runs_backward(check: Check, case: Case) -> None:
    """The gradient of a permutation that is not its own inverse MUST be permuted by the inverse."""
    check(case, "reverse")
