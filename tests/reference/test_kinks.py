"""Membership in the generalized gradient: what is in the set, and what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clinometer.reference.case import Case
from clinometer.reference.kinks import distance_to_hull, nearby_gradients, nearby_tangents
from clinometer.reference.program.tracing import single

QUARTER = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)


def repeated(ct: tuple[float, float]) -> Case:
    """Return the eigenvalues of twice the identity, with a cotangent."""
    x = 2 * np.eye(2)[None]
    return Case(single("eigvalsh", {}), (x,), (x,), (np.array([ct]),), "float64")


def belongs(case: Case, gradient: Any) -> bool:
    gradient = np.asarray(gradient, float)[None]
    off, bound = distance_to_hull(gradient.ravel(), nearby_gradients(case, [gradient]), case.precision.u)
    return off <= bound


@pytest.mark.parametrize("v", [np.eye(2), np.eye(2)[::-1], QUARTER])
def test_every_choice_of_eigenvectors_gives_an_element(v: np.ndarray) -> None:
    """Where eigenvalues coincide the set is a disc: whatever orthonormal vectors a library takes, it is on the rim."""
    assert belongs(repeated((-2.0, 2.75)), v * (-2.0, 2.75) @ v.T)


@pytest.mark.parametrize("factor", [0.0, 0.5, -1.0])
def test_the_set_is_convex(factor: float) -> None:
    """With two opposite elements, all between them belong."""
    assert belongs(repeated((-1.0, 1.0)), factor * np.diag([-1.0, 1.0]))


@pytest.mark.parametrize(
    "gradient",
    [
        np.diag([-2.0, 2.75]) * (1 + 1e-6),
        [[-2.0, 1e-6], [0.0, 2.75]],
        [[-2.0, 1e-3], [1e-3, 2.75]],
        np.zeros((2, 2)),
        np.diag([2.0, 2.75]),
        np.full((2, 2), np.nan),
    ],
)
def test_what_is_beyond_the_rim_does_not_belong(gradient: Any) -> None:
    """Scaled by a millionth, without symmetry, of another trace, or no number: none of these is an element."""
    assert not belongs(repeated((-2.0, 2.75)), gradient)


@pytest.mark.parametrize(("gradient", "element"), [(0.5, True), (1.0, True), (-1.0, True), (1.0 + 1e-6, False), (2.0, False)])
def test_a_bend_has_an_interval(gradient: float, element: bool) -> None:
    """At 0 the set of the absolute value is [-1, 1], also for an answer that points nowhere."""
    x = np.zeros(1)
    assert belongs(Case(single("abs", {}), (x,), (x,), (x + 1,), "float64"), gradient) is element


@pytest.mark.parametrize(
    ("tangent", "element"), [(0.75, True), (-0.75, True), (0.0, True), (0.75 + 1e-6, False), (-1.5, False)]
)
def test_a_tangent_at_a_bend_lies_between_the_directional_derivatives(tangent: float, element: bool) -> None:
    """Along 0.75 the tangents of the absolute value at 0 are those from -0.75 to 0.75."""
    x = np.zeros(1)
    case = Case(single("abs", {}), (x,), (x + 0.75,), (x + 1,), "float64")
    off, bound = distance_to_hull(np.array([tangent]), nearby_tangents(case), case.precision.u)
    assert (off <= bound) is element


def test_the_extreme_tangents_of_coinciding_eigenvalues_are_met() -> None:
    """Along a matrix the eigenvalues of twice the identity move by the eigenvalues of that matrix, in either order."""
    v = np.array([[1.0, 2.0], [2.0, -2.0]])
    x = 2 * np.eye(2)[None]
    case = Case(single("eigvalsh", {}), (x,), (v[None],), (np.ones((1, 2)),), "float64")
    for moved, element in (([-3.0, 2.0], True), ([2.0, -3.0], True), ([-0.5, -0.5], True), ([-3.001, 2.001], False)):
        off, bound = distance_to_hull(np.array(moved), nearby_tangents(case), case.precision.u)
        assert (off <= bound) is element, moved
