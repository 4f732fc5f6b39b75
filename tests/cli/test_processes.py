"""`clinometer run`: how it brings a crashing backend to the end, what it keeps, and what it says."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made
from hosting import HOST, call, outcomes, unwrapped

from clinometer.cli import attendance, pool, processes
from clinometer.harness import containment
from clinometer.journal import records
from clinometer.journal.reader import read
from clinometer.journal.writer import Writer
from clinometer.reports.results import load

SEED = ["--seed", str(made.run("any").seed)]


def test_run_writes_journals_and_report(fake: Any, tmp_path: Path) -> None:
    """Two good backends leave two journals, one page and exit code 0."""
    fake()
    result = call("run", "good", "fine:func", "-o", tmp_path)
    assert result.exit_code == 0, result.output
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"good.jsonl", "good.log", "fine-func.jsonl", "fine-func.log", "index.html"}


def test_run_reports_new_failures(fake: Any, tmp_path: Path) -> None:
    """A backend with failures gives exit code 1, and each was asked three times."""
    fake()
    assert call("run", "good", "failing", "-o", tmp_path).exit_code == 1
    last = {it.id: it.stability for it in read(tmp_path / "failing.jsonl") if isinstance(it, records.Result)}
    assert set(last.values()) == {"stable (3 of 3 times)"}


def test_a_failure_that_comes_and_goes_is_flaky(fake: Any, tmp_path: Path) -> None:
    """Asked again in fresh processes, it holds: the failure stays one, and says how often it was seen."""
    once = f"path = {str(tmp_path / 'once')!r}; first = not os.path.exists(path); open(path, 'w').close()"
    fake(f"{once}; how = 'fail' if first else 'pass'; return SimpleNamespace(curves=[]), Result(id=id, outcome=how)")
    result = call("run", "shaky", "-o", tmp_path / "out")
    assert result.exit_code == 1, result.output
    last = {it.id: it for it in read(tmp_path / "out" / "shaky.jsonl") if isinstance(it, records.Result)}
    assert sorted((it.outcome, it.stability) for it in last.values())[0] == ("fail", "flaky (1 of 3 times)")


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("how", "outcome", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crash", "the process died (SIGSEGV)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "crash", "the process died (SIGKILL)"),
        ("os._exit(0)", "crash", "the process died (exit code 0)"),
        ("os._exit(5)", "crash", "the process died (exit code 5)"),
        ("os.closerange(3, 999)", "crash", "the process died (exit code 70)"),
        ("time.sleep(600)", "timeout", "no result within 2 s"),
        ("signal.signal(signal.SIGABRT, signal.SIG_IGN); time.sleep(600)", "timeout", "no result within 2 s"),
        ("os.kill(os.getpid(), signal.SIGSTOP)", "timeout", "no result within 2 s"),
    ],
    ids=["segfault", "kill", "exit 0", "exit 5", "closed", "hang", "hang that ignores SIGABRT", "stopped"],
)
def test_a_case_that_ends_its_process_costs_no_other(
    fake: Any, tmp_path: Path, workers: str, how: str, outcome: str, said: str
) -> None:
    """Two cases do; each is a new failure with its reason, the others run, and the run is complete: exit code 1."""
    fake(f"if case.operation in ('cos', 'exp'): {how}")
    result = call("run", "crashing", "-o", tmp_path, "-n", workers, "--case-timeout", "2")
    assert result.exit_code == 1, result.output
    assert "4 cells asked: 2 hold, 2 new failures." in unwrapped(result)
    assert outcomes(tmp_path / "crashing.jsonl") == {"sin": "pass", "cos": outcome, "exp": outcome, "tanh": "pass"}
    found = [it for it in read(tmp_path / "crashing.jsonl") if isinstance(it, records.Result) and it.outcome == outcome]
    assert {it.message for it in found} == {said}
    *_, last = read(tmp_path / "crashing.jsonl")
    assert isinstance(last, records.End)
    assert not last.interrupted


@pytest.mark.parametrize(
    ("loading", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGABRT)", "the process that loads it died (SIGABRT)"),
        ("os._exit(0)", "the process that loads it died (exit code 0)"),
        ("raise BackendProblem('it is not installed')", "it is not installed"),
        ("os.closerange(3, 999)", "the process that loads it died (exit code 70)"),
    ],
    ids=["abort", "exit 0", "not installed", "closed"],
)
def test_a_backend_that_cannot_be_loaded_has_no_result(fake: Any, tmp_path: Path, loading: str, said: str) -> None:
    """Exit code 2, a journal that says why, and the backends after it run."""
    fake(loading=f"if name == 'absent': {loading}")
    result = call("run", "absent", "good", "-o", tmp_path)
    assert result.exit_code == 2, result.output
    assert f"absent: {said}".replace(": the process", ": the backend could not be loaded: the process") in unwrapped(result)
    assert "4 cells asked: 4 hold, 0 new failures." in unwrapped(result)
    [head] = read(tmp_path / "absent.jsonl")
    assert isinstance(head, records.RunRecord)
    assert said in head.problem


def test_a_backend_that_is_never_loaded_is_given_up(fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hang at import ends when loading has taken longer than it may."""
    monkeypatch.setattr(pool, "LOADING", 10.0)  # in which a host has collected, on a busy machine as well
    fake(loading="time.sleep(600)")
    result = call("run", "slow", "-o", tmp_path, "--case-timeout", "2")
    assert result.exit_code == 2
    assert "slow: the backend could not be loaded: it was not loaded in time" in unwrapped(result)


