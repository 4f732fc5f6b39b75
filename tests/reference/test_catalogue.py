"""The catalogue: a row is a claim, and a row is all that an operation takes."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import examples

from clinometer.reference import catalogue
from clinometer.reference.arithmetic import rules
from clinometer.reference.catalogue import (
    CATALOGUE,
    MATHEMATICS,
    Domain,
    Operation,
    Special,
)
from clinometer.reference.catalogue.rows import NONZERO, POSITIVE, REAL, UNIT, Group, convention, kink, removable, table, zero
from clinometer.reference.program.interpreter import run
from clinometer.reference.program.tracing import single
from clinometer.reference.verdict import check_truth
from clinometer.reference.witness import Watched
from clinometer.strategies import operation_cases
from clinometer.strategies.forms import FORMS

ROWS = pytest.mark.parametrize("row", CATALOGUE.values(), ids=CATALOGUE)


# ----- the table as a whole -----


def test_there_are_operations_of_every_group() -> None:
    """More than 150 rows, and at least one in each group."""
    assert len(CATALOGUE) >= 150
    assert {row.group for row in CATALOGUE.values()} == set(Group)


def test_no_group_is_left_out_or_overwritten() -> None:
    """The catalogue has as many rows as its tables together."""
    tables = [
        value
        for found in pkgutil.iter_modules(catalogue.__path__)
        for module in [importlib.import_module(f"{catalogue.__name__}.{found.name}")]
        for value in vars(module).values()
        if isinstance(value, dict) and value and all(isinstance(row, Operation) for row in value.values())
    ]
    assert sum(map(len, tables)) == len(CATALOGUE)


@ROWS
def test_a_row_stands_under_its_name(row: Operation) -> None:
    """The key is the row's own name, in lower case as the array API has it."""
    assert CATALOGUE[row.name] is row
    assert re.fullmatch(r"[a-z][a-z0-9_]*", row.name)
    assert getattr(MATHEMATICS, row.name) is row.value


def test_every_form_is_there_and_used() -> None:
    """The rows name no form that there is not, and no form stands unused."""
    assert {row.form for row in CATALOGUE.values()} == set(FORMS)


def test_adding_a_row_takes_one_row() -> None:
    """No operation's name stands in the code of forms, truth or rules: all that is known of it is in its row."""
    names = {name for name in CATALOGUE if len(name) > 6 and name not in FORMS} - {
        "stop_gradient",
        "negative",
        "maximum",
        "minimum",
    }
    root = Path(catalogue.__file__).parents[1]
    for file in ("truth/first_order.py", "arithmetic/rules.py", "arithmetic/dual.py", "verdict.py"):
        quoted = set(re.findall(r"""["'](\w+)["']""", (root / file).read_text()))
        assert not quoted & names, file


# ----- special points -----


@ROWS
def test_special_points_have_a_known_kind_and_fit_their_row(row: Operation) -> None:
    """Each special point is of a known class, has one value an argument, and the function runs there."""
    for special in row.special:
        assert special.kind in {"universal", "set-valued", "convention"}
        assert len(special.args) == row.arity
        with np.errstate(all="ignore"):
            run(
                single(row.name, special.params),
                MATHEMATICS,
                *(np.asarray(a, complex if row.kinds == "c" else float) for a in special.args),
            )


@ROWS
def test_special_points_are_those_that_are_never_drawn(row: Operation) -> None:
    """A kink or a convention is at distance zero from what the row avoids, so that no drawn case meets one by luck."""
    for special in row.special:
        if special.kind != "universal" and row.form == "elementwise":
            assert row.distance(*(np.asarray(a, complex if row.kinds == "c" else float) for a in special.args)) <= 0, special


@ROWS
def test_the_value_is_finite_on_the_domain(row: Operation) -> None:
    """At drawn points of its domain every operation gives finite numbers, in long double as in float32."""
    for dtype in ("float32", "float64"):
        for case in examples(operation_cases(row, dtype), 5, seed=4):
            for y in case.truth.values:
                assert np.all(np.isfinite(y.value)), case


