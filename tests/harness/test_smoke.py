"""Smoke: each fault of an adapter is seen where it is, said in a sentence."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from clinometer.backends import Support, load
from clinometer.backends.dialect import Dialect
from clinometer.backends.reference.adapter import Reference
from clinometer.harness.smoke.answers import MISSING, THERE, WRONG, Answer, answered
from clinometer.harness.smoke.questions import questions

ASKED = ("multiply", "square", "exp", "greater", "ones_like")


class Small(Reference):
    """The reference with few operations, so that little is asked."""

    support = Support(nests=True)

    def __init__(self) -> None:
        super().__init__()
        self.xp = SimpleNamespace(**{name: getattr(self.xp, name) for name in ASKED})


def answers(backend: Any) -> dict[str, Answer]:
    """Return the answers of a backend by member."""
    return {answer.member: answer for answer in map(answered, questions(backend))}


@pytest.mark.parametrize("name", ["reference", "torch", "autograd"])
def test_no_member_of_our_adapters_is_wrong(name: str) -> None:
    """The adapters that are shipped answer every question rightly."""
    found = answers(load(name))
    assert [str(answer) for answer in found.values() if answer.state == WRONG] == []
    assert len([member for member in found if member.startswith("xp.")]) > 150


def test_what_is_optional_and_not_there_is_missing_and_no_fault() -> None:
    """A backend with five members and no more has nothing wrong, and learns what is not asked of it."""

    class Bare:
        name, xp = "bare", SimpleNamespace(multiply=lambda x, y: sound.xp.multiply(x, y))
        asarray, to_numpy, vjp = sound.asarray, sound.to_numpy, sound.vjp

    found = answers(Bare())
    missing = {member for member, answer in found.items() if answer.state == MISSING}
    assert {"jvp", "tape", "tape.no_grad", "tape.update", "derivatives of derivatives", "vmap", "jit", "versions"} <= missing
    assert WRONG not in {answer.state for answer in found.values()}


sound = Small()

# ----- wrong on purpose -----


def pulled(change: Callable[[list[Any], Any], Any]) -> Callable[..., Any]:
    """Return a vjp whose gradients are changed."""

    def vjp(f: Any, *primals: Any) -> Any:
        y, pullback = sound.vjp(f, *primals)
        return y, lambda ct: change(pullback(ct), ct)

    return vjp


def spent() -> Callable[..., Any]:
    """Return a vjp whose pullback serves once."""

    def vjp(f: Any, *primals: Any) -> Any:
        y, pullback = sound.vjp(f, *primals)
        left = [pullback]
        return y, lambda ct: left.pop()(ct)

    return vjp


def unused_is_none(f: Any, *primals: Any) -> Any:
    """Differentiate, and leave None where a gradient is zero."""
    y, pullback = sound.vjp(f, *primals)
    return y, lambda ct: [g if np.any(sound.to_numpy(g)) else None for g in pullback(ct)]


def of_ones(f: Any, *primals: Any) -> Any:
    """Differentiate, and hear no cotangent."""
    y, pullback = sound.vjp(f, *primals)
    return y, lambda ct: pullback(np.ones_like(ct))


def writing(f: Any, *primals: Any) -> Any:
    """Differentiate, and change the primal."""
    y, pullback = sound.vjp(f, *(np.array(x) for x in primals))
    primals[0][...] = 7.0
    return y, pullback


def no_transposes(x: Any) -> Any:
    """Take no array that is laid out by columns."""
    if not x.flags.c_contiguous:
        raise ValueError("negative strides,\n or others")
    return np.array(x)


FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("empty", {"xp": SimpleNamespace()}, "xp", "it has no operation of the catalogue"),
    (
        "typo",
        {"xp": SimpleNamespace(**vars(sound.xp), arcsin=np.arcsin)},
        "xp",
        "no clause asks for 'arcsin'; did you mean 'asin'?",
    ),
    (
        "wide",
        {"asarray": lambda x: np.array(x, "float64")},
        "asarray, to_numpy in float32",
        "float64 of shape (2, 3), where float32",
    ),
    ("shared", {"asarray": lambda x: x}, "asarray, to_numpy in float64", "changes with the one that it was made of"),
    (
        "flat",
        {"asarray": np.atleast_1d},
        "asarray, to_numpy in float64",
        "one number, there and back, is float64 of shape (1,)",
    ),
    (
        "order",
        {"asarray": no_transposes},
        "asarray, to_numpy in float64",
        "a transpose raises ValueError: negative strides, or others",
    ),
    (
        "rounded",
        {"asarray": lambda x: np.array(x, "float32").astype(x.dtype)},
        "asarray, to_numpy in float64",
        "an array of thirds, there and back, is",
    ),
    ("list", {"to_numpy": lambda x: x.tolist()}, "asarray, to_numpy in float64", "is a list after to_numpy"),
    ("deaf", {"vjp": of_ones}, "vjp of a square", "is [2.0, -6.0], where [2.0, -12.0] is right"),
    (
        "one",
        {"vjp": pulled(lambda gs, ct: gs[:1])},
        "vjp of two inputs",
        "the pullback gives 1 gradients, where a list of 2 is due",
    ),
    ("bare", {"vjp": pulled(lambda gs, ct: gs[0])}, "vjp of a square", "the pullback gives ndarray, where a list of 1 is due"),
    ("swapped", {"vjp": pulled(lambda gs, ct: gs[::-1])}, "vjp of two inputs", "the gradient of x in x * y is [1.5, 1.0]"),
    ("none", {"vjp": unused_is_none}, "vjp where nothing flows", "an input that is not used is None"),
    ("spent", {"vjp": spent()}, "pullback, called again", "raises IndexError: pop from empty list"),
    ("writing", {"vjp": writing}, "pullback, called again", "the primal afterwards is [7.0, 7.0], where [1.0, -3.0] is right"),
    ("nowhere", {"vjp": lambda f, *xs: 1 / 0}, "vjp of a square", "raises ZeroDivisionError: division by zero"),
    (
        "still",
        {"jvp": lambda f, xs, dxs: (f(*xs), dxs[0])},
        "jvp",
        "the tangent of x * y is [1.0, 2.0], where [3.5, -8.0] is right",
    ),
    ("vmap", {"vmap": lambda f: lambda *xs: f(*(x[:1] for x in xs))}, "vmap", "its answer is float64 of shape (1,)"),
    ("jit", {"jit": lambda f: lambda *xs: xs[0]}, "jit", "its answer is [1.0, -3.0], where [1.0, 9.0] is right"),
    (
        "cond",
        {"cond": lambda test, then, otherwise: otherwise()},
        "cond",
        "its answer is [-1.0, 3.0], where [1.0, 9.0] is right",
    ),
    (
        "while",
        {"while_loop": lambda test, body, carried: body(*carried)},
        "while_loop",
        "its answer is 4.0, where 16.0 is right",
    ),
    (
        "scan",
        {"scan": lambda body, carried, times: body(*carried)},
        "scan",
        "its answer is [1.0, 9.0], where [1.0, 81.0] is right",
    ),
]


@pytest.mark.parametrize(("changes", "member", "said"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_wrong_member_is_found_and_named(changes: dict[str, Any], member: str, said: str) -> None:
    """Each planted fault is an answer of the member that it is in, with what is wrong and how to mend it."""
    backend = Small()
    for name, value in changes.items():
        setattr(backend, name, value)
    answer = answers(backend)[member]
    assert answer.state == WRONG
    assert said in answer.said
    assert answer.mend
    assert "\n" not in str(answer)


def test_a_function_that_nests_only_in_its_own_words_is_found() -> None:
    """Who says `nests` and gives gradients that are constants is told so."""
    backend = Small()
    backend.vjp = lambda f, *xs: (
        sound.vjp(f, *xs)[0],
        lambda ct: [np.array(sound.to_numpy(g)) for g in sound.vjp(f, *xs)[1](ct)],
    )  # type: ignore[method-assign]
    assert answers(backend)["derivatives of derivatives"].said.startswith("the second derivative of x^3 at 2 is [0.0]")


class Forgetful(type(sound.tape)):  # type: ignore[misc]  # the reference's
    """A tape with one fault, by name."""

    fault = ""

    def backward(self, y: Any, ct: Any = None, *, retain: bool = False) -> None:
        if self.fault == "overwrites":
            self.last.gradient = None
        super().backward(y, ct, retain=retain)

    def leaf(self, x: Any) -> Any:
        self.last = super().leaf(x)
        return self.last

    def zero(self, leaf: Any) -> None:
        if self.fault != "deaf":
            super().zero(leaf)

    def grad(self, y: Any, leaves: Any, ct: Any, *, graph: bool = False) -> Any:
        if self.fault == "meddles":
            self.backward(y, ct, retain=True)
        return super().grad(y, leaves, ct, graph=graph)

    @contextlib.contextmanager
    def no_grad(self) -> Iterator[None]:
        if self.fault == "records":
            yield
        else:
            with super().no_grad():
                yield

    def update(self, op: str, x: Any, y: Any = None, *, key: Any = None) -> Any:
        return (
            super().update(op, x, y, key=None if self.fault == "whole" and op != "set" else key) if self.fault != "keeps" else x
        )


@pytest.mark.parametrize(
    ("fault", "member", "said"),
    [
        ("overwrites", "tape", "the gradient after a second backward is [2.0, -12.0]"),
        ("deaf", "tape", "the gradient after zero is [4.0, -24.0]"),
        ("meddles", "tape", "the gradient after backward is [4.0, -24.0]"),
        ("records", "tape.no_grad", "is [3.0, 54.0], where [1.0, 18.0] is right"),
        ("keeps", "tape.update", "is [1.0, 2.0, 4.0], where [9.0, 3.0, 5.0] is right"),
    ],
)
def test_a_tape_s_fault_is_found(fault: str, member: str, said: str) -> None:
    """Gradients that do not accumulate, or are not cleared, and regions that record, are seen."""
    backend = Small()
    backend.tape = Forgetful()
    backend.tape.fault = fault
    assert said in answers(backend)[member].said


def with_operation(op: str, function: Callable[..., Any]) -> Answer:
    """Return the answer of one operation."""
    backend = Small()
    setattr(backend.xp, op, function)
    return answers(backend)[f"xp.{op}"]


def refusing(x: Any) -> Any:
    """Raise what is no fault."""
    raise NotImplementedError("no exponential on this device")


@pytest.mark.parametrize(
    ("op", "function", "state", "said"),
    [
        ("exp", lambda x: np.expm1(x), WRONG, "exp(x): value: got"),
        ("exp", lambda x: np.exp(x)[None], WRONG, "exp(x): value: shape"),
        ("sum", lambda x, axis=None: np.sum(x, axis=axis), MISSING, "got an unexpected keyword argument 'keepdims'"),
        ("exp", refusing, MISSING, "refused: exp(x): no exponential on this device"),
        ("argmax", lambda x, axis=None, keepdims=False: np.argmin(x, axis=axis, keepdims=keepdims), WRONG, "decision"),
        ("real", np.real, MISSING, "it is asked in complex64, complex128 only"),
        ("exp", lambda x: np.exp(x), THERE, ""),
    ],
)
def test_an_operation_is_held_against_the_reference(op: str, function: Any, state: str, said: str) -> None:
    """The value of one small case tells a wrong operation from one that is refused, and from one that is right."""
    answer = with_operation(op, function)
    assert answer.state == state
    assert said in answer.said


def test_words_that_cannot_be_spelled_are_found() -> None:
    """An operation whose line in a dialect decides by what no line may is wrong, though its value is right."""
    backend = Small()
    table = {"exp": lambda x, base=1: sound.xp.exp(x) if base + 1 == 2 else x}
    backend.dialect = Dialect(imports="", table=table, array="", reverse="")  # type: ignore[attr-defined]
    answer = answers(backend)["xp.exp"]
    assert answer.state == WRONG
    assert "NotAWord" in answer.said


def test_answers_are_sentences() -> None:
    """An answer reads as member, what is wrong, and what to do."""
    assert str(Answer("vjp", WRONG, "gives None", "return zeros")) == "vjp: gives None: return zeros"
    assert dataclasses.asdict(Answer("vjp", THERE))["said"] == ""
