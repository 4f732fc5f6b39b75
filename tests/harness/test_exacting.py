"""Libraries that are particular and sound: they are asked what they can do, and blamed for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import exacting
import numpy as np
import pytest
from asking import CLAUSES

from clinometer.backends import Backend, support_of
from clinometer.harness.cells import Cell
from clinometer.harness.examine import Examination, examine

SOME = ("", "sin", "multiply", "sum", "max", "getitem", "take", "softmax", "matmul", "det", "where", "concat", "abs", "prod")
# A random program takes long, and of control flow and transforms the dtypes are those of the cells.
SHORT = [id for id, clause in CLAUSES.items() if clause.chapter not in ("PROGRAM", "COST", "FLOW-TRACED", "XFORM")]


def asked(id: str, backend: Backend, some: Iterable[str] = SOME) -> list[tuple[Cell, Examination]]:
    """Return what comes of the cells of a clause about some operations."""
    clause = CLAUSES[id]
    cells = [cell for cell in clause.asked_of(support_of(backend).dtypes) if cell.operation in some]
    return [(cell, examine(clause, cell, backend, profile="quick")) for cell in cells]


def sound(id: str, backend: Backend, some: Iterable[str] = SOME) -> set[str]:
    """Return the outcomes of a clause, none of which may blame a backend, or ourselves."""
    found = asked(id, backend, some)
    wrong = [f"{id}[{cell}]: {r.outcome}: {r.message}" for cell, r in found if r.outcome not in ("pass", "unsupported")]
    assert not wrong
    return {r.outcome for _, r in found}


# ----- one type of container -----


@pytest.mark.parametrize("id", ["FWD-1", "FWD-2", "FWD-6", "HIGH-2", "HIGH-3", "HIGH-5", "KINK-6", "PROGRAM-6"])
def test_primals_and_tangents_come_in_tuples(id: str) -> None:
    """A library that asks for one type of primals and tangents is given it, also in derivatives of derivatives."""
    assert sound(id, exacting.OneContainer(), ("", "abs", "multiply")) == {"pass"}


# ----- dtypes -----


@pytest.mark.parametrize("id", SHORT)
def test_a_library_of_float32_alone_is_handed_no_other_dtype(id: str) -> None:
    """It is never blamed for refusing what it has not declared."""
    sound(id, exacting.SinglePrecisionAlone(), ("", "sin", "sum", "det", "getitem", "where", "softmax"))


@pytest.mark.parametrize(
    "id", ["EDGE-1", "EDGE-4", "EDGE-7", "EDGE-10", "EDGE-11", "GRAD-7", "GRAD-10", "GRAD-11", "GRAD-12", "FWD-2", "HIGH-2"]
)
def test_what_one_dtype_tells_is_asked_of_a_library_of_float32_too(id: str) -> None:
    """A clause that needs one dtype is asked in float64, or else in float32; nobody is asked in both."""
    assert "pass" in sound(id, exacting.SinglePrecisionAlone())
    alone, both = ([c.dtype for c in CLAUSES[id].asked_of(offered)] for offered in (("float32",), ("float32", "float64")))
    assert set(both) == {"float64"}
    assert alone.count("float32") == len(both)
    assert set(alone) == {"float32", "float64"}  # of these it is told that it does not work in them


def test_the_convention_of_complex_numbers_is_asked_in_what_is_declared() -> None:
    """A library of complex64 alone is handed no complex128."""

    class Complex64(exacting.Sound):
        support = replace(exacting.Reference.support, dtypes=("float32", "complex64"))

        def asarray(self, x: np.ndarray) -> Any:
            assert x.dtype.name in ("float32", "complex64"), x.dtype
            return super().asarray(x)

    assert sound("DTYPE-11", Complex64(), ("exp",)) == {"pass", "unsupported"}
    assert sound("DTYPE-14", Complex64()) == {"pass"}


# ----- answers that are no arrays of numbers -----


@pytest.mark.parametrize(
    ("nothing", "seen"),
    [
        (lambda x: np.zeros(np.shape(x), exacting.FLOAT0), "none"),
        (lambda x: None, "none"),
        (lambda x: np.zeros(np.shape(x), "V0"), "none"),
        (lambda x: np.zeros(np.shape(x), np.int64), "int64 [0.0, 0.0, 0.0]"),
    ],
)
def test_no_gradient_of_an_integer_is_right(nothing: Any, seen: str) -> None:
    """None, a void such as jax's float0 and zeros each say that there is no gradient."""
    for cell, result in asked("DTYPE-9", exacting.NoGradientOfIntegers(nothing)):
        assert result.outcome == "pass", f"{cell}: {result.message}"
        assert seen in result.observed.values()


NOTHING = [None, np.zeros(3, exacting.FLOAT0), np.array([None] * 3), "text", object(), [], [[1.0], [1.0, 2.0]]]
KINDS = ["None", "float0", "objects", "text", "an object", "an empty list", "a ragged list"]
ASKED = {"value": "VALUE-1", "gradient": "GRAD-1", "pullback": "GRAD-1", "tangent": "FWD-1", "pushforward": "FWD-1"}


@pytest.mark.parametrize("mode", ASKED)
@pytest.mark.parametrize("answer", NOTHING, ids=KINDS)
def test_an_answer_that_is_no_array_of_numbers_is_the_backends_fault(mode: str, answer: Any) -> None:
    """It is a failure or an error of the backend, never a defect of ours, in whichever answer it comes."""
    backend = exacting.Answering(mode, answer)
    assert {r.outcome for _, r in asked(ASKED[mode], backend, ["sin"])} <= {"fail", "error"}
    for id in {"tangent": ["FWD-2"], "gradient": ["GRAD-4", "GRAD-6", "GRAD-8", "META-2"]}.get(mode, []):
        assert "invalid" not in {r.outcome for _, r in asked(id, backend, ["", "sin", "multiply"])}


