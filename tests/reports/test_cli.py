"""The console script: what it prints, what it refuses, and how it brings a crashing backend to the end."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made
from click.testing import CliRunner, Result

from clinometer.reports import launch
from clinometer.reports.cli import main
from clinometer.reports.journal import identity

HEAD = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import synthetic_journals as made
from clinometer.reports.journal import *
backend, path, resume = sys.argv[1], Path(sys.argv[2]), "--resume" in sys.argv
begun = [r.id for r in read(path) if isinstance(r, Start)] if resume else []
writer = Writer(path, fresh=not resume)
writer.write(made.run(backend))
todo = [made.case(operation=name) for name in made.OPERATIONS[:4]]
"""
ABSENT = f"""
    sys.path.insert(0, {str(Path(__file__).parent)!r})
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


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace pytest by a script that writes a journal; the backend's name says how it behaves."""

    def replace(script: str = HEAD + TAIL) -> None:
        def command(plan: launch.Plan, resume: bool = False) -> list[str]:
            words = [sys.executable, "-c", script, plan.backend, str(plan.journal), *plan.pytest_args]
            return [*words, "--resume"] if resume else words

        monkeypatch.setattr(launch.Plan, "command", command)

    return replace


def refused(result: Result) -> str:
    """Return the one sentence on stderr of a command that was refused."""
    assert result.exit_code == 2
    [sentence] = result.stderr.strip().splitlines()
    return sentence


def test_report_writes_a_page_and_prints_the_counts(journals: list[Path], tmp_path: Path) -> None:
    """The counts stand on the console, with denominators, within 80 columns."""
    result = call("report", *journals, "-o", tmp_path / "new" / "r.html")
    assert result.exit_code == 0
    assert (tmp_path / "new" / "r.html").exists()
    assert "95/95" in result.stdout
    assert "no result" in result.stdout
    assert max(map(len, result.stdout.replace(str(tmp_path), "").splitlines())) <= 80


def test_a_missing_journal_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A file that is not there is named, without a traceback."""
    assert "absent.jsonl: cannot be read" in refused(call("report", tmp_path / "absent.jsonl"))


def test_a_file_that_is_no_journal_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """A line that is no record is named by file and number."""
    path = tmp_path / "a.jsonl"
    path.write_text("hello\nworld\n")
    assert "a.jsonl, line 1: not a journal record" in refused(call("report", path))


def test_an_empty_journal_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """An empty file is said to hold no run."""
    path = tmp_path / "a.jsonl"
    path.touch()
    assert "holds no run" in refused(call("report", path))


def test_a_page_that_cannot_be_written_is_refused_in_one_sentence(journals: list[Path], tmp_path: Path) -> None:
    """An output that is a folder is named."""
    assert str(tmp_path) in refused(call("report", journals[0], "-o", tmp_path))


def test_repro_prints_the_script_alone(journals: list[Path]) -> None:
    """The script goes to stdout as it is, so that it can be piped into Python; an id may be shortened."""
    case = identity("GRAD-1", "cos", "float32", "reverse", "")
    result = call("repro", journals[1], case[:10])
    assert result.exit_code == 0
    assert result.stdout == made.evidence(made.case("GRAD-1", "cos", "float32")).script


def test_repro_refuses_a_case_that_is_not_there(journals: list[Path]) -> None:
    """An unknown id is answered with where ids are found."""
    assert "copy the whole id from the report" in refused(call("repro", journals[1], "nothing"))


def test_repro_refuses_a_case_without_a_script(journals: list[Path]) -> None:
    """A case that passes has no script, and the message says which case it is."""
    case = identity("GRAD-1", "sin", "float64", "reverse", "")
    assert "GRAD-1 sin float64" in refused(call("repro", journals[0], case))


def test_run_writes_journals_and_report(fake: Any, tmp_path: Path) -> None:
    """Two good backends leave two journals, one page and exit code 0."""
    fake()
    result = call("run", "good", "fine:func", "-o", tmp_path)
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {"good.jsonl", "fine-func.jsonl", "index.html"}


def test_run_reports_new_failures(fake: Any, tmp_path: Path) -> None:
    """A backend with failures gives exit code 1."""
    fake()
    assert call("run", "good", "failing", "-o", tmp_path).exit_code == 1


def test_run_goes_on_after_a_crash(fake: Any, tmp_path: Path) -> None:
    """Two crashes cost two cases; the others run, and the run is complete."""
    fake()
    result = call("run", "crashing", "-o", tmp_path)
    assert result.exit_code == 0, result.output
    assert "2/4" in result.stdout
    assert "2 crash" in result.stdout
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
    assert "4/4" in result.stdout


def test_run_hands_the_rest_to_pytest() -> None:
    """What stands behind `--` reaches pytest at the end of its command line."""
    words = launch.Plan("torch", Path("t.jsonl"), "deep", 7, "2", ["-k", "detach"]).command(resume=True)
    assert words[1:5] == ["-m", "pytest", "--pyargs", "clinometer.suites"]
    assert words[-3:] == ["--resume", "-k", "detach"]
    for pair in (["--backend", "torch"], ["--hypothesis-profile", "deep"], ["--seed", "7"], ["-n", "2"]):
        assert words[words.index(pair[0]) + 1] == pair[1]


def test_run_knows_backends_from_pytest_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Words behind `--` are no backends, and options before it are no words for pytest."""
    plans: list[launch.Plan] = []

    def examine(plan: launch.Plan, say: Any) -> launch.Outcome:
        plans.append(plan)
        return launch.Outcome(0)

    monkeypatch.setattr(launch, "examine", examine)
    call("run", "torch", "jax", "--seed", "5", "-o", tmp_path, "--", "-x", "-k", "not slow")
    assert [(plan.backend, plan.seed, plan.pytest_args) for plan in plans] == [
        ("torch", 5, ["-x", "-k", "not slow"]),
        ("jax", 5, ["-x", "-k", "not slow"]),
    ]


