"""Linear algebra: products of matrices, inverses and factors.

LAPACK bounds an error by the norm of the matrix, so what rests on it starts from `normwise`, or on a primitive that
does. Where a factor is free to choose (the signs of eigenvectors), a row is a function that does not depend on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.reference.arithmetic import dispatch
from clinometer.reference.arithmetic.dispatch import (
    contract,
    curvature,
    eigenvalues,
    eigenvectors,
    inverse,
    matmul,
    normwise,
    slack,
    stop_gradient,
)
from clinometer.reference.catalogue.products import cross, dot, einsum, inner, kron, tensordot, trace, vecdot
from clinometer.reference.catalogue.rows import REAL, Corner, Domain, Group, Operation, convention, kink, removable, table

SMALL = Domain(-4.0, 4.0)  # the exponential of a matrix neither overflows nor underflows
TWO = (REAL, REAL)
THREE = (REAL, REAL, REAL)


# ----- determinants, inverses, powers -----


def laplace(x: Any) -> Any:
    """Expand a determinant along the first row: polynomial in the entries, so right where it is zero too."""
    n = x.shape[-1]
    if n == 0:
        return np.ones(x.shape[:-2], x.dtype)
    if n == 1:
        return x[..., 0, 0]
    y = None
    for j in range(n):
        minor = x[..., 1:, [k for k in range(n) if k != j]]
        term = x[..., 0, j] * laplace(minor)
        term = -term if j % 2 else term
        y = term if y is None else y + term
    return y


def det(x: Any) -> Any:
    x = normwise(x)
    y, n = laplace(x), x.shape[-1]
    x0 = stop_gradient(x)
    # Libraries differentiate by the inverse, whose size is that of the cofactors over y.
    others = [[k for k in range(n) if k != i] for i in range(n)]
    squares = [laplace(x0[..., rows, :][..., columns]) ** 2 for rows in others for columns in others]
    with np.errstate(divide="ignore", invalid="ignore"):  # of a singular matrix there is no such size
        size = sum(squares) / abs(stop_gradient(y))
    return y + curvature(size, np.sum(x, axis=(-2, -1)))


def slogdet(x: Any) -> Any:
    """Stack the sign of a determinant and the logarithm of its size."""
    d = laplace(normwise(x))
    return np.stack([np.sign(d), np.log(abs(d))], axis=-1)


def solve(a: Any, b: Any) -> Any:
    """Solve a x = b; as numpy has it, b is a vector if it has one axis, else matrices."""
    return matmul(inverse(a), b)


def matrix_power(x: Any, n: int) -> Any:
    x = inverse(x) if n < 0 else x
    y = np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape) if n == 0 else x
    for _ in range(abs(n) - 1):
        y = matmul(y, x)
    return y


# Up to which norm a Pade approximant of which degree has a backward error below u, for float64 (Higham 2005, table 2.3).
PADE = ((3, 0.01496), (5, 0.254), (7, 0.9505), (9, 2.098), (13, 5.372))


def bent(x: Any) -> Any:
    """Return how many roundings a sound exponential may be off by in its second derivative, along directions of norm 1.

    What it promises is exp(X + E), where |E| < u |X| (Higham 2005); E begins with the power 2m + 1 of X, m being the degree.
    A library that differentiates the approximant twice, and not the function, adds up to (2m + 1) 2m u / |X|.
    """
    norm = np.max(np.sum(abs(stop_gradient(x)), axis=-1, keepdims=True), axis=-2, keepdims=True)
    found: Any = 0 * norm + 27.0 * 26.0
    for degree, largest in reversed(PADE):
        found = np.where(norm <= largest, (2.0 * degree + 1) * 2 * degree, found)
    return found / np.maximum(norm, PADE[0][1])


NORM, TERMS = 0.25, 15  # of the exponential series: for matrices of that norm its rest is below 2^-64


def matrix_exp(x: Any) -> Any:
    """exp(X) by scaling and squaring (Moler & Van Loan 2003, method 3).

    Halved twice more than it needs be, since libraries differentiate it as a block of exp([[X, dX], [0, X]]) (Mathias 1996),
    whose norm is larger, and each squaring doubles what rounding has done.
    """
    halvings, size = 0, np.sum(abs(dispatch.clean(x)), axis=-1)
    while x.size and np.max(size) > NORM * 2.0**halvings:
        halvings += 1
    if x.size:
        # A quarter of the bound: four times what rounding does is allowed; and another, which `curvature` multiplies by.
        x = x + curvature(bent(x) / 16, np.sum(x, axis=(-2, -1), keepdims=True))
    x = term = normwise(x) / 2.0**halvings
    y = np.eye(x.shape[-1], dtype=x.dtype) + x
    for k in range(2, TERMS):
        term = matmul(term, x) / k
        y = y + term
    for _ in range(halvings):
        y = matmul(y, y)
    return y


# ----- factors -----


def cholesky(x: Any) -> Any:
    """Return L with L L' = x, from the lower triangle of the symmetrized x (Cholesky-Banachiewicz)."""
    n = x.shape[-1]
    rows: list[list[Any]] = []
    x = symmetrized(x)
    for i in range(n):
        row: list[Any] = []
        for j in range(i + 1):
            s = x[..., i, j]
            for k in range(j):
                s = s - row[k] * (row[k] if i == j else rows[j][k])
            row.append(np.sqrt(s) if i == j else s / rows[j][j])
        rows.append(row)
    return triangle(rows, x)


