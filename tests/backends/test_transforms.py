"""The reference's transforms and traced control flow: what is traced once serves other data, and can be derived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clinometer.backends import load
from clinometer.backends.reference.tracing import Untraced
from clinometer.harness.check import Check
from clinometer.harness.examine import sample
from clinometer.strategies import operation_cases

X, CT, DX = np.array([1.0, 2.0, 0.5]), np.array([1.0, -2.0, 3.0]), np.array([0.5, 1.0, -1.0])


@pytest.fixture
def ad() -> Any:
    """Return the reference."""
    return load("reference")


def gradient(ad: Any, f: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda x: ad.vjp(f, x)[1](CT)[0]


def tangent(ad: Any, f: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda x: ad.jvp(f, [x], [DX])[1]


def branching(ad: Any) -> Callable[[Any], Any]:
    """Return 3 x where the sum is positive, else x x."""
    xp = ad.xp
    return lambda x: ad.cond(xp.greater(xp.sum(x), 0.0), lambda: (xp.multiply(x, 3.0),), lambda: (xp.multiply(x, x),))[0]


def halving(ad: Any) -> Callable[[Any], Any]:
    """Return x halved while its greatest entry is above 1, beside a captured x."""
    xp = ad.xp

    def f(x: Any) -> Any:
        (y,) = ad.while_loop(lambda a: xp.greater(xp.max(a), 1.0), lambda a: (xp.multiply(a, 0.5),), (x,))
        return xp.multiply(y, x)

    return f


def powers(ad: Any) -> Callable[[Any], Any]:
    """Return x to the fourth, by a loop that captures x."""
    return lambda x: ad.scan(lambda a: (ad.xp.multiply(a, x),), (x,), 3)[0]


# A function, points, and at each the derivative, which is that of each entry alone.
SLOPES: list[Any] = [
    (branching, X, 3.0 * np.ones(3)),
    (branching, -X, -2 * X),
    (halving, X, X),  # x x / 2
    (halving, 8 * X, X),  # x x / 16
    (halving, X / 4, X / 2),  # no trip
    (powers, X, 4 * X**3),
    (powers, -X, -4 * X**3),
]
EACH = pytest.mark.parametrize(("make", "x", "slope"), SLOPES)


# ----- control flow -----


@EACH
def test_traced_flow_has_the_derivatives_of_the_path(ad: Any, make: Any, x: np.ndarray, slope: np.ndarray) -> None:
    """Through cond, while_loop and scan, gradient and tangent are those of the path that is taken."""
    f = make(ad)
    np.testing.assert_allclose(gradient(ad, f)(x), CT * slope, rtol=1e-14)
    np.testing.assert_allclose(tangent(ad, f)(x), DX * slope, rtol=1e-14)


@EACH
def test_what_was_traced_elsewhere_has_them_too(ad: Any, make: Any, x: np.ndarray, slope: np.ndarray) -> None:
    """A jitted function, its jitted gradient and its jitted tangent serve points on other paths than the first."""
    f = make(ad)
    jitted, jitted_gradient, jitted_tangent = ad.jit(f), ad.jit(gradient(ad, f)), ad.jit(tangent(ad, f))
    for each in (jitted, jitted_gradient, jitted_tangent):
        each(np.array([-0.25, 0.125, 0.0625]))
    np.testing.assert_allclose(gradient(ad, jitted)(x), CT * slope, rtol=1e-14)
    np.testing.assert_allclose(jitted_gradient(x), CT * slope, rtol=1e-14)
    np.testing.assert_allclose(tangent(ad, jitted)(x), DX * slope, rtol=1e-14)
    np.testing.assert_allclose(jitted_tangent(x), DX * slope, rtol=1e-14)


@pytest.mark.parametrize("make", [branching, halving, powers])
def test_a_second_derivative_goes_through_traced_flow(ad: Any, make: Any) -> None:
    """The gradient of a gradient is the same with jit inside, with jit outside and without."""
    f = make(ad)
    ways = [f, ad.jit(f)]
    found = [ad.vjp(gradient(ad, way), -X)[1](DX)[0] for way in ways] + [ad.vjp(ad.jit(gradient(ad, f)), -X)[1](DX)[0]]
    assert np.any(found[0])
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-14)


def test_a_captured_value_of_a_derivative_around_is_derived(ad: Any) -> None:
    """A value that a block takes from an outer derivative keeps its path to it: d/dx of d/dy (x y y) at y = x."""

    def inner(x: Any) -> Any:
        by_y = gradient(ad, lambda y: ad.cond(np.True_, lambda: (ad.xp.multiply(x, y * y),), lambda: (y,))[0])
        return by_y(x)

    np.testing.assert_allclose(ad.vjp(inner, X)[1](np.ones(3))[0], CT * 4 * X)


def test_a_branch_that_is_not_taken_is_not_run(ad: Any) -> None:
    """In a function that is traced, a loop without end in the branch not taken does no harm, nor does its infinity."""
    xp = ad.xp

    def endless(x: Any) -> Any:
        return ad.while_loop(lambda a: xp.greater(1.0, 0.0 * xp.sum(a)), lambda a: (xp.divide(a, 0.0),), (x,))

    f = ad.jit(lambda x: ad.cond(xp.greater(xp.sum(x), 100.0), lambda: endless(x), lambda: (xp.sin(x),))[0])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(gradient(ad, f)(X), CT * np.cos(X))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda ad, x: ad.cond(np.True_, lambda: (x,), lambda: (ad.xp.sum(x),)),
        lambda ad, x: ad.while_loop(lambda a: np.False_, lambda a: (ad.xp.sum(a),), (x,)),
        lambda ad, x: ad.scan(lambda a: (a, a), (x,), 2),
    ],
    ids=["cond", "while_loop", "scan"],
)
def test_what_a_path_gives_has_one_shape(ad: Any, wrong: Any) -> None:
    """Branches that differ in shape, and loops that change it or the number of values, are refused with both."""
    with pytest.raises(Untraced, match=r"must agree in shape and dtype: .* is due"):
        wrong(ad, X)


# ----- jit -----


def test_a_function_is_traced_once_for_each_shape_and_dtype(ad: Any) -> None:
    """A second call of a shape and dtype does not call the function again; another shape or dtype does."""
    calls = []

    def f(x: Any) -> Any:
        calls.append(x.shape)
        return ad.xp.multiply(ad.xp.sum(x), x)

    jitted = ad.jit(f)
    for x in (X, 2 * X, X[:2], X.astype(np.float32), 3 * X):
        y = jitted(x)
        assert y.dtype == x.dtype
        np.testing.assert_allclose(y, x.sum() * x)
    assert calls == [(3,), (2,), (3,)]


def test_a_traced_value_has_no_truth_value(ad: Any) -> None:
    """A Python branch on traced data is refused, and the message says what to write."""
    with pytest.raises(Untraced, match=r"no truth value .* write cond, while_loop or scan"):
        ad.jit(lambda x: x if ad.xp.sum(x) > 0 else -x)(X)
    np.testing.assert_allclose(ad.jit(ad.xp.sin)(X), np.sin(X))  # and leaves no trace


@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
@pytest.mark.parametrize("operation", ["multiply", "max", "sort", "matmul", "softmax", "cumulative_prod", "inv", "at_set"])
def test_jit_and_vjp_commute(ad: Any, operation: str, dtype: str) -> None:
    """The gradient of a jitted operation and the jitted gradient of it are the gradient, in its dtype."""
    if dtype == "complex64" and operation in ("max", "sort", "softmax"):
        operation = "exp"
    right_in = {"complex64": "float32"}.get(dtype, dtype)
    for case in sample(operation_cases(operation, dtype), 4, 0):
        f = Check(ad).function(case)
        ct, *xs = (ad.asarray(np.array(x[0])) for x in (*case.cotangents, *case.inputs))
        right = ad.vjp(f, *xs)[1](ct)
        for other in (ad.vjp(ad.jit(f), *xs)[1](ct), ad.jit(lambda *xs, f=f, ct=ct: tuple(ad.vjp(f, *xs)[1](ct)))(*xs)):
            for got, want in zip(map(ad.to_numpy, other), map(ad.to_numpy, right), strict=True):
                assert got.dtype == want.dtype == dtype
                np.testing.assert_allclose(got.astype(complex), want.astype(complex), rtol=4 * float(np.finfo(right_in).eps))


# ----- vmap -----


def test_vmap_maps_over_the_leading_axis(ad: Any) -> None:
    """Each point of a batch has its own value and gradient, one output or several."""
    batch = np.stack([X, -X])
    np.testing.assert_allclose(ad.vmap(gradient(ad, branching(ad)))(batch), np.stack([3 * CT, -2 * CT * X]))
    total, itself = ad.vmap(lambda x: (ad.xp.sum(x), x))(batch)
    np.testing.assert_allclose(total, batch.sum(1))
    np.testing.assert_allclose(itself, batch)


def test_vmap_can_be_derived_and_traced(ad: Any) -> None:
    """The gradient of a mapped function is the mapped gradient, and jit of it serves other data."""
    batch, cts = np.stack([X, -X]), np.stack([CT, CT])
    mapped = ad.vmap(branching(ad))
    jitted = ad.jit(lambda x: ad.vjp(mapped, x)[1](cts)[0])
    for x in (batch, -batch):
        right = ad.vmap(gradient(ad, branching(ad)))(x)
        np.testing.assert_allclose(ad.vjp(mapped, x)[1](cts)[0], right)
        np.testing.assert_allclose(jitted(x), right)
