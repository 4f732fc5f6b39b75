"""The check itself: what it tells of an answer, and whose fault it says an exception is."""

from __future__ import annotations

from typing import Any

import faulty
import numpy as np
import pytest
from asking import CLAUSES

from clinometer.backends import Absent, Support
from clinometer.backends.reference.adapter import Reference
from clinometer.harness.cells import ONCE, Cell
from clinometer.harness.check import Check
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import examine
from clinometer.harness.findings import Nonconformance, Unsupported
from clinometer.journal.vocabulary import MUST, UNIVERSAL
from clinometer.reference.case import Case
from clinometer.reference.program.tracing import trace
from clinometer.reference.truth.expected import Expected
from clinometer.strategies import fixed_case

SINE = trace(lambda ad, x: ad.sin(x))
PRODUCT = trace(lambda ad, x, y: x * y)


class Answering(Reference):
    """A reference that gives these answers, whatever it is asked."""

    second_witness = False

    def __init__(self, value: Any = None, gradients: Any = None, tangent: Any = None):
        super().__init__()
        self.value, self.gradients, self.tangent = value, gradients, tangent

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: pullback(ct) if self.gradients is None else self.gradients

    def jvp(self, f: Any, primals: Any, tangents: Any) -> Any:
        y, dy = super().jvp(f, primals, tangents)
        return y, dy if self.tangent is None else self.tangent


def point(x: Any, dtype: str = "float64") -> Case:
    """Return the case of sin at a point."""
    return fixed_case(SINE, [x], dtype)


def said(backend: Any, case: Case, mode: str = "reverse") -> Nonconformance:
    """Return what a check finds."""
    with pytest.raises(Nonconformance) as caught:
        Check(backend)(case, mode)
    assert "\n" not in str(caught.value)
    return caught.value


def asked(body: Any, backend: Any, cell: Cell = ONCE[0]) -> Any:
    """Return what comes of a clause with this body."""
    clause = Clause("TEST-1", MUST, UNIVERSAL, "It MUST.", body, (cell,), frozenset(), frozenset())
    return examine(clause, cell, backend, profile="quick")


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 2), (0,), (2, 0, 3)])
@pytest.mark.parametrize("mode", ["value", "reverse", "forward"])
def test_a_right_answer_passes_in_every_shape(shape: tuple[int, ...], mode: str) -> None:
    """Arrays without axes and without entries are answers like others."""
    check = Check(Reference())
    check(point(np.full(shape, 0.5)), mode)
    assert check.points == 1


def test_a_wrong_shape_is_named_with_the_right_one() -> None:
    """The message has the input's name, the shape found and the shape due."""
    wrong = said(Answering(gradients=[np.zeros((1, 3))]), point([1.0, 2.0, 3.0]))
    assert str(wrong) == "gradient of x: shape (1, 3) where (3,) is right"
    assert wrong.outcome == "fail"


def test_a_wrong_dtype_is_named_with_the_right_one() -> None:
    """A float64 gradient of a float32 input is told by its dtype, even where its numbers are right."""
    case = point([1.0, 2.0], "float32")
    right = case.truth.gradients[0].value[0].astype(np.float64)
    assert str(said(Answering(gradients=[right]), case)) == "gradient of x: dtype float64 where float32 is right"


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_a_failure(odd: float) -> None:
    """NaN and infinity, where a number is due, fail with an infinite error, and the entry is named."""
    case = point([1.0, 2.0, 3.0])
    answer = case.truth.gradients[0].value[0].astype(np.float64)
    answer[1] = odd
    wrong = said(Answering(gradients=[answer]), case)
    assert str(wrong).startswith(f"gradient of x at [1]: got {odd:g}, expected ")
    assert str(wrong).endswith("off by inf tolerances")


def test_the_worst_entry_is_named() -> None:
    """Of several wrong entries the message and the evidence have the one that is furthest off."""
    case = point(np.ones((2, 3)))
    answer = case.truth.gradients[0].value[0].astype(np.float64)
    answer[0, 1] += 1e-6
    answer[1, 2] += 1.0
    wrong = said(Answering(gradients=[answer]), case)
    assert " at [1, 2]: " in str(wrong)
    assert wrong.finding is not None
    assert wrong.finding.disagreement is not None
    assert wrong.finding.disagreement.place == (0, 1, 2)


