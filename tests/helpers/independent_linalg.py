"""Linear algebra, convolution and spectra a second time, by numpy's, scipy's or mpmath's own functions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import scipy.linalg as sl
import scipy.signal as ss


def symmetrized(x: Any) -> Any:
    return (x + np.swapaxes(x, -1, -2)) / 2


def each(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Apply a function of matrices, which scipy has not for stacks of them, to each."""

    def run(*stacks: np.ndarray) -> np.ndarray:
        lead = stacks[0].shape[:-2]
        found = [function(*(x[i] for x in stacks)) for i in np.ndindex(lead)]
        return np.reshape(found, (*lead, *np.shape(found[0])))

    return run


def squared(x: np.ndarray) -> np.ndarray:
    """U S^2 V' of x = U S V', by the polar decomposition x = W P: it is W P^2."""
    w, p = sl.polar(x)
    return w @ p @ p


def exponential(x: np.ndarray) -> np.ndarray:
    """By mpmath: scipy.s is off by tens of roundings at matrices of 2 x 2."""
    return np.array(mp.expm(mp.matrix(x)).tolist(), float).reshape(x.shape)


def qr(x: np.ndarray) -> np.ndarray:
    q, r = np.linalg.qr(x)
    sign = np.sign(np.linalg.diagonal(r))
    q, r = q * sign[..., None, :], r * sign[..., None]
    return np.concatenate([q, r], axis=-2 if x.shape[-2] >= x.shape[-1] else -1)


def parts(z: np.ndarray) -> np.ndarray:
    return np.stack([z.real, z.imag], axis=-1)


def convolved(x: np.ndarray, weight: np.ndarray, stride: Any, padding: Any, dilation: Any, groups: int) -> np.ndarray:
    """Correlate whole arrays by scipy, then keep every stride-th number; holes of the filters are filled with zeros."""
    k, (out, each) = weight.ndim - 2, weight.shape[:2]
    stride, padding, dilation = (np.broadcast_to(n, k) for n in (stride, padding, dilation))
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    holes = np.zeros((out, each, *(d * (n - 1) + 1 for d, n in zip(dilation, weight.shape[2:], strict=True))))
    holes[(..., *(slice(None, None, d) for d in dilation))] = weight
    first = [o // (out // groups) * each for o in range(out)]  # channel that a filter sees
    y = [[_summed(image[c : c + each], h) for c, h in zip(first, holes, strict=True)] for image in x]
    return np.array(y)[(..., *(slice(None, None, s) for s in stride))]


def _summed(channels: np.ndarray, filters: np.ndarray) -> np.ndarray:
    return sum(ss.correlate(a, h, "valid", "direct") for a, h in zip(channels, filters, strict=True))


def pooled(
    reduce: Callable, border: float, x: np.ndarray, kernel_size: Any, stride: Any, padding: Any, dilation: Any = (1, 1)
) -> np.ndarray:
    """Reduce numpy's own sliding windows, of which every stride-th one is kept, and of each every dilation-th entry."""
    k = len(kernel_size)
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)], constant_values=border)
    wide = tuple(d * (n - 1) + 1 for d, n in zip(dilation, kernel_size, strict=False))
    seen = np.lib.stride_tricks.sliding_window_view(x, wide, tuple(range(-k, 0)))
    steps = (*(slice(None, None, s) for s in stride), *(slice(None, None, d) for d in dilation[:k]))
    return reduce(seen[(..., *steps)], axis=tuple(range(-k, 0)))


