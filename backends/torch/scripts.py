"""How scripts are written that ask PyTorch alone."""

from __future__ import annotations

from clinometer.backends.dialect import Dialect
from clinometer.backends.torch.helpers import HELPERS
from clinometer.backends.torch.operations import OPERATIONS

TANGENT = """\
def tangent(f, dxs):
    return lambda *xs: torch.func.jvp(f, xs, dxs)[1]
"""

DIALECT = Dialect(
    imports="import torch",
    table=OPERATIONS,
    helpers=HELPERS,
    array="torch.tensor({values}, dtype=torch.{dtype})",
    empty="torch.zeros({shape}, dtype=torch.{dtype})",
    kind="torch.{dtype}",
    leaf="{x}.requires_grad_()",
    vjp="vjp({f}, {names})",
    reverse="{got} = torch.autograd.grad({f}({names}), [{names}], {ct}, materialize_grads=True)[{which}]",
    forward="{got} = torch.func.jvp({f}, ({names},), ({tangents},))[1]",
    beside={
        "reverse": "{got} = {f}({names}).detach()",
        "forward": "{got} = torch.func.jvp({f}, ({names},), ({tangents},))[0]",
    },
    nested={
        "reverse": """\
def gradient(f, which, ct):
    def g(*xs):
        xs = [x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in xs]
        y = f(*xs)
        if not y.requires_grad:
            return torch.zeros_like(xs[which])
        return torch.autograd.grad(y, xs, ct, create_graph=True, materialize_grads=True)[which]

    return g
""",
        "forward": TANGENT,
        "forward-over-reverse": f"""\
def gradient(f, which, ct):
    return lambda *xs: torch.func.vjp(f, *xs)[1](ct)[which]


{TANGENT}""",
    },
    tape={
        "leaf": "{x}.requires_grad_()",
        "backward": "{y}.backward({ct})",
        "retained": "{y}.backward({ct}, retain_graph=True)",
        "gradient": "{x}.grad",
        "kept": "{x}.grad.clone()",
        "zero": "{x}.grad = None",
        "grad": "torch.autograd.grad({y}, [{leaves}], {ct}, retain_graph=True, create_graph={graph}, allow_unused=True)",
        "no_grad": "with torch.no_grad():",
        "set": "{x} = {y}",
        "add": "{x} += {y}",
        "subtract": "{x} -= {y}",
        "multiply": "{x} *= {y}",
        "divide": "{x} /= {y}",
        "exp": "{x}.exp_()",
        "sin": "{x}.sin_()",
        "tanh": "{x}.tanh_()",
    },
    transforms={
        "vmap": "torch.vmap",
        "cond": "torch.cond",
        "vjp": "torch.func.vjp({f}, {names})[1]({ct})",
        "jvp": "torch.func.jvp({f}, ({names},), ({tangents},))[1]",
    },
)
