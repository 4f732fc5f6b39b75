"""The atlas on the console: what each backend answers where no answer is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made
from click.testing import CliRunner, Result
from rich.console import Console

from clinometer.cli import console
from clinometer.cli.main import main
from clinometer.journal.records import Observation
from clinometer.reports.atlas import plain, points
from clinometer.reports.results import load

KINK = [made.case("KINK-1", "abs", dtype) for dtype in ("float32", "float64")]
RELU = made.case("KINK-1", "relu", "float64")


def call(*words: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["atlas", *(str(word) for word in words)])


def refused(result: Result) -> str:
    """Return the one sentence on stderr of a command that was refused."""
    assert result.exit_code == 2
    assert not result.stdout
    [sentence] = result.stderr.strip().splitlines()
    return sentence


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Two backends that differ at the kink of abs, in float64 alone; only the first has relu."""
    torch = [*made.seen(KINK[0], at0="0.0"), *made.seen(KINK[1], at0="0.0"), *made.seen(RELU, at0="0.0")]
    other = [*made.seen(KINK[0], at0="-0.0"), *made.seen(KINK[1], at0="1.0"), *made.finished(RELU, "unsupported")]
    return [made.journal(tmp_path / "a.jsonl", "torch", torch), made.journal(tmp_path / "b.jsonl", "autograd", other)]


def rows(*words: str | Path) -> list[dict[str, Any]]:
    """Return what the command prints as JSON."""
    return list(json.loads(call(*words, "--format", "json").stdout))


def test_each_backend_has_its_answer(paths: list[Path]) -> None:
    """A row holds clause, operation, point, dtypes and mode, and the answer and the outcome of each backend."""
    assert rows(*paths)[0] == {
        "clause": "KINK-1",
        "operation": "abs",
        "point": "abs at0",
        "dtypes": ["float32"],
        "mode": "reverse",
        "differ": False,
        "answers": {"torch": "0.0", "autograd": "-0.0"},
        "outcomes": {"torch": "pass", "autograd": "pass"},
    }


def test_dtypes_with_equal_answers_are_one_row(paths: list[Path]) -> None:
    """What is answered alike in two dtypes is told once, and what is not is told twice."""
    assert [row["dtypes"] for row in rows(paths[0])] == [["float32", "float64"], ["float64"]]
    assert [row["dtypes"] for row in rows(*paths)] == [["float32"], ["float64"], ["float64"]]


def test_only_points_where_backends_differ_are_asked_for(paths: list[Path]) -> None:
    """--differ leaves rows with two answers; the sign of a zero, and an answer that is missing, make no difference."""
    assert [(row["operation"], row["dtypes"]) for row in rows(*paths, "--differ")] == [("abs", ["float64"])]
    assert call(*paths, "--differ").stdout.splitlines()[-1] == "3 points; the backends differ at 1."


@pytest.mark.parametrize(("answer", "same"), [("-0.0", "0.0"), ("[-0.0, -0.05]", "[0.0, -0.05]"), ("-10.0", "-10.0")])
def test_the_sign_of_a_zero_is_no_difference(answer: str, same: str) -> None:
    """Zeros lose their sign when answers are compared, and no other number does."""
    assert plain(answer) == same


def test_an_operation_is_asked_for(paths: list[Path]) -> None:
    """--operation leaves the rows of one operation."""
    assert {row["operation"] for row in rows(*paths, "--operation", "relu")} == {"relu"}


def test_an_operation_without_observations_is_refused(paths: list[Path]) -> None:
    """A name with no point is answered with the nearest one, or with how to find one."""
    assert "do you mean relu?" in refused(call(*paths, "--operation", "relo"))
    assert "without --operation" in refused(call(*paths, "--operation", "?"))


def test_a_cell_without_an_answer_says_why(paths: list[Path]) -> None:
    """Where a backend recorded nothing, the table has the outcome; a wrong answer is marked as wrong."""
    assert "unsupported" in next(line for line in call(*paths).stdout.splitlines() if "relu" in line)
    seen = [Observation(point="abs at0", answer="nan")]
    wrong = made.journal(paths[0].parent / "c.jsonl", "mygrad", made.finished(KINK[1], "fail", observed=seen))
    line = next(line for line in call(*paths, wrong).stdout.splitlines() if "nan" in line)
    assert line.startswith("≠ KINK-1")
    assert "nan ✕ fail" in line
    assert "not asked" in call(*paths, wrong, "--operation", "relu").stdout


