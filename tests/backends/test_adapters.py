"""The adapters: what they carry over keeps its bits, and what they answer is right where their library is."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from clinometer.backends import capabilities, load
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program import run, single
from clinometer.reference.truth import Case, Expected
from clinometer.reference.verdict import hear, worst
from clinometer.strategies import fixed_case, operation_cases

ADAPTERS = ("reference", "torch", "autograd")
FEW = settings(
    max_examples=5,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
READABLE = ("ones", "integers", "fractions", "normal")

Xs = Sequence[np.ndarray]


# ----- what the libraries are known to get wrong: asserted, so that a repaired one is noticed -----


class Finding(NamedTuple):
    """A true fault of a library: what it is, the points that it concerns, and the smallest of them."""

    about: str
    concerns: Callable[[Xs, dict[str, Any]], bool]
    inputs: tuple[Any, ...]
    params: dict[str, Any] = {}


def is_singular(xs: Xs, params: dict[str, Any]) -> bool:
    return bool((np.abs(np.linalg.det(xs[0])) < 1e-9).any())


def has_a_negative_axis_among_several(xs: Xs, params: dict[str, Any]) -> bool:
    axis = params["axis"]
    return not params["keepdims"] and isinstance(axis, tuple) and any(a < 0 for a in axis)


def has_a_zero(xs: Xs, params: dict[str, Any]) -> bool:
    return bool((xs[0] == 0).any())


def is_infinite(xs: Xs, params: dict[str, Any]) -> bool:
    return params["ord"] == math.inf


def keeps_an_axis_or_is_infinite(xs: Xs, params: dict[str, Any]) -> bool:
    return is_infinite(xs, params) or (params["keepdims"] and params["axis"] is not None)


def is_broadcast(xs: Xs, params: dict[str, Any]) -> bool:
    return len({np.shape(xs[0]), np.shape(xs[1]), np.shape(params["condition"])}) > 1


def is_a_mask(xs: Xs, params: dict[str, Any]) -> bool:
    key = params["key"]
    return isinstance(key, list) and np.asarray(key).dtype == bool


TWO_AXES = {"axis": (-2, -1), "keepdims": False}
MATRIX = ([[1.0, 2.0, 4.0], [3.0, 7.0, 5.0]],)

SINGULAR = ([[1.0, 1.0], [1.0, 1.0]],)

FINDINGS: dict[tuple[str, str, str], Finding] = {
    ("torch", "det", "reverse"): Finding("zeros at a singular matrix (pytorch issues 80761, 104675)", is_singular, SINGULAR),
    ("torch", "det", "forward"): Finding("zeros at a singular matrix (pytorch issues 80761, 104675)", is_singular, SINGULAR),
    ("autograd", "det", "reverse"): Finding("inverts a singular matrix, which raises", is_singular, SINGULAR),
    ("autograd", "prod", "reverse"): Finding("divides by the entries: 0/0", has_a_zero, ([2.0, 0.0, 3.0],)),
    ("autograd", "prod", "forward"): Finding("divides by the entries: 0/0", has_a_zero, ([2.0, 0.0, 3.0],)),
    ("autograd", "where", "reverse"): Finding(
        "the gradient has the result's shape", is_broadcast, (3.0, 4.0), {"condition": [True, False]}
    ),
    ("autograd", "var", "forward"): Finding(
        "NameError: numpy is not imported under the name used",
        lambda xs, params: isinstance(params["axis"], tuple),
        MATRIX,
        {"axis": (0,), "keepdims": False, "correction": 0.0},
    ),
    ("autograd", "max", "forward"): Finding(
        "expands negative axes in the wrong order", has_a_negative_axis_among_several, MATRIX, TWO_AXES
    ),
    ("autograd", "min", "forward"): Finding(
        "expands negative axes in the wrong order", has_a_negative_axis_among_several, MATRIX, TWO_AXES
    ),
    ("autograd", "logsumexp", "forward"): Finding(
        "expands negative axes in the wrong order", has_a_negative_axis_among_several, MATRIX, TWO_AXES
    ),
    ("autograd", "vector_norm", "reverse"): Finding(
        "expands what keepdims has kept; and inf / inf for the largest entry",
        keeps_an_axis_or_is_infinite,
        MATRIX,
        {"axis": 1, "keepdims": True, "ord": 2},
    ),
    ("autograd", "vector_norm", "forward"): Finding(
        "inf / inf for the largest entry", is_infinite, ([1.0, 3.0],), {"axis": 0, "keepdims": False, "ord": math.inf}
    ),
    ("autograd", "sort", "forward"): Finding(
        "indexes the first axis alone", lambda xs, params: xs[0].ndim > 1, MATRIX, {"axis": 1}
    ),
    ("autograd", "diagonal", "reverse"): Finding(
        "the gradient of a rectangle is a square", lambda xs, params: xs[0].shape[-1] != xs[0].shape[-2], MATRIX
    ),
    ("autograd", "tile", "reverse"): Finding(
        "fewer repetitions than axes are taken for the first axes",
        lambda xs, params: len(params["repetitions"]) < xs[0].ndim,
        ([[1.0, 2.0], [3.0, 4.0]],),
        {"repetitions": (2,)},
    ),
    ("autograd", "repeat", "reverse"): Finding(
        "slices the shape at a negative axis, and takes one number of repetitions alone",
        lambda xs, params: isinstance(params["repeats"], list) or (params["axis"] or 0) < 0,
        ([1.0, 2.0],),
        {"repeats": 2, "axis": -1},
    ),
    ("autograd", "roll", "reverse"): Finding(
        "negates a tuple of shifts",
        lambda xs, params: isinstance(params["shift"], tuple),
        ([1.0, 2.0],),
        {"shift": (1,), "axis": (0,)},
    ),
    ("torch", "logcumsumexp", "forward"): Finding(
        "divides by a running sum with 1e-13 added, relative to the greatest entry of all (pytorch issue 196705)",
        lambda xs, params: True,
        ([-40.0, 0.0],),
        {"axis": 0},
    ),
    ("autograd", "broadcast_to", "reverse"): Finding(
        "an axis stretched to length 0 is not summed", lambda xs, params: 0 in params["shape"], ([[1.0]],), {"shape": (0, 1)}
    ),
    ("autograd", "getitem", "reverse"): Finding(
        "a list of booleans becomes integers", is_a_mask, ([1.0, 2.0],), {"key": [True, True]}
    ),
}


def concerned(name: str, op: str, mode: str, one: Case) -> bool:
    """Return whether a known finding concerns a case of one point."""
    finding = FINDINGS.get((name, op, mode))
    return finding is not None and finding.concerns([x[0] for x in one.inputs], dict(one.program.steps[0].params))


# ----- asking and holding against the truth -----


def function(backend: Any, case: Case) -> Callable[..., Any]:
    return lambda *xs: run(case.program, backend.xp, *xs)[0]


def answers(backend: Any, one: Case, mode: str) -> tuple[list[np.ndarray], list[Expected]]:
    """Return what a backend says about a case of one point, and what is true."""
    f, xs = function(backend, one), [backend.asarray(x[0]) for x in one.inputs]
    if mode == "forward":
        y, dy = backend.jvp(f, xs, [backend.asarray(dx[0]) for dx in one.tangents])
        return [backend.to_numpy(y), backend.to_numpy(dy)], [one.truth.values[0], one.truth.tangents[0]]
    y, pullback = backend.vjp(f, *xs)
    gradients = pullback(backend.asarray(one.cotangents[0][0]))
    return [backend.to_numpy(a) for a in (y, *gradients)], [one.truth.values[0], *one.truth.gradients]


def fault(backend: Any, one: Case, mode: str) -> str:
    """Return what is wrong with an answer; nothing if it holds, or is not offered."""
    try:
        got, expected = answers(backend, one, mode)
    except NotImplementedError:
        return ""
    except Exception as error:  # whatever a library raises is its answer
        return f"{type(error).__name__}: {error}"
    for k, (a, e) in enumerate(zip(got, expected, strict=True)):
        if a.shape != e.value.shape[1:]:
            return f"shape {a.shape}, expected {e.value.shape[1:]}"
        found = worst(a[None], e, mode if k else "value", max(k - 1, 0))
        if found is not None:
            return str(hear(one, found))
    return ""


def offered() -> list[tuple[str, str]]:
    """Return each adapter with each operation that it has."""
    rows = [op for op, row in CATALOGUE.items() if row.differentiable]
    return [(name, op) for name in ADAPTERS for op in rows if hasattr(load(name).xp, op)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, of 0/0: what comes out is judged
@pytest.mark.parametrize(("name", "op"), offered())
def test_an_operation_agrees_with_the_truth(name: str, op: str) -> None:
    """Values, gradients and tangents are within their tolerance, but where a known finding says otherwise."""
    backend: Any = load(name)

    @FEW
    @given(operation_cases(op, "float64", profiles=READABLE))
    def agrees(case: Case) -> None:
        for one in map(case.at, range(case.points)):
            for mode in sorted(capabilities(backend) & {"reverse", "forward"}):
                if not concerned(name, op, mode, one):
                    assert not fault(backend, one, mode), one

    agrees()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, of 0/0: what comes out is judged
@pytest.mark.parametrize(("name", "op", "mode"), FINDINGS)
def test_a_known_finding_is_still_there(name: str, op: str, mode: str) -> None:
    """The library is wrong at the smallest case of a finding, and the finding concerns that case."""
    finding = FINDINGS[name, op, mode]
    one = fixed_case(single(op, finding.params), finding.inputs, "float64")
    assert concerned(name, op, mode, one)
    assert fault(load(name), one, mode), f"repaired in this version: take the finding out ({finding.about})"


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
        ("reference", {"reverse", "forward", "nested", "tape", "stop_gradient"}),
        ("torch", {"reverse", "forward", "nested", "tape", "stop_gradient"}),
        ("autograd", {"reverse", "forward", "nested", "stop_gradient"}),
    ],
)
def test_an_adapter_offers_what_its_library_has(name: str, offers: set[str]) -> None:
    """Capabilities are read off the members: a functional library has no tape."""
    assert capabilities(load(name)) == offers


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_says_which_versions_it_runs_on(name: str) -> None:
    """The journal learns the version of every library that takes part."""
    versions: dict[str, str] = load(name).versions  # type: ignore[attr-defined]  # these have them
    assert {"torch": "torch", "autograd": "autograd", "reference": "numpy"}[name] in versions
    assert all(versions.values())
