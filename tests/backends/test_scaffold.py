"""A new adapter: what is read off a library's names and signatures, and what is written from it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinometer.backends import BackendProblem, load, matching, scaffold
from clinometer.harness.smoke.answers import THERE, WRONG, answered
from clinometer.harness.smoke.questions import questions
from clinometer.reference.catalogue import CATALOGUE


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The file of an adapter of pebble, as it is begun."""
    path, _ = scaffold.written("pebble", ["pebble"], tmp_path / "pebble_backend")
    return path


def line(op: str, *modules: str) -> matching.Line:
    """Return what became of an operation."""
    (found,) = [each for each in matching.lines(matching.library(modules)) if each.op == op]
    return found


WORDS = {
    "exp": "lambda x: pebble.exp(x)",
    "atan": "lambda x: pebble.arctan(x)",
    "tanh": "lambda x: x.tanh()",
    "add": "lambda x, y: x + y",
    "sum": "lambda x, axis=None, keepdims=False: pebble.sum(x, dim=axis, keepdim=keepdims)",
    "stack": "lambda x, y, axis=0: pebble.Array.stack([x, y], axis=axis)",
}


@pytest.mark.parametrize("op", WORDS)
def test_an_operation_is_found_by_name_and_signature(op: str) -> None:
    """Functions, methods, operators, numpy's names and parameters of other names are said in the catalogue's terms."""
    assert line(op, "pebble").words == WORDS[op]


@pytest.mark.parametrize(
    ("op", "why"),
    [
        ("clip", "as pebble.clip takes other arguments"),
        ("cumulative_sum", "as pebble.cumsum takes no axis"),
        ("sin", matching.NOT_THERE),
        ("subtract", matching.NOT_THERE),
        ("svd", matching.OF_ITS_OWN),
    ],
)
def test_an_operation_that_does_not_fit_is_left_out_with_the_reason(op: str, why: str) -> None:
    """Whatever is not there, or does not take the catalogue's arguments, has no words, and says why."""
    assert line(op, "pebble") == matching.Line(op, why=why)


def test_every_operation_of_the_catalogue_is_accounted_for(begun: Path) -> None:
    """Each operation has its line in operations.py, or stands in a comment there."""
    text = begun.with_name("operations.py").read_text()
    table = next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Dict))
    words = {key.value for key in table.keys if isinstance(key, ast.Constant)}
    comments = " ".join(line for line in text.splitlines() if line.startswith("# "))
    assert words == set(WORDS) | {"multiply"}
    assert all(op in words or f" {op}" in comments for op in CATALOGUE)


SIGNED = [
    ("reshape", "lambda x, shape: np.reshape(x, shape=shape)"),
    ("where", "lambda x, y, condition: np.where(np.array(condition), x, y)"),
]


@pytest.mark.parametrize(("op", "words"), SIGNED)
def test_numpy_s_own_functions_are_found(op: str, words: str) -> None:
    """A library that is numpy's functions on numpy's arrays has no class of arrays, and its functions are found."""
    assert line(op, "numpy").words == words.replace("np.", "numpy.", 1)
    assert matching.library(["numpy"]).array == ""


def test_a_function_without_a_signature_is_given_what_it_must_have() -> None:
    """A function of C gets its shapes by position and its axes by keyword, which `smoke` then tries."""
    assert line("reshape", "torch").words == "lambda x, shape: torch.reshape(x, shape)"
    assert line("cumulative_sum", "torch").words == "lambda x, axis: torch.cumsum(x, axis=axis)"


@pytest.mark.parametrize("op", ["sum", "max"])
def test_no_keyword_is_handed_on_whose_none_means_nothing(op: str) -> None:
    """A reduction is not given where=None, which numpy takes for a mask."""
    assert line(op, "numpy").words == f"lambda x, axis=None, keepdims=False: numpy.{op}(x, axis=axis, keepdims=keepdims)"


def test_what_is_begun_runs_as_it_stands(begun: Path) -> None:
    """The adapter of a library with arrays, backward and grad answers every question right, without a line of one's own."""
    backend: Any = load(f"{begun}:Pebble")
    answers = [answered(question) for question in questions(backend)]
    assert [str(answer) for answer in answers if answer.state == WRONG] == []
    assert len([answer for answer in answers if answer.member.startswith("xp.")]) == len(WORDS) + 1


