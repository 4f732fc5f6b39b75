"""One case of a journal: its script run again, and its verdict explained."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic_journals as made
from click.testing import Result as Called
from hosting import call, unwrapped

from clinometer.cli import console, explanation, reproduction
from clinometer.harness import expectations
from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examiner import described
from clinometer.harness.specification import specification
from clinometer.journal.records import Array, CaseRecord, End, Evidence, Observation, Result, Start, identity
from clinometer.journal.vocabulary import Outcome
from clinometer.reports.results import Subject, load

FAULTY = Path(__file__).parents[1] / "helpers" / "faulty.py"
CASE = made.case("GRAD-1", "exp")
FAILING = 'print("got", 1)\nassert 1 == 2, "no"\n'


@pytest.fixture(scope="module")
def steep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a real run, on a backend whose gradients are half as large again as they should be."""
    path = tmp_path_factory.mktemp("steep") / "steep.jsonl"
    words = ["--backend", f"{FAULTY}:Steep", "--journal", str(path), "--profile", "quick", "-k", "[exp- or [det-"]
    suites = [f"clinometer.suites.test_{name}" for name in ("grad", "value", "arith")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", *suites, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return path


def subject(path: Path) -> Subject:
    """Return the one backend of a journal."""
    [found] = load([path]).subjects
    return found


def failing(path: Path, operation: str, dtype: str = "float64") -> CaseRecord:
    """Return the case in which the gradient of an operation is held against the truth."""
    id = identity("GRAD-1", operation, dtype, "reverse", "")
    return subject(path).cases[id]


def journal(
    path: Path,
    outcome: Outcome = "fail",
    script: str = FAILING,
    backend: str = "torch",
    message: str = "wrong",
    claim: str = "",
) -> Path:
    """Write a journal in which one case failed, and return its path."""
    result = Result(id=CASE.id, outcome=outcome, message=message, evidence=Evidence(claim=claim, script=script))
    made.write(path, [made.run(backend), CASE, Start(id=CASE.id, at="now"), result, End(at="now", exit=1)])
    return path


def refused(called: Called) -> str:
    """Return the one sentence on stderr of a command that was refused."""
    assert called.exit_code == 2, called.output
    [sentence] = called.stderr.strip().splitlines()
    return sentence


# ----- repro -----


def test_the_script_of_a_real_failure_fails_here_too(steep: Path) -> None:
    """It is shown, run in a fresh interpreter, and said to fail as the journal says: exit code 1."""
    called = call("repro", steep, failing(steep, "exp").id[:10])
    assert called.exit_code == 1
    assert "backend.xp.exp(x)" in called.stdout
    assert "AssertionError: " in called.stdout
    assert "It fails as the journal says: AssertionError in line" in called.stdout
    assert "within" not in called.stdout
    assert "<string>" not in called.stdout


def test_print_gives_the_script_alone_and_runs_nothing(tmp_path: Path) -> None:
    """It goes to stdout as it is, so that it can be redirected to a file."""
    script = f"open({str(tmp_path / 'ran')!r}, 'w')\nassert False\n"
    called = call("repro", journal(tmp_path / "a.jsonl", script=script), CASE.id, "--print")
    assert (called.exit_code, called.stdout) == (0, script)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("outcome", "message", "script", "code", "said"),
    [
        ("fail", "off", FAILING, 1, "It fails as the journal says: AssertionError in line 2."),
        ("fail", "off", "print('fine')", 0, "It does not fail here: the script ran to its end"),
        ("fail", "off", "assert 0\nassert 1", 3, "line 1, where the journal says that the assertion in its last"),
        ("fail", "off", "import nowhere_to_be_found", 3, "ModuleNotFoundError in line 1"),
        ("fail", "off", "import os; os._exit(0)", 3, "its process ended itself (exit code 0)"),
        ("fail", "off", "import os; os.kill(os.getpid(), 9)", 3, "its process died (SIGKILL)"),
        ("fail", "off", "assert )", 3, "SyntaxError"),
        ("error", "grad: ValueError: bad", "raise ValueError('bad')", 1, "says: ValueError in line 1."),
        ("error", "grad: SystemExit: bad", "raise SystemExit('bad')", 1, "says: SystemExit in line 1."),
        ("error", "grad: ValueError: bad", "raise KeyError('bad')", 3, "where the journal says that it raises ValueError"),
        ("crash", "the process died (SIGKILL)", "import os; os.kill(os.getpid(), 9)", 1, "its process died (SIGKILL)."),
        ("crash", "the process died (SIGSEGV)", "import os; os.kill(os.getpid(), 9)", 1, "(there: the process died (SIGSEGV))"),
        ("crash", "the process died (exit code 7)", "import os; os._exit(7)", 1, "ended itself (exit code 7)."),
        ("crash", "the process died (SIGSEGV)", "print(1)", 0, "It does not fail here"),
        ("invalid", "the witnesses contradict each other", FAILING, 1, "It fails as the journal says"),
    ],
)  # fmt: skip
def test_an_ending_is_held_against_what_the_journal_says(
    outcome: Outcome, message: str, script: str, code: int, said: str, tmp_path: Path
) -> None:
    """1 where it fails as it should, 0 where it runs to its end, 3 where it ends in a way that decides nothing."""
    path = journal(tmp_path / "a.jsonl", outcome, script, message=message, claim="grad")
    called = call("repro", path, CASE.id)
    assert (called.exit_code, said in unwrapped(called)) == (code, True), called.output


