"""`clinometer run`: how it brings a crashing backend to the end, what it keeps, and what it says."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made
from click.testing import CliRunner, Result

from clinometer.cli import processes
from clinometer.cli.main import main
from clinometer.journal import records
from clinometer.journal.reader import read

HEAD = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1] / "helpers")!r})
import synthetic_journals as made
from clinometer.journal.reader import read
from clinometer.journal.records import *
from clinometer.journal.writer import Writer
backend, path, resume = sys.argv[1], Path(sys.argv[2]), "--resume" in sys.argv
begun = [r.id for r in read(path) if isinstance(r, Start)] if resume and path.exists() else []
cases = [r.id for r in read(path) if isinstance(r, CaseRecord)] if resume and path.exists() else []
writer = Writer(path, fresh=not resume)
writer.write(made.run(backend))
todo = [made.case(operation=name) for name in made.OPERATIONS[:4]]
"""
ABSENT = f"""
    sys.path.insert(0, {str(Path(__file__).parents[1] / "helpers")!r})
    import synthetic_journals as made
    made.write(__import__('pathlib').Path(sys.argv[2]), [made.run(backend, problem='no module named absent')])
    sys.exit(2)
"""
TAIL = """
for case in todo:
    if case.id in begun:
        continue
    writer.write(case)
    writer.write(Start(id=case.id, at="now"))
    if case.operation in ("cos", "exp") and "crash" in backend:
        os.kill(os.getpid(), signal.SIGSEGV)
    writer.write(Result(id=case.id, outcome="pass"))
writer.write(End(at="now", exit=0))
sys.exit(1 if "fail" in backend else 0)
"""


def call(*words: str | Path) -> Result:
    """Run the console script."""
    return CliRunner().invoke(main, [str(word) for word in words])


def unwrapped(result: Result) -> str:
    """Return what a command printed, with its lines joined."""
    return " ".join(result.output.split())


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace pytest by a script that writes a journal; the backend's name says how it behaves."""

    def replace(script: str = HEAD + TAIL) -> None:
        def command(plan: processes.Plan, resume: bool = False) -> list[str]:
            words = [sys.executable, "-c", script, plan.backend, str(plan.journal), *plan.pytest_args]
            return [*words, "--resume"] if resume else words

        monkeypatch.setattr(processes.Plan, "command", command)

    return replace


def test_run_writes_journals_and_report(fake: Any, tmp_path: Path) -> None:
    """Two good backends leave two journals, one page and exit code 0."""
    fake()
    result = call("run", "good", "fine:func", "-o", tmp_path)
    assert result.exit_code == 0, result.output
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"good.jsonl", "good.log", "fine-func.jsonl", "fine-func.log", "index.html"}


def test_run_reports_new_failures(fake: Any, tmp_path: Path) -> None:
    """A backend with failures gives exit code 1."""
    fake()
    assert call("run", "good", "failing", "-o", tmp_path).exit_code == 1


def test_run_goes_on_after_a_crash(fake: Any, tmp_path: Path) -> None:
    """Two crashes cost two cases; the others run, and the run is complete."""
    fake()
    result = call("run", "crashing", "-o", tmp_path)
    assert result.exit_code == 0, result.output
    assert "4 cells asked: 2 hold, 2 new failures." in unwrapped(result)
    assert "crashing: the process died (SIGSEGV) in GRAD-1 cos float64 reverse; going on after it." in unwrapped(result)
    assert result.stderr.count("SIGSEGV") == 2


def test_run_gives_up_without_progress(fake: Any, tmp_path: Path) -> None:
    """A backend that dies before its first case is not started for ever."""
    fake(HEAD + "os.kill(os.getpid(), signal.SIGABRT)")
    result = call("run", "hopeless", "-o", tmp_path)
    assert result.exit_code == 3
    assert result.stderr.count("SIGABRT") == 1
    assert "before its first case" in result.stderr


