"""Each operation a second time, by numpy's, scipy's or mpmath's own function of that name: tables as data."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import independent_arrays
import independent_linalg
import mpmath as mp
import numpy as np
import scipy.special as sp


def at_set(x: np.ndarray, y: np.ndarray, key: Any) -> np.ndarray:
    x = np.array(x)
    x[key] = y
    return x


def vector_norm(x: np.ndarray, axis: Any, keepdims: bool, ord: float) -> np.ndarray:
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


def cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.vecdot(x / np.linalg.norm(x, axis=-1, keepdims=True), y / np.linalg.norm(y, axis=-1, keepdims=True))


def clip(x: np.ndarray, min: Any = None, max: Any = None) -> np.ndarray:
    return np.clip(x, min, max)


def selu(x: np.ndarray) -> np.ndarray:
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))


def hardswish(x: np.ndarray) -> np.ndarray:
    return x * np.maximum(0, np.minimum(6, x + 3)) / 6


# In float64, on the operation's inputs and parameters, at one point.
NUMPY: dict[str, Callable] = {
    # ----- elementwise -----
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.true_divide,
    "negative": np.negative, "positive": np.positive, "reciprocal": np.reciprocal, "square": np.square,
    "pow": np.float_power, "hypot": np.hypot, "lerp": lambda x, y, weight: (1 - weight) * x + weight * y,
    "addcmul": lambda x, y, z, value: x + value * y * z, "floor_divide": np.floor_divide, "remainder": np.mod,
    "exp": np.exp, "exp2": sp.exp2, "expm1": sp.expm1, "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": sp.log1p,
    "sqrt": np.sqrt, "rsqrt": lambda x: np.float_power(x, -0.5), "logaddexp": np.logaddexp, "xlogy": sp.xlogy,
    "cbrt": sp.cbrt, "entr": sp.entr,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.asin, "acos": np.acos, "atan": np.atan, "atan2": np.atan2,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.asinh, "acosh": np.acosh, "atanh": np.atanh,
    "sinc": np.sinc, "copysign": np.copysign, "heaviside": np.heaviside, "nan_to_num": np.nan_to_num,
    "abs": np.fabs, "maximum": np.fmax, "minimum": np.fmin, "clip": clip,
    "where": lambda x, y, condition: np.where(condition, x, y), "greater": np.greater, "less": np.less,
    "sign": np.sign, "floor": np.floor, "ceil": np.ceil, "trunc": np.fix, "round": np.round,
    "sigmoid": sp.expit, "softplus": lambda x, beta: np.log1p(np.exp(beta * x)) / beta, "silu": lambda x: x * sp.expit(x),
    "log_sigmoid": sp.log_expit, "logit": sp.logit, "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "gelu_tanh": lambda x: x * sp.expit(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)), "tanhshrink": lambda x: x - np.tanh(x),
    "celu": lambda x, alpha: np.maximum(x, 0) + np.minimum(0, alpha * (np.expm1(x / alpha))),
    "selu": selu,
    "hardsigmoid": lambda x: np.maximum(0, np.minimum(1, x / 6 + 0.5)), "hardswish": hardswish,
    "softshrink": lambda x, lambd: np.sign(x) * np.maximum(abs(x) - lambd, 0),
    "hardshrink": lambda x, lambd: x * (abs(x) > lambd),
    "softsign": lambda x: x / (1 + np.abs(x)), "relu": lambda x: np.clip(x, 0, None),
    "leaky_relu": lambda x, negative_slope: np.maximum(x, negative_slope * x), "relu6": lambda x: np.clip(x, 0, 6),
    "hardtanh": lambda x: np.clip(x, -1, 1),
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * sp.expm1(np.minimum(x, 0))),
    "erf": sp.erf, "erfc": sp.erfc, "erfinv": sp.erfinv, "ndtr": sp.ndtr, "ndtri": sp.ndtri,
    "log_ndtr": lambda x: np.where(x > 0, np.log1p(-sp.ndtr(-x)), np.log(sp.ndtr(x))), "gelu": lambda x: x * sp.ndtr(x),
    "lgamma": lambda x: np.log(abs(sp.gamma(x))), "digamma": sp.psi, "i0": lambda x: sp.iv(0, x), "i1": lambda x: sp.iv(1, x),
    "real": np.real, "imag": np.imag, "conj": np.conj, "modulus": np.abs, "sgn": lambda z: z / np.abs(z), "angle": np.angle,
    "stop_gradient": np.copy,
    # ----- reductions, scans, normalisers, losses -----
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "var": np.var, "std": np.std, "logsumexp": sp.logsumexp,
    "vector_norm": vector_norm, "max": np.amax, "min": np.amin,
    "cumulative_sum": np.cumsum, "cumulative_prod": np.cumprod, "cummax": np.maximum.accumulate, "diff": np.diff,
    "softmax": sp.softmax, "log_softmax": sp.log_softmax, "cosine_similarity": cosine,
    "kl_div": lambda x, y: np.sum(sp.rel_entr(y, x)),
    # ----- shape -----
    "reshape": np.reshape, "permute_dims": np.permute_dims, "matrix_transpose": np.matrix_transpose,
    "moveaxis": np.moveaxis, "expand_dims": np.expand_dims, "squeeze": np.squeeze, "flip": np.flip, "roll": np.roll,
    "concat": lambda x, y, axis: np.concat([x, y], axis), "stack": lambda x, y, axis: np.stack([x, y], axis),
    "diagonal": np.linalg.diagonal, "diag": np.diag, "tril": np.tril, "triu": np.triu,
    "tile": lambda x, repetitions: np.tile(x, repetitions), "repeat": np.repeat, "broadcast_to": np.broadcast_to,
    # ----- indexing -----
    "getitem": lambda x, key: x[key], "take": np.take,
    "take_along_axis": lambda x, indices, axis: np.take_along_axis(x, np.asarray(indices), axis),
    "at_set": at_set,
    "masked_fill": lambda x, mask, value: np.ma.filled(np.ma.array(x, mask=mask), value), "sort": np.sort,
    # ----- linear algebra, convolution, spectra -----
    **independent_linalg.NUMPY,
}  # fmt: skip


def mp_selu(x: Any) -> Any:
    return mp.mpf("1.0507009873554804934193349852946") * (
        x if x > 0 else mp.mpf("1.6732632423543772848170429916717") * mp.expm1(x)
    )


def mp_clip(x: Any, min: Any = None, max: Any = None) -> Any:
    return mp.mpf(min) if min is not None and x < min else mp.mpf(max) if max is not None and x > max else x


# In 50 digits, on scalars. mpmath's own function wherever it has one; a derivative is always mpmath's difference quotient.
MPMATH: dict[str, Callable] = {
    "add": mp.fadd, "subtract": mp.fsub, "multiply": mp.fmul, "divide": mp.fdiv,
    "negative": mp.fneg, "positive": mp.mpf, "reciprocal": lambda x: 1 / x, "square": lambda x: x**2,
    "pow": mp.power, "hypot": mp.hypot, "lerp": lambda x, y, weight: (1 - weight) * x + weight * y,
    "addcmul": lambda x, y, z, value: x + value * y * z, "floor_divide": lambda x, y: mp.floor(x / y), "remainder": mp.fmod,
    "exp": mp.exp, "exp2": lambda x: mp.power(2, x), "expm1": mp.expm1, "log": mp.ln, "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10, "log1p": mp.log1p, "sqrt": mp.sqrt, "rsqrt": lambda x: mp.power(x, -0.5),
    "logaddexp": lambda x, y: mp.ln(mp.exp(x) + mp.exp(y)), "xlogy": lambda x, y: x * mp.ln(y),
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)), "entr": lambda x: -x * mp.ln(x),
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "asin": mp.asin, "acos": mp.acos, "atan": mp.atan, "atan2": mp.atan2,
    "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "asinh": mp.asinh, "acosh": mp.acosh, "atanh": mp.atanh,
    "sinc": mp.sincpi, "copysign": lambda x, y: abs(x) * mp.sign(y),
    "heaviside": lambda x, y: (1 + mp.sign(x)) / 2, "nan_to_num": mp.mpf,
    "abs": mp.fabs, "maximum": max, "minimum": min, "clip": mp_clip,
    "sign": mp.sign, "floor": mp.floor, "ceil": mp.ceil, "trunc": lambda x: mp.sign(x) * mp.floor(abs(x)), "round": mp.nint,
    "sigmoid": lambda x: mp.fdiv(1, 1 + mp.exp(-x)), "softplus": lambda x, beta: mp.ln(1 + mp.exp(beta * x)) / beta,
    "log_sigmoid": lambda x: -mp.log1p(mp.exp(-x)), "logit": lambda x: mp.ln(x / (1 - x)),
    "mish": lambda x: x * mp.tanh(mp.log1p(mp.exp(x))), "tanhshrink": lambda x: x - mp.tanh(x),
    "gelu_tanh": lambda x: x * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))) / 2,
    "celu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x / alpha), "selu": mp_selu,
    "hardsigmoid": lambda x: mp_clip(x / 6 + mp.mpf(1) / 2, 0, 1), "hardswish": lambda x: x * mp_clip(x + 3, 0, 6) / 6,
    "softshrink": lambda x, lambd: mp.sign(x) * max(abs(x) - lambd, mp.mpf(0)),
    "hardshrink": lambda x, lambd: x if abs(x) > lambd else mp.mpf(0),
    "silu": lambda x: x / (1 + mp.exp(-x)), "softsign": lambda x: x / (1 + abs(x)), "relu": lambda x: max(x, mp.mpf(0)),
    "leaky_relu": lambda x, negative_slope: x if x > 0 else negative_slope * x, "relu6": lambda x: mp_clip(x, 0, 6),
    "hardtanh": lambda x: mp_clip(x, -1, 1), "elu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x),
    "erf": mp.erf, "erfc": mp.erfc, "erfinv": mp.erfinv, "ndtr": mp.ncdf, "ndtri": lambda x: mp.sqrt(2) * mp.erfinv(2 * x - 1),
    "log_ndtr": lambda x: mp.ln(mp.ncdf(x)), "gelu": lambda x: x * mp.ncdf(x),
    "lgamma": lambda x: mp.ln(abs(mp.gamma(x))), "digamma": mp.digamma,
    "i0": lambda x: mp.besseli(0, x), "i1": lambda x: mp.besseli(1, x),
}  # fmt: skip


def mean(xs: Any) -> Any:
    return mp.fsum(xs) / len(xs)


def var(xs: Any, correction: float = 0) -> Any:
    centre = mean(xs)
    return mp.fsum((x - centre) ** 2 for x in xs) / (len(xs) - correction)


def softmax(xs: Any) -> list:
    total = mp.fsum(map(mp.exp, xs))
    return [mp.exp(x) / total for x in xs]


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
    "sort": (sorted, {"axis": 0}),
}


MPMATH_MATRICES = independent_linalg.MPMATH

NUMPY |= independent_arrays.NUMPY
MPMATH_VECTORS |= independent_arrays.MPMATH_VECTORS
