"""A run from the outside: what pytest is told, what stands in the journal, and what is left after each way to end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from asking import ask, faulty, of_kind, told, verdicts

from clinometer.backends import support_of
from clinometer.backends.reference.adapter import Reference
from clinometer.harness.specification import specification
from clinometer.journal import reader, records, writer
from clinometer.reports.results import Results, load

ONE = "sin-reverse-float64"
SOUND = ["--backend", "reference"]


# ----- what cannot be run is refused in one line -----


def test_an_unknown_backend_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    """Exit code 2, and the line has the names that would do and the one that was meant."""
    line = told(tmp_path, "--backend", "tourch")
    assert "there is no backend 'tourch'; known are " in line
    assert "reference, torch" in line
    assert "Did you mean 'torch'?" in line


def test_an_adapter_without_a_member_is_refused_by_the_member(tmp_path: Path) -> None:
    """The line says which member is missing, and which there should be."""
    line = told(tmp_path, "--backend", faulty("WithoutPullback"))
    assert "lacks 'vjp'; a backend has the members name, xp, asarray, to_numpy, vjp" in line


def test_an_adapter_that_raises_is_refused_with_its_own_words(tmp_path: Path) -> None:
    """The exception's type and text come in one line, and the journal has them as well."""
    (tmp_path / "bad.py").write_text("raise OSError('libgrad.so:\\n  wrong ELF class')\n")
    line = told(tmp_path, "--backend", "bad.py:Backend", "--journal", "j.jsonl")
    assert "backend 'bad.py:Backend' could not be imported: OSError: libgrad.so: wrong ELF class" in line
    (record,) = reader.read(tmp_path / "j.jsonl")
    assert isinstance(record, records.RunRecord)
    assert "wrong ELF class" in record.problem


def test_a_broken_journal_is_not_resumed(tmp_path: Path) -> None:
    """The line names the file and the line in it; the file is left as it was."""
    path = tmp_path / "j.jsonl"
    path.write_text('{"kind":"end","at":"now","exit":0}\n{"kind":\n{"kind":"end","at":"now","exit":0}\n')
    before = path.read_text()
    assert "j.jsonl, line 2: not a journal record" in told(tmp_path, *SOUND, "--journal", path, "--resume")
    assert path.read_text() == before


def test_nothing_can_be_resumed_without_a_journal(tmp_path: Path) -> None:
    """--resume alone says what it lacks."""
    assert "name it with --journal FILE" in told(tmp_path, *SOUND, "--resume")


def test_a_bad_file_of_known_failures_is_refused(tmp_path: Path) -> None:
    """The line names the file, and says what is wrong with it."""
    (tmp_path / "k.toml").write_text("[[known]\n")
    assert "k.toml: not TOML" in told(tmp_path, *SOUND, "--known", "k.toml")
    assert "absent.toml: cannot be read" in told(tmp_path, *SOUND, "--known", "absent.toml")


def test_a_journal_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A folder in the place of the journal, or of the report, is told before anything is asked."""
    (tmp_path / "taken").mkdir()
    assert "taken: cannot be written" in told(tmp_path, *SOUND, "--journal", "taken")
    assert "name an HTML file" in told(tmp_path, *SOUND, "--report", "taken")


# ----- other people's runs -----


def test_a_session_without_the_suites_imports_nothing_of_them() -> None:
    """The plugin itself needs neither numpy nor Hypothesis, nor a library under examination."""
    heavy = "{'numpy', 'hypothesis', 'torch', 'autograd', 'msgspec', 'clinometer.harness.session'}"
    code = f"import sys, clinometer.harness.plugin; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_another_project_keeps_its_own_options(tmp_path: Path) -> None:
    """Where nothing names the suites there is no option of ours: --backend and --profile are the project's own."""
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_addoption(parser):\n"
        "    for name in ('--backend', '--journal', '--report', '--seed', '--profile'):\n"
        "        parser.addoption(name)\n"
        "def pytest_unconfigure(config):\n"
        "    print('heavy:', sorted({'numpy', 'hypothesis', 'clinometer.harness.session'} & set(sys.modules)))\n"
    )
    (tmp_path / "test_own.py").write_text(
        "def test_own(pytestconfig):\n    assert pytestconfig.getoption('--backend') == 'mine'\n"
        "    assert pytestconfig.getoption('--profile') == 'quick'\n"
    )
    words = ["-p", "no:cacheprovider", "--backend", "mine", "--profile", "quick", "--journal", "j.jsonl", "-q"]
    words += ["-p", "no:hypothesispytest"]  # which imports Hypothesis for everybody
    done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "heavy: []" in done.stdout
    assert not (tmp_path / "j.jsonl").exists()


