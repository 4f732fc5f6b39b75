"""Rules of the repository, kept by tests."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinometer.backends.registry import BUILT_IN

ROOT = Path(__file__).parent.parent
PACKAGES = ("reference", "strategies", "backends", "suites", "reports")

# Data flows one way: who may import whom, at the top of a module. What is imported inside a function is chosen later.
MAY_IMPORT = {
    "reference": {"reference"},
    "strategies": {"reference", "strategies"},
    "backends": {"backends", "reference"},
    "reports": {"reports"},
    "suites": set(PACKAGES),
}


def sources() -> list[Path]:
    """Return the project's own Python files."""
    return [path for folder in (*PACKAGES, "tests") for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    """Yield the folders of Clinometer that a module imports when it is imported itself."""
    for node in ast.parse(path.read_text("utf-8")).body:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name.startswith("clinometer."))


@pytest.mark.parametrize("folder", PACKAGES)
def test_imports_flow_one_way(folder: str) -> None:
    """A folder imports only those that stand before it on the road from strategies to report."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for path in (ROOT / folder).rglob("*.py")
        for other in imported(path)
        if other not in MAY_IMPORT[folder]
    ]
    assert not wrong


@pytest.mark.parametrize("module", ["clinometer.reference.verdict", "clinometer.backends", "clinometer.suites.plugin"])
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
