"""Run every script of some journals, in a process each, and list those that do not fail as their result says.

    python tests/scripts_of.py clinometer-report/torch.jsonl clinometer-report/autograd.jsonl

A script of a failure ends in an assertion that fails; one of an error raises what the library raised. The libraries are
imported once, and each script runs in a fork of that process, so that a run's few hundred scripts take a minute.
"""

from __future__ import annotations

import ast
import collections
import contextlib
import importlib
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PATIENCE = 120  # seconds for one script
NAME = "script.py"


class Shown(NamedTuple):
    """A script, and how it must end."""

    id: str
    outcome: str
    message: str
    source: str
    claim: str

    @property
    def raised(self) -> str:
        """The exception that the script is to raise, by its name: in the message it stands after what was asked."""
        return "AssertionError" if self.outcome != "error" else self.message.removeprefix(f"{self.claim}: ").partition(":")[0]


class Ending(NamedTuple):
    """How a script ended: what it raised, in which of its lines, and what it printed."""

    raised: str
    text: str
    line: int
    printed: str


def scripts(path: Path) -> Iterator[Shown]:
    """Yield the scripts of a journal."""
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        source = (record.get("evidence") or {}).get("script")
        if record["kind"] == "result" and source:
            yield Shown(record["id"], record["outcome"], record.get("message", ""), source, record["evidence"]["claim"])


def executed(source: str) -> Ending:
    """Run a script in this process, and say how it ended."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(source, NAME, "exec"), {"__name__": "__main__"})
    except BaseException as error:
        lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == NAME]
        return Ending(type(error).__name__, " ".join(str(error).split()), lines[0] if lines else 0, printed.getvalue())
    return Ending("", "", 0, printed.getvalue())


def judged(shown: Shown) -> tuple[str, Ending]:
    """Return what is wrong with a script, or nothing, and how it ended."""
    ending = executed(shown.source)
    if not ending.raised:
        return "ends without an exception", ending
    if ending.raised != shown.raised:
        return f"raises {ending.raised}, not {shown.raised}", ending
    if shown.outcome != "error" and ending.line < ast.parse(shown.source).body[-1].lineno:
        return "fails before its last statement", ending
    return "", ending


def endings(found: Iterable[Shown], libraries: Iterable[str] = ()) -> Iterator[tuple[Shown, str, Ending]]:
    """Run scripts, each in a fork that has the libraries and has done nothing with them."""
    for library in libraries:
        importlib.import_module(library)
    for shown in found:
        yield shown, *forked(shown)


def forked(shown: Shown) -> tuple[str, Ending]:
    """Return what `judged` does, in a process that lives for one script."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(PATIENCE)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            wrong, ending = judged(shown)
        with open(writing, "w") as answer:
            json.dump([wrong, *ending], answer)
        os._exit(0)
    os.close(writing)
    with open(reading) as answer:
        told = answer.read()
    _, status = os.waitpid(child, 0)
    if not told:
        return f"ends with status {status}, or takes longer than {PATIENCE} s", Ending("", "", 0, "")
    wrong, *ending = json.loads(told)
    return wrong, Ending(*ending)


LIBRARIES = {
    "torch": ("torch", "torch.func", "torch._decomp.decompositions_for_jvp"),
    "autograd": ("autograd.numpy", "autograd.scipy.special"),
    "mygrad": ("mygrad",),
}


def main(paths: list[str]) -> int:
    """List the scripts of journals that do not show what they should."""
    bad = total = 0
    for path in map(Path, paths):
        backend = json.loads(path.read_text("utf-8").partition("\n")[0])["backend"]
        causes: collections.Counter[str] = collections.Counter()
        for shown, wrong, ending in endings(scripts(path), LIBRARIES.get(backend, ())):
            total += 1
            if wrong:
                bad += 1
                causes[f"{shown.outcome}: {wrong}"] += 1
                print(f"{shown.id}\n  {shown.message}\n  {wrong}: {ending.text}")
        for cause, n in causes.most_common():
            print(f"{path.name}: {n} {cause}")
    print(f"{total - bad} of {total} scripts fail as they say")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
