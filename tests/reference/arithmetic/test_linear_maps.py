"""A derivative is a linear map: what is pushed one way is pulled the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from clinometer.reference.arithmetic.linear_maps import (
    Contract,
    LinearMap,
    Pick,
    Scale,
    Scatter,
    Select,
    broadcast,
    times,
    unbroadcast,
)

Shape = tuple[int, ...]
RNG = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape) + len(shape)).normal(size=shape)


def contract(labels: tuple[str, ...], out: str, shapes: tuple[Shape, ...], place: int) -> Contract:
    return Contract(labels, out, [normal(*shape) for shape in shapes], place)


# A map, the shape that it takes and the shape that it gives.
MAPS: dict[str, tuple[LinearMap, Shape, Shape]] = {
    # ----- a factor an entry -----
    "one": (Scale(1, (2, 3), (2, 3)), (2, 3), (2, 3)),
    "minus one": (Scale(-1, (3,), (3,)), (3,), (3,)),
    "a number": (Scale(2.5, (2, 3), (2, 3)), (2, 3), (2, 3)),
    "a factor each": (Scale(normal(2, 3), (2, 3), (2, 3)), (2, 3), (2, 3)),
    "spread along a leading axis": (Scale(normal(2, 3), (3,), (2, 3)), (3,), (2, 3)),
    "spread along an axis of size 1": (Scale(normal(2, 3), (2, 1), (2, 3)), (2, 1), (2, 3)),
    "spread, and one for a factor": (Scale(1, (1, 3), (4, 2, 3)), (1, 3), (4, 2, 3)),
    "spread from a scalar": (Scale(normal(2, 3), (), (2, 3)), (), (2, 3)),
    "a factor smaller than the argument": (Scale(normal(3), (2, 3), (2, 3)), (2, 3), (2, 3)),
    "nothing to scale": (Scale(normal(0, 3), (0, 3), (0, 3)), (0, 3), (0, 3)),
    "nothing, spread from one": (Scale(normal(0, 3), (1, 3), (0, 3)), (1, 3), (0, 3)),
    # ----- some and others -----
    "selected": (Select(normal(2, 3) > 0, (2, 3), (2, 3)), (2, 3), (2, 3)),
    "selected and spread": (Select(normal(2, 3) > 0, (3,), (2, 3)), (3,), (2, 3)),
    "selected by a spread condition": (Select(normal(3) > 0, (2, 3), (2, 3)), (2, 3), (2, 3)),
    # ----- entries moved -----
    "permuted": (Pick(np.array([[2, 0, 1], [5, 3, 4]]), (6,)), (6,), (2, 3)),
    "picked twice, and never": (Pick(np.array([0, 2, 2, 2]), (2, 2)), (2, 2), (4,)),
    "zeros put in": (Pick(np.array([4, 0, 4, 3]), (2, 2)), (2, 2), (4,)),
    "one picked": (Pick(np.array(3), (2, 2)), (2, 2), ()),
    "none picked": (Pick(np.zeros((0, 2), int), (3,)), (3,), (0, 2)),
    "scattered onto one": (Scatter(np.array([1, 1, 0, 1]), (2, 2)), (4,), (2, 2)),
    "scattered, some dropped": (Scatter(np.array([4, 2, 0, 4]), (2, 2)), (4,), (2, 2)),
    # ----- sums of products -----
    "summed over all": (contract(("ab",), "", ((2, 3),), 0), (2, 3), ()),
    "summed over one axis": (contract(("ab",), "a", ((2, 3),), 0), (2, 3), (2,)),
    "matrix product, left": (contract(("ab", "bc"), "ac", ((2, 3), (3, 4)), 0), (2, 3), (2, 4)),
    "matrix product, right": (contract(("ab", "bc"), "ac", ((2, 3), (3, 4)), 1), (3, 4), (2, 4)),
    "batched product": (contract(("nab", "nbc"), "nac", ((5, 2, 3), (5, 3, 4)), 0), (5, 2, 3), (5, 2, 4)),
    "batched product, one batch spread": (contract(("nab", "nbc"), "nac", ((1, 2, 3), (5, 3, 4)), 0), (1, 2, 3), (5, 2, 4)),
    "batched product, other without a batch": (contract(("ab", "nbc"), "nac", ((2, 3), (5, 3, 4)), 0), (2, 3), (5, 2, 4)),
    "outer product": (contract(("a", "b"), "ab", ((2,), (3,)), 1), (3,), (2, 3)),
    "summed beside another": (contract(("ab", "c"), "c", ((2, 3), (4,)), 0), (2, 3), (4,)),
    "between two": (contract(("wx", "xy", "yz"), "wz", ((2, 3), (3, 4), (4, 5)), 1), (3, 4), (2, 5)),
    "a product of nothing": (contract(("ab", "bc"), "ac", ((2, 0), (0, 4)), 0), (2, 0), (2, 4)),
}
EACH = pytest.mark.parametrize(("linear", "shape", "out"), MAPS.values(), ids=MAPS)


def matrix(apply: Callable[[np.ndarray], np.ndarray], shape: Shape, out: Shape) -> np.ndarray:
    """Return a linear function as a matrix, column by column."""
    n = int(np.prod(shape))
    return np.array([np.ravel(apply(e.reshape(shape))) for e in np.eye(n)]).reshape(n, int(np.prod(out))).T


@EACH
def test_push_and_pull_have_the_shapes_of_output_and_argument(linear: LinearMap, shape: Shape, out: Shape) -> None:
    """A tangent becomes one of the output, a cotangent one of the argument."""
    assert np.shape(linear.push(normal(*shape))) == out
    assert np.shape(linear.pull(normal(*out))) == shape


@EACH
def test_pull_is_the_transpose_of_push(linear: LinearMap, shape: Shape, out: Shape) -> None:
    """<ct, push dx> is <pull ct, dx>, for all tangents and cotangents at once."""
    np.testing.assert_allclose(matrix(linear.push, shape, out).T, matrix(linear.pull, out, shape), rtol=1e-15, atol=0)


@EACH
def test_push_is_linear(linear: LinearMap, shape: Shape, out: Shape) -> None:
    """Sums and multiples go through."""
    x, y = RNG.normal(size=shape), RNG.normal(size=shape)
    np.testing.assert_allclose(linear.push(2 * x - 3 * y), 2 * linear.push(x) - 3 * linear.push(y), rtol=1e-12, atol=1e-12)


@EACH
def test_the_bound_is_the_push_of_absolute_values(linear: LinearMap, shape: Shape, out: Shape) -> None:
    """The majorant's map is that of the tangent with each coefficient's sign removed, so it bounds every push."""
    np.testing.assert_allclose(matrix(linear.bound, shape, out), abs(matrix(linear.push, shape, out)), rtol=1e-15, atol=0)
    dx = RNG.normal(size=shape)
    assert np.all(linear.bound(abs(dx)) >= abs(linear.push(dx)) * (1 - 1e-15))


def test_what_is_not_taken_stays_out_even_where_it_is_not_a_number() -> None:
    """Select multiplies nothing: a NaN beside what is taken reaches neither tangents nor cotangents."""
    taken = np.array([True, False, True])
    x = np.array([1.0, np.nan, 3.0])
    np.testing.assert_array_equal(Select(taken, (3,), (3,)).push(x), [1, 0, 3])
    np.testing.assert_array_equal(Select(taken, (3,), (3,)).pull(x), [1, 0, 3])


def test_a_picked_nan_stays_where_it_is() -> None:
    """Pick moves entries and computes nothing: one that is not a number spoils no other."""
    x = np.array([1.0, np.nan, 3.0])
    np.testing.assert_array_equal(Pick(np.array([2, 1, 0, 3]), (3,)).push(x), [3, np.nan, 1, 0])
    np.testing.assert_array_equal(Pick(np.array([2, 1, 0]), (3,)).pull(x), [3, np.nan, 1])


def test_one_and_minus_one_are_not_multiplied() -> None:
    """The factors 1 and -1 cost no rounding, and 1 not even a copy."""
    x = normal(3)
    assert times(1, x) is x
    np.testing.assert_array_equal(times(-1, x), -x)
    np.testing.assert_array_equal(times(2, x), 2 * x)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (1, 1, 1)])
def test_unbroadcast_undoes_broadcast(shape: Shape) -> None:
    """The sum over what was spread has the original shape, and each entry counts as often as it was used."""
    spread = broadcast(normal(*shape), (4, 2, 3)) if len(shape) < 3 or shape == (1, 1, 1) else normal(*shape)
    back = unbroadcast(spread, shape)
    assert back.shape == shape
    np.testing.assert_allclose(back, normal(*shape) * (spread.size // max(int(np.prod(shape)), 1)))
