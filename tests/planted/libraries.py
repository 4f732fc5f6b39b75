"""Wrong on purpose: a real library, with a custom gradient as its users write them."""

from __future__ import annotations

from typing import Any

import torch

from clinometer.backends.torch.adapter import Torch


class ScaledSin(torch.autograd.Function):
    """sin with a slope that is off by a thousandth."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, ct: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return ct * torch.cos(x) * 1.001


class StraightThrough(torch.autograd.Function):
    """detach that lets every cotangent through."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, ct: torch.Tensor) -> torch.Tensor:
        return ct


class ForgetfulBackward(Torch):
    """Zeroes before each backward, as a training loop does."""

    def __init__(self) -> None:
        super().__init__()
        sound = self.tape.backward
        leaves: list[torch.Tensor] = []
        make = self.tape.leaf

        def leaf(x: torch.Tensor) -> torch.Tensor:
            leaves.append(make(x))
            return leaves[-1]

        def backward(y: torch.Tensor, ct: torch.Tensor | None = None, *, retain: bool = False) -> None:
            for one in leaves:
                one.grad = None
            sound(y, ct, retain=retain)

        self.tape.leaf, self.tape.backward = leaf, backward  # type: ignore[method-assign]  # planted


def operation(name: str, function: type[torch.autograd.Function]) -> type[Torch]:
    """Return torch in which one operation is a custom function."""

    class Planted(Torch):
        def __init__(self) -> None:
            super().__init__()
            setattr(self.xp, name, function.apply)

    return Planted


LIBRARIES: dict[str, type[Torch]] = {
    "torch_scaled_rule": operation("sin", ScaledSin),
    "torch_leaky_detach": operation("stop_gradient", StraightThrough),
    "torch_forgetful_backward": ForgetfulBackward,
}
