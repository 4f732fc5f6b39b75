"""Containment: what a worker does to itself before it loads a backend, so that no backend harms more than its own case."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import mmap
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Whether a process that has collected can be copied, again and again: macOS can, but its libraries do not bear it.
FORKS = sys.platform == "linux" and not os.environ.get("CLINOMETER_NO_FORK")
TIMES = 200  # that what has been adopted is killed: it may be starting others
LONGEST = 1 << 16  # bytes of a stack that are read
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # of <sys/prctl.h>
ROOM = Path(__file__).resolve().parents[1]
OURS = tuple(f"{ROOM / room}{os.sep}" for room in ("reference", "strategies", "harness", "suites", "journal"))
# Libraries that both sides call, and that decide nothing about whose call it was; the standard library as well.
SHARED = re.compile(r"[/\\](?:numpy|scipy|mpmath|hypothesis|msgspec)[/\\]")
STANDARD = re.compile(r"[/\\]lib[/\\]python3\.\d+[/\\](?!site-packages|dist-packages)|^<")
# One byte: 1 while the backend is called. A worker shares it with its parent, who reads it when the worker has died.
MARK: bytearray | mmap.mmap = bytearray(1)
FRAME = re.compile(r'^  File "(.+)", line \d+ in ', re.MULTILINE)
MAIN = re.compile(r"^Current thread .*$", re.MULTILINE)


def contain(memory: int = 0) -> None:
    """Make this process one that can be ended alone: with a session of its own, and no core file.

    Parameters
    ----------
    memory : int
        Bytes of address space that it may take; 0 for no limit.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    _limit(memory)


def die_with_parent(parent: int = 0) -> None:
    """Have the system kill this process when its parent ends, where it can; elsewhere it ends when its line is cut.

    Parameters
    ----------
    parent : int
        Its number, where it is known: it may have ended already.
    """
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        os._exit(1)


def _prctl(option: int, argument: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, argument)


_STARTING = threading.Lock()
_OWN: set[int] = set()  # processes that this one has started, and does not have to adopt


def started(command: Sequence[str], **more: Any) -> subprocess.Popen[bytes]:
    """Start a process, in a session of its own; what loses its parent, of all that comes of it, becomes a child of this one.

    Where the system can: on Linux.
    """
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    with _STARTING:
        process = subprocess.Popen(command, start_new_session=True, **more)  # noqa: S603  # whoever calls has chosen it
        _OWN.add(process.pid)
    return process


def adopted(others: set[int]) -> list[int]:
    """Return the children of this process that it has not started, and that are of other sessions; but for some `others`."""
    here, known = os.getpid(), _OWN | others
    return [pid for pid, parent, session in _processes() if parent == here and session != os.getsid(0) and pid not in known]


def _processes() -> Iterator[tuple[int, int, int]]:
    """Yield number, parent and session of each process that the system tells of: see proc(5)."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            _, parent, _, session, *_ = path.read_text("utf-8", "replace").rpartition(")")[2].split()
            yield int(path.parent.name), int(parent), int(session)


def end_adopted(others: set[int]) -> None:
    """Kill what has been adopted, and what that had started."""
    for _ in range(TIMES):
        with _STARTING:
            found = adopted(others)
            for pid in found:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, os.WNOHANG)
        if not found:
            break
        time.sleep(0.01)


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has neither
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def leave_word(path: str) -> None:
    """Have a file say, when this process has died, who was at work (its first byte), and with which stack if by a signal."""
    global MARK
    file = open(path, "w+b")  # noqa: SIM115  # it stays open as long as the process lives
    file.write(b"\0\n")
    file.flush()
    faulthandler.enable(file, all_threads=True)
    MARK = mmap.mmap(file.fileno(), 1)


@contextlib.contextmanager
def at_work() -> Iterator[None]:
    """Mark that the backend is at work within."""
    before, MARK[0] = MARK[0], 1
    try:
        yield
    finally:
        MARK[0] = before


def last_word(path: Path) -> tuple[str, bool]:
    """Return the stack that a process has left, if any, and whether it died in our own code.

    It did not where the backend was called, nor where the first frame from the top, of neither the standard library nor
    one that both sides use, is none of ours.
    """
    try:
        with path.open("rb") as file:
            found = file.read(LONGEST).decode("utf-8", "replace")
    except OSError:
        return "", False
    called, stack = found[:1] == "\1", _above_worker(found[2:].strip("\n"))
    return stack, bool(stack) and not called and _is_ours(stack)


def _above_worker(stack: str) -> str:
    """Return a stack without what every worker stands on."""
    lines = stack.split("\n")
    floor = next((at for at, line in enumerate(lines) if f"{os.sep}harness{os.sep}worker.py" in line), len(lines))
    return "\n".join(lines[:floor])


def _is_ours(stack: str) -> bool:
    thread = MAIN.search(stack)
    top = stack[thread.end() :].partition("\n\n")[0] if thread else stack
    for file in FRAME.findall(top):
        if file.startswith(OURS):
            return True
        if not SHARED.search(file) and not STANDARD.search(file):
            return False
    return False
