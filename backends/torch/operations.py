"""PyTorch's words for the catalogue's operations: what is run, and what scripts print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from clinometer.backends.torch.helpers import (
    added,
    basic,
    counted,
    greatest,
    indices,
    kind,
    least,
    median,
    normal,
    padded,
    product,
    qr,
    sine_by_eigenvectors,
    square_by_singular_vectors,
    total,
    updated,
)

OPERATIONS: dict[str, Callable[..., Any]] = {
    # ----- creation -----
    "arange": lambda start, stop=None, step=1, dtype=None: counted(start, stop, step, dtype),
    "zeros": lambda shape, dtype=None: torch.zeros(shape, dtype=kind(dtype)),
    "ones": lambda shape, dtype=None: torch.ones(shape, dtype=kind(dtype)),
    "full": lambda shape, fill_value, dtype=None: torch.full(shape, fill_value, dtype=kind(dtype)),
    "eye": lambda n, dtype=None: torch.eye(n, dtype=kind(dtype)),
    "linspace": lambda start, stop, num, dtype=None: torch.linspace(start, stop, num, dtype=kind(dtype)),
    "zeros_like": lambda x: torch.zeros_like(x),
    "ones_like": lambda x: torch.ones_like(x),
    "asarray": lambda values, dtype=None: torch.tensor(values, dtype=kind(dtype)),
    "normal": lambda shape, seed: normal(shape, seed),
    "astype": lambda x, dtype: x.to(kind(dtype)),
    # ----- arithmetic -----
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "positive": lambda x: +x,
    "reciprocal": lambda x: torch.reciprocal(x),
    "square": lambda x: torch.square(x),
    "pow": lambda x, y: x**y,
    "hypot": lambda x, y: torch.hypot(x, y),
    "lerp": lambda x, y, weight: torch.lerp(x, y, weight),
    "addcmul": lambda x, y, z, value=1.0: torch.addcmul(x, y, z, value=value),
    "floor_divide": lambda x, y: torch.div(x, y, rounding_mode="floor"),
    "remainder": lambda x, y: torch.remainder(x, y),
    "exp": lambda x: torch.exp(x),
    "exp2": lambda x: torch.exp2(x),
    "expm1": lambda x: torch.expm1(x),
    "log": lambda x: torch.log(x),
    "log2": lambda x: torch.log2(x),
    "log10": lambda x: torch.log10(x),
    "log1p": lambda x: torch.log1p(x),
    "sqrt": lambda x: torch.sqrt(x),
    "rsqrt": lambda x: torch.rsqrt(x),
    "logaddexp": lambda x, y: torch.logaddexp(x, y),
    "xlogy": lambda x, y: torch.xlogy(x, y),
    "entr": lambda x: torch.special.entr(x),
    "sin": lambda x: torch.sin(x),
    "cos": lambda x: torch.cos(x),
    "tan": lambda x: torch.tan(x),
    "asin": lambda x: torch.asin(x),
    "acos": lambda x: torch.acos(x),
    "atan": lambda x: torch.atan(x),
    "atan2": lambda x, y: torch.atan2(x, y),
    "sinc": lambda x: torch.sinc(x),
    "sinh": lambda x: torch.sinh(x),
    "cosh": lambda x: torch.cosh(x),
    "tanh": lambda x: torch.tanh(x),
    "asinh": lambda x: torch.asinh(x),
    "acosh": lambda x: torch.acosh(x),
    "atanh": lambda x: torch.atanh(x),
    # ----- piecewise -----
    "abs": lambda x: torch.abs(x),
    "maximum": lambda x, y: torch.maximum(x, y),
    "minimum": lambda x, y: torch.minimum(x, y),
    "clip": lambda x, min=None, max=None: torch.clamp(x, min=min, max=max),
    "where": lambda x, y, condition: torch.where(torch.tensor(condition), x, y),
    "nan_to_num": lambda x, nan=0.0, posinf=None, neginf=None: torch.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    "copysign": lambda x, y: torch.copysign(x, y),
    "heaviside": lambda x, y: torch.heaviside(x, y),
    "greater": lambda x, y: x > y,
    "less": lambda x, y: x < y,
    "sign": lambda x: torch.sign(x),
    "floor": lambda x: torch.floor(x),
    "ceil": lambda x: torch.ceil(x),
    "trunc": lambda x: torch.trunc(x),
    "round": lambda x: torch.round(x),
    # ----- activations and special functions -----
    "sigmoid": lambda x: torch.sigmoid(x),
    "log_sigmoid": lambda x: torch.nn.functional.logsigmoid(x),
    "logit": lambda x: torch.logit(x),
    # Linear above the threshold, which is 20 by itself: there a float64 still sees the difference.
    "softplus": lambda x, beta=1.0: torch.nn.functional.softplus(x, beta=beta, threshold=40.0),
    "silu": lambda x: torch.nn.functional.silu(x),
    "mish": lambda x: torch.nn.functional.mish(x),
    "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "tanhshrink": lambda x: torch.nn.functional.tanhshrink(x),
    "softsign": lambda x: torch.nn.functional.softsign(x),
    "celu": lambda x, alpha=1.0: torch.nn.functional.celu(x, alpha=alpha),
    "relu": lambda x: torch.relu(x),
    "leaky_relu": lambda x, negative_slope=0.01: torch.nn.functional.leaky_relu(x, negative_slope=negative_slope),
    "elu": lambda x, alpha=1.0: torch.nn.functional.elu(x, alpha=alpha),
    "selu": lambda x: torch.nn.functional.selu(x),
    "relu6": lambda x: torch.nn.functional.relu6(x),
    "hardtanh": lambda x: torch.nn.functional.hardtanh(x),
    "hardsigmoid": lambda x: torch.nn.functional.hardsigmoid(x),
    "hardswish": lambda x: torch.nn.functional.hardswish(x),
    "softshrink": lambda x, lambd=0.5: torch.nn.functional.softshrink(x, lambd),
    "hardshrink": lambda x, lambd=0.5: torch.nn.functional.hardshrink(x, lambd),
    "erf": lambda x: torch.erf(x),
    "erfc": lambda x: torch.erfc(x),
    "erfinv": lambda x: torch.erfinv(x),
    "ndtr": lambda x: torch.special.ndtr(x),
    "ndtri": lambda x: torch.special.ndtri(x),
    "log_ndtr": lambda x: torch.special.log_ndtr(x),
    "gelu": lambda x: torch.nn.functional.gelu(x),
    "lgamma": lambda x: torch.lgamma(x),
    "digamma": lambda x: torch.digamma(x),
    "i0": lambda x: torch.special.i0(x),
    "i1": lambda x: torch.special.i1(x),
    # ----- reductions and scans -----
    "sum": lambda x, axis=None, keepdims=False, where=None, initial=None: (
        total(x, axis, keepdims, where, initial)
        if where is not None or initial is not None or axis == ()
        else torch.sum(x)
        if axis is None and not keepdims
        else torch.sum(x, dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)
    ),
    "mean": lambda x, axis=None, keepdims=False: (
        x.clone()
        if axis == ()
        else torch.mean(x)
        if axis is None and not keepdims
        else torch.mean(x, dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)
    ),
    "prod": lambda x, axis=None, keepdims=False, where=None, initial=None: (
        product(x, axis, keepdims, where, initial)
        if where is not None or initial is not None
        else torch.prod(x)
        if axis is None and not keepdims
        else torch.prod(x, dim=axis, keepdim=keepdims)
        if isinstance(axis, int)
        else product(x, axis, keepdims)
    ),
    "var": lambda x, axis=None, keepdims=False, correction=0.0: torch.var(x, dim=axis, correction=correction, keepdim=keepdims),
    "std": lambda x, axis=None, keepdims=False, correction=0.0: torch.std(x, dim=axis, correction=correction, keepdim=keepdims),
    "logsumexp": lambda x, axis=None, keepdims=False: torch.logsumexp(
        x, dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims
    ),
    "vector_norm": lambda x, axis=None, keepdims=False, ord=2: torch.linalg.vector_norm(x, ord, dim=axis, keepdim=keepdims),
    "max": lambda x, axis=None, keepdims=False, where=None, initial=None: (
        greatest(x, axis, keepdims, where, initial)
        if where is not None or initial is not None
        else torch.amax(x)
        if axis is None and not keepdims
        else torch.amax(x, dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)
    ),
    "min": lambda x, axis=None, keepdims=False, where=None, initial=None: (
        least(x, axis, keepdims, where, initial)
        if where is not None or initial is not None
        else torch.amin(x)
        if axis is None and not keepdims
        else torch.amin(x, dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)
    ),
    "median": lambda x, axis=None, keepdims=False: median(x, axis, keepdims),
    "argmax": lambda x, axis=None, keepdims=False: torch.argmax(x, dim=axis, keepdim=keepdims),
    "any": lambda x, axis=None, keepdims=False: (
        torch.any(x)
        if axis is None and not keepdims
        else torch.any(x, dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)
    ),
    "all": lambda x, axis=None, keepdims=False: (
        torch.all(x)
        if axis is None and not keepdims
        else torch.all(x, dim=tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims)
    ),
    "count_nonzero": lambda x, axis=None, keepdims=False: (
        total(x != 0, axis, keepdims) if keepdims or axis == () else torch.count_nonzero(x, dim=axis)
    ),
    "cumulative_sum": lambda x, axis: torch.cumsum(x, dim=axis),
    "cumulative_prod": lambda x, axis: torch.cumprod(x, dim=axis),
    "cummax": lambda x, axis: torch.cummax(x, dim=axis).values,
    "cummin": lambda x, axis: torch.cummin(x, dim=axis).values,
    "logcumsumexp": lambda x, axis: torch.logcumsumexp(x, dim=axis),
    "trapezoid": lambda x, dx=1.0, axis=-1: torch.trapezoid(x, dx=dx, dim=axis),
    "diff": lambda x, axis=-1: torch.diff(x, dim=axis),
    # ----- normalisers and losses -----
    "softmax": lambda x, axis=-1: torch.softmax(x, dim=axis),
    "log_softmax": lambda x, axis=-1: torch.log_softmax(x, dim=axis),
    "layer_norm": lambda x, weight, bias, eps=1e-3: torch.nn.functional.layer_norm(x, weight.shape, weight, bias, eps=eps),
    "rms_norm": lambda x, weight, eps=1e-3: torch.nn.functional.rms_norm(x, weight.shape, weight, eps=eps),
    "normalize": lambda x, p=2, axis=-1, eps=1e-12: torch.nn.functional.normalize(x, p=p, dim=axis, eps=eps),
    "cdist": lambda x, y, p=2.0: torch.cdist(x, y, p=p),
    "cosine_similarity": lambda x, y: torch.nn.functional.cosine_similarity(x, y, dim=-1),
    "mse": lambda x, y, reduction="mean": torch.nn.functional.mse_loss(x, y, reduction=reduction),
    "l1": lambda x, y, reduction="mean": torch.nn.functional.l1_loss(x, y, reduction=reduction),
    "huber": lambda x, y, delta=1.0, reduction="mean": torch.nn.functional.huber_loss(x, y, delta=delta, reduction=reduction),
    "hinge": lambda x, target: torch.mean(torch.relu(1 - x * torch.tensor(target))),
    "bce": lambda x, y, reduction="mean": torch.nn.functional.binary_cross_entropy(x, y, reduction=reduction),
    "bce_with_logits": lambda x, y, reduction="mean": torch.nn.functional.binary_cross_entropy_with_logits(
        x, y, reduction=reduction
    ),
    "cross_entropy": lambda x, target, reduction="mean": torch.nn.functional.cross_entropy(
        x, torch.tensor(target), reduction=reduction
    ),
    "kl_div": lambda x, y: torch.nn.functional.kl_div(torch.log(x), y, reduction="sum"),
    # ----- shape -----
    "reshape": lambda x, shape: torch.reshape(x, shape),
    "permute_dims": lambda x, axes: torch.permute(x, axes),
    "matrix_transpose": lambda x: x.mT,
    "moveaxis": lambda x, source, destination: torch.moveaxis(x, source, destination),
    "expand_dims": lambda x, axis: torch.unsqueeze(x, axis),
    "squeeze": lambda x, axis: torch.squeeze(x, axis),
    "flip": lambda x, axis=None: torch.flip(
        x, (axis,) if isinstance(axis, int) else tuple(range(x.ndim)) if axis is None else axis
    ),
    "roll": lambda x, shift, axis: torch.roll(x, shift, axis),
    "concat": lambda x, y, axis=0: torch.concat([x, y], dim=axis),
    "stack": lambda x, y, axis=0: torch.stack([x, y], dim=axis),
    "split": lambda x, at, axis: torch.concat(torch.tensor_split(x, at, dim=axis)[::-1], dim=axis),
    "unstack": lambda x, axis: torch.stack(torch.unbind(x, dim=axis)[::-1]),
    "pad": lambda x, pad_width, constant_values=0.0, mode="constant": padded(x, pad_width, constant_values, mode),
    "meshgrid": lambda x, y, indexing="xy": torch.stack(torch.meshgrid(x, y, indexing=indexing)),
    "diagonal": lambda x, offset=0: torch.diagonal(x, offset, dim1=-2, dim2=-1),
    "diag": lambda x, k=0: torch.diag(x, k),
    "tril": lambda x, k=0: torch.tril(x, k),
    "triu": lambda x, k=0: torch.triu(x, k),
    "tile": lambda x, repetitions: torch.tile(x, repetitions),
    "repeat": lambda x, repeats, axis: torch.repeat_interleave(
        x, torch.tensor(repeats) if isinstance(repeats, list) else repeats, dim=axis
    ),
    "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
    # ----- indexing -----
    "getitem": lambda x, key: x[key] if basic(key) else x[indices(key)],
    # torch.take is for the flattened array; index_select knows no negative numbers
    "take": lambda x, indices, axis: (
        torch.take(x, torch.tensor(indices))
        if axis is None
        else torch.index_select(x, axis, torch.tensor(indices) % x.shape[axis])
    ),
    "take_along_axis": lambda x, indices, axis: torch.take_along_dim(x, torch.tensor(indices), axis),
    "at_set": lambda x, y, key: updated(x, y, key),
    "at_add": lambda x, y, indices: added(x, y, indices),
    "index_add": lambda x, y, indices, axis: torch.index_add(x, axis, torch.tensor(indices), y),
    "scatter_add": lambda x, y, indices, axis: torch.scatter_add(x, axis, torch.tensor(indices), y),
    "masked_fill": lambda x, mask, value: x.masked_fill(torch.tensor(mask), value),
    "sort": lambda x, axis=-1: torch.sort(x, dim=axis).values,
    "topk": lambda x, k, axis=-1, largest=True: torch.topk(x, k, dim=axis, largest=largest).values,
    "argsort": lambda x, axis=-1: torch.argsort(x, dim=axis),
    "searchsorted": lambda x, y: torch.searchsorted(torch.sort(x).values, y),
    "one_hot": lambda x, num_classes: torch.nn.functional.one_hot(x.long(), num_classes),
    # ----- linear algebra -----
    "matmul": lambda x, y: x @ y,
    "vecdot": lambda x, y: torch.linalg.vecdot(x, y),
    "dot": lambda x, y: torch.dot(x, y) if x.ndim == y.ndim == 1 else torch.tensordot(x, y, dims=([-1], [max(y.ndim - 2, 0)])),
    "inner": lambda x, y: torch.inner(x, y),
    "outer": lambda x, y: torch.outer(x, y),
    "kron": lambda x, y: torch.kron(x, y),
    "cross": lambda x, y, axis=-1: torch.linalg.cross(x, y, dim=axis),
    "tensordot": lambda x, y, axes: torch.tensordot(x, y, dims=axes),
    "einsum": lambda x, y, subscripts: torch.einsum(subscripts, x, y),
    "einsum_of_one": lambda x, subscripts: torch.einsum(subscripts, x),
    "einsum_of_three": lambda x, y, z, subscripts: torch.einsum(subscripts, x, y, z),
    "trace": lambda x, offset=0: (
        torch.trace(x) if x.ndim == 2 and offset == 0 else torch.diagonal(x, offset=offset, dim1=-2, dim2=-1).sum(-1)
    ),
    "det": lambda x: torch.linalg.det(x),
    "slogdet": lambda x: torch.stack(torch.linalg.slogdet(x), dim=-1),
    "inv": lambda x: torch.linalg.inv(x),
    "solve": lambda a, b: torch.linalg.solve(a, b),
    "matrix_power": lambda x, n: torch.linalg.matrix_power(x, n),
    "matrix_exp": lambda x: torch.linalg.matrix_exp(x),
    "cholesky": lambda x: torch.linalg.cholesky((x + x.mT) / 2),
    "qr": lambda x: qr(x),
    # By QR: the default pivots by an array that nobody has cleared, and repeats no bits (pytorch issue 187411).
    "lstsq": lambda a, b: torch.linalg.lstsq(a, b, driver="gels").solution,
    "pinv": lambda x: torch.linalg.pinv(x),
    "eigh": lambda x: sine_by_eigenvectors(x),
    "eigvalsh": lambda x: torch.linalg.eigvalsh((x + x.mT) / 2),
    "svd": lambda x: square_by_singular_vectors(x),
    "svdvals": lambda x: torch.linalg.svdvals(x),
    "matrix_norm": lambda x, ord="fro", keepdims=False: torch.linalg.matrix_norm(x, ord=ord, keepdim=keepdims),
    # ----- convolution, pooling, spectra -----
    "conv1d": lambda x, weight, stride=1, padding=0, dilation=1, groups=1: torch.nn.functional.conv1d(
        x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    "conv2d": lambda x, weight, stride=1, padding=0, dilation=1, groups=1: torch.nn.functional.conv2d(
        x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    "avg_pool": lambda x, kernel_size, stride, padding: (
        torch.nn.functional.avg_pool1d(x, kernel_size, stride=stride, padding=padding)
        if len(kernel_size) == 1
        else torch.nn.functional.avg_pool2d(x, kernel_size, stride=stride, padding=padding)
    ),
    "max_pool": lambda x, kernel_size, stride, padding, dilation: (
        torch.nn.functional.max_pool1d(x, kernel_size, stride=stride, padding=padding, dilation=dilation)
        if len(kernel_size) == 1
        else torch.nn.functional.max_pool2d(x, kernel_size, stride=stride, padding=padding, dilation=dilation)
    ),
    "rfft": lambda x, n=None, axis=-1, norm="backward": torch.view_as_real(torch.fft.rfft(x, n=n, dim=axis, norm=norm)),
    "irfft": lambda x, n=None, axis=-1, norm="backward": torch.fft.irfft(
        torch.complex(x[..., 0], x[..., 1]), n=n, dim=axis, norm=norm
    ),
    "fft": lambda x, n=None, axis=-1, norm="backward": torch.view_as_real(
        torch.fft.fft(torch.complex(x[..., 0], x[..., 1]), n=n, dim=axis, norm=norm)
    ),
    "ifft": lambda x, n=None, axis=-1, norm="backward": torch.view_as_real(
        torch.fft.ifft(torch.complex(x[..., 0], x[..., 1]), n=n, dim=axis, norm=norm)
    ),
    # ----- complex -----
    "real": lambda z: torch.real(z),
    "imag": lambda z: torch.imag(z),
    "conj": lambda z: torch.conj(z),
    "modulus": lambda z: torch.abs(z),
    "sgn": lambda z: torch.sgn(z),
    "angle": lambda z: torch.angle(z),
    "gradient": lambda f, x: torch.func.grad(f)(x),
    "stop_gradient": lambda x: x.detach(),
}
