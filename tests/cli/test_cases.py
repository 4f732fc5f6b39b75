"""One case of a journal: which is meant, and its script run again."""

from __future__ import annotations

import fcntl
import itertools
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import synthetic_journals as made
from hosting import call, unwrapped
from one_case import CASE, FAILING, failing, journal, refused, subject

from clinometer.cli import reproduction
from clinometer.journal.records import End, Result, Start
from clinometer.journal.vocabulary import Outcome

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


CHILD = """\
import fcntl, sys, time
lock = open({lock!r}, "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(600)
"""
HANGING = """\
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE)
child.stdout.readline()
time.sleep(600)
"""


def is_free(path: Path, tries: int = 50) -> bool:
    """Whether nobody has a lock any more; who was killed a moment ago may still be on the way out."""
    for _ in range(tries):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.1)
            else:
                return True
    return False


@pytest.mark.parametrize(("outcome", "code"), [("timeout", 1), ("fail", 3)])
def test_a_script_that_hangs_is_killed_with_what_it_has_started(outcome: Outcome, code: int, tmp_path: Path) -> None:
    """It is said to hang, with the line in which it does, and a child of its own does not outlive it."""
    lock = tmp_path / "lock"
    script = HANGING.format(child=CHILD.format(lock=str(lock)))
    path = journal(tmp_path / "a.jsonl", outcome, script, message="no result within 60 s")
    called = call("repro", path, CASE.id, "--timeout", "3")
    assert called.exit_code == code
    assert "it was still running after 3 s, and was killed" in unwrapped(called)
    assert 'File "case.py", line 4' in called.stdout
    assert is_free(lock)


def test_a_script_that_ends_takes_with_it_what_it_has_started(tmp_path: Path) -> None:
    """A child that holds the output open keeps nobody waiting."""
    lock = tmp_path / "lock"
    script = HANGING.format(child=CHILD.format(lock=str(lock))).replace("time.sleep(600)\n", "assert 0")
    assert call("repro", journal(tmp_path / "a.jsonl", script=script), CASE.id).exit_code == 1
    assert is_free(lock)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_script_as_well(number: signal.Signals, tmp_path: Path) -> None:
    """Whoever is interrupted leaves nothing behind, and does not say that a failure was seen."""
    lock = tmp_path / "lock"
    path = journal(tmp_path / "a.jsonl", "timeout", CHILD.format(lock=str(lock)))
    command = [sys.executable, "-c", "from clinometer.cli.main import main; main()", "repro", str(path), CASE.id]
    called = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        while not lock.exists() or is_free(lock, tries=1):
            assert called.poll() is None
            time.sleep(0.1)
        called.send_signal(number)
        _, said = called.communicate(timeout=60)
    finally:
        called.kill()
    assert called.returncode == 3
    assert "interrupted; the script was killed" in said
    assert is_free(lock)


def test_a_deaf_process_is_killed_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the clock within the process is stopped, that of its parent counts."""
    monkeypatch.setattr(reproduction, "GRACE", 0.5)
    script = "import faulthandler, time\nfaulthandler.cancel_dump_traceback_later()\ntime.sleep(600)"
    called = call("repro", journal(tmp_path / "a.jsonl", "timeout", script), CASE.id, "--timeout", "1.5")
    assert called.exit_code == 1


def test_nothing_can_be_read_from_the_terminal(tmp_path: Path) -> None:
    """A script that asks gets an end of file."""
    path = journal(tmp_path / "a.jsonl", script="input()\nassert 0")
    command = [sys.executable, "-c", "from clinometer.cli.main import main; main()", "repro", str(path), CASE.id]
    called = subprocess.run(command, input="yes\n", capture_output=True, text=True, timeout=60, check=False)
    assert called.returncode == 3
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


def test_a_library_that_is_missing_here_is_named_with_what_to_do(tmp_path: Path) -> None:
    """The script cannot show anything without it, and the option that helps stands below."""
    called = call("repro", journal(tmp_path / "a.jsonl", script="import nowhere_to_be_found", backend="nowhere"), CASE.id)
    assert called.exit_code == 3
    assert "  nowhere: 2.13.0, not installed here" in called.stdout
    assert "--python PATH names another interpreter" in called.stdout


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