# ----- domains -----

DISTANCES: list[tuple[Domain, float, float]] = [
    (REAL, 1e300, np.inf),
    (POSITIVE, 0.25, 0.25),
    (POSITIVE, -0.25, -0.25),
    (UNIT, 0.75, 0.25),
    (UNIT, -1.5, -0.5),
    (NONZERO, -0.125, 0.125),
    (NONZERO, 0.0, 0.0),
    (REAL, np.inf, -np.inf),
    (POSITIVE, np.nan, -np.inf),
    (REAL.avoiding(-1.5, 0.75), 0.5, 0.25),
    (UNIT.avoiding(0.5), 0.625, 0.125),
    (Domain(integers=True), 2.25, 0.25),
    (Domain(integers=True), -0.875, 0.125),
    (Domain(integers=True, offset=0.5), 2.25, 0.25),
    (Domain(integers=True, offset=0.5), -0.5, 0.0),
]


@pytest.mark.parametrize(("domain", "x", "distance"), DISTANCES)
def test_the_distance_is_that_to_the_nearest_end_or_kink(domain: Domain, x: float, distance: float) -> None:
    """The distance is zero on a point to avoid, and negative outside."""
    assert float(domain.distance(np.asarray(x))) == distance


def test_domains_print_as_intervals() -> None:
    """A domain reads as mathematics."""
    assert [str(d) for d in (REAL, POSITIVE, UNIT, NONZERO, REAL.avoiding(-1.5, 0.75))] == [
        "(-inf, inf)", "(0, inf)", "(-1, 1)", "(-inf, inf) less 0", "(-inf, inf) less -1.5, 0.75",
    ]  # fmt: skip
    assert str(Domain(integers=True)) == "(-inf, inf) less integers"
    assert str(Domain(integers=True, offset=0.5)) == "(-inf, inf) less integers + 0.5"


def test_ties_are_at_distance_zero() -> None:
    """Where entries must differ, the distance is half the smallest gap, over all arguments together."""
    row = CATALOGUE["maximum"]
    assert row.distance(np.array([1.0, 4.0]), np.array([2.0])) == 0.5
    assert row.distance(np.array([1.0, 4.0]), np.array([4.0])) == 0


def test_multiples_are_at_distance_zero() -> None:
    """Where x and y have a kink together, the distance is what both may move before x is a multiple of y."""
    row = CATALOGUE["remainder"]
    assert row.distance(np.array([8.0, 5.0]), np.array([2.0])) == 0
    assert row.distance(np.array([5.0]), np.array([2.0])) == 0.25  # 5.25 is three times 1.75


@pytest.mark.parametrize("delta", CATALOGUE["huber"].choices["delta"])
def test_the_knees_of_huber_are_at_distance_zero(delta: float) -> None:
    """The second derivative jumps where the difference is as large as a knee that is drawn; half of the way is each one's."""
    row = CATALOGUE["huber"]
    assert row.distance(np.array([9.0, 1.0]), np.array([1.0, 1.0 + delta])) == pytest.approx(0, abs=1e-15)
    assert row.distance(np.array([5.0]), np.array([4.5 - delta])) == pytest.approx(0.25)


def test_special_points_print_with_their_class() -> None:
    """A special point reads as its kind, its arguments and its note."""
    assert str(kink(0.0)) == "set-valued at (0.0)"
    assert str(convention(0.0, 0.5, note="a corner")) == "convention at (0.0, 0.5): a corner"
    assert str(removable([2.0, 0.0])) == "universal at ([2.0,0.0])"


# ----- a row that is wrong, and a row that is new -----


