"""Numpy's functions, rewritten onto a handful of primitives.

A row of the catalogue is plain numpy. Given an array of one of our own types (replicas, duals, the nodes of a
tape), numpy hands the call over to `Traced`, which rewrites it onto the elementwise functions and a few
primitives: `pick`, `scatter`, `contract`, `where`, `inverse`, `eigenvalues`, `eigenvectors`, `normwise`,
`stop_gradient`. Only these need to know a derivative (`rules`) or how to round (`ensemble`).

Two ideas keep the list short. A function that merely moves entries (reshape, flip, concat, getitem, ...) is
run once on the *positions* of the entries, and the result is a `pick`. A function that decides (argmax, a
comparison, floor) has no derivative and is asked of the primal alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from clinometer.reference.arithmetic.jacobi import jacobi
from clinometer.reference.arithmetic.rounding import Accuracy
from clinometer.reference.arithmetic.summation import LETTERS, einsum

Array = Any
Partial = Callable[..., Any] | None


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """An array type of ours: what numpy's functions see is its shape and dtype."""

    level = 0  # of two types in one call, the higher one takes it; the lower is a constant to it

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Array:
        return pick(self, positions=np.arange(self.size).reshape(self.shape)[key])

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            return NotImplemented
        return REWRITES[ufunc](*inputs) if ufunc in REWRITES else call(ufunc, inputs)

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        if function in REARRANGEMENTS:
            return rearrange(function, args, kwargs)
        if function not in REWRITES:
            raise TypeError(f"numpy.{function.__name__} has no rewriting; write the row with the functions in traced.py")
        return REWRITES[function](*args, **kwargs)

    def apply(self, function: Callable, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """Evaluate a primitive; `args` are its arrays, at least one of them of this level."""
        raise NotImplementedError

    def clean(self) -> Array:
        """Return the primal without derivatives and without noise."""
        raise NotImplementedError

    def magnitude(self) -> Array:
        """Return the size of the primal, without noise: a coefficient of the majorant."""
        return abs(self.clean())


def call(function: Callable, args: Sequence[Any], params: dict[str, Any] | None = None) -> Any:
    """Give a primitive to the highest level among its arguments, or to plain numpy."""
    top = highest(args)
    return function(*args, **(params or {})) if top is None else top.apply(function, args, params or {})


def highest(args: Sequence[Any]) -> Any:
    """Return the first argument of the highest level, or None where there are plain arrays and numbers alone."""
    top = None
    for a in args:
        if isinstance(a, Traced) and (top is None or a.level > top.level):
            top = a
    return top


def clean(x: Array) -> Array:
    """Strip derivatives and noise; plain arrays pass."""
    return x.clean() if isinstance(x, Traced) else x


def magnitude(x: Array) -> Array:
    """Return the size of a coefficient, clean of noise; of a dual, with the majorant for its derivative."""
    return x.magnitude() if isinstance(x, Traced) else abs(x)


class Primitive:
    """A function of plain arrays that our array types may take over, and what they must know of it.

    Of numpy's own functions the same is known by tables: `rules.PARTIALS`, `rules.STRUCTURAL` and `replicas.ACCURACY`.

    Parameters
    ----------
    plain : callable
    partials : sequence, optional
        Of an elementwise function, one `f(y, *x)` an argument; None for one that is zero everywhere.
    accuracy : Accuracy, optional
        How well it is known, if not to half a rounding.
    linearized : callable, optional
        Its derivative as a linear map: of the place, the result, the arguments and the parameters.
    """

    def __init__(
        self,
        plain: Callable,
        partials: Sequence[Partial] | None = None,
        accuracy: Accuracy | None = None,
        linearized: Callable[..., Any] | None = None,
    ):
        self.plain, self.partials, self.accuracy, self.linearized = plain, partials, accuracy, linearized
        functools.update_wrapper(self, plain)

    def __call__(self, *arrays: Any, **params: Any) -> Any:
        top = highest(arrays)
        return self.plain(*arrays, **params) if top is None else top.apply(self, arrays, params)


def primitive(**knowledge: Any) -> Callable[[Callable], Primitive]:
    """Make a function of plain arrays a `Primitive`, with what is to be known of it."""
    return lambda plain: Primitive(plain, **knowledge)


# ----- the primitives that numpy has no single function for -----


@Primitive
def pick(*arrays: Array, positions: np.ndarray) -> Array:
    """Return the entries at `positions` of the raveled, concatenated arrays; the position past the end is zero."""
    if isinstance(positions, Traced):
        return positions.apply(pick, arrays, {"positions": positions})
    flat = np.concatenate([np.ravel(a) for a in arrays])
    return np.append(flat, np.zeros(1, flat.dtype))[positions]


@Primitive
def scatter(x: Array, *, positions: np.ndarray, shape: tuple[int, ...]) -> Array:
    """Add the entries of x up at `positions` of an array of zeros; the position past the end is dropped."""
    if isinstance(positions, Traced):  # an order of entries that is traced, for a constant
        return positions.apply(scatter, (x,), {"positions": positions, "shape": shape})
    out = np.zeros(math.prod(shape) + 1, x.dtype)
    np.add.at(out, np.ravel(positions), np.ravel(x))
    return out[:-1].reshape(shape)


@Primitive
def contract(*arrays: Array, labels: tuple[str, ...], out: str) -> Array:
    """Einstein's sum: one letter an axis, none twice within one array."""
    return einsum(labels, out, *arrays)


@Primitive
def inverse(x: Array) -> Array:
    """Invert matrices; in extended precision LAPACK's answer is refined by Newton's iteration."""
    y = np.linalg.inv(x.astype(np.complex128 if x.dtype.kind == "c" else np.float64, copy=False)).astype(x.dtype)
    if np.finfo(x.dtype).eps < np.finfo(np.float64).eps:
        for _ in range(2):  # each step doubles the digits: 53 bits become the 64 of long double
            y = y + y @ (np.eye(x.shape[-1], dtype=x.dtype) - x @ y)
    return y


@Primitive
def eigenvalues(x: Array) -> Array:
    """Return the eigenvalues of symmetric matrices, in ascending order."""
    return jacobi(x)[0]


@Primitive
def eigenvectors(x: Array) -> Array:
    """Return matrices whose columns are orthonormal eigenvectors of symmetric ones, in the order of `eigenvalues`."""
    return jacobi(x)[1]


@Primitive
def normwise(x: Array, *, roundings: Callable[[float], float] = lambda u: 1.0) -> Array:
    """Return x: matrices whose error an algorithm bounds by their norm only (LAPACK; Higham, ch. 14).

    `roundings` says how many of the norm it may be, as a function of the unit roundoff.
    """
    return x


@Primitive
def cast(x: Array, *, dtype: Any) -> Array:
    """Return x in another dtype; to integers and booleans nothing of a derivative goes along."""
    x = np.asarray(x)
    return (x.real if x.dtype.kind == "c" and np.dtype(dtype).kind != "c" else x).astype(dtype)


@Primitive
def stop_gradient(x: Array) -> Array:
    """Return x, cut from its derivative."""
    return x


def slack(z: Array) -> Array:
    """Return zero, as z - z, for a z whose derivative is zero too: it is there for the majorant alone.

    Where libraries differentiate by another formula than ours, equal in exact arithmetic, the roundings of theirs are
    counted by a term that spells it out.
    """
    return z - stop_gradient(z)


def curvature(size: Array, x: Array) -> Array:
    """Return zero, whose second derivatives are zero too: what `slack` is of first order, of second.

    The majorant of the one in an entry of x, twice, is four times its `size` (nothing, where that is not finite).
    """
    size = stop_gradient(size)
    off = np.where(np.isfinite(size), x - stop_gradient(x), 0.0)  # zero, with the derivative of x
    square = np.where(np.isfinite(size), size, 0.0) * off * off
    return square - square


# ----- functions that only move entries -----


def at_set(x: Array, value: Array, key: Any) -> Array:
    """Return a copy of x in which x[key] is value."""
    if isinstance(x, Traced) or isinstance(value, Traced):
        return rearrange(at_set, (x, value if isinstance(value, Traced) else np.asarray(value)), {"key": key})
    y = np.array(x)
    y[key] = value
    return y


REARRANGEMENTS: set[Callable] = {
    np.broadcast_to, np.concatenate, np.diag, np.diagonal, np.expand_dims, np.flip, np.matrix_transpose, np.meshgrid,
    np.moveaxis, np.ravel, np.repeat, np.reshape, np.roll, np.split, np.squeeze, np.stack, np.swapaxes, np.take,
    np.tile, np.transpose, np.unstack,
}  # fmt: skip
SEVERAL = {at_set, np.meshgrid}  # of all others the first argument alone holds entries; an array behind it is an index


def rearrange(function: Callable, args: tuple, kwargs: dict) -> Any:
    """Run `function` on the positions of entries, then pick them."""
    moved = len(args) if function in SEVERAL else 1
    arrays: list[Array] = []

    def positions(a: Any) -> Any:
        if isinstance(a, list | tuple) and any(isinstance(b, Traced) for b in a):
            return [positions(np.asarray(b) if not isinstance(b, Traced) else b) for b in a]
        if not isinstance(a, Traced | np.ndarray):
            return a
        start = sum(b.size for b in arrays)
        arrays.append(a)
        return np.arange(start, start + a.size).reshape(a.shape)

    result = function(*(positions(a) for a in args[:moved]), *args[moved:], **kwargs)
    if isinstance(result, list | tuple):
        return [pick(*arrays, positions=p) for p in result]
    return pick(*arrays, positions=result)


# ----- the rest of numpy, in terms of the above -----


def total(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """np.sum."""
    axes = reduced(axis, len(x.shape))
    labels = LETTERS[: len(x.shape)]
    out = "".join(c for i, c in enumerate(labels) if i not in axes)
    y = contract(x, labels=(labels,), out=out) if axes else x
    return np.reshape(y, tuple(1 if i in axes else n for i, n in enumerate(x.shape))) if keepdims else y


def reduced(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes meant by an `axis` argument (None, an integer, a tuple) as sorted non-negative integers.

    Raises
    ------
    AxisError
        An axis that there is not.
    """
    if axis is None:
        return tuple(range(ndim))
    return tuple(sorted(normalize_axis_tuple(axis, ndim)))


def matmul(a: Array, b: Array) -> Array:
    """np.matmul, with numpy's rule for one-dimensional operands."""
    na, nb = len(a.shape), len(b.shape)
    batch = LETTERS[: max(na, nb, 2) - 2]
    la = batch[len(batch) - max(na - 2, 0) :] + ("yz" if na > 1 else "z")
    lb = batch[len(batch) - max(nb - 2, 0) :] + ("zx" if nb > 1 else "z")
    out = batch + ("y" if na > 1 else "") + ("x" if nb > 1 else "")
    return contract(a, b, labels=(la, lb), out=out)


def extremum(decide: Callable) -> Callable:
    """np.max or np.min: which entry it is gets decided once, and is picked."""

    def reduce(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
        folded = fold(x, axis)
        y = np.take_along_axis(folded, decide(folded, axis=-1, keepdims=True), -1)
        return unfold(y[..., 0], x.shape, axis, keepdims)

    return reduce


def fold(x: Array, axis: Any) -> Array:
    """Return x with the reduced axes moved to the end and merged into one."""
    axes = reduced(axis, len(x.shape))
    kept = [i for i in range(len(x.shape)) if i not in axes]
    shape = (*(x.shape[i] for i in kept), math.prod(x.shape[i] for i in axes))
    return np.reshape(np.transpose(x, (*kept, *axes)), shape)


def unfold(y: Array, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Array:
    """Give a reduction its final shape."""
    if not keepdims:
        return y
    axes = reduced(axis, len(shape))
    return np.reshape(y, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def take_along_axis(x: Array, indices: Array, axis: int) -> Array:
    """np.take_along_axis, for indices that broadcast against x."""
    axis = normalize_axis_index(axis, len(x.shape))
    strides = [math.prod(x.shape[i + 1 :]) for i in range(len(x.shape))]
    base = np.zeros((), int)
    for i, n in enumerate(x.shape):
        if i != axis:
            base = base + (np.arange(n) * strides[i]).reshape([-1 if j == i else 1 for j in range(len(x.shape))])
    return pick(x, positions=indices * strides[axis] + base)


def larger(x: Array, y: Array) -> Array:
    """np.maximum; NaN wins."""
    return np.where((x >= y) | np.isnan(x), x, y)


def smaller(x: Array, y: Array) -> Array:
    """np.minimum; NaN wins."""
    return np.where((x <= y) | np.isnan(x), x, y)


def unit(x: Array) -> Array:
    """np.sign: of real numbers a decision, of complex ones z / |z|, as numpy 2 has it, which turns with z."""
    if x.dtype.kind != "c":
        return call(np.sign, (x,))
    size = modulus(x)
    return np.where(size == 0, 0.0, x / np.where(size == 0, 1.0, size))


def modulus(x: Array) -> Array:
    """np.absolute; of complex numbers it moves with both of their parts."""
    return call(np.absolute, (x,)) if x.dtype.kind != "c" else call(np.hypot, (np.real(x), np.imag(x)))


REWRITES: dict[Callable, Callable] = {
    np.sign: unit,
    np.absolute: modulus,
    np.sum: total,
    np.matmul: matmul,
    np.max: extremum(np.argmax),
    np.min: extremum(np.argmin),
    np.take_along_axis: take_along_axis,
    np.maximum: larger,
    np.minimum: smaller,
    np.where: lambda c, x, y: call(np.where, (c, x, y)),
    np.real: lambda x: call(np.real, (x,)),
    np.imag: lambda x: call(np.imag, (x,)),
    np.argmax: lambda x, axis=None, keepdims=False: call(np.argmax, (x,), {"axis": axis, "keepdims": keepdims}),
    np.argmin: lambda x, axis=None, keepdims=False: call(np.argmin, (x,), {"axis": axis, "keepdims": keepdims}),
    np.argsort: lambda x, axis=-1: call(np.argsort, (x,), {"axis": axis}),
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: len(x.shape),
    np.size: lambda x: math.prod(x.shape),
    np.zeros_like: lambda x: np.zeros(x.shape, x.dtype),
    np.ones_like: lambda x: np.ones(x.shape, x.dtype),
}

DECISIONS: set[Callable] = {
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.isnan, np.isinf, np.isfinite,
    np.signbit, np.sign, np.floor, np.ceil, np.rint, np.trunc, np.argmax, np.argmin, np.argsort,
    np.logical_not, np.logical_and, np.logical_or, np.bitwise_and, np.bitwise_or, np.invert,
}  # fmt: skip
