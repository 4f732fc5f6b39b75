"""The merged results: what counts, and against which denominator."""

from __future__ import annotations

from pathlib import Path

import pytest
import synthetic_journals as made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinometer.cli import console
from clinometer.journal.reader import BrokenJournal
from clinometer.journal.records import End, Result, Start
from clinometer.journal.vocabulary import OUTCOMES, RAN, Outcome
from clinometer.reports.results import Tally, chapter_of, load, natural, share, standing

END = End(at="later", exit=0)
CASES = [made.case(operation=name) for name in ("sin", "cos", "exp", "tanh")]


def started(at: int) -> list[object]:
    """Return the records of a case that has begun."""
    return [CASES[at], Start(id=CASES[at].id, at="now")]


def finished(at: int, outcome: str = "pass") -> list[object]:
    """Return the records of a case that has a result."""
    return [*started(at), Result(id=CASES[at].id, outcome=outcome)]  # type: ignore[arg-type]


def test_a_case_without_a_result_is_a_crash(tmp_path: Path) -> None:
    """A case that started and left no result took the process with it."""
    path = made.write(tmp_path / "a.jsonl", [made.run("torch"), *finished(0), *started(1)])
    [subject] = load([path]).subjects
    assert [subject.results[case.id].outcome for case in CASES[:2]] == ["pass", "crash"]


def test_an_interrupted_case_is_not_a_crash(tmp_path: Path) -> None:
    """A case that the user stopped did not run; the process lived on to say so."""
    path = made.write(tmp_path / "a.jsonl", [made.run("torch"), *started(0), End(at="now", exit=2, interrupted=True)])
    results = load([path])
    assert results.subjects[0].results[CASES[0].id].outcome == "notrun"
    assert results.unfinished == ["torch: the run was interrupted."]


def test_a_journal_without_an_end_is_incomplete(tmp_path: Path) -> None:
    """A run that has no end is said to be incomplete, however many cases it has."""
    path = made.write(tmp_path / "a.jsonl", [made.run("torch"), *finished(0)])
    assert "no end" in load([path]).unfinished[0]


def test_a_resumed_run_is_complete_when_its_last_part_is(tmp_path: Path) -> None:
    """A run that crashed and was resumed to its end is complete, and the crash stays."""
    records = [made.run("torch"), *started(0), made.run("torch"), *finished(1), END]
    results = load([made.write(tmp_path / "a.jsonl", records)])
    assert not results.unfinished
    assert results.subjects[0].restarts == 1
    assert results.subjects[0].tally.outcomes == {"pass": 1, "crash": 1}


def test_the_last_result_of_an_attempt_counts(tmp_path: Path) -> None:
    """What is asked again within a run, as a new failure is, replaces what was said before."""
    again = Result(id=CASES[0].id, outcome="fail", stability="stable (3 of 3 times)")
    [subject] = load([made.write(tmp_path / "a.jsonl", [made.run("torch"), *finished(0, "fail"), again, END])]).subjects
    assert [it.stability for it in subject.results.values()] == ["stable (3 of 3 times)"]


@pytest.mark.parametrize(
    ("outcomes", "seeds", "outcome", "stability"),
    [
        (("pass", "fail"), (1, 1), "fail", "flaky (fail and pass)"),
        (("fail", "pass"), (1, 1), "fail", "flaky (fail and pass)"),
        (("pass", "fail"), (1, 2), "fail", ""),
        (("fail", "fail"), (1, 1), "fail", ""),
        (("error", "crash"), (1, 1), "crash", "flaky (crash and error)"),
        (("pass", "inconclusive"), (1, 1), "pass", "flaky (pass and inconclusive)"),
        (("invalid", "pass"), (1, 1), "invalid", "flaky (invalid and pass)"),
        (("notrun", "pass"), (1, 1), "pass", ""),
        (("fail", "notrun"), (1, 1), "fail", ""),
    ],
)
def test_of_two_runs_the_worse_result_counts(
    tmp_path: Path, outcomes: tuple[str, str], seeds: tuple[int, int], outcome: str, stability: str
) -> None:
    """In either order; it is flaky if both drew the same cases and differ."""
    paths = [
        made.write(tmp_path / f"{at}.jsonl", [made.run("torch", seed=seeds[at]), *finished(0, outcomes[at]), END])
        for at in (0, 1)
    ]
    for order in (paths, paths[::-1]):
        [subject] = load(order).subjects
        [found] = subject.results.values()
        assert (found.outcome, found.stability) == (outcome, stability)


