"""The number system of the truth: replicas that round as the backend's dtype would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clinometer.reference.arithmetic import dispatch
from clinometer.reference.arithmetic.replicas import PointsDisagree, ReplicaArray, perturb
from clinometer.reference.arithmetic.rounding import EXTENDED, PRECISIONS, RoundingNoise
from clinometer.reference.catalogue import MATHEMATICS as AD

DTYPES = ("float32", "float64")
BOTH = pytest.mark.parametrize("dtype", DTYPES)
# Those whose roundings the reference sees a fraction of: not float64, where long double is no wider.
FINER = pytest.mark.parametrize("dtype", [d for d in DTYPES if np.finfo(PRECISIONS[d].real).eps < PRECISIONS[d].u / 8])
REPLICAS, POINTS = 8, 3
X = np.array([[0.5, -1.25, 2.0, 0.75], [1.5, 0.25, -3.0, 1.0], [-0.5, 2.5, 4.0, -2.0]])  # points, entries


def ensemble(x: np.ndarray, dtype: str, replicas: int = REPLICAS) -> ReplicaArray:
    """Return replicas of x that do not differ yet; its first axis is the points."""
    precision = PRECISIONS[dtype]
    data = np.repeat(np.asarray(x, precision.working)[None, :, None], replicas, axis=0)
    return ReplicaArray(data, RoundingNoise(precision))


def noise_of(y: ReplicaArray) -> np.ndarray:
    """Return the relative error of each replica, in roundings."""
    clean = y.data[:1]
    return np.abs(y.data[1:] - clean) / np.where(clean == 0, 1, np.abs(clean)) / y.noise.u


ROUNDED: dict[str, Callable[[Any], Any]] = {
    "add": lambda x: x + 1,
    "multiply": lambda x: x * 1.1,
    "divide": lambda x: 1 / x,
    "square": np.square,
    "sqrt": lambda x: np.sqrt(abs(x)),
}
PROMISED: dict[str, Callable[[Any], Any]] = {
    "sin": np.sin,
    "exp": np.exp,
    "power": lambda x: abs(x) ** 0.3,
    "logaddexp": lambda x: np.logaddexp(x, 1.0),
    "sigmoid": AD.sigmoid,
}
EXACT: dict[str, Callable[[Any], Any]] = {
    "negative": lambda x: -x,
    "positive": lambda x: +x,
    "abs": abs,
    "where": lambda x: np.where(x > 0, x, 0.0),
    "maximum": lambda x: np.maximum(x, 0.0),
    "max": lambda x: np.max(x, axis=-1),
    "getitem": lambda x: x[::-1],
    "reshape": lambda x: np.reshape(x, (2, 2)),
    "concatenate": lambda x: np.concatenate([x, x]),
    "sort": lambda x: AD.sort(x, axis=-1),
    "floor": np.floor,
    "sign": np.sign,
    "comparison": lambda x: x > 0.5,
    "stop_gradient": dispatch.stop_gradient,
    "argmax": lambda x: np.argmax(x, axis=-1),
}


@BOTH
@pytest.mark.parametrize("f", [*ROUNDED.values(), *PROMISED.values(), *EXACT.values()], ids=[*ROUNDED, *PROMISED, *EXACT])
def test_replica_zero_is_clean(f: Callable[[Any], Any], dtype: str) -> None:
    """Replica 0 is what the plain function gives in the working precision, to the last bit, at every point."""
    y = f(ensemble(X, dtype))
    for point in range(POINTS):
        expected = f(X[point].astype(PRECISIONS[dtype].working))
        np.testing.assert_array_equal(y.data[0, point, 0], expected)


@FINER
@pytest.mark.parametrize("f", ROUNDED.values(), ids=ROUNDED)
def test_noise_is_up_to_the_unit_roundoff(f: Callable[[Any], Any], dtype: str) -> None:
    """One operation moves each other replica by at most a rounding, and most by a good part of one."""
    moved = noise_of(f(ensemble(X, dtype)))
    assert moved.max() <= 1 + 1e-3
    assert np.median(moved) > 0.2
    assert (moved > 0).mean() > 0.99


@FINER
@pytest.mark.parametrize("f", PROMISED.values(), ids=PROMISED)
def test_noise_of_transcendental_functions_is_up_to_two_roundings(f: Callable[[Any], Any], dtype: str) -> None:
    """What libraries promise to 4 ulp, up to 8 roundings, moves by up to 2: the safety factor makes them 8."""
    moved = noise_of(f(ensemble(X, dtype)))
    assert 1 < moved.max() <= 2 + 1e-3


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("f", PROMISED.values(), ids=PROMISED)
def test_half_precision_is_computed_in_single_and_rounded_once(f: Callable[[Any], Any], dtype: str) -> None:
    """In half precision a promise that is made in single precision adds nothing to the one rounding."""
    moved = noise_of(f(ensemble(X, dtype)))
    assert 0.5 < moved.max() <= 1 + 1e-3


@BOTH
def test_noise_near_the_zeros_of_lgamma_is_of_absolute_size(dtype: str) -> None:
    """At 1 and 2, where lgamma is zero, replicas move by up to the roundings of a value of size one."""
    y = AD.lgamma(ensemble(np.array([[1.0, 2.0]]), dtype))
    assert np.all(y.data[0] == 0)
    assert 0 < np.abs(y.data[1:]).max() <= 5 * PRECISIONS[dtype].u


@BOTH
@pytest.mark.parametrize("f", EXACT.values(), ids=EXACT)
def test_exact_operations_make_no_noise(f: Callable[[Any], Any], dtype: str) -> None:
    """What moves, chooses or flips a sign leaves all replicas equal."""
    y = f(ensemble(X, dtype))
    assert np.all(y.data == y.data[:1])


@BOTH
def test_sums_are_perturbed_relative_to_the_sum_of_magnitudes(dtype: str) -> None:
    """A sum that cancels keeps the rounding of its terms: 1 - 1 + small is off by a rounding of 2."""
    y = np.sum(ensemble(np.array([[1.0, -1.0, 2.0**-30]]), dtype), axis=-1)
    error = np.abs(y.data[1:] - y.data[0]).max()
    assert 0.2 * y.noise.u < error <= 2.01 * y.noise.u


@BOTH
def test_zero_stays_zero(dtype: str) -> None:
    """Relative noise does not touch a zero."""
    y = np.sin(ensemble(np.zeros((1, 4)), dtype))
    assert np.all(y.data == 0)


@BOTH
def test_infinities_and_nans_stay_what_they_are(dtype: str) -> None:
    """Noise makes no NaN out of an infinity."""
    with np.errstate(all="ignore"):
        y = np.exp(ensemble(np.array([[np.inf, -np.inf, np.nan, 1e30]]), dtype)) * 2
    np.testing.assert_array_equal(y.data[:, 0, 0], np.tile([np.inf, 0, np.nan, np.inf], (REPLICAS, 1)))


@pytest.mark.skipif(EXTENDED is np.float64, reason="asks for more digits than float64 has")
def test_noise_of_float64_is_not_rounded_away() -> None:
    """In long double a replica differs from the clean one by fractions of float64's rounding, nearly always."""
    y = np.multiply(ensemble(np.ones((1, 1000)), "float64"), 1.0)
    moved = noise_of(y)
    assert (moved > 0).mean() > 0.99
    assert len(np.unique(moved)) > 500  # a noise rounded to few values would be none
    assert y.data.dtype == np.longdouble


