"""Ten programs as a failure of torch prints them: the exact text, which runs without Clinometer.

After a change that is meant, `python tests/harness/test_golden_programs.py` writes the files anew; read what it changes.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinometer.harness.check import Check
from clinometer.harness.findings import Finding, Nonconformance
from clinometer.harness.scripts.evidence import script
from clinometer.harness.specification import specification
from clinometer.reference.program.tracing import trace
from clinometer.strategies.cases import complete

GOLDEN = Path(__file__).with_name("golden")
CLAUSES = {clause.id: clause for clause in specification()}
ABOUT = {"value": "PROGRAM-1", "reverse": "PROGRAM-2", "forward": "PROGRAM-3", "reverse-over-reverse": "PROGRAM-5"}
ALONE = (
    "import runpy, sys\n"
    "sys.modules['clinometer'] = None  # cannot be imported\n"
    "scope = runpy.run_path(sys.argv[1])\n"
    "print(scope['got'].tolist())\n"
    "print(scope['expected'].tolist())\n"
)

M, V = [[1.5, -2.0, 0.5], [0.25, 1.0, -3.0]], [2.0, -0.5, 1.0]  # of these the inputs are


def broadcast_and_index(ad: Any, x: Any, y: Any) -> Any:
    product = x * y + 1.5
    return product[1:, ::2] - x[..., None, 0]


def reductions(ad: Any, x: Any, y: Any) -> Any:
    centred = x - ad.mean(x, axis=(0, 1), keepdims=True)
    return ad.sum(centred * y, axis=0) * ad.max(x, axis=1, keepdims=True) + ad.sum(y) * ad.prod(x, axis=-1, keepdims=True)


def branch(ad: Any, x: Any) -> Any:
    return ad.cond(ad.sum(x) > 1.0, lambda: ad.sin(x) * 2.0, lambda: ad.square(x)) + x


def early_returns(ad: Any, x: Any) -> Any:
    first = x[0]
    return ad.cond(first > 0.5, lambda: ad.cond(first < 1.0, lambda: -x, lambda: x * first), lambda: ad.exp(x))


def while_loop(ad: Any, x: Any) -> Any:
    return ad.while_loop(lambda z: ad.sum(z) > 0.75, lambda z: z * 0.5 + ad.tanh(x) * 0.125, x)


def for_loop(ad: Any, x: Any, y: Any) -> Any:
    return ad.repeat_times(3, lambda a, b: (b, a * b), x, y)[1]


def recursion(ad: Any, x: Any) -> Any:
    return ad.call(lambda z: z * z - x, x, depth=3)


def captured_value(ad: Any, x: Any) -> Any:
    factor = ad.cos(x)
    return ad.call(lambda z: z * factor + ad.sum(factor), factor * 3.0) / 2.0


def gradient_within(ad: Any, x: Any) -> Any:
    return x * ad.gradient(lambda z: ad.sum(z * z * z) * ad.sum(x), x)


def detach_in_a_loop(ad: Any, x: Any) -> Any:
    return ad.repeat_times(2, lambda z: z * ad.stop_gradient(z) + x, x)


# Each program: its inputs, what was asked about it, and in which dtype.
PROGRAMS: list[tuple[Callable[..., Any], list[Any], str, str]] = [
    (broadcast_and_index, [M, V], "reverse", "float64"),
    (reductions, [M, V], "reverse", "float64"),
    (branch, [V], "reverse", "float32"),
    (early_returns, [V], "value", "float64"),
    (while_loop, [V], "reverse", "float64"),
    (for_loop, [V, [0.5, 1.5, -1.0]], "forward", "float64"),
    (recursion, [V], "reverse-over-reverse", "float64"),
    (captured_value, [V], "reverse", "float32"),
    (gradient_within, [V], "reverse", "float64"),
    (detach_in_a_loop, [V], "reverse", "float64"),
]
EACH = pytest.mark.parametrize(
    ("function", "inputs", "mode", "dtype"), PROGRAMS, ids=[function.__name__ for function, *_ in PROGRAMS]
)


def found(function: Callable[..., Any], inputs: list[Any], mode: str, dtype: str) -> tuple[str, Finding]:
    """Return the script of a failure, of a torch whose adapter triples all that it hands over, and the finding."""
    from clinometer.backends.torch.adapter import Torch

    class Tripling(Torch):
        def to_numpy(self, x: Any) -> np.ndarray:
            return 3 * super().to_numpy(x)

    backend, xs = Tripling(), tuple(np.array([x], dtype) for x in inputs)
    case = complete(trace(function), xs, np.random.default_rng(0), dtype)
    with pytest.raises(Nonconformance) as caught:
        Check(backend)(case, mode)
    finding = caught.value.finding
    assert finding is not None
    return script(finding, CLAUSES[ABOUT[mode]], backend, "torch"), finding


def golden(function: Callable[..., Any]) -> Path:
    """Return the file of a program."""
    return GOLDEN / f"{function.__name__}.py"


@EACH
def test_a_program_is_printed_to_the_letter(function: Any, inputs: list[Any], mode: str, dtype: str) -> None:
    """The script of a failing program is the golden one, letter by letter."""
    pytest.importorskip("torch")
    text, _ = found(function, inputs, mode, dtype)
    assert text == golden(function).read_text("utf-8")


@EACH
def test_a_printed_program_runs_without_us(function: Any, inputs: list[Any], mode: str, dtype: str) -> None:
    """In an interpreter without Clinometer the script prints torch's own numbers, which are right, beside the truth."""
    pytest.importorskip("torch")
    _, finding = found(function, inputs, mode, dtype)
    done = subprocess.run(
        [sys.executable, "-c", ALONE, golden(function)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    got, expected = done.stdout.splitlines()[-2:]
    assert finding.expected is not None
    np.testing.assert_array_equal(np.array(ast.literal_eval(expected), dtype), finding.expected.astype(dtype))
    assert (abs(np.array(ast.literal_eval(got), dtype) - finding.expected) <= finding.tolerance).all()


def test_there_are_ten_programs() -> None:
    """Each file is of a program that is asked about."""
    assert {path.stem for path in GOLDEN.glob("*.py")} == {function.__name__ for function, *_ in PROGRAMS}
    assert len(PROGRAMS) == 10


if __name__ == "__main__":
    for each in PROGRAMS:
        golden(each[0]).write_text(found(*each)[0], "utf-8")
