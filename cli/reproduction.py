"""A script of a journal run in a fresh interpreter, and what its ending says of the failure that it is to show."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from clinometer.cli import within
from clinometer.journal.records import Result
from clinometer.journal.vocabulary import EXPECTED, INCOMPLETE, NEW_FAILURES

KEPT = 16_000  # bytes of what a script prints that are shown, of its beginning and of its end
GRACE = 3.0  # seconds in which a process is to end by itself when its time is over, and says where it is
LAST = 2.0  # seconds in which a pipe is to end when those who wrote to it are dead
NAME = "case.py"  # what a script is called in its tracebacks


@dataclass(frozen=True)
class Ending:
    """How a script ended.

    Parameters
    ----------
    how : str
        finished; raised; left, by an exit that Python does not see; died, of a signal; hung; or absent: it was not begun.
    what : str
        The exception or the signal, by its name, or the exit code.
    line : int
        Of the script, where it raised.
    output : str
        What it printed, of very much the beginning and the end.
    versions : dict
        Of what is installed there, empty where there is none.
    seconds : float
    """

    how: str
    what: str = ""
    line: int = 0
    output: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class _Kept:
    """The beginning and the end of a stream."""

    def __init__(self) -> None:
        self.head, self.tail, self.size = bytearray(), deque[bytes](), 0
        self._behind = 0  # bytes of the tail

    def read(self, stream: IO[bytes]) -> None:
        """Read to the end, and close it."""
        with stream, contextlib.suppress(OSError):
            while some := os.read(stream.fileno(), 1 << 16):
                self._add(some)

    def _add(self, some: bytes) -> None:
        self.size += len(some)
        room = KEPT - len(self.head)
        self.head += some[:room] if room > 0 else b""
        if rest := some[max(room, 0) :]:
            self.tail.append(rest)
            self._behind += len(rest)
            while self._behind - len(self.tail[0]) >= KEPT:
                self._behind -= len(self.tail.popleft())

    def text(self) -> str:
        """Return what was read, and in its midst how much is left out."""
        tail = b"".join(self.tail)[-KEPT:]
        left_out = self.size - len(self.head) - len(tail)
        parts = [bytes(part).decode("utf-8", "replace") for part in (self.head, tail)]
        return f"\n[... {left_out:,} bytes are left out ...]\n".join(parts) if left_out else "".join(parts)


def run(script: str, python: str, seconds: float, names: Sequence[str]) -> Ending:
    """Run a script in an interpreter, in a process and a group of its own, with nothing to read.

    Parameters
    ----------
    script : str
    python : str
        The interpreter.
    seconds : float
        After these it is killed, with all that it has started.
    names : sequence of str
        The distributions whose versions are asked for.
    """
    with tempfile.TemporaryDirectory(prefix="clinometer-") as folder:
        path, told = Path(folder, NAME), Path(folder, "told.json")
        path.write_text(script, "utf-8")
        source = Path(within.__file__).read_text("utf-8")
        command = [python, "-u", "-X", "faulthandler", "-c", source, str(seconds), str(path), str(told), *names]
        kept, begun = _Kept(), time.monotonic()
        process = subprocess.Popen(  # noqa: S603  # what it is for
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONIOENCODING": "utf-8:backslashreplace"},
            start_new_session=True,
        )
        assert process.stdout is not None  # a pipe
        reader = threading.Thread(target=kept.read, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds + GRACE)
        finally:
            took = time.monotonic() - begun
            _kill(process)
            reader.join(LAST)
        said: dict[str, Any] = json.loads(told.read_text("utf-8")) if told.exists() else {"how": "absent", "versions": {}}
        output = kept.text().replace(str(path), NAME)
    how, what = said["how"], said.get("kind", "")
    if took >= seconds and how != "raised":
        how, what = "hung", ""
    elif process.returncode < 0:
        how, what = "died", _signal(-process.returncode)
    elif how in ("left", "absent"):
        what = f"exit code {process.returncode}"
    return Ending(how, what, said.get("line", 0), output, said["versions"], took)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it has started."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# ----- what that says of the failure -----


def judged(result: Result, script: str, ending: Ending, seconds: float) -> tuple[int, str]:
    """Return the exit code and a sentence: whether a script has failed as its result says.

    The code is 1 if it has, 0 if it ran to its end, and 3 if it ended in another way, which decides nothing.
    """
    here = _told(ending, seconds)
    if ending.how == "finished":
        return EXPECTED, f"It does not fail here: {here}, where the journal says that {_due(result)}."
    seen = {
        "fail": ending.how == "raised" and ending.what == "AssertionError" and ending.line >= _last(script),
        "error": ending.how == "raised" and ending.what == exception(result),
        "crash": ending.how in ("died", "left"),
        "timeout": ending.how == "hung",
    }
    outcome = "fail" if result.outcome == "invalid" else result.outcome
    if seen.get(outcome, False):
        return NEW_FAILURES, f"It fails as the journal says: {here}{_otherwise(result, ending)}."
    return INCOMPLETE, f"It ends in another way: {here}, where the journal says that {_due(result)}."


def _last(script: str) -> int:
    """Return the line of the last statement, which is the one that is to fail."""
    try:
        return ast.parse(script).body[-1].lineno
    except (SyntaxError, ValueError, IndexError, RecursionError):
        return 0


def exception(result: Result) -> str:
    """Return the name of the exception that an error is: in the message it stands behind what was asked."""
    claim = result.evidence.claim if result.evidence is not None else ""
    return result.message.removeprefix(f"{claim}: ").partition(":")[0]


def _told(ending: Ending, seconds: float) -> str:
    return {
        "finished": "the script ran to its end",
        "raised": f"{ending.what} in line {ending.line}" if ending.line else ending.what,
        "left": f"its process ended itself ({ending.what})",
        "died": f"its process died ({ending.what})",
        "hung": f"it was still running after {seconds:g} s, and was killed",
    }[ending.how]


def _due(result: Result) -> str:
    """Return how a script is to end, by its result."""
    match result.outcome:
        case "error":
            return f"it raises {exception(result)}"
        case "crash" | "timeout":
            return result.message
        case _:
            return "the assertion in its last statement fails"


def _otherwise(result: Result, ending: Ending) -> str:
    """Return what the journal says of a death that was another one."""
    return f" (there: {result.message})" if result.outcome == "crash" and ending.what not in result.message else ""
