"""Faults of a backend: whatever it raises and whatever it answers, it is the backend's, and costs the case alone."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from asking import CLAUSES
from sabotage import ANSWERS, RAISED, Loud, Mute, Sabotaged

from clinometer.backends import raised
from clinometer.backends.reference.adapter import Reference
from clinometer.harness import interruption
from clinometer.harness.cells import Cell
from clinometer.harness.check import Check
from clinometer.harness.examine import Examination, examine
from clinometer.harness.findings import Nonconformance

# A member, and a clause that calls it.
ASKED = {
    "asarray": "VALUE-1",
    "to_numpy": "VALUE-1",
    "vjp": "GRAD-1",
    "pullback": "GRAD-1",
    "jvp": "FWD-1",
    "xp.exp": "VALUE-1",
    "vmap": "XFORM-3",
    "jit": "XFORM-6",
    "cond": "FLOW-TRACED-1",
    "while_loop": "FLOW-TRACED-2",
    "scan": "FLOW-TRACED-3",
    "tape.leaf": "ACC-1",
    "tape.backward": "ACC-5",
    "tape.gradient": "ACC-5",
    "tape.zero": "ACC-3",
    "tape.grad": "ACC-6",
    "tape.no_grad": "DETACH-7",
    "tape.update": "ALIAS-1",
}


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    """Tell a KeyboardInterrupt that a signal sent from one that none did, as a run does."""
    with interruption.heard():
        yield


@pytest.fixture(scope="module")
def backend() -> Sabotaged:
    """A sound backend, until something is made to go wrong."""
    return Sabotaged()


def cells(backend: Sabotaged, id: str) -> list[Cell]:
    """Return the cells of a clause that a backend is asked."""
    return CLAUSES[id].asked_of(backend.support.dtypes)


def asked(backend: Sabotaged, id: str, at: int = 0) -> Examination:
    """Return what comes of a cell of a clause."""
    return examine(CLAUSES[id], cells(backend, id)[at], backend, profile="quick")


def calling(backend: Sabotaged, id: str, member: str) -> int:
    """Return the number of the first cell of a clause that calls a member."""
    for at in range(len(cells(backend, id))):
        backend.wrong("", 0, member=member)
        result = asked(backend, id, at)
        if backend.count:
            assert result.outcome == "pass", result.message
            return at
    raise AssertionError(f"no cell of {id} calls {member}")


# ----- what is raised -----


@pytest.mark.parametrize("member", ASKED)
def test_what_is_no_exception_is_the_error_of_its_case(backend: Sabotaged, member: str) -> None:
    """Whatever a member raises, its case ends in `error`, which names it, and the next case is as it would be."""
    at = calling(backend, ASKED[member], member)
    for how in RAISED:
        if (member, how) == ("tape.update", "Exit"):
            continue  # it is an Exception, by which a change in place may be refused
        backend.wrong(how, 1, member=member, on=True)
        result = asked(backend, ASKED[member], at)
        assert backend.met, how
        assert result.outcome == "error", (how, result)
        assert " ".join(how.split()) in result.message
        backend.sound()
        assert asked(backend, ASKED[member], at).outcome == "pass"


@pytest.mark.parametrize("id", ["KINK-6", "LIFE-8", "ARITH-8", "STATE-10", "DTYPE-10", "INDEX-2"])
def test_what_is_no_exception_is_no_answer(backend: Sabotaged, id: str) -> None:
    """Where a clause records an exception, or holds a library to raising one, a SystemExit is an error all the same."""
    backend.sound()
    assert asked(backend, id).outcome == "pass"
    calls = backend.count
    for at in range(1, calls + 1):
        backend.wrong("SystemExit", at, on=True)
        result = asked(backend, id)
        assert (result.outcome, "SystemExit: 0" in result.message) == ("error", True), (backend.met, result)


@pytest.mark.parametrize("member", ["name", "support", "xp", "tape", "jvp", "vjp", "asarray"])
def test_a_member_that_is_there_no_more_is_the_error_of_its_case(member: str) -> None:
    """A property that raises once the backend is loaded is told, and nothing gets past."""

    def gone(self: object) -> None:
        raise SystemExit(member)

    changed = type("Changed", (Sabotaged,), {})()
    for name in {member} & set(vars(changed)):
        delattr(changed, name)
    setattr(type(changed), member, property(gone))
    results = [examine(CLAUSES[id], CLAUSES[id].cells[0], changed, profile="quick") for id in ("GRAD-1", "ACC-5", "FWD-1")]
    assert {result.outcome for result in results} <= {"error", "pass"}
    assert any(f"SystemExit: {member}" in result.message for result in results) or member == "name"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_wherever_it_comes(number: int) -> None:
    """An interruption that a signal has sent is no error of the library that it meets."""

    class Struck(Reference):
        def vjp(self, f, *primals):
            os.kill(os.getpid(), number)
            return super().vjp(f, *primals)

    clause = CLAUSES["GRAD-1"]
    with pytest.raises(KeyboardInterrupt):
        examine(clause, clause.cells[0], Struck(), profile="quick")


def test_a_signal_that_comes_while_garbage_is_collected_is_insisted_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is raised in a callback of the collector, which would print it; the run ends at the next step."""

    def callback(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            os.kill(os.getpid(), signal.SIGTERM)

    gc.callbacks.append(callback)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(callback)
    assert capsys.readouterr().err == ""
    with pytest.raises(KeyboardInterrupt):
        interruption.insist()


def test_where_nobody_listens_an_interruption_is_taken_at_its_word() -> None:
    """A library that puts its own handler in the place of ours does not keep Ctrl-C from ending the run."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), Check(Reference()).backend_call():
            raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, before)


# ----- what an exception says -----


def test_an_exception_that_cannot_be_told_is_told_all_the_same() -> None:
    """One whose text cannot be had is named, in the message and in the trace."""
    with pytest.raises(Nonconformance) as caught, Check(Reference()).backend_call("value"):
        raise Mute
    assert str(caught.value) == "value: Mute: (its __str__ raises KeyboardInterrupt)"
    assert caught.value.finding is not None
    assert "raise Mute" in caught.value.finding.trace


def test_an_exception_that_says_megabytes_is_cut_and_says_so() -> None:
    """Message and trace are bounded, and tell how much is left out."""
    with pytest.raises(Nonconformance) as caught, Check(Reference()).backend_call("value"):
        raise Loud
    assert len(str(caught.value)) < 5_000
    assert "characters are left out" in str(caught.value)
    assert caught.value.finding is not None
    assert len(caught.value.finding.trace) < 50_000


def test_an_exception_that_lies_about_its_class_is_told_by_its_type() -> None:
    """Neither `__class__` nor the `__name__` of a metaclass is asked."""

    class Meta(type):
        @property
        def __name__(cls):
            raise SystemExit

    class Lying(Exception, metaclass=Meta):
        @property
        def __class__(self):
            raise SystemExit

    with pytest.raises(Nonconformance, match="Lying: yes"), Check(Reference()).backend_call():
        raise Lying("yes")


def test_what_shows_itself_is_bounded() -> None:
    """The text of a library's array may raise, and may be long."""
    from sabotage import Lazy

    assert raised.shown(Lazy()) == "(its __repr__ raises SystemExit)"
    assert len(raised.shown("x" * 10**6)) < 5_000


# ----- what is answered -----


@pytest.mark.parametrize("how", ANSWERS)
def test_an_answer_that_is_no_array_is_the_backends_fault(backend: Sabotaged, how: str) -> None:
    """A gradient of any kind, from the library or from the adapter, is judged, and is never a defect of ours."""
    for member in ("pullback", "to_numpy", "xp.exp", "jvp", "tape.gradient", "tape.grad", "vmap"):
        at = calling(backend, ASKED[member], member)
        backend.wrong(how, 1, member=member, on=True)
        result = asked(backend, ASKED[member], at)
        assert backend.met
        harmless = how in ("stubborn", "numbers as objects")  # their numbers are right, and the adapter may copy them
        assert result.outcome in (("fail", "error", "pass") if harmless else ("fail", "error")), (member, result)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("numbers as objects", "value: object, which is no number, where an array of numbers is due"),
        ("strings", "value: <U3, which is no number, where an array of numbers is due"),
        ("none", "value: object, which is no number, where an array of numbers is due"),
        ("ragged", "ValueError: setting an array element with a sequence"),
        ("lazy", "RuntimeError: failed, later"),
    ],
)
def test_an_answer_that_is_no_array_is_told_as_what_it_is(backend: Sabotaged, how: str, said: str) -> None:
    """The message says what came instead of an array of numbers."""
    backend.wrong(how, 1, member="to_numpy", on=True)
    assert said in asked(backend, "VALUE-1").message


def places(ids: list[str]) -> Iterator[tuple[int, str, str]]:
    """Yield clauses, each with what goes wrong, one after the other, so that every fault meets many clauses."""
    faults = [*RAISED, *ANSWERS]
    for number, id in enumerate(ids):
        yield number, id, faults[number % len(faults)]


def test_no_clause_takes_a_fault_of_the_backend_for_ours(backend: Sabotaged) -> None:
    """Whichever call of whichever clause goes wrong, the verdict is about the backend, and no exception gets past."""
    rng, wrong = np.random.default_rng(0), {}
    for number, id, how in places(list(CLAUSES)):
        offered = cells(backend, id)
        at = int(rng.integers(len(offered)))
        backend.sound()
        assert asked(backend, id, at).outcome != "invalid"
        if backend.count:
            backend.wrong(
                how, 1 + int(rng.integers(min(backend.count, 40))), on=number % 2 == 0 and "while" not in str(offered[at])
            )
            result = asked(backend, id, at)
            allowed = ("fail", "error") if how in RAISED else ("pass", "fail", "error", "unsupported", "inconclusive")
            if backend.met and result.outcome not in allowed:
                wrong[id, str(offered[at]), how, tuple(dict.fromkeys(backend.met))] = result.message
    assert not wrong
