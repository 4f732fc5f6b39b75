"""Smoke in a process of its own: no library ends the questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinometer.harness.smoke import asking
from clinometer.harness.smoke.answers import MISSING, THERE, UNLOADED, WRONG, Answer

SOURCE = """\
import os, sys, time
import numpy as np
from types import SimpleNamespace
from clinometer.backends.reference.adapter import Reference

class Planted(Reference):
    def __init__(self):
        super().__init__()
        self.xp = SimpleNamespace(multiply=self.xp.multiply, exp=self.xp.exp, log=self.xp.log)
        self.prepare()
    def prepare(self):
        pass
"""


def planted(folder: Path, source: str) -> str:
    """Return the name of an adapter that is the reference with some lines more."""
    path = folder / "planted.py"
    path.write_text(SOURCE + source)
    return f"{path}:Planted"


def test_no_operation_is_asked_where_arrays_are_not_carried(tmp_path: Path) -> None:
    """Where asarray is wrong, operations are left for later: their answers would all say the same."""
    found = {
        answer.member: answer for answer in asking.smoke(planted(tmp_path, "    def asarray(self, x):\n        return [x]\n"))
    }
    assert found["asarray, to_numpy in float64"].state == WRONG
    assert found["xp.exp"] == Answer("xp.exp", MISSING, "it is asked when asarray and to_numpy are right")


ENDS = {
    "a crash": ("os.abort()", "the library ends its process with "),
    "an exit": ("print('out of memory', file=sys.stderr, flush=True); os._exit(3)", "with exit code 3: out of memory"),
    "SystemExit": ("sys.exit(4)", "exp(x): SystemExit: 4"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "exp(x): KeyboardInterrupt: "),
    "a long story": ("raise ValueError('x' * 10**7)", "characters are left out ...]"),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_library_that_ends_its_process_is_survived(tmp_path: Path, how: str) -> None:
    """What was being asked when the library ended is wrong, and all that comes after is asked all the same."""
    does, said = ENDS[how]
    source = f"    def prepare(self):\n        def exp(x):\n            {does}\n        self.xp.exp = exp\n"
    found = {answer.member: answer for answer in asking.smoke(planted(tmp_path, source))}
    assert found["xp.exp"].state == WRONG
    assert said in found["xp.exp"].said
    assert found["xp.log"].state == THERE


def test_a_library_that_does_not_come_back_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that takes for ever is wrong, and the others are asked."""
    monkeypatch.setattr(asking, "SECONDS", 4)
    source = "    def prepare(self):\n        self.xp.exp = lambda x: time.sleep(1000)\n"
    found = {answer.member: answer for answer in asking.smoke(planted(tmp_path, source))}
    assert found["xp.exp"].said == "it does not come back, and was ended"
    assert found["xp.log"].state == THERE


def test_what_a_library_prints_is_no_answer(tmp_path: Path) -> None:
    """A library may write to the console as it likes."""
    source = '    def prepare(self):\n        print(\'{"begun": "x"}\', flush=True)\n'
    found = list(asking.smoke(planted(tmp_path, source)))
    assert {answer.state for answer in found} == {THERE}


@pytest.mark.parametrize("name", ["trch", "no_such_module:It"])
def test_a_backend_that_does_not_load_is_one_answer(name: str) -> None:
    """A backend that cannot be loaded gives the registry's sentence, and nothing else."""
    (answer,) = asking.smoke(name)
    assert (answer.member, answer.state) == (name, UNLOADED)


def test_a_library_that_crashes_while_it_is_imported_is_one_answer(tmp_path: Path) -> None:
    """A library that ends the process before a question can be asked is not loaded."""
    (answer,) = asking.smoke(planted(tmp_path, "os._exit(5)\n"))
    assert answer.state == UNLOADED
    assert "exit code 5" in answer.said


def test_a_library_that_crashes_everywhere_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many ends of the process the rest is not asked, and that is said."""
    monkeypatch.setattr(asking, "CRASHES", 1)
    source = "    def asarray(self, x):\n        os._exit(5)\n"
    *_, last = asking.smoke(planted(tmp_path, source))
    assert last.said == "the library has ended its process 2 times"
