"""What an adapter does not ask of its library, the library refuses itself: each refusal is put to it directly."""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinometer.backends import Absent, Refusal, load
from clinometer.backends.autograd import adapter as autograd_adapter
from clinometer.backends.torch import adapter as torch_adapter
from clinometer.harness.check import Check
from clinometer.harness.examine import sample
from clinometer.harness.findings import Unsupported
from clinometer.reference.arithmetic.rounding import PRECISIONS
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.interpreter import run
from clinometer.strategies import operation_cases

ADAPTERS = {"autograd": autograd_adapter, "torch": torch_adapter}
PLACE = np.array([[1.0, 2.0], [3.0, 5.0]])


def asked(name: str, expression: str) -> Any:
    """Return what an expression of `x`, in the library's own words, raises when it is differentiated; None if nothing."""
    scope: dict[str, Any] = {}
    exec(load(name).dialect.imports, scope)  # type: ignore[attr-defined]  # as in a script

    def f(x: Any) -> Any:
        return eval(expression, scope, {"x": x})  # the adapter's own constant

    try:
        if name == "torch":
            y = f(scope["torch"].tensor(PLACE, requires_grad=True))
            y.sum().backward()
        else:
            pullback, y = scope["autograd"].make_vjp(f)(PLACE)
            pullback(np.ones_like(y))
    except Exception as error:
        return error
    return None


def unsupported(kind: type) -> list[tuple[str, Any]]:
    """Return each adapter's name with each thing of a kind that it says the library does not have."""
    return [(name, it) for name, module in ADAPTERS.items() for it in module.UNSUPPORTED if isinstance(it, kind)]


def refusals() -> list[Any]:
    """Return each adapter's name with the words and the example of each refusal."""
    return [pytest.param(name, it.words, it.example, id=f"{name}-{it.example}") for name, it in unsupported(Refusal)]


def instead() -> list[Any]:
    """Return each adapter's name with each operation that it says in other words, and those of the library."""
    pairs = [(name, item) for name, module in ADAPTERS.items() for item in module.INSTEAD.items()]
    return [pytest.param(name, *item, id=f"{name}-{item[1]}") for name, item in pairs]


@pytest.mark.parametrize(("name", "words", "expression"), refusals())
def test_a_refusal_is_the_library_s_own(name: str, words: str, expression: str) -> None:
    """Words that an adapter takes for "not implemented" are what the library says of the example beside them."""
    error = asked(name, expression)
    assert error is not None, f"{name} has learned {expression}: the refusal goes"
    assert re.search(words, f"{type(error).__name__}: {' '.join(str(error).split())}")


@pytest.mark.parametrize(("name", "op", "expression"), instead())
def test_what_is_said_in_other_words_cannot_be_said_in_the_library_s(name: str, op: str, expression: str) -> None:
    """Where the table goes around a name of the library, the library refuses to differentiate that."""
    assert op in vars(load(name).xp)
    error = asked(name, expression)
    assert isinstance(error, NotImplementedError | TypeError | RuntimeError | IndexError), (
        f"{name} has learned {expression}: the table of its words takes it"
    )


def lacked() -> list[Any]:
    """Return each adapter's name with each operation, and a dtype that it says the library lacks."""
    rows = [(name, op, kind) for name, it in unsupported(Absent) for op in it.operations for kind in it.within]
    return [pytest.param(*row, id="-".join(row)) for row in rows if row[2] in PRECISIONS]


@pytest.mark.parametrize(("name", "op", "dtype"), lacked())
def test_a_dtype_that_an_operation_lacks_is_refused_or_left(name: str, op: str, dtype: str) -> None:
    """In a dtype that an adapter says is lacking, the operation raises for all that is drawn, or answers in another."""
    backend = load(name)
    for case in sample(operation_cases(op, dtype), 6, 0):
        try:
            y = run(case.program, backend.xp, *(backend.asarray(x[0]) for x in case.inputs))[0]
        except Exception:
            continue
        assert backend.to_numpy(y).dtype != dtype, f"{name} has learned {op} in {dtype}"


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_declares_every_dtype_that_its_library_differentiates_in(name: str) -> None:
    """The dtypes of an adapter are all those of the suites in which the library squares numbers, and gives gradients."""
    backend: Any = load(name)

    def taken(dtype: str) -> bool:
        if name == "autograd" and np.dtype(dtype).isbuiltin != 1:
            return False  # its arrays are numpy's, and so are their dtypes
        x = np.ones(2).astype(dtype)
        try:
            y, pullback = backend.vjp(backend.xp.square, backend.asarray(x))
            return {backend.to_numpy(a).dtype for a in (y, *pullback(backend.asarray(x)))} == {x.dtype}
        except Exception:
            return False

    assert set(backend.support.dtypes) == {dtype for dtype in PRECISIONS if taken(dtype)}