def test_the_input_that_is_wrong_is_named() -> None:
    """Of two gradients the wrong one is told by the name of its input."""
    case = fixed_case(PRODUCT, [2.0, 3.0], "float64")
    gx, gy = (g.value[0].astype(np.float64) for g in case.truth.gradients)
    wrong = said(Answering(gradients=[gx, 2 * gy]), case)
    assert str(wrong).startswith("gradient of y: got ")
    assert wrong.finding is not None
    assert wrong.finding.which == 1


def test_a_wrong_tangent_is_called_a_tangent() -> None:
    """Forward mode is held against the truth as well, and says what it is."""
    assert str(said(Answering(tangent=np.array(7.0)), point(1.0), "forward")).startswith("tangent: got 7, expected ")


def test_exact_comparison_takes_nan_for_nan() -> None:
    """`same` asks for equal numbers; two NaNs are equal, a NaN and a number are not."""
    check = Check(Reference())
    check.same(np.array([1.0, np.nan]), np.array([1.0, np.nan]), "numbers")
    with pytest.raises(Nonconformance, match=r"numbers at \[1\]: got nan, expected 2"):
        check.same(np.array([1.0, np.nan]), np.array([1.0, 2.0]), "numbers")
    with pytest.raises(Nonconformance, match="a number: dtype float32 where float64 is right"):
        check.same(np.array(1, np.float32), np.array(1.0), "a number")


def test_an_exact_comparison_blames_the_point_that_differs() -> None:
    """Over several points the evidence is that of the first point that is wrong: inputs, got and expected."""
    case = fixed_case(SINE, [1.0], "float64")
    x = np.array([1.0, 2.0, 3.0])
    batch = Case(SINE, (x,), (x,), (x,), "float64")
    with pytest.raises(Nonconformance) as caught:
        Check(Reference()).same(np.array([0.0, 0.0, 5.0]), np.zeros(3), "zeros", batch)
    finding = caught.value.finding
    assert finding is not None
    assert finding.case is not None
    assert (finding.case.inputs[0].tolist(), finding.got, finding.expected) == ([3.0], 5.0, 0.0)
    assert case.points == 1


def test_what_the_backend_raises_is_its_error() -> None:
    """The outcome is an error with the exception's type and text in one line, and the trace in the evidence."""

    def body(check: Check) -> None:
        with check.backend_call("backward"):
            raise RuntimeError("first line\n   second line")

    result = asked(body, Reference())
    assert (result.outcome, result.message) == ("error", "backward: RuntimeError: first line second line")
    assert "RuntimeError" in result.finding.trace


def test_a_backend_that_wants_to_exit_has_raised() -> None:
    """sys.exit in a backend is an error of its case: the run goes on."""
    cell = next(c for c in CLAUSES["VALUE-1"].cells if c.operation == "exp")
    result = examine(CLAUSES["VALUE-1"], cell, faulty.Leaving(), profile="quick")
    assert (result.outcome, result.message) == ("error", "SystemExit: no licence")


def test_what_we_raise_is_our_defect() -> None:
    """An exception from outside the backend is `invalid`, never the backend's."""

    def body(check: Check) -> None:
        raise ZeroDivisionError("in a clause")

    result = asked(body, Reference())
    assert result.outcome == "invalid"
    assert result.message == "a defect of Clinometer: ZeroDivisionError: in a clause"
    assert "ZeroDivisionError" in result.finding.trace


def test_what_is_not_implemented_is_unsupported() -> None:
    """NotImplementedError is no failure, wherever the backend raises it."""

    def body(check: Check) -> None:
        with check.backend_call("backward"):
            raise NotImplementedError("not on this device")

    assert (asked(body, Reference()).outcome, asked(body, Reference()).message) == ("unsupported", "not on this device")


def test_an_exception_that_is_due_may_be_any_but_that_it_is_not_implemented() -> None:
    """`raises` returns the exception; nothing raised is a failure; NotImplementedError is unsupported."""
    check = Check(Reference())
    assert isinstance(check.raises(lambda: [][1], "an index"), IndexError)
    with pytest.raises(Nonconformance, match="an index raises nothing and gives 7"):
        check.raises(lambda: 7, "an index")

    def unfinished() -> None:
        raise NotImplementedError

    with pytest.raises(Unsupported):
        check.raises(unfinished, "an index")