# ----- what is a matter of choice -----


def test_mixed_dtypes_may_be_refused() -> None:
    """Where the plain product of two dtypes raises, there is no gradient to be judged."""
    assert sound("DTYPE-6", exacting.RefusesToMix()) == {"unsupported"}


@pytest.mark.parametrize("backend", [exacting.WithoutNoGrad, exacting.UnfinishedNoGrad])
@pytest.mark.parametrize("id", ["ALIAS-6", "DETACH-7", "DETACH-8", "STATE-9", "STATE-10"])
def test_a_library_may_have_no_region_without_a_tape(backend: type, id: str) -> None:
    """Without `no_grad`, or with one that is not implemented, the clauses about it are unsupported."""
    assert {r.outcome for _, r in asked(id, backend())} <= {"unsupported", "pass"}
    if id != "STATE-10":
        assert {r.outcome for _, r in asked(id, backend())} == {"unsupported"}


@pytest.mark.parametrize("backend", [exacting.Rebinding, exacting.Lazy])
@pytest.mark.parametrize("id", [f"ALIAS-{n}" for n in (*range(1, 8), *range(9, 14))])
def test_memory_is_shared_as_the_library_shares_it(backend: type, id: str) -> None:
    """What a change is seen in is asked by the very change, of arrays such as the clause has: inputs, or what was computed."""
    excepted = ("shifted back", "by its transpose")  # an array changed by an overlapping view of itself is a fault of torch's
    for cell, result in asked(id, backend()):
        if cell.parameters not in excepted or id != "ALIAS-9":
            assert result.outcome == "pass", f"{cell}: {result.outcome}: {result.message}"


def test_a_wrong_value_is_told_before_a_gradient() -> None:
    """Where a change in place is lost, the message says which value the program has."""
    from planted import PLANTED

    wrong = [r.message for _, r in asked("ALIAS-12", PLANTED["mute_write"]()) if r.outcome == "fail"]
    assert wrong
    assert all(message.startswith(("value", "gradient")) for message in wrong)


def test_ones_for_a_cotangent_are_recorded_and_advised_against() -> None:
    """A library that starts backward of an array from ones fails what SHOULD be, and what it does is on record."""
    from planted import PLANTED

    for id in ("LIFE-3", "TUTORIAL-9"):
        assert CLAUSES[id].level == "SHOULD"
        ((_, result), *_) = asked(id, PLANTED["lenient_backward"]())
        assert (result.outcome, result.observed) == ("fail", {"backward of an array without a cotangent": "raises nothing"})


# ----- one fault in a dtype -----


def test_a_wide_dtype_hides_nothing_and_is_judged_once() -> None:
    """Clauses that are not about dtypes compare the numbers, and say what they were given; those about dtypes fail."""
    backend, noted = exacting.NumbersAreWide(), set()
    for id in ("FLOW-1", "FLOW-2", "DETACH-5", "META-3", "TUTORIAL-11", "WHERE-2"):
        sound(id, backend)
        noted |= {r.message for _, r in asked(id, backend) if r.message}
    assert noted
    assert all(re.search("^compared after a cast: .*: dtype float64 where float32 is right$", text) for text in noted)
    judged = [r for cell, r in asked("GRAD-BCAST-3", backend) if cell.dtype == "float32"]
    assert "fail" in {r.outcome for r in judged}
    assert any("dtype float64 where float32 is right" in r.message for r in judged)


@pytest.mark.parametrize(
    ("name", "mode", "ids"),
    [
        ("promoted_value", "value", {"VALUE-1", "REDUCE-1", "INDEX-1", "INDEX-2"}),
        ("promoted_tangents", "forward", {"FWD-4"}),
        ("promoted_second", "reverse-over-reverse", {"HIGH-1"}),
    ],
)
def test_a_wide_dtype_is_found_in_every_mode(name: str, mode: str, ids: set[str]) -> None:
    """Of each operation whose answers are float64 where float32 is right, a clause in that mode fails and says so."""
    from planted import PLANTED

    for operation, form in {"exp": "VALUE-1", "sum": "REDUCE-1", "take": "INDEX-1", "at_add": "INDEX-2"}.items():
        found = [
            r for id in ids & {form} or ids for cell, r in asked(id, PLANTED[name](), [operation]) if cell.dtype == "float32"
        ]
        assert found
        assert all(r.outcome == "fail" and "dtype float64 where float32 is right" in r.message for r in found), operation


def test_what_only_the_adapter_has_is_no_operation() -> None:
    """Creation of arrays is asked of `xp`; that the adapter has an `asarray` of its own says nothing about it."""
    backend = exacting.Sound()
    del backend.xp.asarray
    assert sound("CREATE-7", backend) == {"unsupported"}


class NoRemainder(np.ndarray):
    """An array without the operator %."""

    def __mod__(self, other: Any) -> Any:
        return NotImplemented

    __rmod__ = __mod__


def test_an_operator_that_arrays_lack_is_unsupported() -> None:
    """Where Python finds no operator, nothing is wrong with its result."""

    class Without(exacting.Sound):
        def asarray(self, x: np.ndarray) -> Any:
            return np.array(x).view(NoRemainder)

    assert sound("ARITH-3", Without()) == {"unsupported"}