HANGING = "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(600)"


@pytest.mark.parametrize(("outcome", "code"), [("timeout", 1), ("fail", 3)])
def test_a_script_that_hangs_is_killed_with_what_it_has_started(outcome: Outcome, code: int, tmp_path: Path) -> None:
    """It is said to hang, with the line in which it does, and a child of its own does not outlive it."""
    child = f"import time, pathlib; time.sleep(8); pathlib.Path({str(tmp_path / 'late')!r}).touch()"
    path = journal(tmp_path / "a.jsonl", outcome, HANGING.format(child=child), message="no result within 60 s")
    called = call("repro", path, CASE.id, "--timeout", "2")
    assert called.exit_code == code
    assert "it was still running after 2 s, and was killed" in unwrapped(called)
    assert 'File "case.py", line 3' in called.stdout
    assert not (tmp_path / "late").exists()


def test_a_deaf_process_is_killed_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the clock within the process is stopped, that of its parent counts."""
    monkeypatch.setattr(reproduction, "GRACE", 0.5)
    script = "import faulthandler, time\nfaulthandler.cancel_dump_traceback_later()\ntime.sleep(600)"
    called = call("repro", journal(tmp_path / "a.jsonl", "timeout", script), CASE.id, "--timeout", "1.5")
    assert called.exit_code == 1


def test_nothing_can_be_read_from_the_terminal(tmp_path: Path) -> None:
    """A script that asks gets an end of file."""
    called = call("repro", journal(tmp_path / "a.jsonl", script="input()\nassert 0"), CASE.id)
    assert called.exit_code == 3
    assert "EOFError" in called.stdout


def test_ten_megabytes_are_shown_by_beginning_and_end(tmp_path: Path) -> None:
    """What lies between is counted, and the verdict stands."""
    script = "print('first')\nfor i in range(100_000): print('x' * 99)\nprint('last')\nassert 0"
    called = call("repro", journal(tmp_path / "a.jsonl", script=script), CASE.id)
    assert called.exit_code == 1
    assert "first\nxxx" in called.stdout
    assert "xxx\nlast\n" in called.stdout
    assert len(called.stdout) < 40_000
    assert "bytes are left out" in called.stdout


def test_escapes_of_script_and_output_are_seen_and_not_obeyed(tmp_path: Path) -> None:
    """The terminal is sent no control character by either."""
    script = "# \x1b[31m\nprint('\\x1b[2J', '[bold]', '\\udcff')\nassert 0, '\\x07'"
    called = call("repro", journal(tmp_path / "a.jsonl", script=script), CASE.id)
    assert called.exit_code == 1
    assert not {"\x1b", "\x07"} & set(called.output)
    assert "␛[2J [bold] \\udcff" in called.stdout


def test_a_failure_that_is_not_seen_comes_with_the_versions_there_and_here(tmp_path: Path) -> None:
    """What is installed is asked of the interpreter that ran the script."""
    path = journal(tmp_path / "a.jsonl", script="import numpy", backend="numpy")
    called = call("repro", path, CASE.id)
    assert called.exit_code == 0
    there = subject(path).run.versions
    for name in set(there) & {"numpy", "python", "torch"}:
        assert f"  {name}: {there[name]}, " in called.stdout
    here = subprocess.run([sys.executable, "-c", "import platform; print(platform.python_version())"], capture_output=True)
    assert here.stdout.decode().strip() in called.stdout


def test_what_is_no_interpreter_is_refused(tmp_path: Path) -> None:
    """A program that is not there, and one that is no Python."""
    path = journal(tmp_path / "a.jsonl")
    assert "there is no such program" in refused(call("repro", path, CASE.id, "--python", tmp_path / "python"))
    called = call("repro", path, CASE.id, "--python", shutil.which("ls") or "")
    assert "it did not begin the script" in refused(called)


def test_the_interpreter_is_run_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that is named by a path is found, and so is a module beside it, as if the script lay there."""
    monkeypatch.chdir(tmp_path)
    Path("beside.py").write_text("VALUE = 1\n")
    script = "import beside, inspect\ndef f(): pass\nprint(inspect.getsource(f))\nassert beside.VALUE == 2"
    called = call("repro", journal(tmp_path / "a.jsonl", script=script), CASE.id)
    assert called.exit_code == 1
    assert "def f(): pass\n\n" in called.stdout


