"""Convolution, pooling and spectra: linear maps over windows and whole axes.

A complex number is a pair on a last axis, its real and its imaginary part.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from clinometer.reference.arithmetic.dispatch import contract, normwise
from clinometer.reference.arithmetic.rounding import EXTENDED
from clinometer.reference.arithmetic.summation import LETTERS
from clinometer.reference.catalogue.rows import IDENTITY, REAL, Corner, Group, Operation, kink, table
from clinometer.reference.catalogue.structure import pad


def windows(
    x: Any,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    border: float = 0.0,
) -> Any:
    """Return the windows over the last axes, one of `size` each: shape (..., *number, *size)."""
    k = len(size)
    x = pad(x, ((0, 0),) * (len(x.shape) - k) + tuple((p, p) for p in padding), border, "constant")
    places = []
    for i in range(k):
        number = (x.shape[i - k] - dilation[i] * (size[i] - 1) - 1) // stride[i] + 1
        place = stride[i] * np.arange(number)[:, None] + dilation[i] * np.arange(size[i])
        places.append(np.expand_dims(place, tuple(j for j in range(2 * k) if j % k != i)))
    return x[(..., *places)]


def convolved(x: Any, weight: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    """Correlate channels (batch, channel, *space) with filters (channel out, channel of the group, *size)."""
    size = weight.shape[2:]
    stride, padding, dilation = (n if isinstance(n, tuple) else (n,) * len(size) for n in (stride, padding, dilation))
    picked = windows(x, size, stride, padding, dilation)
    number, each = picked.shape[2 : 2 + len(size)], weight.shape[1]
    picked = np.reshape(picked, (x.shape[0], groups, each, *number, *size))
    filters = np.reshape(weight, (groups, weight.shape[0] // groups, each, *size))
    space, inside = LETTERS[: len(size)], LETTERS[len(size) : 2 * len(size)]
    y = contract(picked, filters, labels=("wgx" + space + inside, "gyx" + inside), out="wgy" + space)
    return np.reshape(y, (x.shape[0], weight.shape[0], *number))


def avg_pool(x: Any, kernel_size: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...]) -> Any:
    """Average over windows; the zeros around count."""
    inside = tuple(range(-len(kernel_size), 0))
    return np.sum(windows(x, kernel_size, stride, padding, (1, 1)), axis=inside) / math.prod(kernel_size)


def max_pool(
    x: Any, kernel_size: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...], dilation: tuple[int, ...]
) -> Any:
    inside = tuple(range(-len(kernel_size), 0))
    return np.max(windows(x, kernel_size, stride, padding, dilation, -math.inf), axis=inside)


# ----- spectra: fast transforms bound their error by the norm of the signal (Higham, section 24.1) -----

PI = EXTENDED("3.14159265358979323846264338327950288")
NORMS = ("backward", "ortho", "forward")


@functools.cache
def circle(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return cosine and sine of 2 pi k t / n for all k and t, exact at multiples of a quarter turn."""
    k = np.arange(n)
    quarter, rest = np.divmod(4 * (np.outer(k, k) % n), n)  # the angle is quarter + rest / n quarter turns
    small = PI / (2 * n) * np.minimum(rest, n - rest)
    c, s = np.where(2 * rest <= n, (np.cos(small), np.sin(small)), (np.sin(small), np.cos(small)))
    return np.choose(quarter, (c, -s, -c, s)), np.choose(quarter, (s, c, -s, -c))


def scaled(n: int, norm: str, inverse: bool) -> Any:
    """Return what a transform of length n multiplies its sums by."""
    power = {"backward": (0, 2), "ortho": (1, 1), "forward": (2, 0)}[norm][inverse]
    return np.sqrt(EXTENDED(n)) ** -power


def resized(x: Any, n: int | None, axis: int) -> Any:
    """Return x with n entries along a negative axis: the first ones, or with zeros behind."""
    if n is None or n == x.shape[axis]:
        return x
    if n < x.shape[axis]:
        return x[(..., slice(n), *(slice(None),) * (-1 - axis))]
    return pad(x, tuple((0, n - x.shape[axis] if i == axis else 0) for i in range(-len(x.shape), 0)), 0.0, "constant")


def complex_axis(axis: int) -> int:
    """Return where an axis of complex numbers stands among axes that end with their two parts."""
    return axis if axis >= 0 else axis - 1