def test_options_do_nothing_where_no_clause_is_asked(tmp_path: Path) -> None:
    """A test of one's own beside our options is run as ever, and no journal is begun."""
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")
    words = ["-p", "no:cacheprovider", "-k", "own or clinometer", *SOUND, "--journal", "j.jsonl", "test_own.py"]
    done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "clinometer:" not in done.stdout
    assert not (tmp_path / "j.jsonl").exists()


def test_collecting_alone_leaves_an_old_journal_alone(tmp_path: Path) -> None:
    """--collect-only asks nothing, so it overwrites nothing."""
    (tmp_path / "j.jsonl").write_text("yesterday\n")
    assert ask(tmp_path, *SOUND, "--journal", "j.jsonl", "--collect-only", "-k", ONE).returncode == 0
    assert (tmp_path / "j.jsonl").read_text() == "yesterday\n"


# ----- the journal and the report -----


def test_a_report_alone_brings_its_journal(tmp_path: Path) -> None:
    """--report is enough: the journal goes beside it, and the run says where both are."""
    done = ask(tmp_path, *SOUND, "--report", "out/r.html", "-k", ONE)
    assert done.returncode == 0, done.stdout
    assert "report:  out/r.html" in done.stdout
    assert "journal: out/r.jsonl" in done.stdout
    assert "<html" in (tmp_path / "out" / "r.html").read_text()
    kinds = [type(record) for record in reader.read(tmp_path / "out" / "r.jsonl")]
    assert (kinds[0], kinds[-1]) == (records.RunRecord, records.End)
    assert kinds.index(records.Start) > max(i for i, kind in enumerate(kinds) if kind is records.CaseRecord)
    assert {case.chapter for case in of_kind(tmp_path / "out" / "r.jsonl", records.CaseRecord)} == {"Gradients"}


def test_a_report_that_cannot_be_written_costs_no_result(tmp_path: Path) -> None:
    """The journal is whole, the exit code is that of the results, and the trouble is told in place of the report."""
    (tmp_path / "file").write_text("")
    done = ask(tmp_path, *SOUND, "--journal", "j.jsonl", "--report", "file/r.html", "-k", ONE)
    assert done.returncode == 0, done.stdout
    assert "r.html: cannot be written" in done.stdout
    assert not load([tmp_path / "j.jsonl"]).unfinished


def test_a_failure_has_all_that_the_question_was_made_of(tmp_path: Path) -> None:
    """The evidence of a gradient has its cotangent and a script, and the terminal shows the script."""
    done = ask(tmp_path, "--backend", faulty("Steep"), "--journal", "j.jsonl", "-k", f"truth and {ONE} and not asin")
    assert done.returncode == 1
    (result,) = of_kind(tmp_path / "j.jsonl", records.Result)
    assert [array.name for array in result.evidence.inputs] == ["x", "ct"]
    assert result.evidence.script.rstrip() in done.stdout
    assert "GRAD-1 (MUST): " in done.stdout


def test_one_seed_writes_one_journal(tmp_path: Path) -> None:
    """The same seed gives the same results, numbers and all; a failure under another seed is reproducible as well."""
    for name in ("a", "b"):
        ask(tmp_path, "--backend", faulty("Steep"), "--seed", "7", "--journal", f"{name}.jsonl", "-k", "truth and exp")
    assert verdicts(tmp_path / "a.jsonl") == verdicts(tmp_path / "b.jsonl")
    (head,) = of_kind(tmp_path / "a.jsonl", records.RunRecord)
    assert (head.seed, head.profile, head.backend) == (7, "quick", "steep")


def test_two_backends_are_drawn_the_same_inputs(tmp_path: Path) -> None:
    """Two failing backends fail on the same case, so their evidence can be held side by side."""
    for name in ("Steep", "Backward"):
        ask(tmp_path, "--backend", faulty(name), "--journal", f"{name}.jsonl", "-k", "truth and tan")
    steep, backward = (
        {r.id: r.evidence.inputs for r in of_kind(tmp_path / f"{name}.jsonl", records.Result)} for name in ("Steep", "Backward")
    )
    assert len(steep) >= 8
    assert steep == backward


def test_two_workers_write_what_one_process_writes(tmp_path: Path) -> None:
    """Under pytest-xdist one journal holds the same cases and results, one head and one end."""
    words = ["--backend", faulty("Steep"), "-k", "truth and exp or shape_and_dtype and exp"]
    one = ask(tmp_path, *words, "--report", "one.html")
    two = ask(tmp_path, *words, "--report", "two.html", "-n", "2")
    assert (one.returncode, two.returncode) == (1, 1)
    assert verdicts(tmp_path / "one.jsonl") == verdicts(tmp_path / "two.jsonl")
    kinds = [type(record) for record in reader.read(tmp_path / "two.jsonl")]
    assert (kinds[0], kinds[-1]) == (records.RunRecord, records.End)
    assert (kinds.count(records.RunRecord), kinds.count(records.End)) == (1, 1)
    assert kinds.count(records.CaseRecord) == kinds.count(records.Result) == len(verdicts(tmp_path / "one.jsonl"))
    assert kinds.index(records.Start) > max(i for i, kind in enumerate(kinds) if kind is records.CaseRecord)
    assert "report:  two.html" in two.stdout


