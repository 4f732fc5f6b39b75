"""What hostile backends do to files, and to all that is around them in their process."""

from __future__ import annotations

import contextlib
import gc
import json
import locale
import os
import random
import resource
import shutil
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings

from .deeds import throw

# ----- files -----


def open_files() -> list[int]:
    """Return the numbers of all files that are open, but for what Python prints to."""
    return [int(name) for name in os.listdir("/dev/fd") if int(name) > 2]


def close_all_files() -> None:
    """Close all that is open, stdout and stderr as well."""
    os.closerange(0, 4096)


def garbage_to_all_files() -> None:
    """Write what is no word to all that is open."""
    for number in open_files():
        with contextlib.suppress(OSError):
            os.write(number, b"\xff\x00{]\n" * 9)


def half_a_word_to_all_files() -> None:
    """Write the beginning of a word to all that is open."""
    for number in open_files():
        with contextlib.suppress(OSError):
            os.write(number, b'{"kind":"result","id":"')


def false_words_to_all_files() -> None:
    """Write to all that is open what workers say, of a case that nobody has asked."""
    for number in open_files():
        with contextlib.suppress(OSError):
            os.write(number, b'{"kind":"start","id":"nobody","at":""}\n{"kind":"result","id":"nobody","outcome":"pass"}\n')


def lines_to_nowhere() -> None:
    """Put a socket that nobody listens to in the place of each that is open."""
    one, _other = socket.socketpair()
    for number in open_files():
        with contextlib.suppress(OSError):
            if os.path.realpath(f"/dev/fd/{number}").find("socket:") >= 0:
                os.dup2(one.fileno(), number)


class Deaf:
    """Garbage in the place of a file."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name} here")


def garbage_for_streams() -> None:
    """Put garbage in the place of what Python prints to."""
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Deaf()  # type: ignore[assignment]


def close_streams() -> None:
    """Close what Python prints to."""
    sys.stdout.close()
    sys.stderr.close()


def print_much() -> None:
    """Print 10 MB."""
    sys.stdout.write("x" * 10_000_000)


def remove(path: Path) -> None:
    """Delete a folder that the test has made for this run, and no other one, whoever asks for it and how often."""
    if path.resolve() not in [(Path(os.environ["HOSTILE_FOLDER"]) / name).resolve() for name in ("here", "out")]:
        raise PermissionError(f"{path} is no folder of this test")
    shutil.rmtree(path)


def delete_the_journal() -> None:
    """Delete all that the run has written."""
    remove(Path(os.environ["HOSTILE_FOLDER"]) / "out")


def delete_where_it_stands() -> None:
    """Delete the folder that the run was started in."""
    remove(Path(os.environ["HOSTILE_FOLDER"]) / "here")


# ----- the interpreter -----


def surroundings() -> None:
    """Change all that a process has around it."""
    os.chdir("/")
    os.umask(0o777)
    os.environ.clear()
    sys.argv.clear()
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "C")


def small_files_only() -> None:
    """Let files have no byte."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def hog() -> None:
    """Take memory until there is none, and keep it."""
    kept: list[np.ndarray] = []
    sys.modules["kept"] = kept  # type: ignore[assignment]
    while True:
        kept.append(np.ones(4_000_000))


def no_numbers_but_finite() -> None:
    """Have numpy raise where it would warn."""
    np.seterr(all="raise")


def patched_clocks() -> None:
    """Stop all clocks."""
    for name in ("monotonic", "perf_counter", "time", "process_time"):
        setattr(time, name, lambda: 0.0)


def patched_modules() -> None:
    """Spoil what others rely on."""
    json.dumps = json.loads = os.write = os.replace = throw(RuntimeError("spoiled"))  # type: ignore[assignment]
    settings.register_profile("spoiled", max_examples=1)
    settings.load_profile("spoiled")


def traced() -> None:
    """Have each line that runs looked at by what raises."""

    def look(frame: Any, event: str, argument: Any) -> None:
        raise RuntimeError("traced")

    sys.settrace(look)


def forget_modules() -> None:
    """Forget where modules are."""
    sys.path.clear()
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()


def seeds_and_collectors() -> None:
    """Seed what draws, and turn the collector of garbage off and on."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  # as libraries do
    gc.disable()
    gc.set_threshold(1)
    gc.enable()


def little_recursion() -> None:
    """Let calls go no deeper than a few frames from here."""
    with contextlib.suppress(RecursionError):
        sys.setrecursionlimit(len(traceback.extract_stack()) + 5)
