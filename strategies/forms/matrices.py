"""Forms of stacks of matrices. Those that an operation inverts or takes apart must be far from those where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.forms.form import Drawn, Form, Structure
from clinometer.strategies.shapes import Shape, among

SIDES = among(2, 3, 1)


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


def square(draw: Any, row: Operation) -> Drawn:
    n = draw(among(2, 3, 1))
    return (((2, n, n) if draw(st.booleans()) else (n, n)),), {}


def regular(draw: Any, row: Operation) -> Drawn:
    return square(draw, row)


def positive_definite(draw: Any, row: Operation) -> Drawn:
    return square(draw, row)


def separated(draw: Any, row: Operation) -> Drawn:
    return square(draw, row)


def full_rank(draw: Any, row: Operation) -> Drawn:
    m, n = draw(among((2, 2), (3, 2), (2, 3), (3, 3), (4, 2), (1, 2), (3, 1), (1, 1)))
    return ((*draw(among((), (2,))), m, n),), {}


def least_squares(draw: Any, row: Operation) -> Drawn:
    m, n = draw(among((3, 2), (2, 2), (3, 1), (4, 2), (4, 3)))
    lead = draw(among((), (2,)))
    return ((*lead, m, n), (*lead, m, draw(SIDES))), {}


def solve(draw: Any, row: Operation) -> Drawn:
    ((*lead, n, _),), _ = square(draw, row)
    k = draw(SIDES)
    # One matrix of as many columns as rows, for a stack of systems, may be read as a stack of vectors too.
    few = (n, k if k != n else n + 1)
    right = draw(among((*lead, n, k), (n,), (3, *([1] * len(lead)), n, k), few))
    return ((*lead, n, n), right), {}


def stack(n: int) -> list[Structure]:
    """Return a stack of n matrices."""
    return [(((n, 2, 2),), {})]


FORMS = {
    "square": Form(square, in_programs=False, rank=2, entwined=True, degenerate=stack, points=12),
    "regular": Form(regular, in_programs=False, matrix=regular_matrix, rank=2, entwined=True, degenerate=stack, points=12),
    "positive_definite": Form(
        positive_definite,
        in_programs=False,
        matrix=positive_definite_matrix,
        rank=2,
        entwined=True,
        degenerate=stack,
        points=12,
    ),
    "separated": Form(
        separated, in_programs=False, matrix=separated_matrix, rank=2, entwined=True, degenerate=stack, points=12
    ),
    "full_rank": Form(
        full_rank, in_programs=False, matrix=full_rank_matrix, rank=2, entwined=True, degenerate=lambda n: [(((n, 3, 2),), {})]
    ),
    "least_squares": Form(
        least_squares,
        in_programs=False,
        matrix=full_rank_matrix,
        rank=2,
        entwined=True,
        degenerate=lambda n: [(((n, 3, 2), (n, 3, 2)), {})],
    ),
    "solve": Form(
        solve,
        in_programs=False,
        matrix=regular_matrix,
        rank=2,
        entwined=True,
        degenerate=lambda n: [(((n, 2, 2), (n, 2, 3)), {})],
    ),
}
