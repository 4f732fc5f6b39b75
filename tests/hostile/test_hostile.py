"""The hostile set: each backend of the table is contained, and costs no case but those that it strikes at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hostile.rows import CASES, Backend, selection
from hostile.running import HERE, TRACEBACK, Place, Told
from hostile.table import BACKENDS

SEED = ["--profile", "quick", "--seed", "3"]


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What a run of the plain reference tells."""
    place = Place(tmp_path_factory.mktemp("sound"))
    code, output = place.run(["reference", *SEED, "--", *selection()])
    assert code == 0, output
    told = Told.of(place.journal())
    assert set(told.results) == set(CASES)
    assert {it.outcome for it in told.results.values()} == {"pass"}
    return told


@pytest.mark.parametrize("name", [pytest.param(it, marks=[pytest.mark.slow] if BACKENDS[it].slow else []) for it in BACKENDS])
def test_a_hostile_backend_costs_its_own_cases_alone(name: str, sound: Told, tmp_path: Path) -> None:
    """What is struck comes out as the table says, all else as ever; the run ends, says how, and leaves nothing behind."""
    backend, place = BACKENDS[name], Place(tmp_path)
    words = [f"{HERE / 'backends.py'}:{name}", *SEED, "-n", str(backend.workers), "--case-timeout", str(backend.limit)]
    code, output = place.run([*words, *backend.options, "--", *selection()])
    assert code == backend.exit, output
    assert re.search(backend.says, " ".join(output.split())), output
    assert not TRACEBACK.search(output), output
    if backend.exit == 2:
        head = place.journal().read_text()
        assert len(head.splitlines()) == 1, head
    else:
        struck_as_told(backend, Told.of(place.journal()), sound)
        assert len(place.starts()) <= backend.starts, place.starts()
    assert (place.out / "index.html").stat().st_size > 10_000
    assert not place.left_alive()
    assert not list(place.temporary.iterdir())
    assert not [path for path in place.folder.rglob("core*") if path.is_file()]


def struck_as_told(backend: Backend, told: Told, sound: Told) -> None:
    """Hold the journal of a run against the table, and all cases that are not in it against the plain reference."""
    assert told.end is not None
    assert not told.end.interrupted
    assert set(told.results) == set(sound.results)
    struck = {row.case: row for row in backend.rows if row.outcome != "pass"}
    for case, row in struck.items():
        found = told.results[case]
        assert re.fullmatch(row.outcome, found.outcome), (case, found)
        assert re.search(row.says, found.message), (case, found.message)
        assert re.fullmatch(r"stable \(([23]) of \1 times\)", found.stability), (case, found.stability)
    others, same = told.verdicts(), sound.verdicts()
    assert {case: others[case] for case in CASES if case not in struck} == {
        case: same[case] for case in CASES if case not in struck
    }
