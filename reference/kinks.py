"""What is right where there is no derivative: membership in the generalized gradient, computed.

Clarke's subdifferential is the convex hull of the limits of gradients at differentiable points nearby. So the
reference is asked at many points a hair's breadth away, and an answer is right if it is a convex combination of
theirs. No operation needs a formula of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from clinometer.reference.arithmetic.rounding import EXTENDED
from clinometer.reference.case import Case
from clinometer.reference.truth.expected import K

NEARBY = 256  # points: enough to meet every ordering of four ties
# Of the way: in long double below the rounding of float64, and otherwise so much that the reference sees it.
BREADTH = max(2.0**-54, 32 * float(np.finfo(EXTENDED).eps))
ASIDE = 16  # further points, on either side
RIM = (
    2.0**24 * BREADTH
)  # of the way to those: so far that scatter hardly turns it, so near that the gradient is still the limit
WEIGHT = 1e3  # of the equation that makes the coefficients sum to one, in nonnegative least squares


def nearby_gradients(case: Case, answer: Sequence[np.ndarray] = (), seed: int = 0) -> np.ndarray:
    """Return the distinct gradients near the first point of a case, as rows over the entries of all inputs.

    Where the set is curved (eigenvalues that coincide), chance meets no point of its rim. There the gradient at x + t g is
    g, for a g on the rim and a small t: so points are taken on either side along an `answer`, gradients (points, ...) too.
    """
    return _rows([g.value for g in _near(case, answer, seed).truth.gradients])


def nearby_tangents(case: Case, seed: int = 0) -> np.ndarray:
    """Return the distinct tangents near the first point of a case, as rows over the entries of all outputs.

    Of a function with one entry they are its directional derivatives; the extreme ones are met along the direction itself.
    """
    return _rows([dy.value for dy in _near(case, case.tangents, seed).truth.tangents])


def _near(case: Case, answer: Sequence[np.ndarray], seed: int) -> Case:
    """Return a case of points around the first one of a case, some of them on either side along an `answer`."""
    rng = np.random.default_rng(seed)
    wide = EXTENDED
    signs = np.repeat((0, 1, -1), (NEARBY, ASIDE, ASIDE))
    largest = max((float(np.abs(g[:1]).max(initial=0.0)) for g in answer), default=0.0)
    if not 0 < largest < np.inf:  # no direction
        signs, answer = signs[:NEARBY], ()

    def scattered(x: np.ndarray, g: np.ndarray | None) -> np.ndarray:
        x = x[:1].astype(wide)
        noise = rng.normal(size=(len(signs), *x.shape[1:])).astype(wide) * BREADTH * np.maximum(abs(x), 1)
        return x + noise + (0 if g is None else RIM / largest * np.multiply.outer(signs, g[0].astype(wide)))

    return dataclasses.replace(
        case,
        dtype="float64",
        inputs=tuple(scattered(x, answer[i] if len(answer) else None) for i, x in enumerate(case.inputs)),
        tangents=tuple(np.repeat(dx[:1], len(signs), axis=0) for dx in case.tangents),
        cotangents=tuple(np.repeat(ct[:1], len(signs), axis=0) for ct in case.cotangents),
    )


def _rows(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return arrays (points, ...) as distinct rows, one a point, over the entries of all of them."""
    rows = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1).astype(np.float64)
    return np.unique(np.round(rows, 12), axis=0)


def distance_to_hull(gradient: np.ndarray, vertices: np.ndarray, u: float) -> tuple[float, float]:
    """Return how far a flat gradient is from the convex hull of the rows of `vertices`, and how far it may be.

    Distances are Euclidean. What may be is the rounding of the gradient (K roundings `u` of each entry) and that of the
    least squares in float64, whose heaviest equation is `WEIGHT` times the others.
    """
    scale = max(1.0, float(np.abs(vertices).max()))
    bound = (K * u + WEIGHT * 2.0**-52) * scale * (gradient.size + 1)  # so many equations
    if not np.isfinite(gradient).all():
        return float("inf"), bound
    return float(np.linalg.norm(nearest(gradient, vertices) - gradient)), bound


def nearest(gradient: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Return the point of the convex hull of the rows of `vertices` that is nearest to a flat gradient."""
    from scipy.optimize import nnls  # here, not above: only kinks need it

    scale = max(1.0, float(np.abs(vertices).max()))
    a = np.vstack([vertices.T, np.full(len(vertices), WEIGHT * scale)])
    coefficients, _ = nnls(a, np.append(np.nan_to_num(gradient, posinf=scale, neginf=-scale), WEIGHT * scale))
    found: np.ndarray = vertices.T @ coefficients
    return found
