"""What `clinometer repro` hands to an interpreter: it runs a script there, and tells who waits outside how it has ended.

Its source is given to `python -c`, since that interpreter need not have Clinometer: it knows the standard library alone.
"""

from __future__ import annotations

import faulthandler
import importlib.metadata
import json
import platform
import runpy
import sys
from typing import Any


def main(seconds: str, path: str, told: str, *names: str) -> None:
    """Run a script as `python path` would.

    Parameters
    ----------
    seconds : str
        After these the stacks of all threads are printed and the process ends, even if nobody waits any more.
    path : str
        The script.
    told : str
        The file that says how it has ended, as JSON: what it raised, if anything, in which of its lines; and versions.
    names : str
        The distributions whose versions are told.
    """
    ending: dict[str, Any] = {"how": "left", "versions": {name: _version(name) for name in names}}

    def tell(**more: Any) -> None:
        with open(told, "w", encoding="utf-8") as file:
            json.dump(ending | more, file)

    tell()
    sys.argv = [path]
    faulthandler.dump_traceback_later(float(seconds), exit=True)
    try:
        runpy.run_path(path, run_name="__main__")
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != path:
            trace = trace.tb_next
        tell(how="raised", kind=type(error).__name__, line=trace.tb_lineno if trace is not None else 0)
        if isinstance(error, SystemExit):
            raise
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(1)
    tell(how="finished")


def _version(name: str) -> str:
    if name == "python":
        return platform.python_version()
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main(*sys.argv[1:])
