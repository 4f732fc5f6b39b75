"""HIPS autograd: transforms of functions on numpy arrays. No method catches an exception."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import numpy

from clinometer.backends.autograd import helpers
from clinometer.backends.autograd.helpers import HELPERS
from clinometer.backends.dialect import Dialect


def reduction(word: str) -> str:
    """Return a reduction with a mask and a first value where there are; numpy takes None for neither."""
    call, mask, first = f"np.{word}(x, axis=axis, keepdims=keepdims", ", where=np.array(where)", ", initial=initial"
    without, begun = (f"{call}{more}) if where is None else {call}{more}{mask})" for more in ("", first))
    return f"({without}) if initial is None else ({begun})"


DIALECT = Dialect(
    imports="""\
import autograd
import autograd.numpy as np
from autograd.scipy import signal, special, stats
from autograd.tracer import getval""",
    helpers=HELPERS,
    array="np.array({values}, dtype=np.{dtype})",
    empty="np.zeros({shape}, dtype=np.{dtype})",
    kind="np.{dtype}",
    vjp="vjp({f}, {names})",
    reverse="{got} = np.array(autograd.make_vjp({f}, {numbers})({names})[0]({ct}){part})",
    forward="{got} = np.array(autograd.make_jvp({f}, {all})({names})(({tangents},))[1])",
    beside={
        "reverse": "{got} = np.array(autograd.make_vjp({f}, {numbers})({names})[1])",
        "forward": "{got} = np.array(autograd.make_jvp({f}, {all})({names})(({tangents},))[0])",
    },
    nested={
        "reverse": """\
def gradient(f, which, ct):
    def g(*xs):
        if len(xs) == 1:
            return autograd.make_vjp(f)(*xs)[0](ct)
        return autograd.make_vjp(f, tuple(range(len(xs))))(*xs)[0](ct)[which]

    return g
""",
        "forward": """\
def tangent(f, dxs):
    return lambda *xs: autograd.make_jvp(f, tuple(range(len(xs))))(*xs)(dxs)[1]
