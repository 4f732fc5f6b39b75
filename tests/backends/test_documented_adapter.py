"""The adapter in the documentation is one that works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from clinometer.backends import capabilities, load
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


def documented() -> str:
    """Return the source of the page's adapter: the one block that defines the class."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (source,) = [block for block in blocks if "class MyGrad" in block]
    return source


@pytest.fixture
def backend(tmp_path: Path) -> Any:
    """Return the backend that a reader of the page has made."""
    path = tmp_path / "mygrad_backend.py"
    path.write_text(documented())
    return load(f"{path}:MyGrad")


def test_the_adapter_of_the_page_loads_from_its_file(backend: Any) -> None:
    """Pasted into a file and chosen by its path, it is a backend with reverse mode and stop_gradient."""
    assert backend.name == "mygrad"
    assert capabilities(backend) == {"reverse", "stop_gradient"}


def test_the_adapter_of_the_page_is_short() -> None:
    """The promise of about 30 lines holds for the class and the table together, within reason."""
    lines = [line for line in documented().splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(lines) <= 45


def test_the_adapter_of_the_page_offers_operations_of_the_catalogue(backend: Any) -> None:
    """Every operation of its namespace is one that the suites know."""
    assert set(vars(backend.xp)) <= set(CATALOGUE)


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


def test_the_command_of_the_page_names_the_file_and_the_class_of_the_page() -> None:
    """What the page tells the reader to run selects what it told the reader to write."""
    assert "pytest --pyargs clinometer.suites --backend ./mygrad_backend.py:MyGrad" in PAGE.read_text()


# mygrad.tensor(np.float32(3)) + 1 is float64, where numpy makes float32(3) + 1 a float32.
KNOWN = """
[[known]]
backend = "mygrad"
clauses = ["GRAD-BCAST-3"]
dtype = "float32"
seen = "2.5.0"
reason = "a Python number is a constant of the dtype that it meets; beside float32 without axes mygrad's is float64"
"""


def test_the_suites_run_on_the_adapter_of_the_page(tmp_path: Path) -> None:
    """The command of the page runs the chapters on gradients, detach and control flow; one failure of mygrad is known."""
    (tmp_path / "mygrad_backend.py").write_text(documented())
    (tmp_path / "known.toml").write_text(KNOWN)
    command = [sys.executable, "-m", "pytest", "--pyargs", "clinometer.suites", "--backend", "./mygrad_backend.py:MyGrad"]
    narrow = ["--profile", "quick", "-q", "-p", "no:cacheprovider", "-k", "test_grad or test_detach or test_flow"]
    narrow += ["--known", "known.toml"]
    done = subprocess.run([*command, *narrow], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " pass" in done.stdout
    assert "5 known" in done.stdout, done.stdout[-300:]
