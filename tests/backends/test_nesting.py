"""The adapters' modes inside each other: second derivatives by all four compositions, and variables that stay apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clinometer.backends import load

ADAPTERS = pytest.mark.parametrize("name", ["reference", "torch", "autograd"])
X, V, CT = np.array([0.5, -1.25]), np.array([1.0, 2.0]), np.array([3.0, -1.0])


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max())
    return e / e.sum()


def softmax_hessian(x: np.ndarray) -> np.ndarray:
    """Return d²s_i / dx_j dx_k, from ds_i / dx_j = s_i (d_ij - s_j)."""
    s, one = softmax(x), np.eye(2)
    slope = s[:, None] * (one - s)
    return slope[:, None, :] * (one - s)[:, :, None] - s[:, None, None] * slope[None]


# Each function of two entries to two, and its second derivative: of the output i, in the entries j and k.
FUNCTIONS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[np.ndarray], np.ndarray]]] = {
    "cube": (lambda xp, x: xp.multiply(x, xp.multiply(x, x)), lambda x: diagonal(6 * x)),
    "sin": (lambda xp, x: xp.sin(x), lambda x: diagonal(-np.sin(x))),
    "softmax": (lambda xp, x: xp.softmax(x, axis=0), softmax_hessian),
    "matmul": (lambda xp, x: xp.matmul(xp.multiply(x, xp.reshape(x, shape=(2, 1))), x), lambda x: matmul_hessian(x)),
    "linear": (lambda xp, x: xp.multiply(x, 2.0), lambda x: np.zeros((2, 2, 2))),
    "constant": (lambda xp, x: xp.floor(x), lambda x: np.zeros((2, 2, 2))),
}


def diagonal(entries: np.ndarray) -> np.ndarray:
    """Return the second derivative of a function that takes each entry alone."""
    found = np.zeros((2, 2, 2))
    found[[0, 1], [0, 1], [0, 1]] = entries
    return found


def matmul_hessian(x: np.ndarray) -> np.ndarray:
    """Return that of (x x') x, whose entry i is x_i sum(x_k x_k)."""
    one = np.eye(2)
    pairs = one[:, :, None] * x + one[:, None, :] * x[:, None]
    return 2 * (pairs + x[:, None, None] * one)


class Nested:
    """Second derivatives of a function on a backend, by each composition; along V, against CT."""

    def __init__(self, backend: Any, f: Callable[[Any, Any], Any]):
        self.backend = backend
        self.x, self.v, self.ct = (backend.asarray(a) for a in (X, V, CT))
        self.f = lambda x: f(backend.xp, x)

    def gradient(self, x: Any) -> Any:
        return self.backend.vjp(self.f, x)[1](self.ct)[0]

    def tangent(self, x: Any) -> Any:
        return self.backend.jvp(self.f, [x], [self.v])[1]

    def reverse_over_reverse(self) -> Any:
        return self.backend.vjp(self.gradient, self.x)[1](self.v)[0]

    def forward_over_reverse(self) -> Any:
        return self.backend.jvp(self.gradient, [self.x], [self.v])[1]

    def reverse_over_forward(self) -> Any:
        return self.backend.vjp(self.tangent, self.x)[1](self.ct)[0]

    def forward_over_forward(self) -> Any:
        return self.backend.jvp(self.tangent, [self.x], [self.v])[1]


@ADAPTERS
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "how", ["reverse_over_reverse", "forward_over_reverse", "reverse_over_forward", "forward_over_forward"]
)
def test_every_composition_has_the_second_derivative(name: str, function: str, how: str) -> None:
    """Each mode inside each gives the known second derivative: forward twice along V alone, else against CT too."""
    f, exact = FUNCTIONS[function]
    backend = load(name)
    got = backend.to_numpy(getattr(Nested(backend, f), how)())
    last = exact(X) @ V
    expected = last @ V if how == "forward_over_forward" else CT @ last
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-14)
    assert got.dtype == np.float64


@ADAPTERS
def test_nesting_leaves_no_trace(name: str) -> None:
    """After a nested derivative, and after one that an exception has ended, a plain one is what it was."""
    backend: Any = load(name)
    x, one = backend.asarray(np.array([2.0])), backend.asarray(np.array([1.0]))

    def stumbling(x: Any) -> Any:
        backend.jvp(lambda x: backend.vjp(backend.xp.sin, x)[1](one)[0], [x], [one])
        raise ZeroDivisionError

    for mode in (lambda: backend.vjp(stumbling, x), lambda: backend.jvp(stumbling, [x], [one])):
        with pytest.raises(ZeroDivisionError):
            mode()
    y, pullback = backend.vjp(backend.xp.square, x)
    assert backend.to_numpy(pullback(one)[0]).tolist() == [4.0]
    assert backend.to_numpy(y).tolist() == [4.0]
    assert backend.to_numpy(backend.jvp(backend.xp.square, [x], [one])[1]).tolist() == [4.0]


@ADAPTERS
@pytest.mark.parametrize("outer", ["reverse", "forward"])
@pytest.mark.parametrize("inner", ["reverse", "forward"])
def test_a_derivative_sees_the_variable_around_it_as_a_constant(name: str, outer: str, inner: str) -> None:
    """d/dx of x * d/dy(x + y) is 1, and of x * d/dy(x) it is 0."""
    backend: Any = load(name)
    x, one = backend.asarray(np.array([3.0])), backend.asarray(np.array([1.0]))
    xp = backend.xp
    derivative = {
        "reverse": lambda f: lambda x: backend.vjp(f, x)[1](one)[0],
        "forward": lambda f: lambda x: backend.jvp(f, [x], [one])[1],
    }
    for around, expected in ((lambda x: lambda y: xp.add(x, y), 1.0), (lambda x: lambda y: x, 0.0)):

        def product(x: Any, around: Any = around) -> Any:
            return xp.multiply(x, derivative[inner](around(x))(one))

        assert backend.to_numpy(derivative[outer](product)(x)).tolist() == [expected]


def test_a_first_derivative_keeps_no_graph_of_itself() -> None:
    """On a tape, gradients outside of any other derivative cannot be derived again, and hold no memory for it."""
    torch = pytest.importorskip("torch")
    backend: Any = load("torch")
    y, pullback = backend.vjp(torch.sin, torch.ones(3))
    assert not y.requires_grad
    assert not pullback(torch.ones(3))[0].requires_grad
