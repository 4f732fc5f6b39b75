"""What the tests of the console script share."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hosting import HOST

from clinometer.cli import processes


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace the backend and what it is asked: real processes, four made-up cases, and a script that says what happens."""

    def replace(asking: str = "pass", loading: str = "pass", script: str = HOST) -> None:
        text = script.replace("ASKING", asking).replace("LOADING", loading)
        monkeypatch.setattr(processes.Plan, "command", property(lambda plan: [sys.executable, "-c", text, plan.backend]))

    return replace
