"""PyTorch: all that a suite may ask of it. No method catches an exception."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from clinometer.backends.dialect import Dialect

if TYPE_CHECKING:  # the helpers' `torch` is the one that DIALECT.imports brings, in a run and in a script alike
    import torch


def kind(name: Any) -> Any:
    """The dtype of a name."""
    return None if name is None else getattr(torch, name)


def counted(start: Any, stop: Any, step: Any, dtype: Any) -> Any:
    """torch takes no None for a bound that is left out."""
    return torch.arange(*((start,) if stop is None else (start, stop, step)), dtype=kind(dtype))


def indices(key: Any) -> Any:
    """Lists become tensors, since a list of lists means several things."""
    if isinstance(key, tuple):
        return tuple(indices(k) for k in key)
    if isinstance(key, slice) and key.step is not None and key.step < 0:
        raise NotImplementedError("a slice of a tensor has no negative step")
    return torch.tensor(key) if isinstance(key, list) else key


def axes(x: Any, axis: Any) -> Any:
    """None means all axes, also where torch wants them named."""
    return tuple(range(x.ndim)) if axis is None else axis


def total(x: Any, axis: Any, keepdims: bool) -> Any:
    """Torch takes the empty tuple of axes for all of them."""
    return x.clone() if axis == () else torch.sum(x, dim=axis, keepdim=keepdims)


def average(x: Any, axis: Any, keepdims: bool) -> Any:
    """Torch takes the empty tuple of axes for all of them."""
    return x.clone() if axis == () else torch.mean(x, dim=axis, keepdim=keepdims)


def product(x: Any, axis: Any, keepdims: bool) -> Any:
    """torch multiplies along one axis at a time."""
    named = (axis,) if isinstance(axis, int) else axes(x, axis)
    for a in sorted((a + x.ndim if a < 0 else a for a in named), reverse=True):
        x = torch.prod(x, dim=a, keepdim=keepdims)
    return x


def padded(x: Any, pad_width: Any, value: float) -> Any:
    """Torch counts the widths from the last axis."""
    return torch.nn.functional.pad(x, [n for pair in reversed(pad_width) for n in pair], value=value)


def updated(x: Any, y: Any, key: Any) -> Any:
    """X with y at a key."""
    x = x.clone()
    x[indices(key)] = y
    return x


def normal(shape: Any, seed: int) -> Any:
    """Standard normal numbers from a seeded generator."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