def test_torch_refuses_the_tangent_of_its_cond() -> None:
    """The one mode that torch is said to lack raises in torch's own words."""
    import torch

    with pytest.raises(Exception, match=r"captured completely|not supported"):
        torch.func.jvp(lambda x: torch.cond(x.sum() > 0, lambda: x * 2, lambda: x * 3), (torch.ones(2),), (torch.ones(2),))


# ----- names -----

SPACES = {
    "autograd": ("autograd.numpy", "autograd.numpy.linalg", "autograd.numpy.fft", "autograd.scipy.special"),
    "torch": ("torch", "torch.linalg", "torch.special", "torch.fft", "torch.nn.functional", "torch.Tensor"),
}
SAME = {  # operators, other names of one function, and factors put together again
    "add": "x + y", "subtract": "x - y", "multiply": "x * y", "divide": "x / y", "pow": "x ** y", "remainder": "x % y",
    "negative": "-x", "positive": "+x", "greater": "x > y", "less": "x < y", "matmul": "x @ y", "floor_divide": "div",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "permute_dims": "transpose", "clip": "clamp", "max": "amax", "min": "amin",
    "split": "tensor_split", "repeat": "repeat_interleave", "median": "median",  # torch.median is the lower of two
}  # fmt: skip
HELPED = {"vector_norm", "pad", "qr", "eigh", "svd"}  # a helper of the same name, or of factors, has the library's


def functions(name: str, op: str) -> list[str]:
    """Return the namespaces of a library that have a function of an operation's name."""
    found = []
    for path in SPACES[name]:
        space = importlib.import_module("torch").Tensor if path == "torch.Tensor" else importlib.import_module(path)
        found += [path] if callable(getattr(space, op, None)) else []
    return found


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_operation_that_the_library_has_by_name_is_asked_by_it(name: str) -> None:
    """Whatever function of the library has the catalogue's name is in the table, or the table says why it is not."""
    words: dict[str, str] = load(name).dialect.lines  # type: ignore[attr-defined]  # these have one
    instead = set(ADAPTERS[name].INSTEAD) | HELPED
    missed = {
        op: functions(name, op)
        for op in CATALOGUE
        if op not in instead
        and functions(name, op)
        and f".{op}(" not in words.get(op, "")
        and SAME.get(op, "nothing") not in words.get(op, "")
    }
    assert missed == {}


# ----- how a refusal is heard -----


def hearing(backend: Any, raised: Callable[[], None]) -> str:
    """Return what becomes of an exception of a backend: the name of the suite's own."""
    with pytest.raises(Exception) as caught, Check(backend).backend_call():  # which one is the question
        raised()
    return type(caught.value).__name__


def test_words_of_a_refusal_are_unsupported_and_others_are_an_error() -> None:
    """An exception of the words that a backend names is no failure; one of other words, or of another type, is."""
    backend = load("autograd")

    def says(kind: type[Exception], text: str) -> Callable[[], None]:
        def act() -> None:
            raise kind(text)

        return act

    assert hearing(backend, says(AssertionError, "Only constant mode padding is supported.")) == Unsupported.__name__
    assert hearing(backend, says(NotImplementedError, "whatever")) == Unsupported.__name__
    assert hearing(backend, says(ValueError, "Only constant mode padding is supported.")) == "Nonconformance"
    assert hearing(backend, says(AssertionError, "something else")) == "Nonconformance"


def test_no_adapter_refuses_in_its_library_s_place() -> None:
    """No line of an adapter raises NotImplementedError: what cannot be asked is the library's to say."""
    for adapter in ADAPTERS.values():
        assert adapter.__file__ is not None
        files = list(Path(adapter.__file__).parent.glob("*.py"))
        assert len(files) > 2
        assert not any(re.search(r"^\s*raise NotImplementedError", path.read_text(), re.MULTILINE) for path in files)


def test_a_masked_reduction_of_autograd_is_asked_and_is_wrong() -> None:
    """What autograd accepts and differentiates wrongly reaches the suites: the mask of np.sum, the first value of np.max."""
    backend: Any = load("autograd")
    x, one = np.array([1.0, 2.0]), np.array(1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        masked = backend.vjp(lambda x: backend.xp.sum(x, where=[True, False]), x)[1](one)[0]
        begun = backend.vjp(lambda x: backend.xp.max(x, initial=10.0), x)[1](one)[0]
    assert masked.tolist() == [1.0, 1.0]
    assert np.isnan(begun).all()