""",
    },
    table={
        # ----- creation -----
        "arange(start, stop=None, step=1, dtype=None)": "np.arange(start, stop, step, dtype=dtype)",
        "zeros(shape, dtype=None)": "np.zeros(shape, dtype=dtype)",
        "ones(shape, dtype=None)": "np.ones(shape, dtype=dtype)",
        "full(shape, fill_value, dtype=None)": "np.full(shape, fill_value, dtype=dtype)",
        "eye(n, dtype=None)": "np.eye(n, dtype=dtype)",
        "linspace(start, stop, num, dtype=None)": "np.linspace(start, stop, num, dtype=dtype)",
        "zeros_like(x)": "np.zeros_like(x)",
        "ones_like(x)": "np.ones_like(x)",
        "asarray(values, dtype=None)": "np.array(values, dtype=dtype)",
        "normal(shape, seed)": "np.random.default_rng(seed).standard_normal(shape)",
        "astype(x, dtype)": "x.astype(dtype)",
        # ----- arithmetic -----
        "add(x, y)": "x + y",
        "subtract(x, y)": "x - y",
        "multiply(x, y)": "x * y",
        "divide(x, y)": "x / y",
        "negative(x)": "-x",
        "positive(x)": "np.positive(x)",
        "reciprocal(x)": "np.reciprocal(x)",
        "square(x)": "np.square(x)",
        "pow(x, y)": "x ** y",
        "hypot(x, y)": "np.hypot(x, y)",
        "lerp(x, y, weight)": "x + weight * (y - x)",
        "addcmul(x, y, z, value=1.0)": "x + value * y * z",
        "floor_divide(x, y)": "np.floor_divide(x, y)",
        "remainder(x, y)": "x % y",
        "exp(x)": "np.exp(x)",
        "exp2(x)": "np.exp2(x)",
        "expm1(x)": "np.expm1(x)",
        "log(x)": "np.log(x)",
        "log2(x)": "np.log2(x)",
        "log10(x)": "np.log10(x)",
        "log1p(x)": "np.log1p(x)",
        "sqrt(x)": "np.sqrt(x)",
        "cbrt(x)": "np.cbrt(x)",
        "rsqrt(x)": "1 / np.sqrt(x)",
        "logaddexp(x, y)": "np.logaddexp(x, y)",
        "xlogy(x, y)": "x * np.log(y)",
        "entr(x)": "-x * np.log(x)",
        "sin(x)": "np.sin(x)",
        "cos(x)": "np.cos(x)",
        "tan(x)": "np.tan(x)",
        "asin(x)": "np.arcsin(x)",
        "acos(x)": "np.arccos(x)",
        "atan(x)": "np.arctan(x)",
        "atan2(x, y)": "np.arctan2(x, y)",
        "sinc(x)": "np.sinc(x)",
        "sinh(x)": "np.sinh(x)",
        "cosh(x)": "np.cosh(x)",
        "tanh(x)": "np.tanh(x)",
        "asinh(x)": "np.arcsinh(x)",
        "acosh(x)": "np.arccosh(x)",
        "atanh(x)": "np.arctanh(x)",
        # ----- piecewise -----
        "abs(x)": "np.abs(x)",
        "maximum(x, y)": "np.maximum(x, y)",
        "minimum(x, y)": "np.minimum(x, y)",
        "clip(x, min=None, max=None)": "np.clip(x, min, max)",
        "where(x, y, condition)": "np.where(np.array(condition), x, y)",
        "nan_to_num(x, nan=0.0, posinf=None, neginf=None)": (
            "np.nan_to_num(x) if (nan, posinf, neginf) == (0.0, None, None)"
            " else np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)"
        ),
        "copysign(x, y)": "np.copysign(x, y)",
        "heaviside(x, y)": "np.heaviside(x, y)",
        "greater(x, y)": "x > y",
        "less(x, y)": "x < y",
        "sign(x)": "np.sign(x)",
        "floor(x)": "np.floor(x)",
        "ceil(x)": "np.ceil(x)",
        "trunc(x)": "np.trunc(x)",
        "round(x)": "np.round(x)",
        # ----- activations and special functions -----
        "sigmoid(x)": "special.expit(x)",
        "log_sigmoid(x)": "-np.logaddexp(-x, 0.0)",
        "logit(x)": "special.logit(x)",
        "softplus(x, beta=1.0)": "np.logaddexp(beta * x, 0.0) / beta",
        "silu(x)": "x * special.expit(x)",
        "mish(x)": "x * np.tanh(np.logaddexp(x, 0.0))",
        "gelu_tanh(x)": "0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x ** 3)))",
        "tanhshrink(x)": "x - np.tanh(x)",
        "softsign(x)": "x / (1 + np.abs(x))",
        "relu(x)": "np.maximum(x, 0.0)",
        "leaky_relu(x, negative_slope=0.01)": "np.where(x > 0, x, negative_slope * x)",
        "elu(x, alpha=1.0)": "np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0.0, x)))",
        "relu6(x)": "np.clip(x, 0.0, 6.0)",
        "hardtanh(x)": "np.clip(x, -1.0, 1.0)",
        "hardsigmoid(x)": "np.clip(x + 3, 0.0, 6.0) / 6",
        "hardswish(x)": "x * np.clip(x + 3, 0.0, 6.0) / 6",
        "erf(x)": "special.erf(x)",
        "erfc(x)": "special.erfc(x)",
        "erfinv(x)": "special.erfinv(x)",
        "ndtr(x)": "stats.norm.cdf(x)",
        "log_ndtr(x)": "stats.norm.logcdf(x)",
        "gelu(x)": "x * (0.5 * (1 + special.erf(x * 0.5 ** 0.5)))",
        "lgamma(x)": "special.gammaln(x)",
        "digamma(x)": "special.digamma(x)",
        "i0(x)": "special.i0(x)",
        "i1(x)": "special.i1(x)",
        # ----- reductions and scans -----
        "sum(x, axis=None, keepdims=False, where=None, initial=None)": reduction("sum"),
        "mean(x, axis=None, keepdims=False)": "np.mean(x, axis=axis, keepdims=keepdims)",
        "prod(x, axis=None, keepdims=False, where=None, initial=None)": reduction("prod"),
        "var(x, axis=None, keepdims=False, correction=0.0)": "np.var(x, axis=axis, ddof=correction, keepdims=keepdims)",
        "std(x, axis=None, keepdims=False, correction=0.0)": "np.std(x, axis=axis, ddof=correction, keepdims=keepdims)",
        "logsumexp(x, axis=None, keepdims=False)": "special.logsumexp(x, axis=axis, keepdims=keepdims)",
        "vector_norm(x, axis=None, keepdims=False, ord=2)": "vector_norm(x, axis, keepdims, ord)",
        "max(x, axis=None, keepdims=False, where=None, initial=None)": reduction("max"),
        "min(x, axis=None, keepdims=False, where=None, initial=None)": reduction("min"),
        "median(x, axis=None, keepdims=False)": "np.median(x, axis=axis, keepdims=keepdims)",
        "argmax(x, axis=None, keepdims=False)": "np.argmax(x, axis=axis, keepdims=keepdims)",
        "any(x, axis=None, keepdims=False)": "np.any(x, axis=axis, keepdims=keepdims)",
        "all(x, axis=None, keepdims=False)": "np.all(x, axis=axis, keepdims=keepdims)",
        "count_nonzero(x, axis=None, keepdims=False)": "np.count_nonzero(x, axis=axis, keepdims=keepdims)",
        "cumulative_sum(x, axis)": "np.cumsum(x, axis=axis)",
        "cumulative_prod(x, axis)": "np.cumprod(x, axis=axis)",
        "trapezoid(x, dx=1.0, axis=-1)": "np.trapezoid(x, dx=dx, axis=axis)",
        "diff(x, axis=-1)": "np.diff(x, axis=axis)",
        # ----- normalisers and losses -----
        "softmax(x, axis=-1)": "softmax(x, axis)",
        "log_softmax(x, axis=-1)": "x - special.logsumexp(x, axis, keepdims=True)",
        "layer_norm(x, weight, bias, eps=1e-3)": (
            "(x - np.mean(x, axis=-1, keepdims=True)) / np.sqrt(np.var(x, axis=-1, keepdims=True) + eps) * weight + bias"
        ),
        "rms_norm(x, weight, eps=1e-3)": "x / np.sqrt(np.mean(x ** 2, axis=-1, keepdims=True) + eps) * weight",
        "cosine_similarity(x, y)": "np.sum(x * y, axis=-1) / (np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1))",
        'mse(x, y, reduction="mean")': "loss((x - y) ** 2, reduction)",
        'l1(x, y, reduction="mean")': "loss(np.abs(x - y), reduction)",
        'huber(x, y, delta=1.0, reduction="mean")': (
            "loss(np.where(np.abs(x - y) < delta, 0.5 * (x - y) ** 2, delta * (np.abs(x - y) - 0.5 * delta)), reduction)"
        ),
        "hinge(x, target)": "np.mean(np.maximum(1 - x * np.array(target, x.dtype), 0.0))",
        'bce(x, y, reduction="mean")': "loss(-(y * np.log(x) + (1 - y) * np.log1p(-x)), reduction)",
        'bce_with_logits(x, y, reduction="mean")': "loss(np.logaddexp(x, 0.0) - x * y, reduction)",
        'cross_entropy(x, target, reduction="mean")': (
            "loss((special.logsumexp(x, axis=-1, keepdims=True) - x)[np.arange(len(target)), np.array(target)], reduction)"
        ),
        "kl_div(x, y)": "np.sum(y * (np.log(y) - np.log(x)))",
        # ----- shape -----
        "reshape(x, shape)": "np.reshape(x, shape)",
        "permute_dims(x, axes)": "np.transpose(x, axes)",
        "matrix_transpose(x)": "np.swapaxes(x, -1, -2)",
        "moveaxis(x, source, destination)": "np.moveaxis(x, source, destination)",
        "expand_dims(x, axis)": "np.expand_dims(x, axis)",
        "squeeze(x, axis)": "np.squeeze(x, axis)",
        "flip(x, axis=None)": "flipped(x, axis)",
        "roll(x, shift, axis)": "np.roll(x, shift, axis)",
        "concat(x, y, axis=0)": "np.concat([x, y], axis=axis)",
        "stack(x, y, axis=0)": "np.stack([x, y], axis=axis)",
        "split(x, at, axis)": "np.concatenate(np.split(x, at, axis)[::-1], axis)",
        "unstack(x, axis)": "np.stack([part for part in np.moveaxis(x, axis, 0)][::-1])",
        'pad(x, pad_width, constant_values=0.0, mode="constant")': (
            'np.pad(x, pad_width, mode, constant_values=constant_values) if mode == "constant" else np.pad(x, pad_width, mode)'
        ),
        'meshgrid(x, y, indexing="xy")': "np.stack(np.meshgrid(x, y, indexing=indexing))",
        "diagonal(x, offset=0)": "np.diagonal(x, -offset, -1, -2)",
        "diag(x, k=0)": "np.diag(x, k)",
        "tril(x, k=0)": "np.tril(x, k)",
        "triu(x, k=0)": "np.triu(x, k)",
        "tile(x, repetitions)": "np.tile(x, repetitions)",
        "repeat(x, repeats, axis)": "np.repeat(x, repeats, axis)",
        "broadcast_to(x, shape)": "np.broadcast_to(x, shape)",
        # ----- indexing -----
        "getitem(x, key)": "x[key]",
        "take(x, indices, axis)": "taken(x, indices, axis)",
        "take_along_axis(x, indices, axis)": "np.take_along_axis(x, np.array(indices), axis)",
        "masked_fill(x, mask, value)": "np.where(np.array(mask), value, x)",
        "sort(x, axis=-1)": "np.sort(x, axis)",
        "argsort(x, axis=-1)": "np.argsort(x, axis)",
        "searchsorted(x, y)": "np.searchsorted(np.sort(x), y)",
        "one_hot(x, num_classes)": "np.eye(num_classes)[x.astype(int)]",
        # ----- linear algebra -----
        "matmul(x, y)": "x @ y",
        "vecdot(x, y)": "np.sum(x * y, axis=-1)",
        "dot(x, y)": "np.dot(x, y)",
        "inner(x, y)": "np.inner(x, y)",
        "outer(x, y)": "np.outer(x, y)",
        "kron(x, y)": "np.kron(x, y)",
        "cross(x, y, axis=-1)": "np.cross(x, y, axis=axis)",
        "tensordot(x, y, axes)": "np.tensordot(x, y, axes)",
        "einsum(x, y, subscripts)": "np.einsum(subscripts, x, y)",
        "einsum_of_one(x, subscripts)": "np.einsum(subscripts, x)",
        "einsum_of_three(x, y, z, subscripts)": "np.einsum(subscripts, x, y, z)",
        "trace(x, offset=0)": "np.trace(x, offset) if x.ndim == 2 else np.trace(x, offset, axis1=-2, axis2=-1)",
        "det(x)": "np.linalg.det(x)",
        "slogdet(x)": "np.stack(np.linalg.slogdet(x), axis=-1)",
        "inv(x)": "np.linalg.inv(x)",
        "solve(a, b)": "np.linalg.solve(a, b)",
        "matrix_power(x, n)": "np.linalg.matrix_power(x, n)",
        "cholesky(x)": "np.linalg.cholesky((x + np.swapaxes(x, -1, -2)) / 2)",
        "qr(x)": "qr(x)",
        "lstsq(a, b)": "np.linalg.lstsq(a, b)[0]",
        "pinv(x)": "np.linalg.pinv(x)",
        "eigh(x)": "sine_by_eigenvectors(x)",
        "eigvalsh(x)": "np.linalg.eigh((x + np.swapaxes(x, -1, -2)) / 2)[0]",
        "svd(x)": "square_by_singular_vectors(x)",
        "svdvals(x)": "np.linalg.svd(x, compute_uv=False)",
        "matrix_norm(x, ord='fro', keepdims=False)": "np.linalg.norm(x, ord, axis=(-2, -1), keepdims=keepdims)",
        # ----- convolution, spectra -----
        "conv1d(x, weight, stride=1, padding=0, dilation=1, groups=1)": (
            "convolved(x, weight, padding, stride=stride, dilation=dilation, groups=groups)"
        ),
        "conv2d(x, weight, stride=1, padding=0, dilation=1, groups=1)": (
            "convolved(x, weight, padding, stride=stride, dilation=dilation, groups=groups)"
        ),
        "rfft(x, n=None, axis=-1, norm='backward')": "parts(np.fft.rfft(x, n, axis, norm))",
        "irfft(x, n=None, axis=-1, norm='backward')": "np.fft.irfft(x[..., 0] + 1j * x[..., 1], n, axis, norm)",
        "fft(x, n=None, axis=-1, norm='backward')": "parts(np.fft.fft(x[..., 0] + 1j * x[..., 1], n, axis, norm))",
        "ifft(x, n=None, axis=-1, norm='backward')": "parts(np.fft.ifft(x[..., 0] + 1j * x[..., 1], n, axis, norm))",
        # ----- complex -----
        "real(z)": "np.real(z)",
        "imag(z)": "np.imag(z)",
        "conj(z)": "np.conj(z)",
        "modulus(z)": "np.abs(z)",
        "sgn(z)": "np.sign(z)",
        "angle(z)": "np.angle(z)",
        "gradient(f, x)": "autograd.grad(f)(x)",
        "stop_gradient(x)": "getval(x)",
    },
)


# What a slice, an index or an older function says here, since autograd has no derivative of the function of the name.
INSTEAD = {
    "cumulative_sum": "np.cumulative_sum(x, axis=0)",
    "cumulative_prod": "np.cumulative_prod(x, axis=0)",
    "matrix_transpose": "np.matrix_transpose(x)",
    "flip": "np.flip(x)",
    "unstack": "np.stack(np.unstack(x))",
    "diagonal": "np.linalg.diagonal(x)",
    "take": "np.take(x, [0], axis=0)",
    "vecdot": "np.vecdot(x, x)",
    "eigvalsh": "np.linalg.eigvalsh(x)",
    "svdvals": "np.linalg.svdvals(x)",
    "matrix_norm": "np.linalg.matrix_norm(x)",
}
# LAPACK knows no half precision; scipy's functions and numpy's Fourier transforms answer in a wider one.
LACKS: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("det", "slogdet", "inv", "solve", "cholesky", "qr", "lstsq", "pinv", "eigh", "eigvalsh", "svd", "svdvals", "sigmoid",
     "silu", "logit", "gelu", "erf", "erfc", "erfinv", "lgamma", "digamma", "i0", "i1", "rfft", "irfft", "fft", "ifft"),
    ("float16",),
) | dict.fromkeys(("ndtr", "log_ndtr"), ("float16", "float32"))  # fmt: skip  # scipy's distributions compute in float64
# How autograd says that it has no derivative, where it does not raise NotImplementedError; and what it says so of.
REFUSALS = {
    "^AssertionError: Only constant mode padding is supported": "np.pad(x, 1, 'edge')",
    "^AssertionError: Can't handle extra leading dims": "np.broadcast_to(x, (2, *x.shape))",
    "^TypeError: array type float16 is unsupported in linalg": "np.linalg.norm(x.astype('float16'), 'nuc')",
    "^LinAlgError: [0-9]-dimensional array given. Array must be two-dimensional": "np.linalg.lstsq(x[None], x[None])[0]",
}


@contextmanager
def independence_is_no_news() -> Iterator[None]:
    """Silence the warning of an output that no input reaches; its gradient is zero, and a suite asks for that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Output seems independent of input", UserWarning)
        yield


class Autograd:
    """Numpy arrays: reverse mode for all operations, forward mode for those that have a rule."""

    name = "autograd"
    dialect = DIALECT
    dtypes = ("float16", "float32", "float64", "complex64", "complex128")
    nests = True
    refusals = REFUSALS
    lacks = LACKS

    def __init__(self) -> None:
        import autograd.numpy  # here, not above: a broken install must not stop the other backends
        from autograd.scipy import signal
        from autograd.tracer import getval

        self._autograd, self._getval = autograd, getval
        vars(helpers).update(autograd=autograd, np=autograd.numpy, getval=getval, signal=signal)
        self.xp = DIALECT.namespace()
        self.versions = {"autograd": metadata.version("autograd"), "numpy": numpy.__version__}

    def asarray(self, x: numpy.ndarray) -> Any:
        return numpy.array(x)

    def to_numpy(self, x: Any) -> numpy.ndarray:
        return numpy.asarray(self._getval(x))

    def vjp(self, f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Sequence[Any]]]:
        with independence_is_no_news():
            value, pullback = helpers.vjp(f, *primals)
        return value, pullback

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        with independence_is_no_news():
            return self._autograd.make_jvp(f, tuple(range(len(primals))))(*primals)(tuple(tangents))
