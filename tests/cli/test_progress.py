"""Progress: what is counted while a journal grows, and how it is shown."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made
from rich.console import Console

from clinometer.cli import closing, console, watch
from clinometer.cli.progress import LONG, Progress
from clinometer.cli.watch import Watch
from clinometer.journal.records import End, Evidence, Result, Start
from clinometer.journal.writer import Writer
from clinometer.reports.results import load

CASES = [made.case(operation=name) for name in made.OPERATIONS]
KNOWN = "det is zero; torch gives nan (seen in torch 2.13.0) https://example.org/1; it is known (seen in torch 2.13.0)"


def results(outcomes: list[tuple[str, str]]) -> list[Any]:
    """Return a start and a result for each of the first cases; an expectation makes it a known failure."""
    found: list[Any] = []
    for case, (outcome, why) in zip(CASES, outcomes, strict=False):
        result = Result(id=case.id, outcome=outcome, expectation=why, expected=bool(why), message="got 1, expected 2")  # type: ignore[arg-type]
        found += [Start(id=case.id, at="now"), result]
    return found


MIXED = [
    ("pass", ""),
    ("fail", ""),
    ("fail", KNOWN),
    ("unsupported", ""),
    ("invalid", ""),
    ("inconclusive", ""),
    ("error", KNOWN),
]


@pytest.fixture
def writers(tmp_path: Path) -> tuple[Path, Writer, Writer]:
    """A journal with its head and cases, and two processes that append to it."""
    path = tmp_path / "torch.jsonl"
    made.write(path, [made.run("torch"), *CASES])
    return path, Writer(path, fresh=False), Writer(path, fresh=False)


def test_what_two_processes_write_is_counted_as_it_comes(writers: tuple[Path, Writer, Writer]) -> None:
    """Each look returns what is new, never half a line, and adds it to the counts; an `invalid` is a failure."""
    path, *both = writers
    progress, records = Progress(path), results(MIXED)
    assert progress.look() == []
    for i, record in enumerate(records):
        both[i // 2 % 2].write(record)
        assert [it.id for it in progress.look()] == ([record.id] if isinstance(record, Result) else [])
    assert (len(progress.cases), len(progress.results), progress.begun) == (12, 7, 7)
    assert (progress.new, progress.known) == (2, 2)
    with path.open("ab") as file:
        file.write(b'{"kind":"start","id"')
        file.flush()
        assert progress.look() == []
        file.write(b':"late"}\n')
    progress.look()
    assert list(progress.open) == ["late"]


def test_what_took_the_process_with_it_is_a_new_failure(writers: tuple[Path, Writer, Writer]) -> None:
    """A case that a process began and never ended counts as a crash when the next process begins; one cut off does not."""
    path, writer, _ = writers
    progress = Progress(path)
    for record in (Start(id=CASES[0].id, at="now"), made.run("torch"), Start(id=CASES[1].id, at="now")):
        writer.write(record)
    for record in (End(at="now", exit=3, interrupted=True), made.run("torch")):
        writer.write(record)
    progress.look()
    assert (progress.new, len(progress.results)) == (1, 1)


def test_the_time_that_is_left_weighs_what_takes_long(tmp_path: Path) -> None:
    """Programs at the end of a run are not a moment, though they are few; nothing is said before anything is done."""
    path = tmp_path / "j.jsonl"
    programs = [made.CaseRecord(id=f"p{i}", clause="PROGRAM-1", text="Right.") for i in range(6)]
    made.write(path, [made.run("torch"), *CASES, *programs])
    writer, progress = Writer(path, fresh=False), Progress(path)
    progress.look()
    assert progress.left(5.0) is None
    writer.write(Start(id=CASES[0].id, at="now"))
    progress.look()
    assert progress.left(10.0) is None
    for number, record in enumerate(results([("pass", "")] * 12)):
        writer.write(record)
        progress.look()
        assert (progress.left(22.0) is None) == (number < 19), "nine are less than a hundredth of 12 + 6 * 160"
    assert progress.left(22.0) == pytest.approx(6 * LONG["PROGRAM"])


def shown(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> io.StringIO:
    """Put a console of 80 columns in the place of ours, and return what is printed on it."""
    out = io.StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=out, width=80, force_terminal=terminal, highlight=False))
    monkeypatch.setattr(watch.sys.stdout, "isatty", lambda: terminal, raising=False)
    return out


def test_without_a_terminal_there_is_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, writers: tuple[Path, Writer, Writer]
) -> None:
    """However often it is asked, it prints a line a minute; a new failure is named at once, a known one is not."""
    path, writer, _ = writers
    out = shown(monkeypatch, terminal=False)
    with Watch("torch", path) as it:
        for number, record in enumerate(results(MIXED)):
            writer.write(record)
            monkeypatch.setattr(watch.time, "monotonic", lambda number=number: 1000.0 + 10 * number)
            it.tick()
            it.tick()
    lines = out.getvalue().splitlines()
    assert [line for line in lines if line.startswith("✕")] == [
        "✕ GRAD-1 cos float64 reverse fail: got 1, expected 2",
        "✕ GRAD-1 log float64 reverse invalid: got 1, expected 2",
    ]
    counts = [line for line in lines if not line.startswith("✕")]
    assert len(counts) == 3
    assert counts[0] == "torch: 0 of 12 cells, 0 new and 0 known failures"
    assert counts[1] == "torch: 3 of 12 cells, 1 new and 1 known failures, about 3 min left"
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_one_line_lives(monkeypatch: pytest.MonkeyPatch, writers: tuple[Path, Writer, Writer]) -> None:
    """The counts are written over, in less than 80 columns, and failures that are new stand above, cut at the edge."""
    path, writer, _ = writers
    out = shown(monkeypatch, terminal=True)
    with Watch("torch", path) as it:
        assert "the cells are collected" in it._words()
        for record in results(MIXED):
            writer.write(record)
            it.tick()
        assert it._words().startswith("7 of 12 cells, 2 new and 2 known failures")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert "✕ GRAD-1 cos float64 reverse fail: got 1, expected 2" in plain
    assert max(len(line) for line in re.split(r"[\r\n]", plain)) <= 80


def test_a_broken_library_does_not_flood_the_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Twenty new failures are named, then one sentence says so; the counts go on."""
    out = shown(monkeypatch, terminal=False)
    path = tmp_path / "j.jsonl"
    cases = [made.case(operation=f"op{i}") for i in range(50)]
    failures = [Result(id=case.id, outcome="fail", message="wrong") for case in cases]
    with Watch("torch", path) as it:
        made.write(path, [made.run("torch"), *cases, Start(id=cases[0].id, at="now"), *failures])
    assert out.getvalue().count("✕") == 20
    assert "20 new failures are named above; the report will name them all." in out.getvalue()
    assert it.progress.new == 50


