"""Interruption: a run ends as after Ctrl-C, whichever signal asks for it and whatever was inherited.

Shells start background jobs with SIGINT ignored, and so do many CI runners; init systems, `docker stop` and `kill` send
SIGTERM; a closed terminal sends SIGHUP. What a process ignores, its children ignore as well, and Python then raises
nothing. So whoever runs the suites takes these signals into its own hands, and starts its children with none ignored.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

_CAME: list[int] = []  # signals that this process was sent while it listened
_BUSY: list[int] = []  # not empty within `deferred`
_OURS: list[Any] = []  # the handlers of those who listen
ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
ONE = 1.0  # seconds in which several signals are one wish: a terminal, `timeout` and a parent each send their own


@contextlib.contextmanager
def heard(*names: str) -> Iterator[None]:
    """Within, raise KeyboardInterrupt when a signal asks for the end, one of these or of all that may.

    SIGHUP stays ignored where it is: that is what `nohup` is for. SIGCHLD does not, else a child that crashed would
    look like one that ended well. Handlers are not inherited by children, which begin with the defaults. Nothing is raised
    in a callback of the garbage collector, where it would be printed and lost; in a destructor it is, and what is raised
    within a library may become another exception; so whoever works in steps says `insist` between two of them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _CAME.clear()
    before = {number: signal.getsignal(number) for number in _ending(names or ENDING)}
    interrupt = _once(_CAME)
    _OURS.append(interrupt)
    try:
        for number in before:
            signal.signal(number, interrupt)
        if hasattr(signal, "SIGCHLD") and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        _OURS.remove(interrupt)
        _CAME.clear()


def insist(error: BaseException | None = None) -> None:
    """Raise KeyboardInterrupt if a signal has asked for the end: what it raised may have become another exception since.

    A KeyboardInterrupt that no signal has sent is a library's own `error`, and not insisted on. Where another handler than
    ours listens, Python's or a library's, it is taken at its word.
    """
    handler = signal.getsignal(signal.SIGINT)
    unheard = issubclass(type(error), KeyboardInterrupt) and callable(handler) and handler not in _OURS
    if _CAME or unheard:
        raise KeyboardInterrupt


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Within, raise nothing when a signal comes: who works there says `insist` where it may be interrupted."""
    _BUSY.append(1)
    try:
        yield
    finally:
        _BUSY.pop()


def _ending(names: Iterable[str]) -> list[int]:
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    nohup = hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [number for number in numbers if not (nohup and number == signal.SIGHUP)]


def _once(came: list[int]) -> Callable[[int, FrameType | None], Any]:
    last = -ONE

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= ONE:
            last = now
            came.append(number)
            if not _BUSY and not _collecting(frame):
                raise KeyboardInterrupt

    return interrupt


def _collecting(frame: FrameType | None) -> bool:
    """Whether a callback of the garbage collector is at work, as Hypothesis has one: what it raises is printed, and lost."""
    codes = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False
