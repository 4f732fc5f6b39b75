"""Machines whose long double has no more digits than float64: what Clinometer says there is true as well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clinometer.reference.arithmetic.rounding import EXTENDED, NARROW

ASK = """
import numpy as np
from clinometer.backends import load
from clinometer.reference.arithmetic.rounding import EXTENDED, PRECISIONS
from clinometer.harness.specification import specification
from clinometer.harness.examine import examine
from planted.classes import InReference, Bug, scaled

assert EXTENDED is np.float64 and PRECISIONS["complex128"].working is np.complex128
asked = {"sin", "tanh", "pow", "max", "prod", "softmax", "matmul", "inv", "det", "eigvalsh", "vector_norm", "erf", "sgn", "fft"}
clauses = {"VALUE-1", "GRAD-1", "FWD-1", "FWD-2", "HIGH-1", "KINK-1", "KINK-3", "KINK-5", "DTYPE-11"}
questions = [
    (clause, cell)
    for clause in specification()
    for cell in clause.cells
    if clause.id in clauses and cell.operation in asked and cell.dtype in ("float64", "complex128")
]
reference = load("reference")
wrong = []
for clause, cell in questions:
    result = examine(clause, cell, reference, profile="quick")
    if result.outcome != "pass":
        wrong.append(f"{clause.id}[{cell}] {result.outcome}: {result.message}")
assert len(questions) > 60 and not wrong, wrong

off = InReference("sin", Bug("a little", scaled(1 + 1e-12), dtypes=("float64",)))
clause = next(clause for clause in specification() if clause.id == "GRAD-1")
cell = next(cell for cell in clause.cells if cell.operation == "sin" and cell.dtype == "float64")
found = examine(clause, cell, off, profile="quick")
assert found.outcome == "fail", found.outcome
"""


def test_the_switch_is_off_unless_it_is_set() -> None:
    """Without the switch the widest type of numpy is taken where it has more digits than float64."""
    wider = np.finfo(np.longdouble).eps < np.finfo(np.float64).eps
    assert (EXTENDED is np.longdouble) == (wider and os.environ.get(NARROW, "0") != "1")


@pytest.mark.parametrize("what", ["clauses", "tests"])
def test_with_float64_alone_the_reference_holds_and_a_bug_is_found(what: str) -> None:
    """Under the switch sound answers hold, the two witnesses agree, and an error of 1e-12 in double precision is blamed."""
    folder = Path(__file__).parent
    command = [sys.executable, "-c", ASK] if what == "clauses" else [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_verdict.py", "test_kinks.py", "test_complex.py",
    ]  # fmt: skip
    environment = {
        **os.environ,
        NARROW: "1",
        "PYTHONPATH": os.pathsep.join([str(folder.parent), str(folder.parent / "helpers")]),
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
