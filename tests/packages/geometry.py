"""Rotations, manifolds, images and tensors."""

from __future__ import annotations

from typing import Any

import torch
from rows import Row, call, found, rotation, small, unit


def kornia_ssim() -> Any:
    from kornia.losses import ssim_loss

    return lambda x, y: ssim_loss(x, y, window_size=5)


def kornia_warp() -> Any:
    from kornia.geometry.transform import warp_perspective

    def f(x: Any, h: Any) -> Any:
        return warp_perspective(x, torch.eye(3)[None] + 0.02 * h, dsize=(6, 6))

    return f


def kornia(path: str, *rest: Any, **how: Any) -> Any:
    return lambda: (lambda g: lambda *xs: g(*xs, *rest, **how))(found("kornia." + path))


def geotorch_manifold(name: str, *how: Any, **more: Any) -> Any:
    def make() -> Any:
        import geotorch

        return getattr(geotorch, name)(*how, **more).double().forward

    return make


def ball(name: str) -> Any:
    def make() -> Any:
        import geoopt

        b = geoopt.PoincareBall(c=0.7)
        return getattr(b, name)

    return make


def spd(name: str) -> Any:
    def make() -> Any:
        import geoopt

        m = getattr(geoopt.manifolds.SymmetricPositiveDefinite(), name)
        return lambda a, b: m(a @ a.mT + 2 * torch.eye(len(a)), b @ b.mT + 2 * torch.eye(len(b)))

    return make


def lorentz() -> Any:
    import geoopt

    m = geoopt.Lorentz()
    return lambda x, y: m.dist(m.projx(x), m.projx(y))


def tensorly_cp() -> Any:
    import tensorly

    tensorly.set_backend("pytorch")
    return lambda a, b, c: tensorly.cp_to_tensor((torch.ones(2), [a, b, c]))


def tensorly_tucker() -> Any:
    import tensorly

    tensorly.set_backend("pytorch")
    return lambda g, a, b: tensorly.tucker_to_tensor((g, [a, b]))


def pp_act() -> Any:
    import pypose

    return lambda x, p: pypose.se3(x).Exp().Act(p)


def tensor_train() -> Any:
    import tntorch

    return lambda a, b, c: (lambda t: (t * t).torch())(tntorch.Tensor([a, b, c]))


def wigner() -> Any:
    from e3nn import o3

    return lambda a, b, c: o3.wigner_D(2, a, b, c)


def tensor_product() -> Any:
    from e3nn import o3

    t = o3.FullyConnectedTensorProduct("1x0e+1x1o", "1x1o", "1x0e+1x1o+1x2e").double()
    return lambda x, y: t(x, y)


FUNCTIONS: dict[str, dict[str, Row]] = {
    "kornia": {
        "rgb_to_hsv": (call("kornia.color.rgb_to_hsv"), unit(1, 3, 2, 2)),
        "rgb_to_lab": (call("kornia.color.rgb_to_lab"), unit(1, 3, 2, 2)),
        "ssim_loss": (kornia_ssim, unit(1, 1, 6, 6), unit(1, 1, 6, 6)),
        "warp_perspective": (kornia_warp, (1, 1, 6, 6), (1, 3, 3)),
        "axis_angle_to_rotation_matrix": (call("kornia.geometry.axis_angle_to_rotation_matrix"), (2, 3)),
        "rotation_matrix_to_axis_angle": (call("kornia.geometry.rotation_matrix_to_axis_angle"), rotation),
        "bilateral_blur": (call("kornia.filters.bilateral_blur", (3, 3), 0.3, (1.0, 1.0)), unit(1, 1, 4, 4)),
        "canny's gradient": (call("kornia.filters.sobel"), unit(1, 1, 4, 4)),
    },
    "e3nn": {
        "spherical_harmonics": (lambda: lambda x: found("e3nn.o3.spherical_harmonics")([1, 2, 3], x, normalize=True), (2, 3)),
        "soft_one_hot_linspace": (call("e3nn.math.soft_one_hot_linspace", -2.0, 2.0, 4, "smooth_finite", True), (3,)),
        "wigner_D": (wigner, (2,), (2,), (2,)),
        "tensor product": (tensor_product, (2, 4), (2, 3)),
    },
    "roma": {
        "rotvec_to_rotmat": (call("roma.rotvec_to_rotmat"), (3, 3)),
        "rotmat_to_rotvec": (call("roma.rotmat_to_rotvec"), rotation),
        "special_procrustes": (call("roma.special_procrustes"), (2, 3, 3)),
        "unitquat_slerp": (lambda: lambda q, r, t: found("roma.unitquat_slerp")(q, r, t), (4,), (4,), unit(2)),
        "rotmat_geodesic_distance": (call("roma.rotmat_geodesic_distance"), rotation, rotation),
    },
    "geotorch": {
        "SO": (geotorch_manifold("SO", torch.Size((3, 3))), (3, 3)),
        "PSD": (geotorch_manifold("PSD", torch.Size((3, 3))), (3, 3)),
        "Sphere": (geotorch_manifold("Sphere", torch.Size((4,))), (4,)),
        "LowRank": (geotorch_manifold("LowRank", torch.Size((4, 3)), 2), (4, 3)),
    },
    "geoopt": {
        "PoincareBall.dist": (ball("dist"), small(3, 2), small(3, 2)),
        "PoincareBall.expmap": (ball("expmap"), small(3, 2), (3, 2)),
        "PoincareBall.logmap": (ball("logmap"), small(3, 2), small(3, 2)),
        "SymmetricPositiveDefinite.dist": (spd("dist"), (3, 3), (3, 3)),
        "SymmetricPositiveDefinite.logmap": (spd("logmap"), (3, 3), (3, 3)),
        "Lorentz.dist": (lorentz, (2, 3), (2, 3)),
    },
    "pypose": {
        "so3.Exp.matrix": (lambda: lambda x: found("pypose.so3")(x).Exp().matrix(), (2, 3)),
        "se3.Exp.matrix": (lambda: lambda x: found("pypose.se3")(x).Exp().matrix(), (2, 6)),
        "so3.Exp.Log": (lambda: lambda x: found("pypose.so3")(x).Exp().Log().tensor(), (2, 3)),
        "se3.Exp.Act": (pp_act, (2, 6), (2, 3)),
        "so3.Jr": (lambda: lambda x: found("pypose.so3")(x).Jr(), (2, 3)),
    },
    "tensorly": {
        "cp_to_tensor": (tensorly_cp, (3, 2), (2, 2), (4, 2)),
        "tucker_to_tensor": (tensorly_tucker, (2, 3), (4, 2), (3, 3)),
    },
    "tntorch": {"elementwise square": (tensor_train, (1, 3, 2), (2, 3, 2), (2, 3, 1))},
    "einops": {
        "rearrange and reduce": (
            lambda: (
                lambda x: found("einops.reduce")(found("einops.rearrange")(x, "a (b c) -> b a c", b=2), "a b c -> a c", "max")
            ),
            (3, 4),
        ),
        "einsum": (lambda: lambda x, y: found("einops.einsum")(x, y, "a b, b c -> a c"), (3, 4), (4, 2)),
    },
    "opt_einsum": {
        "contract": (lambda: lambda x, y, z: found("opt_einsum.contract")("ab,bc,cd->ad", x, y, z), (2, 3), (3, 2), (2, 3)),
    },
}