def test_run_says_when_a_backend_is_unknown(fake: Any, tmp_path: Path) -> None:
    """pytest's usage error becomes exit code 2, and yesterday's journal is not reported as today's."""
    fake("import sys; sys.exit(4)")
    made.write(tmp_path / "typo.jsonl", [made.run("typo")])
    result = call("run", "typo", "-o", tmp_path)
    assert result.exit_code == 2
    assert "No journal was written" in result.stdout


@pytest.mark.parametrize("end", ["", "writer.write(End(at='now', exit=2, interrupted=True))"])
def test_run_still_reports_when_interrupted(fake: Any, tmp_path: Path, end: str) -> None:
    """A run that is stopped writes the report of what there is, says incomplete, and leaves the rest out.

    Whether or not pytest had time to write the end, the case that was under way is no crash.
    """
    heard = "signal.signal(signal.SIGINT, signal.default_int_handler)"  # which a shell's background jobs do not
    begin = f"{heard}; writer.write(todo[0]); writer.write(Start(id=todo[0].id, at='now'))"
    fake(f"{HEAD}\n{begin}\n{end}\nos.kill(os.getpid(), signal.SIGINT); signal.pause()")
    result = call("run", "slow", "next", "-o", tmp_path)
    assert result.exit_code == 3
    assert "interrupted" in result.output
    assert "crash" not in result.output
    assert (tmp_path / "index.html").exists()
    assert not (tmp_path / "next.jsonl").exists()


def test_run_says_why_a_backend_could_not_be_loaded(fake: Any, tmp_path: Path) -> None:
    """A backend that is not installed gives exit code 2, a report without a result for it, and the others run."""
    fake("import sys; backend = sys.argv[1]\nif backend == 'absent':\n    " + ABSENT + HEAD + TAIL)
    result = call("run", "absent", "good", "-o", tmp_path)
    assert result.exit_code == 2
    assert "absent: no module named absent" in result.stdout
    assert "4 cells asked: 4 hold, 0 new failures." in unwrapped(result)


def test_run_hands_the_rest_to_pytest() -> None:
    """What stands behind `--` reaches pytest at the end of its command line."""
    words = processes.Plan("torch", Path("t.jsonl"), "deep", 7, "2", ["-k", "detach"]).command(resume=True)
    assert words[1:5] == ["-m", "pytest", "--pyargs", "clinometer.suites"]
    assert words[-3:] == ["--resume", "-k", "detach"]
    for pair in (["--backend", "torch"], ["--hypothesis-profile", "deep"], ["--seed", "7"], ["-n", "2"]):
        assert words[words.index(pair[0]) + 1] == pair[1]


def test_run_knows_backends_from_pytest_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Words behind `--` are no backends, and options before it are no words for pytest."""
    plans: list[processes.Plan] = []

    def examine(plan: processes.Plan, say: Any, watch: Any) -> processes.Outcome:
        plans.append(plan)
        return processes.Outcome(0)

    monkeypatch.setattr(processes, "run_backend", examine)
    call("run", "torch", "jax", "--seed", "5", "-o", tmp_path, "--", "-x", "-k", "not slow")
    assert [(plan.backend, plan.seed, plan.pytest_args) for plan in plans] == [
        ("torch", 5, ["-x", "-k", "not slow"]),
        ("jax", 5, ["-x", "-k", "not slow"]),
    ]


def test_journals_of_different_backends_have_different_names() -> None:
    """Names that differ in signs or case alone do not share a file."""
    names = processes.slugs(["torch:func", "torch-func", "Torch:Func", "path/to/file.py:it", "///"])
    assert len({name.lower() for name in names.values()}) == 5
    assert not any("/" in name for name in names.values())


# ----- nothing is deleted, and what was interrupted can go on -----

STOPS = """
if not resume:
    [writer.write(case) for case in todo]
    [writer.write(record) for record in (Start(id=todo[0].id, at="now"), Result(id=todo[0].id, outcome="fail"))]
    writer.write(Start(id=todo[1].id, at="now"))
    os.kill(os.getppid(), signal.SIGTERM)
    signal.pause()