def factor(x: Any) -> Any:
    """Return the Cholesky factor, good to the norm of the matrix."""
    y = cholesky(normwise(x))
    # Libraries differentiate by the inverse of the factor, whose square has the size of x's inverse.
    norms = [np.sum(a * a, axis=(-2, -1), keepdims=True) for a in map(stop_gradient, (y, inverse(symmetrized(x))))]
    size = np.where(np.tri(x.shape[-1], dtype=bool), np.sqrt(norms[0]) * norms[1], 0.0)
    y = y + curvature(size, np.broadcast_to(np.sum(x, axis=(-2, -1), keepdims=True), y.shape))
    # Above the diagonal it is zero: LAPACK's callers see to that. Its derivative, too, may be computed, and round as below.
    return np.where(np.tri(x.shape[-1], dtype=bool), y, slack(np.matrix_transpose(y - y)))


def triangle(rows: list[list[Any]], x: Any) -> Any:
    """Return the lower triangular matrices with these rows, in the shape of x."""
    n = x.shape[-1]
    if n == 0:
        return x
    zero = np.zeros(x.shape[:-2], x.dtype)
    return np.stack([np.stack(row + [zero] * (n - len(row)), axis=-1) for row in rows], axis=-2)


def symmetrized(x: Any) -> Any:
    return 0.5 * (x + np.matrix_transpose(x))


def orthonormal(x: Any) -> tuple[Any, Any]:
    """Return Q and R of x = Q R, with a positive diagonal in R (modified Gram-Schmidt; Higham, section 19.8)."""
    columns, rows = [x[..., j] for j in range(x.shape[-1])], []
    for i in range(len(columns)):
        r = np.sqrt(np.sum(columns[i] * columns[i], axis=-1))
        columns[i] = columns[i] / np.expand_dims(r, -1)
        row = [r]
        for j in range(i + 1, len(columns)):
            row.append(vecdot(columns[i], columns[j]))
            columns[j] = columns[j] - columns[i] * np.expand_dims(row[-1], -1)
        rows.append(row[::-1])
    lower = triangle(rows[::-1], x[..., : len(columns), :])  # R upside down and back to front
    return np.stack(columns, axis=-1), np.flip(lower, (-2, -1))


def qr(x: Any) -> Any:
    """Return Q above R where x is tall, beside R where it is wide; the diagonal of R is positive."""
    m, n = x.shape[-2:]
    x = normwise(x)
    q, r = orthonormal(x[..., :m])
    whole = matmul(np.matrix_transpose(q), x)
    # Below the diagonal R is zero: LAPACK's callers see to that. So is its derivative, which libraries compute, as q'x is here.
    r = np.where(np.tri(n, r.shape[-2], dtype=bool).T, r if m >= n else whole, slack(whole))
    return np.concatenate([q, r], axis=-2 if m >= n else -1)


