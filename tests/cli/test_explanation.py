"""What stands behind a verdict, explained: its words and numbers are those of the journal."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic_journals as made
from hosting import call, unwrapped
from one_case import CASE, failing, journal, subject

from clinometer.cli import console
from clinometer.cli.entry import number
from clinometer.harness import expectations
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examiner import described
from clinometer.harness.specification import specification
from clinometer.journal.records import Array, CaseRecord, End, Evidence, Observation, Result, Start, Witness


def told(path: Path, id: str) -> dict[str, Any]:
    """Return an explanation as data."""
    called = call("explain", path, id, "--format", "json")
    assert called.exit_code == 0, called.output
    return dict(json.loads(called.stdout))


def test_a_real_failure_is_explained_from_clause_to_what_to_do(steep: Path) -> None:
    """Everything that the journal has of it is said, in its own numbers."""
    case = failing(steep, "exp")
    result = subject(steep).results[case.id]
    evidence = result.evidence
    assert evidence is not None
    assert evidence.witness is not None
    text = unwrapped(call("explain", steep, case.id[:10]))
    for word in (
        case.title,
        case.text,
        "MUST: a failure is a fault of the library",
        "universal: one answer is right.",
        f"{result.examples} examples with {result.points} points",
        "result = exp(x)",
        "It does not hold: two witnesses speak against the library.",
        result.message,
        "A new failure",
        "whether it is stable or flaky was not looked at",
        "up to 1, rounding can explain it",
        f"The reference, forward mode by the rules of the catalogue in numpy's longdouble, says {entry(evidence.expected)}."
        if evidence.expected is not None and evidence.expected.dtype == "float128"
        else "forward mode by the rules of the catalogue",
        f"differences of the plain numpy function, says {evidence.witness.value}, give or take {evidence.witness.error}.",
        "step estimate its error, estimated",
        "tolerance = 4 * (spread + u * majorant) + smallest normal number",
        "docs/tolerances.md",
        f"clinometer repro {steep} {case.id}",
        f"test_the_gradient_equals_the_truth[{case.test.partition('[')[2]}",
        'clauses = ["GRAD-1"]',
    ):
        assert word in text, word


def entry(array: Array | None) -> str:
    """Return the one number of an array."""
    assert array is not None
    [value] = array.values
    return value


@pytest.mark.parametrize("operation", ["exp", "det"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_of_the_entry_are_one_with_another(steep: Path, operation: str, dtype: str) -> None:
    """The difference over the tolerance is the error, got is half too large, and all entries are outside that are not 0."""
    case = failing(steep, operation, dtype)
    found, evidence = told(steep, case.id)["entry"], subject(steep).results[case.id].evidence
    assert evidence is not None
    assert evidence.expected is not None
    assert float(found["difference"]) / float(found["tolerance"]) == pytest.approx(float(found["error"]), rel=1e-3)
    assert float(found["got"]) == pytest.approx(1.5 * float(found["expected"]), rel=1e-6)
    assert found["outside"] == sum(float(value) != 0 for value in evidence.expected.values)
    assert found["entries"] == len(evidence.expected.values)


def test_the_witnesses_agree_against_the_library(steep: Path) -> None:
    """How far they are apart is said, and how far the answer is from them, in tolerances."""
    found = told(steep, failing(steep, "exp").id)
    between = r"The two (?:say the same|are .* apart, (.*) tolerances)\."
    answer = r"The library's answer is .* from the second, (.*) tolerances\."
    said = re.fullmatch(f"{between} {answer}", found["witnesses"]["agreement"])
    assert said is not None
    assert float(said[1] or 0) < 0.01
    assert float(said[2]) == pytest.approx(float(found["entry"]["error"]), rel=0.01)
    assert sum(step.get("taken", False) for step in found["witnesses"]["steps"]) == 1


def test_neighbours_are_the_same_clause_and_operation_in_other_dtypes(steep: Path) -> None:
    """Each is told with what came of it, and no other case."""
    found = told(steep, failing(steep, "exp").id)["neighbours"]
    assert [(it["dtype"], it["outcome"]) for it in found] == [("float32", "fail")]
    assert "fails: float32" in unwrapped(call("explain", steep, failing(steep, "exp").id))


def test_the_entry_of_known_failures_makes_it_known(steep: Path, tmp_path: Path) -> None:
    """What is printed can be pasted: it is about this case, and about no other."""
    id = failing(steep, "exp").id
    [paste] = [step["do"] for step in told(steep, id)["next"] if step["do"].startswith("[[known]]")]
    path = tmp_path / "known.toml"
    path.write_text(paste)
    [known] = expectations.load(path, "steep")
    named = [case.id for clause, cell, case in _cells() if known.covers(clause, cell)]
    assert named == [id]
    assert known.outcomes == ("fail",)


def _cells() -> Iterator[tuple[Clause, Cell, CaseRecord]]:
    for clause in specification():
        for cell in clause.cells:
            yield clause, cell, described(clause, cell, "")


def test_a_pass_says_what_was_asked_and_what_it_does_not_prove(steep: Path) -> None:
    """It has no numbers and no script, and is not said to be proven."""
    id = next(id for id, it in subject(steep).results.items() if it.outcome == "pass" and it.examples > 1)
    called = call("explain", steep, id)
    assert "It holds: no counterexample was found among the examples that were asked." in unwrapped(called)
    assert f"{subject(steep).results[id].examples} examples" in called.stdout
    for word in ("repro", "Where it fails", "known", "stable"):
        assert word not in called.stdout.replace(str(steep), "")


@pytest.mark.parametrize("width", [80, 72])
def test_lines_fit_a_terminal(steep: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only commands and single words, such as paths, are longer, and the console folds nothing."""
    monkeypatch.setattr(console.OUT, "_width", width)
    called = call("explain", steep, failing(steep, "det").id)
    commands = ("    clinometer repro", "    python -m pytest")
    long = [line for line in called.stdout.splitlines() if len(line) > width and not line.startswith(commands)]
    assert not [line for line in long if len(line.split()) > 1]
    assert f"    clinometer repro {steep} {failing(steep, 'det').id}\n" in called.stdout
    monkeypatch.setattr(console.OUT, "_width", 40)
    assert f"{steep}\n" in call("explain", steep, failing(steep, "det").id).stdout


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"outcome": "unsupported", "message": "torch has no exp"}, "The library does not offer it: neither pass nor fail."),
        ({"outcome": "notrun", "message": "left out"}, "It was not asked. left out"),
        ({"outcome": "inconclusive", "message": "out of tolerance in 3 of 4"}, "the second witness could not tell it"),
        ({"outcome": "invalid", "message": "a defect of Clinometer: KeyError"}, "A defect of Clinometer, which says nothing"),
        ({"outcome": "timeout", "stability": "flaky (2 of 3 times)"}, "It is flaky (2 of 3 times)."),
        ({"outcome": "crash", "stability": "stable (3 of 3 times)"}, "asked again in fresh processes"),
        ({"outcome": "crash", "evidence": Evidence(trace="Fatal\n  File x")}, "The stack Fatal File x"),
        ({"outcome": "fail", "expected": True, "expectation": "wrong (seen in 2) https://x.org/1"}, "A known failure: it does"),
        ({"outcome": "fail", "expectation": "another"}, "A new failure: another one is known here, which this is not: another"),
        ({"outcome": "inconclusive", "expectation": "another"}, "A failure is known here, which this is not: another"),
        ({"outcome": "pass", "expectation": "was wrong"}, "A known failure that passes: fixed. was wrong"),
        ({"outcome": "fail", "evidence": Evidence(claim="same", sides=["a", "2 * b"], got=made.array("", [1.0], []),
          expected=made.array("", [2.0], []), index=[])}, "In the names of the script, got is a, and expected is 2 * b."),
        ({"outcome": "fail", "evidence": Evidence(got=made.array("", [1.0], [1]), expected=made.array("", [2.0, 3.0], [2]))},
         "got: float64 of shape (1,) expected: float64 of shape (2,)"),
        ({"outcome": "pass", "observed": [Observation(point="0", answer="+1")]}, "What was recorded 0: +1"),
    ],
)  # fmt: skip
def test_other_outcomes_are_explained_as_well(result: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Each says what it means, and as data it can be read."""
    path = tmp_path / "a.jsonl"
    made.write(
        path, [made.run("torch"), CASE, Start(id=CASE.id, at="now"), Result(id=CASE.id, **result), End(at="now", exit=0)]
    )
    called = call("explain", path, CASE.id)
    assert called.exit_code == 0
    assert said in unwrapped(called)
    assert told(path, CASE.id)["outcome"]["outcome"] == result["outcome"]


def test_a_truth_of_more_digits_than_its_text_is_measured_in_all_of_them(tmp_path: Path) -> None:
    """Near the tolerance the text of the truth is too coarse: the difference is that of the error, and the entry is outside."""
    expected = Array(dtype="float128", shape=[2], values=["-0.005723637152729432", "1.0"])
    got = Array(dtype="float64", shape=[2], values=["-0.005723637152729443", "1.0"])
    tolerance = Array(dtype="float64", shape=[2], values=["1.1112e-17", "1e-16"])
    evidence = Evidence(claim="x", expected=expected, got=got, tolerance=tolerance, index=[0], error="1.06")
    path = tmp_path / "a.jsonl"
    result = Result(id=CASE.id, outcome="fail", evidence=evidence)
    made.write(path, [made.run("torch"), CASE, Start(id=CASE.id, at="now"), result, End(at="now", exit=1)])
    found = told(path, CASE.id)["entry"]
    assert (found["difference"], found["outside"], found["entries"]) == ("1.178e-17", 1, 2)


def test_other_journals_are_named_with_what_came_of_the_case_there(tmp_path: Path) -> None:
    """The one that failed is explained, and the others stand beside it."""
    path, other = journal(tmp_path / "a.jsonl"), tmp_path / "b.jsonl"
    made.write(
        other, [made.run("jax"), CASE, Start(id=CASE.id, at="now"), Result(id=CASE.id, outcome="pass"), End(at="x", exit=0)]
    )
    assert f"jax, {other}: holds" in unwrapped(call("explain", other, path, CASE.id))


def test_hostile_text_and_large_arrays_are_bounded_and_seen(tmp_path: Path) -> None:
    """No escape reaches the terminal, markup is text, and of an array and a stack a part is shown."""
    values = [str(float(i)) for i in range(4096)]
    evidence = Evidence(
        claim="[bold]\x1b[31m",
        inputs=[Array(name="x", dtype="float64", shape=[64, 64], values=values)],
        trace="Traceback (most recent call last):\n" + "\n".join(f"  line {i}" for i in range(10_000)),
    )
    path = tmp_path / "a.jsonl"
    result = Result(id=CASE.id, outcome="error", message="[red]\x1b]0;title\x07", evidence=evidence)
    made.write(path, [made.run("torch"), CASE, Start(id=CASE.id, at="now"), result, End(at="now", exit=1)])
    called = call("explain", path, CASE.id)
    assert not {"\x1b", "\x07"} & set(called.stdout)
    assert "[red]␛]0;title␇" in called.stdout
    assert "and 4048 more" in unwrapped(called)
    assert "line 9999" in called.stdout
    assert len(called.stdout.splitlines()) < 100


def test_numbers_at_the_ends_of_their_range_are_told(tmp_path: Path) -> None:
    """Neither an overflow, nor what underflows, nor a shape that is not that of the values stops an explanation."""
    huge, tiny = "(1.7e308+1.7e308j)", "(5e-324+0j)"
    evidence = Evidence(
        claim="value",
        inputs=[Array(name="x", dtype="float64", shape=[10**12, 3], values=["1.0", "2.0"])],
        got=Array(dtype="complex128", values=[huge]),
        expected=Array(dtype="complex128", values=[tiny]),
        tolerance=Array(dtype="float64", values=["1e-323"]),
        index=[],
        witness=Witness(value="(-1.7e308-1.7e308j)", error="0"),
    )
    path = tmp_path / "a.jsonl"
    result = Result(id=CASE.id, outcome="fail", evidence=evidence)
    made.write(path, [made.run("torch"), CASE, Start(id=CASE.id, at="now"), result, End(at="now", exit=1)])
    text = unwrapped(call("explain", path, CASE.id))
    assert f"got {huge} expected {tiny} difference none, since one is no finite number" in text
    assert "x float64 (1000000000000, 3) = 1.0, 2.0" in text


@pytest.mark.parametrize(
    ("text", "dtype", "value"),
    [
        ("0.1", "float32", float(np.float32(0.1))),
        ("0.1", "float16", float(np.float16(0.1))),
        ("0.1", "bfloat16", 0.10009765625),
        ("3.04688", "bfloat16", 3.046875),
        ("0.1", "float64", 0.1),
        ("-inf", "float32", -math.inf),
        ("1e39", "float32", math.inf),
        ("True", "bool", None),
        ("(0.1+0.2j)", "complex64", complex(np.complex64(0.1 + 0.2j))),
    ],
)
def test_a_number_in_text_is_the_one_that_its_dtype_has(text: str, dtype: str, value: complex | None) -> None:
    """A narrow dtype writes no more digits than tell its numbers apart; between two of them the difference needs all."""
    assert number(text, dtype) == value