def test_journals_of_different_backends_have_different_names() -> None:
    """Names that differ in signs or case alone do not share a file."""
    names = launch.slugs(["torch:func", "torch-func", "Torch:Func", "path/to/file.py:it", "///"])
    assert len({name.lower() for name in names.values()}) == 5
    assert not any("/" in name for name in names.values())


@pytest.fixture
def specification(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a specification of two clauses in place of the suites."""
    first = types.SimpleNamespace(
        id="GRAD-1",
        level="MUST",
        cls="universal",
        text="The gradient is [right].",
        needs={"reverse"},
        broken_by={"b", "a"},
        chapter="Gradients",
        title="Right",
    )
    second = types.SimpleNamespace(
        id="GRAD-2", level="SHOULD", cls="universal", text="Second.", needs=set(), chapter="Gradients"
    )
    module = types.ModuleType("clinometer.suites")
    module.specification = lambda: [first, second]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "clinometer.suites", module)


@pytest.mark.usefixtures("specification")
def test_the_specification_is_printed_in_three_forms() -> None:
    """Text, Markdown and JSON hold every clause; sets are sorted, brackets are no markup, missing fields are empty."""
    text, markdown, data = (call("spec", "--format", form).stdout for form in ("text", "markdown", "json"))
    assert "The gradient is [right]." in text
    assert "broken by: a, b" in text
    assert "### GRAD-1: Right" in markdown
    assert "### GRAD-2\n" in markdown
    first, second = json.loads(data)
    assert first["broken_by"] == ["a", "b"]
    assert second["broken_by"] == ""


def test_the_operations_are_printed() -> None:
    """Operations are listed with group, dtypes, domain, special points and the clauses that ask about them."""
    assert "float, complex" in call("operations").stdout
    listed = {row["name"]: row for row in json.loads(call("operations", "--format", "json").stdout)}
    assert len(listed) >= 150
    assert listed["sqrt"]["domain"] == "(0, inf)"
    assert "convention at (0.0)" in listed["sqrt"]["special"]
    assert "complex64" in listed["sqrt"]["dtypes"]
    assert "complex64" not in listed["cbrt"]["dtypes"]
    assert {"GRAD-1", "KINK-2"} <= set(listed["sqrt"]["clauses"])


def test_the_backends_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each known name stands on the console with its line."""
    registry = types.ModuleType("clinometer.backends.registry")
    registry.known = lambda: {"reference": "plain numpy"}  # type: ignore[attr-defined]
    package = types.ModuleType("clinometer.backends")
    package.registry = registry  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "clinometer.backends", package)
    monkeypatch.setitem(sys.modules, "clinometer.backends.registry", registry)
    assert "plain numpy" in call("backends").stdout


def test_the_report_needs_no_number_library() -> None:
    """Importing the console script loads neither numpy nor any other part of Clinometer."""
    import subprocess

    others = "[m for m in sys.modules if m == 'numpy' or m.startswith('clinometer.')]"
    code = f"import sys, clinometer.reports.cli; print([m for m in {others} if 'clinometer.reports' not in m])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
