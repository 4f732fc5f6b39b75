"""Each operation a second time, by numpy's, scipy's or mpmath's own function of that name: tables as data."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import mpmath as mp
import numpy as np
import scipy.special as sp


def at_set(x: np.ndarray, y: np.ndarray, key: Any) -> np.ndarray:
    x = np.array(x)
    x[key] = y
    return x


def at_add(x: np.ndarray, y: np.ndarray, indices: Any) -> np.ndarray:
    x = np.array(x)
    np.add.at(x, indices, y)
    return x


def vector_norm(x: np.ndarray, axis: Any, keepdims: bool, ord: float) -> np.ndarray:
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


def centred(x: np.ndarray, eps: float) -> np.ndarray:
    return (x - np.mean(x, -1, keepdims=True)) / np.sqrt(np.var(x, -1, keepdims=True) + eps)


def cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.vecdot(x / np.linalg.norm(x, axis=-1, keepdims=True), y / np.linalg.norm(y, axis=-1, keepdims=True))


def clip(x: np.ndarray, min: Any = None, max: Any = None) -> np.ndarray:
    return np.clip(x, min, max)


def pad(x: np.ndarray, pad_width: Any, constant_values: float) -> np.ndarray:
    return np.pad(x, pad_width, constant_values=constant_values)


# In float64, on the operation's inputs and parameters, at one point.
NUMPY: dict[str, Callable] = {
    # ----- elementwise -----
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.true_divide,
    "negative": np.negative, "positive": np.positive, "reciprocal": np.reciprocal, "square": np.square,
    "pow": np.float_power, "hypot": np.hypot, "lerp": lambda x, y, weight: (1 - weight) * x + weight * y,
    "exp": np.exp, "exp2": sp.exp2, "expm1": sp.expm1, "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": sp.log1p,
    "sqrt": np.sqrt, "rsqrt": lambda x: np.float_power(x, -0.5), "logaddexp": np.logaddexp, "xlogy": sp.xlogy,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.asin, "acos": np.acos, "atan": np.atan, "atan2": np.atan2,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.asinh, "acosh": np.acosh, "atanh": np.atanh,
    "abs": np.fabs, "maximum": np.fmax, "minimum": np.fmin, "clip": clip,
    "where": lambda x, y, condition: np.where(condition, x, y), "greater": np.greater, "less": np.less,
    "sign": np.sign, "floor": np.floor, "ceil": np.ceil, "trunc": np.fix, "round": np.round,
    "sigmoid": sp.expit, "softplus": lambda x: np.logaddexp(x, 0), "silu": lambda x: x * sp.expit(x),
    "softsign": lambda x: x / (1 + np.abs(x)), "relu": lambda x: np.clip(x, 0, None),
    "leaky_relu": lambda x, negative_slope: np.maximum(x, negative_slope * x), "relu6": lambda x: np.clip(x, 0, 6),
    "hardtanh": lambda x: np.clip(x, -1, 1), "elu": lambda x: np.where(x > 0, x, sp.boxcox(np.exp(np.minimum(x, 0)), 1)),
    "erf": sp.erf, "erfc": sp.erfc, "lgamma": sp.loggamma, "ndtr": sp.ndtr, "gelu": lambda x: x * sp.ndtr(x),
    "stop_gradient": np.copy,
    # ----- reductions, scans, normalisers, losses -----
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "var": np.var, "std": np.std, "logsumexp": sp.logsumexp,
    "vector_norm": vector_norm, "max": np.amax, "min": np.amin,
    "cumulative_sum": np.cumsum, "cumulative_prod": np.cumprod, "cummax": np.maximum.accumulate, "diff": np.diff,
    "softmax": sp.softmax, "log_softmax": sp.log_softmax, "layer_norm": centred, "cosine_similarity": cosine,
    "mse": lambda x, y: np.mean(np.square(x - y)), "kl_div": lambda x, y: np.sum(sp.rel_entr(y, x)),
    # ----- shape -----
    "reshape": np.reshape, "permute_dims": np.permute_dims, "matrix_transpose": np.matrix_transpose,
    "moveaxis": np.moveaxis, "expand_dims": np.expand_dims, "squeeze": np.squeeze, "flip": np.flip, "roll": np.roll,
    "concat": lambda x, y, axis: np.concat([x, y], axis), "stack": lambda x, y, axis: np.stack([x, y], axis), "pad": pad,
    "diagonal": np.linalg.diagonal, "diag": np.diag, "tril": np.tril, "triu": np.triu,
    "tile": lambda x, repetitions: np.tile(x, repetitions), "repeat": np.repeat, "broadcast_to": np.broadcast_to,
    # ----- indexing -----
    "getitem": lambda x, key: x[key], "take": np.take,
    "take_along_axis": lambda x, indices, axis: np.take_along_axis(x, np.asarray(indices), axis),
    "at_set": at_set, "at_add": at_add,
    "masked_fill": lambda x, mask, value: np.ma.filled(np.ma.array(x, mask=mask), value), "sort": np.sort,
    # ----- linear algebra -----
    "matmul": np.matmul, "vecdot": np.linalg.vecdot, "outer": np.linalg.outer, "tensordot": np.tensordot,
    "einsum": lambda x, y, subscripts: np.einsum(subscripts, x, y), "trace": np.linalg.trace, "det": np.linalg.det,
    "inv": np.linalg.inv, "solve": np.linalg.solve, "cholesky": np.linalg.cholesky,
}  # fmt: skip


def mp_clip(x: Any, min: Any = None, max: Any = None) -> Any:
    return mp.mpf(min) if min is not None and x < min else mp.mpf(max) if max is not None and x > max else x


# In 50 digits, on scalars. mpmath's own function wherever it has one; a derivative is always mpmath's difference quotient.
MPMATH: dict[str, Callable] = {
    "add": mp.fadd, "subtract": mp.fsub, "multiply": mp.fmul, "divide": mp.fdiv,
    "negative": mp.fneg, "positive": mp.mpf, "reciprocal": lambda x: 1 / x, "square": lambda x: x**2,
    "pow": mp.power, "hypot": mp.hypot, "lerp": lambda x, y, weight: (1 - weight) * x + weight * y,
    "exp": mp.exp, "exp2": lambda x: mp.power(2, x), "expm1": mp.expm1, "log": mp.ln, "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10, "log1p": mp.log1p, "sqrt": mp.sqrt, "rsqrt": lambda x: mp.power(x, -0.5),
    "logaddexp": lambda x, y: mp.ln(mp.exp(x) + mp.exp(y)), "xlogy": lambda x, y: x * mp.ln(y),
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "asin": mp.asin, "acos": mp.acos, "atan": mp.atan, "atan2": mp.atan2,
    "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "asinh": mp.asinh, "acosh": mp.acosh, "atanh": mp.atanh,
    "abs": mp.fabs, "maximum": max, "minimum": min, "clip": mp_clip,
    "sign": mp.sign, "floor": mp.floor, "ceil": mp.ceil, "trunc": lambda x: mp.sign(x) * mp.floor(abs(x)), "round": mp.nint,
    "sigmoid": lambda x: mp.fdiv(1, 1 + mp.exp(-x)), "softplus": lambda x: mp.ln(1 + mp.exp(x)),
    "silu": lambda x: x / (1 + mp.exp(-x)), "softsign": lambda x: x / (1 + abs(x)), "relu": lambda x: max(x, mp.mpf(0)),
    "leaky_relu": lambda x, negative_slope: x if x > 0 else negative_slope * x, "relu6": lambda x: mp_clip(x, 0, 6),
    "hardtanh": lambda x: mp_clip(x, -1, 1), "elu": lambda x: x if x > 0 else mp.expm1(x),
    "erf": mp.erf, "erfc": mp.erfc, "lgamma": mp.loggamma, "ndtr": mp.ncdf, "gelu": lambda x: x * mp.ncdf(x),
}  # fmt: skip


def mean(xs: Any) -> Any:
    return mp.fsum(xs) / len(xs)


def var(xs: Any, correction: float = 0) -> Any:
    centre = mean(xs)
    return mp.fsum((x - centre) ** 2 for x in xs) / (len(xs) - correction)


def softmax(xs: Any) -> list:
    total = mp.fsum(map(mp.exp, xs))
    return [mp.exp(x) / total for x in xs]


def layer_norm(xs: Any, eps: float) -> list:
    return [(x - mean(xs)) / mp.sqrt(var(xs) + eps) for x in xs]


# Likewise, from a list of scalars to a scalar or a list.
MPMATH_VECTORS: dict[str, tuple[Callable, dict[str, Any]]] = {
    "sum": (mp.fsum, {}),
    "mean": (mean, {}),
    "prod": (mp.fprod, {}),
    "var": (var, {"correction": 1.0}),
    "std": (lambda xs: mp.sqrt(var(xs)), {}),
    "logsumexp": (lambda xs: mp.ln(mp.fsum(map(mp.exp, xs))), {}),
    "vector_norm": (lambda xs: mp.norm(mp.matrix(xs), 2), {"ord": 2}),
    "max": (max, {}),
    "min": (min, {}),
    "cumulative_sum": (lambda xs: [mp.fsum(xs[: k + 1]) for k in range(len(xs))], {"axis": 0}),
    "cumulative_prod": (lambda xs: [mp.fprod(xs[: k + 1]) for k in range(len(xs))], {"axis": 0}),
    "diff": (lambda xs: [b - a for a, b in pairwise(xs)], {"axis": 0}),
    "softmax": (softmax, {"axis": 0}),
    "log_softmax": (lambda xs: [mp.ln(y) for y in softmax(xs)], {"axis": 0}),
    "layer_norm": (layer_norm, {"eps": 0.001}),
    "sort": (sorted, {"axis": 0}),
}


def rows(entries: Any) -> mp.matrix:
    n = math.isqrt(len(entries))
    return mp.matrix([entries[i * n : (i + 1) * n] for i in range(n)])


def flat(matrix: mp.matrix) -> list:
    return [matrix[i, j] for i in range(matrix.rows) for j in range(matrix.cols)]


# From the entries of a square matrix to a scalar or a list.
MPMATH_MATRICES: dict[str, Callable] = {
    "det": lambda xs: mp.det(rows(xs)),
    "trace": lambda xs: mp.fsum(xs[:: math.isqrt(len(xs)) + 1]),
    "inv": lambda xs: flat(rows(xs) ** -1),
    "cholesky": lambda xs: flat(mp.cholesky((rows(xs) + rows(xs).T) / 2)),
}
