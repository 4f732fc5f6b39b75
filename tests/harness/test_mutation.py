"""Changes in place and calls that share a process: what is told of a failure, and what is no failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import CLAUSES, first
from pasting import numbers, pasted, rounded, shown
from planted import PLANTED

from clinometer.backends import load
from clinometer.backends.reference.adapter import Reference, Tape
from clinometer.harness.check import Check
from clinometer.harness.concurrency import anew, at_once, repeated
from clinometer.harness.examine import examine
from clinometer.harness.findings import Unsupported
from clinometer.harness.mutation import subscript
from clinometer.reference.program.tracing import trace
from clinometer.strategies import fixed_case


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (0, "0"),
        (..., "..."),
        ((..., 1), "..., 1"),
        (slice(None), ":"),
        (slice(0, 2), "0:2"),
        ((slice(None), slice(None, None, 2)), ":, ::2"),
        ([True, False], "[True, False]"),
    ],
)
def test_a_key_reads_as_one_writes_it(key: Any, text: str) -> None:
    """A key stands between brackets as a person would write it, and means the same there."""
    assert subscript(key) == text
    x = np.arange(12).reshape(2, 6)
    assert np.array_equal(eval(f"x[{text}]"), x[key])


# ----- scripts -----


def test_a_change_that_torch_misses_needs_torch_alone(tmp_path: Path) -> None:
    """An array changed by an overlapping view of itself: the script prints torch's wrong gradient, in torch's words."""
    found = shown("ALIAS-9", load("torch"), "torch", lambda cell: cell.parameters == "shifted back")
    ending, got, expected = pasted(found.script, tmp_path, "without us")
    assert "a[..., 1:] += v\n" in found.script
    assert ending.startswith("fails: ")
    assert np.array_equal(got, numbers(found.got))
    assert np.array_equal(expected, rounded(found))


@pytest.mark.parametrize(
    ("id", "name", "line"),
    [
        ("ALIAS-1", "torch_unversioned_update", "b *= y\n"),
        ("ALIAS-2", "torch_off_the_record", "a *= 1.5\n"),
        ("ALIAS-4", "torch_view_without_a_base", "v *= 2.0\n"),
    ],
)
def test_the_script_of_a_story_is_in_the_words_of_the_library(id: str, name: str, line: str) -> None:
    """What was made and changed stands in the script, one line a mutation, beside the function that has no changes."""
    script = shown(id, PLANTED[name](), "torch").script
    assert line in script
    assert "# f does the same without a change in place" in script
    assert (
        script.index("def f(x, y):")
        < script.index("x.requires_grad_()")
        < script.index(line)
        < script.index("out.backward(ct)")
    )
    assert "clinometer" not in script


def test_a_step_under_no_grad_is_indented() -> None:
    """What is done under no-grad stands inside the `with` of the script."""
    lines = shown("ALIAS-6", PLANTED["idle_step"](), "mine.py:backend").script.splitlines()
    at = lines.index("with backend.tape.no_grad():")
    assert lines[at + 1].startswith("    x = backend.tape.update('multiply', x, 0.5")
    assert not lines[at + 3].startswith(" ")


# ----- what is as right as the gradient, and what is not -----


class Refusing(Reference):
    """Raises for every change in place, needed or not."""

    def __init__(self) -> None:
        super().__init__()
        self.tape = RefusingTape()


class RefusingTape(Tape):
    def update(self, op: str, x: Any, y: Any = None, *, key: Any = None) -> Any:
        if hasattr(x, "made"):  # but not for the question whether views share memory
            raise RuntimeError("nothing changes here")
        return super().update(op, x, y, key=key)


@pytest.mark.parametrize(
    ("id", "outcome"), [("ALIAS-1", "pass"), ("ALIAS-5", "pass"), ("ALIAS-10", "pass"), ("ALIAS-2", "error")]
)
def test_a_refusal_is_right_only_where_something_is_lost(id: str, outcome: str) -> None:
    """A library that refuses every change holds the clauses about values that are needed, and fails the others."""
    clause = CLAUSES[id]
    results = [examine(clause, cell, Refusing(), profile="quick") for cell in clause.cells]
    assert {r.outcome for r in results} <= {"pass", outcome}
    assert outcome in {r.outcome for r in results}
    if outcome == "error":
        _, _, found = first(id, Refusing())
        assert found.message.endswith("nothing changes here; no value that a pullback needs was changed")
    else:
        assert "raises RuntimeError" in results[0].observed.values()


# ----- calls -----


def squares(n: int) -> list[Any]:
    program = trace(lambda ad, x: ad.sum(x * x))
    return [fixed_case(program, [np.full(2, k + 1.0)], "float64") for k in range(n)]


class Locked(Reference):
    """Differentiates one function at a time, whoever asks."""

    lock = threading.Lock()

    def vjp(self, f: Callable[..., Any], *primals: Any) -> Any:
        with self.lock:
            return super().vjp(f, *primals)


def test_threads_meet_in_the_middle() -> None:
    """Both functions are entered before either is left."""
    entered: list[int] = []
    backend = Reference()

    def noting(f: Callable[..., Any], *primals: Any) -> Any:
        entered.append(1)
        y, pullback = Reference.vjp(backend, f, *primals)
        assert len(entered) == 2
        return y, pullback

    backend.vjp = noting  # type: ignore[method-assign]
    _, answers = at_once(Check(backend), squares(2))
    cts = [case.cotangents[0][0] for case in squares(2)]
    assert [a[1].tolist() for a in answers] == [[2 * (k + 1.0) * ct] * 2 for k, ct in enumerate(cts)]


def test_a_library_with_one_lock_is_not_waited_for_in_vain() -> None:
    """Threads that cannot meet go on after a while, and their answers count."""
    start = time.perf_counter()
    assert len(at_once(Check(Locked()), squares(2))) == 2
    assert time.perf_counter() - start < 8


def test_another_process_repeats_the_reference() -> None:
    """A backend is made anew from its class, also one from a file."""
    backend = Reference()
    assert anew(backend) == repeated(backend)


def test_a_backend_from_a_file_is_made_anew(tmp_path: Path) -> None:
    """The other process reads the file of a backend that was chosen by its file."""
    source = "from clinometer.backends.reference.adapter import Reference\nclass Mine(Reference):\n    name = 'mine'\n"
    (tmp_path / "mine.py").write_text(source)
    backend = load(f"{tmp_path / 'mine.py'}:Mine")
    assert anew(backend) == repeated(backend)


class Demanding(Reference):
    def __init__(self, what: str):
        super().__init__()


def test_what_cannot_be_made_anew_is_unsupported() -> None:
    """A backend whose class was made in a function, or wants arguments, is no failure."""

    class Local(Reference):
        pass

    for backend in (Local(), Demanding("this")):
        with pytest.raises(Unsupported, match="cannot be made anew"):
            anew(backend)
