"""How shapes and matrices are drawn for linear algebra, convolution, pooling and spectra.

Matrices that an operation inverts or takes apart must be far from those where it cannot: `MATRICES` draws the first
argument of such a form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.forms import Drawn, form, signed
from clinometer.strategies.shapes import Shape, among, broadcastable_shapes, shapes

SIDES = among(2, 3, 1)
LEADS = among((), (2,), (), (1, 2))  # of the axes along which matrices are stacked

# ----- products -----


@form
def matmul(draw: Any, row: Operation) -> Drawn:
    n, k, m = draw(SIDES), draw(SIDES), draw(SIDES)
    a, b = draw(among(((n, k), (k, m)), ((k,), (k, m)), ((n, k), (k,)), ((k,), (k,))))
    if len(a) == len(b) == 2 and draw(st.booleans()):
        lead_a, lead_b = draw(among(((2,), (2,)), ((2,), ()), ((), (2,)), ((1,), (3,)), ((2,), (1,))))
        a, b = (*lead_a, *a), (*lead_b, *b)
    return (a, b), {}


@form
def dot(draw: Any, row: Operation) -> Drawn:
    k, *sides = (draw(SIDES) for _ in range(4))
    a = (*sides[: draw(st.integers(0, 2))], k)
    return (a, draw(among((k,), (k, sides[2]), (2, k, sides[2])))), {}


@form
def inner(draw: Any, row: Operation) -> Drawn:
    k, n, m = draw(SIDES), draw(SIDES), draw(SIDES)
    return draw(among(((k,), (k,)), ((n, k), (k,)), ((k,), (m, k)), ((n, k), (m, k)), ((2, n, k), (m, k)))), {}


@form
def outer(draw: Any, row: Operation) -> Drawn:
    return ((draw(SIDES),), (draw(SIDES),)), {}


@form
def kron(draw: Any, row: Operation) -> Drawn:
    return (draw(shapes(min_dims=1, max_dims=2, min_side=1, max_side=3)), draw(shapes(max_dims=2, min_side=1, max_side=3))), {}


@form
def cross(draw: Any, row: Operation) -> Drawn:
    a, b = draw(broadcastable_shapes(2, min_side=1).filter(lambda both: len(both[0]) == len(both[1]) < 3))
    at = signed(draw, len(a) + 1)
    place = at if at >= 0 else at + len(a) + 1
    return ((*a[:place], 3, *a[place:]), (*b[:place], 3, *b[place:])), {"axis": at}


@form
def tensordot(draw: Any, row: Operation) -> Drawn:
    shared = tuple(draw(SIDES) for _ in range(draw(st.integers(0, 2))))
    a, b = draw(SIDES), draw(SIDES)
    if draw(st.booleans()):
        return ((a, *shared), (*shared, b)), {"axes": len(shared)}
    left, right = list(range(1, len(shared) + 1)), list(range(len(shared)))[::-1]
    return ((a, *shared), (*shared[::-1], b)), {"axes": (left, right)}


@form
def einsum(draw: Any, row: Operation) -> Drawn:
    return _subscripts(
        draw,
        "ij,jk->ik", "ij,jk->ki", "ij,kj->i", "i,j->ji", "ij,ij->", "ij,j->", "ij,ik->jk", "ij,jk", "ba,a",
        "ii,i->i", "ii,jj->ij", "iij,j->", "...ij,...jk->...ik", "...i,i->...", "i...,i...->i...", "...ii,i...->...",
    )  # fmt: skip


@form
def einsum_of_one(draw: Any, row: Operation) -> Drawn:
    return _subscripts(
        draw, "ij->ji", "ij->j", "ii", "ii->i", "ij->", "ba", "iji->j", "iii->i", "...ij->...ji", "...ii->...i", "i...->..."
    )


@form
def einsum_of_three(draw: Any, row: Operation) -> Drawn:
    return _subscripts(
        draw, "i,ij,j->", "ij,jk,kl->il", "ij,jk,kl", "i,j,k->kij", "ii,ij,j->j", "ij,ij,ij->i", "...i,ij,...j->..."
    )


def _subscripts(draw: Any, *options: str) -> Drawn:
    """Draw a formula, a size for each of its letters, and what its ellipses stand for."""
    subscripts = draw(among(*options))
    sizes = {c: draw(SIDES) for c in sorted(set(subscripts) & set("abcijkl"))}
    terms = subscripts.partition("->")[0].split(",")
    leads = iter(draw(broadcastable_shapes(len(terms), min_side=1).filter(lambda s: max(map(len, s)) < 3)))

    def shape(term: str) -> Shape:
        before, dots, after = term.partition("...")
        lead = next(leads) if dots else ()
        return (*(sizes[c] for c in before), *lead, *(sizes[c] for c in after))

    return tuple(map(shape, terms)), {"subscripts": subscripts}


@form
def trace(draw: Any, row: Operation) -> Drawn:
    return ((*draw(LEADS), draw(SIDES), draw(SIDES)),), {"offset": draw(among(0, 1, -1))}


# ----- matrices -----


@form
def square(draw: Any, row: Operation) -> Drawn:
    n = draw(among(2, 3, 1))
    return (((2, n, n) if draw(st.booleans()) else (n, n)),), {}


@form
def regular(draw: Any, row: Operation) -> Drawn:
    return square(draw, row)


@form
def positive_definite(draw: Any, row: Operation) -> Drawn:
    return square(draw, row)


@form
def separated(draw: Any, row: Operation) -> Drawn:
    return square(draw, row)


@form
def full_rank(draw: Any, row: Operation) -> Drawn:
    m, n = draw(among((2, 2), (3, 2), (2, 3), (3, 3), (4, 2), (1, 2), (3, 1), (1, 1)))
    return ((*draw(among((), (2,))), m, n),), {}


@form
def least_squares(draw: Any, row: Operation) -> Drawn:
    m, n = draw(among((3, 2), (2, 2), (3, 1), (4, 2), (4, 3)))
    lead = draw(among((), (2,)))
    return ((*lead, m, n), (*lead, m, draw(SIDES))), {}


@form
def solve(draw: Any, row: Operation) -> Drawn:
    ((*lead, n, _),), _ = square(draw, row)
    k = draw(SIDES)
    # One matrix of as many columns as rows, for a stack of systems, may be read as a stack of vectors too.
    few = (n, k if k != n else n + 1)
    right = draw(among((*lead, n, k), (n,), (3, *([1] * len(lead)), n, k), few))
    return ((*lead, n, n), right), {}


# ----- convolution, pooling, spectra -----


@form
def conv1d(draw: Any, row: Operation) -> Drawn:
    return _filters(draw, 1)


@form
def conv2d(draw: Any, row: Operation) -> Drawn:
    return _filters(draw, 2)


def _filters(draw: Any, axes: int) -> Drawn:
    groups, each, out = draw(among((1, 1, 1), (1, 2, 1), (1, 1, 2), (2, 1, 1), (1, 2, 3), (2, 1, 2)))
    size = tuple(draw(among(*((2, 1, 3) if axes == 1 else (2, 1)))) for _ in range(axes))
    stride, padding, dilation = ([draw(among(*o)) for _ in size] for o in ((1, 2), (0, 1), (1, 2)))
    space = tuple(d * (k - 1) + draw(st.integers(1, 3)) for d, k in zip(dilation, size, strict=True))
    how = {"stride": stride, "padding": padding, "dilation": dilation}
    # One number for all axes, or one for each.
    said = {name: n[0] if len(set(n)) == 1 else tuple(n) for name, n in how.items()}
    return ((draw(st.integers(1, 2)), groups * each, *space), (groups * out, each, *size)), {**said, "groups": groups}


@form
def pool(draw: Any, row: Operation) -> Drawn:
    (shape,), params = pool_dilated(draw, row)
    return (shape,), {name: n for name, n in params.items() if name != "dilation"}


@form
def pool_dilated(draw: Any, row: Operation) -> Drawn:
    axes = draw(st.integers(1, 2))
    size = tuple(draw(among(*((2, 1, 3) if axes == 1 else (2, 1)))) for _ in range(axes))
    stride, dilation = (tuple(draw(among(1, 2)) for _ in size) for _ in range(2))
    padding = tuple(draw(st.integers(0, k // 2)) for k in size)
    space = tuple(d * (k - 1) + draw(st.integers(1, 3)) for d, k in zip(dilation, size, strict=True))
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *space)
    return (shape,), {"kernel_size": size, "stride": stride, "padding": padding, "dilation": dilation}


@form
def signal(draw: Any, row: Operation) -> Drawn:
    lead = draw(shapes(max_dims=2, min_side=1, max_size=4))
    at = signed(draw, len(lead) + 1)
    place = at if at >= 0 else at + len(lead) + 1
    n = draw(among(4, 3, 2, 5, 1, 6))
    return ((*lead[:place], n, *lead[place:]),), {"n": draw(among(None, n + 1, max(n - 1, 1))), "axis": at}


@form
def complex_signal(draw: Any, row: Operation) -> Drawn:
    (shape,), params = signal(draw, row)
    return ((*shape, 2),), params


@form
def spectrum(draw: Any, row: Operation) -> Drawn:
    (shape,), params = complex_signal(draw, row)
    bins = shape[params["axis"] - (params["axis"] < 0)]
    lengths = [None, 2 * bins - 2, 2 * bins - 1, 2 * bins, 2 * bins - 3]
    return (shape,), params | {"n": draw(among(*(lengths if bins > 1 else (1, 2, 3))))}


# ----- the entries of matrices -----


def regular_matrix(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Draw matrices far from singular: a quarter-integer part beside a dominant diagonal, rows shuffled."""
    n = shape[-1]
    x = rng.integers(-4, 5, shape) / 4 + (n + 1) * np.eye(n) * rng.choice([-1, 1], (n, 1))
    return x[..., rng.permutation(n), :]


