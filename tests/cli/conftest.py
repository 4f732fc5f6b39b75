"""What the tests of the console script share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hosting import HOST

from clinometer.cli import processes

FAULTY = Path(__file__).parents[1] / "helpers" / "faulty.py"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace the backend and what it is asked: real processes, four made-up cases, and a script that says what happens."""

    def replace(asking: str = "pass", loading: str = "pass", script: str = HOST) -> None:
        text = script.replace("ASKING", asking).replace("LOADING", loading)
        monkeypatch.setattr(processes.Plan, "command", property(lambda plan: [sys.executable, "-c", text, plan.backend]))

    return replace


@pytest.fixture(scope="session")
def steep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a real run, on a backend whose gradients are half as large again as they should be."""
    path = tmp_path_factory.mktemp("steep") / "steep.jsonl"
    words = ["--backend", f"{FAULTY}:Steep", "--journal", str(path), "--profile", "quick", "-k", "[exp- or [det-"]
    suites = [f"clinometer.suites.test_{name}" for name in ("grad", "value", "arith")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", *suites, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return path
