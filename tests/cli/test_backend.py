"""`clinometer backend`: from a library's name to an adapter that is whole, and what is said on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clinometer.backends import known
from clinometer.cli.main import main


def call(*words: str) -> Result:
    """Run the console script."""
    return CliRunner().invoke(main, ["backend", *words])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the commands are given."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_list_has_a_line_for_each_backend() -> None:
    """Each name comes with a word about it."""
    result = call("list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["name", *known()]


def test_a_new_adapter_is_whole_and_says_what_to_do_next(folder: Path) -> None:
    """The command that the first one ends with finds nothing wrong in the adapter of a library that is simple enough."""
    begun = call("new", "pebble")
    assert begun.exit_code == 0
    assert "pebble_backend: adapter.py, operations.py, test_adapter.py" in begun.stdout
    assert "7 of " in begun.stdout
    assert "clinometer backend smoke ./pebble_backend/adapter.py:Pebble" in begun.stdout
    assert {path.name for path in (folder / "pebble_backend").glob("*.py")} >= {
        "adapter.py",
        "operations.py",
        "test_adapter.py",
    }
    whole = call("smoke", "./pebble_backend/adapter.py:Pebble")
    assert (whole.exit_code, whole.stderr) == (0, "")
    assert "✓ vjp of two inputs" in whole.stdout
    assert "– jvp: no forward mode is asked for" in whole.stdout
    assert "✓ 7 of the 7 operations of xp" in whole.stdout
    assert "clinometer run ./pebble_backend/adapter.py:Pebble --profile quick" in whole.stdout


def test_the_test_of_a_new_adapter_passes_and_fails_with_it(folder: Path) -> None:
    """The test file that comes with an adapter holds it to smoke."""
    call("new", "pebble", "--output", "mine")
    assert outcome(folder / "mine") == 0
    operations = folder / "mine" / "operations.py"
    operations.write_text(operations.read_text().replace("pebble.exp(x)", "pebble.exp(x) + 1.0"))
    assert outcome(folder / "mine") == 1


def outcome(folder: Path) -> int:
    """Return the exit code of pytest on a folder."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def test_a_library_of_several_modules_is_searched_in_all(folder: Path) -> None:
    """`--library` may be given more than once; a module of the folder in which one stands is found too."""
    (folder / "more_pebble.py").write_text("from pebble import Array, exp as log\n")
    call("new", "pebble", "--library", "pebble", "--library", "more_pebble")
    assert '"log": lambda x: more_pebble.log(x),' in (folder / "pebble_backend" / "operations.py").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["new", "a b"], "'a b' is no name of a backend"),
        (["new", "no_such_library"], "the library 'no_such_library' could not be imported"),
        (
            ["new", "pebble", "-o", "there"],
            "adapter.py is there already, and nothing is overwritten; name another folder with --output",
        ),
    ],
)
def test_what_cannot_be_begun_is_refused_in_one_sentence(folder: Path, words: list[str], sentence: str) -> None:
    """A bad name, a library that is not there and a file that is are answered without a traceback, and nothing is written."""
    (folder / "there").mkdir()
    (folder / "there" / "adapter.py").write_text("mine")
    result = call(*words)
    assert result.exit_code == 2
    [line] = result.stderr.strip().splitlines()
    assert sentence in line
    assert sorted(path.name for path in folder.rglob("*")) == ["adapter.py", "there"]


def test_a_wrong_adapter_is_told_what_to_mend(folder: Path) -> None:
    """What is wrong is named with its member, what was expected and what to do; the exit code is 1."""
    call("new", "pebble")
    path = folder / "pebble_backend" / "adapter.py"
    path.write_text(
        path.read_text().replace("f(*leaves).backward(ct)", "f(*leaves).backward(self.asarray(np.ones_like(ct.numpy())))")
    )
    operations = path.with_name("operations.py")
    operations.write_text(operations.read_text().replace("pebble.arctan(x)", "pebble.exp(x)"))
    result = call("smoke", "./pebble_backend/adapter.py:Pebble")
    assert result.exit_code == 1
    assert (
        "✕ vjp of a square: the gradient for the cotangent [1, 2] is [2.0, -6.0], where [2.0, -12.0] is right\n"
        in result.stdout
    )
    assert "✕ xp.atan: atan(x): value: got" in result.stdout
    assert "the cotangent counts, and is no ones" in result.stdout
    assert result.stdout.rstrip().endswith("answers are wrong.")


def test_a_backend_that_does_not_load_is_said_in_one_line() -> None:
    """Exit code 2, and the registry's sentence."""
    result = call("smoke", "trch")
    assert result.exit_code == 2
    [line] = result.stdout.splitlines()
    assert line.endswith("Did you mean 'torch'?")
