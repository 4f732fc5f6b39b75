"""What is right where there is no derivative: membership in the generalized gradient, computed.

Clarke's subdifferential is the convex hull of the limits of gradients at differentiable points nearby. So the
reference is asked at many points a hair's breadth away, and an answer is right if it is a convex combination of
theirs. No operation needs a formula of its own.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from clinometer.reference.truth import Case, K

NEARBY = 256  # points: enough to meet every ordering of four ties
BREADTH = 2.0**-54  # of the way: seen in long double, and below the rounding of float64
WEIGHT = 1e3  # of the equation that makes the coefficients sum to one, in nonnegative least squares


def nearby_gradients(case: Case, seed: int = 0) -> np.ndarray:
    """Return the distinct gradients near the first point of a case, as rows over the entries of all inputs."""
    rng = np.random.default_rng(seed)
    wide = np.longdouble

    def scattered(x: np.ndarray) -> np.ndarray:
        x = x[:1].astype(wide)
        return x + rng.normal(size=(NEARBY, *x.shape[1:])).astype(wide) * BREADTH * np.maximum(abs(x), 1)

    near = dataclasses.replace(
        case,
        dtype="float64",
        inputs=tuple(map(scattered, case.inputs)),
        tangents=tuple(np.repeat(dx[:1], NEARBY, axis=0) for dx in case.tangents),
        cotangents=tuple(np.repeat(ct[:1], NEARBY, axis=0) for ct in case.cotangents),
    )
    rows = np.concatenate([g.value.reshape(NEARBY, -1) for g in near.truth.gradients], axis=1).astype(np.float64)
    return np.unique(np.round(rows, 12), axis=0)


def distance_to_hull(gradient: np.ndarray, vertices: np.ndarray, u: float) -> tuple[float, float]:
    """Return how far a flat gradient is from the convex hull of the rows of `vertices`, and how far it may be.

    Distances are Euclidean. What may be is the rounding of the gradient (K roundings `u` of each entry) and that of the
    least squares in float64, whose heaviest equation is `WEIGHT` times the others.
    """
    from scipy.optimize import nnls  # here, not above: only kinks need it

    scale = max(1.0, float(np.abs(vertices).max()))
    a = np.vstack([vertices.T, np.full(len(vertices), WEIGHT * scale)])
    bound = (K * u + WEIGHT * 2.0**-52) * scale * gradient.size
    if not np.isfinite(gradient).all():
        return float("inf"), bound
    coefficients, _ = nnls(a, np.append(gradient, WEIGHT * scale))
    return float(np.linalg.norm(vertices.T @ coefficients - gradient)), bound
