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


def smooth_magnitude() -> bool:
    """pytorch_wavelets' backward pass of a magnitude raises where its second argument alone requires grad."""
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([0.5, -1.5], requires_grad=True)
    try:
        torch.autograd.grad(found("pytorch_wavelets.scatternet.lowlevel.SmoothMagFn").apply(x, y, 0.01).sum(), y)
    except UnboundLocalError:
        return True
    return False


def wavelets() -> bool:
    """A discrete wavelet transform is linear, so its values at unit vectors are its derivative; its pullback has others."""
    transform = found("pytorch_wavelets.DWTForward")(J=1, wave="db2", mode="symmetric").double()
    x = torch.zeros(1, 1, 8, 8, requires_grad=True)
    (got,) = torch.autograd.grad(transform(x)[0].sum(), x)
    want = torch.stack([transform(e.reshape(1, 1, 8, 8))[0].sum() for e in torch.eye(64)]).reshape(got.shape)
    return bool((got - want).abs().max() > 1e-3)


def differs(f: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> bool:
    """Whether the gradient in the first entry is off by a thousandth; central differences of two steps agree to a millionth."""
    leaf = x.clone().requires_grad_()
    (got,) = torch.autograd.grad(f(leaf).sum(), leaf)
    first = (torch.arange(x.numel()) == 0).reshape(x.shape)
    wide, near = ((f(x + h * first) - f(x - h * first)).sum().item() / (2 * h) for h in (2e-5, 1e-5))
    return abs(wide / near - 1) < 1e-6 and abs(got.flatten()[0].item() / near - 1) > 1e-3


POINTS = torch.tensor([[1.0, 0.5], [0.75, -0.5], [-1.0, 0.25], [0.5, 1.0]], dtype=torch.float64)


def circle_loss() -> bool:
    """The weights of the circle loss are detached, as its paper has it: differences of the value are another number."""
    loss = found("pytorch_metric_learning.losses.CircleLoss")()
    return differs(lambda x: loss(x, torch.tensor([0, 0, 1, 1])), POINTS)


def sinkhorn() -> bool:
    """The potentials of geomloss's Sinkhorn loss are detached before they have converged: its value has another slope."""
    loss = found("geomloss.SamplesLoss")("sinkhorn", p=2, blur=0.3, backend="tensorized")
    return differs(lambda x: loss(x, POINTS.flip(0) * 0.5 + 0.25), POINTS)


def quadrature() -> bool:
    """xitorch's quad raises where its limit alone requires grad: it takes its arguments from a slice that starts at -0."""
    quad, a, b = found("xitorch.integrate.quad"), torch.tensor([1.0, 2.0]), torch.tensor(1.5, requires_grad=True)
    value = quad(lambda x, a: torch.cos(a * x), torch.tensor(0.0), b, params=(a,)).sum()
    try:
        torch.autograd.grad(value, b)
    except ValueError:
        return True
    return False


PROVEN: dict[str, Callable[[], bool]] = {
    "geomloss: sinkhorn": sinkhorn,
    "gpytorch: log_normal_cdf": log_normal_cdf,
    "pytorch_metric_learning: CircleLoss": circle_loss,
    "pytorch_wavelets: DWTForward": wavelets,
    "pytorch_wavelets: SmoothMagFn": smooth_magnitude,
    "roma: special_procrustes": special_procrustes,
    "xitorch: quad": quadrature,
}
