"""PyTorch's words for the catalogue's operations."""

from __future__ import annotations

from clinometer.backends.dialect import Dialect
from clinometer.backends.torch.helpers import HELPERS

TANGENT = """\
def tangent(f, dxs):
    return lambda *xs: torch.func.jvp(f, xs, dxs)[1]
"""

# Torch takes None for all axes here and there, and not beside keepdim.
AXES = "tuple(range(x.ndim)) if axis is None else axis"


def reduction(word: str) -> str:
    """Return a function that torch has for all axes, and for those that are named."""
    return f"torch.{word}(x) if axis is None and not keepdims else torch.{word}(x, dim={AXES}, keepdim=keepdims)"


DIALECT = Dialect(
    imports="import torch",
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
    table={
        # ----- creation -----
        "arange(start, stop=None, step=1, dtype=None)": ("counted(start, stop, step, dtype)"),
        "zeros(shape, dtype=None)": "torch.zeros(shape, dtype=kind(dtype))",
        "ones(shape, dtype=None)": "torch.ones(shape, dtype=kind(dtype))",
        "full(shape, fill_value, dtype=None)": "torch.full(shape, fill_value, dtype=kind(dtype))",
        "eye(n, dtype=None)": "torch.eye(n, dtype=kind(dtype))",
        "linspace(start, stop, num, dtype=None)": "torch.linspace(start, stop, num, dtype=kind(dtype))",
        "zeros_like(x)": "torch.zeros_like(x)",
        "ones_like(x)": "torch.ones_like(x)",
        "asarray(values, dtype=None)": "torch.tensor(values, dtype=kind(dtype))",
        "normal(shape, seed)": "normal(shape, seed)",
        "astype(x, dtype)": "x.to(kind(dtype))",
        # ----- arithmetic -----
        "add(x, y)": "x + y",
        "subtract(x, y)": "x - y",
        "multiply(x, y)": "x * y",
        "divide(x, y)": "x / y",
        "negative(x)": "-x",
        "positive(x)": "+x",
        "reciprocal(x)": "torch.reciprocal(x)",
        "square(x)": "torch.square(x)",
        "pow(x, y)": "x ** y",
        "hypot(x, y)": "torch.hypot(x, y)",
        "lerp(x, y, weight)": "torch.lerp(x, y, weight)",
        "addcmul(x, y, z, value=1.0)": "torch.addcmul(x, y, z, value=value)",
        "floor_divide(x, y)": 'torch.div(x, y, rounding_mode="floor")',
        "remainder(x, y)": "torch.remainder(x, y)",
        "exp(x)": "torch.exp(x)",
        "exp2(x)": "torch.exp2(x)",
        "expm1(x)": "torch.expm1(x)",
        "log(x)": "torch.log(x)",
        "log2(x)": "torch.log2(x)",
        "log10(x)": "torch.log10(x)",
        "log1p(x)": "torch.log1p(x)",
        "sqrt(x)": "torch.sqrt(x)",
        "rsqrt(x)": "torch.rsqrt(x)",
        "logaddexp(x, y)": "torch.logaddexp(x, y)",
        "xlogy(x, y)": "torch.xlogy(x, y)",
        "entr(x)": "torch.special.entr(x)",
        "sin(x)": "torch.sin(x)",
        "cos(x)": "torch.cos(x)",
        "tan(x)": "torch.tan(x)",
        "asin(x)": "torch.asin(x)",
        "acos(x)": "torch.acos(x)",
        "atan(x)": "torch.atan(x)",
        "atan2(x, y)": "torch.atan2(x, y)",
        "sinc(x)": "torch.sinc(x)",
        "sinh(x)": "torch.sinh(x)",
        "cosh(x)": "torch.cosh(x)",
        "tanh(x)": "torch.tanh(x)",
        "asinh(x)": "torch.asinh(x)",
        "acosh(x)": "torch.acosh(x)",
        "atanh(x)": "torch.atanh(x)",
        # ----- piecewise -----
        "abs(x)": "torch.abs(x)",
        "maximum(x, y)": "torch.maximum(x, y)",
        "minimum(x, y)": "torch.minimum(x, y)",
        "clip(x, min=None, max=None)": "torch.clamp(x, min=min, max=max)",
        "where(x, y, condition)": "torch.where(torch.tensor(condition), x, y)",
        "nan_to_num(x, nan=0.0, posinf=None, neginf=None)": "torch.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)",
        "copysign(x, y)": "torch.copysign(x, y)",
        "heaviside(x, y)": "torch.heaviside(x, y)",
        "greater(x, y)": "x > y",
        "less(x, y)": "x < y",
        "sign(x)": "torch.sign(x)",
        "floor(x)": "torch.floor(x)",
        "ceil(x)": "torch.ceil(x)",
        "trunc(x)": "torch.trunc(x)",
        "round(x)": "torch.round(x)",
        # ----- activations and special functions -----
        "sigmoid(x)": "torch.sigmoid(x)",
        "log_sigmoid(x)": "torch.nn.functional.logsigmoid(x)",
        "logit(x)": "torch.logit(x)",
        # Linear above the threshold, which is 20 by itself: there a float64 still sees the difference.
        "softplus(x, beta=1.0)": "torch.nn.functional.softplus(x, beta=beta, threshold=40.0)",
        "silu(x)": "torch.nn.functional.silu(x)",
        "mish(x)": "torch.nn.functional.mish(x)",
        "gelu_tanh(x)": 'torch.nn.functional.gelu(x, approximate="tanh")',
        "tanhshrink(x)": "torch.nn.functional.tanhshrink(x)",
        "softsign(x)": "torch.nn.functional.softsign(x)",
        "celu(x, alpha=1.0)": "torch.nn.functional.celu(x, alpha=alpha)",
        "relu(x)": "torch.relu(x)",
        "leaky_relu(x, negative_slope=0.01)": "torch.nn.functional.leaky_relu(x, negative_slope=negative_slope)",
        "elu(x, alpha=1.0)": "torch.nn.functional.elu(x, alpha=alpha)",
        "selu(x)": "torch.nn.functional.selu(x)",
        "relu6(x)": "torch.nn.functional.relu6(x)",
        "hardtanh(x)": "torch.nn.functional.hardtanh(x)",
        "hardsigmoid(x)": "torch.nn.functional.hardsigmoid(x)",
        "hardswish(x)": "torch.nn.functional.hardswish(x)",
        "softshrink(x, lambd=0.5)": "torch.nn.functional.softshrink(x, lambd)",
        "hardshrink(x, lambd=0.5)": "torch.nn.functional.hardshrink(x, lambd)",
        "erf(x)": "torch.erf(x)",
        "erfc(x)": "torch.erfc(x)",
        "erfinv(x)": "torch.erfinv(x)",
        "ndtr(x)": "torch.special.ndtr(x)",
        "ndtri(x)": "torch.special.ndtri(x)",
        "log_ndtr(x)": "torch.special.log_ndtr(x)",
        "gelu(x)": "torch.nn.functional.gelu(x)",
        "lgamma(x)": "torch.lgamma(x)",
        "digamma(x)": "torch.digamma(x)",
        "i0(x)": "torch.special.i0(x)",
        "i1(x)": "torch.special.i1(x)",
        # ----- reductions and scans -----
        "sum(x, axis=None, keepdims=False, where=None, initial=None)": (
            f"({reduction('sum')}) if where is None and initial is None and axis != ()"
            " else total(x, axis, keepdims, where, initial)"
        ),
        "mean(x, axis=None, keepdims=False)": f"({reduction('mean')}) if axis != () else x.clone()",
        "prod(x, axis=None, keepdims=False, where=None, initial=None)": (
            "product(x, axis, keepdims, where, initial) if where is not None or initial is not None"
            " else torch.prod(x) if axis is None and not keepdims"
            " else torch.prod(x, dim=axis, keepdim=keepdims) if isinstance(axis, int)"
            " else product(x, axis, keepdims)"
        ),
        "var(x, axis=None, keepdims=False, correction=0.0)": "torch.var(x, dim=axis, correction=correction, keepdim=keepdims)",
        "std(x, axis=None, keepdims=False, correction=0.0)": "torch.std(x, dim=axis, correction=correction, keepdim=keepdims)",
        "logsumexp(x, axis=None, keepdims=False)": f"torch.logsumexp(x, dim={AXES}, keepdim=keepdims)",
        "vector_norm(x, axis=None, keepdims=False, ord=2)": "torch.linalg.vector_norm(x, ord, dim=axis, keepdim=keepdims)",
        "max(x, axis=None, keepdims=False, where=None, initial=None)": (
            f"({reduction('amax')}) if where is None and initial is None else greatest(x, axis, keepdims, where, initial)"
        ),
        "min(x, axis=None, keepdims=False, where=None, initial=None)": (
            f"({reduction('amin')}) if where is None and initial is None else least(x, axis, keepdims, where, initial)"
        ),
        "median(x, axis=None, keepdims=False)": "median(x, axis, keepdims)",
        "argmax(x, axis=None, keepdims=False)": "torch.argmax(x, dim=axis, keepdim=keepdims)",
        "any(x, axis=None, keepdims=False)": reduction("any"),
        "all(x, axis=None, keepdims=False)": reduction("all"),
        "count_nonzero(x, axis=None, keepdims=False)": (
            "total(x != 0, axis, keepdims) if keepdims or axis == () else torch.count_nonzero(x, dim=axis)"
        ),
        "cumulative_sum(x, axis)": "torch.cumsum(x, dim=axis)",
        "cumulative_prod(x, axis)": "torch.cumprod(x, dim=axis)",
        "cummax(x, axis)": "torch.cummax(x, dim=axis).values",
        "cummin(x, axis)": "torch.cummin(x, dim=axis).values",
        "logcumsumexp(x, axis)": "torch.logcumsumexp(x, dim=axis)",
        "trapezoid(x, dx=1.0, axis=-1)": "torch.trapezoid(x, dx=dx, dim=axis)",
        "diff(x, axis=-1)": "torch.diff(x, dim=axis)",
        # ----- normalisers and losses -----
        "softmax(x, axis=-1)": "torch.softmax(x, dim=axis)",
        "log_softmax(x, axis=-1)": "torch.log_softmax(x, dim=axis)",
        "layer_norm(x, weight, bias, eps=1e-3)": "torch.nn.functional.layer_norm(x, weight.shape, weight, bias, eps=eps)",
        "rms_norm(x, weight, eps=1e-3)": "torch.nn.functional.rms_norm(x, weight.shape, weight, eps=eps)",
        "normalize(x, p=2, axis=-1, eps=1e-12)": "torch.nn.functional.normalize(x, p=p, dim=axis, eps=eps)",
        "cdist(x, y, p=2.0)": "torch.cdist(x, y, p=p)",
        "cosine_similarity(x, y)": "torch.nn.functional.cosine_similarity(x, y, dim=-1)",
        'mse(x, y, reduction="mean")': "torch.nn.functional.mse_loss(x, y, reduction=reduction)",
        'l1(x, y, reduction="mean")': "torch.nn.functional.l1_loss(x, y, reduction=reduction)",
        'huber(x, y, delta=1.0, reduction="mean")': ("torch.nn.functional.huber_loss(x, y, delta=delta, reduction=reduction)"),
        "hinge(x, target)": "torch.mean(torch.relu(1 - x * torch.tensor(target)))",
        'bce(x, y, reduction="mean")': "torch.nn.functional.binary_cross_entropy(x, y, reduction=reduction)",
        'bce_with_logits(x, y, reduction="mean")': (
            "torch.nn.functional.binary_cross_entropy_with_logits(x, y, reduction=reduction)"
        ),
        'cross_entropy(x, target, reduction="mean")': (
            "torch.nn.functional.cross_entropy(x, torch.tensor(target), reduction=reduction)"
        ),
        "kl_div(x, y)": 'torch.nn.functional.kl_div(torch.log(x), y, reduction="sum")',
        # ----- shape -----
        "reshape(x, shape)": "torch.reshape(x, shape)",
        "permute_dims(x, axes)": "torch.permute(x, axes)",
        "matrix_transpose(x)": "x.mT",
        "moveaxis(x, source, destination)": "torch.moveaxis(x, source, destination)",
        "expand_dims(x, axis)": "torch.unsqueeze(x, axis)",
        "squeeze(x, axis)": "torch.squeeze(x, axis)",
        "flip(x, axis=None)": f"torch.flip(x, (axis,) if isinstance(axis, int) else {AXES})",
        "roll(x, shift, axis)": "torch.roll(x, shift, axis)",
        "concat(x, y, axis=0)": "torch.concat([x, y], dim=axis)",
        "stack(x, y, axis=0)": "torch.stack([x, y], dim=axis)",
        "split(x, at, axis)": "torch.concat(torch.tensor_split(x, at, dim=axis)[::-1], dim=axis)",
        "unstack(x, axis)": "torch.stack(torch.unbind(x, dim=axis)[::-1])",
        'pad(x, pad_width, constant_values=0.0, mode="constant")': "padded(x, pad_width, constant_values, mode)",
        'meshgrid(x, y, indexing="xy")': "torch.stack(torch.meshgrid(x, y, indexing=indexing))",
        "diagonal(x, offset=0)": "torch.diagonal(x, offset, dim1=-2, dim2=-1)",
        "diag(x, k=0)": "torch.diag(x, k)",
        "tril(x, k=0)": "torch.tril(x, k)",
        "triu(x, k=0)": "torch.triu(x, k)",
        "tile(x, repetitions)": "torch.tile(x, repetitions)",
        "repeat(x, repeats, axis)": (
            "torch.repeat_interleave(x, torch.tensor(repeats) if isinstance(repeats, list) else repeats, dim=axis)"
        ),
        "broadcast_to(x, shape)": "torch.broadcast_to(x, shape)",
        # ----- indexing -----
        "getitem(x, key)": "x[key] if basic(key) else x[indices(key)]",
        "take(x, indices, axis)": (  # torch.take is for the flattened array; index_select knows no negative numbers
            "torch.take(x, torch.tensor(indices)) if axis is None"
            " else torch.index_select(x, axis, torch.tensor(indices) % x.shape[axis])"
        ),
        "take_along_axis(x, indices, axis)": "torch.take_along_dim(x, torch.tensor(indices), axis)",
        "at_set(x, y, key)": "updated(x, y, key)",
        "at_add(x, y, indices)": "added(x, y, indices)",
        "index_add(x, y, indices, axis)": "torch.index_add(x, axis, torch.tensor(indices), y)",
        "scatter_add(x, y, indices, axis)": "torch.scatter_add(x, axis, torch.tensor(indices), y)",
        "masked_fill(x, mask, value)": "x.masked_fill(torch.tensor(mask), value)",
        "sort(x, axis=-1)": "torch.sort(x, dim=axis).values",
        "topk(x, k, axis=-1, largest=True)": "torch.topk(x, k, dim=axis, largest=largest).values",
        "argsort(x, axis=-1)": "torch.argsort(x, dim=axis)",
        "searchsorted(x, y)": "torch.searchsorted(torch.sort(x).values, y)",
        "one_hot(x, num_classes)": "torch.nn.functional.one_hot(x.long(), num_classes)",
        # ----- linear algebra -----
        "matmul(x, y)": "x @ y",
        "vecdot(x, y)": "torch.linalg.vecdot(x, y)",
        "dot(x, y)": ("torch.dot(x, y) if x.ndim == y.ndim == 1 else torch.tensordot(x, y, dims=([-1], [max(y.ndim - 2, 0)]))"),
        "inner(x, y)": "torch.inner(x, y)",
        "outer(x, y)": "torch.outer(x, y)",
        "kron(x, y)": "torch.kron(x, y)",
        "cross(x, y, axis=-1)": "torch.linalg.cross(x, y, dim=axis)",
        "tensordot(x, y, axes)": "torch.tensordot(x, y, dims=axes)",
        "einsum(x, y, subscripts)": "torch.einsum(subscripts, x, y)",
        "einsum_of_one(x, subscripts)": "torch.einsum(subscripts, x)",
        "einsum_of_three(x, y, z, subscripts)": "torch.einsum(subscripts, x, y, z)",
        "trace(x, offset=0)": (
            "torch.trace(x) if x.ndim == 2 and offset == 0 else torch.diagonal(x, offset=offset, dim1=-2, dim2=-1).sum(-1)"
        ),
        "det(x)": "torch.linalg.det(x)",
        "slogdet(x)": "torch.stack(torch.linalg.slogdet(x), dim=-1)",
        "inv(x)": "torch.linalg.inv(x)",
        "solve(a, b)": "torch.linalg.solve(a, b)",
        "matrix_power(x, n)": "torch.linalg.matrix_power(x, n)",
        "matrix_exp(x)": "torch.linalg.matrix_exp(x)",
        "cholesky(x)": "torch.linalg.cholesky((x + x.mT) / 2)",
        "qr(x)": "qr(x)",
        # By QR: the default pivots by an array that nobody has cleared, and repeats no bits (pytorch issue 187411).
        "lstsq(a, b)": "torch.linalg.lstsq(a, b, driver='gels').solution",
        "pinv(x)": "torch.linalg.pinv(x)",
        "eigh(x)": "sine_by_eigenvectors(x)",
        "eigvalsh(x)": "torch.linalg.eigvalsh((x + x.mT) / 2)",
        "svd(x)": "square_by_singular_vectors(x)",
        "svdvals(x)": "torch.linalg.svdvals(x)",
        "matrix_norm(x, ord='fro', keepdims=False)": "torch.linalg.matrix_norm(x, ord=ord, keepdim=keepdims)",
        # ----- convolution, pooling, spectra -----
        "conv1d(x, weight, stride=1, padding=0, dilation=1, groups=1)": (
            "torch.nn.functional.conv1d(x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)"
        ),
        "conv2d(x, weight, stride=1, padding=0, dilation=1, groups=1)": (
            "torch.nn.functional.conv2d(x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)"
        ),
        "avg_pool(x, kernel_size, stride, padding)": (
            "torch.nn.functional.avg_pool1d(x, kernel_size, stride=stride, padding=padding) if len(kernel_size) == 1"
            " else torch.nn.functional.avg_pool2d(x, kernel_size, stride=stride, padding=padding)"
        ),
        "max_pool(x, kernel_size, stride, padding, dilation)": (
            "torch.nn.functional.max_pool1d(x, kernel_size, stride=stride, padding=padding, dilation=dilation)"
            " if len(kernel_size) == 1"
            " else torch.nn.functional.max_pool2d(x, kernel_size, stride=stride, padding=padding, dilation=dilation)"
        ),
        "rfft(x, n=None, axis=-1, norm='backward')": "torch.view_as_real(torch.fft.rfft(x, n=n, dim=axis, norm=norm))",
        "irfft(x, n=None, axis=-1, norm='backward')": (
            "torch.fft.irfft(torch.complex(x[..., 0], x[..., 1]), n=n, dim=axis, norm=norm)"
        ),
        "fft(x, n=None, axis=-1, norm='backward')": (
            "torch.view_as_real(torch.fft.fft(torch.complex(x[..., 0], x[..., 1]), n=n, dim=axis, norm=norm))"
        ),
        "ifft(x, n=None, axis=-1, norm='backward')": (
            "torch.view_as_real(torch.fft.ifft(torch.complex(x[..., 0], x[..., 1]), n=n, dim=axis, norm=norm))"
        ),
        # ----- complex -----
        "real(z)": "torch.real(z)",
        "imag(z)": "torch.imag(z)",
        "conj(z)": "torch.conj(z)",
        "modulus(z)": "torch.abs(z)",
        "sgn(z)": "torch.sgn(z)",
        "angle(z)": "torch.angle(z)",
        "gradient(f, x)": "torch.func.grad(f)(x)",
        "stop_gradient(x)": "x.detach()",
    },
)