def positive_definite_matrix(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    part = rng.integers(-4, 5, shape) / 4
    return (part + np.swapaxes(part, -1, -2)) / 2 + (shape[-1] + 1) * np.eye(shape[-1])


def separated_matrix(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Draw matrices whose symmetric part has eigenvalues at least a half apart."""
    return _clear(rng, shape, lambda x: np.diff(np.linalg.eigvalsh((x + x.T) / 2)))


def full_rank_matrix(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Draw matrices whose singular values are at least a half, and a half apart, and whose first columns are independent."""

    def gaps(x: np.ndarray) -> np.ndarray:
        first = np.linalg.svdvals(x[:, : len(x)])[-1:]  # of a wide matrix, a square that the rest of R hangs on
        return np.append(-np.diff(np.linalg.svdvals(x), append=0.0), first)

    return _clear(rng, shape, gaps)


def _clear(rng: np.random.Generator, shape: Shape, gaps: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Draw each of the matrices from quarters, until its gaps are a half or more; a graded diagonal always is."""
    m, n = shape[-2:]
    found = np.zeros((int(np.prod(shape[:-2])), m, n))
    for x in found:
        x[range(min(m, n)), range(min(m, n))] = np.arange(1, min(m, n) + 1) * 1.5
        for _ in range(50):
            drawn = rng.integers(-8, 9, (m, n)) / 4
            if (gaps(drawn) >= 0.5).all():
                x[:] = drawn
                break
    return found.reshape(shape)


MATRICES: dict[str, Callable[[np.random.Generator, Shape], np.ndarray]] = {
    "regular": regular_matrix,
    "solve": regular_matrix,
    "positive_definite": positive_definite_matrix,
    "separated": separated_matrix,
    "full_rank": full_rank_matrix,
    "least_squares": full_rank_matrix,
}