@pytest.mark.parametrize("workers", [[], ["-n", "2"], ["-n", "2", "--report", "r.html"]])
def test_a_selection_says_so(tmp_path: Path, workers: list[str]) -> None:
    """With -k the run tells how many of all cases were asked, and the journal has both numbers; with workers as without."""
    done = ask(tmp_path, *SOUND, "-k", "sin-reverse", *workers, *([] if workers else ["--journal", "r.jsonl"]))
    assert done.returncode == 0, done.stdout
    whole = sum(len(clause.asked_of(support_of(Reference()).dtypes)) for clause in specification())
    asked = re.search(r"a selection: (\d+) of the (\d+) cases of the specification", done.stdout)
    assert asked is not None, done.stdout
    assert int(asked[2]) == whole
    assert 2 <= int(asked[1]) < 40
    if "--report" in workers:
        assert f"{asked[1]} of the {whole} cases of the specification were selected" in (tmp_path / "r.html").read_text()
    if (tmp_path / "r.jsonl").exists():
        tests = {case.test for case in of_kind(tmp_path / "r.jsonl", records.CaseRecord)}
        assert "clinometer.suites.test_grad::test_the_gradient_equals_the_truth[sin-reverse-float64]" in tests
        (head,) = of_kind(tmp_path / "r.jsonl", records.RunRecord)
        assert head.cells == whole
        assert len(of_kind(tmp_path / "r.jsonl", records.CaseRecord)) == int(asked[1])


# ----- runs that are cut off -----


def test_a_run_that_stops_at_the_first_failure_is_incomplete(tmp_path: Path) -> None:
    """With -x the rest was not asked: exit code 3, and the journal knows what it never reached."""
    done = ask(tmp_path, "--backend", faulty("Steep"), "--journal", "j.jsonl", "-x", "-k", "truth and exp")
    assert done.returncode == 3
    outcomes = load([tmp_path / "j.jsonl"]).subjects[0].tally.outcomes
    assert outcomes["fail"] == 1
    assert outcomes["notrun"] >= 3


def test_a_run_whose_workers_die_too_often_is_incomplete(tmp_path: Path) -> None:
    """pytest-xdist gives up and calls it a day; we say incomplete, what crashed is a crash, and the rest was not asked."""
    words = ["--backend", faulty("Crashing"), "--report", "r.html", "-k", "truth and exp"]
    done = ask(tmp_path, *words, "-n", "1", "--max-worker-restart", "0")
    assert done.returncode == 3, done.stdout
    assert "the run is incomplete; go on with:" in done.stdout
    [subject] = load([tmp_path / "r.jsonl"]).subjects
    assert subject.unfinished == ["the run ended before all its cases were asked."]
    assert subject.tally.outcomes["crash"] == 1
    assert subject.tally.outcomes["notrun"] > 0


