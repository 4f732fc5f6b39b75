"""Whole cases: valid, diverse, repeatable and cheap."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from drawn import QUIET, examples, minimal, share
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, Domain
from clinometer.reference.program.interpreter import run
from clinometer.reference.witness import Watched
from clinometer.strategies import DISTRIBUTIONS, cases, operation_cases, program_cases
from clinometer.strategies.arrays import MARGIN
from clinometer.strategies.hypothesis_provider import NAME

DTYPES = ("float32", "float64")
NAMES = pytest.mark.parametrize("name", CATALOGUE)


def sine(ad: Any, x: Any) -> Any:
    return ad.sin(x)


def bent(ad: Any, x: Any, y: Any) -> Any:
    return ad.cond(ad.greater(ad.sum(x), 0.5), lambda: ad.abs(x) * y, lambda: ad.relu(y))


@functools.cache
def few(name: str, dtype: str) -> list[Case]:
    """Return 40 cases of an operation, drawn once for all tests."""
    return examples(operation_cases(name, dtype), 40, seed=2)


@functools.cache
def drawn_of(name: str) -> list[Case]:
    """Return 150 cases of an operation in float64, drawn once for all tests."""
    return examples(operation_cases(name, "float64"), 150, seed=1)


# ----- valid -----


@NAMES
def test_drawn_cases_are_complete(name: str) -> None:
    """Inputs, tangents and cotangents have the points, shapes and dtype that the program and its outputs have."""
    for dtype in DTYPES:
        for case in few(name, dtype) if dtype == "float64" else examples(operation_cases(name, dtype), 5):
            outputs = run(case.program, Watched(), *(x[0] for x in case.inputs))
            assert 1 <= case.points <= cases.POINTS
            assert len(case.inputs) == CATALOGUE[name].arity == len(case.tangents)
            for array in (*case.inputs, *case.tangents, *case.cotangents):
                assert array.dtype == dtype
                assert len(array) == case.points
                assert np.all(np.isfinite(array))
            assert [dx.shape for dx in case.tangents] == [x.shape for x in case.inputs]
            assert [ct.shape[1:] for ct in case.cotangents] == [np.shape(y) for y in outputs]
            assert all(np.all(a != 0) for a in (*case.tangents, *case.cotangents))


@NAMES
def test_drawn_points_are_clear_of_every_kink(name: str) -> None:
    """At each point of each case the arguments may move by the margin without meeting a kink, a tie or an edge."""
    row = CATALOGUE[name]
    for case in few(name, "float64"):
        for p in range(case.points):
            assert row.distance(*(x[p].astype(float) for x in case.inputs)) >= MARGIN


@pytest.mark.parametrize("dtype", DTYPES)
def test_drawn_programs_keep_clear_of_their_branches_and_kinks(dtype: str) -> None:
    """Every step of a program, comparisons included, runs at least the margin away from where it would turn over."""
    for case in examples(program_cases(bent, dtype), 100):
        for p in range(case.points):
            watched = Watched()
            run(case.program, watched, *(x[p].astype(float) for x in case.inputs))
            assert min(watched.distances) >= MARGIN


def test_matrices_to_invert_are_far_from_singular() -> None:
    """The condition number of a drawn matrix stays below a hundred."""
    for name in ("inv", "solve", "cholesky"):
        for case in drawn_of(name):
            assert np.linalg.cond(case.inputs[0]).max() < 100


def test_matrices_to_invert_are_no_multiples_of_the_identity() -> None:
    """At least half of them have entries off the diagonal and are not symmetric."""
    drawn = [x for case in drawn_of("inv") for x in case.inputs[0] if x.shape[-1] > 1]
    assert share(drawn, lambda x: not np.array_equal(x, np.swapaxes(x, -1, -2))) > 0.5


# ----- diverse -----


def profile_of(x: np.ndarray) -> str:
    """Return the simplest profile that numbers can have come from; of many of them, the one that they come from."""
    simple = {
        "ones": x == 1,
        "integers": x == np.rint(x),
        "fractions": x * 8 == np.rint(x * 8),
        "normal": x == np.round(x, 4),
    }
    return next((name for name, found in simple.items() if found.all()), "wide")


def test_every_profile_occurs() -> None:
    """Ones, integers, fractions, normal and wide numbers each make up a tenth of the points at least."""
    counts = Counter(profile_of(x) for case in drawn_of("sin") for x in case.inputs[0] if x.size > 3)
    assert min(counts[name] for name in DISTRIBUTIONS) >= 0.1 * counts.total(), counts


def test_the_points_of_a_case_have_one_profile_after_the_other() -> None:
    """A case of five points and more has numbers of every profile."""
    strategy = operation_cases("sin", "float64", points=12)
    cases = [case for case in examples(strategy, 60) if case.points >= len(DISTRIBUTIONS) and case.inputs[0][0].size > 3]
    assert len(cases) > 10
    assert all({profile_of(x) for x in case.inputs[0]} == set(DISTRIBUTIONS) for case in cases)


def test_every_number_of_points_occurs() -> None:
    """Cases of one to four points each make up a tenth at least."""
    counts = Counter(case.points for seed in range(4) for case in examples(operation_cases("sin", "float64"), 75, seed))
    assert set(counts) == {1, 2, 3, 4}
    assert min(counts.values()) >= 30


@pytest.mark.parametrize("name", ["sin", "matmul", "max", "inv", "remainder"])
def test_many_points_are_drawn_independently_and_shrink_to_one(name: str) -> None:
    """A batch has as many points as are asked for, no two the same, and what it shrinks to has one."""
    strategy = operation_cases(name, "float64", points=64, profiles=["normal"])
    # Of small matrices of quarters there are few, and some come twice: so the largest are looked at.
    largest = max(examples(strategy, 40), key=lambda case: (case.points > 32, case.inputs[0][0].size))
    assert 32 < largest.points <= 64
    assert len(np.unique(largest.inputs[0].reshape(largest.points, -1), axis=0)) == largest.points
    assert minimal(strategy).points == 1


CHOICES = [(name, parameter, choice) for name, row in CATALOGUE.items() for parameter, c in row.choices.items() for choice in c]


@pytest.mark.parametrize(("name", "parameter", "choice"), CHOICES)
def test_every_choice_of_a_parameter_occurs(name: str, parameter: str, choice: Any) -> None:
    """Each value that a row offers for a parameter is drawn in a tenth of its cases at least."""
    assert share(drawn_of(name), lambda case: case.program.steps[0].params[parameter] == choice) >= 0.1


KEYWORDS = [(n, "keepdims", k) for n in ("sum", "mean", "prod", "max", "logsumexp") for k in (False, True)]


@pytest.mark.parametrize(("name", "keyword", "value"), KEYWORDS)
def test_every_keyword_value_occurs(name: str, keyword: str, value: bool) -> None:
    """Reductions keep their axes in a fifth of the cases at least, and drop them in a fifth at least."""
    assert share(drawn_of(name), lambda case: case.program.steps[0].params[keyword] is value) >= 0.2


@pytest.mark.parametrize(
    "name", ["flip", "roll", "softmax", "sort", "concat", "stack", "take", "expand_dims", "squeeze", "repeat"]
)
def test_negative_axes_occur(name: str) -> None:
    """At least a tenth of the cases count an axis from the end."""

    def negative(case: Case) -> bool:
        axis = case.program.steps[0].params["axis"]
        return any(a < 0 for a in axis) if isinstance(axis, tuple) else axis is not None and axis < 0

    assert share(drawn_of(name), negative) >= 0.1


@pytest.mark.parametrize("name", ["sum", "prod", "sin", "multiply", "reshape", "concat"])
def test_empty_arrays_occur(name: str) -> None:
    """At least one case in fifty has an input without entries."""
    drawn = [case for seed in range(5) for case in examples(operation_cases(name, "float64"), 40, seed)]
    assert share(drawn, lambda case: any(x.size == 0 for x in case.inputs)) >= 0.02


@NAMES
def test_most_gradients_are_worth_comparing(name: str) -> None:
    """At least a quarter of the cases of every operation have inputs, and so gradients, of two entries or more."""
    assert share(few(name, "float64"), lambda case: case.at(0).inputs[0].size > 1) >= 1 / 4


# ----- the same every day -----


def fingerprint(case: Case) -> tuple[Any, ...]:
    return case.program, case.dtype, *(a.tobytes() for a in (*case.inputs, *case.tangents, *case.cotangents))


@pytest.mark.parametrize("name", ["sin", "multiply", "getitem", "inv", "where", "max", "einsum"])
def test_the_same_seed_draws_the_same_cases(name: str) -> None:
    """Two runs with one seed draw the same programs and the same bits; another seed draws others."""
    one, again, other = (list(map(fingerprint, examples(operation_cases(name, "float32"), 40, seed))) for seed in (5, 5, 6))
    assert one == again
    assert one != other


def test_the_dtype_changes_no_structure() -> None:
    """With one seed float32 and float64 have the same shapes and parameters."""
    one, other = (examples(operation_cases("sum", dtype), 40, 3) for dtype in DTYPES)
    assert [case.program for case in one] == [case.program for case in other]
    assert [case.inputs[0].shape for case in one] == [case.inputs[0].shape for case in other]


# ----- cheap -----


def choices_drawn(strategy: st.SearchStrategy) -> list[int]:
    """Return how many choices Hypothesis makes for each example."""
    found: list[int] = []

    @settings(QUIET, max_examples=100, backend=NAME)
    @given(st.data())
    def draw(data: Any) -> None:
        data.draw(strategy)
        found.append(len(data.conjecture_data.nodes))

    draw()
    return found


def test_what_is_drawn_here_is_drawn_in_every_run() -> None:
    """No test is right on most days: without a seed of its own, its examples are the same."""
    strategy = operation_cases("getitem", "float64")
    assert choices_drawn(strategy) == choices_drawn(strategy)


def test_a_thousand_entries_cost_as_many_choices_as_one() -> None:
    """Values come in bulk: a profile, a number of points and a seed, however large the array."""
    for shape in ((), (1000,), (10, 100)):
        assert set(choices_drawn(program_cases(sine, "float64", shape=shape))) == {3}


@pytest.mark.parametrize("name", ["sin", "multiply", "matmul", "sum", "getitem", "inv"])
def test_a_case_costs_few_choices(name: str) -> None:
    """A case of a common operation takes some fifteen choices on average, and next to never more than thirty."""
    choices = choices_drawn(operation_cases(name, "float64"))
    assert np.mean(choices) <= 15
    assert np.quantile(choices, 0.98) <= 30


# ----- shrinking -----


@NAMES
def test_cases_shrink_to_one_point(name: str) -> None:
    """The simplest case of every operation has one point."""
    assert minimal(operation_cases(name, "float64")).points == 1


SIMPLEST = [
    ("sin", "Case in float64, 1 points:\nx = [1.0]\nresult = sin(x)\nreturn result"),
    ("multiply", "Case in float64, 1 points:\nx = [1.0]\ny = [1.0]\nresult = multiply(x, y)\nreturn result"),
    ("sum", "Case in float64, 1 points:\nx = [1.0]\nresult = sum(x, axis=None, keepdims=False)\nreturn result"),
    ("softmax", "Case in float64, 1 points:\nx = [[1.0, 1.0]]\nresult = softmax(x, axis=0)\nreturn result"),
    ("getitem", "Case in float64, 1 points:\nx = [[1.0, 1.0]]\nresult = getitem(x, key=0)\nreturn result"),
    ("tan", "Case in float64, 1 points:\nx = [1.0]\nresult = tan(x)\nreturn result"),
    ("log1p", "Case in float64, 1 points:\nx = [1.0]\nresult = log1p(x)\nreturn result"),
]


@pytest.mark.parametrize(("name", "text"), SIMPLEST)
def test_the_simplest_case_reads_at_a_glance(name: str, text: str) -> None:
    """What an operation shrinks to is a line of input and a line of program."""
    assert str(minimal(operation_cases(name, "float64"))) == text


SHRUNK: list[tuple[str, Callable[[Case], bool], tuple[int, ...]]] = [
    ("sin", lambda case: case.inputs[0].size > 1, (2,)),
    ("sin", lambda case: case.inputs[0].ndim == 3, (1, 2, 2)),
    ("sum", lambda case: 0 in case.inputs[0].shape, (1, 0)),
    ("sum", lambda case: case.program.steps[0].params["axis"] is not None, (1, 2)),
]


@pytest.mark.parametrize(("name", "condition", "shape"), SHRUNK)
def test_cases_shrink_to_small_shapes(name: str, condition: Callable[[Case], bool], shape: tuple[int, ...]) -> None:
    """Under a condition the shape that remains is the smallest that meets it."""
    assert minimal(operation_cases(name, "float64"), condition).inputs[0].shape == shape


def test_numbers_shrink_to_a_simple_profile() -> None:
    """A case that needs a number other than one shrinks to integers."""
    case = minimal(operation_cases("sin", "float64"), lambda case: bool(np.any(case.inputs[0] != 1)))
    np.testing.assert_array_equal(case.inputs[0], np.rint(case.inputs[0]))


def test_programs_shrink_as_operations_do() -> None:
    """The simplest case of a program is scalars, one point, small integers."""
    case = minimal(program_cases(sine, "float64"))
    assert (case.inputs[0].shape, case.points) == ((1,), 1)
    np.testing.assert_array_equal(case.inputs[0], np.rint(case.inputs[0]))


# ----- arguments that make no sense -----

BAD: list[tuple[Callable[[], st.SearchStrategy], str]] = [
    (lambda: operation_cases("sine", "float64"), "operation='sine' is not in the catalogue"),
    (lambda: operation_cases("sin", "float8"), "dtype='float8': want one of float16, bfloat16, float32, float64"),
    (lambda: program_cases(sine, "double"), "dtype='double': want one of float16, bfloat16, float32, float64"),
    (
        lambda: operation_cases("sin", "float64", profiles=("twos",)),
        r"profiles=\('twos',\): want some of ones, integers, fractions",
    ),
    (lambda: operation_cases("sin", "float64", profiles=()), r"profiles=\(\): want some of ones, integers, fractions"),
    (
        lambda: program_cases(lambda ad, x: ad.abs(ad.multiply(x, 0.0)), "float64"),
        "no point of 100 was 0.015625 clear of every kink; widen the domain or change the program:\nv1 = multiply",
    ),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_arguments_are_refused(make: Callable[[], st.SearchStrategy], message: str) -> None:
    """The message shows the offending value and what there is instead."""
    with pytest.raises(InvalidArgument, match=message):
        examples(make(), 1)


def test_a_narrow_domain_is_kept_by_programs() -> None:
    """The inputs of a program are drawn inside the domain that was asked for."""
    domain = Domain(0.5, 2.0)
    for case in examples(program_cases(sine, "float64", domain=domain), 50):
        assert domain.distance(case.inputs[0]).min(initial=1.0) >= MARGIN


def test_profiles_can_be_chosen() -> None:
    """Asked for one profile a strategy draws no other."""
    for case in examples(operation_cases("sin", "float64", profiles=("ones",)), 30):
        np.testing.assert_array_equal(case.inputs[0], 1)
    assert set(DISTRIBUTIONS) >= {"ones"}
