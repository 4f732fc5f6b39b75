"""What one expression of autograd will not say. Scripts take these functions over as they stand."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as np
from autograd.scipy import signal
from autograd.tracer import getval


def flipped(x: Any, axis: Any) -> Any:
    """A slice, since np.flip has no gradient."""
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis)]
    return x[tuple(slice(None, None, -1 if i in axes else 1) for i in range(x.ndim))]


def taken(x: Any, indices: Any, axis: Any) -> Any:
    """An index on the first axis, since np.take has no gradient."""
    if axis is None:
        return np.ravel(x)[indices]
    return np.moveaxis(np.moveaxis(x, axis, 0)[indices], 0, axis)


def loss(losses: Any, reduction: str) -> Any:
    """The mean of the losses, their sum, or all of them."""
    return losses if reduction == "none" else np.sum(losses) if reduction == "sum" else np.mean(losses)


def vector_norm(x: Any, axis: Any, keepdims: bool, ord: float) -> Any:
    """The norm of a vector by np.linalg.norm, wherever that takes x for one; Frobenius' norm of a matrix is that too."""
    entries = x.ndim if axis is None else len(axis) if isinstance(axis, tuple) else 1
    if (entries > 1 and ord != 2) or (entries > 2 and axis is not None):
        return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    return np.linalg.norm(x, ord=None if ord == 2 else ord, axis=axis, keepdims=keepdims)


def softmax(x: Any, axis: int) -> Any:
    """Shifted by the largest entry, which cancels; autograd has no softmax."""
    e = np.exp(x - getval(np.max(x, axis=axis, keepdims=True)))
    return e / np.sum(e, axis=axis, keepdims=True)


def sine_by_eigenvectors(x: Any) -> Any:
    """V sin(W) V' of the symmetric part V W V' of x."""
    w, v = np.linalg.eigh((x + np.swapaxes(x, -1, -2)) / 2)
    return v * np.sin(w)[..., np.newaxis, :] @ np.swapaxes(v, -1, -2)


def square_by_singular_vectors(x: Any) -> Any:
    """U S^2 V' of x = U S V'."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return u * (s * s)[..., np.newaxis, :] @ vh


def qr(x: Any) -> Any:
    """Q above R, or beside it, with a positive diagonal in R."""
    q, r = np.linalg.qr(x)
    sign = np.sign(np.diagonal(r, axis1=-2, axis2=-1))
    return np.concatenate([q * sign[..., None, :], sign[..., None] * r], axis=-2 if x.shape[-2] >= x.shape[-1] else -1)


def convolved(x: Any, weight: Any, padding: Any, **more: Any) -> Any:
    """Channels correlated with filters: autograd's convolve turns those around, and takes no margin nor what else there is."""
    space = list(range(2, weight.ndim))
    margin = [(p, p) for p in (padding if isinstance(padding, tuple) else (padding,) * len(space))]
    x = np.pad(x, [(0, 0), (0, 0), *margin], mode="constant")
    turned = weight[(slice(None), slice(None), *(slice(None, None, -1) for _ in space))]
    more = {name: n for name, n in more.items() if n not in (1, (1, 1))}
    return signal.convolve(x, turned, axes=(space, space), dot_axes=([1], [1]), mode="valid", **more)


def parts(z: Any) -> Any:
    """Real and imaginary part, on a last axis."""
    return np.stack([np.real(z), np.imag(z)], axis=-1)


def vjp(f: Any, *xs: Any) -> Any:
    """One argument by its number, several by a tuple, as users do.

    The tuple's gradients are added into zeros of the arguments' dtypes; a single one keeps the dtype that its rule gave it.
    """
    alone = len(xs) == 1
    pullback, y = autograd.make_vjp(f, 0 if alone else tuple(range(len(xs))))(*xs)
    return y, (lambda ct: [pullback(ct)]) if alone else pullback


# Each after those that it uses.
HELPERS = (
    vjp,
    flipped,
    taken,
    loss,
    vector_norm,
    softmax,
    sine_by_eigenvectors,
    square_by_singular_vectors,
    qr,
    convolved,
    parts,
)
