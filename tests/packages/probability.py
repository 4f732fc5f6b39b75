"""Distributions, flows, kernels, transport, and losses."""

from __future__ import annotations

from typing import Any

import torch
from rows import Row, call, found, positive, unit


def entropy_flow() -> Any:
    import zuko

    flow = zuko.flows.NSF(2, 0, transforms=1, hidden_features=(8,)).double()
    return lambda x: flow().log_prob(x)


def zuko_rqs() -> Any:
    from zuko.transforms import MonotonicRQSTransform

    def f(x: Any, w: Any, h: Any, d: Any) -> Any:
        t = MonotonicRQSTransform(w, h, d)
        y, ladj = t.call_and_ladj(torch.tanh(x))
        return y, ladj, t.inv(y * 0.9)

    return f


def zuko_sos() -> Any:
    from zuko.transforms import SOSPolynomialTransform

    return lambda x, a: SOSPolynomialTransform(a)(x)


def zuko_bernstein() -> Any:
    from zuko.transforms import BernsteinTransform

    return lambda x, a: BernsteinTransform(a)(torch.tanh(x))


def gp_kernel(name: str, **how: Any) -> Any:
    def make() -> Any:
        import gpytorch

        kernel = getattr(gpytorch.kernels, name)(**how).double()
        return lambda x, y: kernel(x, y).to_dense()

    return make


def gp_mll() -> Any:
    import gpytorch

    def f(x: Any, y: Any) -> Any:
        k = gpytorch.kernels.RBFKernel().double()(x).add_jitter(0.1)
        return gpytorch.distributions.MultivariateNormal(torch.zeros(len(x)), k).log_prob(y)

    return f


def lo_quad() -> Any:
    from linear_operator import to_linear_operator

    def f(a: Any, b: Any) -> Any:
        return to_linear_operator(a @ a.mT + 3 * torch.eye(len(a))).inv_quad_logdet(inv_quad_rhs=b, logdet=True)

    return f


def lo_solve() -> Any:
    from linear_operator import to_linear_operator

    return lambda a, b: to_linear_operator(a @ a.mT + 3 * torch.eye(len(a))).solve(b)


def lo_toeplitz() -> Any:
    from linear_operator.operators import ToeplitzLinearOperator

    return lambda c, b: ToeplitzLinearOperator(c) @ b


def lo_sqrt() -> Any:
    from linear_operator import to_linear_operator

    return lambda a, b: to_linear_operator(a @ a.mT + 3 * torch.eye(len(a))).sqrt_inv_matmul(b)


def lo_kronecker() -> Any:
    from linear_operator import to_linear_operator
    from linear_operator.operators import KroneckerProductLinearOperator

    def f(a: Any, b: Any, x: Any) -> Any:
        one, two = (to_linear_operator(m @ m.mT + 3 * torch.eye(len(m))) for m in (a, b))
        return KroneckerProductLinearOperator(one, two).solve(x)

    return f


def rq_spline() -> Any:
    from nflows.transforms.splines.rational_quadratic import unconstrained_rational_quadratic_spline as g

    return lambda x, w, h, d: g(x, w, h, d, tail_bound=3.0)


def cubic_spline() -> Any:
    from nflows.transforms.splines.cubic import unconstrained_cubic_spline as g

    return lambda x, w, h, a, b: g(x, w, h, a, b, tail_bound=3.0)


def quadratic_spline() -> Any:
    from nflows.transforms.splines.quadratic import unconstrained_quadratic_spline as g

    return lambda x, w, h: g(x, w, h, tail_bound=3.0)


def nflows_maf() -> Any:
    from nflows.transforms import MaskedAffineAutoregressiveTransform

    t = MaskedAffineAutoregressiveTransform(3, 8).double()
    return lambda x: t(x)


def flow_layer(name: str, *made: Any, **how: Any) -> Any:
    def make() -> Any:
        import normflows

        layer = getattr(normflows.flows, name)(*made, **how).double()
        return lambda x: layer(x)

    return make


def density(name: str) -> Any:
    """Return the log density of a distribution of pyro's, of its value and parameters."""

    def make() -> Any:
        import pyro.distributions as dist

        return lambda x, *parameters: getattr(dist, name)(*parameters).log_prob(x)

    return make


def pyro_hmm() -> Any:
    import pyro.distributions as dist

    def f(x: Any, initial: Any, transition: Any, loc: Any) -> Any:
        return dist.DiscreteHMM(initial, transition, dist.Normal(loc, 1.0)).log_prob(x)

    return f


def botorch_ei() -> Any:
    from botorch.acquisition.analytic import _log_ei_helper

    return _log_ei_helper


def sinkhorn(loss: str, **how: Any) -> Any:
    def make() -> Any:
        from geomloss import SamplesLoss

        return SamplesLoss(loss, backend="tensorized", **how)

    return make


def pot(name: str, *rest: Any, **how: Any) -> Any:
    def make() -> Any:
        import ot

        g = getattr(ot, name)
        a = torch.full((4,), 0.25)
        return lambda m: g(a, a, m, *rest, **how)

    return make


def pot_gw() -> Any:
    import ot

    a = torch.full((4,), 0.25)
    return lambda x, y: ot.gromov.gromov_wasserstein2(torch.cdist(x, x) ** 2, torch.cdist(y, y) ** 2, a, a)


def crf() -> Any:
    from torchcrf import CRF

    m = CRF(3, batch_first=True).double()
    return lambda e: m(e, torch.tensor([[0, 2, 1, 1], [1, 0, 2, 2]]))


