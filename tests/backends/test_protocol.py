"""The protocol: what a backend offers is read off its members, and what it does not have is said in one place."""

from __future__ import annotations

from typing import Any

import pytest

from clinometer.backends import Absent, Refusal, Support, capabilities, support_of
from clinometer.backends.protocol import OFFERS, TAPES, forward_mode, in_place_tape_of, paused_tape_of, tape_of, versions_of
from clinometer.backends.reference.adapter import Reference


class Bare:
    """The five members that every backend has."""

    name, xp = "bare", object()
    asarray = to_numpy = vjp = staticmethod(lambda *args: None)


class Tape:
    """The five members that every tape has."""

    leaf = backward = gradient = zero = grad = staticmethod(lambda *args: None)


def with_members(*names: str) -> Any:
    """Return a backend with some members more; a dot is in its tape."""
    backend: Any = Bare()
    for name in names:
        holder, _, member = name.rpartition(".")
        if holder:
            setattr(backend.tape, member, print)
        else:
            setattr(backend, name, Tape() if name == "tape" else print)
    return backend


@pytest.mark.parametrize("name", OFFERS)
def test_a_member_is_what_a_backend_offers(name: str) -> None:
    """One member more is one capability more."""
    member = "jvp" if name == "forward" else name
    assert capabilities(with_members(member)) == {"reverse", name}


@pytest.mark.parametrize(
    ("members", "offers"), [((), set()), (("tape.no_grad",), {"no_grad"}), (("tape.update",), {"inplace"})]
)
def test_a_tape_offers_what_it_has(members: tuple[str, ...], offers: set[str]) -> None:
    """A tape may pause, and change arrays in place, or not."""
    assert capabilities(with_members("tape", *members)) == {"reverse", "tape", *offers}


def test_no_tape_is_no_tape() -> None:
    """A backend whose tape is None offers none of what a tape may."""
    backend: Any = Bare()
    backend.tape = None
    assert not capabilities(backend) & set(TAPES)


@pytest.mark.parametrize("narrowed", [forward_mode, tape_of, paused_tape_of, in_place_tape_of])
def test_what_was_not_asked_for_is_not_handed_out(narrowed: Any) -> None:
    """A clause that forgets to say what it needs fails as our own defect, and gets no half of a backend."""
    with pytest.raises(AssertionError):
        narrowed(Bare())
    assert narrowed(Reference()) is not None


def test_a_backend_that_says_nothing_supports_two_dtypes() -> None:
    """Float32 and float64, no derivatives of derivatives, and nothing that is not there."""
    assert support_of(Bare()) == Support(("float32", "float64"), nests=False, unsupported=())
    assert versions_of(Bare()) == {}  # type: ignore[arg-type]  # as bare as can be


GAPS = Support(
    unsupported=[
        Absent(["inv", "det"], ["float16"], "no LAPACK"),
        Absent(["inv"], ["forward"], "no rule"),
        Refusal("^ValueError: .*not differentiable"),
    ]
)


@pytest.mark.parametrize(
    ("op", "within", "lacks"),
    [
        ("inv", ("float16",), True),
        ("inv", ("float64", "forward"), True),
        ("det", ("float64", "forward"), False),
        ("sin", ("float16", "forward"), False),
        ("inv", (), False),
    ],
)
def test_what_is_absent_is_absent_there_alone(op: str, within: tuple[str, ...], lacks: bool) -> None:
    """An operation is lacking in the dtypes and modes that are named, of all entries about it, and nowhere else."""
    assert GAPS.lacks(op, *within) == lacks


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (NotImplementedError("whatever"), True),
        (ValueError("abs is\n  not differentiable"), True),
        (TypeError("abs is not differentiable"), False),
        (ValueError("abs"), False),
    ],
)
def test_a_refusal_is_known_by_its_words(error: Exception, refused: bool) -> None:
    """What a library raises is a refusal if its type and its text, on one line, are those that the adapter names."""
    assert GAPS.refuses(error) == refused
