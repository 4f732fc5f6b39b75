"""Known failures: an entry says what it is about, absorbs that and nothing else, and the shipped ones point at something."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asking import CLAUSES
from hypothesis import strategies as st

from clinometer.backends.reference.adapter import Reference
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import Examination, examine
from clinometer.harness.expectations import FIELDS, NEEDED, BadExpectations, Known, find, load, waive
from clinometer.harness.findings import Finding, Nonconformance
from clinometer.journal.vocabulary import MUST, UNIVERSAL

ENTRY = {"backend": "lib", "clauses": ["GRAD-1"], "reason": "lib gives 0 where 1 is right", "seen": "1.0"}


def clause(id: str = "GRAD-1", *cells: Cell) -> Clause:
    """Make a clause that asks nothing."""
    return Clause(id, MUST, UNIVERSAL, "It MUST hold.", lambda check: None, cells, frozenset(), frozenset())


def known(**fields: Any) -> Known:
    """Make an entry about GRAD-1."""
    return Known(**{"backend": "lib", "clauses": ("GRAD-1",), "reason": "why", "seen": "1.0"} | fields)


def written(folder: Path, *entries: dict[str, Any]) -> Path:
    """Write entries to a file."""
    path = folder / "known.toml"
    tables = [
        "\n".join(["[[known]]", *(f"{name} = {json.dumps(value)}" for name, value in entry.items())]) for entry in entries
    ]
    path.write_text("\n\n".join(tables))
    return path


def refusal(path: Path, backend: str = "lib") -> str:
    """Return the message with which a file is refused."""
    with pytest.raises(BadExpectations) as caught:
        load(path, backend)
    return str(caught.value)


# ----- files that cannot be used: one sentence, which names file and entry -----


@pytest.mark.parametrize("field", NEEDED)
def test_an_entry_that_lacks_a_field_is_refused(tmp_path: Path, field: str) -> None:
    """The message names the file, the number of the entry and the field, on one line."""
    path = written(tmp_path, ENTRY, {name: value for name, value in ENTRY.items() if name != field})
    message = refusal(path)
    assert message.startswith(f"{path}, known failure 2: it lacks {field!r}")
    assert "\n" not in message


def test_an_entry_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    """A misspelt field is named, beside the fields that there are."""
    path = written(tmp_path, ENTRY | {"operations": ["sin"]})
    message = refusal(path)
    assert message.startswith(f"{path}, known failure 1: it has an unknown field 'operations'")
    assert all(field in message for field in FIELDS)
    assert "\n" not in message


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    """The message names the file and says where TOML's grammar is broken, on one line."""
    path = tmp_path / "known.toml"
    path.write_text("[[known]\n")
    message = refusal(path)
    assert message.startswith(f"{path}: not TOML: ")
    assert "line 1" in message
    assert "\n" not in message


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are not TOML."""
    path = tmp_path / "known.toml"
    path.write_bytes(b"\xff\xfe")
    assert refusal(path).startswith(f"{path}: not TOML: ")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The message names the file that is not there."""
    path = tmp_path / "none.toml"
    assert refusal(path) == f"{path}: cannot be read: No such file or directory"


# ----- what is read -----


def test_a_file_without_entries_expects_nothing(tmp_path: Path) -> None:
    """An empty file is in order."""
    assert load(written(tmp_path), "lib") == []


def test_entries_about_other_backends_are_left_out(tmp_path: Path) -> None:
    """Only the entries of the backend under examination are read, in their order."""
    path = written(tmp_path, ENTRY | {"seen": "1"}, ENTRY | {"backend": "other"}, ENTRY | {"seen": "2"})
    assert [entry.seen for entry in load(path, "lib")] == ["1", "2"]
    assert [entry.backend for entry in load(path, "other")] == ["other"]


def test_every_field_is_read(tmp_path: Path) -> None:
    """What stands in the file stands in the entry."""
    given = ENTRY | {
        "clauses": ["KINK-1"],
        "operation": "abs",
        "dtype": "float32",
        "parameters": [next(cell.parameters for cell in CLAUSES["KINK-1"].cells)],
        "outcomes": ["fail", "error"],
        "message_pattern": "off by",
        "intermittent": True,
        "link": "url",
    }
    (entry,) = load(written(tmp_path, given), "lib")
    assert {name: list(v) if isinstance(v := getattr(entry, name), tuple) else v for name in FIELDS} == given


def test_an_entry_reads_as_its_reason_with_version_and_link() -> None:
    """The report shows why, where it was seen, and where to read on."""
    assert str(known(reason="it is wrong", link="https://a.b/1")) == "it is wrong (seen in lib 1.0) https://a.b/1"
    assert str(known(reason="it is wrong")) == "it is wrong (seen in lib 1.0)"


# ----- what an entry is about -----