"""
SEED = ["--seed", str(made.run("any").seed)]


def test_a_run_keeps_what_a_journal_held(fake: Any, tmp_path: Path) -> None:
    """Run again and again, no results are lost: each run says where those before it are, and how to compare them."""
    fake()
    call("run", "good", "-o", tmp_path)
    first = (tmp_path / "good.jsonl").read_bytes()
    again = call("run", "failing", "good", "-o", tmp_path)
    assert again.exit_code == 1
    kept = f"good: what {tmp_path / 'good.jsonl'} held is kept as good.jsonl.1."
    assert kept.replace(" ", "") in unwrapped(again).replace(" ", "")  # a long path is broken between any two letters
    third = call("run", "good", "-o", tmp_path)
    assert third.exit_code == 0
    assert (tmp_path / "good.jsonl.1").read_bytes() == (tmp_path / "good.jsonl.2").read_bytes() == first
    assert f"diff {tmp_path / 'good.jsonl.2'} {tmp_path / 'good.jsonl'}" in third.stdout
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == ["failing.jsonl", "good.jsonl"]


def test_an_interrupted_run_names_the_command_that_resumes_it(fake: Any, tmp_path: Path) -> None:
    """What was done is asked once and what was cut off again; the backends that had not begun begin."""
    answered = HEAD.replace("isinstance(r, Start)", "isinstance(r, Result)")
    fake(answered + STOPS + TAIL.replace("    writer.write(case)\n", "    case.id in cases or writer.write(case)\n"))
    cut = call("run", "slow", "next", "-o", tmp_path, *SEED, "--", "-k", "a b")
    assert cut.exit_code == 3
    assert "slow: interrupted; next did not run." in unwrapped(cut)
    assert "1 of 4 cells asked: 0 hold, 1 new failure." in unwrapped(cut)
    [resume] = [line.strip() for line in cut.stdout.splitlines() if "--resume" in line]
    assert resume == f"clinometer run slow next -o {tmp_path} {' '.join(SEED)} --resume -- -k 'a b'"
    rest = call(*shlex.split(resume)[1:])
    assert "slow: goes on after 1 of 4 cells." in unwrapped(rest)
    assert "next: nothing to resume; it starts from the beginning." in unwrapped(rest)
    assert "4 cells asked: 3 hold, 1 new failure" in unwrapped(rest)
    results = [record.id for record in read(tmp_path / "slow.jsonl") if isinstance(record, records.Result)]
    assert len(results) == len(set(results)) == 4
    assert (tmp_path / "next.jsonl").exists()
    assert not list(tmp_path.glob("*.1"))


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


def test_the_reference_is_asked_in_quick_unless_a_profile_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A first run shows what a library does; how sound the reference is takes --profile, and the output says so."""
    plans: list[processes.Plan] = []
    monkeypatch.setattr(processes, "run_backend", lambda plan, say, watch: plans.append(plan) or processes.Outcome(0))
    first = call("run", "reference", "torch", "-o", tmp_path)
    assert "--profile asks it as others are asked" in unwrapped(first)
    call("run", "reference", "torch", "--profile", "standard", "-o", tmp_path)
    assert [plan.profile for plan in plans] == ["quick", "standard", "standard", "standard"]


def test_what_pytest_says_before_it_dies_is_told(fake: Any, tmp_path: Path) -> None:
    """pytest's own output lies in a file beside the journal; of a session that cannot begin the last lines are shown."""
    fake("import sys; print('much\\n' * 100, 'ERROR: file not found: nowhere'); sys.exit(4)")
    result = call("run", "good", "-o", tmp_path)
    assert "ERROR: file not found: nowhere" in result.stderr
    assert result.output.count("much") < 20
    assert (tmp_path / "good.log").read_text().count("much") == 100
