"""Eigenvalues in the working precision: LAPACK has no long double, so rotations end what it begins."""

from __future__ import annotations

import itertools

import numpy as np

SWEEPS = 30  # each squares the size of what is left; two or three do


def jacobi(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues of symmetric matrices, ascending, and orthonormal eigenvectors as columns.

    Cyclic rotations: Golub & Van Loan, section 8.5.
    """
    wide = np.promote_types(x.dtype, np.float64)
    n = x.shape[-1]
    a = ((x + np.swapaxes(x, -1, -2)) / 2).astype(wide)
    v = np.array(np.broadcast_to(np.eye(n, dtype=wide), a.shape))
    if np.isfinite(a).all():
        v = np.linalg.eigh(a.astype(np.float64))[1].astype(wide)
        v = 1.5 * v - 0.5 * v @ (np.swapaxes(v, -1, -2) @ v)  # orthonormal to twice the digits
        a = np.swapaxes(v, -1, -2) @ a @ v
    off = ~np.eye(n, dtype=bool)
    negligible = np.finfo(wide).eps ** 2 * np.abs(a).max(initial=0.0)
    for _ in range(SWEEPS):
        if np.abs(a[..., off]).max(initial=0.0) <= negligible:
            break
        for p, q in itertools.combinations(range(n), 2):
            _rotate(a, v, p, q)
    w = np.diagonal(a, axis1=-2, axis2=-1)
    order = np.argsort(w, axis=-1, kind="stable")
    return (
        np.take_along_axis(w, order, -1).astype(x.dtype),
        np.take_along_axis(v, order[..., None, :], -1).astype(x.dtype),
    )


def _rotate(a: np.ndarray, v: np.ndarray, p: int, q: int) -> None:
    """Make a[p, q] zero by a rotation in the plane of axes p and q, in place."""
    gap, twice = a[..., q, q] - a[..., p, p], 2 * a[..., p, q]
    size = np.abs(gap) + np.hypot(gap, twice)
    t = np.where(gap < 0, -twice, twice) / np.where(size == 0, 1, size)
    c = 1 / np.sqrt(1 + t * t)
    c, s = c[..., None], (t * c)[..., None]
    for m in (a, np.swapaxes(a, -1, -2), v):
        left, right = m[..., p].copy(), m[..., q].copy()
        m[..., p], m[..., q] = c * left - s * right, s * left + c * right
    a[..., p, q] = a[..., q, p] = 0  # what rounding has left there would keep the sweeps from converging
