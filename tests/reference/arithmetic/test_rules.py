"""Every row of the catalogue, against witnesses that have never seen its rule."""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import independent
import mpmath
import numpy as np
import pytest
from drawn import examples

from clinometer.reference.arithmetic import dispatch, rules
from clinometer.reference.arithmetic.linear_maps import Chain, Contract, Scale
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE, special
from clinometer.reference.program.tracing import single
from clinometer.reference.truth.expected import Expected
from clinometer.reference.verdict import SAFETY, ask_second_witness, check_truth, worst_disagreement
from clinometer.strategies import operation_cases, values

DTYPES = ("float32", "float64")
EXAMPLES = 10
DIGITS = 50

# Rows without a function of that name in numpy, scipy or mpmath, or a formula independent of ours.
WITHOUT_OTHER: set[str] = set()


def seed(name: str, dtype: str) -> int:
    return zlib.crc32(f"{name} {dtype}".encode())


def drawn(name: str, dtype: str, count: int = EXAMPLES) -> list[Case]:
    return examples(operation_cases(name, dtype), count, seed(name, dtype))


def claims(case: Case) -> Iterator[tuple[str, int, Expected]]:
    """Yield all that the truth claims: mode, which input or output, numbers."""
    truth = case.truth
    for mode, found in (("value", truth.values), ("reverse", truth.gradients), ("forward", truth.tangents)):
        yield from ((mode, which, expected) for which, expected in enumerate(found) if expected.value.size)


def some_place(rng: np.random.Generator, expected: Expected) -> tuple[int, ...]:
    return tuple(int(rng.integers(n)) for n in expected.value.shape)


# ----- the second witness -----


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, d) for name, row in CATALOGUE.items() for d in (*DTYPES, "complex128") if d in row.dtypes]
)
def test_finite_differences_confirm_every_row(name: str, dtype: str) -> None:
    """Value, gradient and tangent of drawn cases agree with finite differences of the plain function."""
    rng = np.random.default_rng(seed(name, dtype))
    for case in drawn(name, dtype):
        for mode, which, expected in claims(case):
            assert check_truth(case, mode, which, some_place(rng, expected), expected) is None, case


@pytest.mark.parametrize(("dtype", "off"), [("float32", 4e-5), ("float64", 1e-10)])
def test_the_second_witness_would_notice(dtype: str, off: float) -> None:
    """A truth off by some hundred roundings is found invalid at 99 of 100 entries, over all rows together."""
    noticed = []
    for name in CATALOGUE:
        rng = np.random.default_rng(seed(name, dtype))
        for case in drawn(name, dtype, 4):
            for mode, which, expected in claims(case):
                place = some_place(rng, expected)
                wrong = Expected(expected.value * (1 + off), expected.tolerance)
                if abs(expected.value[place]) > 1e-3:
                    noticed.append(check_truth(case, mode, which, place, wrong) is not None)
    assert len(noticed) > 500
    # What is drawn is a sample, another with each version of Hypothesis: three standard errors below are no evidence.
    assert np.mean(noticed) >= 0.99 - 3 * (0.99 * 0.01 / len(noticed)) ** 0.5


def test_a_right_backend_is_not_blamed_and_a_wrong_one_is() -> None:
    """Heard about an answer, the second witness says `fail` for a wrong one and never for the right one."""
    (case, *_) = drawn("sin", "float64")
    (expected,) = case.truth.gradients
    found = worst_disagreement(expected.value * 1.001, expected, "reverse", 0)
    assert found is not None
    assert ask_second_witness(case, found).outcome == "fail"
    assert worst_disagreement(expected.value, expected, "reverse", 0) is None


# ----- a wrong rule is our own defect -----

WRONG_PARTIALS: list[tuple[str, Callable, tuple]] = [
    ("sin", np.sin, (lambda y, x: -np.cos(x),)),
    ("exp", np.exp, (lambda y, x: y * 1.0001,)),
    ("tanh", np.tanh, (lambda y, x: 1 + y * y,)),
    ("log", np.log, (lambda y, x: y / x,)),
    ("sqrt", np.sqrt, (lambda y, x: 0.25 / y,)),
    ("divide", np.divide, (lambda y, a, b: 1 / b, lambda y, a, b: y / b)),
    ("multiply", np.multiply, (lambda y, a, b: a, lambda y, a, b: b)),
    ("subtract", np.subtract, (lambda y, a, b: 1, lambda y, a, b: 1)),
    ("atan2", np.arctan2, (lambda a, y, x: -x / (x * x + y * y), lambda a, y, x: y / (x * x + y * y))),
    ("pow", np.power, (lambda y, x, p: p * np.power(x, p), lambda y, x, p: y * np.log(x))),
    ("pow", np.power, (lambda y, x, p: p * np.power(x, p - 1), None)),
    ("abs", np.absolute, (None,)),
    ("softplus", np.logaddexp, (lambda z, x, y: np.exp(y - z), lambda z, x, y: np.exp(y - z))),  # a composition, by a part
    ("cbrt", np.cbrt, (lambda y, x: 1 / (3 * y),)),
    ("copysign", np.copysign, (lambda z, x, y: np.sign(x), None)),
    ("digamma", special.digamma, (lambda y, x: -special.POLYGAMMA[1](x),)),
    ("i1", special.i1, (lambda y, x: special.i0(x) + y / x,)),
    ("var", np.multiply, (lambda y, a, b: b, None)),
]

