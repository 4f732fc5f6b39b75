"""Kinks: points without a derivative, and points where only the formula breaks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from clinometer.harness.cells import DTYPES
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.consistency import assert_untouched
from clinometer.harness.findings import Asked, Nonconformance, Relation
from clinometer.harness.special_points import Point, case_at, legible, special_cells
from clinometer.harness.tape import TapeSession
from clinometer.journal.vocabulary import CONVENTION, INFO, SET_VALUED
from clinometer.reference.case import Case
from clinometer.reference.kinks import distance_to_hull, nearby_gradients, nearby_tangents, nearest
from clinometer.reference.truth.expected import K
from clinometer.strategies import pinned_case
from clinometer.strategies.forms import FORMS

HALF = ("bfloat16", *DTYPES)  # with one format whose numbers are few, where that costs little


# ----- what is recorded -----


def units(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of ones for each entry of a shape, that entry alone: (entries, *shape)."""
    n = int(np.prod(shape))
    return np.eye(n, dtype=dtype).reshape(n, *shape)


def by_reverse(check: Check, case: Case) -> list[list[np.ndarray]]:
    """Return the gradients of every entry of the output, one after another: no cotangent but one."""
    ct = case.cotangents[0]
    return [[g[0] for g in check.pull(case, unit[None])[1]] for unit in units(ct.shape[1:], ct.dtype)]


def by_forward(check: Check, case: Case) -> list[list[np.ndarray]]:
    """Return what `by_reverse` does, by tangents along every entry of the inputs."""
    columns = []
    for which, x in enumerate(case.inputs):
        along = []
        for unit in units(x.shape[1:], x.dtype):
            tangents = [np.zeros_like(dx) for dx in case.tangents]
            tangents[which] = unit[None]
            moved = Case(case.program, case.inputs, tuple(tangents), case.cotangents, case.dtype)
            along.append(np.ravel(check.push(moved)[1]))
        columns.append(np.array(along))
    return [
        [c[:, k].reshape(x.shape[1:]) for c, x in zip(columns, case.inputs, strict=True)]
        for k in range(case.cotangents[0][0].size)
    ]


def answer(rows: list[list[np.ndarray]]) -> str:
    """Return gradients as the atlas has them: one for each entry of the output, without signs of zeros."""
    return "; ".join(", ".join(legible(g) for g in row) for row in rows)


def recorded(check: Check, point: Point, ask: Any) -> None:
    """Record what a library answers, an exception among the answers."""
    check.points += 1
    try:
        check.observe(point.name, ask(check, case_at(point)))
    except Nonconformance as error:
        check.observe(point.name, f"raises: {error}")


def shaped(check: Check, case: Case, got: Sequence[np.ndarray], like: Sequence[np.ndarray], what: str) -> None:
    """Hold the arrays of an answer to the shapes of what they belong to."""
    for x, y in zip(got, like, strict=True):
        check.require(x.shape == y.shape, f"{what} of shape {x.shape[1:]} where {y.shape[1:]} is right", case)


def belongs(
    check: Check, case: Case, got: list[np.ndarray], vertices: np.ndarray, what: str, whole: Case | None = None
) -> None:
    """Hold the arrays of an answer, together, to the convex hull of some rows."""
    flat = np.concatenate([np.ravel(x) for x in got]).astype(float)
    off, bound = distance_to_hull(flat, vertices, case.precision.u)
    if off <= bound:
        return
    mode, place = ("forward" if what == "tangent" else "reverse"), f"[{PLACE}]" if whole else ""
    asked = {f"got_{i}": Asked(whole or case, mode, i) for i in range(len(got))}
    fact = within([f"{name}{place}" for name in asked], flat, vertices, bound)
    text = f"{what} {legible(flat)} is {off:.3g} away from the hull of {legible(vertices)}"
    check.require(False, text, case, about=Relation("", asked=asked), fact=fact)


