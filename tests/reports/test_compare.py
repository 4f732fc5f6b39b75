"""The comparison of two runs: what got worse is said first, and nothing that cannot be known is called worse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made
from click.testing import CliRunner, Result

from clinometer.reports.cli import main
from clinometer.reports.compare import compare, kind, only
from clinometer.reports.journal import Outcome, Run
from clinometer.reports.results import OUTCOMES, RAN


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
    return [(it["operation"], it["dtypes"], it["old"], it["new"]) for it in changes]


def test_a_pass_that_fails_comes_first(found: dict[str, Any]) -> None:
    """Cases that are wrong now and were not are worse, those that passed first; equal changes of dtypes are one."""
    assert brief(found["worse"]) == [
        ("sin", ["float64"], "pass", "fail"),
        ("conv", ["float32", "float64"], "unsupported", "fail"),
    ]
    assert found["worse"][0]["known"]
    assert found["worse"][0]["message"] == "off by [9] tolerances"


def test_what_got_better_and_what_merely_changed_stand_apart(found: dict[str, Any]) -> None:
    """A case that passes now is better, with the message of the failure that is gone; any other change is neither."""
    assert brief(found["better"]) == [("cos", ["float64"], "fail", "pass")]
    assert found["better"][0]["message"] == "off by 7 tolerances"
    assert brief(found["other"]) == [("exp", ["float64"], "fail", "error")]


def test_conventions_that_changed_are_listed(found: dict[str, Any]) -> None:
    """A point has its old and its new answer; a zero that lost its sign is no change."""
    [point] = found["conventions"]
    assert (point["point"], point["dtypes"]) == ("abs at0", ["float32", "float64"])
    assert point["answers"] == {"old": "0.0", "new": "1.0"}


def test_clauses_that_one_run_was_asked_alone_are_listed(found: dict[str, Any]) -> None:
    """A clause that one run alone was asked is in that list, and its failure is not for the worse."""
    assert (found["only_old"], found["only_new"]) == ({"GRAD-2": 1}, {"DETACH-2": 1})


def test_every_case_is_counted_once(found: dict[str, Any]) -> None:
    """The counts add up to the cases, and one that a run never came to is unknown."""
    counts = found["counts"]
    assert counts.pop("conventions") == 2
    assert counts == {"worse": 3, "better": 1, "other": 1, "same": 3, "unknown": 1, "only_old": 1, "only_new": 1}


def test_the_runs_are_named_by_their_versions(found: dict[str, Any]) -> None:
    """The two runs are described as their journals do."""
    assert [found[end]["versions"]["torch"] for end in ("old", "new")] == ["2.12.0", "2.13.0"]


@pytest.mark.parametrize("old", OUTCOMES)
@pytest.mark.parametrize("new", OUTCOMES)
def test_worse_is_wrong_now_and_not_before(old: Outcome, new: Outcome) -> None:
    """A change is worse only to a wrong outcome from one that was not, and better only to a pass."""
    assert (kind(old, new) == "worse") == (new in RAN - {"pass"} and old not in RAN - {"pass"})
    assert (kind(old, new) == "better") == (new == "pass")


def test_the_text_fits_a_terminal(pair: tuple[Path, Path]) -> None:
    """The text has a heading for each kind with its number of cases, shows brackets as they are, and ends with the counts."""
    text = call(*pair).stdout
    heads = ["Worse (3 cases)", "Better (1 case)", "Changed otherwise (1 case)", "Conventions that differ"]
    heads += ["Asked in the old run alone", "Asked in the new run alone"]
    assert [line.strip() for line in text.splitlines() if line.strip() in heads] == heads
    assert "pass → fail (known)" in text
    assert "off by [9] tolerances" in text
    assert "torch 2.12.0" in text
    assert "9 cases in both runs: 3 worse, 1 better, 1 changed otherwise, 3 the same, 1" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_exit_code_says_whether_something_got_worse(pair: tuple[Path, Path]) -> None:
    """A new failure gives 1; the same journal twice, and the way back to a better run, give 0."""
    assert call(*pair).exit_code == 1
    assert call(pair[1], pair[1]).exit_code == 0
    case = made.case()
    bad = made.journal(pair[0].parent / "bad.jsonl", "torch", made.finished(case, "fail"))
    good = made.journal(pair[0].parent / "good.jsonl", "torch", made.finished(case))
    assert [call(bad, good).exit_code, call(good, bad).exit_code] == [0, 1]


def test_a_run_that_was_cut_short_proves_nothing(tmp_path: Path) -> None:
    """Without a new failure, a run without an end gives 3, and the text says which one; with one it gives 1."""
    case = made.case()
    whole = made.journal(tmp_path / "a.jsonl", "torch", made.finished(case))
    cut = made.write(tmp_path / "b.jsonl", [made.run("torch"), *made.finished(case)])
    wrong = made.write(tmp_path / "c.jsonl", [made.run("torch"), *made.finished(case, "fail")])
    result = call(whole, cut)
    assert result.exit_code == 3
    assert "b.jsonl has no end" in result.stdout
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
    assert isinstance(only(pair[0]).run, Run)
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
