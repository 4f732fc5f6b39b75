"""Duals: numbers that carry their derivative, and of duals, their second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clinometer.reference.arithmetic import dispatch
from clinometer.reference.arithmetic.dual import Dual
from clinometer.reference.catalogue import MATHEMATICS as AD
from clinometer.reference.differences import derivative

X = np.array([0.75, -0.5, 1.25])
V = np.array([1.0, -2.0, 0.5])
W = np.array([-0.25, 1.5, 2.0])

# Smooth at X; the second derivative is not zero throughout.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sin": np.sin,
    "cube": lambda x: x * x * x,
    "exp": np.exp,
    "tanh": np.tanh,
    "quotient": lambda x: 1 / (2 + x * x),
    "square root": lambda x: np.sqrt(3 + x),
    "softmax": lambda x: AD.softmax(x, axis=0),
    "logsumexp": lambda x: AD.logsumexp(x, axis=0),
    "variance": lambda x: AD.var(x, axis=0),
    "product": lambda x: AD.prod(x, axis=0),
    "norm": lambda x: AD.vector_norm(x, axis=0),
    "scan": lambda x: AD.cumulative_prod(x, axis=0),
    "inverse": lambda x: dispatch.inverse(np.reshape(np.concatenate([x, x[:1] * x[1:2] + 2]), (2, 2))),
    "determinant": lambda x: AD.det(AD.outer(x, x) * AD.outer(x, x)),
    "picked": lambda x: np.flip(x * x)[np.array([0, 0, 2])],
    "chosen": lambda x: np.where(x > 0, x * x, np.sin(x)),
}
EACH = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)


def push(f: Callable[[Any], Any], x: np.ndarray, v: np.ndarray) -> Any:
    y = f(Dual(x, v))
    return y.dx if isinstance(y, Dual) else np.zeros(np.shape(y))


def entry(f: Callable[[Any], Any], k: int) -> Callable[[Any], Any]:
    return lambda x: np.ravel(f(x))[k]


@EACH
def test_the_tangent_is_the_derivative(f: Callable[[Any], Any]) -> None:
    """What a dual carries beside the value agrees with finite differences of the value."""
    x, v = X.astype(np.longdouble), V.astype(np.longdouble)
    for k, dy in enumerate(np.ravel(push(f, x, v))):
        found = derivative(lambda t, k=k: entry(f, k)(x + t * v), np.longdouble(0), points=9, reach=0.1)
        assert abs(dy - found.value) <= 10 * found.error + 1e-15


@EACH
def test_a_dual_of_duals_has_the_second_derivative(f: Callable[[Any], Any]) -> None:
    """The tangent of the tangent agrees with finite differences of the tangent."""
    x, v, w = (a.astype(np.longdouble) for a in (X, V, W))
    y = f(Dual(Dual(x, v, level=1), w, level=2))
    for k, ddy in enumerate(np.ravel(y.dx.dx if isinstance(y.dx, Dual) else np.zeros(np.shape(y.dx)))):
        found = derivative(lambda t, k=k: np.ravel(push(f, x + t * w, v))[k], np.longdouble(0), points=9, reach=0.05)
        assert abs(ddy - found.value) <= 10 * found.error + 1e-15


@EACH
def test_second_derivatives_do_not_depend_on_the_order(f: Callable[[Any], Any]) -> None:
    """Along v and then w is along w and then v."""
    one = f(Dual(Dual(X, V, level=1), W, level=2)).dx
    other = f(Dual(Dual(X, W, level=1), V, level=2)).dx
    if isinstance(one, Dual):
        np.testing.assert_allclose(one.dx, other.dx, rtol=1e-12, atol=1e-14)


def test_second_derivatives_of_sine_and_cube_are_the_known_ones() -> None:
    """sin'' is -sin, and x cubed has 6x."""
    for f, second in ((np.sin, -np.sin(X)), (lambda x: x * x * x, 6 * X)):
        y = f(Dual(Dual(X, np.ones(3), level=1), np.ones(3), level=2))
        np.testing.assert_allclose(y.dx.dx, second, rtol=1e-15)


def test_levels_are_not_confused() -> None:
    """The inner derivative of x * (d/dy of x + y) is 1: a perturbation of one level is a constant to the other."""

    def inner(x: Any) -> Any:
        return x * (x + Dual(np.float64(1.0), np.float64(1.0), level=2)).dx

    assert inner(Dual(np.float64(3.0), np.float64(1.0), level=1)).dx == 1


@EACH
def test_the_majorant_bounds_the_tangent(f: Callable[[Any], Any]) -> None:
    """The sum of absolute values along all paths is at least the absolute value of the sum."""
    y = f(Dual(X, V, abs(V)))
    assert np.all(y.m >= abs(y.dx) * (1 - 1e-15))


def test_the_majorant_remembers_what_cancels() -> None:
    """The tangent of x - x is zero and its majorant twice the tangent's size: that is what rounding may be of."""
    x = Dual(X, V, abs(V))
    y = x - x
    np.testing.assert_array_equal(y.dx, 0)
    np.testing.assert_array_equal(y.m, 2 * abs(V))


