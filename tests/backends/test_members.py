"""The members of a backend: each is looked at when it is loaded, and one that is not what it must be is said in a sentence."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from clinometer.backends import BackendProblem, load

SOURCE = """\
import pytest
from clinometer.backends import Absent, Refusal, Support
from clinometer.backends.reference.adapter import Reference
class Mute(BaseException):
    def __str__(self):
        raise SystemExit
class Long(str):
    def __repr__(self):
        return "x" * 10**7
sound = Reference()
class Planted:
    name, xp, tape, support = "planted", sound.xp, sound.tape, sound.support
    asarray, to_numpy, vjp, jvp, vmap, jit = sound.asarray, sound.to_numpy, sound.vjp, sound.jvp, sound.vmap, sound.jit
"""
SUPPORT = "'support{}' must be "
# What stands in the adapter, and how the sentence begins.
WRONG = [
    ("name = 42", "'name' must be a text of 1 to 100 characters that can be printed; it is 42"),
    ("name = None", "'name' must be a text"),
    ("name = ''", "'name' must be a text of 1 to 100 characters that can be printed; it is ''"),
    ("name = '  '", "'name' must be a text"),
    ("name = 'x' * 10**6", "'name' must be a text"),
    ("name = Long('a' * 200)", "'name' must be a text"),
    ("name = 'red\\x1b[31m'", "'name' must be a text"),
    ("name = 'two\\nlines'", "'name' must be a text"),
    ("name = 'left\\u202eright'", "'name' must be a text"),
    ("xp = 3.5", "'xp' must be a namespace of functions, such as namespace(OPERATIONS); it is 3.5"),
    ("xp = None", "'xp' must be a namespace"),
    ("xp = {'exp': abs}", "'xp' must be a namespace"),
    ("asarray = 3", "'asarray' must be a function; it is 3"),
    ("to_numpy = None", "'to_numpy' must be a function; it is None"),
    ("vjp = 'vjp'", "'vjp' must be a function; it is 'vjp'"),
    ("jvp = 3", "'jvp' must be a function, or left out; it is 3"),
    ("vmap = True", "'vmap' must be a function, or left out; it is True"),
    ("tape = 3", "its tape lacks 'leaf', 'backward', 'gradient', 'zero', 'grad'; a tape has the members"),
    (
        "tape = type('T', (), dict.fromkeys(['leaf', 'backward', 'gradient', 'zero', 'grad'], 3))()",
        "'tape.leaf' must be a function",
    ),
    ("support = None", SUPPORT.format("") + "a Support, of clinometer.backends; it is None"),
    ("support = ('float64',)", SUPPORT.format("") + "a Support"),
    ("support = Support(dtypes=None)", SUPPORT.format(".dtypes") + "a list of dtypes, of float16, bfloat16, float32"),
    ("support = Support('float32')", SUPPORT.format(".dtypes") + "a list"),
    ("support = Support(())", SUPPORT.format(".dtypes") + "a list"),
    ("support = Support([3])", SUPPORT.format(".dtypes") + "a list"),
    ("support = Support(['floot16'])", "support.dtypes: 'floot16' is not a dtype; did you mean 'float16'?"),
    ("support = Support(nests=1)", SUPPORT.format(".nests") + "True or False; it is 1"),
    ("support = Support(unsupported=3)", SUPPORT.format(".unsupported") + "a list of Absent and Refusal"),
    ("support = Support(unsupported=['exp'])", SUPPORT.format(".unsupported") + "a list of Absent and Refusal"),
    (
        "support = Support(unsupported=[Absent('exp', ['forward'], '')])",
        "'operations of an Absent' must be a list of names; it is 'exp'",
    ),
    (
        "support = Support(unsupported=[Absent(['exp'], 'forward', '')])",
        "'within of an Absent' must be a list of dtypes and modes",
    ),
    (
        "support = Support(unsupported=[Absent(['epx'], ['forward'], '')])",
        "operations of an Absent: 'epx' is not an operation;",
    ),
    (
        "support = Support(unsupported=[Absent(['exp'], ['forwards'], '')])",
        "within of an Absent: 'forwards' is not a dtype or a mode;",
    ),
    (
        "support = Support(unsupported=[Refusal(3)])",
        "'words of a Refusal' must be a regular expression, and no empty one; it is 3",
    ),
    ("support = Support(unsupported=[Refusal('')])", "'words of a Refusal' must be a regular expression, and no empty one"),
    ("support = Support(unsupported=[Refusal('(')])", "words of a Refusal: '(' is no regular expression: missing )"),
    ("versions = None", "'versions' must be a mapping such as"),
    ("versions = {'planted': 3}", "'versions' must be a mapping such as"),
    ("versions = {'planted': 'x' * 1000}", "'versions' must be a mapping such as"),
    ("dialect = 'torch'", "'dialect' must be a Dialect, or None; it is 'torch'"),
    (
        "support = property(lambda self: 1 / 0)",
        "to look at 'support' raises ZeroDivisionError: division by zero",
    ),
    ("name = property(lambda self: pytest.skip('no name'))", "to look at 'name' raises Skipped: no name"),
    ("versions = property(lambda self: exit(0))", "to look at 'versions' raises SystemExit: 0"),
    ("def __getattribute__(self, name):\n        raise Mute", "to look at 'name' raises Mute: (its __str__ raises SystemExit)"),
    ("def __getattribute__(self, name):\n        raise KeyboardInterrupt", "to look at 'name' raises KeyboardInterrupt: "),
]


def problem(folder: Path, source: str) -> str:
    """Return the sentence by which an adapter is refused, without the name that it was chosen by."""
    path = folder / "planted.py"
    path.write_text(source)
    with pytest.raises(BackendProblem) as caught:
        load(f"{path}:Planted")
    return str(caught.value).replace(f"'{path}:Planted'", "").removeprefix("backend : ")


@pytest.mark.parametrize(("line", "said"), WRONG)
def test_a_member_that_is_not_what_it_must_be_is_said_in_a_sentence(tmp_path: Path, line: str, said: str) -> None:
    """The sentence says which member, what it must be, and what it is, in a few words however large that is."""
    found = problem(tmp_path, SOURCE + textwrap.indent(line, "    "))
    assert found.startswith(said)
    assert len(found) < 500
    assert "\n" not in found


def test_a_member_may_be_left_out_by_none(tmp_path: Path) -> None:
    """What a base class offers is taken back by None."""
    path = tmp_path / "planted.py"
    path.write_text(SOURCE + "    jvp = vmap = jit = tape = dialect = None\n")
    assert load(f"{path}:Planted").name == "planted"


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("SystemExit(0)", "SystemExit: 0"),
        ("KeyboardInterrupt", "KeyboardInterrupt: "),
        ("GeneratorExit", "GeneratorExit: "),
        ("pytest.skip.Exception('no device')", "Skipped: no device"),
        ("pytest.exit.Exception('enough')", "Exit: enough"),
        ("FileNotFoundError(2, 'No such file or directory', 'weights.bin')", "FileNotFoundError: [Errno 2] No such file or"),
        ("Mute", "Mute: (its __str__ raises SystemExit)"),
        ("ValueError('x' * 10**7)", "ValueError: xxxx"),
    ],
)
@pytest.mark.parametrize("where", ["imported", "made"])
def test_whatever_is_raised_before_a_backend_is_there_is_said(tmp_path: Path, raised: str, said: str, where: str) -> None:
    """What no backend is made of is told, as what it is: a file that the module misses is not the module's own."""
    source = f"{SOURCE}    def __init__(self):\n        raise {raised}\n" if where == "made" else f"{SOURCE}raise {raised}\n"
    found = problem(tmp_path, source)
    assert found.startswith(f"backend  could not be {where}: {said}")
    assert "there is no file" not in found
    assert len(found) < 5_000


@pytest.mark.parametrize(
    "name", ["", ":", ":Planted", "planted.py:", "x\0.py:Planted", f"{'x' * 300}.py:Planted", "..:Planted"]
)
def test_a_name_that_names_nothing_is_said(name: str) -> None:
    """No name of a backend, however odd, ends in another exception."""
    with pytest.raises(BackendProblem):
        load(name)