FUNCTIONAL = """\
from clinometer.backends.reference.adapter import Reference
_reference = Reference()
array, vjp, jvp, vmap, jit = (getattr(_reference, name) for name in ("asarray", "vjp", "jvp", "vmap", "jit"))
exp, multiply = _reference.xp.exp, _reference.xp.multiply
"""


def test_a_library_of_transforms_has_them_in_its_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions named vjp, jvp, vmap and jit are members at once, and answer rightly; so is what makes arrays."""
    (tmp_path / "functional_library.py").write_text(FUNCTIONAL)
    monkeypatch.syspath_prepend(tmp_path)
    path, _ = scaffold.written("functional", ["functional_library"], tmp_path / "functional_backend")
    assert "return functional_library.array(np.array(x))" in path.read_text()
    found = {answer.member: answer.state for answer in map(answered, questions(load(f"{path}:Functional")))}
    assert {found[member] for member in ("vjp of two inputs", "jvp", "vmap", "jit", "xp.exp")} == {THERE}
    assert WRONG not in found.values()


def test_two_adapters_of_one_file_name_are_two(begun: Path, tmp_path: Path) -> None:
    """Each adapter finds the operations that lie beside it, though all of them are named alike."""
    other, _ = scaffold.written("arrays", ["numpy"], tmp_path / "other")
    mine, theirs, again = load(f"{begun}:Pebble"), load(f"{other}:Arrays"), load(f"{begun}:Pebble")
    assert hasattr(theirs.xp, "sin")
    assert not hasattr(mine.xp, "sin")
    assert not hasattr(again.xp, "sin")


def test_operations_that_were_edited_are_read_anew(begun: Path) -> None:
    """Who edits operations.py and loads the adapter again gets what stands there now."""
    load(f"{begun}:Pebble")
    operations = begun.with_name("operations.py")
    operations.write_text(operations.read_text().replace('"exp": lambda x: pebble.exp(x)', '"expm1": lambda x: pebble.exp(x)'))
    assert hasattr(load(f"{begun}:Pebble").xp, "expm1")


# ----- what is refused -----


@pytest.mark.parametrize("file", ["adapter.py", "operations.py", "test_adapter.py", "__init__.py"])
def test_nothing_is_overwritten(tmp_path: Path, file: str) -> None:
    """One file that is there already is named, kept, and no other is written."""
    (tmp_path / file).write_text("mine")
    with pytest.raises(BackendProblem, match=f"{file} is there already, and nothing is overwritten"):
        scaffold.written("pebble", ["pebble"], tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(file, "mine")]


@pytest.mark.parametrize("name", ["", "a b", "../a", "1a", "torch:func"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    """A backend's name is made of letters, digits, - and _."""
    with pytest.raises(BackendProblem, match="is no name of a backend"):
        scaffold.written(name, ["pebble"], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A module that cannot be imported is said to be missing, with what to do."""
    with pytest.raises(BackendProblem, match=r"'no_such_module' could not be imported: .*; install it, or name its module"):
        scaffold.written("new", ["no_such_module"], tmp_path / "new")


def test_a_library_that_fails_gives_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that raises while it is imported gives its error in one line, and no advice to install it."""
    (tmp_path / "broken_library.py").write_text("raise OSError('libfoo.so:\\n  cannot open')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BackendProblem, match=r"'broken_library' could not be imported: OSError: libfoo\.so: cannot open$"):
        scaffold.written("new", ["broken_library"], tmp_path / "new")
    sys.modules.pop("broken_library", None)


def test_a_name_with_dashes_has_a_class_all_the_same(tmp_path: Path) -> None:
    """`my-pebble` is the class MyPebble."""
    path, _ = scaffold.written("my-pebble", ["pebble"], tmp_path / "new")
    assert load(f"{path}:MyPebble").name == "my-pebble"
    np.testing.assert_array_equal(load(f"{path}:MyPebble").to_numpy(load(f"{path}:MyPebble").asarray(np.ones(2))), np.ones(2))