def test_a_terminal_of_80_columns_holds_the_table(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal long cells fold and no line is wider; into a pipe each row goes as one line."""
    long = "[" + ", ".join(["0.123456"] * 12) + "]"
    wide = made.journal(paths[0].parent / "d.jsonl", "mygrad", made.seen(KINK[1], at0=long))
    assert any(long in line for line in call(*paths, wide).stdout.splitlines())
    terminal = Console(highlight=False, width=80, force_terminal=True, color_system=None)
    monkeypatch.setattr(console, "OUT", terminal)
    lines = call(*paths, wide).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) > 5


def test_names_of_a_point_that_stands_twice_are_told_apart(paths: list[Path]) -> None:
    """A row for all dtypes bears no dtype; rows of the same point do."""
    assert [line.split()[1:4] for line in call(paths[0]).stdout.splitlines()[1:2]] == [["abs", "at", "0"]]
    assert "float" not in call(paths[0], "--operation", "abs").stdout
    assert "at 0 (float32)" in call(*paths).stdout


def test_a_spreadsheet_reads_the_atlas(paths: list[Path]) -> None:
    """As CSV there is a column for each backend, and an empty cell where nothing was recorded."""
    found = list(csv.DictReader(call(*paths, "--format", "csv").stdout.splitlines()))
    assert found[1]["dtypes"] == "float64"
    assert [(row["torch"], row["autograd"]) for row in found] == [("0.0", "-0.0"), ("0.0", "1.0"), ("0.0", "")]
    assert [row["differ"] for row in found] == ["no", "yes", "no"]


def test_points_are_written_as_people_write_them(tmp_path: Path) -> None:
    """The place of a point leaves out the operation and sets off what the recorded name has squeezed."""
    path = made.journal(tmp_path / "a.jsonl", "torch", made.seen(KINK[0], **{"at[1.0,-2.0],axis=(0,)": "0.0"}))
    assert points(load([path]))[0].place == "at [1.0, -2.0], axis=(0,)"


def test_without_names_the_journals_of_the_default_folder_are_read(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The folder to which `clinometer run` writes is read; without journals in it, the sentence says how to get one."""
    monkeypatch.chdir(tmp_path)
    assert "clinometer run BACKEND" in refused(call())
    (tmp_path / "clinometer-report").mkdir()
    for path in paths:
        path.rename(tmp_path / "clinometer-report" / path.name)
    assert len(rows()) == 3


def test_journals_without_observations_are_refused(tmp_path: Path) -> None:
    """Where nothing was recorded, the sentence names the file and what is missing."""
    path = made.journal(tmp_path / "a.jsonl", "torch", made.finished(made.case()))
    assert "a.jsonl: no observations" in refused(call(path))


@pytest.mark.parametrize(("text", "sentence"), [(None, "cannot be read"), ("", "holds no run"), ("x\n\n", "line 1: not a")])
def test_broken_journals_are_refused(tmp_path: Path, text: str | None, sentence: str) -> None:
    """A file that is missing, empty or no journal is named in one sentence."""
    path = tmp_path / "a.jsonl"
    if text is not None:
        path.write_text(text)
    assert f"{path}" in (said := refused(call(path)))
    assert sentence in said


def test_a_backend_that_could_not_be_loaded_has_no_column(paths: list[Path]) -> None:
    """Its reason stands on stderr, and the others are shown."""
    broken = made.write(paths[0].parent / "c.jsonl", [made.run("jax", problem="no module named jax")])
    result = call(*paths, broken, "--format", "json")
    assert result.exit_code == 0
    assert "no module named jax" in result.stderr
    assert "jax" not in result.stdout


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_hostile_text_is_printed_as_text(tmp_path: Path, form: str) -> None:
    """Markup of the console and codes of the terminal, in a point, an answer or a name, are letters like others."""
    case = made.case("KINK-1", "[bold]abs")
    path = made.journal(tmp_path / "a.jsonl", "[red]mine", made.seen(case, **{"[/]": "[link]\x1b[31m"}))
    text = call(path, "--format", form).stdout
    assert "\x1b" not in text
    for part in ("[bold]abs", "[red]mine", "[/]", "[link]"):
        assert part in text
