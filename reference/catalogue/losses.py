"""Normalisers and losses: compositions of reductions and elementwise functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dispatch import slack, stop_gradient
from clinometer.reference.catalogue.reductions import MODEST, logsumexp, mean, var, vector_norm
from clinometer.reference.catalogue.rows import (
    IDENTITY,
    NONZERO,
    POSITIVE,
    REAL,
    Corner,
    Domain,
    Group,
    Operation,
    convention,
    kink,
    removable,
    table,
)

REDUCTION = {"reduction": ("mean", "sum", "none")}
CHANCE = Domain(0.0, 1.0)
AVERAGED: list[Corner] = [([(3,), (3,)], {"reduction": "mean"})]


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - stop_gradient(np.max(x, axis=axis, keepdims=True)))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Any:
    return x - logsumexp(x, axis, keepdims=True)


def layer_norm(x: Any, weight: Any, bias: Any, eps: float = 1e-3) -> Any:
    off = x - mean(x, -1, keepdims=True)
    return off / np.sqrt(var(x, -1, keepdims=True) + eps) * weight + bias


def rms_norm(x: Any, weight: Any, eps: float = 1e-3) -> Any:
    return x / np.sqrt(mean(x * x, -1, keepdims=True) + eps) * weight


def normalize(x: Any, p: float = 2, axis: int = -1, eps: float = 1e-12) -> Any:
    """Divide by the norm, or by `eps` where that is more: linear around zero."""
    size = np.sum(abs(x) if p == 1 else x * x, axis=axis, keepdims=True)
    long = size > (eps if p == 1 else eps * eps)
    size = np.where(long, size, 1.0)  # the root of zero would spoil what it is not taken for
    return x / np.where(long, size if p == 1 else np.sqrt(size), eps)


def cosine_similarity(x: Any, y: Any) -> Any:
    dot = np.sum(x * y, axis=-1)
    return dot / (vector_norm(x, -1) * vector_norm(y, -1))


def cdist(x: Any, y: Any, p: float = 2.0) -> Any:
    """Return the distance of each row of x to each row of y."""
    off = abs(np.expand_dims(x, -2) - np.expand_dims(y, -3))
    return np.sum(off, axis=-1) if p == 1 else np.sqrt(np.sum(off * off, axis=-1))


def reduced(losses: Any, reduction: str) -> Any:
    """Return the mean of the losses, their sum, or all of them."""
    return losses if reduction == "none" else np.sum(losses) if reduction == "sum" else mean(losses)


def mse(x: Any, y: Any, reduction: str = "mean") -> Any:
    return reduced((x - y) * (x - y), reduction)


def l1(x: Any, y: Any, reduction: str = "mean") -> Any:
    return reduced(abs(x - y), reduction)


KNEES = (1.61803, 0.61803)  # no difference of drawn numbers is one of them


def off_knees(x: Any, y: Any) -> Any:
    """Return how far x and y may move together before their difference is at a knee."""
    off = abs(np.asarray(x) - np.asarray(y))
    return np.min([abs(off - knee) / 2 for knee in KNEES], axis=0)


def huber(x: Any, y: Any, delta: float = 1.0, reduction: str = "mean") -> Any:
    off = abs(x - y)
    return reduced(np.where(off < delta, 0.5 * (x - y) * (x - y), delta * (off - 0.5 * delta)), reduction)


def hinge(x: Any, target: Any) -> Any:
    """Return the mean of what is missing to a margin of one, for targets of plus and minus one."""
    missing = 1 - x * np.asarray(target, x.dtype)
    return mean(np.where(missing > 0, missing, 0.0))


def bce(x: Any, y: Any, reduction: str = "mean") -> Any:
    return reduced(-(y * np.log(x) + (1 - y) * np.log1p(-x)), reduction)


def bce_with_logits(x: Any, y: Any, reduction: str = "mean") -> Any:
    """Cross entropy of sigmoid(x): log(1 + exp(-x)) by two formulas of one smooth function, right where they meet."""
    high = x > 0
    tail = np.log1p(np.exp(np.where(high, -x, x)))
    z = tail + np.where(high, x, 0.0)
    loose = slack(stop_gradient(z) * (np.exp(x - z) + np.exp(-z)))
    # Others have y log(1 + exp(-x)) + (1 - y) log(1 + exp(x)): near 0 two terms of log 2 cancel in the derivative of y.
    loose = loose + slack(stop_gradient(z - x) * y + stop_gradient(z) * (1 - y) + stop_gradient(x) * y)
    # Far below 0 the first two terms cancel; torch computes them like this, and loses what they lose.
    return reduced((1 - y) * x + (tail + np.where(high, 0.0, -x)) + loose, reduction)


def cross_entropy(x: Any, target: Any, reduction: str = "mean") -> Any:
    """Return the loss of each row of scores whose class is given by its number."""
    entries = log_softmax(x, -1)[np.arange(len(target)), np.asarray(target)]
    return reduced(-entries, reduction)


def kl_div(x: Any, y: Any) -> Any:
    # Not y (log y - log x), which libraries may have too: products are rounded before they cancel.
    return np.sum(y * np.log(y) - y * np.log(x))


LOSSES = table(
    Group.NORMALISER,
    # ----- along one axis -----
    Operation(
        "softmax",
        softmax,
        "axis",
        domain=MODEST,
        special=[removable([1000.0, 999.0, 0.0], axis=0), removable([-math.inf, 1.0, 2.0], axis=0)],  # saturated, masked
        symmetry="equivariant",
        saturates="rows",
    ),
    Operation(
        "log_softmax",
        log_softmax,
        "axis",
        domain=MODEST,
        special=[removable([1000.0, 999.0, 0.0], axis=0)],
        symmetry="equivariant",
        saturates="rows",
    ),
    Operation(
        "layer_norm",
        layer_norm,
        "last_axis_scaled",
        domain=(MODEST, REAL, REAL),
        choices={"eps": (0.5, 0.001)},
        special=[removable([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], [0.0, 1.0, 0.0])],
    ),
    Operation(
        "rms_norm",
        rms_norm,
        "last_axis_scaled",
        domain=(MODEST, REAL),
        choices={"eps": (0.5, 0.001)},
        special=[removable([0.0, 0.0], [1.0, 2.0])],
    ),
    Operation(
        "normalize",
        normalize,
        "axis",
        domain=NONZERO,
        choices={"p": (2, 1), "eps": (1e-12, 1000.0)},  # less than any norm that is drawn, and more
        special=[removable([0.0, 0.0], eps=0.125), removable([0.0, 0.0], p=1, eps=0.125), kink([3.0, 4.0], eps=5.0)],
        symmetry="equivariant",
    ),
    Operation(
        "cosine_similarity",
        cosine_similarity,
        "vectors",
        domain=(NONZERO, NONZERO),
        special=[convention([0.0, 0.0], [1.0, 2.0])],
    ),
    Operation(
        "cdist",
        cdist,
        "cdist",
        domain=(REAL, REAL),
        choices={"p": (2.0, 1.0)},
        distinct=IDENTITY,
        special=[convention([[1.0, 2.0]], [[1.0, 2.0], [1.0, 3.0]], p=2.0), kink([[1.0, 2.0]], [[1.0, 2.0]], p=1.0)],
    ),
    # ----- to a number, or one for each entry -----
    Operation(
        "mse",
        mse,
        "same",
        domain=(REAL, REAL),
        choices=REDUCTION,
        special=[removable([1.0, 2.0], [1.0, 2.0])],
        corners=AVERAGED,
    ),
    Operation(
        "l1",
        l1,
        "same",
        domain=(REAL, REAL),
        choices=REDUCTION,
        distinct=IDENTITY,
        special=[kink([1.0, 2.0], [1.0, 5.0])],
        corners=AVERAGED,
    ),
    Operation(
        "huber",
        huber,
        "same",
        domain=(REAL, REAL),
        choices={"delta": KNEES, **REDUCTION},
        joint=off_knees,
        special=[kink([0.0, 2.0, 1.0], [1.0, 5.0, 1.5], delta=1.0)],
    ),
    Operation("hinge", hinge, "signs", domain=REAL.avoiding(-1.0, 1.0), special=[kink([1.0, -1.0, 3.0], target=[1, -1, -1])]),
    Operation(
        "bce",
        bce,
        "same",
        domain=(CHANCE, CHANCE),
        choices=REDUCTION,
        special=[convention([0.0, 1.0], [1.0, 0.0])],
        corners=AVERAGED,
    ),
    Operation(
        "bce_with_logits",
        bce_with_logits,
        "same",
        domain=(MODEST, CHANCE),
        choices=REDUCTION,
        special=[removable([0.0, 300.0, -300.0], [0.25, 0.5, 0.5])],
        corners=AVERAGED,
    ),
    Operation(
        "cross_entropy",
        cross_entropy,
        "classes",
        domain=MODEST,
        choices=REDUCTION,
        special=[removable([[1000.0, 0.0], [0.0, 999.0]], target=[1, 1]), removable([[-math.inf, 1.0, 2.0]], target=[1])],
    ),
    Operation(
        "kl_div",
        kl_div,
        "same",
        domain=(POSITIVE, POSITIVE),
        special=[convention([0.5, 0.5], [0.0, 1.0])],
        undrawn="of a value and itself it is nothing, of terms with one error in all of them",
    ),
)