def rfft(x: Any, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    x = resized(np.moveaxis(x, axis, -1), n, -1)
    n = x.shape[-1]
    c, s = (a[:, : n // 2 + 1] for a in circle(n))
    x = np.squeeze(normwise(np.expand_dims(x, -1)), -1)
    turn = scaled(n, norm, False) * np.stack([c, -s], axis=-1)
    return np.moveaxis(mapped(x, turn, 1), -2, complex_axis(axis))


def irfft(x: Any, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The real signal of length n: the imaginary part of the first bin, and of the middle one, does not count."""
    x = np.moveaxis(x, complex_axis(axis), -2)
    n = 2 * (x.shape[-2] - 1) if n is None else n
    x = resized(x, n // 2 + 1, -2)
    c, s = (a[: n // 2 + 1] for a in circle(n))
    twice = np.array([1 if 2 * k in (0, n) else 2 for k in range(n // 2 + 1)])
    turn = scaled(n, norm, True) * twice[:, None, None] * np.stack([c, -s], axis=1)
    return np.moveaxis(mapped(normwise(x), turn, 2), -1, axis)


def fft(x: Any, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    return transformed(x, n, axis, norm, inverse=False)


def ifft(x: Any, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    return transformed(x, n, axis, norm, inverse=True)


def transformed(x: Any, n: int | None, axis: int, norm: str, inverse: bool) -> Any:
    x = resized(np.moveaxis(x, complex_axis(axis), -2), n, -2)
    n = x.shape[-2]
    c, s = circle(n)
    s = s if inverse else -s
    # (a + ib)(c + is), with axes: time, its parts, frequency, its parts
    turn = scaled(n, norm, inverse) * np.stack([np.stack([c, s], axis=-1), np.stack([-s, c], axis=-1)], axis=1)
    return np.moveaxis(mapped(normwise(x), turn, 2), -2, complex_axis(axis))


def mapped(x: Any, turn: np.ndarray, inner: int) -> Any:
    """Contract the last `inner` axes of x with the first of a constant."""
    lead = len(x.shape) - inner
    letters = LETTERS[: lead + turn.ndim]
    return contract(
        x,
        turn.astype(x.dtype),
        labels=(letters[: lead + inner], letters[lead:]),
        out=letters[:lead] + letters[lead + inner :],
    )


LAST: dict[str, Any] = {"n": None, "axis": -1}
FOUR: Corner = ([(4,)], LAST)  # an even number, and an odd one: with and without a bin in the middle
FIVE: Corner = ([(5,)], LAST)

WINDOWS = table(
    Group.WINDOW,
    # ----- convolution and pooling -----
    Operation("conv1d", convolved, "conv1d", domain=(REAL, REAL)),
    Operation("conv2d", convolved, "conv2d", domain=(REAL, REAL)),
    Operation("avg_pool", avg_pool, "pool"),
    Operation(
        "max_pool",
        max_pool,
        "pool_dilated",
        distinct=IDENTITY,
        special=[
            kink([[[1.0, 3.0, 3.0, 2.0]]], kernel_size=(2,), stride=(2,), padding=(0,), dilation=(1,)),
            kink([[[1.0, 3.0, 3.0, 2.0]]], kernel_size=(2,), stride=(1,), padding=(1,), dilation=(1,)),
            kink([[[[2.0, 2.0], [2.0, 2.0]]]], kernel_size=(2, 2), stride=(2, 2), padding=(0, 0), dilation=(1, 1)),
        ],
    ),
    # ----- spectra -----
    Operation("rfft", rfft, "signal", choices={"norm": NORMS}, corners=[FOUR, FIVE]),
    Operation(
        "irfft",
        irfft,
        "spectrum",
        choices={"norm": NORMS},
        corners=[([(3, 2)], {"n": 4, "axis": -1}), ([(3, 2)], {"n": 5, "axis": -1})],
    ),
    Operation("fft", fft, "complex_signal", choices={"norm": NORMS}, corners=[([(4, 2)], LAST), ([(5, 2)], LAST)]),
    Operation("ifft", ifft, "complex_signal", choices={"norm": NORMS}, corners=[([(4, 2)], LAST), ([(5, 2)], LAST)]),
)
