"""The script of a failure, pasted into an interpreter that has never seen it, shows the failure again."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pasting import interpreter, numbers, pasted, rounded, shown
from planted import PLANTED

from clinometer.backends import Backend, load
from clinometer.backends.torch.scripts import DIALECT
from clinometer.harness.findings import Asked, Finding, Relation
from clinometer.harness.scripts.evidence import script
from clinometer.harness.specification import specification
from clinometer.reference.program.tracing import trace
from clinometer.strategies import fixed_case

TESTS = Path(__file__).parents[1]


def planted(name: str, folder: Path) -> str:
    """Return how a planted backend is chosen, by a file that makes it."""
    source = f"import sys\nsys.path.insert(0, {str(TESTS)!r})\nfrom planted import PLANTED\nbackend = PLANTED[{name!r}]()\n"
    (folder / "mine.py").write_text(source)
    return f"{folder / 'mine.py'}:backend"


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("VALUE-1", "coarse_value"),
        ("GRAD-1", "scaled_rule"),
        ("GRAD-3", "rounding_recorder"),
        ("FWD-1", "scaled_tangent"),
        ("FWD-4", "rounding_recorder"),
        ("HIGH-1", "frozen_slope"),
        ("HIGH-2", "bent_slope"),
        ("HIGH-3", "constant_tangents"),
        ("HIGH-6", "bent_slope"),
        ("ACC-2", "overwriting_backward"),
        ("ACC-3", "deaf_zero"),
        ("ALIAS-6", "idle_step"),
        ("ALIAS-9", "self_once"),
        ("STATE-5", "overwriting_backward"),
    ],
)
def test_a_script_by_the_adapter_prints_the_same_wrong_numbers(tmp_path: Path, id: str, name: str) -> None:
    """Values, gradients, tangents and tapes: the script prints what the backend gave, and what is right, to the last digit."""
    found = shown(id, PLANTED[name](), planted(name, tmp_path))
    ending, got, expected = pasted(found.script, tmp_path)
    assert ending.startswith("fails: ")
    assert np.array_equal(got, numbers(found.got))
    assert np.array_equal(expected, rounded(found))


def test_a_script_names_its_clause() -> None:
    """The first lines are the clause, as comments, so that a pasted script says what it shows."""
    found = shown("GRAD-1", PLANTED["scaled_rule"](), "mine.py:backend")
    assert found.script.startswith("# GRAD-1: The gradient of every differentiable operation MUST equal the truth")


@pytest.mark.parametrize(
    ("id", "name", "names"),
    [
        ("VALUE-1", "coarse_value", ["x"]),
        ("GRAD-1", "scaled_rule", ["x", "ct"]),
        ("FWD-1", "scaled_tangent", ["x", "dx"]),
        ("HIGH-1", "frozen_slope", ["x", "ct", "dx"]),
        ("ACC-2", "overwriting_backward", ["x", "y", "ct"]),
    ],
)
def test_the_evidence_has_all_that_was_asked_with(id: str, name: str, names: list[str]) -> None:
    """A gradient has its cotangent among the inputs, a tangent its direction; a value has neither."""
    found = shown(id, PLANTED[name](), "mine.py:backend", lambda cell: cell.operation in ("", "sin", "square"))
    assert [array.name for array in found.inputs] == names


def test_a_relation_asks_for_both_sides(tmp_path: Path) -> None:
    """Where a clause holds two answers against each other, the script asks for both, and asserts what should hold of them."""
    name = "clipped_cotangent"
    found = shown("GRAD-5", PLANTED[name](), planted(name, tmp_path))
    ending, _, expected = pasted(found.script.replace("scaled", "got"), tmp_path)
    assert "# Here: gradient of x for -2 times the cotangent" in found.script
    assert "once = gradients(f, ct, x" in found.script
    assert "scaled = gradients(f, ct2, x" in found.script
    assert "expected = -2 * once" in found.script
    assert ending.startswith("fails: ")
    assert np.array_equal(expected, numbers(found.expected))


def test_a_relation_names_an_array_that_stands_for_two(tmp_path: Path) -> None:
    """Where two cases of a relation have one array in common, the script makes it once, and both sides use its one name."""
    case = fixed_case(trace(lambda ad, x, y: x * y), [np.array(2.0), np.array(3.0)], "float64")
    other = dataclasses.replace(case, tangents=(case.tangents[0] + 1, case.tangents[1]))
    asked = {"hv": Asked(case, "forward"), "hu": Asked(other, "forward", mark="2")}
    about = Relation("inner(dx2, hv) + inner(dy2, hv)", "inner(dx, hu) + inner(dy, hu)", asked)
    one, two = np.array(1.0), np.array(2.0)
    found = Finding("some", case, "", 0, one, two, about=about)
    source = script(found, specification()[0], load("reference"), "reference")
    assert "inner(dx2, hv) + inner(dy, hv)" in source
    assert "dy2" not in source
    assert interpreter(source, tmp_path).stderr.strip().splitlines()[-1].startswith("AssertionError")


def test_an_exception_is_raised_again(tmp_path: Path) -> None:
    """The script of an error ends as the backend did, and says in its head how that was."""
    source = (
        "from clinometer.backends.reference.adapter import Reference\n"
        "class Mine(Reference):\n"
        "    def vjp(self, f, *primals):\n"
        "        raise KeyError('no rule')\n"
    )
    (tmp_path / "mine.py").write_text(source)
    scope: dict[str, Any] = {"__name__": "mine"}
    exec(source, scope)
    found = shown("GRAD-1", scope["Mine"](), f"{tmp_path / 'mine.py'}:Mine")
    done = interpreter(found.script, tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "KeyError: 'no rule'"
    assert "# Here: KeyError: 'no rule'" in found.script


@pytest.mark.parametrize(
    ("id", "name", "lacks"),
    [
        ("FWD-1", "scaled_tangent", "forward"),
        ("GRAD-3", "rounding_recorder", "beside"),
        ("GRAD-6", "tired_pullback", "vjp"),
        ("DTYPE-8", "cutting_cast", "vjp"),
        ("HIGH-1", "frozen_slope", "nested"),
        ("HIGH-5", "one_level", "nested"),
        ("ACC-2", "overwriting_backward", "tape"),
        ("ALIAS-6", "idle_step", "tape"),
        ("XFORM-2", "summed_vmap", "transforms"),
    ],
)
def test_a_dialect_that_lacks_the_words_leaves_them_to_the_adapter(tmp_path: Path, id: str, name: str, lacks: str) -> None:
    """Where a library's dialect has no words for what was asked, the whole script is in those of the adapter, and shows it."""
    backend = PLANTED[name]()
    backend.dialect = dataclasses.replace(DIALECT, **{lacks: "" if isinstance(getattr(DIALECT, lacks), str) else {}})
    found = shown(id, backend, planted(name, tmp_path))
    assert "backend = load(" in found.script
    assert "torch" not in found.script
    assert interpreter(found.script, tmp_path).stderr.strip().splitlines()[-1].startswith("AssertionError")