@given(st.permutations(range(8)), st.lists(st.integers(0, 2), min_size=8, max_size=8), st.permutations(range(3)))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shards_in_any_order_equal_one_run(tmp_path: Path, order: list[int], shards: list[int], files: list[int]) -> None:
    """Cases that were shared out among three machines, in whichever order their journals are named, make the same report."""
    cases = [made.case(operation=name) for name in made.OPERATIONS[:8]]
    outcomes = ["pass", "fail", "pass", "crash", "inconclusive", "pass", "error", "unsupported"]
    said = [[case, Result(id=case.id, outcome=it)] for case, it in zip(cases, outcomes, strict=True)]  # type: ignore[arg-type]
    whole = made.write(tmp_path / "whole.jsonl", [made.run("torch"), *(it for pair in said for it in pair), END])
    paths = []
    for shard in files:
        some = [it for at in order if shards[at] == shard for it in said[at]]
        paths.append(made.write(tmp_path / f"{shard}.jsonl", [made.run("torch"), *some, END]))
    [one], [many] = load([whole]).subjects, load(paths).subjects
    assert many.results == one.results
    assert (many.tally, many.limits, many.problem) == (one.tally, one.limits, one.problem)


def test_another_specification_is_not_merged(tmp_path: Path) -> None:
    """Its cases were asked by other clauses; the refusal names the file, and what compares the two."""
    first = made.write(tmp_path / "a.jsonl", [made.run("torch"), *finished(0), END])
    second = made.write(tmp_path / "b.jsonl", [made.run("torch", digest="another"), *finished(0), END])
    with pytest.raises(BrokenJournal, match=r"b\.jsonl: it was asked another specification, another.*clinometer diff"):
        load([first, second])


@pytest.mark.parametrize(
    ("backend", "first", "second", "names"),
    [
        ("torch", {"torch": "2.12.0"}, {"torch": "2.13.0"}, ["torch 2.12.0", "torch 2.13.0"]),
        ("torch:func", {"torch": "2.12.0"}, {"torch": "2.13.0"}, ["torch:func 2.12.0", "torch:func 2.13.0"]),
        ("torch", {"torch": "2.12.0", "numpy": "1"}, {"torch": "2.13.0", "numpy": "2"}, ["torch 2.12.0", "torch 2.13.0"]),
        ("torch", {"torch": "2.13.0", "numpy": "1"}, {"torch": "2.13.0"}, ["torch with numpy 1", "torch with numpy unknown"]),
        ("torch", {"torch": "2.13.0", "pytest": "8"}, {"torch": "2.13.0", "pytest": "9"}, ["torch"]),
    ],
)
def test_other_versions_make_another_subject(
    tmp_path: Path, backend: str, first: dict[str, str], second: dict[str, str], names: list[str]
) -> None:
    """Journals of one backend are two subjects if its libraries differ, named by what tells them apart; tools do not count."""
    paths = [
        made.write(tmp_path / f"{at}.jsonl", [made.run(backend, versions=versions), *finished(at), END])
        for at, versions in enumerate((first, second))
    ]
    results = load(paths)
    assert [subject.name for subject in results.subjects] == names
    assert [len(subject.results) for subject in results.subjects] == ([1, 1] if len(names) == 2 else [2])


def test_three_versions_are_told_apart_by_what_it_takes(tmp_path: Path) -> None:
    """Where the backend's own version does not tell all subjects apart, the next library is named as well."""
    versions = [{"torch": "1", "numpy": "1"}, {"torch": "1", "numpy": "2"}, {"torch": "2", "numpy": "2"}]
    paths = [made.journal(tmp_path / f"{at}.jsonl", "torch", versions=it) for at, it in enumerate(versions)]
    names = [subject.name for subject in load(paths).subjects]
    assert names == ["torch 1 with numpy 1", "torch 1 with numpy 2", "torch 2 with numpy 2"]


def test_a_run_that_could_not_load_its_backend_belongs_to_the_others(tmp_path: Path) -> None:
    """A resumed run that knows no versions, since the library is gone, adds no subject."""
    records = [made.run("torch", versions={"torch": "2"}), *finished(0), made.run("torch", versions={}, problem="gone")]
    results = load([made.write(tmp_path / "a.jsonl", records)])
    assert [subject.name for subject in results.subjects] == ["torch"]
    assert results.unfinished == ["torch: the backend could not be loaded again: gone"]


