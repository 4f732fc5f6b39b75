"""Kinks: points without a derivative, and points where only the formula breaks."""

import numpy as np

from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.kinks import distance_to_hull, nearby_gradients
from clinometer.reference.program import single
from clinometer.strategies import fixed_case
from clinometer.suites.check import Check, Nonconformance
from clinometer.suites.clauses import CONVENTION, DTYPES, INFO, SET_VALUED, Cell, clause


def special_cells(kind: str) -> list[Cell]:
    """Return a cell for each special point of a kind, in each dtype."""
    return [
        Cell(row.name, dtype, "reverse", point_name(special), None, (row, special, dtype), frozenset({row.name}))
        for row in CATALOGUE.values()
        for special in row.special
        if special.kind == kind
        for dtype in DTYPES
    ]


def point_name(special) -> str:
    """Return a short name of a special point, for ids and for the atlas."""
    params = "".join(f", {k}={v}" for k, v in special.params.items())
    return ("at " + ", ".join(map(str, special.args)) + params).replace(" ", "")


def case_at(argument):
    """Return the case of a special point."""
    row, special, dtype = argument
    params = dict(special.params)
    if row.form.startswith("axes"):
        params.setdefault("axis", None)
    return fixed_case(single(row.name, params), special.args, dtype)


def answer(gradients: list[np.ndarray], cotangents: np.ndarray) -> str:
    """Return gradients as the atlas has them: per unit of the cotangent where that is one number."""
    scale = float(cotangents.ravel()[0]) if cotangents.size == 1 else 1.0
    with np.errstate(all="ignore"):
        return ", ".join(str(np.round(g[0].astype(float) / scale, 6).tolist()) for g in gradients)


@clause("KINK-1", over=special_cells("set-valued"), kind=SET_VALUED, broken_by=["greedy_ties", "double_slope"])
def test_a_kink_gets_an_element_of_the_subdifferential(check: Check, argument) -> None:
    """At a kink or a tie the gradient MUST be an element of the Clarke subdifferential; which one is recorded."""
    row, special, _ = argument
    case = case_at(argument)
    _, gradients = check.pull(case)
    check.points += 1
    check.observe(f"{row.name} {point_name(special)}", answer(gradients, case.cotangents[0]))
    flat = np.concatenate([g[0].ravel() for g in gradients]).astype(float)
    vertices = nearby_gradients(case)
    off, bound = distance_to_hull(flat, vertices, case.precision.u)
    check.that(off <= bound, f"gradient {flat.tolist()} is {off:.3g} away from the hull of {vertices.tolist()}", case)


@clause("KINK-2", over=special_cells("convention"), level=INFO, kind=CONVENTION)
def test_conventions_are_recorded(check: Check, argument) -> None:
    """At the end of a domain and where a function jumps the gradient is recorded; no answer is wrong."""
    row, special, _ = argument
    case = case_at(argument)
    try:
        _, gradients = check.pull(case)
        check.observe(f"{row.name} {point_name(special)}", answer(gradients, case.cotangents[0]))
    except Nonconformance as error:
        check.observe(f"{row.name} {point_name(special)}", f"raises: {error}")
    check.points += 1


@clause("KINK-3", over=special_cells("universal"), broken_by=["nan_at_zero"])
def test_a_removable_singularity_has_its_one_derivative(check: Check, argument) -> None:
    """Where a formula breaks and the function does not, the gradient MUST be the one that there is."""
    check(case_at(argument), "reverse")


FORWARD = [
    Cell(c.operation, c.dtype, "forward", c.parameters, None, c.argument, c.operations) for c in special_cells("universal")
]


@clause("KINK-4", over=FORWARD, needs=["forward"], broken_by=["scaled_tangent"])
def test_a_removable_singularity_has_its_one_tangent(check: Check, argument) -> None:
    """Where a formula breaks and the function does not, the tangent MUST be the one that there is."""
    check(case_at(argument), "forward")
