"""The registry: every way to name a backend loads it, and every way to go wrong is one sentence."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from clinometer.backends import BackendProblem, known, load, registry
from clinometer.backends.protocol import TAPE_MEMBERS
from clinometer.backends.registry import BUILT_IN, GROUP

WHOLE = """
from types import SimpleNamespace
class Whole:
    name = "whole"
    xp = SimpleNamespace()
    def asarray(self, x): return x
    def to_numpy(self, x): return x
    def vjp(self, f, *primals): return f(*primals), None
"""


VARIANT = """
    @classmethod
    def functional(cls):
        made = cls()
        made.name = "many:func"
        return made
"""


def written(folder: Path, source: str, name: str = "adapter") -> Path:
    """Write an adapter's source to a file."""
    path = folder / f"{name}.py"
    path.write_text(source)
    return path


def problem(name: str) -> str:
    """Return the message with which a backend is refused."""
    with pytest.raises(BackendProblem) as caught:
        load(name)
    return str(caught.value)


# ----- ways that lead to a backend -----


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_backend_loads_under_its_name(name: str) -> None:
    """A built-in backend is made, and bears the name that it was asked for by."""
    assert load(name).name == name


def test_a_file_and_its_attribute_load(tmp_path: Path) -> None:
    """`path/to/file.py:attribute` makes the attribute of the file."""
    assert load(f"{written(tmp_path, WHOLE)}:Whole").name == "whole"


def test_a_module_and_its_attribute_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`module:attribute` makes the attribute of an importable module."""
    written(tmp_path, WHOLE, "clinometer_adapter_to_import")
    monkeypatch.syspath_prepend(tmp_path)
    assert load("clinometer_adapter_to_import:Whole").name == "whole"


def test_a_backend_that_is_already_made_loads_as_it_is(tmp_path: Path) -> None:
    """The attribute may be a backend itself, as well as what makes one."""
    assert load(f"{written(tmp_path, WHOLE + 'made = Whole()')}:made").name == "whole"


def test_an_entry_point_is_known_and_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that an installed package registers is listed with its origin, and loads by its name."""
    written(tmp_path, WHOLE, "clinometer_adapter_installed")
    monkeypatch.syspath_prepend(tmp_path)
    point = metadata.EntryPoint("theirs", "clinometer_adapter_installed:Whole", GROUP)

    def entry_points(*, group: str) -> list[metadata.EntryPoint]:
        return [point] if group == GROUP else []

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    assert known()["theirs"] == "from the entry point clinometer_adapter_installed:Whole"
    assert load("theirs").name == "whole"