WRONG_STRUCTURE: list[tuple[str, Callable, Callable]] = [
    ("inv", dispatch.inverse, lambda place, y, args, params: Contract(["ax", "xy", "yb"], "ab", [y, args[0], y], 1)),
    ("relu6", np.where, lambda place, y, args, params: Scale(1.0, np.shape(args[place]), np.shape(y)) if place else None),
    ("stop_gradient", dispatch.stop_gradient, lambda place, y, args, params: Scale(1, np.shape(y), np.shape(y))),
    ("eigvalsh", dispatch.eigenvalues, lambda *at: turned(rules._eigenvalues, *at)),
    ("eigh", dispatch.eigenvectors, lambda *at: turned(rules._eigenvectors, *at)),
    ("irfft", dispatch.contract, lambda *at: turned(rules._contract, *at)),
]


def turned(rule: Callable, place: int, y: Any, args: Any, params: Any) -> Chain:
    """Return the map of a rule with the wrong sign."""
    return Chain(rule(place, y, args, params), Scale(-1, np.shape(y), np.shape(y)))


def found_invalid(name: str, dtype: str) -> bool:
    """Whether any entry of any drawn case speaks against the truth."""
    for case in drawn(name, dtype):
        if CATALOGUE[name].form == "regular" and case.inputs[0].ndim > 3:
            continue  # the planted rule is for one matrix
        for mode, which, expected in claims(case):
            if any(check_truth(case, mode, which, place, expected) for place in np.ndindex(expected.value.shape)):
                return True
    return False


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "function", "wrong"), WRONG_PARTIALS)
def test_a_wrong_partial_is_found_invalid(
    monkeypatch: pytest.MonkeyPatch, name: str, function: Callable, wrong: tuple, dtype: str
) -> None:
    """A rule that is not the derivative makes the witnesses contradict each other, which blames us and no backend."""
    monkeypatch.setitem(rules.PARTIALS, function, wrong)
    assert found_invalid(name, dtype)


@pytest.mark.parametrize(("name", "function", "wrong"), WRONG_STRUCTURE)
def test_a_wrong_structural_rule_is_found_invalid(
    monkeypatch: pytest.MonkeyPatch, name: str, function: Callable, wrong: Callable
) -> None:
    """The same holds for the few rules that are no partials."""
    monkeypatch.setitem(rules.STRUCTURAL, function, wrong)
    assert found_invalid(name, "float64")


def test_a_function_without_a_rule_names_itself() -> None:
    """The message for a function without a rule has its name and says what to do."""
    with pytest.raises(TypeError, match="fmod has no derivative rule; give its row partials"):
        rules.linearize(np.fmod, 0, 1.0, [1.0, 2.0], {})


# ----- numpy and scipy -----


def test_every_row_has_a_second_implementation() -> None:
    """No operation of the catalogue is without an independent value, and the table names none that there is not."""
    assert set(independent.NUMPY) | WITHOUT_OTHER == set(CATALOGUE)


@pytest.mark.parametrize("name", independent.NUMPY)
def test_the_value_is_numpys(name: str) -> None:
    """In float64 the function that numpy or scipy has of that name lies within tolerance of ours, shape included."""
    for case in drawn(name, "complex128" if CATALOGUE[name].kinds == "c" else "float64", 15):
        (expected,), params = case.truth.values, case.program.steps[0].params
        with np.errstate(all="ignore"):
            got = np.stack([np.asarray(independent.NUMPY[name](*xs, **params)) for xs in zip(*case.inputs, strict=True)])
        assert got.shape == expected.value.shape, case
        assert worst_disagreement(got, expected, "value", 0) is None, case


# ----- mpmath, in 50 digits -----


def decimal(x: Any) -> mpmath.mpf:
    return mpmath.mpf(np.format_float_scientific(x, 40, unique=False))


def disagreement(found: Any, exact: Any, tolerance: Any) -> float:
    """Return the error of our truth in units of its tolerance."""
    return float(abs(decimal(found) - exact) / decimal(tolerance))


@pytest.fixture(autouse=True)
def digits() -> Iterator[None]:
    """Let mpmath work with 50 digits."""
    with mpmath.workdps(DIGITS):
        yield


