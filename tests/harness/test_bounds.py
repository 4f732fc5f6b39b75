"""Bounds: what a backend says is of a length that can be read, and all of it can be seen, wherever it is shown."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from asking import ask, of_kind

from clinometer.cli import console
from clinometer.harness.bounds import LONGEST, bounded
from clinometer.journal import records
from clinometer.journal.text import visible

NOISY = """\
from clinometer.backends.reference.adapter import Reference

class Loud(Exception):
    def __str__(self):
        return "\\x1b[2J\\r\\u202e\\x00:boom: " + "loud " * 2_000_000

class Noisy(Reference):
    name, second_witness = "noisy", False
    def __init__(self):
        super().__init__()
        self.xp.exp = self.raising
        self.versions = {"noisy": "1.0"}
    def raising(self, x):
        raise Loud
"""
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202e]")


def test_megabytes_of_an_exception_are_cut_and_said_to_be(tmp_path: Path) -> None:
    """Ten megabytes of text cost no time; journal, script and terminal have its beginning, its end and how much is between."""
    (tmp_path / "noisy.py").write_text(NOISY)
    done = ask(tmp_path, "--backend", "noisy.py:Noisy", "--report", "r.html", "-k", "truth and [exp-reverse-float64]")
    assert done.returncode == 1
    assert not RAW.findall(done.stdout)
    assert "characters are left out ...]" in done.stdout
    assert len(done.stdout) < 100_000
    [result] = of_kind(tmp_path / "r.jsonl", records.Result)
    assert result.outcome == "error"
    assert re.search(r"\[\.\.\. 9,99\d,\d+ characters are left out \.\.\.\]", result.message)
    assert not RAW.findall(result.evidence.script)
    compile(result.evidence.script, "script", "exec")
    assert (tmp_path / "r.jsonl").stat().st_size < 200_000
    assert (tmp_path / "r.html").stat().st_size < 1_000_000


def test_every_text_of_a_record_is_bounded() -> None:
    """However deep a text lies, and whichever field it is: messages, names of arrays, answers, versions."""
    long = "x" * 10**6
    evidence = records.Evidence(claim=long, inputs=[records.Array(name=long, values=[long])], script=long, trace=long)
    answers = [records.Observation(point=long, answer=long)]
    result = records.Result(id="a", outcome="fail", message=long, expectation=long, evidence=evidence, observed=answers)
    found = bounded(result)
    assert len(records.encoded(found)) < 300_000
    assert len(found.message) < LONGEST + 100
    assert found.message.count("995,000 characters are left out") == 1
    run = records.RunRecord(
        backend=long, suite="", digest="", profile="quick", seed=0, started="", versions={long: long}, problem=long
    )
    assert len(records.encoded(bounded(run))) < 50_000


def test_a_record_of_ordinary_length_stays_as_it_is() -> None:
    """Nothing is cut that can be read."""
    result = records.Result(id="a", outcome="fail", message="m" * 4_000, observed=[records.Observation(point="p", answer="a")])
    assert bounded(result) == result


@pytest.mark.parametrize("text", [":boom:", ":x: [bold]no[/] \\", "[/]", "\x1b[31mred\x1b[0m\r\x00\u202e", "a\\[b", "\udc80"])
def test_text_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Neither an emoji, nor markup, nor an escape of the terminal is made of what a library says."""
    out = console._console(file=io.StringIO(), width=200)
    monkeypatch.setattr(console, "OUT", out)
    monkeypatch.setattr(console, "ERR", out)
    console.rule(text)
    console.notice(text)
    console.remark(text)
    console.progress(text)
    console.next_steps([(text, text)])
    console.failure(text, "fail", text)
    console.pairs([(text, text)])
    printed = out.file.getvalue()  # type: ignore[attr-defined]  # of a StringIO
    assert printed.count(visible(text)) == 10, printed
    assert not RAW.findall(printed)