def test_where_the_witnesses_cannot_tell_nothing_is_decided() -> None:
    """A disagreement at which finite differences are useless is counted, and a case of nothing else is inconclusive."""
    case = point(1.0)
    infinite = Expected(np.array([np.inf]), np.array([1.0]))

    def body(check: Check) -> None:
        check.agrees(np.array([1.0]), infinite, case, "reverse")
        assert check.undecided == 1

    result = asked(body, Reference())
    assert result.outcome == "inconclusive"
    assert "\n" not in result.message


def test_witnesses_that_contradict_each_other_are_our_defect() -> None:
    """A truth that finite differences refute is `invalid`, though the backend differs from it."""
    case = point(1.0)
    nonsense = Expected(np.array([100.0]), np.array([1e-9]))
    with pytest.raises(Nonconformance, match="the witnesses contradict each other: gradient of x: 100 by the rules") as caught:
        Check(Reference()).agrees(np.array([0.5]), nonsense, case, "reverse")
    assert caught.value.outcome == "invalid"


def test_a_backend_that_changes_its_mind_is_flaky() -> None:
    """A case that fails and then holds is a failure whose stability says so, with its evidence."""

    class Moody(faulty.Steep):
        calls = 0

        def vjp(self, f: Any, *primals: Any) -> Any:
            Moody.calls += 1
            return super().vjp(f, *primals) if Moody.calls == 3 else Reference.vjp(self, f, *primals)

    cell = next(c for c in CLAUSES["GRAD-1"].cells if c.operation == "sin")
    result = examine(CLAUSES["GRAD-1"], cell, Moody(), profile="quick")
    assert result.outcome == "fail"
    assert result.stability.startswith("flaky")
    assert result.finding is not None


def test_what_a_backend_lacks_is_named_before_anything_is_asked() -> None:
    """Operation, capability, dtype and mode are asked first; the message says which is missing."""
    sparse = faulty.Sparse()
    cells = {c.operation: c for c in CLAUSES["GRAD-1"].cells if c.dtype == "float64"}
    assert examine(CLAUSES["GRAD-1"], cells["sin"], sparse, profile="quick").message == "sparse has no sin"
    result = examine(CLAUSES["GRAD-1"], cells["cos"], sparse, profile="quick")
    assert (result.outcome, result.message) == ("unsupported", "no cosine on this device")
    sparse.support = Support(unsupported=[Absent(["exp"], ["reverse"], "planted")])
    assert examine(CLAUSES["GRAD-1"], cells["exp"], sparse, profile="quick").message == "sparse has no exp in reverse"
    sparse.support = Support(["float32"])
    assert examine(CLAUSES["GRAD-1"], cells["exp"], sparse, profile="quick").message == "sparse does not work in float64"
    del sparse.tape
    clause = CLAUSES["ACC-2"]
    assert examine(clause, clause.cells[0], sparse, profile="quick").message == "sparse offers no tape"


def inputs_seen(base: type, seed: int) -> list[tuple[str, bytes]]:
    """Return all arrays that a backend is given by one clause."""
    seen = []

    class Recording(base):  # type: ignore[misc, valid-type]  # its base is the question
        second_witness = False

        def asarray(self, x: np.ndarray) -> Any:
            seen.append((str(x.dtype), x.tobytes()))
            return super().asarray(x)

    backend = Recording()
    for cell in CLAUSES["GRAD-1"].cells:
        if cell.operation in ("sin", "matmul", "sum"):
            assert examine(CLAUSES["GRAD-1"], cell, backend, profile="quick", seed_=seed).outcome == "pass"
    return seen


def test_every_backend_is_given_the_same_arrays() -> None:
    """Under one seed two libraries are asked bit for bit the same; under another seed, something else."""
    from clinometer.backends.torch.adapter import Torch

    pytest.importorskip("torch")
    reference = inputs_seen(Reference, 0)
    assert len(reference) > 20
    assert inputs_seen(Torch, 0) == reference
    assert inputs_seen(Reference, 0) == reference
    assert inputs_seen(Reference, 1) != reference