DIALECT = Dialect(
    imports="import torch",
    helpers=(kind, counted, indices, axes, total, average, product, padded, updated, normal),
    array="torch.tensor({values}, dtype=torch.{dtype})",
    reverse="""\
for leaf in ({names},):
    leaf.requires_grad_()
(got,) = torch.autograd.grad(f({names}), [{which}], [ct], materialize_grads=True)
""",
    forward="_, got = torch.func.jvp(f, ({names},), ({tangents},))\n",
    tape={
        "leaf": "{x}.requires_grad_()",
        "backward": "{y}.backward({ct})",
        "retained": "{y}.backward({ct}, retain_graph=True)",
        "gradient": "{x}.grad",
        "zero": "{x}.grad = None",
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
        "sin(x)": "torch.sin(x)",
        "cos(x)": "torch.cos(x)",
        "tan(x)": "torch.tan(x)",
        "asin(x)": "torch.asin(x)",
        "acos(x)": "torch.acos(x)",
        "atan(x)": "torch.atan(x)",
        "atan2(x, y)": "torch.atan2(x, y)",
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
        "greater(x, y)": "x > y",
        "less(x, y)": "x < y",
        "sign(x)": "torch.sign(x)",
        "floor(x)": "torch.floor(x)",
        "ceil(x)": "torch.ceil(x)",
        "trunc(x)": "torch.trunc(x)",
        "round(x)": "torch.round(x)",
        # ----- activations and special functions -----
        "sigmoid(x)": "torch.sigmoid(x)",
        "softplus(x)": "torch.nn.functional.softplus(x)",
        "silu(x)": "torch.nn.functional.silu(x)",
        "softsign(x)": "torch.nn.functional.softsign(x)",
        "relu(x)": "torch.relu(x)",
        "leaky_relu(x, negative_slope=0.01)": "torch.nn.functional.leaky_relu(x, negative_slope=negative_slope)",
        "relu6(x)": "torch.nn.functional.relu6(x)",
        "hardtanh(x)": "torch.nn.functional.hardtanh(x)",
        "elu(x)": "torch.nn.functional.elu(x)",
        "erf(x)": "torch.erf(x)",
        "erfc(x)": "torch.erfc(x)",
        "lgamma(x)": "torch.lgamma(x)",
        "ndtr(x)": "torch.special.ndtr(x)",
        "gelu(x)": "torch.nn.functional.gelu(x)",
        # ----- reductions and scans -----
        "sum(x, axis=None, keepdims=False)": "total(x, axis, keepdims)",
        "mean(x, axis=None, keepdims=False)": "average(x, axis, keepdims)",
        "prod(x, axis=None, keepdims=False)": "product(x, axis, keepdims)",
        "var(x, axis=None, keepdims=False, correction=0.0)": "torch.var(x, dim=axis, correction=correction, keepdim=keepdims)",
        "std(x, axis=None, keepdims=False, correction=0.0)": "torch.std(x, dim=axis, correction=correction, keepdim=keepdims)",
        "logsumexp(x, axis=None, keepdims=False)": "torch.logsumexp(x, dim=axes(x, axis), keepdim=keepdims)",
        "vector_norm(x, axis=None, keepdims=False, ord=2)": "torch.linalg.vector_norm(x, ord, dim=axis, keepdim=keepdims)",
        "max(x, axis=None, keepdims=False)": "torch.amax(x, dim=axes(x, axis), keepdim=keepdims)",
        "min(x, axis=None, keepdims=False)": "torch.amin(x, dim=axes(x, axis), keepdim=keepdims)",
        "cumulative_sum(x, axis)": "torch.cumsum(x, dim=axis)",
        "cumulative_prod(x, axis)": "torch.cumprod(x, dim=axis)",
        "cummax(x, axis)": "torch.cummax(x, dim=axis).values",
        "diff(x, axis=-1)": "torch.diff(x, dim=axis)",
        # ----- normalisers and losses -----
        "softmax(x, axis=-1)": "torch.softmax(x, dim=axis)",
        "log_softmax(x, axis=-1)": "torch.log_softmax(x, dim=axis)",
        "layer_norm(x, eps=1e-3)": "torch.nn.functional.layer_norm(x, x.shape[-1:], eps=eps)",
        "cosine_similarity(x, y)": "torch.nn.functional.cosine_similarity(x, y, dim=-1)",
        "mse(x, y)": "torch.nn.functional.mse_loss(x, y)",
        "kl_div(x, y)": 'torch.nn.functional.kl_div(torch.log(x), y, reduction="sum")',
        # ----- shape -----
        "reshape(x, shape)": "torch.reshape(x, shape)",
        "permute_dims(x, axes)": "torch.permute(x, axes)",
        "matrix_transpose(x)": "x.mT",
        "moveaxis(x, source, destination)": "torch.moveaxis(x, source, destination)",
        "expand_dims(x, axis)": "torch.unsqueeze(x, axis)",
        "squeeze(x, axis)": "torch.squeeze(x, axis)",
        "flip(x, axis=None)": "torch.flip(x, (axis,) if isinstance(axis, int) else axes(x, axis))",
        "roll(x, shift, axis)": "torch.roll(x, shift, axis)",
        "concat(x, y, axis=0)": "torch.concat([x, y], dim=axis)",
        "stack(x, y, axis=0)": "torch.stack([x, y], dim=axis)",
        "pad(x, pad_width, constant_values=0.0)": "padded(x, pad_width, constant_values)",
        "diagonal(x)": "torch.diagonal(x, dim1=-2, dim2=-1)",
        "diag(x)": "torch.diag(x)",
        "tril(x, k=0)": "torch.tril(x, k)",
        "triu(x, k=0)": "torch.triu(x, k)",
        "tile(x, repetitions)": "torch.tile(x, repetitions)",
        "repeat(x, repeats, axis)": "torch.repeat_interleave(x, repeats, dim=axis)",
        "broadcast_to(x, shape)": "torch.broadcast_to(x, shape)",
        # ----- indexing -----
        "getitem(x, key)": "x[indices(key)]",
        "take(x, indices, axis)": "torch.index_select(x, axis, torch.tensor(indices))",
        "take_along_axis(x, indices, axis)": "torch.take_along_dim(x, torch.tensor(indices), axis)",
        "at_set(x, y, key)": "updated(x, y, key)",
        "at_add(x, y, indices)": "torch.index_add(x, 0, torch.tensor(indices), y)",
        "masked_fill(x, mask, value)": "x.masked_fill(torch.tensor(mask), value)",
        "sort(x, axis=-1)": "torch.sort(x, dim=axis).values",
        # ----- linear algebra -----
        "matmul(x, y)": "x @ y",
        "vecdot(x, y)": "torch.linalg.vecdot(x, y)",
        "outer(x, y)": "torch.outer(x, y)",
        "tensordot(x, y, axes)": "torch.tensordot(x, y, dims=axes)",
        "einsum(x, y, subscripts)": "torch.einsum(subscripts, x, y)",
        "trace(x)": "torch.diagonal(x, dim1=-2, dim2=-1).sum(-1)",
        "det(x)": "torch.linalg.det(x)",
        "inv(x)": "torch.linalg.inv(x)",
        "solve(a, b)": "torch.linalg.solve(a, b)",
        "cholesky(x)": "torch.linalg.cholesky((x + x.mT) / 2)",
        "stop_gradient(x)": "x.detach()",
    },
)


