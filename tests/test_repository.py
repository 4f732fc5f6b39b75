"""Rules of the repository, kept by tests."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path

import architecture
import pytest
from asking import ask

from clinometer.backends.registry import BUILT_IN
from clinometer.harness.specification import specification

ROOT = Path(__file__).parent.parent
PACKAGES = tuple(architecture.ROOMS)
LIBRARIES = {name.partition(":")[0] for name in BUILT_IN}  # a variant is asked beside its library
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def sources() -> list[Path]:
    """Return the project's own Python files."""
    return [path for folder in (*PACKAGES, "tests") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_imports_run_one_way() -> None:
    """A room imports only those below it, also inside functions and for types."""
    assert not architecture.against_the_stream(architecture.imports())


def test_an_import_against_the_stream_is_seen(tmp_path: Path) -> None:
    """It is named with both ends, also where it stands in a function; one down the stream, or within a room, is not."""
    path = tmp_path / "low.py"
    path.write_text("from clinometer.reference import text\n\ndef f():\n    from clinometer.harness.check import Check\n")
    found = set(architecture._imported(path, {"reference.text": path, "harness.check": path}))
    assert found == {"reference.text", "harness.check"}
    graph = {"strategies.low": found, "harness.high": {"harness.check", "strategies.low"}}
    assert architecture.against_the_stream(graph) == ["strategies.low imports harness.check"]


def test_no_module_needs_itself() -> None:
    """There is no circle of imports."""
    assert not architecture.circles(architecture.imports())


def test_a_circle_is_seen() -> None:
    """Two modules that need each other are named, one that only leads there is not."""
    assert architecture.circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"c", "a"}}) == [["b", "c"]]


def test_a_chapter_stands_in_the_file_of_its_prefix() -> None:
    """GRAD-BCAST-1 stands in suites/test_grad_bcast.py, and so with every clause."""
    apart = {
        clause.id: clause.body.__module__
        for clause in specification()
        if clause.body.__module__ != f"clinometer.suites.test_{clause.chapter.lower().replace('-', '_')}"
    }
    assert not apart


def test_no_chapter_needs_another() -> None:
    """What chapters share stands in a file that is none, so that each can be read alone."""
    chapters = {name for name in architecture.modules() if name.startswith("suites.test_")}
    assert len(chapters) > 30
    assert not {name: others & chapters for name, others in architecture.imports().items() if others & chapters}


def test_the_picture_of_the_rooms_is_that_of_today() -> None:
    """docs/architecture.svg is what the imports give; `python tests/architecture.py write` draws it anew."""
    assert architecture.PICTURE.read_text("utf-8") == architecture.picture(architecture.between_rooms())


def test_a_picture_has_an_arrow_where_no_longer_way_leads() -> None:
    """What another room imports anyway is said in the box alone, and rooms lie above all that they import."""
    counts = {("harness", "reference"): 1, ("suites", "harness"): 2, ("suites", "reference"): 3, ("cli", "harness"): 4}
    assert architecture.direct(counts) == [("cli", "harness"), ("harness", "reference"), ("suites", "harness")]
    assert {name: architecture.levels(counts)[name] for name in ("reference", "harness", "suites", "cli")} == {
        "reference": 0,
        "harness": 1,
        "suites": 2,
        "cli": 2,
    }
    drawn = architecture.picture(counts)
    assert drawn.count('class="arrow"') == 3
    assert "harness\u00a02" in drawn
    assert "reference\u00a03" in drawn


def test_arrows_of_a_picture_cross_as_little_as_can_be() -> None:
    """Two rooms that import one each stand above what they import, whichever comes first in the table."""
    straight = architecture.ranks({("strategies", "journal"): 1, ("backends", "reference"): 1})
    ground, above = straight[:2]
    assert (ground.index("journal") < ground.index("reference")) == (above.index("strategies") < above.index("backends"))


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
    assert set(named.removeprefix("testenv:{").rstrip("}").split(",")) == LIBRARIES


def test_files_stay_short() -> None:
    """No Python file of the project is longer than 400 lines."""
    long = [str(path.relative_to(ROOT)) for path in sources() if len(path.read_text("utf-8").splitlines()) > 400]
    assert not long


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions of a file, those of classes and of other functions among them."""
    yield from (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, FUNCTION))


def executed(source: str) -> list[int]:
    """Return the lines of a source in which a string is executed or evaluated."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("eval", "exec")]


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how long a function is, its docstring not counted."""
    told = function.body[0] if ast.get_docstring(function) is not None else None
    return function.end_lineno - function.lineno + 1 - (told.end_lineno - told.lineno + 1 if told else 0)


def test_functions_fit_a_screen() -> None:
    """No function of the package is longer than 60 lines, what its docstring says not counted."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in architecture.modules().values()
        for node in functions(path)
        if lines_of(node) > 60
    ]
    assert not long


def test_a_function_is_as_long_as_its_code() -> None:
    """Its first line and its last count, and all between but a docstring."""
    (function,) = ast.parse('def f(\n    x,\n):\n    """Say.\n\n    More.\n    """\n    y = x\n    return y\n').body
    assert lines_of(function) == 5


