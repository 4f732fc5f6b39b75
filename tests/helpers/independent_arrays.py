"""The second implementations of reductions, scans, losses, shape and indexing, for the tables of `independent`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath as mp
import numpy as np
import scipy.integrate
import scipy.spatial
import scipy.special as sp


def logcumsumexp(x: np.ndarray, axis: int) -> np.ndarray:
    return np.logaddexp.accumulate(x, axis)


def centred(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> np.ndarray:
    return (x - np.mean(x, -1, keepdims=True)) / np.hypot(np.std(x, -1, keepdims=True), np.sqrt(eps)) * weight + bias


def scaled(x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    root = np.linalg.norm(x, axis=-1, keepdims=True) / np.sqrt(x.shape[-1])
    return weight * x / np.hypot(root, np.sqrt(eps))


def normalize(x: np.ndarray, axis: int, p: float, eps: float) -> np.ndarray:
    return x / np.fmax(np.linalg.norm(x, ord=p, axis=axis, keepdims=True), eps)


def cdist(x: np.ndarray, y: np.ndarray, p: float) -> np.ndarray:
    if x.ndim > 2:
        return np.stack([cdist(a, b, p) for a, b in zip(x, y, strict=True)])
    return scipy.spatial.distance.cdist(x, y, "minkowski", p=p)


def loss(each: Callable) -> Callable:
    """Return a loss that is reduced as its `reduction` says."""
    reductions = {"mean": np.mean, "sum": np.sum, "none": np.asarray}
    return lambda x, y, reduction, **params: reductions[reduction](each(x, y, **params))


def cross_entropy(x: np.ndarray, target: list[int]) -> np.ndarray:
    return -np.log(np.take_along_axis(sp.softmax(x, -1), np.asarray(target)[:, None], -1)[:, 0])


def pad(x: np.ndarray, pad_width: Any, constant_values: float = 0.0, mode: str = "constant") -> np.ndarray:
    return np.pad(x, pad_width, constant_values=constant_values) if mode == "constant" else np.pad(x, pad_width, mode)


def reversed_parts(x: np.ndarray, at: Any, axis: int) -> np.ndarray:
    ends = [0, *at, x.shape[axis]] if isinstance(at, list) else np.linspace(0, x.shape[axis], at + 1).astype(int)
    order = [i for start, stop in reversed(list(pairwise(ends))) for i in range(start, stop)]
    return np.take(x, order, axis)


def at_add(x: np.ndarray, y: np.ndarray, indices: Any) -> np.ndarray:
    x = np.array(x)
    np.add.at(x, indices, y)
    return x


def index_add(x: np.ndarray, y: np.ndarray, indices: list[int], axis: int) -> np.ndarray:
    return np.moveaxis(at_add(np.moveaxis(x, axis, 0), np.moveaxis(y, axis, 0), indices), 0, axis)


def scatter_add(x: np.ndarray, y: np.ndarray, indices: Any, axis: int) -> np.ndarray:
    x = np.array(x)
    for place in np.ndindex(y.shape):
        into = list(place)
        into[axis] = np.asarray(indices)[place]
        x[tuple(into)] += y[place]
    return x


def topk(x: np.ndarray, k: int, axis: int, largest: bool) -> np.ndarray:
    return np.sort(-x if largest else x, axis).take(range(k), axis) * (-1 if largest else 1)


NUMPY: dict[str, Callable] = {
    # ----- reductions, scans -----
    "median": np.median, "argmax": np.argmax, "any": np.any, "all": np.all, "count_nonzero": np.count_nonzero,
    "cummin": np.minimum.accumulate, "logcumsumexp": logcumsumexp, "trapezoid": scipy.integrate.trapezoid,
    # ----- normalisers, losses -----
    "layer_norm": centred, "rms_norm": scaled, "normalize": normalize, "cdist": cdist,
    "mse": loss(lambda x, y: np.square(x - y)), "l1": loss(lambda x, y: np.fabs(x - y)),
    "huber": loss(lambda x, y, delta: sp.huber(delta, x - y)),
    "hinge": lambda x, target: np.mean(np.clip(1 - np.multiply(target, x), 0, None)),
    "bce": loss(lambda x, y: -sp.xlogy(y, x) - sp.xlog1py(1 - y, -x)),
    "bce_with_logits": loss(lambda x, y: -y * sp.log_expit(x) - (1 - y) * sp.log_expit(-x)),
    "cross_entropy": lambda x, target, reduction: loss(cross_entropy)(x, target, reduction),
    # ----- shape -----
    "pad": pad, "split": reversed_parts, "unstack": lambda x, axis: np.flip(np.moveaxis(x, axis, 0), 0),
    "meshgrid": lambda x, y, indexing: np.array(np.meshgrid(x, y, indexing=indexing)),
    # ----- indexing -----
    "at_add": at_add, "index_add": index_add, "scatter_add": scatter_add, "topk": topk,
    "argsort": np.argsort, "searchsorted": lambda x, y: np.searchsorted(np.sort(x), y),
    "one_hot": lambda x, num_classes: np.eye(num_classes)[x.astype(int)],
}  # fmt: skip

MPMATH_VECTORS: dict[str, tuple[Callable, dict[str, Any]]] = {
    "median": (lambda xs: sorted(xs)[len(xs) // 2], {}),
    "cummax": (lambda xs: [max(xs[: k + 1]) for k in range(len(xs))], {"axis": 0}),
    "cummin": (lambda xs: [min(xs[: k + 1]) for k in range(len(xs))], {"axis": 0}),
    "logcumsumexp": (lambda xs: [mp.ln(mp.fsum(map(mp.exp, xs[: k + 1]))) for k in range(len(xs))], {"axis": 0}),
    "normalize": (lambda xs: [x / mp.norm(mp.matrix(xs), 2) for x in xs], {"axis": 0}),
    "hinge": (
        lambda xs, target: mp.fsum(max(1 - x * t, 0) for x, t in zip(xs, target, strict=True)) / 5,
        {"target": [1, -1, 1, 1, -1]},
    ),
    "trapezoid": (lambda xs, dx: dx * (mp.fsum(xs) - (xs[0] + xs[-1]) / 2), {"axis": 0, "dx": 0.25}),
}
