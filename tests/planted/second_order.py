"""Wrong on purpose, and only at second order or beyond: the first derivative of each is sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from clinometer.backends.reference.adapter import Node, Reference
from clinometer.backends.torch.adapter import Torch
from clinometer.reference.arithmetic.dispatch import contract, stop_gradient
from clinometer.reference.arithmetic.linear_maps import Contract, Scale
from planted.derivatives import flowing, wider
from planted.libraries import operation

# ----- a rule's coefficient, and what it depends on -----


def with_partial(linear: Any, partial: Any, ct: Any) -> Any:
    """Pull a cotangent through a map with another coefficient."""
    return Scale(partial, linear.shape, linear.out).pull(ct)


def frozen_slope(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    return with_partial(linear, stop_gradient(linear.partial), ct) if function is np.sin else None


def bent_slope(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    if function is not np.exp:
        return None
    return with_partial(linear, linear.partial + 1e-6 * (linear.partial - stop_gradient(linear.partial)), ct)


def frozen_operand(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    if function is not contract or place != 0:
        return None
    return Contract(linear.labels, linear.out, [stop_gradient(a) for a in linear.operands], place).pull(ct)


def frozen_at_zero(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    if function is not np.multiply:
        return None
    return with_partial(linear, np.where(linear.partial == 0, stop_gradient(linear.partial), linear.partial), ct)


def frozen_at_depth_three(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    deep = node.level == 3 and isinstance(linear, Scale) and not isinstance(linear.partial, int)
    return with_partial(linear, stop_gradient(linear.partial), ct) if deep else None


# ----- nesting -----


class ConstantTangents(Reference):
    def jvp(self, f: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        y, dy = super().jvp(f, primals, tangents)
        return y, stop_gradient(dy)


class OneLevel(Reference):
    depth = property(lambda self: 1, lambda self, depth: None)  # type: ignore[assignment]  # however deep the nesting


class Twice(Reference):
    """A reference that knows of each derivative whether another is taken within."""

    inner = 0

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(self.noticing(f), *primals)
        return y, self.twice(pullback) if self.second() else pullback

    def jvp(self, f: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        y, dy = super().jvp(self.noticing(f), primals, tangents)
        return y, self.twice(lambda dy: [dy])(dy)[0] if self.second() else dy

    def noticing(self, f: Any) -> Any:
        """Return f, which leaves a note if it is within another derivative."""

        def noticed(*xs: Any) -> Any:
            self.inner += self.depth > 1
            return f(*xs)

        return noticed

    def second(self) -> bool:
        """Whether the outermost derivative is done, and had another within."""
        if self.depth:
            return False
        found, self.inner = self.inner > 0, 0
        return found

    def twice(self, pullback: Any) -> Any:
        """Return what a pullback of second order, or a tangent as its only part, becomes."""
        return pullback


class PromotedSecond(Twice):
    """Second derivatives come in float64."""

    def twice(self, pullback: Any) -> Any:
        return lambda ct: [wider(g) for g in pullback(ct)]


class SecondOfNothing(Twice):
    """Second derivatives of arrays without entries are refused."""

    def twice(self, pullback: Any) -> Any:
        def refusing(ct: Any) -> Any:
            found = pullback(ct)
            if any(np.size(g) == 0 for g in found):
                raise ValueError("nothing to differentiate twice")
            return found

        return refusing


class LostGraph(Torch):
    """Torch without `create_graph`, as an adapter written for first order has it."""

    def vjp(self, f: Any, *primals: Any) -> Any:
        leaves = [x.detach().requires_grad_() for x in primals]
        y = f(*leaves)

        def pullback(ct: Any) -> Any:
            if not y.requires_grad:
                return [torch.zeros_like(x) for x in primals]
            return torch.autograd.grad(y, leaves, ct, retain_graph=True, materialize_grads=True)

        return y.detach(), pullback


class FrozenSlope(torch.autograd.Function):
    """sin, whose backward detaches what it has saved."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, ct: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return ct * torch.cos(x.detach())


SECOND_ORDER: dict[str, Any] = {
    **{
        wrong.__name__: flowing(wrong)
        for wrong in (frozen_slope, bent_slope, frozen_operand, frozen_at_zero, frozen_at_depth_three)
    },
    "constant_tangents": ConstantTangents,
    "promoted_second": PromotedSecond,
    "second_order_of_nothing": SecondOfNothing,
    "one_level": OneLevel,
    "torch_lost_graph": LostGraph,
    "torch_frozen_slope": operation("sin", FrozenSlope),
}