# ----- the last block -----


def test_the_last_block_counts_each_cell_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What holds, is new, is known, not offered, undecided and not run adds up; joined reasons are counted one by one."""
    out = shown(monkeypatch, terminal=False)
    path = tmp_path / "torch.jsonl"
    made.write(path, [made.run("torch"), *CASES, *results(MIXED), End(at="now", exit=3, interrupted=True)])
    [count] = closing.counts([path])
    assert count.sentence() == (
        "7 of 12 cells asked: 1 hold, 2 new failures, 2 known failures for 2 reasons, 1 not offered, 1 undecided."
    )
    console.verdicts([count])
    assert "torch 2.13.0, standard profile: 7 of 12 cells asked" in " ".join(out.getvalue().split())
    assert "✕ GRAD-1 cos float64 reverse fail" in out.getvalue()


def test_the_last_block_announces_a_selection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Twelve cells of forty that all hold are twelve of forty."""
    out = shown(monkeypatch, terminal=False)
    path = made.write(
        tmp_path / "t.jsonl", [made.run("torch", cells=40), *CASES, *results([("pass", "")] * 12), End(at="", exit=0)]
    )
    console.verdicts(closing.counts([path]))
    assert "! torch: 12 of the 40 cases of the specification were selected" in " ".join(out.getvalue().split())


def test_the_last_block_and_the_page_count_new_and_known_alike(tmp_path: Path) -> None:
    """From one journal, the last block has the numbers of new and known failures that plate and summary have."""
    path = made.standings(tmp_path / "a.jsonl")
    [count], [subject] = closing.counts([path]), load([path]).subjects
    assert (len(count.new), count.known) == (subject.tally.standings["new"], subject.tally.standings["known"]) == (2, 2)


def test_what_to_try_next_is_what_can_be_tried(tmp_path: Path) -> None:
    """A new failure and its script, where there is one; else the comparison, more examples and a library of one's own."""
    sound, wrong = tmp_path / "reference.jsonl", tmp_path / "torch.jsonl"
    made.write(sound, [made.run("reference"), *CASES, *results([("pass", "")] * 12), End(at="now", exit=0)])
    failed = Result(id=CASES[0].id, outcome="fail", evidence=Evidence(script="print(1)"))
    made.write(wrong, [made.run("torch"), *CASES, Start(id=CASES[0].id, at="now"), failed, End(at="now", exit=1)])
    explained, again = closing.suggestions(closing.counts([sound, wrong]), {})
    assert explained[0] == ["explain", str(wrong), CASES[0].id]
    assert "GRAD-1" in explained[1]
    assert again[0] == ["repro", str(wrong), CASES[0].id]
    crashed = Result(id=CASES[0].id, outcome="crash")
    made.write(wrong, [made.run("torch"), *CASES, Start(id=CASES[0].id, at="now"), crashed, End(at="now", exit=1)])
    assert [words[0] for words, _ in closing.suggestions(closing.counts([sound, wrong]), {})] == ["explain"]
    made.write(wrong, [made.run("torch"), *CASES, *results([("fail", KNOWN)] * 12), End(at="now", exit=0)])
    tips = closing.suggestions(closing.counts([sound, wrong]), {wrong: tmp_path / "torch.jsonl.1"})
    assert [words[0] for words, _ in tips] == ["diff", "atlas", "run", "run"]
    assert ["run", "torch", "--profile", "deep"] in [words for words, _ in tips]


def test_a_new_run_is_not_counted_with_the_one_before(writers: tuple[Path, Writer, Writer]) -> None:
    """Where a journal is put aside and another one takes its name, nothing of the old one is counted any more."""
    path, writer, _ = writers
    for record in results(MIXED):
        writer.write(record)
    progress = Progress(path)
    progress.look()
    assert len(progress.results) == 7
    path.rename(path.with_name("torch.jsonl.1"))
    made.write(path, [made.run("torch"), *CASES, *results(MIXED[:1])])
    assert [it.outcome for it in progress.look()] == ["pass"]
    assert (len(progress.cases), len(progress.results), progress.new, progress.known) == (12, 1, 0, 0)


def test_what_to_try_next_names_a_backend_as_it_was_chosen(tmp_path: Path) -> None:
    """A file of the user's is named by its path, though its backend calls itself otherwise."""
    path = tmp_path / "mine.jsonl"
    made.write(path, [made.run("mine", command=["pytest", "--backend", "./here.py:Mine", "-q"]), *CASES])
    words = [words for words, _ in closing.suggestions(closing.counts([path]), {})]
    assert ["run", "./here.py:Mine", "--profile", "deep"] in words