class Tape:
    """Leaves, `backward` and `.grad`."""

    def leaf(self, x: Any) -> Any:
        return x.detach().clone().requires_grad_()

    def backward(self, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
        y.backward(ct, retain_graph=retain)

    def gradient(self, leaf: Any) -> Any | None:
        return leaf.grad

    def zero(self, leaf: Any) -> None:
        leaf.grad = None

    def grad(self, y: Any, leaves: Sequence[Any], ct: Any, *, graph: bool = False) -> Sequence[Any | None]:
        import torch

        return torch.autograd.grad(y, list(leaves), ct, retain_graph=True, create_graph=graph, allow_unused=True)

    def no_grad(self) -> AbstractContextManager[Any]:
        import torch

        return torch.no_grad()


class Torch:
    """Tensors on the CPU: reverse mode by the tape, forward mode by `torch.func`."""

    name = "torch"
    dialect = DIALECT
    dtypes = ("float32", "float64")

    def __init__(self) -> None:
        import torch  # here, not above: a broken install must not stop the other backends

        torch.set_num_threads(1)  # on arrays this small a second thread only waits, and workers have cores of their own
        self._torch = torch
        globals()["torch"] = torch  # for the helpers, which scripts take over as they stand
        self.xp = DIALECT.namespace()
        self.tape = Tape()
        self.versions = {"torch": torch.__version__}

    def asarray(self, x: np.ndarray) -> Any:
        return self._torch.from_numpy(np.array(x))

    def to_numpy(self, x: Any) -> np.ndarray:
        return x.detach().numpy()

    def vjp(self, f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Sequence[Any]]]:
        leaves = [x.detach().requires_grad_() for x in primals]
        y = f(*leaves)

        def pullback(ct: Any) -> Sequence[Any]:
            if not y.requires_grad:  # nothing of y depends on a leaf, and torch would raise
                return [self._torch.zeros_like(x) for x in primals]
            # An unused input would come back as None. The clauses say zero, so ask for zeros.
            return self._torch.autograd.grad(y, leaves, ct, retain_graph=True, materialize_grads=True)

        return y.detach(), pullback

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        return self._torch.func.jvp(f, tuple(primals), tuple(tangents))