def test_a_curve_that_is_drawn_again_replaces_the_first(tmp_path: Path) -> None:
    """A backend has one curve for each operation and dtype, the last one."""
    records = [
        made.run("torch"),
        made.curve("tanh"),
        made.curve("sin"),
        made.run("torch"),
        made.curve("tanh", wrong=True),
        END,
    ]
    [subject] = load([made.write(tmp_path / "a.jsonl", records)]).subjects
    assert subject.curves == [made.curve("tanh", wrong=True), made.curve("sin")]


def test_one_file_may_hold_several_backends(tmp_path: Path) -> None:
    """Journals that are concatenated give what they give one by one."""
    first = made.write(tmp_path / "a.jsonl", [made.run("torch"), *finished(0), END])
    second = made.write(tmp_path / "b.jsonl", [made.run("autograd"), *finished(0, "fail"), END])
    both = tmp_path / "both.jsonl"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    assert load([both]) == load([first, second])


def test_a_backend_that_cannot_be_loaded_has_no_result(tmp_path: Path) -> None:
    """A backend with a problem has the reason and no cases; nothing of it is incomplete."""
    results = load([made.write(tmp_path / "a.jsonl", [made.run("jax", problem="no module named jax")])])
    assert results.subjects[0].problem == "no module named jax"
    assert not results.examined
    assert not results.unfinished


def selection(backend: str = "torch", cells: int = 40) -> list[object]:
    """Return a run that was asked two cases of so many, and came to its end."""
    return [made.run(backend, cells=cells), *finished(0), *finished(1), END]


def test_coverage_is_over_the_whole_specification(tmp_path: Path) -> None:
    """A run that was asked two cases of forty covers two of forty, though both hold, and says that it was a selection."""
    results = load([made.write(tmp_path / "a.jsonl", selection())])
    tally = results.subjects[0].tally
    assert (tally.held, tally.ran, tally.asked_ran, tally.asked) == (2, 2, 2, 40)
    assert not results.unfinished
    assert results.limits == ["torch: 2 of the 40 cases of the specification were selected; of the others this says nothing."]


def test_a_run_of_all_cases_is_no_selection(tmp_path: Path) -> None:
    """Where every case is described nothing was left out, whoever stands beside it."""
    paths = [
        made.write(tmp_path / "a.jsonl", selection(cells=2)),
        made.write(tmp_path / "b.jsonl", [made.run("autograd", cells=2), *finished(0), *started(1)]),
    ]
    results = load(paths)
    assert not any(subject.selected for subject in results.subjects)
    assert [subject.tally.asked for subject in results.subjects] == [2, 2]


def test_a_run_that_ended_before_its_first_case_is_no_selection(tmp_path: Path) -> None:
    """It is incomplete, and has covered nothing of the whole; what it was to be asked nobody knows."""
    results = load([made.write(tmp_path / "a.jsonl", [made.run("torch", cells=40)])])
    assert not results.subjects[0].selected
    assert len(results.limits) == 1
    assert (results.subjects[0].tally.asked_ran, results.subjects[0].tally.asked) == (0, 40)


def test_a_selection_that_is_cut_off_beside_a_whole_run_is_both(tmp_path: Path) -> None:
    """The cases of the whole run are not taken for those of the selection: it is incomplete, and a selection."""
    whole = made.write(tmp_path / "a.jsonl", [made.run("torch", cells=3), *finished(0), *finished(1), *finished(2), END])
    cut = made.write(tmp_path / "b.jsonl", [made.run("autograd", cells=3), CASES[1], *finished(0)])
    results = load([whole, cut])
    assert results.subjects[1].tally.asked == 3
    assert results.subjects[1].tally.outcomes == {"pass": 1, "notrun": 1}
    assert len(results.limits) == 2
    assert "2 of the 3 cases" in results.limits[1]


