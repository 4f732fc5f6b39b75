"""The comparison of two runs: what broke is told from what was never offered, and two libraries are no two versions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made
from click.testing import CliRunner, Result

from clinometer.cli.main import main
from clinometer.journal.records import Cost, RunRecord
from clinometer.journal.vocabulary import OUTCOMES, RAN, Outcome
from clinometer.reports.compare import compare, kind, only


def call(*words: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["diff", *(str(word) for word in words)])


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Journals of one backend at two versions."""
    return made.two_versions(tmp_path)


@pytest.fixture
def found(pair: tuple[Path, Path]) -> dict[str, Any]:
    """What the command prints as JSON."""
    return dict(json.loads(call(*pair, "--format", "json").stdout))


def brief(changes: list[dict[str, Any]]) -> list[tuple[str, list[str], str, str]]:
    """Return changes without what is the same in all."""
    return [(it["operation"], it["dtypes"], *it["outcomes"].values()) for it in changes]


def test_what_broke_and_what_was_never_offered_stand_apart(found: dict[str, Any]) -> None:
    """A case that was right and is wrong broke; one that was not offered and is wrong broke nothing; dtypes are folded."""
    assert brief(found["changes"]["broke"]) == [("sin", ["float64"], "pass", "fail")]
    assert brief(found["changes"]["offered"]) == [("conv", ["float32", "float64"], "unsupported", "fail")]
    assert found["changes"]["broke"][0]["known"] == {"first": False, "second": True}
    assert found["changes"]["broke"][0]["message"] == "off by [9] tolerances"


def test_what_is_mended_and_what_merely_changed_stand_apart(found: dict[str, Any]) -> None:
    """A case that was wrong and is right is mended, with the message of the failure that is gone; any other is neither."""
    assert brief(found["changes"]["mended"]) == [("cos", ["float64"], "fail", "pass")]
    assert found["changes"]["mended"][0]["message"] == "off by 7 tolerances"
    assert brief(found["changes"]["changed"]) == [("exp", ["float64"], "fail", "error")]


def test_conventions_that_changed_are_listed(found: dict[str, Any]) -> None:
    """A point has its first and its second answer; a zero that lost its sign is no change."""
    [point] = found["conventions"]
    assert (point["point"], point["dtypes"]) == ("abs at0", ["float32", "float64"])
    assert point["answers"] == {"first": "0.0", "second": "1.0"}


def test_clauses_that_one_run_was_asked_alone_are_listed(found: dict[str, Any]) -> None:
    """A clause that one run alone was asked is in that list, and its failure broke nothing."""
    assert (found["only_first"], found["only_second"]) == ({"GRAD-2": 1}, {"DETACH-2": 1})


def test_every_case_is_counted_once(found: dict[str, Any]) -> None:
    """The counts add up to the cases, and one that a run never came to is unknown."""
    counts = found["counts"]
    assert counts.pop("conventions") == 2
    kinds = {"broke": 1, "offered": 2, "mended": 1, "changed": 1}
    assert counts == {**kinds, "same": 3, "unknown": 1, "only_first": 1, "only_second": 1}


def test_the_runs_are_named_by_their_versions(found: dict[str, Any]) -> None:
    """The two runs are described as their journals do."""
    assert [found[end]["versions"]["torch"] for end in ("first", "second")] == ["2.12.0", "2.13.0"]


@pytest.mark.parametrize("old", OUTCOMES)
@pytest.mark.parametrize("new", OUTCOMES)
def test_only_what_was_right_can_break(old: Outcome, new: Outcome) -> None:
    """Broke is from a pass to a wrong outcome, newly offered from none at all, mended from a wrong one to a pass."""
    wrong = RAN - {"pass"}
    found = kind(old, new)
    assert (found == "broke") == (old == "pass" and new in wrong)
    assert (found == "offered") == (old == "unsupported" and new in wrong)
    assert (found == "mended") == (old in wrong and new == "pass")


@pytest.mark.parametrize("one", OUTCOMES)
@pytest.mark.parametrize("other", OUTCOMES)
def test_two_libraries_are_held_side_by_side_alike(one: Outcome, other: Outcome) -> None:
    """Exchanging two libraries exchanges who is right, and changes nothing else."""
    exchanged = {"second_wrong": "first_wrong", "first_wrong": "second_wrong"}
    found = kind(one, other, libraries=True)
    assert kind(other, one, libraries=True) == exchanged.get(found, found)


