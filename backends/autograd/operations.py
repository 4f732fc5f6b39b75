"""HIPS autograd's words for the catalogue's operations: what is run, and what scripts print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as np
from autograd.scipy import special, stats
from autograd.tracer import getval

from clinometer.backends.autograd.helpers import (
    convolved,
    flipped,
    loss,
    parts,
    qr,
    sine_by_eigenvectors,
    softmax,
    square_by_singular_vectors,
    taken,
    vector_norm,
)

OPERATIONS: dict[str, Callable[..., Any]] = {
    # ----- creation -----
    "arange": lambda start, stop=None, step=1, dtype=None: np.arange(start, stop, step, dtype=dtype),
    "zeros": lambda shape, dtype=None: np.zeros(shape, dtype=dtype),
    "ones": lambda shape, dtype=None: np.ones(shape, dtype=dtype),
    "full": lambda shape, fill_value, dtype=None: np.full(shape, fill_value, dtype=dtype),
    "eye": lambda n, dtype=None: np.eye(n, dtype=dtype),
    "linspace": lambda start, stop, num, dtype=None: np.linspace(start, stop, num, dtype=dtype),
    "zeros_like": lambda x: np.zeros_like(x),
    "ones_like": lambda x: np.ones_like(x),
    "asarray": lambda values, dtype=None: np.array(values, dtype=dtype),
    "normal": lambda shape, seed: np.random.default_rng(seed).standard_normal(shape),
    "astype": lambda x, dtype: x.astype(dtype),
    # ----- arithmetic -----
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "positive": lambda x: np.positive(x),
    "reciprocal": lambda x: np.reciprocal(x),
    "square": lambda x: np.square(x),
    "pow": lambda x, y: x**y,
    "hypot": lambda x, y: np.hypot(x, y),
    "lerp": lambda x, y, weight: x + weight * (y - x),
    "addcmul": lambda x, y, z, value=1.0: x + value * y * z,
    "floor_divide": lambda x, y: np.floor_divide(x, y),
    "remainder": lambda x, y: x % y,
    "exp": lambda x: np.exp(x),
    "exp2": lambda x: np.exp2(x),
    "expm1": lambda x: np.expm1(x),
    "log": lambda x: np.log(x),
    "log2": lambda x: np.log2(x),
    "log10": lambda x: np.log10(x),
    "log1p": lambda x: np.log1p(x),
    "sqrt": lambda x: np.sqrt(x),
    "cbrt": lambda x: np.cbrt(x),
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "logaddexp": lambda x, y: np.logaddexp(x, y),
    "xlogy": lambda x, y: x * np.log(y),
    "entr": lambda x: -x * np.log(x),
    "sin": lambda x: np.sin(x),
    "cos": lambda x: np.cos(x),
    "tan": lambda x: np.tan(x),
    "asin": lambda x: np.arcsin(x),
    "acos": lambda x: np.arccos(x),
    "atan": lambda x: np.arctan(x),
    "atan2": lambda x, y: np.arctan2(x, y),
    "sinc": lambda x: np.sinc(x),
    "sinh": lambda x: np.sinh(x),
    "cosh": lambda x: np.cosh(x),
    "tanh": lambda x: np.tanh(x),
    "asinh": lambda x: np.arcsinh(x),
    "acosh": lambda x: np.arccosh(x),
    "atanh": lambda x: np.arctanh(x),
    # ----- piecewise -----
    "abs": lambda x: np.abs(x),
    "maximum": lambda x, y: np.maximum(x, y),
    "minimum": lambda x, y: np.minimum(x, y),
    "clip": lambda x, min=None, max=None: np.clip(x, min, max),
    "where": lambda x, y, condition: np.where(np.array(condition), x, y),
    "nan_to_num": lambda x, nan=0.0, posinf=None, neginf=None: (
        np.nan_to_num(x)
        if (nan, posinf, neginf) == (0.0, None, None)
        else np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
    ),
    "copysign": lambda x, y: np.copysign(x, y),
    "heaviside": lambda x, y: np.heaviside(x, y),
    "greater": lambda x, y: x > y,
    "less": lambda x, y: x < y,
    "sign": lambda x: np.sign(x),
    "floor": lambda x: np.floor(x),
    "ceil": lambda x: np.ceil(x),
    "trunc": lambda x: np.trunc(x),
    "round": lambda x: np.round(x),
    # ----- activations and special functions -----
    "sigmoid": lambda x: special.expit(x),
    "log_sigmoid": lambda x: -np.logaddexp(-x, 0.0),
    "logit": lambda x: special.logit(x),
    "softplus": lambda x, beta=1.0: np.logaddexp(beta * x, 0.0) / beta,
    "silu": lambda x: x * special.expit(x),
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0.0)),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))),
    "tanhshrink": lambda x: x - np.tanh(x),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "relu": lambda x: np.maximum(x, 0.0),
    "leaky_relu": lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
    "elu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0.0, x))),
    "relu6": lambda x: np.clip(x, 0.0, 6.0),
    "hardtanh": lambda x: np.clip(x, -1.0, 1.0),
    "hardsigmoid": lambda x: np.clip(x + 3, 0.0, 6.0) / 6,
    "hardswish": lambda x: x * np.clip(x + 3, 0.0, 6.0) / 6,
    "erf": lambda x: special.erf(x),
    "erfc": lambda x: special.erfc(x),
    "erfinv": lambda x: special.erfinv(x),
    "ndtr": lambda x: stats.norm.cdf(x),
    "log_ndtr": lambda x: stats.norm.logcdf(x),
    "gelu": lambda x: x * (0.5 * (1 + special.erf(x * 0.5**0.5))),
    "lgamma": lambda x: special.gammaln(x),
    "digamma": lambda x: special.digamma(x),
    "i0": lambda x: special.i0(x),
    "i1": lambda x: special.i1(x),
    # ----- reductions and scans -----
    "sum": lambda x, axis=None, keepdims=False, where=None, initial=None: (
        np.sum(x, axis=axis, keepdims=keepdims)
        if where is None and initial is None
        else np.sum(x, axis=axis, keepdims=keepdims, where=np.array(where))
        if initial is None
        else np.sum(x, axis=axis, keepdims=keepdims, initial=initial)
        if where is None
        else np.sum(x, axis=axis, keepdims=keepdims, initial=initial, where=np.array(where))
    ),
    "mean": lambda x, axis=None, keepdims=False: np.mean(x, axis=axis, keepdims=keepdims),
    "prod": lambda x, axis=None, keepdims=False, where=None, initial=None: (
        np.prod(x, axis=axis, keepdims=keepdims)
        if where is None and initial is None
        else np.prod(x, axis=axis, keepdims=keepdims, where=np.array(where))
        if initial is None
        else np.prod(x, axis=axis, keepdims=keepdims, initial=initial)
        if where is None
        else np.prod(x, axis=axis, keepdims=keepdims, initial=initial, where=np.array(where))
    ),
    "var": lambda x, axis=None, keepdims=False, correction=0.0: np.var(x, axis=axis, ddof=correction, keepdims=keepdims),
    "std": lambda x, axis=None, keepdims=False, correction=0.0: np.std(x, axis=axis, ddof=correction, keepdims=keepdims),
    "logsumexp": lambda x, axis=None, keepdims=False: special.logsumexp(x, axis=axis, keepdims=keepdims),
    "vector_norm": lambda x, axis=None, keepdims=False, ord=2: vector_norm(x, axis, keepdims, ord),
    "max": lambda x, axis=None, keepdims=False, where=None, initial=None: (
        np.max(x, axis=axis, keepdims=keepdims)
        if where is None and initial is None
        else np.max(x, axis=axis, keepdims=keepdims, where=np.array(where))
        if initial is None
        else np.max(x, axis=axis, keepdims=keepdims, initial=initial)
        if where is None
        else np.max(x, axis=axis, keepdims=keepdims, initial=initial, where=np.array(where))
    ),
    "min": lambda x, axis=None, keepdims=False, where=None, initial=None: (
        np.min(x, axis=axis, keepdims=keepdims)
        if where is None and initial is None
        else np.min(x, axis=axis, keepdims=keepdims, where=np.array(where))
        if initial is None
        else np.min(x, axis=axis, keepdims=keepdims, initial=initial)
        if where is None
        else np.min(x, axis=axis, keepdims=keepdims, initial=initial, where=np.array(where))
    ),
    "median": lambda x, axis=None, keepdims=False: np.median(x, axis=axis, keepdims=keepdims),
    "argmax": lambda x, axis=None, keepdims=False: np.argmax(x, axis=axis, keepdims=keepdims),
    "any": lambda x, axis=None, keepdims=False: np.any(x, axis=axis, keepdims=keepdims),
    "all": lambda x, axis=None, keepdims=False: np.all(x, axis=axis, keepdims=keepdims),
    "count_nonzero": lambda x, axis=None, keepdims=False: np.count_nonzero(x, axis=axis, keepdims=keepdims),
    "cumulative_sum": lambda x, axis: np.cumsum(x, axis=axis),
    "cumulative_prod": lambda x, axis: np.cumprod(x, axis=axis),
    "trapezoid": lambda x, dx=1.0, axis=-1: np.trapezoid(x, dx=dx, axis=axis),
    "diff": lambda x, axis=-1: np.diff(x, axis=axis),
    # ----- normalisers and losses -----
    "softmax": lambda x, axis=-1: softmax(x, axis),
    "log_softmax": lambda x, axis=-1: x - special.logsumexp(x, axis, keepdims=True),
    "layer_norm": lambda x, weight, bias, eps=1e-3: (
        (x - np.mean(x, axis=-1, keepdims=True)) / np.sqrt(np.var(x, axis=-1, keepdims=True) + eps) * weight + bias
    ),
    "rms_norm": lambda x, weight, eps=1e-3: x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + eps) * weight,
    "cosine_similarity": lambda x, y: np.sum(x * y, axis=-1) / (np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)),
    "mse": lambda x, y, reduction="mean": loss((x - y) ** 2, reduction),
    "l1": lambda x, y, reduction="mean": loss(np.abs(x - y), reduction),
    "huber": lambda x, y, delta=1.0, reduction="mean": loss(
        np.where(np.abs(x - y) < delta, 0.5 * (x - y) ** 2, delta * (np.abs(x - y) - 0.5 * delta)), reduction
    ),
    "hinge": lambda x, target: np.mean(np.maximum(1 - x * np.array(target, x.dtype), 0.0)),
    "bce": lambda x, y, reduction="mean": loss(-(y * np.log(x) + (1 - y) * np.log1p(-x)), reduction),
    "bce_with_logits": lambda x, y, reduction="mean": loss(np.logaddexp(x, 0.0) - x * y, reduction),
    "cross_entropy": lambda x, target, reduction="mean": loss(
        (special.logsumexp(x, axis=-1, keepdims=True) - x)[np.arange(len(target)), np.array(target)], reduction
    ),
    "kl_div": lambda x, y: np.sum(y * (np.log(y) - np.log(x))),
    # ----- shape -----
    "reshape": lambda x, shape: np.reshape(x, shape),
    "permute_dims": lambda x, axes: np.transpose(x, axes),
    "matrix_transpose": lambda x: np.swapaxes(x, -1, -2),
    "moveaxis": lambda x, source, destination: np.moveaxis(x, source, destination),
    "expand_dims": lambda x, axis: np.expand_dims(x, axis),
    "squeeze": lambda x, axis: np.squeeze(x, axis),
    "flip": lambda x, axis=None: flipped(x, axis),
    "roll": lambda x, shift, axis: np.roll(x, shift, axis),
    "concat": lambda x, y, axis=0: np.concat([x, y], axis=axis),
    "stack": lambda x, y, axis=0: np.stack([x, y], axis=axis),
    "split": lambda x, at, axis: np.concatenate(np.split(x, at, axis)[::-1], axis),
    "unstack": lambda x, axis: np.stack([part for part in np.moveaxis(x, axis, 0)][::-1]),  # noqa: C416  # as people write it
    "pad": lambda x, pad_width, constant_values=0.0, mode="constant": (
        np.pad(x, pad_width, mode, constant_values=constant_values) if mode == "constant" else np.pad(x, pad_width, mode)
    ),
    "meshgrid": lambda x, y, indexing="xy": np.stack(np.meshgrid(x, y, indexing=indexing)),
    "diagonal": lambda x, offset=0: np.diagonal(x, -offset, -1, -2),
    "diag": lambda x, k=0: np.diag(x, k),
    "tril": lambda x, k=0: np.tril(x, k),
    "triu": lambda x, k=0: np.triu(x, k),
    "tile": lambda x, repetitions: np.tile(x, repetitions),
    "repeat": lambda x, repeats, axis: np.repeat(x, repeats, axis),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape),
    # ----- indexing -----
    "getitem": lambda x, key: x[key],
    "take": lambda x, indices, axis: taken(x, indices, axis),
    "take_along_axis": lambda x, indices, axis: np.take_along_axis(x, np.array(indices), axis),
    "masked_fill": lambda x, mask, value: np.where(np.array(mask), value, x),
    "sort": lambda x, axis=-1: np.sort(x, axis),
    "argsort": lambda x, axis=-1: np.argsort(x, axis),
    "searchsorted": lambda x, y: np.searchsorted(np.sort(x), y),
    "one_hot": lambda x, num_classes: np.eye(num_classes)[x.astype(int)],
    # ----- linear algebra -----
    "matmul": lambda x, y: x @ y,
    "vecdot": lambda x, y: np.sum(x * y, axis=-1),
    "dot": lambda x, y: np.dot(x, y),
    "inner": lambda x, y: np.inner(x, y),
    "outer": lambda x, y: np.outer(x, y),
    "kron": lambda x, y: np.kron(x, y),
    "cross": lambda x, y, axis=-1: np.cross(x, y, axis=axis),
    "tensordot": lambda x, y, axes: np.tensordot(x, y, axes),
    "einsum": lambda x, y, subscripts: np.einsum(subscripts, x, y),
    "einsum_of_one": lambda x, subscripts: np.einsum(subscripts, x),
    "einsum_of_three": lambda x, y, z, subscripts: np.einsum(subscripts, x, y, z),
    "trace": lambda x, offset=0: np.trace(x, offset) if x.ndim == 2 else np.trace(x, offset, axis1=-2, axis2=-1),
    "det": lambda x: np.linalg.det(x),
    "slogdet": lambda x: np.stack(np.linalg.slogdet(x), axis=-1),
    "inv": lambda x: np.linalg.inv(x),
    "solve": lambda a, b: np.linalg.solve(a, b),
    "matrix_power": lambda x, n: np.linalg.matrix_power(x, n),
    "cholesky": lambda x: np.linalg.cholesky((x + np.swapaxes(x, -1, -2)) / 2),
    "qr": lambda x: qr(x),
    "lstsq": lambda a, b: np.linalg.lstsq(a, b)[0],
    "pinv": lambda x: np.linalg.pinv(x),
    "eigh": lambda x: sine_by_eigenvectors(x),
    "eigvalsh": lambda x: np.linalg.eigh((x + np.swapaxes(x, -1, -2)) / 2)[0],
    "svd": lambda x: square_by_singular_vectors(x),
    "svdvals": lambda x: np.linalg.svd(x, compute_uv=False),
    "matrix_norm": lambda x, ord="fro", keepdims=False: np.linalg.norm(x, ord, axis=(-2, -1), keepdims=keepdims),
    # ----- convolution, spectra -----
    "conv1d": lambda x, weight, stride=1, padding=0, dilation=1, groups=1: convolved(
        x, weight, padding, stride=stride, dilation=dilation, groups=groups
    ),
    "conv2d": lambda x, weight, stride=1, padding=0, dilation=1, groups=1: convolved(
        x, weight, padding, stride=stride, dilation=dilation, groups=groups
    ),
    "rfft": lambda x, n=None, axis=-1, norm="backward": parts(np.fft.rfft(x, n, axis, norm)),
    "irfft": lambda x, n=None, axis=-1, norm="backward": np.fft.irfft(x[..., 0] + 1j * x[..., 1], n, axis, norm),
    "fft": lambda x, n=None, axis=-1, norm="backward": parts(np.fft.fft(x[..., 0] + 1j * x[..., 1], n, axis, norm)),
    "ifft": lambda x, n=None, axis=-1, norm="backward": parts(np.fft.ifft(x[..., 0] + 1j * x[..., 1], n, axis, norm)),
    # ----- complex -----
    "real": lambda z: np.real(z),
    "imag": lambda z: np.imag(z),
    "conj": lambda z: np.conj(z),
    "modulus": lambda z: np.abs(z),
    "sgn": lambda z: np.sign(z),
    "angle": lambda z: np.angle(z),
    "gradient": lambda f, x: autograd.grad(f)(x),
    "stop_gradient": lambda x: getval(x),
}