CELL = Cell(operation="sin", dtype="float32", mode="reverse", parameters="at0")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"operation": "sin"},
        {"dtype": "float32"},
        {"parameters": ("at1", "at0")},
        {"clauses": ("GRAD-2", "GRAD-1")},
        {"operation": "sin", "dtype": "float32", "parameters": ("at0",)},
    ],
    ids=str,
)
def test_an_empty_field_matches_anything(fields: dict[str, Any]) -> None:
    """An entry covers a cell that agrees with every field that it fills in."""
    assert known(**fields).covers(clause(), CELL)


@pytest.mark.parametrize(
    "fields",
    [
        {"clauses": ("GRAD-2",)},
        {"clauses": ("GRAD-11",)},
        {"operation": "cos"},
        {"dtype": "float64"},
        {"parameters": ("at1",)},
        {"operation": "sin", "dtype": "float64"},
    ],
    ids=str,
)
def test_one_field_that_differs_is_enough(fields: dict[str, Any]) -> None:
    """An entry does not cover a cell that disagrees with a field."""
    assert not known(**fields).covers(clause(), CELL)


def test_the_first_entry_about_a_cell_is_found() -> None:
    """Where several entries cover a cell, the earlier stands; where none does, there is none."""
    other, first, second = known(operation="cos"), known(reason="first"), known(reason="second", operation="sin")
    assert find([other, first, second], clause(), CELL, "fail") is first
    assert find([other], clause(), CELL, "fail") is None


def test_what_only_some_draws_meet_may_pass() -> None:
    """An entry that is met sometimes stands beside a failure, and not beside a pass."""
    entry = known(intermittent=True)
    assert find([entry], clause(), CELL, "fail") is entry
    assert find([entry], clause(), CELL, "pass") is None
    assert find([known()], clause(), CELL, "pass", few=True) is None
    assert find([known()], clause(), CELL, "pass") is not None


# ----- what is set aside, failure by failure -----


def test_what_is_told_by_its_words_covers_no_cell() -> None:
    """An entry that says what messages are about excuses those failures alone, and not whatever its cells do."""
    entry = known(message_pattern="gradient of x")
    assert not entry.covers(clause(), CELL)
    assert find([entry], clause(), CELL, "fail") is None


@pytest.mark.parametrize(
    ("fields", "message", "excused"),
    [
        ({"message_pattern": r"sum\(.*\) is wrong"}, "v1 = sum(x) is wrong alone", True),
        ({"message_pattern": r"sum\(.*\) is wrong"}, "v1 = mean(x) is wrong alone", False),
        ({"message_pattern": "wrong", "clauses": ("GRAD-2",)}, "v1 = sum(x) is wrong alone", False),
        ({"message_pattern": "wrong", "dtype": "float64"}, "v1 = sum(x) is wrong alone", False),
        ({"message_pattern": "wrong", "dtype": "float32"}, "v1 = sum(x) is wrong alone", True),
        ({"message_pattern": "wrong", "operation": "sin"}, "v1 = sum(x) is wrong alone", True),
        ({"message_pattern": "wrong", "operation": "cos"}, "v1 = sum(x) is wrong alone", False),
        ({}, "v1 = sum(x) is wrong alone", False),
    ],
    ids=str,
)
def test_a_failure_is_set_aside_by_its_words(fields: dict[str, Any], message: str, excused: bool) -> None:
    """Clause, operation and dtype agree, and the message has the words; an entry without words sets nothing aside."""
    entry = known(**fields)
    assert waive([entry], clause(), CELL, message) == (str(entry) if excused else "")


@pytest.mark.parametrize(
    ("fields", "blamed", "excused"),
    [
        ({"operation": "sum"}, "sum", True),
        ({"operation": "sum", "clauses": ("GRAD-2",)}, "sum", True),
        ({"operation": "sum"}, "mean", False),
        ({"operation": "sum"}, "", False),
        ({"operation": "sum", "message_pattern": "what"}, "sum", True),
        ({"operation": "sum", "message_pattern": "that"}, "sum", False),
        ({"operation": "sum", "dtype": "float64"}, "sum", False),
        ({}, "sum", False),
        ({}, "", False),
    ],
    ids=str,
)
def test_a_failure_is_set_aside_where_a_known_operation_is_to_blame(fields: dict[str, Any], blamed: str, excused: bool) -> None:
    """What is known of an operation in some clause excuses the programs in which it is wrong by itself, in that dtype."""
    entry = known(**fields)
    assert waive([entry], clause(), CELL, "whatever", blamed) == (str(entry) if excused else "")


def test_the_first_entry_that_excuses_is_told() -> None:
    """The reason is that of the first entry that fits; without one there is none."""
    first, second = known(reason="first", operation="sum"), known(reason="second", message_pattern="off")
    assert waive([first, second], clause(), CELL, "off by 2", "sum") == str(first)
    assert waive([first, second], clause(), CELL, "off by 2", "mean") == str(second)
    assert waive([], clause(), CELL, "off by 2", "sum") == ""


