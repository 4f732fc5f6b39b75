"""Run scripts in turn, each in a child of one process that has imported the library: `python tests/in_turn.py torch`.

A script comes as one line of JSON, and so goes what it printed, followed by the exception that ended it. A child starts
in milliseconds, where an interpreter needs seconds to import the library, and leaves nothing behind for the next script.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
import warnings

SECONDS = 120  # for one script; that is many times what the slowest takes on two busy cores


def ending(error: BaseException) -> str:
    """Return the last line of a traceback: the exception by its full name, with the first line of its message."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    first = str(error).strip().partition("\n")[0]
    return f"{name}: {first}" if first else name


def carry_out(script: str, output: int) -> None:
    """Run a script in this process, and end the process."""
    signal.alarm(SECONDS)
    os.dup2(output, 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
    except BaseException as error:
        print(ending(error))
    sys.stdout.flush()
    os._exit(0)


def printed(script: str) -> str:
    """Return what a script prints in a child, and what ends it."""
    with tempfile.TemporaryFile("w+") as output:
        child = os.fork()
        if not child:
            carry_out(script, output.fileno())
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return output.read() + (f"killed by signal {os.WTERMSIG(status)}\n" if os.WIFSIGNALED(status) else "")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    importlib.import_module(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(printed(json.loads(line))), flush=True)