def test_a_constant_carries_no_tangent() -> None:
    """What stop_gradient, a comparison or a step gives is no dual any more."""
    x = Dual(X, V)
    for y in (dispatch.stop_gradient(x), x > 0, np.floor(x), np.sign(x)):
        assert not isinstance(y, Dual)


def test_a_dual_branches_by_its_primal() -> None:
    """A truth value is asked of the value and of no tangent."""
    assert bool(Dual(np.float64(1.0), np.float64(0.0)))
    assert not bool(Dual(np.float64(0.0), np.float64(5.0)))


REARRANGED: dict[str, Callable[[Any], Any]] = {
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "transpose": np.transpose,
    "flip": lambda x: np.flip(x, 1),
    "roll": lambda x: np.roll(x, 1, 0),
    "concat": lambda x: np.concatenate([x, x], axis=0),
    "stack": lambda x: np.stack([x, 2 * x], axis=1),
    "tile": lambda x: np.tile(x, (2, 1)),
    "repeat": lambda x: np.repeat(x, 2, axis=1),
    "broadcast": lambda x: np.broadcast_to(x, (2, 2, 3)),
    "getitem": lambda x: x[:, ::-1],
    "take": lambda x: np.take(x, np.array([0, 2, 2]), axis=1),
    "pad": lambda x: AD.pad(x, ((1, 0), (0, 2)), 1.5),
    "diagonal": AD.diagonal,
    "tril": AD.tril,
    "sort": lambda x: AD.sort(x, axis=1),
    "take, keyword": lambda x: AD.take(x, [0, 2, 2], axis=1),
    "repeat, each by its own count": lambda x: np.repeat(x, np.array([2, 0, 1]), axis=1),
    "meshgrid": lambda x: np.meshgrid(x[0], x[1])[1],
    "set": lambda x: AD.at_set(x, np.float64(9.0), (0, 1)),
    "filled": lambda x: AD.masked_fill(x, np.array([[True, False, False]] * 2), 0.5),
}


@pytest.mark.parametrize("f", REARRANGED.values(), ids=REARRANGED)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rearrangements_keep_nan_where_it_is(f: Callable[[Any], Any], bad: float) -> None:
    """A tangent that is not finite at one entry goes where that entry goes, and nowhere else."""
    x = np.array([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]])
    dx = np.ones((2, 3))
    dx[1, 2] = bad
    marked = f(Dual(x, np.where(np.isfinite(dx), 0.0, 1.0)))
    np.testing.assert_array_equal(~np.isfinite(f(Dual(x, dx)).dx), marked.dx != 0)


def test_a_number_is_set_as_a_number() -> None:
    """Writing 9 into an array puts 9 there, and not the entry at position 9; its derivative is zero."""
    x = Dual(np.arange(12.0), np.ones(12))
    y = dispatch.at_set(x, 9.0, key=slice(0, 2))
    np.testing.assert_array_equal(y.x, [9, 9, *range(2, 12)])
    np.testing.assert_array_equal(y.dx, [0, 0, *[1] * 10])
