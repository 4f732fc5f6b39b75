"""`check_gradients` beside `torch.autograd.gradcheck`: the same functions, points and process, and how many times it costs.

    OMP_NUM_THREADS=1 python tests/benchmarks/own.py

CPU time, one thread, least of three rounds in which the sides take turns. gradcheck is asked as most people ask it, for reverse
mode alone; check_gradients also differentiates at a second point and, where there is one, by forward mode.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import gradcheck

from clinometer.gradcheck import check_gradients

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed(0)

ROUNDS = 3


class Cube(torch.autograd.Function):
    """A custom gradient, as one writes it."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, ct: Any) -> Any:
        return 3 * ctx.saved_tensors[0] ** 2 * ct


MLP = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
LSTM = torch.nn.LSTMCell(3, 4)
NORM = torch.nn.LayerNorm(6)

# A function and the shapes of its arguments.
FUNCTIONS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "sin": (torch.sin, [(3, 4)]),
    "a custom cube": (Cube.apply, [(3, 4)]),
    "product of matrices": (torch.matmul, [(3, 4), (4, 3)]),
    "softmax": (lambda x: torch.softmax(x, -1), [(3, 4)]),
    "cross entropy": (lambda x: torch.nn.functional.cross_entropy(x, torch.tensor([0, 2, 1])), [(3, 4)]),
    "layer norm": (NORM, [(4, 6)]),
    "convolution": (torch.nn.functional.conv2d, [(1, 2, 5, 5), (3, 2, 3, 3)]),
    "solve": (lambda a, b: torch.linalg.solve(a + 4 * torch.eye(4), b), [(4, 4), (4, 2)]),
    "log of a determinant": (lambda a: torch.logdet(a @ a.mT + torch.eye(4)), [(4, 4)]),
    "a layer of attention": (torch.nn.functional.scaled_dot_product_attention, [(1, 4, 4)] * 3),
    "a small network": (MLP, [(5, 4)]),
    "a cell of an LSTM": (lambda x: LSTM(x)[0], [(2, 3)]),
    "a loss of 400 entries": (lambda x: (torch.tanh(x) ** 2).sum(), [(20, 20)]),
}


def sides(f: Callable[..., Any], shapes: list[tuple[int, ...]]) -> dict[str, Callable[[], Any]]:
    """Return what is compared, by name."""
    xs = [torch.randn(shape, requires_grad=True) for shape in shapes]
    check = [x.detach() for x in xs]
    return {
        "check_gradients": lambda: check_gradients(f, *check),
        "slow": lambda: gradcheck(f, xs),
        "fast": lambda: gradcheck(f, xs, fast_mode=True),
    }


def measured(f: Callable[..., Any], shapes: list[tuple[int, ...]]) -> dict[str, float]:
    """Return the least CPU time of each side, in seconds."""
    asked = sides(f, shapes)
    found = dict.fromkeys(asked, math.inf)
    for _ in range(ROUNDS):
        for name, ask in asked.items():
            started = time.process_time()
            ask()
            found[name] = min(found[name], time.process_time() - started)
    return found


def main() -> None:
    """Print a table, and the geometric means of the ratios."""
    print("| function | entries | check_gradients, ms | gradcheck, ms | fast mode, ms | times gradcheck | times fast mode |")
    print("|---|---|---|---|---|---|---|")
    ratios: list[tuple[float, float]] = []
    for name, (f, shapes) in FUNCTIONS.items():
        found = measured(f, shapes)
        ours, slow, fast = (1e3 * seconds for seconds in found.values())
        ratios.append((ours / slow, ours / fast))
        entries = sum(math.prod(shape) for shape in shapes)
        print(
            f"| {name} | {entries} | {ours:.0f} | {slow:.1f} | {fast:.1f} | {ours / slow:.0f} | {ours / fast:.0f} |", flush=True
        )
    means = [math.exp(sum(map(math.log, column)) / len(column)) for column in zip(*ratios, strict=True)]
    print(f"| **mean** (geometric) | | | | | {means[0]:.0f} | {means[1]:.0f} |")


if __name__ == "__main__":
    main()
