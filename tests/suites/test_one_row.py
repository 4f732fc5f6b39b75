"""An operation is one row: with it alone, all the rest follows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import clinometer.backends
import clinometer.reference
import clinometer.reports
import clinometer.strategies
import clinometer.suites

PACKAGES = (clinometer.backends, clinometer.reference, clinometer.reports, clinometer.strategies, clinometer.suites)
TABLE = "TRIGONOMETRIC = table(\n    Group.TRIGONOMETRIC,\n"
ROW = '    Operation("versine", lambda x: 1 - np.cos(x)),\n'


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the code that differs in one row of the catalogue."""
    folder = tmp_path_factory.mktemp("one_row")
    for package in PACKAGES:
        source = Path(str(package.__file__)).parent
        shutil.copytree(source, folder / "clinometer" / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    table = folder / "clinometer/reference/catalogue/elementwise.py"
    text = table.read_text("utf-8")
    assert text.count(TABLE) == 1
    table.write_text(text.replace(TABLE, TABLE + ROW), "utf-8")
    return folder


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_an_added_row_is_listed_with_its_clauses(elsewhere: Path) -> None:
    """The list of operations has the new one, its dtypes, and the clauses that are asked of it."""
    done = python(elsewhere, "-c", "from clinometer.reports.cli import main; main()", "operations", "--format", "json")
    assert done.returncode == 0, done.stderr
    (row,) = (row for row in json.loads(done.stdout) if row["name"] == "versine")
    assert row["dtypes"] == ["float16", "bfloat16", "float32", "float64"]
    assert {"GRAD-1", "FWD-1", "DTYPE-1", "HIGH-1"} <= set(row["clauses"])


def test_an_added_row_is_asked_of_a_backend_and_holds(elsewhere: Path) -> None:
    """The suites draw, differentiate and judge the new operation, by both witnesses."""
    done = python(
        elsewhere,
        "-m",
        "pytest",
        "--pyargs",
        "clinometer.suites",
        "--backend",
        "reference",
        "-k",
        "versine",
        "-q",
        "-p",
        "no:cacheprovider",
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert int(done.stdout.rsplit(" passed", 1)[0].split()[-1]) > 20