def clinometer(folder: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], Results]:
    """Run the console script, and read what it leaves behind."""
    script = [sys.executable, "-c", "from clinometer.cli.main import main; main()"]
    done = subprocess.run([*script, *words], cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    return done, load(sorted((folder / "clinometer-report").glob("*.jsonl")))


def test_a_crash_costs_its_own_case(tmp_path: Path) -> None:
    """A backend that kills the process is asked all the rest; the crash stands in the report, as does who was asked."""
    words = ["run", faulty("Crashing"), "--profile", "quick", "--", "-k", "truth and float64 and (exp-rev or sin-rev or neg)"]
    done, results = clinometer(tmp_path, *words)
    assert done.returncode == 1, "a crash is a new failure, though no process lives that saw it"
    (subject,) = results.subjects
    outcomes = {subject.cases[id].operation: r.outcome for id, r in subject.results.items()}
    assert outcomes["exp"] == "crash"
    assert outcomes["sin"] == outcomes["negative"] == "pass"
    assert not results.unfinished
    assert (tmp_path / "clinometer-report" / "index.html").exists()
    assert "crash: the process died (SIGKILL)" in " ".join(done.stdout.split())


def test_a_worker_that_crashes_costs_its_own_case(tmp_path: Path) -> None:
    """Under pytest-xdist a crash takes a worker, which is replaced; no other case is lost."""
    words = [
        "--backend",
        faulty("Crashing"),
        "--journal",
        "j.jsonl",
        "-n",
        "2",
        "-k",
        "truth and float64 and (exp-rev or n-rev)",
    ]
    done = ask(tmp_path, *words)
    assert done.returncode == 1
    results = load([tmp_path / "j.jsonl"])
    subject = results.subjects[0]
    outcomes = {subject.cases[id].operation: r.outcome for id, r in subject.results.items()}
    assert outcomes.pop("exp") == "crash"
    assert set(outcomes.values()) == {"pass"}
    assert not results.unfinished


def test_what_failed_before_a_resumption_is_not_forgotten(tmp_path: Path) -> None:
    """A resumed run that passes exits 1 if what it resumes has new failures, and 0 if they were known."""
    words = ["--backend", faulty("Steep"), "--journal", "j.jsonl", "-k", "truth and float64 and [exp-rev"]
    assert ask(tmp_path, *words).returncode == 1
    assert ask(tmp_path, *words, "--resume").returncode == 1
    (tmp_path / "k.toml").write_text(KNOWN.format("steep"))
    assert ask(tmp_path, *words, "--resume", "--known", "k.toml").returncode == 0


def test_a_case_that_crashed_is_not_asked_again(tmp_path: Path) -> None:
    """A resumption that is interrupted asks its own last case again, never one that took an earlier process with it."""
    words = ["--backend", faulty("Crashing"), "--journal", "j.jsonl", "-k", "truth and float64 and [exp-rev"]
    assert ask(tmp_path, *words).returncode == -signal.SIGKILL
    (head,) = of_kind(tmp_path / "j.jsonl", records.RunRecord)
    file = writer.Writer(tmp_path / "j.jsonl", fresh=False)
    file.write(head)
    file.write(records.End(at="later", exit=3, interrupted=True))
    file.close()
    done = ask(tmp_path, *words, "--resume", "-rs")
    assert done.returncode == 1
    assert "begun by the run that this one resumes" in done.stdout


KNOWN = '[[known]]\nbackend = "{}"\nclauses = ["GRAD-1"]\nreason = "half as large again"\nseen = "1.0"\n'


# ----- what pytest is told of each outcome -----


def test_what_is_not_offered_is_skipped(tmp_path: Path) -> None:
    """An operation that is absent, or not implemented, is unsupported: neither passed nor failed."""
    path = tmp_path / "j.jsonl"
    done = ask(tmp_path, "--backend", faulty("Sparse"), "--journal", path, "-k", "truth and (sin-rev or [cos-rev)", "-rs")
    assert done.returncode == 0, done.stdout
    outcomes = {}
    cases = {case.id: case for case in of_kind(path, records.CaseRecord)}
    for result in of_kind(path, records.Result):
        outcomes.setdefault(cases[result.id].operation, set()).add((result.outcome, result.message))
    assert outcomes["sin"] == {("unsupported", "sparse has no sin")}
    assert outcomes["cos"] == {("unsupported", "no cosine on this device")}
    assert outcomes["asin"] == {("pass", "")}
    assert "unsupported: sparse has no sin" in done.stdout


def test_a_known_failure_is_expected_and_a_mended_one_is_news(tmp_path: Path) -> None:
    """What is known to fail is xfailed and exits 0; where it passes the run says fixed, and the journal keeps both."""
    (tmp_path / "k.toml").write_text(KNOWN.format("steep") + KNOWN.format("reference"))
    words = ["--known", "k.toml", "-k", "truth and [exp-rev", "--profile", "standard"]
    done = ask(tmp_path, "--backend", faulty("Steep"), "--journal", "steep.jsonl", *words)
    assert done.returncode == 0, done.stdout
    assert "2 xfailed" in done.stdout
    assert "2 known fail" in done.stdout
    assert {(r.outcome, bool(r.expectation)) for r in of_kind(tmp_path / "steep.jsonl", records.Result)} == {("fail", True)}
    done = ask(tmp_path, *SOUND, *words)
    assert done.returncode == 0, done.stdout
    assert "2 fixed" in done.stdout


LATE = """
import atexit, os
from pathlib import Path
from clinometer.backends.reference.adapter import Reference

@atexit.register
def late():
    Path(f"{os.getpid()}.exit").touch()

class Late(Reference):
    name = "late"
"""


def test_a_worker_ends_when_it_has_told_all(tmp_path: Path) -> None:
    """What a library does at its exit, and what memory takes to be given back, keeps no run waiting: it is the controller's."""
    (tmp_path / "late.py").write_text(LATE)
    done = ask(tmp_path, "--backend", "late.py:Late", "-n", "1", "-k", "truth and [exp-reverse-float64")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert len(list(tmp_path.glob("*.exit"))) == 1


def test_an_empty_name_of_a_backend_is_refused(tmp_path: Path) -> None:
    """`--backend ""` names no backend, and least of all the default one."""
    done = ask(tmp_path, "--backend", "")
    assert done.returncode == 2
    assert done.stderr.startswith("clinometer: there is no backend ''; known are ")
