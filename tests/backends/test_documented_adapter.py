"""The adapter in the documentation is one that works, and is begun and run as the page says."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings

from clinometer.backends import capabilities, load
from clinometer.backends.dialect import Dialect
from clinometer.cli.main import main
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.interpreter import run
from clinometer.reference.verdict import worst_disagreement
from clinometer.strategies import operation_cases

PAGE = Path(__file__).parents[2] / "docs" / "plugging-in-a-backend.md"
FEW = settings(
    max_examples=10,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ADAPTER = "./mygrad_backend/adapter.py:Mygrad"


def blocks(language: str) -> list[str]:
    """Return the page's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def documented() -> str:
    """Return the source of the page's adapter: the one block that defines the class."""
    (source,) = [block for block in blocks("python") if "class Mygrad" in block]
    return source


def commands() -> list[str]:
    """Return the page's commands, in order."""
    return [line for block in blocks("sh") for line in block.splitlines()]


def command(words: str) -> Any:
    """Run a command of the page, and return what came of it."""
    program, *rest = shlex.split(words)
    assert program == "clinometer"
    return CliRunner().invoke(main, rest)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the page's first command was given."""
    monkeypatch.chdir(tmp_path)
    assert command(commands()[0]).exit_code == 0
    return tmp_path


@pytest.fixture
def backend(folder: Path) -> Any:
    """Return the backend that a reader of the page has made."""
    (folder / "mygrad_backend" / "adapter.py").write_text(documented(), encoding="utf-8")
    return load(ADAPTER)


def test_the_page_begins_with_the_command_that_writes_the_adapter() -> None:
    """Before anything is explained, the reader is told how to begin."""
    new, smoke, *_ = commands()
    assert new.startswith("clinometer backend new mygrad ")
    assert smoke == f"clinometer backend smoke {ADAPTER}"


@pytest.mark.usefixtures("folder")
def test_what_smoke_says_of_the_first_adapter_is_what_the_page_shows() -> None:
    """The adapter as it is begun has the faults that the page mends, in the words of the page."""
    result = command(commands()[1])
    (shown,) = blocks("text")
    assert result.exit_code == 1
    assert all(line in result.stdout.splitlines() for line in shown.splitlines())


@pytest.mark.usefixtures("backend")
def test_after_the_page_s_lines_nothing_is_wrong() -> None:
    """The same command finds nothing wrong in the page's adapter, and goes on to the next command."""
    result = command(commands()[1])
    assert (result.exit_code, "Nothing is wrong." in result.stdout) == (0, True)
    assert f"clinometer run {ADAPTER}" in result.stdout


def test_the_page_s_own_lines_are_few(folder: Path) -> None:
    """Of the adapter, no more than four lines are not as they were written; imports and docstrings aside."""
    written = (folder / "mygrad_backend" / "adapter.py").read_text()
    own = [line[2:] for line in difflib.ndiff(written.splitlines(), documented().splitlines()) if line.startswith("+ ")]
    assert len([line for line in own if line.strip() and not line.startswith("from ")]) <= 4


def test_the_adapter_of_the_page_loads_from_its_file(backend: Any) -> None:
    """Chosen by its path, it is a backend with reverse mode."""
    assert backend.name == "mygrad"
    assert capabilities(backend) == {"reverse"}


def test_the_adapter_of_the_page_offers_operations_of_the_catalogue(backend: Any) -> None:
    """Every operation of its namespace is one that the suites know."""
    assert len(vars(backend.xp)) > 70
    assert set(vars(backend.xp)) <= set(CATALOGUE)


def test_the_dialect_of_the_page_prints_the_table(backend: Any, folder: Path) -> None:
    """The page's dialect, put into its class, spells the operations in MyGrad's words, and its scripts run."""
    (words,) = [block for block in blocks("python") if block.lstrip().startswith("dialect = Dialect(")]
    path = folder / "mygrad_backend" / "adapter.py"
    source = documented().replace("    xp = ", f"{words}    xp = ")
    path.write_text(f"from clinometer.backends.dialect import Dialect\n{source}", encoding="utf-8")
    dialect: Dialect = load(ADAPTER).dialect  # type: ignore[attr-defined]  # just given
    assert set(dialect.table) == set(vars(backend.xp))
    assert dialect.spell("var", ["x"], {"axis": 0, "correction": 1.0}) == "mygrad.var(x, axis=0, ddof=1.0)"
    ct = dialect.array.format(values=[1.0, 0.5], dtype="float64")
    x = f"x = {dialect.array.format(values=[3.0, -1.0], dtype='float64')}"
    f = f"f = lambda x: {dialect.spell('square', ['x'], {})}"
    names: dict[str, Any] = {}
    script = "\n".join([dialect.imports, x, f, dialect.reverse.format(f="f", names="x", x="x", got="got", ct=ct)])
    exec(compile(script, "<script>", "exec", dont_inherit=True), names)
    assert names["got"].tolist() == [6.0, -1.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "op", ["add", "pow", "sigmoid", "sum", "prod", "var", "max", "where", "getitem", "matmul", "permute_dims"]
)
def test_its_gradients_agree_with_the_truth(backend: Any, op: str, dtype: str) -> None:
    """Values and gradients of its operations are within their tolerance, in the dtype that they were given."""

    @FEW
    @given(operation_cases(op, dtype))
    def agrees(case: Case) -> None:
        if {"where", "initial"} & set(case.program.steps[0].params):
            return  # keywords that mygrad's functions do not have: the suites call that unsupported
        for one in map(case.at, range(case.points)):
            expected = [one.truth.values[0], *one.truth.gradients]
            for a, e in zip(answers(backend, one), expected, strict=True):
                assert (a.dtype, a.shape) == (dtype, e.value.shape[1:])
                assert worst_disagreement(a[None], e, "reverse", 0) is None

    agrees()