def test_noise_repeats_with_its_seed_and_differs_without() -> None:
    """The same seed draws the same numbers, another one others, all between -1 and 1 and without a bias."""
    draws = [RoundingNoise(PRECISIONS["float32"], seed).draw((500,)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    assert abs(draws[0]).max() <= 1
    assert abs(draws[0].mean()) < 0.1


@FINER
def test_factors_are_one_but_for_a_rounding(dtype: str) -> None:
    """Factors differ from 1 by up to the unit roundoff, or as many as they are coarser, to both sides and nearly always."""
    for coarse in (1.0, 128.0):
        noise = RoundingNoise(PRECISIONS[dtype], coarse=coarse)
        off = (noise.factors((2000,)) - 1) / (coarse * noise.u)
        assert abs(off).max() <= 1
        assert off.min() < -0.95
        assert off.max() > 0.95
        assert abs(off.mean()) < 0.05
        assert (off != 0).mean() > 0.99


def test_more_noise_than_the_pool_holds_can_be_drawn() -> None:
    """A draw larger than the pool has its shape, and two draws in a row differ."""
    noise = RoundingNoise(PRECISIONS["float32"])
    one, other = noise.draw((3, RoundingNoise.SIZE)), noise.draw((3, RoundingNoise.SIZE))
    assert one.shape == (3, RoundingNoise.SIZE)
    assert not np.array_equal(one, other)


def test_draws_wrap_around_the_pool_without_a_gap() -> None:
    """A hundred draws of any size have the size asked for."""
    noise = RoundingNoise(PRECISIONS["float32"], seed=3)
    assert all(noise.draw((997,)).shape == (997,) for _ in range(100))


def test_perturbing_never_touches_what_a_function_was_given() -> None:
    """A result that is a view of its operand is copied before noise lands on it."""
    x = ensemble(X, "float64")
    before = x.data.copy()
    for f in (lambda x: np.sum(x, axis=()), lambda x: np.sum(x, axis=-1), lambda x: x + 0.0, dispatch.normwise, AD.trace):
        f(x if f is not dispatch.normwise and f is not AD.trace else np.reshape(x, (2, 2)))
    np.testing.assert_array_equal(x.data, before)


def test_a_single_replica_is_not_perturbed() -> None:
    """Decisions and majorants have one replica, and it is clean."""
    y = perturb(np.ones((1, 2, 1, 3)), RoundingNoise(PRECISIONS["float32"]))
    assert np.all(y == 1)


# ----- choices -----


@FINER
def test_choices_follow_the_clean_replica(dtype: str) -> None:
    """Where noise would turn a comparison or a maximum over, every replica does what the clean one did."""
    u = PRECISIONS[dtype].working(PRECISIONS[dtype].u)
    x = ensemble(np.array([[1, 1 - u / 4, 0.5]]), dtype)
    x.data[1:, :, :, 0] -= u  # in all other replicas the second entry is the larger one
    assert np.max(x, axis=-1).data[1, 0, 0] == x.data[1, 0, 0, 0]
    assert np.all(np.argmax(x, axis=-1).data == 0)
    np.testing.assert_array_equal(AD.sort(x, axis=-1).data[1, 0, 0], x.data[1, 0, 0, ::-1])
    np.testing.assert_array_equal(np.where(x >= 1, 1.0, 0.0).data[-1, 0, 0], [1, 0, 0])


@BOTH
def test_a_branch_is_taken_by_the_clean_replica(dtype: str) -> None:
    """A truth value is replica 0's, even where all others say the opposite."""
    x = ensemble(np.array([1.0]), dtype)
    x.data[1:] = 0.5
    assert bool(x >= 1)
    assert not bool(x < 1)


def test_points_on_two_sides_of_a_branch_disagree() -> None:
    """Asked for one truth value where its points have two, an ensemble raises instead of choosing."""
    with pytest.raises(PointsDisagree):
        bool(ensemble(np.array([1.0, -1.0]), "float32") > 0)
    assert bool(ensemble(np.array([1.0, 2.0]), "float32") > 0)


# ----- the hidden axes -----


@BOTH
def test_shapes_are_those_of_the_array(dtype: str) -> None:
    """Replicas, points and directions are hidden: shape, ndim, size and len are the array's own."""
    x = ensemble(np.ones((POINTS, 2, 4)), dtype)
    assert (x.shape, x.ndim, x.size, len(x)) == ((2, 4), 2, 8, 2)
    assert x.data.shape == (REPLICAS, POINTS, 1, 2, 4)


def test_operands_of_different_rank_broadcast_as_arrays_do() -> None:
    """A vector and a matrix meet at their last axes, not at the hidden ones."""
    matrix, vector = ensemble(np.ones((POINTS, 3, 4)), "float64"), ensemble(X, "float64")
    y = matrix * vector
    assert y.shape == (3, 4)
    np.testing.assert_array_equal(y.data[0, 1, 0], np.ones((3, 4)) * X[1])


def test_points_are_independent() -> None:
    """Each point of an ensemble has the result that it would have alone."""
    together = np.sum(np.exp(ensemble(X, "float64")), axis=-1).data[0, :, 0]
    alone = [np.sum(np.exp(ensemble(X[p : p + 1], "float64")), axis=-1).data[0, 0, 0] for p in range(POINTS)]
    np.testing.assert_array_equal(together, alone)


def test_matrices_are_inverted_to_the_digits_of_long_double() -> None:
    """Newton's iteration carries LAPACK's inverse from float64 to long double."""
    x = np.array([[4.0, 1.0, 0.5], [-1.0, 3.0, 0.25], [0.75, 0.5, 5.0]], np.longdouble)
    residual = np.abs(x @ dispatch.inverse(x) - np.eye(3)).max()
    assert residual < 4 * np.finfo(np.longdouble).eps


def test_a_function_without_a_rewriting_names_itself() -> None:
    """The message for a numpy function that the ensemble cannot run has its name and the next step."""
    with pytest.raises(TypeError, match=r"numpy\.convolve has no rewriting; write the row with the functions in traced\.py"):
        np.convolve(ensemble(X, "float32"), np.ones(2))