def scalar_case(name: str, dtype: str) -> Case:
    """Return a case of one elementwise operation at scalars: 24 points, of all profiles."""
    row, rng = CATALOGUE[name], np.random.default_rng(seed(name, dtype))
    profiles = ("ones", "integers", "fractions", "normal", "wide")
    inputs = [np.concatenate([values(rng, p, (5,), domain, dtype) for p in profiles]) for domain in row.domains]
    if row.distinct:
        inputs[1] = np.where(abs(inputs[0] - inputs[1]) < 0.1, inputs[0] + 0.5, inputs[1]).astype(dtype)
    if row.joint:
        inputs[0] = np.where(row.joint(*inputs) < 0.01, inputs[0] + 0.3 * inputs[1], inputs[0]).astype(dtype)
    params = {parameter: choices[0] for parameter, choices in row.choices.items()}
    ones = np.ones(len(inputs[0]), dtype)
    return Case(single(name, params), tuple(inputs), tuple(ones for _ in inputs), (ones,), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", independent.MPMATH)
def test_elementwise_rows_agree_with_mpmath(name: str, dtype: str) -> None:
    """Value and every partial derivative are mpmath's, to a quarter of the tolerance."""
    case, function = scalar_case(name, dtype), independent.MPMATH[name]
    params = case.program.steps[0].params
    for p, xs in enumerate(zip(*case.inputs, strict=True)):
        at = [mpmath.mpf(float(x)) for x in xs]
        (value,) = case.truth.values
        assert disagreement(value.value[p], function(*at, **params), value.tolerance[p]) < 0.25, xs
        for i, gradient in enumerate(case.truth.gradients):
            order = tuple(int(j == i) for j in range(len(xs)))
            exact = mpmath.diff(lambda *a: function(*a, **params), tuple(at), order)
            assert disagreement(gradient.value[p], exact, gradient.tolerance[p]) < 0.25, (xs, i)


def test_every_smooth_elementwise_row_has_a_function_of_mpmath() -> None:
    """The table covers all differentiable elementwise rows of real numbers: a new one needs an entry."""
    smooth = {n for n, row in CATALOGUE.items() if row.form == "elementwise" and row.differentiable and "f" in row.kinds}
    assert set(independent.MPMATH) == smooth


def list_case(name: str, params: dict[str, Any], shape: tuple[int, ...], x: np.ndarray, dtype: str) -> Case:
    program = single(name, params)
    x = x.reshape(2, *shape).astype(dtype)
    out = np.shape(CATALOGUE[name].value(x[0], **params))
    cotangents = (
        np.random.default_rng(1).integers(1, 9, (2, *out))
        / 4
        * np.where(np.arange(max(np.prod(out), 1)) % 2, 1, -1).reshape(out)
    )
    return Case(program, (x,), (x,), (cotangents.astype(dtype),), dtype)


def check_list(case: Case, function: Callable, bound: float) -> None:
    """Hold value and gradient of a function from a list of entries to a list against mpmath."""
    for p in range(case.points):
        (value,), (gradient,) = case.at(p).truth.values, case.at(p).truth.gradients
        xs = [mpmath.mpf(float(x)) for x in case.inputs[0][p].ravel()]
        cts = [mpmath.mpf(float(ct)) for ct in case.cotangents[0][p].ravel()]
        for k, exact in enumerate(listed(function(xs))):
            assert disagreement(value.value.flat[k], exact, value.tolerance.flat[k]) < bound, (p, k)
        for i in range(len(xs)):
            exact = mpmath.diff(along(function, xs, cts, i), 0)
            assert disagreement(gradient.value.flat[i], exact, gradient.tolerance.flat[i]) < bound, (p, i)


def along(function: Callable, xs: list[Any], cts: list[Any], i: int) -> Callable[[Any], Any]:
    """Return <cts, function> as a function of a step along entry i."""
    return lambda t: mpmath.fdot(zip(cts, listed(function([x + t * (j == i) for j, x in enumerate(xs)])), strict=True))


def listed(y: Any) -> list[Any]:
    return list(y) if isinstance(y, list | tuple) else [y]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", independent.MPMATH_VECTORS)
def test_reductions_and_scans_agree_with_mpmath(name: str, dtype: str) -> None:
    """Value and gradient along a vector are mpmath's, to a quarter of the tolerance."""
    function, params = independent.MPMATH_VECTORS[name]
    x = np.array([1.5, -0.25, 3.0, 0.75, -2.0, 0.3, 2.7, -1.1, 0.9, 4.2])
    x = abs(x) if name == "vector_norm" else x
    options = {k: v for k, v in params.items() if k in inspect.signature(function).parameters}
    check_list(list_case(name, params, (5,), x, dtype), lambda xs: function(list(xs), **options), 0.25)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", independent.MPMATH_MATRICES)
def test_matrix_functions_agree_with_mpmath(name: str, dtype: str) -> None:
    """Value and gradient of determinant, trace, inverse and Cholesky factor are mpmath's, to a quarter of the tolerance."""
    part = np.random.default_rng(5).integers(-4, 5, (2, 3, 3)) / 4
    x = (part + np.swapaxes(part, -1, -2)) / 2 + 4 * np.eye(3)
    function = independent.MPMATH_MATRICES[name]
    check_list(list_case(name, {}, (3, 3), x, dtype), lambda xs: function(list(xs)), 0.25)


def test_the_safety_factor_is_small() -> None:
    """An error estimate is trusted up to a factor of ten, no more: a large one would let wrong truths pass."""
    assert SAFETY <= 10
