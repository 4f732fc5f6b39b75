"""Whether an adapter does what its members promise: each asked once, in seconds, before the suites ask everything.

A fault that shows here is the adapter's, or so great a one of the library's that nothing can be asked. The library runs in
a process of its own, which may crash: whatever was being asked then is the answer.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from clinometer.harness.smoke.answers import UNLOADED, WRONG, Answer

SECONDS = 20  # for one question: whoever does not answer by then is wrong
LOADING = 120  # for a library to be imported
CRASHES = 10  # of one adapter; then the rest is not asked


def smoke(name: str) -> Iterator[Answer]:
    """Ask a backend, in a process of its own, and return the answers as they come.

    Parameters
    ----------
    name : str
        Whatever `load` takes.
    """
    with tempfile.TemporaryDirectory() as folder:
        number = 0
        for attempt in range(CRASHES + 1):
            path = Path(folder) / f"answers{attempt}.jsonl"
            path.touch()
            begun, ended, over = None, "", False
            for line in _told(name, path, number):
                if "begun" in line:
                    begun, number = line["begun"], number + 1
                elif "ended" in line:
                    ended = line["ended"]
                elif "over" in line:
                    over = True
                else:
                    begun = None
                    yield Answer(**line)
            if over:
                return
            if begun is None:  # before its first question
                yield Answer(name, UNLOADED, ended, "import the library by itself, and see what it says")
                return
            yield Answer(
                begun, WRONG, ended, f"call it by itself, in a script of its own; all else of {name} is asked without it"
            )
        yield Answer(name, WRONG, f"the library has ended its process {CRASHES + 1} times", "the rest is not asked")


def _told(name: str, path: Path, number: int) -> Iterator[dict[str, Any]]:
    """Start a process that asks from a question on, and return what it writes; at last how it ended, if badly."""
    command = [sys.executable, "-m", "clinometer.harness.smoke.questions", name, str(path), str(number)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with path.with_suffix(".err").open("w+b") as errors, path.open("r", encoding="utf-8") as lines:
        process = subprocess.Popen(command, env=environment, stdout=errors, stderr=errors)  # noqa: S603  # ourselves
        try:
            over = yield from _followed(process, lines)
        finally:  # whoever stops listening, by Ctrl-C too, leaves no process behind
            process.kill()
            process.wait()
        if process.returncode:
            errors.seek(0)
            text = errors.read().decode(errors="replace").strip().splitlines()
            yield {"ended": "it does not come back, and was ended" if over else _end(process.returncode, text)}


def _followed(process: subprocess.Popen[bytes], lines: TextIO) -> Generator[dict[str, Any], None, bool]:
    """Return what a process writes, until it ends; and whether it was ended for want of an answer."""
    last, over, rest, limit = time.monotonic(), False, "", LOADING
    while True:
        done = process.poll() is not None
        *new, rest = (rest + lines.read()).split("\n")
        yield from map(json.loads, new)
        last, limit = (time.monotonic(), SECONDS) if new else (last, limit)
        if done and not new:
            return over
        if time.monotonic() - last > limit and not over:
            process.kill()
            over = True
        time.sleep(0 if done else 0.02)


def _end(code: int, lines: Sequence[str]) -> str:
    """Return how a process ended, in a clause."""
    if code < 0:
        return f"the library ends its process with {signal.Signals(-code).name}"
    return f"the library ends its process with exit code {code}" + (f": {lines[-1]}" if lines else "")