def within(names: Sequence[str], flat: np.ndarray, vertices: np.ndarray, bound: float) -> str:
    """Return a plane, as an expression, on the far side of which the answer is of all vertices."""
    away = np.nan_to_num(flat - nearest(flat, vertices), posinf=1.0, neginf=-1.0)
    direction = away / (np.linalg.norm(away) or 1.0)
    entries = " + ".join(f"{name}.ravel().tolist()" for name in names)
    most = float((vertices.astype(float) @ direction).max()) + bound
    return f"sum(a * b for a, b in zip({entries}, {direction.tolist()})) <= {most!r}"


# ----- the clauses -----


@clause("KINK-1", over=special_cells("set-valued", dtypes=HALF), kind=SET_VALUED, broken_by=["greedy_ties", "double_slope"])
def test_a_kink_gets_an_element_of_the_subdifferential(check: Check, point: Point) -> None:
    """At a kink or a tie the gradient MUST be an element of the Clarke subdifferential; which one is recorded."""
    case = case_at(point)
    check.points += 1
    check.observe(point.name, answer(by_reverse(check, case)))
    _, gradients = check.pull(case)
    shaped(check, case, gradients, case.inputs, "gradient")
    belongs(check, case, gradients, nearby_gradients(case, gradients), "gradient")


@clause("KINK-2", over=special_cells("convention"), level=INFO, kind=CONVENTION)
def test_conventions_are_recorded(check: Check, point: Point) -> None:
    """At the end of a domain and where a function jumps the gradient is recorded; no answer is wrong."""
    recorded(check, point, lambda check, case: answer(by_reverse(check, case)))


@clause("KINK-3", over=special_cells("universal", dtypes=HALF), broken_by=["nan_at_zero"])
def test_a_removable_singularity_has_its_one_derivative(check: Check, point: Point) -> None:
    """Where a formula breaks and the function does not, the gradient MUST be the one that there is."""
    check(case_at(point), "reverse")


@clause("KINK-4", over=special_cells("universal", mode="forward"), needs=["forward"], broken_by=["scaled_tangent"])
def test_a_removable_singularity_has_its_one_tangent(check: Check, point: Point) -> None:
    """Where a formula breaks and the function does not, the tangent MUST be the one that there is."""
    check(case_at(point), "forward")


@clause(
    "KINK-5", over=special_cells("universal", "set-valued", mode="value", dtypes=HALF), broken_by=["raised_kink", "nan_at_zero"]
)
def test_a_function_has_its_value_where_it_bends_or_its_formula_breaks(check: Check, point: Point) -> None:
    """At a kink, at a tie and where only a formula breaks, the value MUST be the one that there is."""
    check(case_at(point), "value")


@clause(
    "KINK-6",
    over=special_cells("set-valued", mode="forward"),
    kind=SET_VALUED,
    needs=["forward"],
    broken_by=["greedy_ties", "steep_tangent"],
)
def test_a_tangent_at_a_kink_lies_between_the_directional_derivatives(check: Check, point: Point) -> None:
    """At a kink or a tie the tangent MUST be that of an element of the Clarke subdifferential; which one is recorded."""
    case = case_at(point)
    check.points += 1
    _, tangent = check.push(case)
    shaped(check, case, [tangent], case.cotangents, "tangent")
    check.observe(point.name, answer(by_forward(check, case)))
    belongs(check, case, [tangent], nearby_tangents(case), "tangent")


@clause("KINK-7", over=special_cells("convention", mode="forward"), level=INFO, kind=CONVENTION, needs=["forward"])
def test_conventions_of_forward_mode_are_recorded(check: Check, point: Point) -> None:
    """At the end of a domain and where a function jumps the tangents are recorded; no answer is wrong."""
    recorded(check, point, lambda check, case: answer(by_forward(check, case)))


# ----- inside larger arrays -----

PLACE, LENGTH = 2, 5  # where the special point stands, and among how many
THERE = np.arange(LENGTH) == PLACE


def stackable(point: Point) -> bool:
    """Whether the operation takes an array of such points, side by side: numbers, rows, or matrices."""
    return all(np.ndim(a) == FORMS[point.row.form].rank for a in point.special.args)