# In float64, on the operation's inputs and parameters, at one point.
NUMPY: dict[str, Callable] = {
    # ----- products -----
    "matmul": np.matmul, "vecdot": np.linalg.vecdot, "dot": np.dot, "inner": np.inner, "outer": np.linalg.outer,
    "kron": np.kron, "cross": np.linalg.cross, "tensordot": np.tensordot,
    "einsum": lambda x, y, subscripts: np.einsum(subscripts, x, y),
    "einsum_of_one": lambda x, subscripts: np.einsum(subscripts, x),
    "einsum_of_three": lambda x, y, z, subscripts: np.einsum(subscripts, x, y, z), "trace": np.linalg.trace,
    # ----- determinants, inverses, powers -----
    "det": np.linalg.det, "slogdet": lambda x: np.stack(np.linalg.slogdet(x), -1), "inv": np.linalg.inv,
    "solve": np.linalg.solve, "matrix_power": np.linalg.matrix_power, "matrix_exp": each(exponential),
    # ----- factors -----
    "cholesky": np.linalg.cholesky, "qr": qr, "lstsq": each(lambda a, b: np.linalg.lstsq(a, b)[0]), "pinv": np.linalg.pinv,
    # ----- eigenvalues and singular values -----
    "eigh": each(lambda x: sl.sinm(symmetrized(x))), "eigvalsh": lambda x: np.linalg.eigvalsh(symmetrized(x)),
    "svd": each(squared), "svdvals": np.linalg.svdvals, "matrix_norm": np.linalg.matrix_norm,
    # ----- convolution, pooling, spectra -----
    "conv1d": convolved, "conv2d": convolved, "avg_pool": functools.partial(pooled, np.mean, 0.0),
    "max_pool": functools.partial(pooled, np.max, -np.inf),
    "rfft": lambda x, n, axis, norm: parts(np.fft.rfft(x, n, axis, norm)),
    "irfft": lambda x, n, axis, norm: np.fft.irfft(x[..., 0] + 1j * x[..., 1], n, axis, norm),
    "fft": lambda x, n, axis, norm: parts(np.fft.fft(x[..., 0] + 1j * x[..., 1], n, axis, norm)),
    "ifft": lambda x, n, axis, norm: parts(np.fft.ifft(x[..., 0] + 1j * x[..., 1], n, axis, norm)),
}  # fmt: skip


def rows(entries: Any) -> mp.matrix:
    n = math.isqrt(len(entries))
    return mp.matrix([entries[i * n : (i + 1) * n] for i in range(n)])


def flat(matrix: mp.matrix) -> list:
    return [matrix[i, j] for i in range(matrix.rows) for j in range(matrix.cols)]


def half(entries: Any) -> mp.matrix:
    return (rows(entries) + rows(entries).T) / 2


def mp_qr(xs: Any) -> list:
    q, r = mp.qr(rows(xs))
    sign = mp.diag([mp.sign(r[i, i]) for i in range(r.rows)])
    return flat(q * sign) + flat(sign * r)


def mp_squared(xs: Any) -> list:
    u, s, v = mp.svd_r(rows(xs))
    return flat(u * mp.diag([a * a for a in s]) * v)


# In 50 digits, from the entries of a square matrix to a scalar or a list.
MPMATH: dict[str, Callable] = {
    "trace": lambda xs: mp.fsum(xs[:: math.isqrt(len(xs)) + 1]),
    "det": lambda xs: mp.det(rows(xs)),
    "slogdet": lambda xs: [mp.sign(mp.det(rows(xs))), mp.ln(abs(mp.det(rows(xs))))],
    "inv": lambda xs: flat(rows(xs) ** -1),
    "matrix_exp": lambda xs: flat(mp.expm(rows(xs))),
    "cholesky": lambda xs: flat(mp.cholesky(half(xs))),
    "qr": mp_qr,
    "pinv": lambda xs: flat(rows(xs) ** -1),
    "eigh": lambda xs: flat(mp.sinm(half(xs))),
    "eigvalsh": lambda xs: sorted(mp.eigsy(half(xs), eigvals_only=True)),
    "svd": mp_squared,
    "svdvals": lambda xs: sorted(mp.svd_r(rows(xs), compute_uv=False), reverse=True),
    "matrix_norm": lambda xs: mp.norm(xs, 2),
}
