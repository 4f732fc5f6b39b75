"""Runs that are told to stop: whatever the signal, and whatever was ignored when they began, nothing is lost."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import synthetic_journals as made
from asking import ask, command, of_kind

from clinometer.journal import reader, records
from clinometer.reports.results import load

SOUND = ["--backend", "reference"]
CHOSEN = ["-k", "truth and float64"]
CLINOMETER = [sys.executable, "-c", "from clinometer.cli.main import main; main()"]

# How a process may be started: as from a terminal, as a background job of a script and in many CI runners, under nohup.
STARTS = {"plain": "", "SIGINT ignored": "trap '' INT;", "nohup": "trap '' HUP;", "all ignored": "trap '' INT TERM CHLD;"}


def stopped(folder: Path, path: Path, words: list[str], number: int, start: str = "plain", group: bool = False) -> str:
    """Start a long run, send it a signal when its journal has a few results, and return what it printed."""
    process = subprocess.Popen(
        ["sh", "-c", f"{STARTS[start]} exec {shlex.join(words)}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=usual,  # whatever these tests have inherited themselves
    )
    while process.poll() is None and not (path.exists() and path.read_text().count('"kind":"result"') >= 3):
        time.sleep(0.05)
    assert process.poll() is None, "the run was over before it could be interrupted"
    (os.killpg if group else os.kill)(process.pid, number)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 3, out
    assert "Traceback" not in out
    return out


def usual() -> None:
    """Take back what a runner of these tests ignores."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


def is_cut(path: Path, page: Path) -> None:
    """Hold that a journal ends as one of an interrupted run, and the report says so."""
    *_, last = reader.read(path)
    assert isinstance(last, records.End)
    assert (last.interrupted, last.exit) == (True, 3)
    [subject] = load([path]).subjects
    assert subject.unfinished == ["the run was interrupted."]
    assert "crash" not in subject.tally.outcomes
    assert subject.tally.outcomes["notrun"] > 10
    assert "was interrupted" in page.read_text()


@pytest.mark.parametrize(
    ("number", "start"),
    [
        (signal.SIGINT, "plain"),
        (signal.SIGINT, "SIGINT ignored"),
        (signal.SIGTERM, "all ignored"),
        (signal.SIGHUP, "plain"),
    ],
    ids=lambda it: getattr(it, "name", it),
)
def test_a_run_that_is_interrupted_says_so_and_can_go_on(tmp_path: Path, number: int, start: str) -> None:
    """Exit code 3, a journal and report that say incomplete, and the command that asks the rest, and what was cut, once."""
    path = tmp_path / "r.jsonl"
    words = command(*SOUND, "--report", "r.html", *CHOSEN, "--profile", "standard")
    out = stopped(tmp_path, path, words, number, start)
    is_cut(path, tmp_path / "r.html")
    [again] = [line.partition("go on with: ")[2] for line in out.splitlines() if "go on with: " in line]
    assert shlex.split(again) == ["pytest", *words[3:], "--resume"]
    done = {r.id for r in of_kind(path, records.Result)}
    rest = ask(tmp_path, *SOUND, "--report", "r.html", *CHOSEN, "--profile", "standard", "--resume", "-k", "truth and [exp-")
    assert rest.returncode == 0, rest.stdout
    results = [r.id for r in of_kind(path, records.Result)]
    assert len(results) == len(set(results))
    assert done < set(results)
    cases = [c.id for c in of_kind(path, records.CaseRecord)]
    assert len(cases) == len(set(cases))


@pytest.mark.parametrize(
    ("number", "start", "group"),
    [(signal.SIGTERM, "SIGINT ignored", False), (signal.SIGINT, "plain", True), (signal.SIGTERM, "nohup", True)],
    ids=["kill", "Ctrl-C", "timeout"],
)
def test_the_whole_of_a_run_stops_as_one(tmp_path: Path, number: int, start: str, group: bool) -> None:
    """Told alone, or with all its processes as a terminal tells them, it stops once, says so and leaves all there is."""
    words = [*CLINOMETER, "run", "reference", "--profile", "standard", "-n", "2", "--", *CHOSEN]
    folder = tmp_path / "clinometer-report"
    out = stopped(tmp_path, folder / "reference.jsonl", words, number, start, group)
    is_cut(folder / "reference.jsonl", folder / "index.html")
    [end] = of_kind(folder / "reference.jsonl", records.End)
    assert end.interrupted
    assert "reference: interrupted." in out
    assert "clinometer run reference --profile standard -n 2 --resume -- -k 'truth and float64'" in out