def among(point: Point) -> tuple[Case, Case]:
    """Return an array of ordinary points, and the same with the special one in the middle."""
    row, special, dtype = point
    params = {**special.params, **({"axis": -1} if FORMS[row.form].rank == 1 else {})}
    ordinary = pinned_case(row, [(LENGTH, *np.shape(a)) for a in special.args], params, dtype)
    inputs = tuple(np.array(x) for x in ordinary.inputs)
    for x, a in zip(inputs, special.args, strict=True):
        x[0, PLACE] = a
    return ordinary, dataclasses.replace(ordinary, inputs=inputs)


def there(x: np.ndarray) -> np.ndarray:
    """Return where in an array (points, LENGTH, ...) the special point is."""
    return THERE.reshape(LENGTH, *[1] * (x.ndim - 2))


INSIDE = [cell for cell in special_cells("universal", "set-valued", "convention") if stackable(cell.argument)]
RIGHT = [cell for cell in INSIDE if cell.argument.special.kind != "convention"]


@clause("KINK-8", over=INSIDE, broken_by=["contagious_gradient"])
def test_ordinary_entries_beside_a_special_one_are_as_without_it(check: Check, point: Point) -> None:
    """In an array with a special point in the middle, all other values and gradients MUST be as they are without it."""
    ordinary, case = among(point)
    assert_untouched(check, ordinary, case, there(case.cotangents[0]), [there(x) for x in case.inputs])


@clause("KINK-11", over=RIGHT, broken_by=["nan_beside_others"])
def test_a_special_point_has_its_gradient_inside_an_array(check: Check, point: Point) -> None:
    """In the middle of an array of ordinary points, a special point MUST have a gradient that is right for it alone."""
    _, case = among(point)
    check.points += 1
    _, gradients = check.pull(case)
    shaped(check, case, gradients, case.inputs, "gradient")
    found = [g[:, PLACE] for g in gradients]
    alone = dataclasses.replace(case_at(point), cotangents=(case.cotangents[0][:, PLACE],))
    if point.special.kind == "set-valued":
        belongs(check, alone, found, nearby_gradients(alone, found), f"gradient at [{PLACE}]", case)
        return
    for which, (got, expected) in enumerate(zip(found, alone.truth.gradients, strict=True)):
        about = Relation(f"got[{PLACE}]", asked={"got": Asked(case, "reverse", which)})
        check.agrees(got, expected, alone, "reverse", which, about=about)


# ----- with a graph of the gradient -----


@clause(
    "KINK-9",
    over=special_cells("universal", "set-valued", mode="tape"),
    needs=["tape"],
    broken_by=["graph_changes_numbers"],
)
def test_a_graph_of_the_gradient_changes_no_number_at_a_special_point(check: Check, point: Point) -> None:
    """Asking for a gradient that can be differentiated again MUST change it at a special point by rounding alone."""
    session = TapeSession(check, case_at(point))
    plain = session.grad(session.run(), "without")
    deep = session.grad(session.run(), "with_graph", graph=True)
    for which, (name, without, got) in enumerate(zip(session.names, plain, deep, strict=True)):
        claim = f"gradient of {name} with a graph of itself"
        fact = f"(without[{which}] is None) == (with_graph[{which}] is None)"
        session.require((without is None) == (got is None), f"{claim}: one of the two is none", fact)
        if got is None or without is None:
            continue
        tolerance: Any = session.case.truth.gradients[which].tolerance[0]
        if point.special.kind != "universal":  # of another element than the one that is taken, each entry may be as far off
            tolerance = K * session.case.precision.u * np.maximum(1.0, abs(without))
        sides = session.part("with_graph", which), session.part("without", which)
        session.near(got, without, 2 * tolerance, claim, *sides)


@clause("KINK-10", over=special_cells("convention", mode="value"), level=INFO, kind=CONVENTION)
def test_values_at_the_end_of_a_domain_are_recorded(check: Check, point: Point) -> None:
    """At the end of a domain and where a function jumps the value is recorded."""
    recorded(check, point, lambda check, case: legible(check.value(case)[0]))
