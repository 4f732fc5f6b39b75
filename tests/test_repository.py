"""Rules of the repository, kept by tests."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
import tomllib
from pathlib import Path

import architecture
import pytest

from clinometer.backends.registry import BUILT_IN

ROOT = Path(__file__).parent.parent
PACKAGES = tuple(architecture.ROOMS)


def sources() -> list[Path]:
    """Return the project's own Python files."""
    return [path for folder in (*PACKAGES, "tests") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_imports_run_one_way() -> None:
    """A room imports only those below it, also inside functions and for types."""
    assert not architecture.against_the_stream()


def test_no_module_needs_itself() -> None:
    """There is no circle of imports."""
    assert not architecture.circles(architecture.imports())


def test_a_circle_is_seen() -> None:
    """Two modules that need each other are named, one that only leads there is not."""
    assert architecture.circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"c", "a"}}) == [["b", "c"]]


@pytest.mark.parametrize("module", ["clinometer.reference.verdict", "clinometer.backends", "clinometer.harness.plugin"])
def test_the_core_imports_no_library_that_it_need_not(module: str) -> None:
    """Importing the core brings in no backend, no scipy and no Hypothesis."""
    heavy = ["torch", "autograd", "scipy", "hypothesis"]
    source = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_package_is_installed() -> None:
    """pyproject.toml lists each folder that has an __init__.py, and marks each as typed."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    there = {path.parent for name in PACKAGES for path in (ROOT / name).rglob("__init__.py")}
    assert set(listed) == {"clinometer." + ".".join(path.relative_to(ROOT).parts) for path in there}
    assert all((ROOT / name / "py.typed").is_file() for name in PACKAGES)


def test_every_backend_has_an_environment() -> None:
    """tox.ini has an environment for each built-in backend."""
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    named = next(name for name in tox.sections() if name.startswith("testenv:{"))
    assert set(named.removeprefix("testenv:{").rstrip("}").split(",")) == set(BUILT_IN)


def test_files_stay_short() -> None:
    """No Python file of the project is longer than 400 lines."""
    long = [str(path.relative_to(ROOT)) for path in sources() if len(path.read_text("utf-8").splitlines()) > 400]
    assert not long


def test_every_test_says_what_holds() -> None:
    """Each test has a docstring: a claim that is true or false without the code."""
    silent = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in sources()
        if path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent
