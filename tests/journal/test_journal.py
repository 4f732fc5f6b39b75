"""The journal: what is written is what is read, and what is broken is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import synthetic_journals as made

from clinometer.journal import reader, records
from clinometer.journal.reader import BrokenJournal
from clinometer.journal.records import Curve, End, Result, Start
from clinometer.journal.writer import Writer


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Every kind of record survives the way through the file unchanged."""
    case = made.case()
    written = [
        made.run("torch"),
        case,
        Start(id=case.id, at="now"),
        Result(id=case.id, outcome="fail", evidence=made.evidence(case)),
        Curve(operation="sin", dtype="float64", x=[0.0], value=[0.0], gradient=[None], reference=[1.0]),
        End(at="later", exit=1),
    ]
    path = made.write(tmp_path / "a.jsonl", list(written))
    assert list(reader.read(path)) == written


def test_a_broken_line_is_named_by_file_and_line(tmp_path: Path) -> None:
    """The message for a line that is no record says which file and which line."""
    path = made.write(tmp_path / "a.jsonl", [made.run("torch"), End(at="now", exit=0)])
    first, last = path.read_text().splitlines()
    path.write_text(f"{first}\n{{'not': json}}\n{last}\n")
    with pytest.raises(BrokenJournal, match=r"a\.jsonl, line 2: not a journal record"):
        list(reader.read(path))


def test_a_journal_of_another_schema_is_refused(tmp_path: Path) -> None:
    """The message names both schemas; a journal that says nothing is of the first."""
    path = made.write(tmp_path / "a.jsonl", [made.run("torch")])
    assert [run.schema for run in reader.read(path)] == [1]
    made.write(path, [made.run("torch", schema=records.SCHEMA + 1)])
    text = rf"a\.jsonl, line 1: a journal of schema {records.SCHEMA + 1}, where .* reads {records.SCHEMA};"
    with pytest.raises(BrokenJournal, match=text):
        list(reader.read(path))


def test_a_field_that_nobody_knows_is_passed_over(tmp_path: Path) -> None:
    """What a newer version writes beside the rest under the same schema does not keep an older one from reading it."""
    end = End(at="now", exit=0)
    path = made.write(tmp_path / "a.jsonl", [made.run("torch"), end])
    path.write_text(path.read_text().replace('"exit":0', '"exit":0,"weather":"rain"'))
    assert list(reader.read(path))[1] == end


def test_a_line_that_cannot_be_read_is_skipped_and_counted(tmp_path: Path) -> None:
    """Who says where to count them reads all other lines of a damaged journal, and is told which line is the first, and why."""
    case = made.case()
    path = made.write(
        tmp_path / "a.jsonl", [made.run("torch"), case, Result(id=case.id, outcome="pass"), End(at="now", exit=0)]
    )
    head, *rest = path.read_text().splitlines()
    path.write_text("\n".join([head, "garbage", *rest, "[" * 10**5, ""]))
    gaps = reader.Gaps(path)
    assert [type(record).__name__ for record in reader.read(path, gaps)] == ["RunRecord", "CaseRecord", "Result", "End"]
    assert str(gaps).startswith(
        "2 lines of a.jsonl cannot be read, and what stood there is missing: line 2: not a journal record"
    )


@pytest.mark.parametrize("head", ['{"kind":"run", broken', "all of it is garbage"])
def test_no_line_is_taken_for_one_of_another_run(tmp_path: Path, head: str) -> None:
    """Where the head of a run cannot be read, its records are left out, and are not those of the run before."""
    case, lines = made.case(), list[str]()
    for backend, outcome in (("torch", "pass"), ("autograd", "fail"), ("mygrad", "pass")):
        result = Result(id=case.id, outcome=outcome)  # type: ignore[arg-type]  # one of them
        lines += made.write(tmp_path / "a.jsonl", [made.run(backend), case, result]).read_text().splitlines()
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([*lines[:3], head, *lines[4:], ""]))
    gaps = reader.Gaps(path)
    outcomes = [record.outcome for record in reader.read(path, gaps) if isinstance(record, Result)]
    assert outcomes == ["pass", "pass"]
    assert gaps.lines == 3


def test_a_record_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    """It is no record to a version that does not know its kind."""
    path = made.write(tmp_path / "a.jsonl", [made.run("torch"), End(at="now", exit=0)])
    path.write_text(path.read_text().replace('"kind":"end"', '"kind":"farewell"') + "\n")
    with pytest.raises(BrokenJournal, match=r"line 2: not a journal record"):
        list(reader.read(path))


def test_a_last_line_cut_short_is_dropped(tmp_path: Path) -> None:
    """A journal whose last line a crash cut short is read up to the line before."""
    path = made.write(tmp_path / "a.jsonl", [made.run("torch"), End(at="now", exit=0)])
    path.write_bytes(path.read_bytes()[:-9])
    assert [type(record).__name__ for record in reader.read(path)] == ["RunRecord"]


def test_a_journal_that_is_taken_up_again_loses_its_cut_line_alone(tmp_path: Path) -> None:
    """Appending to a journal with a cut last line spoils neither the old records nor the new one."""
    path = made.write(tmp_path / "a.jsonl", [made.run("torch"), made.case()])
    path.write_bytes(path.read_bytes()[:-9])
    writer = Writer(path, fresh=False)
    writer.write(End(at="now", exit=0))
    writer.close()
    assert [type(record).__name__ for record in reader.read(path)] == ["RunRecord", "End"]


@pytest.mark.parametrize("text", [made.HOSTILE, "half a pair: \ud83d", "\x00\x1b[0m\u202e"])
def test_any_text_can_be_written(tmp_path: Path, text: str) -> None:
    """A message with controls or half a surrogate pair neither stops the writer nor breaks the file."""
    path = made.write(tmp_path / "a.jsonl", [Result(id="0", outcome="error", message=text)])
    [record] = reader.read(path)
    assert isinstance(record, Result)
    assert record.message == text.encode("utf-8", "backslashreplace").decode()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message for a file that is not there holds its path."""
    with pytest.raises(BrokenJournal, match=r"absent\.jsonl: cannot be read"):
        list(reader.read(tmp_path / "absent.jsonl"))


def test_identity_depends_on_what_is_asked_alone() -> None:
    """The same question has the same id, and a question that differs in any part has another."""
    parts = ("GRAD-1", "sin", "float64", "reverse", "")
    assert records.identity(*parts) == records.identity(*parts)
    others = {records.identity(*(part + "x" if at == i else part for at, part in enumerate(parts))) for i in range(5)}
    assert len(others | {records.identity(*parts)}) == 6
