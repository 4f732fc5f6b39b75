"""Values: inside their domain, clear of its kinks, different from each other, and cheap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn import share

from clinometer.reference.catalogue import CATALOGUE, Domain
from clinometer.reference.catalogue.rows import NONZERO, POSITIVE, REAL, UNIT
from clinometer.strategies import DISTRIBUTIONS, cotangents, distinct_values, values
from clinometer.strategies.arrays import MARGIN, safe_point

DTYPES = ("float32", "float64")
EACH_PROFILE = pytest.mark.parametrize("profile", DISTRIBUTIONS)
EACH_DTYPE = pytest.mark.parametrize("dtype", DTYPES)

NARROW = [
    REAL,
    POSITIVE,
    NONZERO,
    UNIT,
    Domain(low=-1.0),
    Domain(low=1.0),
    Domain(high=3.0),
    Domain(2.5, 60.0),
    Domain(0.0, 0.0625),
    Domain(100.0, 101.0),
    Domain(-15.0, 15.0).avoiding(0.0),
    REAL.avoiding(-1.5, 0.75),
    Domain(integers=True),
    Domain(integers=True, offset=0.5),
    Domain(low=2.0, integers=True),
]
DOMAINS = list(dict.fromkeys([*NARROW, *(domain for row in CATALOGUE.values() for domain in row.domains)]))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@EACH_DTYPE
@EACH_PROFILE
@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_values_are_inside_their_domain(domain: Domain, profile: str, dtype: str) -> None:
    """Every number of every profile is at least the margin away from ends and kinks, in the dtype that was asked for."""
    for seed in range(5):
        x = values(rng(seed), profile, (10, 20), domain, dtype)
        assert (x.shape, x.dtype) == ((10, 20), dtype)
        assert domain.distance(x.astype(np.longdouble)).min() >= MARGIN


@EACH_PROFILE
def test_simple_profiles_are_exact_in_float32(profile: str) -> None:
    """Drawn for float64, ones, integers and fractions are numbers that float32 holds too; normal ones have short decimals."""
    x = values(rng(), profile, (500,), REAL, "float64")
    if profile in ("ones", "integers", "fractions"):
        np.testing.assert_array_equal(x.astype(np.float32).astype(np.float64), x)
    if profile == "normal":
        assert max(len(repr(float(number))) for number in x) <= 7


def test_profiles_come_simplest_first() -> None:
    """Shrinking goes towards ones, then integers, then fractions."""
    assert list(DISTRIBUTIONS) == ["ones", "integers", "fractions", "normal", "wide"]


def test_profiles_are_what_they_are_called() -> None:
    """Ones are all 1, integers small, fractions eighths, normal of both signs, wide over some powers of ten."""
    drawn = {profile: values(rng(), profile, (1000,), REAL, "float64") for profile in DISTRIBUTIONS}
    assert set(drawn["ones"]) == {1.0}
    assert set(drawn["integers"]) == set(range(-4, 5))
    assert np.all(drawn["fractions"] * 8 == np.rint(drawn["fractions"] * 8))
    assert len(set(drawn["fractions"])) > 40
    assert 0.4 < (drawn["normal"] > 0).mean() < 0.6
    sizes = np.log10(abs(drawn["wide"]))
    assert sizes.max() - sizes.min() > 4
    assert 0.4 < (drawn["wide"] > 0).mean() < 0.6


@pytest.mark.parametrize("profile", ["fractions", "normal", "wide"])
@pytest.mark.parametrize("domain", [d for d in DOMAINS if d.high - d.low > 1], ids=str)
def test_values_in_a_domain_are_not_all_the_same(domain: Domain, profile: str) -> None:
    """Folding numbers into a domain leaves at least ten different ones of two hundred."""
    assert len(np.unique(values(rng(), profile, (200,), domain, "float64"))) >= 10


@pytest.mark.parametrize("domain", [REAL, NONZERO, UNIT, Domain(-80.0, 80.0)], ids=str)
def test_both_signs_occur(domain: Domain) -> None:
    """Where a domain has both signs, at least a quarter of the numbers have each."""
    x = values(rng(), "normal", (400,), domain, "float64")
    assert 0.25 < (x > 0).mean() < 0.75


@EACH_PROFILE
def test_the_same_seed_gives_the_same_values(profile: str) -> None:
    """Values, distinct values and cotangents are functions of their seed."""
    np.testing.assert_array_equal(
        values(rng(3), profile, (5, 5), REAL, "float32"), values(rng(3), profile, (5, 5), REAL, "float32")
    )
    one, other = (distinct_values(rng(3), profile, ((5,), (2, 2)), REAL, "float32") for _ in range(2))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(cotangents(rng(3), (7,), "float32"), cotangents(rng(3), (7,), "float32"))


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3), (2, 3, 4)])
@EACH_PROFILE
def test_values_have_any_shape(shape: tuple[int, ...], profile: str) -> None:
    """Scalars and empty arrays are arrays too."""
    assert values(rng(), profile, shape, POSITIVE, "float32").shape == shape
    assert distinct_values(rng(), profile, (shape, (2,)), REAL, "float32")[0].shape == shape
    assert cotangents(rng(), shape, "float32").shape == shape


# ----- the simplest point of a domain -----


SAFE = [
    (REAL, 1.0),
    (POSITIVE, 1.0),
    (NONZERO, 1.0),
    (UNIT, 0.5),
    (Domain(low=1.0), 2.0),
    (Domain(high=-5.0), -6.0),
    (Domain(2.0, 4.0), 3.5),
    (Domain(0.0, 0.0625), 0.03125),
    (REAL.avoiding(1.0), -1.0),
    (Domain(integers=True), 0.5),
    (Domain(integers=True, offset=0.5), 1.0),
]


@pytest.mark.parametrize(("domain", "point"), SAFE, ids=str)
def test_the_safe_point_is_simple_and_inside(domain: Domain, point: float) -> None:
    """Where all else fails a domain has one simple number well inside."""
    found = safe_point(domain)
    assert float(domain.distance(np.asarray(found))) >= MARGIN
    assert found == point


def test_a_domain_without_room_is_refused() -> None:
    """The message shows the domain and the margin that it has no room for."""
    with pytest.raises(ValueError, match=r"the domain \(0, 0.01\) has no room of 0.015625 around any simple point"):
        safe_point(Domain(0.0, 0.01))


# ----- numbers without ties -----

DISTINCT = [(name, row.domains[0]) for name, row in CATALOGUE.items() if row.distinct]


@EACH_DTYPE
@EACH_PROFILE
@pytest.mark.parametrize(("name", "domain"), DISTINCT)
def test_distinct_values_are_distinct(name: str, domain: Domain, profile: str, dtype: str) -> None:
    """Over all arrays together no two entries are nearer than twice the margin, and all are inside the domain."""
    for seed in range(3):
        arrays = distinct_values(rng(seed), profile, ((2, 3, 4), (3, 4), (1,)), domain, dtype)
        assert [a.shape for a in arrays] == [(2, 3, 4), (3, 4), (1,)]
        assert all(a.dtype == dtype for a in arrays)
        entries = np.sort(np.concatenate([np.ravel(a) for a in arrays]).astype(float))
        assert np.diff(entries).min() > 2 * MARGIN
        assert domain.distance(entries).min() >= MARGIN


@EACH_PROFILE
def test_distinct_values_are_in_no_order(profile: str) -> None:
    """The largest entry stands anywhere, and an array is sorted hardly ever."""
    drawn = [distinct_values(rng(seed), profile, ((6,),), REAL, "float64")[0] for seed in range(100)]
    assert len({int(x.argmax()) for x in drawn}) == 6
    assert share(drawn, lambda x: np.all(np.diff(x) > 0)) < 0.05


# ----- cotangents -----


@EACH_DTYPE
def test_cotangents_are_signed_and_not_uniform(dtype: str) -> None:
    """No zero, both signs in nearly equal parts, at least ten sizes, and no decimals longer than two."""
    ct = cotangents(rng(), (1000,), dtype)
    assert ct.dtype == dtype
    assert np.all(ct != 0)
    assert 0.4 < (ct > 0).mean() < 0.6
    assert len(np.unique(abs(ct))) >= 10
    assert np.all(ct * 4 == np.rint(ct * 4))


def test_small_cotangents_are_not_all_equal() -> None:
    """Of three entries, at most one draw in twenty is uniform: all ones would hide a lost transpose or broadcast."""
    drawn = [cotangents(rng(seed), (3,), "float64") for seed in range(400)]
    assert share(drawn, lambda ct: len(set(ct)) == 1) < 0.05
    assert share(drawn, lambda ct: math.isclose(ct.sum(), 0)) < 0.1
