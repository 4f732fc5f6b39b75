"""What one expression of torch will not say. Scripts take these functions over as they stand."""

from __future__ import annotations

from typing import Any

import torch


def kind(name: Any) -> Any:
    """The dtype of a name."""
    return None if name is None else getattr(torch, name)


def counted(start: Any, stop: Any, step: Any, dtype: Any) -> Any:
    """torch takes no None for a bound that is left out."""
    return torch.arange(*((start,) if stop is None else (start, stop, step)), dtype=kind(dtype))


def indices(key: Any) -> Any:
    """Lists become tensors, since a list of lists means several things; and integers, where a slice parts the two.

    Numpy puts the axis of a list first then, and torch does where the integer is a list of one.
    """
    if isinstance(key, tuple):
        places = [i for i, k in enumerate(key) if isinstance(k, int | list)]
        apart = places and places[-1] - places[0] >= len(places) and any(isinstance(k, list) for k in key)
        return tuple(torch.tensor([k]) if apart and isinstance(k, int) else indices(k) for k in key)
    return torch.tensor(key) if isinstance(key, list) else key


def basic(key: Any) -> bool:
    """Whether torch takes a key as numpy does: one without lists."""
    return not any(isinstance(k, list) for k in (key if isinstance(key, tuple) else (key,)))


def axes(x: Any, axis: Any) -> Any:
    """None means all axes, also where torch wants them named."""
    return tuple(range(x.ndim)) if axis is None else axis


def kept(x: Any, where: Any, neutral: float) -> Any:
    """What is left of each entry under a mask; torch takes the empty tuple of axes for all of them."""
    return x.clone() if where is None else torch.where(torch.tensor(where), x, neutral)


def total(x: Any, axis: Any, keepdims: bool, where: Any = None, initial: Any = None) -> Any:
    """torch.sum begins with no value of its own."""
    if axis == ():
        y = kept(x, where, 0.0)
    elif where is None:
        y = torch.sum(x, dim=axis, keepdim=keepdims)
    else:
        y = torch.masked.sum(x, axis, keepdim=keepdims, mask=torch.tensor(where))
    return y if initial is None else y + x.new_tensor(initial)


def product(x: Any, axis: Any, keepdims: bool, where: Any = None, initial: Any = None) -> Any:
    """torch multiplies along one axis at a time, and begins with no value of its own."""
    if axis == ():
        y = kept(x, where, 1.0)
    elif where is not None:
        y = torch.masked.prod(x, axis, keepdim=keepdims, mask=torch.tensor(where))
    else:
        y, named = x, (axis,) if isinstance(axis, int) else axes(x, axis)
        for a in sorted((a + x.ndim if a < 0 else a for a in named), reverse=True):
            y = torch.prod(y, dim=a, keepdim=keepdims)
    return y if initial is None else y * x.new_tensor(initial)


def greatest(x: Any, axis: Any, keepdims: bool, where: Any, initial: Any) -> Any:
    """torch.amax begins with no value of its own."""
    if where is None:
        y = torch.amax(x, dim=axes(x, axis), keepdim=keepdims)
    else:
        y = torch.masked.amax(x, axis, keepdim=keepdims, mask=torch.tensor(where))
    return y if initial is None else torch.clamp(y, min=initial)


def least(x: Any, axis: Any, keepdims: bool, where: Any, initial: Any) -> Any:
    """torch.amin begins with no value of its own."""
    if where is None:
        y = torch.amin(x, dim=axes(x, axis), keepdim=keepdims)
    else:
        y = torch.masked.amin(x, axis, keepdim=keepdims, mask=torch.tensor(where))
    return y if initial is None else torch.clamp(y, max=initial)


def median(x: Any, axis: Any, keepdims: bool) -> Any:
    """torch.median takes the lower of two; a quantile along one axis takes their mean."""
    if not isinstance(axis, tuple):
        return torch.quantile(x, 0.5, dim=axis, keepdim=keepdims)
    reduced = {a % x.ndim for a in axis}
    others = [a for a in range(x.ndim) if a not in reduced]
    y = torch.quantile(torch.permute(x, [*others, *reduced]).flatten(len(others)), 0.5, dim=-1)
    return y.reshape([1 if a in reduced else n for a, n in enumerate(x.shape)]) if keepdims else y


def padded(x: Any, pad_width: Any, value: float, mode: str = "constant") -> Any:
    """Torch counts the widths from the last axis, and repeats entries of stacked arrays alone."""
    widths = [n for pair in reversed(pad_width) for n in pair]
    if mode == "constant":
        return torch.nn.functional.pad(x, widths, value=value)
    mode = {"edge": "replicate", "wrap": "circular"}.get(mode, mode)
    return torch.nn.functional.pad(x[None, None], widths, mode=mode)[0, 0]


def added(x: Any, y: Any, key: Any) -> Any:
    """X with y added at a key; at a list of numbers duplicates accumulate."""
    if isinstance(key, list):
        return torch.index_put(x, (torch.tensor(key),), y, accumulate=True)
    x = x.clone()
    x[key] += y
    return x


def updated(x: Any, y: Any, key: Any) -> Any:
    """X with y at a key."""
    x = x.clone()
    x[indices(key)] = y
    return x


def qr(x: Any) -> Any:
    """Q above R, or beside it, with a positive diagonal in R."""
    q, r = torch.linalg.qr(x)
    sign = torch.diagonal(r, dim1=-2, dim2=-1).sign()
    return torch.cat([q * sign.unsqueeze(-2), sign.unsqueeze(-1) * r], dim=-2 if x.shape[-2] >= x.shape[-1] else -1)


def sine_by_eigenvectors(x: Any) -> Any:
    """V sin(W) V' of the symmetric part V W V' of x."""
    w, v = torch.linalg.eigh((x + x.mT) / 2)
    return v * torch.sin(w).unsqueeze(-2) @ v.mT


def square_by_singular_vectors(x: Any) -> Any:
    """U S^2 V' of x = U S V'."""
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    return u * (s * s).unsqueeze(-2) @ vh


def normal(shape: Any, seed: int) -> Any:
    """Standard normal numbers from a seeded generator."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def vjp(f: Any, *xs: Any) -> Any:
    """Return the value of a function, and its pullback, which may be called again and again."""
    xs = tuple(x.detach().requires_grad_() for x in xs)
    y = f(*xs)

    def pullback(ct: Any) -> Any:
        if not y.requires_grad:
            return [torch.zeros_like(x) for x in xs]
        return torch.autograd.grad(y, xs, ct, retain_graph=True, materialize_grads=True)

    return y.detach(), pullback


# Each after those that it uses.
HELPERS = (
    vjp,
    kind,
    counted,
    indices,
    basic,
    axes,
    kept,
    total,
    product,
    greatest,
    least,
    median,
    padded,
    added,
    updated,
    normal,
    qr,
    sine_by_eigenvectors,
    square_by_singular_vectors,
)