@pytest.mark.parametrize(
    ("partials", "domain", "message"),
    [
        (
            [],
            REAL,
            "row 'f' has 0 partials for 1 argument; write one partial per argument, and `zero` for an argument without one",
        ),
        ([zero, zero], REAL, "row 'f' has 2 partials for 1 argument; write one partial per argument"),
        ([zero], (REAL, REAL), "row 'f' has 1 partials for 2 arguments; write one partial per argument"),
    ],
)
def test_a_row_with_the_wrong_number_of_partials_is_refused(partials: Any, domain: Any, message: str) -> None:
    """The message names the row, counts, and says what to write."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Operation("f", np.fmod, partials=partials, domain=domain)
    assert np.fmod not in rules.PARTIALS


def test_two_rows_of_one_name_are_refused() -> None:
    """One operation is one row."""
    with pytest.raises(ValueError, match="row 'f' stands twice in group 'trigonometric, hyperbolic'; one operation is one row"):
        table(Group.TRIGONOMETRIC, Operation("f", np.sin), Operation("f", np.cos))


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Callable[[Operation], Operation]:
    """Return a function that adds a row to the catalogue for one test."""

    def add(row: Operation) -> Operation:
        monkeypatch.setitem(CATALOGUE, row.name, row)
        monkeypatch.setattr(MATHEMATICS, row.name, row.value, raising=False)
        if row.partials is not None:
            monkeypatch.setitem(rules.PARTIALS, row.value, tuple(row.partials))
        return row

    return add


NEW: dict[str, Callable[[], Operation]] = {
    "with partials": lambda: Operation("deg2rad", np.deg2rad, partials=[lambda y, x: np.pi / 180]),
    "of two arguments": lambda: Operation(
        "fmod",
        np.fmod,
        partials=[lambda y, a, b: 1, lambda y, a, b: -np.trunc(a / b)],
        domain=(Domain(0.1, 0.9), Domain(1.1, 3)),
    ),
    "a composition": lambda: Operation("swish", lambda x, beta=1.0: x / (1 + np.exp(-beta * x)), domain=Domain(-20, 20)),
    "with choices": lambda: Operation("power", lambda x, n=2: x * x if n == 2 else x * x * x, choices={"n": (2, 3)}),
    "a reduction": lambda: Operation(
        "sum_of_squares", lambda x, axis=None, keepdims=False: np.sum(x * x, axis, keepdims=keepdims), "axes"
    ),
    "a rearrangement": lambda: Operation("reverse", lambda x, axis=None: np.flip(x, axis), "flip", exact=True),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", NEW.values(), ids=NEW)
def test_a_new_row_works_without_any_other_change(added: Callable[[Operation], Operation], make: Callable, dtype: str) -> None:
    """Cases of a row added here are drawn, have a truth, and the second witness confirms it."""
    row = added(make())
    for case in examples(operation_cases(row.name, dtype), 8, seed=2):
        for mode, found in (("value", case.truth.values), ("reverse", case.truth.gradients), ("forward", case.truth.tangents)):
            for which, expected in enumerate(found):
                for place in list(np.ndindex(expected.value.shape))[:2]:
                    assert check_truth(case, mode, which, place, expected) is None, case


def test_a_new_row_with_a_wrong_rule_is_found_invalid(added: Callable[[Operation], Operation]) -> None:
    """Who adds a wrong row is told, and not the backends."""
    row = added(Operation("rad2deg", np.rad2deg, partials=[lambda y, x: np.pi / 180]))
    (case, *_) = examples(operation_cases(row.name, "float64"), 3, seed=2)
    (expected,) = case.truth.gradients
    assert check_truth(case, "reverse", 0, next(np.ndindex(expected.value.shape)), expected) is not None


def test_a_watched_run_measures_every_step() -> None:
    """Each operation that runs reports how far its arguments are from a kink; a detached value is recorded."""
    watched = Watched()
    watched.abs(np.array([0.5, -2.0]))
    watched.stop_gradient(np.array([3.0]))
    watched.log(np.array([0.25]))
    assert watched.distances == [0.5, 0.25]
    assert len(watched.detached) == 1


def test_a_special_point_is_data() -> None:
    """A special point carries its arguments, class and parameters, and is no test of its own."""
    assert kink(1.0, 2.0, axis=0, note="here") == Special((1.0, 2.0), "set-valued", {"axis": 0}, "here")
