"""The console script: what it prints, and what it refuses."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clinometer.cli.main import main


def call(*words: str | Path) -> Result:
    """Run the console script."""
    return CliRunner().invoke(main, [str(word) for word in words])


def refused(result: Result) -> str:
    """Return the one sentence on stderr of a command that was refused."""
    assert result.exit_code == 2
    [sentence] = result.stderr.strip().splitlines()
    return sentence


def test_report_writes_a_page_and_prints_the_counts(journals: list[Path], tmp_path: Path) -> None:
    """The counts stand on the console, with denominators, within 80 columns."""
    result = call("report", *journals, "-o", tmp_path / "new" / "r.html")
    assert result.exit_code == 0
    assert (tmp_path / "new" / "r.html").exists()
    assert "95/95" in result.stdout
    assert "no result" in result.stdout
    assert max(map(len, result.stdout.replace(str(tmp_path), "").splitlines())) <= 80


def test_a_missing_journal_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A file that is not there is named, without a traceback."""
    assert "absent.jsonl: cannot be read" in refused(call("report", tmp_path / "absent.jsonl"))


def test_a_file_that_is_no_journal_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A line that is no record is named by file and number."""
    path = tmp_path / "a.jsonl"
    path.write_text("hello\nworld\n")
    assert "a.jsonl, line 1: not a journal record" in refused(call("report", path))


def test_an_empty_journal_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """An empty file is said to hold no run."""
    path = tmp_path / "a.jsonl"
    path.touch()
    assert "holds no run" in refused(call("report", path))


def test_a_page_that_cannot_be_written_is_refused_in_one_sentence(journals: list[Path], tmp_path: Path) -> None:
    """An output that is a folder is named."""
    assert str(tmp_path) in refused(call("report", journals[0], "-o", tmp_path))


@pytest.fixture
def specification(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a specification of two clauses in place of the suites."""
    first = types.SimpleNamespace(
        id="GRAD-1",
        level="MUST",
        cls="universal",
        text="The gradient is [right].",
        needs={"reverse"},
        broken_by={"b", "a"},
        chapter="Gradients",
        title="Right",
    )
    second = types.SimpleNamespace(
        id="GRAD-2", level="SHOULD", cls="universal", text="Second.", needs=set(), chapter="Gradients"
    )
    module = types.ModuleType("clinometer.harness.specification")
    module.specification = lambda: [first, second]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "clinometer.harness.specification", module)


@pytest.mark.usefixtures("specification")
def test_the_specification_is_printed_in_three_forms() -> None:
    """Text, Markdown and JSON hold every clause; sets are sorted, brackets are no markup, missing fields are empty."""
    text, markdown, data = (call("spec", "--format", form).stdout for form in ("text", "markdown", "json"))
    assert "The gradient is [right]." in text
    assert "broken by: a, b" in text
    assert "### GRAD-1: Right" in markdown
    assert "### GRAD-2\n" in markdown
    first, second = json.loads(data)
    assert first["broken_by"] == ["a", "b"]
    assert second["broken_by"] == ""


def test_the_operations_are_printed() -> None:
    """Operations are listed with group, dtypes, domain, special points and the clauses that ask about them."""
    assert "float, complex" in call("operations").stdout
    listed = {row["name"]: row for row in json.loads(call("operations", "--format", "json").stdout)}
    assert len(listed) >= 150
    assert listed["sqrt"]["domain"] == "(0, inf)"
    assert "convention at (0.0)" in listed["sqrt"]["special"]
    assert "complex64" in listed["sqrt"]["dtypes"]
    assert "complex64" not in listed["cbrt"]["dtypes"]
    assert {"GRAD-1", "KINK-2"} <= set(listed["sqrt"]["clauses"])


def test_the_backends_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each known name stands on the console with its line."""
    registry = types.ModuleType("clinometer.backends.registry")
    registry.known = lambda: {"reference": "plain numpy"}  # type: ignore[attr-defined]
    package = types.ModuleType("clinometer.backends")
    package.registry = registry  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "clinometer.backends", package)
    monkeypatch.setitem(sys.modules, "clinometer.backends.registry", registry)
    assert "plain numpy" in call("backend", "list").stdout


def test_the_report_needs_no_number_library() -> None:
    """Importing the console script loads neither numpy nor what draws, computes and asks."""
    import subprocess

    heavy = {"numpy", "hypothesis", *(f"clinometer.{room}" for room in ("reference", "strategies", "backends", "suites"))}
    code = f"import sys, clinometer.cli.main; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