def test_the_console_announces_a_selection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The summary has the whole denominator, and a sentence."""
    console.summary(load([made.write(tmp_path / "a.jsonl", selection())]))
    said = " ".join(capsys.readouterr().out.split())
    assert "2/40" in said
    assert "! torch: 2 of the 40 cases of the specification were selected" in said


def test_conformance_counts_must_cases_that_ran() -> None:
    """Unsupported, inconclusive, invalid and not run stand in no denominator of conformance; SHOULD does not either."""
    cases = [(made.case(), Result(id="", outcome=outcome)) for outcome in OUTCOMES]
    cases.append((made.case("GRAD-10"), Result(id="", outcome="fail")))
    tally = Tally.of(cases)
    assert (tally.held, tally.ran) == (1, len(RAN))
    assert (tally.asked_ran, tally.asked) == (len(RAN) + 1, len(OUTCOMES) + 1)


@pytest.mark.parametrize(
    ("held", "ran", "text"),
    [
        (0, 0, "none ran"),
        (0, 5, "0 %"),
        (5, 5, "100 %"),
        (9999, 10000, "99.9 %"),
        (1, 10000, "0.1 %"),
        (1, 2, "50.0 %"),
    ],
)
def test_only_all_is_a_hundred_percent(held: int, ran: int, text: str) -> None:
    """A share rounds neither up to all nor down to nothing."""
    assert share(held, ran) == text


def test_runs_that_differ_are_said_to_differ(tmp_path: Path) -> None:
    """Runs of different specifications are not compared in silence."""
    first = made.write(tmp_path / "a.jsonl", [made.run("torch"), END])
    second = made.write(tmp_path / "b.jsonl", [made.run("autograd", digest="other"), END])
    assert load([first, second]).mismatches == ["These runs used different specifications: 5d0c1a7e, other."]


def test_clauses_are_sorted_as_people_count() -> None:
    """GRAD-2 stands before GRAD-10."""
    assert sorted(["GRAD-10", "GRAD-2", "DETACH-1"], key=natural) == ["DETACH-1", "GRAD-2", "GRAD-10"]


def test_a_case_without_a_chapter_takes_it_from_its_file() -> None:
    """A case that names no chapter belongs to that of its file, or of its clause's prefix."""
    case = made.case()
    case.chapter = ""
    case.test = "clinometer.suites.test_second_order::test_it"
    assert chapter_of(case) == "Second order"
    case.test = ""
    assert chapter_of(case) == "GRAD"


@pytest.mark.parametrize(("records", "message"), [([], "holds no run"), ([END], "the first record is no run")])
def test_a_journal_without_a_run_is_refused(tmp_path: Path, records: list[object], message: str) -> None:
    """A file that names no backend is refused, and the message says what is missing."""
    with pytest.raises(BrokenJournal, match=message):
        load([made.write(tmp_path / "a.jsonl", records)])


@pytest.mark.parametrize(
    ("outcome", "expectation", "expected", "said"),
    [
        ("fail", "", False, "new"),
        ("fail", "a reason", True, "known"),
        ("error", "a reason of another failure", False, "new"),
        ("invalid", "", False, "new"),
        ("unsupported", "a reason", True, "known"),
        ("unsupported", "", False, ""),
        ("pass", "a reason", False, "fixed"),
        ("pass", "", False, ""),
    ],
)
def test_a_failure_is_known_if_its_outcome_is(outcome: Outcome, expectation: str, expected: bool, said: str) -> None:
    """What is known of a case does not make another failure of it known; a known failure that passes is fixed."""
    assert standing(Result(id="", outcome=outcome, expectation=expectation, expected=expected)) == said


def test_the_console_counts_what_is_new_and_what_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """New and known failures have their numbers, and each outcome says how many of it are known."""
    console.summary(load([made.standings(tmp_path / "a.jsonl")]))
    said = capsys.readouterr().out
    assert "2 new, 2 known, 1 fixed" in said
    assert "3 fail (2" in said
    assert max(map(len, said.splitlines())) <= 80


def test_an_interruption_does_not_undo_an_earlier_crash(tmp_path: Path) -> None:
    """A case that ended its process is a crash, though the attempt after it was told to stop in another one."""
    one, other = made.case(operation="sin"), made.case(operation="cos")
    path = made.write(
        tmp_path / "torch.jsonl",
        [
            made.run("torch"),
            one,
            other,
            Start(id=one.id, at="now"),
            made.run("torch"),
            Start(id=other.id, at="now"),
            End(at="now", exit=3, interrupted=True),
        ],
    )
    [subject] = load([path]).subjects
    assert {subject.cases[id].operation: it.outcome for id, it in subject.results.items()} == {"sin": "crash", "cos": "notrun"}