def asked_with(outcome: str, excuse: str) -> Examination:
    """Return what comes of a clause of which one example ends so, with an excuse for whatever fails."""
    asked = Cell(strategy=st.just(1.0), pinned=lambda: [3.0])

    def body(check: Any, x: float) -> None:
        if x == 3.0:
            raise Nonconformance(outcome, "three", Finding("three"), "sum")

    about = dataclasses.replace(clause("GRAD-1", asked), body=body)
    return examine(about, asked, Reference(), profile="quick", waive=lambda message, blamed: excuse)


@pytest.mark.parametrize("outcome", ["fail", "error"])
def test_what_is_set_aside_is_a_known_failure_and_the_rest_is_asked(outcome: str) -> None:
    """The outcome is that of the first failure, with its evidence and the reason; the other examples were asked too."""
    result = asked_with(outcome, "known")
    assert (result.outcome, result.expected, result.expectation) == (outcome, True, "known")
    assert result.message == f"three (1 of {result.examples} examples fail as is known, the others hold)"
    assert result.examples > 1
    assert result.finding is not None


@pytest.mark.parametrize(("outcome", "excuse"), [("fail", ""), ("invalid", "known")])
def test_without_an_excuse_a_failure_is_news_and_a_defect_of_ours_has_none(outcome: str, excuse: str) -> None:
    """A failure that nothing is known about ends the cell; so does a truth that contradicts itself, whatever is known."""
    result = asked_with(outcome, excuse)
    assert (result.outcome, result.message, result.expected) == (outcome, "three", False)


# ----- what an entry absorbs: asked of a whole run, as pytest tells it -----

LIBRARY = """
from clinometer.backends.reference.adapter import Reference

class Lib(Reference):
    name = "lib"
    second_witness = False

    def vjp(self, f, *primals):
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: [DOES for g in pullback(ct)]
"""
DOES = {"pass": "g", "fail": "2 * g", "error": "1 / 0"}


def run(folder: Path, outcome: str, *entries: dict[str, Any], profile: str = "quick") -> tuple[int, str]:
    """Ask GRAD-1 of one operation and return the exit code, and what is told of the outcome."""
    (folder / "lib.py").write_text(LIBRARY.replace("DOES", DOES[outcome]))
    test = "clinometer.suites.test_grad::test_the_gradient_equals_the_truth[sin-reverse-float64]"
    options = ["--backend=lib.py:Lib", f"--known={written(folder, *entries)}", f"--profile={profile}", "-pno:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--pyargs", test, *options], cwd=folder, capture_output=True, text=True
    )
    told = re.search(r"^1 ([a-z ]+); \d+ examples", done.stdout, re.MULTILINE)
    return done.returncode, told[1] if told else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("outcome", "absorbs", "code", "told"),
    [
        ("fail", ["fail"], 0, "known fail"),
        ("error", ["fail"], 1, "error"),
        ("error", ["fail", "error"], 0, "known error"),
        ("fail", ["error"], 1, "fail"),
    ],
)
def test_an_entry_absorbs_the_outcomes_that_it_names(
    tmp_path: Path, outcome: str, absorbs: list[str], code: int, told: str
) -> None:
    """A named outcome is expected, and any other is news."""
    assert run(tmp_path, outcome, ENTRY | {"outcomes": absorbs}) == (code, told)


@pytest.mark.parametrize(("profile", "told"), [("quick", "pass"), ("standard", "fixed")])
def test_a_known_failure_that_passes_is_told_as_fixed_where_enough_is_drawn(tmp_path: Path, profile: str, told: str) -> None:
    """A pass in few examples mends nothing: what more of them met may only not have been drawn."""
    assert run(tmp_path, "pass", ENTRY, profile=profile) == (0, told)


def test_an_entry_that_names_no_outcome_absorbs_failures_alone(tmp_path: Path) -> None:
    """An exception is not what was known where a wrong number was."""
    assert run(tmp_path, "error", ENTRY) == (1, "error")


def test_an_entry_about_another_cell_absorbs_nothing(tmp_path: Path) -> None:
    """A failure beside the known ones is news."""
    assert run(tmp_path, "fail", ENTRY | {"operation": "cos"}) == (1, "fail")


@pytest.mark.parametrize(("pattern", "code", "told"), [("got .*; off by", 0, "known fail"), ("shape", 1, "fail")])
def test_a_run_expects_what_an_entry_says(tmp_path: Path, pattern: str, code: int, told: str) -> None:
    """Failures whose message has the words leave the exit code alone, and others do not."""
    assert run(tmp_path, "fail", ENTRY | {"message_pattern": pattern}) == (code, told)
