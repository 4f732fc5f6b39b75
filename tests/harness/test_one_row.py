"""An operation is one row, and a form one entry: with them alone, all the rest follows."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from architecture import ROOMS

TABLE = "TRIGONOMETRIC = table(\n    Group.TRIGONOMETRIC,\n"
ROWS = """    Operation("versine", lambda x: 1 - np.cos(x)),
    Operation("lengths", lambda x, y: np.sqrt(np.sum(x * x, axis=-1) + np.exp(y)), "rows_and_one_each",
              domain=(Domain(), Domain())),
"""
FORMS = "FORMS = {\n"
FORM = """def rows_and_one_each(draw: Any, row: Operation) -> Drawn:
    shape = first(draw, min_dims=1, min_side=1)
    return (shape, shape[:-1]), {}


FORMS = {
    "rows_and_one_each": Form(rows_and_one_each, degenerate=lambda n: [(((n, 3), (n,)), {})]),
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the code that has two more rows in the catalogue, one of them of a new form."""
    folder = tmp_path_factory.mktemp("one_row")
    for room in ROOMS:
        source = Path(str(importlib.import_module(f"clinometer.{room}").__file__)).parent
        shutil.copytree(source, folder / "clinometer" / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    replace(folder / "clinometer/reference/catalogue/trigonometric.py", TABLE, TABLE + ROWS)
    replace(folder / "clinometer/strategies/forms/layout.py", FORMS, FORM)
    return folder


def replace(path: Path, old: str, new: str) -> None:
    """Replace what stands once in a file."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ["versine", "lengths"])
def test_an_added_row_is_listed_with_its_clauses(elsewhere: Path, name: str) -> None:
    """The list of operations has the new one, its dtypes, and the clauses that are asked of it, empty arrays included."""
    done = python(elsewhere, "-c", "from clinometer.cli.main import main; main()", "operations", "--format", "json")
    assert done.returncode == 0, done.stderr
    (row,) = (row for row in json.loads(done.stdout) if row["name"] == name)
    assert row["dtypes"] == ["float16", "bfloat16", "float32", "float64"]
    assert {"VALUE-1", "GRAD-1", "FWD-1", "DTYPE-1", "HIGH-1", "EDGE-4"} <= set(row["clauses"])


@pytest.mark.parametrize("name", ["versine", "lengths"])
def test_an_added_row_is_asked_of_a_backend_and_holds(elsewhere: Path, name: str) -> None:
    """The suites draw, differentiate and judge the new operation, by both witnesses."""
    asked = ["--pyargs", "clinometer.suites", "--backend", "reference", "-k", name, "-q", "-p", "no:cacheprovider"]
    done = python(elsewhere, "-m", "pytest", *asked)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert int(done.stdout.rsplit(" passed", 1)[0].split()[-1]) > 20


def test_random_programs_draw_an_added_row(elsewhere: Path) -> None:
    """A program has the new operations without a word about them anywhere else."""
    code = (
        "from clinometer.strategies.programs.steps import OPERATIONS\n"
        "print('versine' in OPERATIONS['elementwise'], 'lengths' in OPERATIONS['elementwise'])"
    )
    assert python(elsewhere, "-c", code).stdout.split() == ["True", "True"]