def test_two_libraries_are_no_old_and_new_run(tmp_path: Path) -> None:
    """What two libraries differ in stands under their names, in text and in JSON; nothing broke, and nothing is mended."""
    sin, cos, conv, kink = made.case(), made.case("GRAD-1", "cos"), made.case("GRAD-1", "conv"), made.case("KINK-1", "abs")
    torch = [*made.finished(sin), *made.finished(cos, "fail"), *made.finished(conv, "error"), *made.seen(kink, at0="0.0")]
    other = [*made.finished(sin, "fail"), *made.finished(cos), *made.finished(conv, "unsupported"), *made.seen(kink, at0="1.0")]
    paths = [made.journal(tmp_path / f"{name}.jsonl", name, it) for name, it in (("torch", torch), ("autograd", other))]
    text = call(*paths).stdout
    heads = ["Right in torch, wrong in autograd (1 case)", "Wrong in one, not offered by the other (1 case)"]
    heads += ["Wrong in torch, right in autograd (1 case)", "Conventions that differ"]
    assert [line.strip() for line in text.splitlines() if line.strip() in heads] == heads
    for word in ("old", "new", "broke", "mended", "worse", "better", "→"):
        assert word not in text.split(), text
    assert "0.0 | 1.0" in text
    found = json.loads(call(*paths, "--format", "json").stdout)
    assert found["compared"] == "libraries"
    assert {name: len(it) for name, it in found["changes"].items()} == {
        "second_wrong": 1,
        "one_offers": 1,
        "first_wrong": 1,
        "differ": 0,
    }


