"""Complex truth: the transpose in Re <u, v>, against mpmath and against the five formulas of the parts."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from drawn import examples

from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.tracing import single
from clinometer.reference.verdict import errors_in_tolerances
from clinometer.strategies import fixed_case, operation_cases

DTYPES = ("complex64", "complex128")
POINTS = np.array([0.75 + 0.5j, 1.25 - 0.75j, 2.0 + 1.0j, 0.25 + 0.125j])

HOLOMORPHIC: dict[str, Callable] = {
    "exp": mp.exp, "log": mp.log, "log10": mp.log10, "sqrt": mp.sqrt, "rsqrt": lambda z: 1 / mp.sqrt(z),
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh,
    "reciprocal": lambda z: 1 / z, "square": lambda z: z * z, "negative": lambda z: -z,
}  # fmt: skip


def at_points(name: str, dtype: str) -> Case:
    return fixed_case(single(name, {}), [POINTS], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_the_gradient_of_a_holomorphic_function_conjugates_its_derivative(name: str, dtype: str) -> None:
    """Of f holomorphic the pullback of u is u times the conjugate of f', which mpmath differentiates in 50 digits."""
    case = at_points(name, dtype)
    with mp.workdps(50):
        slopes = np.array([complex(mp.diff(HOLOMORPHIC[name], mp.mpc(complex(z)))) for z in case.inputs[0][0]])
        values = np.array([complex(HOLOMORPHIC[name](mp.mpc(complex(z)))) for z in case.inputs[0][0]])
    (gradient,), (value,) = case.truth.gradients, case.truth.values
    assert errors_in_tolerances((case.cotangents[0] * slopes.conj())[:1], gradient).max() < 1
    assert errors_in_tolerances(values[None], value).max() < 1


PARTS: dict[str, Callable[[Any, Any], Any]] = {
    "real": lambda z, u: u + 0j,
    "imag": lambda z, u: 1j * u,
    "conj": lambda z, u: u.conj(),
    "modulus": lambda z, u: u * z / abs(z),
    "sgn": lambda z, u: (u - z * (z.conj() * u).real / abs(z) ** 2) / abs(z),  # what is across z, by its size
    "angle": lambda z, u: u * 1j * z / abs(z) ** 2,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PARTS)
def test_the_gradients_of_the_parts(name: str, dtype: str) -> None:
    """Real part, imaginary part, conjugate, modulus, direction and angle have the gradients that paper gives them."""
    case = at_points(name, dtype)
    wide = np.clongdouble
    expected = PARTS[name](case.inputs[0].astype(wide), case.cotangents[0].astype(wide))
    assert errors_in_tolerances(expected, case.truth.gradients[0]).max() < 1


def test_cotangents_of_real_outputs_are_real() -> None:
    """A modulus is real, and so is the cotangent that is drawn for it."""
    case = at_points("modulus", "complex64")
    assert case.cotangents[0].dtype == np.float32
    assert case.truth.values[0].value.dtype == np.float64
    assert case.truth.gradients[0].value.dtype == np.complex128


COMPLEX_ROWS = [name for name, row in CATALOGUE.items() if "complex128" in row.dtypes and row.differentiable]


@pytest.mark.parametrize("name", COMPLEX_ROWS)
def test_the_two_sides_of_a_complex_truth_are_transposes(name: str) -> None:
    """Re <u, J v> equals Re <J'u, v> for every operation that takes complex numbers."""
    for case in examples(operation_cases(name, "complex128"), 5, zlib.crc32(name.encode())):
        wide = np.clongdouble
        along = tuple(range(1, case.cotangents[0].ndim))
        left = (case.cotangents[0].conj().astype(wide) * case.truth.tangents[0].value).sum(along).real
        terms = zip(case.truth.gradients, case.tangents, strict=True)
        right = sum((g.value.conj() * dx).sum(tuple(range(1, dx.ndim))).real for g, dx in terms)
        np.testing.assert_allclose(left.astype(float), np.asarray(right, float), rtol=1e-12, atol=1e-12)


def test_a_missing_conjugate_shows() -> None:
    """A gradient that multiplies by f' itself is far outside the tolerance."""
    case = at_points("exp", "complex128")
    wrong = case.cotangents[0] * np.exp(case.inputs[0])
    assert (errors_in_tolerances(wrong, case.truth.gradients[0]) > 1e6).all()
