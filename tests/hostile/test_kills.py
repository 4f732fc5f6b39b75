"""Kills: whoever of a run is killed, and whenever, nothing is lost, and what is resumed comes out as if nobody had been."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostile.kills import besieged, undisturbed
from hostile.running import Told

Sound = tuple[Told, int]
FEW, MANY = range(3), range(3, 20)  # seeds; each kills three times


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """What a run tells that nobody disturbs, and the size of its journal."""
    return undisturbed(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("seed", [*FEW, *(pytest.param(it, marks=pytest.mark.slow) for it in MANY)])
def test_a_run_that_is_killed_and_resumed_is_as_one_that_is_not(seed: int, sound: Sound, tmp_path: Path) -> None:
    """No line of the journal is lost but the one being written, each case has one result, the right one; no process is left."""
    besieged(tmp_path, seed, 3, *sound)