def answers(backend: Any, one: Case) -> list[np.ndarray]:
    """Return the value and the gradients of a case of one point."""
    xs = [backend.asarray(x[0]) for x in one.inputs]
    y, pullback = backend.vjp(lambda *xs: run(one.program, backend.xp, *xs)[0], *xs)
    return [backend.to_numpy(a) for a in (y, *pullback(backend.asarray(one.cotangents[0][0])))]


def test_its_unused_input_has_a_gradient_of_zeros(backend: Any) -> None:
    """Where MyGrad says None, the adapter says zeros."""
    x, unused = backend.asarray(np.ones(2)), backend.asarray(np.ones((3, 1)))
    _, pullback = backend.vjp(lambda x, unused: backend.xp.exp(x), x, unused)
    np.testing.assert_array_equal(backend.to_numpy(pullback(backend.asarray(np.ones(2)))[1]), np.zeros((3, 1)), strict=True)


def test_its_pullback_may_be_called_again(backend: Any) -> None:
    """MyGrad clears its graph in backward; the adapter's pullback still serves several cotangents."""
    _, pullback = backend.vjp(backend.xp.square, backend.asarray(np.array([1.0, -3.0])))
    got = [backend.to_numpy(pullback(backend.asarray(np.array(ct)))[0]).tolist() for ct in ([1.0, 2.0], [0.5, -1.0])]
    assert got == [[2.0, -12.0], [1.0, 6.0]]


# mygrad.tensor(np.float32(3)) + 1 is float64, where numpy makes float32(3) + 1 a float32.
KNOWN = """
[[known]]
backend = "mygrad"
clauses = ["GRAD-BCAST-3"]
dtype = "float32"
seen = "2.5.0"
reason = "a Python number is a constant of the dtype that it meets; beside float32 without axes mygrad's is float64"

[[known]]
backend = "mygrad"
clauses = ["GRAD-2"]
operation = "clip"
dtype = "float32"
seen = "2.5.0"
reason = "as above, of the bounds of clip"

[[known]]
backend = "mygrad"
clauses = ["GRAD-2"]
operation = "leaky_relu"
dtype = "float32"
seen = "2.5.0"
reason = "as above, of the slope"

[[known]]
backend = "mygrad"
clauses = ["GRAD-1", "GRAD-3", "GRAD-10", "GRAD-12"]
operation = "elu"
seen = "2.5.0"
intermittent = true
reason = "exp(x) - 1, which cancels near zero, where expm1(x) is meant"

[[known]]
backend = "mygrad"
clauses = ["GRAD-1", "GRAD-3", "GRAD-10", "GRAD-12"]
operation = "selu"
seen = "2.5.0"
intermittent = true
reason = "as above"
"""


@pytest.mark.usefixtures("backend")
def test_the_suites_run_on_the_adapter_of_the_page(folder: Path) -> None:
    """The page's command runs the chapters on gradients, where some failures of mygrad are known, and finds no other."""
    (folder / "known.toml").write_text(KNOWN)
    (words,) = [each for each in commands() if each.startswith("clinometer run ")]
    assert words == f"clinometer run {ADAPTER} --profile quick -- -k test_grad"
    narrow = ["--profile", "quick", "-q", "-p", "no:cacheprovider", "-k", "test_grad", "--known", "known.toml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--pyargs", "clinometer.suites", "--backend", ADAPTER, *narrow],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " pass" in done.stdout
    told = re.search(r"(\d+) known fail", done.stdout)
    assert told is not None
    assert int(told[1]) >= 7  # and those of the draws in which something cancels
