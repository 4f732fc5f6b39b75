"""What the documents show is true: their scripts run, and print what they say."""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import findings
import pytest
from findings import DOCUMENT, RELEASE, Finding, page, runner, spans, stale

from clinometer.backends import load
from clinometer.backends.registry import BUILT_IN
from clinometer.harness.examine import Examination, examine
from clinometer.harness.expectations import Known
from clinometer.harness.scripts.evidence import evidence
from clinometer.harness.specification import specification

ROOT = Path(__file__).parent.parent
FINDINGS = findings.findings()
EXCEPTION = re.compile(r"[\w.]*(Error|Exception)(: .+)?")
SOME = Finding(
    "lib", "1.1", "some", "why", "1.0", ({"clauses": ["GRAD-2", "GRAD-1"]},), "assert 0", "AssertionError\n", "r", "t"
)

Printed = Callable[[str, str], str]


@pytest.fixture(scope="module")
def printed() -> Iterator[Printed]:
    """Return what a script prints, with what ends it, in a child of an interpreter that has imported a library."""
    runners = {}
    with ExitStack() as stack:

        def carried_out(library: str, script: str) -> str:
            if library not in runners:
                runners[library] = stack.enter_context(runner(library, {}))
            return runners[library].printed(script)

        yield carried_out


# ----- findings -----


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: f"{finding.backend}, {finding.title}")
def test_a_finding_shows_what_it_says(finding: Finding, printed: Printed) -> None:
    """The script of a finding runs without Clinometer and prints the output that stands beside it."""
    assert "clinometer" not in finding.script
    output = printed(finding.backend, finding.script)
    assert finding.shows(output), output


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: f"{finding.backend}, {finding.title}")
def test_a_finding_ends_in_what_is_wrong(finding: Finding) -> None:
    """What a script prints ends in an exception: the library's, or that of its last statement, which says what should hold."""
    last = finding.prints.strip().splitlines()[-1]
    assert EXCEPTION.fullmatch(last)
    if last.startswith("AssertionError") and ":" not in last:
        statement = ast.parse(finding.script).body[-1]
        assert isinstance(statement.body[-1] if isinstance(statement, ast.For) else statement, ast.Assert)


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: f"{finding.backend}, {finding.title}")
def test_a_finding_tells_all_that_a_maintainer_asks(finding: Finding) -> None:
    """Each has a version, a link or none, what is right, and why that is no matter of taste; each explains some failure."""
    assert re.fullmatch(r"\d+(\.\d+)+", finding.seen)
    assert re.fullmatch(r"(https://github\.com/[\w-]+/[\w-]+/(issues|pull)/\d+)?", finding.link)
    assert all(len(text.split()) >= 5 for text in (finding.summary, finding.right, finding.taste))
    assert finding.summary == " ".join(finding.summary.split()).rstrip(".")
    assert finding.known
    if finding.where:
        assert f'"{finding.where}"\n' in finding.script


def test_no_two_findings_have_the_same_name() -> None:
    """A title names one finding of a library, and a summary too."""
    for name in ("title", "summary"):
        names = [(finding.backend, getattr(finding, name)) for finding in FINDINGS]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("backend", sorted({finding.backend for finding in FINDINGS}))
def test_findings_are_there_in_the_release_that_is_named(backend: str) -> None:
    """The scripts are run with the release that stands as the newest in a library's file, which is a built-in backend's."""
    assert backend in BUILT_IN
    assert backend in RELEASE
    assert {f.newest for f in FINDINGS if f.backend == backend} == {version(backend).partition("+")[0]}


def test_the_document_is_made_of_the_findings() -> None:
    """docs/findings.md is what `python tests/findings.py write` writes."""
    assert DOCUMENT.read_text("utf-8") == page(FINDINGS)


# ----- the tests above can fail -----


@pytest.mark.parametrize(
    ("script", "output"),
    [
        ("print(1)", "1\n"),
        ("print(1)\nassert False", "1\nAssertionError\n"),
        ("raise ValueError('one\\ntwo')", "ValueError: one\n"),
        ("import zipfile\nraise zipfile.BadZipFile('x')", "zipfile.BadZipFile: x\n"),
        ("import sys\nprint(1)\nsys.exit(3)", "1\nSystemExit: 3\n"),
        ("import os\nos.kill(os.getpid(), 9)", "killed by signal 9\n"),
        ("import warnings\nwarnings.warn('w')\nprint(__name__)", "__main__\n"),
        ("", ""),
    ],
)
def test_a_script_is_told_with_its_end(script: str, output: str, printed: Printed) -> None:
    """What is printed comes back, with the exception or the signal that ended the script; warnings do not."""
    assert printed("json", script) == output


def test_scripts_run_apart(printed: Printed) -> None:
    """What one script changes the next does not see."""
    printed("json", "import json\njson.mark = 1")
    assert printed("json", "import json\nprint(hasattr(json, 'mark'))") == "False\n"


@pytest.mark.parametrize(
    ("says", "where", "output", "shown"),
    [
        ("1\nAssertionError", "", "1\nAssertionError\n", True),
        ("1\nAssertionError", "", "1\n", False),
        ("1\nAssertionError", "", "2\nAssertionError\n", False),
        ("1\nAssertionError", "", "1\nAssertionError: why\n", False),
        ("1\nValueError: a b ...", "", "1\nValueError: a b c\n", True),
        ("1\nValueError: a b ...", "", "1\nValueError: a c\n", False),
        ("1\nValueError: a", "here", "AssertionError: here\n", True),
        ("1\nValueError: a", "", "AssertionError: here\n", False),
        ("1\nValueError: a", "here", "1\n", False),
    ],
)
def test_a_finding_is_held_to_its_output(says: str, where: str, output: str, shown: bool) -> None:
    """Another number, and an exception that does not come, are noticed; the end of a long message may be left out."""
    assert dataclasses.replace(SOME, prints=says, where=where).shows(output) == shown