FUNCTIONS: dict[str, dict[str, Row]] = {
    "entmax": {
        "sparsemax": (call("entmax.sparsemax"), (3, 5)),
        "entmax15": (call("entmax.entmax15"), (3, 5)),
        "entmax_bisect": (call("entmax.entmax_bisect", 1.3), (3, 5)),
        "entmax_bisect and its alpha": (lambda: lambda x, a: found("entmax.entmax_bisect")(x, 1.2 + a**2), (3, 5), (3, 1)),
        "budget_bisect": (call("entmax.budget_bisect", 2), (2, 5)),
        "entmax15_loss": (lambda: lambda x: found("entmax.entmax15_loss")(x, torch.tensor([0, 2])), (2, 5)),
    },
    "zuko": {
        "NSF log_prob": (entropy_flow, (3, 2)),
        "MonotonicRQSTransform": (zuko_rqs, (3,), (3, 5), (3, 5), (3, 4)),
        "SOSPolynomialTransform": (zuko_sos, (3,), (3, 2, 3)),
        "BernsteinTransform": (zuko_bernstein, (3,), (3, 6)),
    },
    "gpytorch": {
        "log_normal_cdf": (call("gpytorch.functions.log_normal_cdf"), lambda: torch.tensor([-5.0, -2.0, -0.5, 0.7, 3.0])),
        "RBFKernel": (gp_kernel("RBFKernel"), (3, 2), (4, 2)),
        "MaternKernel": (gp_kernel("MaternKernel", nu=2.5), (3, 2), (4, 2)),
        "PeriodicKernel": (gp_kernel("PeriodicKernel"), (3, 1), (4, 1)),
        "RQKernel": (gp_kernel("RQKernel"), (3, 2), (4, 2)),
        "log marginal likelihood": (gp_mll, (5, 2), (5,)),
    },
    "linear_operator": {
        "inv_quad_logdet": (lo_quad, (4, 4), (4, 2)),
        "solve": (lo_solve, (4, 4), (4, 2)),
        "Toeplitz matmul": (lo_toeplitz, (5,), (5, 2)),
        "sqrt_inv_matmul": (lo_sqrt, (4, 4), (4, 2)),
        "Kronecker solve": (lo_kronecker, (2, 2), (3, 3), (6, 1)),
    },
    "nflows": {
        "rational quadratic spline": (rq_spline, (4,), (4, 5), (4, 5), (4, 4)),
        "cubic spline": (cubic_spline, (4,), (4, 5), (4, 5), (4, 1), (4, 1)),
        "quadratic spline": (quadratic_spline, (4,), (4, 5), (4, 4)),
        "masked autoregressive flow": (nflows_maf, (2, 3)),
    },
    "normflows": {
        "Planar": (flow_layer("Planar", (2,)), (3, 2)),
        "Radial": (flow_layer("Radial", (2,)), (3, 2)),
        "CoupledRationalQuadraticSpline": (flow_layer("CoupledRationalQuadraticSpline", 2, 1, 8), (3, 2)),
    },
    "pyro": {
        "VonMises log_prob": (density("VonMises"), (3,), (3,), positive(3)),
        "ProjectedNormal log_prob": (
            lambda: (
                lambda x, c: found("pyro.distributions.ProjectedNormal")(c).log_prob(torch.nn.functional.normalize(x, dim=-1))
            ),
            (2, 3),
            (2, 3),
        ),
        "StudentT log_prob": (density("StudentT"), (3,), positive(3), (3,), positive(3)),
        "DiscreteHMM log_prob": (pyro_hmm, (5,), (3,), (3, 3), (3,)),
        "log_beta": (call("pyro.ops.special.log_beta"), positive(3), positive(3)),
        "log_I1": (lambda: lambda x: found("pyro.ops.special.log_I1")(3, x), positive(3)),
        "SkewLogistic log_prob": (density("AsymmetricLaplace"), (3,), (3,), positive(3), positive(3)),
    },
    "botorch": {
        "log_ei": (botorch_ei, lambda: torch.tensor([-30.0, -5.0, -1.5, -0.3, 0.8])),
        "log_ndtr": (call("botorch.utils.probability.utils.log_ndtr"), lambda: torch.tensor([-30.0, -5.0, -0.3, 0.8])),
        "log_erfcx": (call("botorch.utils.probability.utils.log_erfcx"), lambda: torch.tensor([-2.0, -0.3, 0.8, 30.0])),
        "log_prob_normal_in": (
            lambda: lambda a, b: found("botorch.utils.probability.utils.log_prob_normal_in")(a, a + b * b + 0.1),
            (4,),
            (4,),
        ),
        "fatplus": (call("botorch.utils.safe_math.fatplus"), (4,)),
        "smooth_amax": (call("botorch.utils.safe_math.smooth_amax"), (3, 4)),
        "logexpit": (call("botorch.utils.safe_math.logexpit"), (4,)),
    },
    "geomloss": {
        "sinkhorn": (sinkhorn("sinkhorn", p=2, blur=0.3), (4, 2), (5, 2)),
        "energy": (sinkhorn("energy"), (4, 2), (5, 2)),
        "gaussian": (sinkhorn("gaussian", blur=0.7), (4, 2), (5, 2)),
        "laplacian": (sinkhorn("laplacian", blur=0.7), (4, 2), (5, 2)),
    },
    "ot": {
        "emd2": (pot("emd2"), unit(4, 4)),
        "sinkhorn2": (pot("sinkhorn2", 0.2), unit(4, 4)),
        "gromov_wasserstein2": (pot_gw, (4, 2), (4, 2)),
        "wasserstein_1d": (call("ot.wasserstein_1d"), (5,), (5,)),
        "max sliced distance": (lambda: lambda x, y: found("ot.sliced_wasserstein_distance")(x, y, seed=3), (5, 2), (5, 2)),
    },
    "torchcrf": {"CRF": (crf, (2, 4, 3))},
}
