"""What one expression of torch will not say. Scripts take these functions over as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the adapter puts it here when it is made; in a script DIALECT.imports brings it
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
        places = [i for i, k in enumerate(key) if isinstance(k, int | list)]
        apart = places and places[-1] - places[0] >= len(places)
        if apart and {int, list} <= {type(k) for k in key}:
            raise NotImplementedError("numpy puts the axis of a list first that a slice parts from an integer; torch does not")
        return tuple(indices(k) for k in key)
    if isinstance(key, slice) and key.step is not None and key.step < 0:
        raise NotImplementedError("a slice of a tensor has no negative step")
    return torch.tensor(key) if isinstance(key, list) else key


def basic(key: Any) -> bool:
    """Whether torch takes a key as numpy does: one without lists, and without slices that go backward."""
    keys = key if isinstance(key, tuple) else (key,)
    return not any(isinstance(k, list) or (isinstance(k, slice) and (k.step or 1) < 0) for k in keys)


def axes(x: Any, axis: Any) -> Any:
    """None means all axes, also where torch wants them named."""
    return tuple(range(x.ndim)) if axis is None else axis


def masked(x: Any, where: Any, neutral: Any) -> Any:
    """torch's reductions take no mask: what it leaves out becomes a number that changes nothing."""
    return x if where is None else torch.where(torch.tensor(where), x, neutral)


def total(x: Any, axis: Any, keepdims: bool, where: Any = None, initial: Any = None) -> Any:
    """Torch takes the empty tuple of axes for all of them."""
    x = masked(x, where, 0.0)
    y = x.clone() if axis == () else torch.sum(x, dim=axis, keepdim=keepdims)
    return y if initial is None else y + x.new_tensor(initial)


def product(x: Any, axis: Any, keepdims: bool, where: Any = None, initial: Any = None) -> Any:
    """torch multiplies along one axis at a time."""
    x = masked(x, where, 1.0)
    named = (axis,) if isinstance(axis, int) else axes(x, axis)
    for a in sorted((a + x.ndim if a < 0 else a for a in named), reverse=True):
        x = torch.prod(x, dim=a, keepdim=keepdims)
    return x if initial is None else x * x.new_tensor(initial)


def greatest(x: Any, axis: Any, keepdims: bool, where: Any = None, initial: Any = None) -> Any:
    """torch.amax begins with no value of its own."""
    y = torch.amax(masked(x, where, initial), dim=axes(x, axis), keepdim=keepdims)
    return y if initial is None else torch.clamp(y, min=initial)


def least(x: Any, axis: Any, keepdims: bool, where: Any = None, initial: Any = None) -> Any:
    """torch.amin begins with no value of its own."""
    y = torch.amin(masked(x, where, initial), dim=axes(x, axis), keepdim=keepdims)
    return y if initial is None else torch.clamp(y, max=initial)


def median(x: Any, axis: Any, keepdims: bool) -> Any:
    """torch.median takes the lower of two; a quantile along one axis takes their mean."""
    if x.dtype not in (torch.float32, torch.float64) or not x.numel():
        raise NotImplementedError("torch.quantile takes float32 and float64 alone, and no tensor without entries")
    if not isinstance(axis, tuple):
        return torch.quantile(x, 0.5, dim=axis, keepdim=keepdims)
    reduced = {a % x.ndim for a in axis}
    kept = [a for a in range(x.ndim) if a not in reduced]
    y = torch.quantile(torch.permute(x, [*kept, *reduced]).flatten(len(kept)), 0.5, dim=-1)
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


# Each after those that it uses.
HELPERS = (
    kind,
    counted,
    indices,
    basic,
    axes,
    masked,
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
