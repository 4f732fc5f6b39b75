"""Membership in the generalized gradient: what is in the set, and what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clinometer.reference.kinks import distance_to_hull, nearby_gradients
from clinometer.reference.program import single
from clinometer.reference.truth import Case

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