def test_a_library_does_not_differ_from_itself(tmp_path: Path) -> None:
    """Two runs of autograd under one seed have every outcome and every convention in common: time and memory are in none."""
    pytest.importorskip("autograd")
    chapters = [f"clinometer.suites.test_{name}" for name in ("cost", "kink", "detach")]
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--profile", "quick", "--backend", "autograd"]
    words += ["--pyargs", *chapters, "-k", "sin-cost or matmul-cost or abs-at or max-at or detach or once"]
    for name, hashing in (("a", "1"), ("b", "2")):
        environment = os.environ | {"PYTHONHASHSEED": hashing}
        subprocess.run([*words, "--journal", tmp_path / f"{name}.jsonl"], env=environment, capture_output=True, check=False)
    result = call(tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--format", "json")
    counts = json.loads(result.stdout)["counts"]
    assert result.exit_code == 0
    assert counts.pop("same") > 50
    assert set(counts.values()) == {0}
    assert len(json.loads(CliRunner().invoke(main, ["atlas", str(tmp_path / "a.jsonl"), "--format", "json"]).stdout)) > 5


def test_the_text_fits_a_terminal(pair: tuple[Path, Path]) -> None:
    """The text has a heading for each kind with its number of cases, shows brackets as they are, and ends with the counts."""
    text = call(*pair).stdout
    heads = ["Broke (1 case)", "Newly offered and wrong (2 cases)", "Mended (1 case)", "Changed otherwise (1 case)"]
    heads += ["Conventions that differ", "Asked in the old run alone", "Asked in the new run alone"]
    assert [line.strip() for line in text.splitlines() if line.strip() in heads] == heads
    assert "pass → fail (known)" in text
    assert "off by [9] tolerances" in text
    assert "torch 2.12.0" in text
    assert "9 cases asked in both: 1 broke; 2 newly offered and wrong; 1 mended; 1 changed" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_exit_code_says_whether_something_is_wrong_in_the_second_run_alone(pair: tuple[Path, Path]) -> None:
    """What broke, or is newly offered and wrong, gives 1; the same journal twice, and a mended run, give 0."""
    assert call(*pair).exit_code == 1
    assert call(pair[1], pair[1]).exit_code == 0
    case = made.case()
    folder = pair[0].parent
    bad, good, none, doubt = (
        made.journal(folder / f"{outcome}.jsonl", "torch", made.finished(case, outcome))  # type: ignore[arg-type]
        for outcome in ("fail", "pass", "unsupported", "inconclusive")
    )
    assert [call(first, bad).exit_code for first in (good, none, doubt, bad)] == [1, 1, 0, 0]
    assert [call(bad, second).exit_code for second in (good, none, doubt)] == [0, 0, 0]


def test_the_help_states_the_exit_code() -> None:
    """Who puts the comparison into a build reads there what stops it."""
    said = " ".join(CliRunner().invoke(main, ["diff", "--help"]).stdout.split())
    assert "exit code is 1 if a case is wrong in SECOND that FIRST has right or does not offer" in said
    assert "else 3 if one of the runs is incomplete" in said


def test_a_measured_time_is_no_difference(tmp_path: Path) -> None:
    """Two runs of one library in which a gradient took twice as long do not differ, and the atlas has no point."""
    case = made.case("COST-1", "sin")
    old, new = (
        made.journal(tmp_path / f"{ratio}.jsonl", "torch", made.finished(case, cost=Cost(ratio=ratio, shapes="64x64")))
        for ratio in (2.0, 4.0)
    )
    found = json.loads(call(old, new, "--format", "json").stdout)
    assert (found["counts"]["same"], found["conventions"]) == (1, [])
    assert "no observations" in CliRunner().invoke(main, ["atlas", str(old)]).stderr


def test_a_run_that_was_cut_short_proves_nothing(tmp_path: Path) -> None:
    """Without a new failure, a run without an end gives 3, and the text says which one; with one it gives 1."""
    case = made.case()
    whole = made.journal(tmp_path / "a.jsonl", "torch", made.finished(case))
    cut = made.write(tmp_path / "b.jsonl", [made.run("torch"), *made.finished(case)])
    wrong = made.write(tmp_path / "c.jsonl", [made.run("torch"), *made.finished(case, "fail")])
    result = call(whole, cut)
    assert result.exit_code == 3
    assert "the new run: the journal b.jsonl has no end" in result.stdout
    assert call(whole, wrong).exit_code == 1


def test_runs_that_were_asked_differently_are_said_to_be(tmp_path: Path) -> None:
    """Another specification, profile or seed is said before any difference."""
    old = made.journal(tmp_path / "a.jsonl", "torch", made.finished(made.case()))
    new = made.journal(tmp_path / "b.jsonl", "autograd", made.finished(made.case()), digest="other", seed=7)
    found = json.loads(call(old, new, "--format", "json").stdout)
    assert [sentence.partition(":")[0] for sentence in found["warnings"]] == [
        "These runs used different specifications",
        "These runs used different seeds",
    ]


def test_a_journal_of_several_backends_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """Which of them is meant cannot be guessed; the sentence names them."""
    both = tmp_path / "both.jsonl"
    both.write_bytes(b"".join(path.read_bytes() for path in pair))
    result = call(pair[0], both)
    assert result.exit_code == 2
    assert "holds 2 backends (torch 2.12.0, torch 2.13.0)" in result.stderr


def test_a_backend_without_results_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """A backend that could not be loaded has nothing to compare, and its reason is given."""
    broken = made.write(tmp_path / "c.jsonl", [made.run("jax", problem="no module named jax")])
    result = call(pair[0], broken)
    assert result.exit_code == 2
    assert "jax could not be loaded, so there is nothing to compare: no module named jax" in result.stderr


@pytest.mark.parametrize("words", [[], ["one.jsonl"], ["old.jsonl", "absent.jsonl"]])
def test_two_journals_are_needed(pair: tuple[Path, Path], words: list[str]) -> None:
    """Fewer than two, or one that is not there, are a matter of usage."""
    assert call(*(pair[0].parent / word for word in words)).exit_code == 2


def test_runs_without_conventions_or_cases_are_alike(tmp_path: Path) -> None:
    """Two empty runs have nothing to tell."""
    path = made.journal(tmp_path / "a.jsonl", "torch")
    assert set(compare(only(path), only(path)).counts.values()) == {0}


def test_an_older_journal_still_loads(pair: tuple[Path, Path]) -> None:
    """A head without versions, command and platform is enough to compare."""
    head, *rest = pair[0].read_bytes().splitlines()
    known = ("kind", "backend", "suite", "digest", "profile", "seed", "started")
    pair[0].write_bytes(
        b"\n".join([json.dumps({k: v for k, v in json.loads(head).items() if k in known}).encode(), *rest, b""])
    )
    assert isinstance(only(pair[0]).run, RunRecord)
    assert call(*pair).exit_code == 1


def test_hostile_text_is_printed_as_text(tmp_path: Path) -> None:
    """Markup of the console and codes of the terminal, in a message or an answer, are letters like others."""
    kink, case = made.case("KINK-1", "[bold]abs"), made.case("GRAD-1", "[bold]sin")
    old = made.journal(tmp_path / "a.jsonl", "[red]mine", made.seen(kink, at0="[/]"), made.finished(case))
    new = made.seen(kink, at0="[link]\x1b[31m") + made.finished(case, "fail", message="[/]\x1b[0m off")
    text = call(old, made.journal(tmp_path / "b.jsonl", "[red]mine", new)).stdout
    assert "\x1b" not in text
    for part in ("[bold]abs", "[bold]sin", "[red]mine", "[/] → [link]", "[/]␛[0m off"):
        assert part in text