def test_no_string_is_executed() -> None:
    """Nothing in the package calls `eval` or `exec`: code is Python that linters, types and readers see."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in architecture.modules().values()
        for line in executed(path.read_text("utf-8"))
    ]
    assert not found


def test_an_executed_string_is_seen() -> None:
    """A call of `eval` or of `exec` is named by its line, a method of that name is not."""
    assert executed("x = 1\neval('x')\nframe.eval('x')\nexec('x = 2', {})\n") == [2, 4]


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


def test_the_truth_can_be_read_from_its_first_page_on() -> None:
    """Each file and folder that reference/__init__.py lists needs only those before it, and all are listed."""
    told = ast.get_docstring(ast.parse((ROOT / "reference" / "__init__.py").read_text("utf-8"))) or ""
    helpers = set(re.findall(r"`([\w/]+)\.py`", told.partition("\n1. ")[0]))
    order = re.findall(r"^\d+\. `([\w/]+?)(?:\.py|/)`", told, re.MULTILINE)
    graph = {
        one.removeprefix("reference."): others for one, others in architecture.imports().items() if one.startswith("reference.")
    }

    def listed(module: str) -> str:
        path = module.removeprefix("reference.").replace(".", "/")
        return next((it for it in (*helpers, *order) if path == it or path.startswith(f"{it}/")), path)

    assert {listed(one) for one in graph} <= {*helpers, *order, "arithmetic"}
    for module, others in graph.items():
        if listed(module) in order:
            before = {*helpers, *order[: order.index(listed(module)) + 1]}
            assert {listed(other) for other in others} <= before, module


# ----- habits -----

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def environments() -> set[str]:
    """Return the names of the environments that tox.ini has."""
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    names = (name.removeprefix("testenv:") for name in tox.sections() if name.startswith("testenv:"))
    return {one for name in names for one in name.strip("{}").split(",")}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_tox_alone(workflow: Path) -> None:
    """What it runs is tox, in environments that there are; its actions have a major version; it may read, and nothing else."""
    text = workflow.read_text("utf-8")
    runs = set(re.findall(r"run: (.+)", text)) - {"python -m pip install tox"}
    assert runs
    for line in runs:
        called = re.fullmatch(r"python -m tox -e ([\w,]+|\$\{\{ matrix\.backend \}\})( -- .+)?", line)
        assert called, line
        assert called[1].startswith("$") or set(called[1].split(",")) <= environments()
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in re.findall(r"uses: (.+)", text))
    assert re.findall(r"^permissions:\n((?:  .+\n)+)", text, re.MULTILINE) == ["  contents: read\n"]
    assert text.count("actions/checkout") == text.count("persist-credentials: false") == text.count("timeout-minutes")


def test_every_night_asks_every_backend() -> None:
    """The nightly workflow has each built-in backend."""
    text = (ROOT / ".github" / "workflows" / "nightly.yml").read_text("utf-8")
    (listed,) = re.findall(r"backend: \[(.+)\]", text)
    assert set(listed.split(", ")) == LIBRARIES


def test_a_fragment_is_named_for_its_kind() -> None:
    """Each file of changelog.d is `+words.TYPE.md` or `ISSUE.TYPE.md`, of a type that towncrier knows, and says something."""
    types = {kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]}
    for path in sorted((ROOT / "changelog.d").iterdir()):
        if path.name != "README.md":
            named = re.fullmatch(r"(\+[\w-]+|\d+)\.(\w+)\.md", path.name)
            assert named, path.name
            assert named[2] in types, path.name
            assert len(path.read_text("utf-8").split()) > 4, path.name


def test_types_are_asked_of_all_rooms() -> None:
    """`tox -e types` names each room, and mypy wants types in each but the suites, whose arguments come from a fixture."""
    assert set(re.findall(r"-p clinometer\.(\w+)", (ROOT / "tox.ini").read_text("utf-8"))) == set(PACKAGES)
    typed = [it["module"] for it in PROJECT["tool"]["mypy"]["overrides"] if it.get("disallow_untyped_defs")]
    assert typed == [[f"clinometer.{name}.*" for name in sorted({*PACKAGES} - {"suites"})]]


def test_a_warning_is_an_error(pytestconfig: pytest.Config) -> None:
    """A warning that nobody has excused fails a test of the project, and an xfail that passes does."""
    with pytest.raises(UserWarning, match="here"):
        warnings.warn("here", UserWarning, stacklevel=1)
    assert pytestconfig.getini("xfail_strict")


NOISY = """
import warnings
from clinometer.backends import load

def noisy():
    backend = load("reference")
    plain = backend.vjp
    def vjp(f, *primals):
        warnings.warn("a library's own", DeprecationWarning, stacklevel=1)
        return plain(f, *primals)
    backend.vjp = vjp
    return backend
"""


def test_a_warning_of_a_library_is_no_error_of_a_run(tmp_path: Path) -> None:
    """Runs of the suites from a checkout read pyproject.toml as well, and take warnings as they come."""
    path = tmp_path / "noisy.py"
    path.write_text(NOISY)
    done = ask(ROOT, "--backend", f"{path}:noisy", "-k", "GRAD-1 and sin-reverse or linear and sin-reverse")
    assert done.returncode == 0, done.stdout
    assert " pass; " in done.stdout
    assert "a library's own" in done.stdout
