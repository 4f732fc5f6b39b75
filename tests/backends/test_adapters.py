"""The adapters: what they carry over keeps its bits, and what they answer is right where their library is."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import pytest

from clinometer.backends import capabilities, load
from clinometer.backends.protocol import TRANSFORMS, versions_of
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import examine
from clinometer.harness.expectations import find, shipped, waive
from clinometer.harness.specification import specification

ADAPTERS = ("reference", "torch", "autograd")
ASKED = ("GRAD-1", "GRAD-3", "FWD-1")


# ----- what the library answers -----


def cells() -> list[Any]:
    """Return each adapter with each operation that it has, and the cells that ask about that in float64."""
    found = []
    for name in ADAPTERS:
        for op in vars(load(name).xp):
            pairs = [(c, cell) for c in CLAUSES for cell in c.cells if (cell.operation, cell.dtype) == (op, "float64")]
            if pairs:
                found.append(pytest.param(name, pairs, id=f"{name}-{op}"))
    return found


CLAUSES = [clause for clause in specification() if clause.id in ASKED]


@pytest.mark.parametrize(("name", "pairs"), cells())
def test_an_operation_holds_or_is_a_known_failure(name: str, pairs: list[tuple[Clause, Cell]]) -> None:
    """Values, gradients and tangents are right wherever no failure of the library is known."""
    backend, known = load(name), shipped(name)
    for clause, cell in pairs:
        excuse = functools.partial(waive, known, clause, cell)
        result = examine(clause, cell, backend, profile="quick", waive=excuse)
        expected = find(known, clause, cell)
        if not result.expected and not (expected and result.outcome in expected.outcomes):
            assert result.outcome in ("pass", "unsupported"), f"{clause.id}[{cell}]: {result.outcome}: {result.message}"


# ----- carrying arrays over -----

ODD = {
    "no axes": np.array(2.5),
    "no entries": np.zeros((2, 0, 3)),
    "one entry": np.ones((1, 1, 1), "float32"),
    "transposed": np.arange(6.0).reshape(2, 3).T,
    "backwards": np.arange(5.0, dtype="float32")[::-1],
    "every second": np.arange(12.0).reshape(3, 4)[:, ::2],
    "broadcast": np.broadcast_to(np.array([1.0, 2.0]), (3, 2)),
    "by columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "special values": np.array([-0.0, np.inf, -np.inf, np.nan, 5e-324, np.finfo("float64").max]),
    "special values of float32": np.array([-0.0, np.inf, np.nan, 1e-45], "float32"),
    "integers": np.array([[1, -2], [3, 2**40]]),
    "booleans": np.array([True, False]),
}


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("what", ODD)
def test_a_round_trip_keeps_dtype_shape_and_bits(name: str, what: str) -> None:
    """An array that goes to the library and comes back has the same dtype, shape and bits."""
    backend, x = load(name), ODD[what]
    back = backend.to_numpy(backend.asarray(x))
    assert (back.dtype, back.shape) == (x.dtype, x.shape)
    assert back.tobytes() == x.tobytes()


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_array_of_the_library_has_memory_of_its_own(name: str) -> None:
    """Writing into numpy's array later does not reach the library's."""
    backend, x = load(name), np.array([1.0, 2.0])
    theirs = backend.asarray(x)
    x[0] = 9.0
    np.testing.assert_array_equal(backend.to_numpy(theirs), [1.0, 2.0])


# ----- the pullback -----


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_unused_input_has_a_gradient_of_zeros(name: str, dtype: str) -> None:
    """Where nothing flows to an input its gradient is zeros of its own shape and dtype."""
    backend: Any = load(name)
    x, unused = (backend.asarray(np.ones(shape, dtype)) for shape in ((3,), (2, 2)))
    _, pullback = backend.vjp(lambda x, unused: backend.xp.sin(x), x, unused)
    gradient = backend.to_numpy(pullback(backend.asarray(np.ones(3, dtype)))[1])
    np.testing.assert_array_equal(gradient, np.zeros((2, 2), dtype), strict=True)


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_output_that_depends_on_nothing_has_gradients_and_tangents_of_zeros(name: str) -> None:
    """A constant function has zeros for derivatives, and nobody is warned of it."""
    backend: Any = load(name)
    x, c = backend.asarray(np.array([1.0, 2.0])), backend.asarray(np.array([5.0]))
    backend.jvp(backend.xp.exp, [x], [x])  # a library may say something of its own when it loads forward mode
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, pullback = backend.vjp(lambda x: backend.xp.exp(c), x)
        gradients = [backend.to_numpy(g) for g in pullback(backend.asarray(np.ones(1)))]
        _, dy = backend.jvp(lambda x: backend.xp.exp(c), [x], [x])
    np.testing.assert_array_equal(backend.to_numpy(y), np.exp([5.0]))
    np.testing.assert_array_equal(gradients, [np.zeros(2)], strict=True)
    np.testing.assert_array_equal(backend.to_numpy(dy), [0.0], strict=True)


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_pullback_may_be_called_again(name: str) -> None:
    """One pullback serves several cotangents, and keeps nothing of the one before."""
    backend: Any = load(name)
    _, pullback = backend.vjp(backend.xp.square, backend.asarray(np.array([1.0, -3.0])))
    cts = ([1.0, 2.0], [0.5, -1.0], [1.0, 2.0])
    got = [backend.to_numpy(pullback(backend.asarray(np.array(ct)))[0]).tolist() for ct in cts]
    assert got == [[2.0, -12.0], [1.0, 6.0], [2.0, -12.0]]


@pytest.mark.parametrize("name", ADAPTERS)
def test_one_input_alone_and_all_inputs_have_the_same_gradients(name: str) -> None:
    """Asking for one input's gradient and for those of all gives the same numbers."""
    backend: Any = load(name)
    x, y, ct = (backend.asarray(np.array(v)) for v in ([1.5, 2.0], [0.5, -3.0], [1.0, -0.25]))
    both = [backend.to_numpy(g) for g in backend.vjp(backend.xp.multiply, x, y)[1](ct)]
    alone = backend.to_numpy(backend.vjp(lambda x: backend.xp.multiply(x, y), x)[1](ct)[0])
    np.testing.assert_array_equal(both, [[0.5, 0.75], [1.5, -0.5]])
    np.testing.assert_array_equal(alone, both[0])


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_stopped_value_keeps_its_number_and_loses_its_derivative(name: str) -> None:
    """In x * stop_gradient(x) one factor is cut, in both modes."""
    backend: Any = load(name)
    x, one = backend.asarray(np.array([3.0])), backend.asarray(np.array([1.0]))

    def half_cut(x: Any) -> Any:
        return backend.xp.multiply(x, backend.xp.stop_gradient(x))

    y, pullback = backend.vjp(half_cut, x)
    assert backend.to_numpy(y).tolist() == [9.0]
    assert backend.to_numpy(pullback(one)[0]).tolist() == [3.0]
    assert backend.to_numpy(backend.jvp(half_cut, [x], [one])[1]).tolist() == [3.0]


@pytest.mark.parametrize(
    ("name", "offers"),
    [
        ("reference", {"reverse", "forward", "nested", "tape", "inplace", "no_grad", "stop_gradient", *TRANSFORMS}),
        ("torch", {"reverse", "forward", "nested", "tape", "inplace", "no_grad", "stop_gradient", "vmap", "cond"}),
        ("autograd", {"reverse", "forward", "nested", "stop_gradient"}),
    ],
)
def test_an_adapter_offers_what_its_library_has(name: str, offers: set[str]) -> None:
    """Capabilities are read off the members: a functional library has no tape."""
    assert capabilities(load(name)) == offers


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_says_which_versions_it_runs_on(name: str) -> None:
    """The journal learns the version of every library that takes part."""
    versions = versions_of(load(name))
    assert {"torch": "torch", "autograd": "autograd", "reference": "numpy"}[name] in versions
    assert all(versions.values())