def pinv(x: Any) -> Any:
    """The pseudoinverse of a matrix of full rank, by singular values as libraries have it."""
    m, n = x.shape[-2:]
    if m < n:
        return np.matrix_transpose(pinv(np.matrix_transpose(x)))
    q, r = (None, x) if m == n else orthonormal(normwise(x))
    y = spectral(doubled(r), lambda w: 1 / w)[..., n:, :n]
    return y if q is None else matmul(y, np.matrix_transpose(q))


def lstsq(a: Any, b: Any) -> Any:
    """The x of least norm(a x - b); libraries differentiate it by the pseudoinverse."""
    return matmul(pinv(a), b)


# ----- eigenvalues and singular values -----


def spectral(x: Any, function: Any) -> Any:
    """V f(W) V' of a symmetric x = V W V': the same for every choice of eigenvectors."""
    v = eigenvectors(x)
    return matmul(v * np.expand_dims(function(eigenvalues(x)), -2), np.matrix_transpose(v))


def iterated(u: float) -> float:
    """Return how many roundings of the norm LAPACK's bidiagonal QR iteration leaves, by the bound in dbdsqr (TOLMUL).

    Of a bound a quarter: a tolerance is four times what rounding does.
    """
    return max(10.0, min(100.0, u**-0.125)) / 4


def doubled(x: Any) -> Any:
    """Return [[0, x], [x', 0]], whose eigenvalues are the singular values of a square x and their negatives."""
    x = normwise(x, roundings=iterated)
    zero = np.zeros(x.shape, x.dtype)
    above = np.concatenate([zero, x], axis=-1)
    return np.concatenate([above, np.concatenate([np.matrix_transpose(x), zero], axis=-1)], axis=-2)


def svdvals(x: Any) -> Any:
    """The singular values, in descending order."""
    m, n = x.shape[-2:]
    if m < n:
        return svdvals(np.matrix_transpose(x))
    square = x if m == n else orthonormal(normwise(x))[1]
    return np.flip(eigenvalues(doubled(square))[..., n:], -1)


def svd(x: Any) -> Any:
    """U S^2 V' of x = U S V': the same for every choice of singular vectors."""
    m, n = x.shape[-2:]
    if m < n:
        return np.matrix_transpose(svd(np.matrix_transpose(x)))
    q, r = (None, x) if m == n else orthonormal(normwise(x))
    y = spectral(doubled(r), lambda w: w * abs(w))[..., :n, n:]
    return y if q is None else matmul(q, y)


def matrix_norm(x: Any, ord: Any = "fro", keepdims: bool = False) -> Any:
    if ord == "fro":
        y = np.sqrt(np.sum(x * x, axis=(-2, -1)))
    else:
        s = svdvals(x)
        y = np.sum(s, axis=-1) if ord == "nuc" else s[..., 0]
    return np.expand_dims(y, (-2, -1)) if keepdims else y


# Of no rows and columns, and none of 2 x 2.
EMPTY: list[Corner] = [([(0, 0)], {}), ([(0, 2, 2)], {})]
SYSTEMS: list[Corner] = [([(0, 0), (0, 2)], {}), ([(2, 2), (2,)], {}), ([(2, 3, 3), (3,)], {}), ([(2, 2), (3, 2, 1)], {})]

