"""Scripts of failures, pasted into a fresh interpreter."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from asking import first

from clinometer.backends import Backend
from clinometer.harness.cells import Cell
from clinometer.harness.scripts.evidence import evidence
from clinometer.journal.records import Array, Evidence

# Runs a script, and prints how it ended and what it had asked and expected.
PASTED = """
import sys
scope = {"__name__": "__main__"}
ending = "holds"
try:
    exec(compile(open("pasted.py").read(), "pasted.py", "exec"), scope)
except AssertionError as error:
    ending = f"fails: {error}"
if "without us" in sys.argv:
    assert not any(m.split(".")[0] == "clinometer" for m in sys.modules)
print(ending)
for name in ("got", "expected"):
    value = scope[name]
    print((value.detach() if hasattr(value, "detach") else value).tolist())
"""


def interpreter(source: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a source in an interpreter of its own."""
    (folder / "pasted.py").write_text(source)
    command = [sys.executable, *(words or ["pasted.py"])]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def pasted(source: str, folder: Path, *words: str) -> tuple[str, np.ndarray, np.ndarray]:
    """Return how a script ends, what it has got, and what it expects; its words are about the process."""
    done = interpreter(source, folder, "-c", PASTED, *words)
    assert done.returncode == 0, f"{source}\n{done.stderr}"
    ending, got, expected = done.stdout.splitlines()[-3:]
    wide = {"nan": math.nan, "inf": math.inf}
    return ending, np.asarray(eval(got, wide)), np.asarray(eval(expected, wide))


def numbers(array: Array | None) -> np.ndarray:
    """Return the array of a journal."""
    assert array is not None
    exact = np.float32 if array.dtype == "float32" else np.float64  # as the script prints it: all digits of its dtype
    return np.array([exact(v) for v in array.values]).astype(np.float64).reshape(array.shape)


def rounded(found: Evidence) -> np.ndarray:
    """Return what is expected in the dtype of what is got, as the script has it."""
    assert found.got is not None
    return numbers(found.expected).astype(found.got.dtype).astype(np.float64)


def shown(id: str, backend: Backend, selection: str, where: Callable[[Cell], bool] = lambda cell: True) -> Evidence:
    """Return the evidence of the first failure of a clause."""
    clause, cell, result = first(id, backend, where)
    assert result.finding is not None, result.message
    return evidence(result.finding, clause, backend, selection, cell.mode)
