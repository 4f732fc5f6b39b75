"""Objections of `check_gradients` to packages, each shown to be true without it: mpmath's derivative, and the package's.

The package is asked for a gradient by its library alone, at points of few digits; mpmath has fifty.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import torch
from rows import found


def log_normal_cdf() -> bool:
    """Below -1 gpytorch's gradient of log Phi is one of float32's digits or fewer: phi / Phi is another number."""
    x = torch.tensor([-2.0], requires_grad=True)
    (got,) = torch.autograd.grad(found("gpytorch.functions.log_normal_cdf")(x).sum(), x)
    with mpmath.workdps(50):
        want = mpmath.npdf(-2) / mpmath.ncdf(-2)
        return bool(abs(mpmath.mpf(got.item()) / want - 1) > 1e-6)


def special_procrustes() -> bool:
    """Roma damps the gradient of the nearest rotation, on purpose, by about a part in 1e10: it is not that of its value."""
    m = [[2.0, 0.5, 0.25], [-0.5, 1.5, 0.75], [0.25, -1.0, 1.0]]
    x = torch.tensor(m, requires_grad=True)
    (got,) = torch.autograd.grad(found("roma.special_procrustes")(x)[0, 1], x)

    def entry(a: mpmath.mpf) -> mpmath.mpf:
        """Return entry [0, 1] of the rotation, of determinant one, while entry [0, 0] of the matrix is a."""
        u, _, v = mpmath.svd_r(mpmath.matrix([[a, *m[0][1:]], *m[1:]]))
        flip = mpmath.diag([1, 1, mpmath.sign(mpmath.det(u) * mpmath.det(v))])
        return (u * flip * v)[0, 1]

    with mpmath.workdps(50):
        want = mpmath.diff(entry, mpmath.mpf(2))
        return bool(abs(mpmath.mpf(got[0, 0].item()) / want - 1) > 1e-13)


PROVEN: dict[str, Callable[[], bool]] = {
    "gpytorch: log_normal_cdf": log_normal_cdf,
    "roma: special_procrustes": special_procrustes,
}
