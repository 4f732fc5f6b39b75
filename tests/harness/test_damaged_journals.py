"""Journals that a run finds in its place: damaged, or none at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import ask, told

from clinometer.journal import reader, records

SMALL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""  # a disk that is soon full, as far as one process is concerned
SOUND = ["--backend", "reference"]


def test_a_damaged_journal_is_resumed_and_what_cannot_be_read_is_asked_again(tmp_path: Path) -> None:
    """The line says how much cannot be read; a case whose answer stood there is asked, and is no crash; the others are not."""
    path, chosen = tmp_path / "j.jsonl", ["-k", "truth and [exp-reverse or truth and [sin-reverse"]
    assert ask(tmp_path, *SOUND, "--journal", path, *chosen).returncode == 0
    lines = path.read_text().splitlines()
    results = [at for at, line in enumerate(lines) if '"kind":"result"' in line]
    lines[results[1]] = lines[results[1]][:-20] + "\0garbage"
    path.write_text("\n".join([*lines, ""]))
    done = ask(tmp_path, *SOUND, "--journal", path, "--resume", *chosen)
    assert done.returncode == 0, done.stdout
    found = of_kind_of_damaged(path, records.Result)
    assert len({r.id for r in found}) == len(found) == len(results)
    assert {r.outcome for r in found} == {"pass"}
    shown = ask(tmp_path, *SOUND, "--journal", path, "--resume", "-v", *chosen).stdout
    assert "1 line of j.jsonl cannot be read, and what stood there is missing: line" in shown


def of_kind_of_damaged(path: Path, kind: type) -> list[Any]:
    """Return the records of one kind that can be read."""
    return [record for record in reader.read(path, reader.Gaps(path)) if isinstance(record, kind)]


@pytest.mark.parametrize("size", [300, 90_000])
def test_a_run_whose_journal_cannot_go_on_ends_and_says_so(tmp_path: Path, size: int) -> None:
    """A full disk ends the run with 3 and the name of the file; what was written before is kept, and is not blamed."""
    (tmp_path / "small.py").write_text(SMALL.format(size=size))
    done = ask(tmp_path, *SOUND, "--journal", "j.jsonl", "-p", "small", "-k", "truth and float64")
    assert done.returncode == 3
    assert "j.jsonl: cannot be written: File too large; what was written is kept" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / "j.jsonl").stat().st_size <= size
    if size > 1_000:
        assert "the run is incomplete" in done.stdout
        assert of_kind_of_damaged(tmp_path / "j.jsonl", records.CaseRecord)


@pytest.mark.parametrize("option", ["--journal", "--report"])
def test_no_file_that_is_no_journal_gives_its_place_to_one(tmp_path: Path, option: str) -> None:
    """`--journal mine.py` is refused, as is a report whose journal would take the place of another file."""
    mine = tmp_path / ("mine.py" if option == "--journal" else "mine.jsonl")
    mine.write_text("print('mine')\n")
    named = mine if option == "--journal" else mine.with_suffix(".html")
    line = told(tmp_path, *SOUND, option, named)
    assert f"{mine}: cannot be written: a file is there that is no journal; name another one" in line
    assert mine.read_text() == "print('mine')\n"
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]