LINEAR_ALGEBRA = table(
    Group.LINEAR_ALGEBRA,
    # ----- products -----
    Operation("matmul", lambda x, y: matmul(x, y), "matmul", domain=TWO, corners=[([(2, 0), (0, 3)], {})], kinds="fc"),
    Operation("vecdot", vecdot, "vectors", domain=TWO),
    Operation("dot", dot, "dot", domain=TWO),
    Operation("inner", inner, "inner", domain=TWO),
    Operation("outer", lambda x, y: contract(x, y, labels=("a", "b"), out="ab"), "outer", domain=TWO, kinds="fc"),
    Operation("kron", kron, "kron", domain=TWO, kinds="fc"),
    Operation("cross", cross, "cross", domain=TWO, corners=[([(3, 2), (3, 2)], {"axis": 0}), ([(2, 3), (1, 3)], {"axis": -1})]),
    Operation("tensordot", tensordot, "tensordot", domain=TWO, kinds="fc"),
    # Pinned: an index that no other operand has, and one that stands twice in an operand.
    Operation(
        "einsum",
        lambda x, y, subscripts: einsum(subscripts, x, y),
        "einsum",
        domain=TWO,
        corners=[([(2, 3), (3,)], {"subscripts": "ij,j->"}), ([(2, 2), (2,)], {"subscripts": "ii,i->i"})],
        kinds="fc",
    ),
    Operation(
        "einsum_of_one",
        lambda x, subscripts: einsum(subscripts, x),
        "einsum_of_one",
        corners=[([(2, 3)], {"subscripts": "ij->j"}), ([(2, 2)], {"subscripts": "ii"})],
    ),
    Operation(
        "einsum_of_three",
        lambda x, y, z, subscripts: einsum(subscripts, x, y, z),
        "einsum_of_three",
        domain=THREE,
        corners=[([(2, 2), (2, 3), (3,)], {"subscripts": "ii,ij,j->j"})],
    ),
    Operation("trace", trace, "trace", kinds="fc", linear=True),
    # ----- determinants, inverses, powers -----
    Operation(
        "det",
        det,
        "regular",
        special=[
            removable([[1.0, 2.0], [2.0, 4.0]]),
            removable([[0.0, 0.0], [0.0, 0.0]]),
            removable([[0.0]]),
            removable([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], note="rank 2"),
            removable([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [-1.0, -2.0, -3.0]], note="rank 1"),
        ],
        corners=EMPTY,
        kinds="fc",
    ),
    Operation("slogdet", slogdet, "regular", special=[convention([[1.0, 2.0], [2.0, 4.0]])], corners=EMPTY),
    Operation("inv", inverse, "regular", corners=EMPTY, kinds="fc"),
    Operation("solve", solve, "solve", domain=TWO, corners=SYSTEMS, kinds="fc"),
    Operation("matrix_power", matrix_power, "regular", choices={"n": (2, 3, 1, 0, -1, -2)}),
    Operation(
        "matrix_exp",
        matrix_exp,
        "square",
        domain=SMALL,
        special=[
            removable([[0.0, 0.0], [0.0, 0.0]]),
            removable([[0.0, 1.0, 2.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]], note="nilpotent"),
        ],
        corners=EMPTY,
    ),
    # ----- factors -----
    Operation("cholesky", factor, "positive_definite", corners=EMPTY),
    Operation("qr", qr, "full_rank"),
    Operation("lstsq", lstsq, "least_squares", domain=TWO),
    Operation("pinv", pinv, "full_rank", special=[convention([[1.0, 2.0], [2.0, 4.0]], note="rank 1")]),
    # ----- eigenvalues and singular values; repeated ones are kinks of each, and of no smooth function of all -----
    Operation("eigh", lambda x: spectral(symmetrized(x), np.sin), "separated"),
    Operation("eigvalsh", lambda x: eigenvalues(symmetrized(x)), "separated", special=[kink([[2.0, 0.0], [0.0, 2.0]])]),
    Operation("svd", svd, "full_rank"),
    Operation("svdvals", svdvals, "full_rank", special=[kink([[2.0, 0.0], [0.0, 2.0]]), kink([[1.0, 0.0], [0.0, 0.0]])]),
    Operation(
        "matrix_norm",
        matrix_norm,
        "full_rank",
        choices={"ord": ("fro", "nuc", 2), "keepdims": (False, True)},
        corners=[([(2, 3)], {"ord": "nuc", "keepdims": True})],
        special=[
            kink([[1.0, 0.0], [0.0, 0.0]], ord="nuc"),
            kink([[2.0, 0.0], [0.0, 2.0]], ord=2),
            convention([[0.0, 0.0], [0.0, 0.0]], ord="fro"),
        ],
    ),
)