@pytest.mark.parametrize("value", ["clinometer_adapter_installed", ":Whole", "", "a b:c:d"])
def test_an_entry_point_that_points_nowhere_is_said(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another package has registered wrongly is one sentence, with what stands there."""
    point = metadata.EntryPoint("theirs", value, GROUP)
    monkeypatch.setattr(metadata, "entry_points", lambda *, group: [point] if group == GROUP else [])
    message = problem("theirs")
    assert message.startswith("backend 'theirs'")
    assert value.partition(":")[0] in message


@pytest.fixture
def variants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a library with a variant, which a method makes, and another library whose package registers a variant."""
    path = written(tmp_path, WHOLE + VARIANT, "clinometer_adapter_of_many")
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.setitem(registry.BUILT_IN, "many", ("clinometer_adapter_of_many:Whole", "a library"))
    monkeypatch.setitem(registry.BUILT_IN, "many:func", ("clinometer_adapter_of_many:Whole.functional", "its other way"))
    points = [
        metadata.EntryPoint(name, f"clinometer_adapter_of_many:{attribute}", GROUP)
        for name, attribute in {"theirs": "Whole", "theirs:func": "Whole.functional"}.items()
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda *, group: points if group == GROUP else [])


@pytest.mark.parametrize("library", ["many", "theirs"])
@pytest.mark.usefixtures("variants")
def test_a_variant_loads_by_library_and_variant(library: str) -> None:
    """`library:variant` makes what is registered under that name, and the library alone what is registered under its own."""
    assert load(f"{library}:func").name == "many:func"
    assert load(library).name == "whole"
    assert f"{library}:func" in known()


# ----- ways that do not, in the order in which things can go wrong -----


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """The message for an unknown name lists every name there is."""
    message = problem("no-such-library")
    assert all(name in message for name in BUILT_IN)
    assert "Did you mean" not in message


def test_a_misspelled_name_is_answered_with_the_close_one() -> None:
    """The message for a name that is nearly right ends with the right one."""
    assert problem("troch").endswith("Did you mean 'torch'?")


@pytest.mark.parametrize("library", ["many", "theirs"])
@pytest.mark.usefixtures("variants")
def test_a_misspelled_variant_is_answered_with_those_there_are(library: str) -> None:
    """Of a variant that is not there the message lists the library's variants, and ends with the one that is close."""
    message = problem(f"{library}:fnuc")
    assert message.startswith(f"backend {library!r} has no variant 'fnuc'; it has {library}:func; ")
    assert message.endswith(f" Did you mean '{library}:func'?")


@pytest.mark.usefixtures("variants")
def test_a_misspelled_library_of_a_variant_is_answered_with_the_close_one() -> None:
    """What looks like a module that is not there, and is nearly a variant, is asked for as that."""
    assert problem("mnay:func").endswith("No module named 'mnay'. Did you mean 'many:func'?")


def test_a_known_name_begins_no_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`reference:Whole` is never an attribute of a module: the message says how such a file of the user's is named."""
    path = written(tmp_path, WHOLE, "reference")
    message = problem("reference:Whole")
    assert message.startswith("backend 'reference' has no variant 'Whole'; it has none; ")
    assert "path/to/reference.py:Whole" in message
    assert load(f"{path}:Whole").name == "whole"


def test_a_misspelled_attribute_is_answered_with_the_close_one(tmp_path: Path) -> None:
    """The message for an attribute that is nearly right ends with the right one."""
    path = written(tmp_path, WHOLE)
    assert problem(f"{path}:Wohle").endswith(f"{path} has no attribute 'Wohle'. Did you mean 'Whole'?")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message for a path without a file says the path."""
    path = tmp_path / "nowhere.py"
    assert problem(f"{path}:Whole") == f"backend '{path}:Whole': there is no file {path}"


def test_a_missing_module_is_named() -> None:
    """The message for a module that cannot be found says which one."""
    assert "ModuleNotFoundError: No module named 'no_such_module'" in problem("no_such_module:Whole")


def test_a_missing_attribute_is_named(tmp_path: Path) -> None:
    """The message for a file without the attribute says both."""
    path = written(tmp_path, WHOLE)
    assert problem(f"{path}:Made") == f"backend '{path}:Made': {path} has no attribute 'Made'"


def test_an_error_while_importing_becomes_one_line(tmp_path: Path) -> None:
    """An adapter that raises while it is imported gives its error, lines joined, and no traceback."""
    path = written(tmp_path, "raise OSError('libfoo.so:\\n  cannot open')")
    assert problem(f"{path}:Whole") == f"backend '{path}:Whole' could not be imported: OSError: libfoo.so: cannot open"


def test_a_file_that_fails_leaves_no_module_behind(tmp_path: Path) -> None:
    """An adapter that failed is not found half made by the next import."""
    problem(f"{written(tmp_path, 'raise OSError', 'half')}:Whole")
    assert not [name for name in sys.modules if name.startswith("clinometer_backend_half")]


def test_an_error_while_making_becomes_one_line(tmp_path: Path) -> None:
    """An adapter whose constructor raises gives its error in one line."""
    path = written(tmp_path, "def Whole():\n    raise RuntimeError('no\\ndevice')")
    assert problem(f"{path}:Whole") == f"backend '{path}:Whole' could not be made: RuntimeError: no device"


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "reference"])
def test_a_library_that_is_not_installed_is_answered_with_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A built-in backend without its library says which command brings it."""
    (module,) = library(name)
    monkeypatch.setitem(sys.modules, module, None)  # which makes its import fail
    assert problem(name).endswith(f"; install it with: pip install 'clinometer[{module}]'")


@pytest.mark.parametrize("member", ["name", "xp", "asarray", "to_numpy", "vjp"])
def test_a_missing_member_is_named(member: str, tmp_path: Path) -> None:
    """An adapter without one of the members is told which one, and which there are."""
    path = written(tmp_path, WHOLE.replace(f"{member} =", "other =").replace(f"def {member}(", "def other("))
    message = problem(f"{path}:Whole")
    assert f"lacks '{member}';" in message
    assert "name, xp, asarray, to_numpy, vjp" in message


@pytest.mark.parametrize("member", ["leaf", "backward", "gradient", "zero", "grad"])
def test_a_missing_member_of_a_tape_is_named(member: str, tmp_path: Path) -> None:
    """An adapter whose tape is not whole is told what is missing, and is not taken for one without a tape."""
    tape = "class Tape:\n" + "".join(f"    {name} = print\n" for name in TAPE_MEMBERS if name != member)
    path = written(tmp_path, f"{tape}{WHOLE}    tape = Tape()\n")
    assert problem(f"{path}:Whole").startswith(f"backend '{path}:Whole': its tape lacks '{member}'; ")


# ----- nothing is imported before it is chosen -----


def imported(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after a statement."""
    program = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def library(name: str) -> set[str]:
    """Return the modules by which one sees that a backend's library was imported."""
    return set() if name == "reference" else {name.partition(":")[0]}


def test_importing_the_backends_imports_no_library() -> None:
    """`import clinometer.backends` imports none of the libraries that it adapts."""
    assert not imported("import clinometer.backends") & set().union(*map(library, BUILT_IN))


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_adapter_imports_its_library_only_when_it_is_made(name: str) -> None:
    """Importing an adapter's file leaves its library alone; making the adapter imports it, and no other."""
    module, attribute = BUILT_IN[name][0].split(":")
    others = set().union(*map(library, BUILT_IN)) - library(name)
    before, after = imported(f"import {module}"), imported(f"import {module}\n{module}.{attribute}()")
    assert not before & (library(name) | others)
    assert after >= library(name)
    assert not after & others


def test_listing_the_backends_imports_no_library() -> None:
    """`known` names every backend and imports none."""
    assert not imported("from clinometer.backends import known\nknown()") & {"torch", "autograd"}


def test_every_built_in_backend_has_a_line_about_it() -> None:
    """Each built-in name comes with one line for people."""
    about: dict[str, Any] = known()
    assert all(about[name] and "\n" not in about[name] for name in BUILT_IN)