# ----- a library with a dialect: its own words alone -----


def test_a_failure_of_torch_needs_torch_alone(tmp_path: Path) -> None:
    """The gradient of det at a singular matrix: the script prints torch's zeros beside the cofactors, without us."""
    pytest.importorskip("torch")
    from clinometer.backends.torch.adapter import Torch

    singular = "at[[1.0,2.0],[2.0,4.0]]"
    found = shown(
        "KINK-3", Torch(), "torch", lambda cell: (cell.operation, cell.parameters, cell.dtype) == ("det", singular, "float64")
    )
    ending, got, expected = pasted(found.script, tmp_path, "without us")
    assert ending.startswith("fails: ")
    assert np.array_equal(got, numbers(found.got))
    assert np.array_equal(expected, rounded(found))
    assert "import torch" in found.script
    assert "clinometer" not in found.script


def wrong_torches() -> dict[str, tuple[str, Backend]]:
    """Return clauses, each with a torch whose adapter breaks it; torch itself is sound there."""
    from clinometer.backends.torch import adapter

    class Value(adapter.Torch):
        def __init__(self) -> None:
            super().__init__()
            sin = self.xp.sin
            self.xp.sin = lambda x: 2 * sin(x)

    class Reverse(adapter.Torch):
        def vjp(self, f: Any, *primals: Any) -> Any:
            y, pullback = super().vjp(f, *primals)
            return y, lambda ct: [3 * g for g in pullback(ct)]

    class Forward(adapter.Torch):
        def jvp(self, f: Any, primals: Any, tangents: Any) -> Any:
            y, dy = super().jvp(f, primals, tangents)
            return y, 5 * dy

    class Doubling(adapter.Tape):
        def backward(self, y: Any, ct: Any | None = None, *, retain: bool = False) -> None:
            super().backward(y, 2 * ct, retain=retain)

    class Tape(adapter.Torch):
        def __init__(self) -> None:
            super().__init__()
            self.tape = Doubling()

    return {
        "value": ("VALUE-1", Value()),
        "reverse": ("GRAD-1", Reverse()),
        "forward": ("FWD-1", Forward()),
        "tape": ("ACC-2", Tape()),
    }


@pytest.mark.parametrize("mode", ["value", "reverse", "forward", "tape"])
def test_the_script_clears_a_library_whose_adapter_is_wrong(tmp_path: Path, mode: str) -> None:
    """In every mode the script asks the library, not the adapter: it runs without us and prints the right answer."""
    pytest.importorskip("torch")
    id, backend = wrong_torches()[mode]
    found = shown(id, backend, "wrong", lambda cell: cell.operation in ("", "sin"))
    ending, got, expected = pasted(found.script, tmp_path, "without us")
    tolerance = numbers(found.tolerance)
    assert ending == "holds"
    assert np.array_equal(expected, rounded(found))
    assert (abs(got - expected) <= tolerance).all()
    assert (abs(numbers(found.got) - expected) > tolerance).any()