def test_a_finding_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its section has its clauses, versions, link, script and output; without a link it says that there is no report."""
    monkeypatch.setitem(RELEASE, "lib", "the newest release")
    text = page([SOME, dataclasses.replace(SOME, title="other", link="https://github.com/a/b/issues/1", where="it rains")])
    first, second = text.split("### ")[1:]
    status = "Seen in lib 1.0; still there in 1.1, the newest release. Upstream:"
    assert f"Breaks GRAD-1, GRAD-2. {status} no report found." in " ".join(first.split())
    assert f"GRAD-2, where it rains. {status} [a/b/issues/1](https://github.com/a/b/issues/1)." in " ".join(second.split())
    assert "```python\nassert 0\n```\n\n```text\nAssertionError\n```" in first


@pytest.mark.parametrize(
    ("clauses", "text"),
    [
        ([], ""),
        (["A-1"], "A-1"),
        (["A-1", "A-2", "B-3"], "A-1, A-2, B-3"),
        (["A-1", "A-2", "A-3", "A-5", "A-B-6"], "A-1 to A-3, A-5, A-B-6"),
    ],
)
def test_clauses_in_a_row_are_drawn_together(clauses: list[str], text: str) -> None:
    """Three or more that follow upon each other are a range."""
    assert spans(clauses) == text


def test_a_stale_entry_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that an entry covers and that passes is told; so is an entry that nothing meets, and a failure that is news."""
    right = Known("reference", ("GRAD-1",), "right", "1", "sin", "float64")
    rare = Known("reference", ("GRAD-2",), "rare", "1", "sin", "float64", intermittent=True)
    monkeypatch.setattr(findings, "shipped", lambda backend: [right, rare])
    assert list(stale("reference", "quick", [0])) == [
        "fixed: GRAD-1[sin-reverse-float64], seed 0: right",
        "nothing met GRAD-1 sin: right",
        "nothing met GRAD-2 sin: rare",
    ]
    monkeypatch.setattr(findings, "examine", lambda *args, **options: Examination("fail", message="off"))
    assert list(stale("reference", "quick", [0])) == []
    monkeypatch.setattr(findings, "examine", lambda *args, **options: Examination("error", message="raised"))
    assert list(stale("reference", "quick", [0]))[:2] == [
        "new: GRAD-1[sin-reverse-float64], seed 0: error: raised",
        "new: GRAD-2[sin-reverse-float64], seed 0: error: raised",
    ]


# ----- the first page -----


def test_the_script_of_the_readme_is_what_a_run_writes() -> None:
    """What README.md shows is the failure of det of a singular matrix on torch, and its script fails as it says."""
    page = (ROOT / "README.md").read_text("utf-8")
    (told,), (script,) = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("text", "python"))
    clause = next(it for it in specification() if it.id == "KINK-3")
    cell = next(it for it in clause.cells if str(it) == "det-at[[1.0,2.0],[2.0,4.0]]-reverse-float64")
    result = examine(clause, cell, load("torch"))
    finding = result.finding
    assert finding is not None
    assert told == f"{clause.id} ({clause.level}): {clause.text}\n\n{result.outcome}: {result.message}\n"
    assert script == evidence(finding, clause, load("torch"), "torch").script
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert "AssertionError: at [0, 0]: got is" in done.stderr


# ----- the two commands -----

COMMANDS = re.findall(r"^python3 .* tox -e \S+$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").glob("*.md"))


def test_the_readme_has_two_commands_of_one_kind() -> None:
    """They differ in the environment alone, and tox has both."""
    first, second = COMMANDS
    assert first.replace("-e conformance", "-e tests") == second
    tox = (ROOT / "tox.ini").read_text("utf-8")
    assert all(f"[testenv:{command.split()[-1]}]" in tox for command in COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_installs_into_the_system(document: Path) -> None:
    """Debian, Ubuntu and Homebrew refuse `python3 -m pip install`: what is installed goes into a virtual environment."""
    for line in document.read_text("utf-8").splitlines():
        if "pip install" in line and not line.lstrip().startswith("#"):
            assert "python3 -m pip" not in line
            assert not line.lstrip().startswith(("pip ", "pip3 ", "sudo pip"))


def test_the_gate_runs_the_test_command_as_the_readme_prints_it(tmp_path: Path) -> None:
    """What .ci/run takes out of the README is the one line, and in a bare folder it calls venv, pip and tox in turn."""
    gate = (ROOT / ".ci" / "run").read_text("utf-8")
    [taken] = re.findall(r"^command=\$\((.*)\)$", gate, re.MULTILINE)
    found = subprocess.run(["bash", "-c", taken], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert found == COMMANDS[1] + "\n"
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(
        '#!/bin/sh\necho "$@" >> called\n[ "$2" != venv ] || { mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; }\n',
        "utf-8",
    )
    python.chmod(0o755)
    path = f"{python.parent}:{os.environ['PATH']}"
    subprocess.run(["bash", "-euc", found], cwd=tmp_path, env={**os.environ, "PATH": path}, check=True)
    assert (tmp_path / "called").read_text("utf-8").splitlines() == ["-m venv .venv", "-m pip install tox", "-m tox -e tests"]
