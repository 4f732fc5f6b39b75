"""Solvers, splines, layers, and losses of networks."""

from __future__ import annotations

from typing import Any

import torch
from rows import Row, found, unit

EDGES = torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 0, 2]])


def ode(method_: str, **how: Any) -> Any:
    def make() -> Any:
        from torchdiffeq import odeint

        def f(y: Any, a: Any) -> Any:
            return odeint(lambda t, z: torch.tanh(z @ a) - 0.1 * z, y, torch.tensor([0.0, 0.5, 1.0]), method=method_, **how)

        return f

    return make


def ode_cubic() -> Any:
    from torchdiffeq import odeint

    a = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
    return lambda y: odeint(lambda t, z: (z**3) @ a, y, torch.tensor([0.0, 1.0]), method="dopri5")[-1]


def ode_adjoint() -> Any:
    from torchdiffeq import odeint_adjoint

    class Field(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = torch.nn.Parameter(0.3 * torch.randn(3, 3))

        def forward(self, t: Any, z: Any) -> Any:
            return torch.tanh(z @ self.a)

    field = Field()
    return lambda y: odeint_adjoint(field, y, torch.tensor([0.0, 1.0]), rtol=1e-9, atol=1e-11)[-1]


def xitorch_solve() -> Any:
    import xitorch
    from xitorch.linalg import solve

    return lambda a, b: solve(xitorch.LinearOperator.m(a + 4 * torch.eye(len(a)), is_hermitian=False), b)


def xitorch_symeig() -> Any:
    import xitorch
    from xitorch.linalg import symeig

    return lambda a: symeig(xitorch.LinearOperator.m(a + a.mT, is_hermitian=True))[0]


def xitorch_root() -> Any:
    from xitorch.optimize import rootfinder

    return lambda a: rootfinder(lambda y, a: torch.tanh(a @ y + 0.1) + y / 2.0, torch.zeros(3, 1), params=(a,))


def xitorch_equilibrium() -> Any:
    from xitorch.optimize import equilibrium

    return lambda a: equilibrium(lambda y, a: torch.tanh(0.3 * a @ y + 0.5), torch.zeros(3, 1), params=(a,))


def xitorch_quad() -> Any:
    from xitorch.integrate import quad

    return lambda a, b: quad(lambda x, a: torch.cos(a * x), torch.tensor(0.0), b, params=(a,))


def xitorch_interp() -> Any:
    from xitorch.interpolate import Interp1D

    x = torch.linspace(0, 1, 8)
    return lambda y, q: Interp1D(x, y, method="cspline")(q)


def quadrature(name: str, n: int) -> Any:
    def make() -> Any:
        import torchquad

        torchquad.set_log_level("ERROR")
        rule = getattr(torchquad, name)()
        domain = torch.tensor([[0.0, 1.0], [0.0, 2.0]])
        return lambda a: rule.integrate(lambda x: torch.sin(x @ a), dim=2, N=n, integration_domain=domain, backend="torch")

    return make


def sde(method_: str) -> Any:
    def make() -> Any:
        import torchsde

        class System:
            noise_type, sde_type = "diagonal", "stratonovich" if method_ != "euler" else "ito"

            def f(self, t: Any, y: Any) -> Any:
                return torch.sin(y)

            def g(self, t: Any, y: Any) -> Any:
                return 0.3 * torch.cos(y)

        ts = torch.tensor([0.0, 0.5])

        def f(y: Any) -> Any:
            bm = torchsde.BrownianInterval(0.0, 0.5, size=(2, 3), dtype=torch.float64, entropy=7)
            return torchsde.sdeint(System(), y, ts, bm=bm, method=method_, dt=0.1)[-1]

        return f

    return make


def cde(kind: str) -> Any:
    def make() -> Any:
        import torchcde

        t = torch.linspace(0, 1, 6)

        def f(x: Any, q: Any) -> Any:
            if kind == "hermite":
                coefficients = torchcde.hermite_cubic_coefficients_with_backward_differences(x, t)
            else:
                coefficients = torchcde.natural_cubic_coeffs(x, t)
            return torchcde.CubicSpline(coefficients, t).evaluate(torch.sigmoid(q))

        return f

    return make


def metric_loss(name: str, labels: tuple[int, ...], **how: Any) -> Any:
    def make() -> Any:
        from pytorch_metric_learning import losses

        loss = getattr(losses, name)(**how).double()
        return lambda x: loss(x, torch.tensor(labels))

    return make


def graph(name: str, *made: Any, **how: Any) -> Any:
    def make() -> Any:
        import torch_geometric.nn as nn

        layer = getattr(nn, name)(*made, **how).double().eval()
        return lambda x: layer(x, EDGES)

    return make


def attention() -> Any:
    from x_transformers import Encoder

    block = Encoder(dim=8, depth=1, heads=2, attn_dim_head=4).double().eval()
    return lambda x: block(x)


def rotary() -> Any:
    from rotary_embedding_torch import RotaryEmbedding

    r = RotaryEmbedding(dim=4).double()
    return r.rotate_queries_or_keys


def local() -> Any:
    from local_attention import LocalAttention

    a = LocalAttention(dim=4, window_size=2, causal=True, autopad=True).double()
    return lambda q, k, v: a(q, k, v)


def spline_layer() -> Any:
    from kan.KANLayer import KANLayer

    layer = KANLayer(2, 3, num=4, k=3).double()
    return lambda x: layer(x)[0]


def monai_loss(name: str, **how: Any) -> Any:
    def make() -> Any:
        import monai.losses

        return getattr(monai.losses, name)(**how)

    return make


FUNCTIONS: dict[str, dict[str, Row]] = {
    "torchdiffeq": {
        "odeint rk4": (ode("rk4", options={"step_size": 0.1}), (2, 3), (3, 3)),
        "odeint dopri5": (ode("dopri5"), (2, 3), (3, 3)),
        "odeint dopri5 of a cubic field": (ode_cubic, lambda: torch.tensor([1.0, 0.5])),
        "odeint bosh3": (ode("bosh3", rtol=1e-5), (2, 3), (3, 3)),
        "odeint_adjoint": (ode_adjoint, (2, 3)),
    },
    "torchsde": {
        "sdeint euler": (sde("euler"), (2, 3)),
        "sdeint midpoint": (sde("midpoint"), (2, 3)),
        "sdeint reversible_heun": (sde("reversible_heun"), (2, 3)),
    },
    "torchcde": {
        "natural cubic spline": (cde("natural"), (6, 2), ()),
        "hermite spline": (cde("hermite"), (6, 2), ()),
    },
    "xitorch": {
        "solve": (xitorch_solve, (3, 3), (3, 2)),
        "symeig": (xitorch_symeig, (3, 3)),
        "rootfinder": (xitorch_root, (3, 3)),
        "equilibrium": (xitorch_equilibrium, (3, 3)),
        "quad": (xitorch_quad, (3,), lambda: torch.tensor(1.5)),
        "Interp1D": (xitorch_interp, (8,), unit(3)),
    },
    "torchquad": {
        "Simpson": (quadrature("Simpson", 121), (2,)),
        "Trapezoid": (quadrature("Trapezoid", 121), (2,)),
        "GaussLegendre": (quadrature("GaussLegendre", 64), (2,)),
    },
    "torch_geometric": {
        "GCNConv": (graph("GCNConv", 3, 2), (4, 3)),
        "GATConv": (graph("GATConv", 3, 2), (4, 3)),
        "PNA-like aggregation": (
            lambda: lambda x: found("torch_geometric.nn.aggr.StdAggregation")()(x, torch.tensor([0, 0, 0, 1, 1])),
            (5, 2),
        ),
        "softmax": (lambda: lambda x: found("torch_geometric.utils.softmax")(x, torch.tensor([0, 0, 1, 1, 1])), (5,)),
    },
    "x_transformers": {"Encoder": (attention, (1, 3, 8))},
    "rotary_embedding_torch": {"rotate_queries_or_keys": (rotary, (1, 2, 3, 4))},
    "local_attention": {"LocalAttention": (local, (1, 4, 4), (1, 4, 4), (1, 4, 4))},
    "info_nce": {"info_nce": (lambda: lambda q, k, n: found("info_nce.info_nce")(q, k, n), (3, 4), (3, 4), (5, 4))},
    "pytorch_metric_learning": {
        "NTXentLoss": (metric_loss("NTXentLoss", (0, 0, 1, 1)), (4, 3)),
        "TripletMarginLoss": (metric_loss("TripletMarginLoss", (0, 0, 1, 1), margin=0.5), (4, 3)),
        "ArcFaceLoss": (metric_loss("ArcFaceLoss", (0, 1, 1, 0), num_classes=2, embedding_size=3), (4, 3)),
        "CircleLoss": (metric_loss("CircleLoss", (0, 0, 1, 1)), (4, 3)),
        "FastAPLoss": (metric_loss("FastAPLoss", (0, 0, 1, 1)), (4, 3)),
    },
    "monai": {
        "DiceLoss": (monai_loss("DiceLoss", sigmoid=True), (1, 1, 4, 4), unit(1, 1, 4, 4)),
        "LocalNormalizedCrossCorrelationLoss": (
            monai_loss("LocalNormalizedCrossCorrelationLoss", spatial_dims=2, kernel_size=3),
            unit(1, 1, 6, 6),
            unit(1, 1, 6, 6),
        ),
        "BendingEnergyLoss": (monai_loss("BendingEnergyLoss"), (1, 2, 6, 6)),
        "GlobalMutualInformationLoss": (
            monai_loss("GlobalMutualInformationLoss", num_bins=5),
            unit(1, 1, 4, 4),
            unit(1, 1, 4, 4),
        ),
    },
    "kan": {"KANLayer": (spline_layer, unit(3, 2))},
}