def test_an_operation_that_always_ends_the_process_is_left_out(fake: Any, tmp_path: Path) -> None:
    """After five deaths in a row its other cases do not run, and say why; all else is asked."""
    many = HOST.replace("made.OPERATIONS[:4]]", "'abcdefgh'] + [made.case(operation='sin', dtype=str(i)) for i in range(9)]")
    fake("if case.operation == 'sin': os.kill(os.getpid(), signal.SIGSEGV)", script=many)
    result = call("run", "crashing", "-o", tmp_path)
    assert result.exit_code == 1, result.output
    assert "13 of 17 cells asked: 8 hold, 5 new failures." in unwrapped(result)
    left_out = [it for it in read(tmp_path / "crashing.jsonl") if isinstance(it, records.Result) and it.outcome == "notrun"]
    assert len(left_out) == 4
    assert all("5 cases of sin in a row have ended the process" in it.message for it in left_out)


def test_run_gives_up_without_progress(fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend on which every case ends the process is not asked for ever: incomplete, exit code 3."""
    monkeypatch.setattr(attendance, "FRUITLESS", 3)
    fake("os.kill(os.getpid(), signal.SIGSEGV)")
    result = call("run", "hopeless", "-o", tmp_path)
    assert result.exit_code == 3
    assert "3 cases in a row have ended the process; given up after GRAD-1 exp float64 reverse" in unwrapped(result)


def test_a_backend_that_kills_those_above_it_costs_its_own_case(fake: Any, tmp_path: Path) -> None:
    """The process that makes workers is started again; what was under way beside the case is asked again."""
    fake("if case.operation == 'cos': os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)")
    result = call("run", "patricide", "-o", tmp_path, "-n", "2")
    assert result.exit_code == 1, result.output
    assert outcomes(tmp_path / "patricide.jsonl") == {"sin": "pass", "cos": "crash", "exp": "pass", "tanh": "pass"}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_where_processes_cannot_be_copied_each_of_them_collects(
    fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """As on macOS and Windows: a crash and a hang cost their cases, and no other."""
    monkeypatch.setenv("CLINOMETER_NO_FORK", "1")
    monkeypatch.setattr(containment, "FORKS", False)
    fake(
        "if case.operation == 'cos': os.kill(os.getpid(), signal.SIGSEGV)\n        if case.operation == 'exp': time.sleep(600)"
    )
    result = call("run", "crashing", "-o", tmp_path, "-n", workers, "--case-timeout", "2")
    assert result.exit_code == 1, result.output
    assert outcomes(tmp_path / "crashing.jsonl") == {"sin": "pass", "cos": "crash", "exp": "timeout", "tanh": "pass"}


def test_copies_of_a_process_are_nobody(fake: Any, tmp_path: Path) -> None:
    """A backend that forks and lets both go on has one of them heard, each case once."""
    fake("os.fork()")
    assert call("run", "twins", "-o", tmp_path).exit_code == 0
    results = [it.id for it in read(tmp_path / "twins.jsonl") if isinstance(it, records.Result)]
    assert len(results) == len(set(results)) == 4


def test_what_is_left_for_the_exit_of_a_process_is_not_waited_for(fake: Any, tmp_path: Path) -> None:
    """A thread that is no daemon, and one that sleeps in atexit, hold up nobody."""
    hang = "import atexit; atexit.register(time.sleep, 600); threading.Thread(target=time.sleep, args=(600,)).start()"
    fake(loading=hang)
    assert call("run", "lingering", "-o", tmp_path).exit_code == 0


def test_a_stack_in_our_own_code_is_our_defect(fake: Any, tmp_path: Path) -> None:
    """Where we hang and not the backend, the case is invalid and not its fault."""
    where = str(Path(processes.__file__).parents[1] / "harness" / "check.py")
    ours = f"exec(compile('def hang():\\n    while True: pass', {where!r}, 'exec'))"
    fake("if case.operation == 'cos': hang()", script=f"{ours}\n{HOST}")
    result = call("run", "fine", "-o", tmp_path, "--case-timeout", "1")
    assert result.exit_code == 1, result.output
    assert outcomes(tmp_path / "fine.jsonl")["cos"] == "invalid"
    assert "a defect of Clinometer: no result within 1 s" in unwrapped(result)


def test_pytest_that_cannot_begin_is_quoted(fake: Any, tmp_path: Path) -> None:
    """Its usage error becomes exit code 2, and yesterday's journal is not reported as today's."""
    fake(script="import sys; print('much\\n' * 100, 'ERROR: file not found: nowhere'); sys.exit(4)")
    made.write(tmp_path / "typo.jsonl", [made.run("typo")])
    before = (tmp_path / "typo.jsonl").read_bytes()
    result = call("run", "typo", "-o", tmp_path)
    assert result.exit_code == 2
    assert "ERROR: file not found: nowhere" in result.stderr
    assert result.output.count("much") < 20
    assert (tmp_path / "typo.log").read_text().count("much") == 100
    assert (tmp_path / "typo.jsonl").read_bytes() == before
    assert not (tmp_path / "index.html").exists()


def test_nothing_selected_is_refused(tmp_path: Path) -> None:
    """A selection that holds no test is a mistake: exit code 2, and a sentence."""
    result = call("run", "reference", "-o", tmp_path, "--", "-k", "nowhere_to_be_found")
    assert result.exit_code == 2
    assert "reference: no test was selected; check the arguments after `--`." in unwrapped(result)


def test_run_stops_after_as_many_failures_as_pytest_would(fake: Any, tmp_path: Path) -> None:
    """-x behind the `--` ends the run at the first new failure: incomplete, and the report says so."""
    fake("time.sleep(0.5)", script=HOST.replace("digest=made", "maxfail=1, digest=made"))
    result = call("run", "failing", "-o", tmp_path)
    assert result.exit_code == 3
    assert "stopped after 1 new failure" in unwrapped(result)
    assert 1 <= len(outcomes(tmp_path / "failing.jsonl")) < 4


def test_journals_of_different_backends_have_different_names() -> None:
    """Names that differ in signs or case alone do not share a file."""
    names = processes.slugs(["torch:func", "torch-func", "Torch:Func", "path/to/file.py:it", "///"])
    assert len({name.lower() for name in names.values()}) == 5
    assert not any("/" in name for name in names.values())


# ----- nothing is deleted, and what was interrupted can go on -----


def test_a_run_keeps_what_a_journal_held(fake: Any, tmp_path: Path) -> None:
    """Run again and again, no results are lost: each run says where those before it are, and how to compare them."""
    fake()
    call("run", "good", "-o", tmp_path)
    first = (tmp_path / "good.jsonl").read_bytes()
    again = call("run", "failing", "good", "-o", tmp_path)
    assert again.exit_code == 1
    kept = f"good: what {tmp_path / 'good.jsonl'} held before is kept as good.jsonl.1."
    assert kept.replace(" ", "") in unwrapped(again).replace(" ", "")  # a long path is broken between any two letters
    third = call("run", "good", "-o", tmp_path)
    assert third.exit_code == 0
    assert (tmp_path / "good.jsonl.1").read_bytes() == first
    assert outcomes(tmp_path / "good.jsonl.2") == outcomes(tmp_path / "good.jsonl.1") == outcomes(tmp_path / "good.jsonl")
    assert f"diff {tmp_path / 'good.jsonl.2'} {tmp_path / 'good.jsonl'}" in third.stdout
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == ["failing.jsonl", "good.jsonl"]


STOPS = """if case.operation == 'cos' and not os.path.exists(MARK):
            open(MARK, 'w').close()
            os.kill(PARENT, signal.SIGTERM)
            time.sleep(600)"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupted_run_names_the_command_that_resumes_it(fake: Any, tmp_path: Path, workers: str) -> None:
    """What was done is asked once and what was cut off again, which is no crash; the backends that had not begun begin."""
    fake(STOPS.replace("MARK", repr(str(tmp_path / "mark"))).replace("PARENT", str(os.getpid())))
    out = tmp_path / "out"
    cut = call("run", "slow", "next", "-o", out, *SEED, "-n", workers, "--", "-k", "a b")
    assert cut.exit_code == 3, cut.output
    assert "next did not run." in unwrapped(cut)
    assert "slow: interrupted." in unwrapped(cut)
    assert "1 of 4 cells asked: 1 hold" in unwrapped(cut)
    assert "crash" not in cut.output
    assert (out / "index.html").exists()
    [resume] = [line.strip() for line in cut.stdout.splitlines() if "--resume" in line]
    assert resume == f"clinometer run slow next -o {out} {' '.join(SEED)} -n {workers} --resume -- -k 'a b'"
    rest = call(*shlex.split(resume)[1:])
    assert rest.exit_code == 0, rest.output
    assert "slow: goes on after 1 of 4 cells." in unwrapped(rest)
    assert "next: nothing to resume; it starts from the beginning." in unwrapped(rest)
    results = [record.id for record in read(out / "slow.jsonl") if isinstance(record, records.Result)]
    assert len(results) == len(set(results)) == 4
    assert (out / "next.jsonl").exists()
    assert not list(out.glob("*.1"))


def test_a_run_whose_parent_was_killed_asks_again_what_was_under_way(fake: Any, tmp_path: Path) -> None:
    """A journal without an end, a case begun in it: nobody saw it crash, so it does not count as one."""
    cases = [made.case(operation=it) for it in made.OPERATIONS[:4]]
    head = made.run("good", attended=True)
    begun = [records.Start(id=cases[0].id, at="now"), records.Result(id=cases[0].id, outcome="pass")]
    made.write(tmp_path / "good.jsonl", [head, *cases, *begun, records.Start(id=cases[1].id, at="now")])
    [subject] = load([tmp_path / "good.jsonl"]).subjects
    assert subject.tally.outcomes == {"pass": 1, "notrun": 3}
    fake()
    result = call("run", "good", "-o", tmp_path, *SEED, "--resume")
    assert result.exit_code == 0, result.output
    assert set(outcomes(tmp_path / "good.jsonl").values()) == {"pass"}
    assert len(outcomes(tmp_path / "good.jsonl")) == 4


def test_another_specification_is_not_resumed(fake: Any, tmp_path: Path) -> None:
    """A journal that an older Clinometer has begun is refused, and stays as it is."""
    made.write(tmp_path / "good.jsonl", [made.run("good", digest="older"), made.case()])
    before = (tmp_path / "good.jsonl").read_bytes()
    fake()
    result = call("run", "good", "-o", tmp_path, *SEED, "--resume")
    assert result.exit_code == 2
    assert "was asked another specification, older," in unwrapped(result)
    assert (tmp_path / "good.jsonl").read_bytes() == before


def test_another_interpreter_has_the_same_version(fake: Any, tmp_path: Path) -> None:
    """--python with another Clinometer in it is refused; without it, a number beside the working folder says nothing."""
    fake(script=HOST.replace('suite=importlib.metadata.version("clinometer")', 'suite="0.0.1"'))
    result = call("run", "good", "-o", tmp_path, "--python", f"good={sys.executable}")
    assert result.exit_code == 2
    assert "good: its interpreter has clinometer 0.0.1, and this is" in unwrapped(result)
    assert call("run", "good", "-o", tmp_path).exit_code == 0


def test_two_runs_do_not_write_one_journal(fake: Any, tmp_path: Path) -> None:
    """The second is refused and names the file; the first one's journal is as it was."""
    (tmp_path / "good.jsonl").write_text("another run's\n")
    other = Writer(tmp_path / "good.jsonl", fresh=False, alone=True)
    fake()
    for more in ([], ["--resume"]):
        result = call("run", "good", "-o", tmp_path, *more)
        assert result.exit_code == 2
        assert "another run is writing it" in unwrapped(result) or "not a journal record" in unwrapped(result)
    assert (tmp_path / "good.jsonl").read_text() == "another run's\n"
    other.close()


def test_a_whole_run_has_nothing_to_resume(fake: Any, tmp_path: Path) -> None:
    """--resume on a run that came to its end says so, and asks nothing twice."""
    fake()
    call("run", "good", "-o", tmp_path, *SEED)
    result = call("run", "good", "-o", tmp_path, *SEED, "--resume")
    assert result.exit_code == 0
    assert "good: nothing to resume, its run came to the end" in unwrapped(result)
    assert "4 cells asked: 4 hold" in unwrapped(result)


@pytest.mark.parametrize("other", [["--seed", "7"], [*SEED, "--profile", "quick"]])
def test_other_cases_do_not_resume_a_journal(fake: Any, tmp_path: Path, other: list[str]) -> None:
    """Another seed or profile draws other cases: --resume refuses in one sentence, and the journal stays as it is."""
    fake()
    call("run", "good", "-o", tmp_path, *SEED)
    before = (tmp_path / "good.jsonl").read_bytes()
    result = call("run", "good", "-o", tmp_path, *other, "--resume")
    assert result.exit_code == 2
    assert "was written with profile standard, seed 20240229 and cannot be resumed with" in unwrapped(result)
    assert (tmp_path / "good.jsonl").read_bytes() == before


def test_a_report_that_cannot_be_written_costs_no_verdict(fake: Any, tmp_path: Path) -> None:
    """Where another file stands in the place of the page it stays, the sentence names it, and the verdicts are told."""
    fake()
    (tmp_path / "index.html").write_text("my own notes")
    result = call("run", "fail", "-o", tmp_path, *SEED)
    assert result.exit_code == 1
    assert "4 new failures" in unwrapped(result)
    assert "No report: " in result.output
    assert "a file is there that is no page, and stays as it is" in unwrapped(result)
    assert (tmp_path / "index.html").read_text() == "my own notes"