def test_an_interrupted_run_is_not_overwritten(tmp_path: Path) -> None:
    """--journal FILE keeps what FILE held as FILE.1, and says so: only --resume goes on with it."""
    yesterday = made.write(tmp_path / "j.jsonl", [made.run("torch")]).read_text()
    done = ask(tmp_path, *SOUND, "--journal", "j.jsonl", "-k", "truth and [exp-reverse-float64]")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "j.jsonl.1").read_text() == yesterday
    assert "journal: j.jsonl (what it held before is kept as j.jsonl.1)" in done.stdout


def test_another_profile_or_seed_does_not_resume_a_journal(tmp_path: Path) -> None:
    """Their cases are others: exit code 2, one sentence with both, and the journal stays as it is."""
    chosen = ["--journal", "j.jsonl", "-k", "truth and [exp-reverse-float64]"]
    ask(tmp_path, *SOUND, *chosen)
    before = (tmp_path / "j.jsonl").read_bytes()
    for other in (["--seed", "1"], ["--profile", "standard"]):
        done = ask(tmp_path, *SOUND, *chosen, "--resume", *other)
        assert done.returncode == 2
        assert "was written with profile quick, seed 0 and cannot be resumed with profile" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert (tmp_path / "j.jsonl").read_bytes() == before


HEARING = """
import os, signal, subprocess, sys
from clinometer.harness.interruption import heard
{before}
caught = 0
with heard():
    for number in ({sent}):
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt:
            caught += 1
    child = "from signal import *; print(*(getsignal(n) is SIG_IGN for n in (SIGINT, SIGTERM, SIGCHLD)))"
    ignored = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout.split()
print(caught, *ignored, signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
"""
ALL = "signal.SIGINT, signal.SIGTERM, signal.SIGCHLD"


@pytest.mark.parametrize(
    ("before", "sent", "said"),
    [
        ("", "signal.SIGTERM, signal.SIGINT, signal.SIGHUP", "1 False False False False"),
        (f"[signal.signal(n, signal.SIG_IGN) for n in ({ALL})]", "signal.SIGINT,", "1 False False False True"),
        ("signal.signal(signal.SIGHUP, signal.SIG_IGN)", "signal.SIGHUP,", "0 False False False False"),
    ],
    ids=["three signals are one wish", "what is ignored is heard", "nohup is respected"],
)
def test_signals_are_heard_whatever_was_inherited(before: str, sent: str, said: str) -> None:
    """Within, one wish raises once and children begin with the defaults; afterwards all is as it was."""
    script = HEARING.format(before=before, sent=sent)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, preexec_fn=usual)
    assert done.stdout.strip() == said


SWALLOWED = """
import os, signal
from clinometer.backends import load
from clinometer.harness.cells import ONCE
from clinometer.harness.clauses import clause
from clinometer.harness.examine import examine
from clinometer.harness.interruption import heard

def told(check):
    \"\"\"Holds.\"\"\"
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        raise ValueError("within a library, an interruption became this") from None

with heard():
    try:
        print(examine(clause("X-1")(told).clause, ONCE[0], load("reference")).outcome)
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_an_interruption_that_becomes_another_exception_is_still_one() -> None:
    """A signal that comes while a library or Hypothesis is at work ends the run: it is no verdict on the case."""
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, check=True, preexec_fn=usual)
    assert done.stdout.strip() == "interrupted"


def test_what_lives_to_the_end_is_not_looked_at_again_and_again(tmp_path: Path) -> None:
    """Once the cells are collected the garbage collector leaves them alone."""
    (tmp_path / "frozen.py").write_text(
        "import gc\ndef pytest_runtest_setup(item):\n    print('frozen', gc.get_freeze_count() > 10_000)\n"
    )
    done = ask(tmp_path, *SOUND, "-p", "frozen", "-s", "-k", "truth and [exp-reverse-float64]")
    assert done.returncode == 0, done.stdout
    assert "frozen True" in done.stdout