# ----- which case -----


def test_without_a_journal_those_of_the_folder_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several the one is taken in which the case has failed, and of several failures none."""
    monkeypatch.chdir(tmp_path)
    assert "holds no journal" in refused(call("repro", CASE.id))
    folder = tmp_path / "clinometer-report"
    folder.mkdir()
    passed = Result(id=CASE.id, outcome="pass")
    made.write(folder / "a.jsonl", [made.run("reference"), CASE, Start(id=CASE.id, at="now"), passed, End(at="now", exit=0)])
    journal(folder / "b.jsonl", script="print('from b')\nassert 0")
    assert "from b" in call("repro", CASE.id).stdout
    journal(folder / "c.jsonl", "error", backend="autograd")
    sentence = refused(call("repro", CASE.id))
    assert "name one journal" in sentence
    assert "b.jsonl (torch: fail)" in sentence
    assert "c.jsonl (autograd: error)" in sentence
    assert "from b" in call("repro", Path("clinometer-report", "b.jsonl"), CASE.id).stdout


def test_letters_that_name_no_case_or_several_are_refused(steep: Path) -> None:
    """The sentence says what they begin, with ids that can be copied, and where ids are found."""
    assert "copy the id from the report" in refused(call("repro", steep, "nothing"))
    assert "copy the id from the report" in refused(call("repro", steep, ""))
    assert "is a journal; write the id of a case" in refused(call("repro", steep))
    ids = sorted(subject(steep).cases)
    letter = next(one[0] for one, other in itertools.pairwise(ids) if one[0] == other[0])
    sentence = refused(call("repro", steep, letter))
    assert f"begin {sum(id[0] == letter for id in ids)} cases, write more of them" in sentence
    assert next(id for id in ids if id[0] == letter) in sentence


def test_a_case_without_a_script_is_refused(steep: Path) -> None:
    """The message says which case it is, what came of it, and who has a script."""
    [passing] = [id for id, it in subject(steep).results.items() if it.outcome == "pass"][:1]
    sentence = refused(call("repro", steep, passing))
    assert subject(steep).cases[passing].title in sentence
    assert "pass) has no script; only a verdict against a backend has one" in sentence


# ----- explain -----


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
        ({"outcome": "fail", "expectation": "another"}, "A new failure: another one is known here, which this is not. another"),
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
    assert explanation.number(text, dtype) == value
