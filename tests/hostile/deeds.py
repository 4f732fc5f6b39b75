"""What hostile backends do, where it takes more than a word."""

from __future__ import annotations

import _thread
import atexit
import contextlib
import ctypes
import faulthandler
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FOREVER = 600  # seconds that nobody waits for


def kill(number: int) -> Callable[[], None]:
    """Return what sends this process a signal, and waits for it."""

    def deed() -> None:
        os.kill(os.getpid(), number)
        time.sleep(FOREVER)

    return deed


def kill_parent(number: int) -> Callable[[], None]:
    """Return what sends the process that has made this one a signal."""

    def deed() -> None:
        parent = os.getppid()
        process = Path(f"/proc/{parent}")
        # Whoever else it is, it is not what has made a process of this run; that may just be ending.
        with contextlib.suppress(OSError):
            if mark() in (process / "environ").read_text() and "--pyargs" in (process / "cmdline").read_text():
                os.kill(parent, number)
        time.sleep(FOREVER if number == signal.SIGKILL else 0)  # with its parent it ends

    return deed


def leave(code: int) -> Callable[[], None]:
    """Return what ends this process with an exit code."""
    return lambda: os._exit(code)


def throw(error: BaseException) -> Callable[[], None]:
    """Return what raises."""

    def deed() -> None:
        raise error

    return deed


def hang() -> None:
    """Never return."""
    while True:
        time.sleep(1)


def loop() -> None:
    """Loop in Python."""
    while True:
        pass


def loop_in_c() -> None:
    """Loop where Python never looks up."""
    sum(range(10**15))


def deadlock() -> None:
    """Wait for a lock that this thread holds."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def wait_for_a_thread_that_waits() -> None:
    """Wait for a thread that waits for this one."""
    waiting = threading.Thread(target=threading.current_thread().join)
    waiting.start()
    waiting.join()


def ignore_all_signals() -> None:
    """Ignore every signal that can be."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)


def hang_in_a_pipe() -> None:
    """Read what nobody will ever write."""
    reading, _ = os.pipe()
    os.read(reading, 1)


def hang_with_all_signals_blocked() -> None:
    """Block every signal that can be, and never return."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    hang()


# ----- threads, exits, destructors, handlers -----


def in_a_thread(deed: Callable[[], Any], *, wait: bool = True, daemon: bool = False) -> Callable[[], None]:
    """Return what does a deed in a thread of its own."""

    def started() -> None:
        thread = threading.Thread(target=deed, daemon=daemon)
        thread.start()
        if wait:
            thread.join()

    return started


def in_a_destructor(deed: Callable[[], Any]) -> Callable[[], None]:
    """Return what does a deed where an object goes."""

    class Going:
        def __del__(self) -> None:
            deed()

    def gone() -> None:
        Going()

    return gone


def in_a_handler(deed: Callable[[], Any]) -> Callable[[], None]:
    """Return what does a deed when a signal comes, and sends it."""

    def sent() -> None:
        signal.signal(signal.SIGUSR1, lambda number, frame: deed())
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.01)

    return sent


def at_exit(deed: Callable[[], Any]) -> Callable[[], None]:
    """Return what does a deed when Python ends."""
    return lambda: atexit.register(deed) and None


# ----- C -----


def read_from_null() -> None:
    """Read from address 0."""
    ctypes.string_at(0)


def fall_off_the_stack() -> None:
    """Recurse where each call takes some of C's stack."""
    sys.setrecursionlimit(10**9)

    def deeper(n: int) -> int:
        return max([n], key=deeper)

    deeper(0)


def fall_off_a_limit() -> None:
    """Recurse until Python says that it is enough."""
    fall_off_a_limit()


# ----- processes -----


def asleep(*, apart: bool = False, stubborn: bool = False) -> None:
    """Make a process that sleeps; `apart`: in a session of its own; `stubborn`: that hears no signal."""
    if os.fork() == 0:
        if apart:
            os.setsid()
        if stubborn:
            ignore_all_signals()
        time.sleep(FOREVER)
        os._exit(0)


def many_asleep() -> None:
    """Make some processes that sleep."""
    for _ in range(8):
        asleep()


def daemon() -> None:
    """Make a process as init systems know it: its parent dies, it has a session of its own, and hears no signal."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        asleep(apart=True, stubborn=True)
        os._exit(0)
    os.waitpid(pid, 0)


def program_of_its_own() -> None:
    """Start a program, with an environment of its own."""
    subprocess.Popen(
        ["sleep", str(FOREVER)],
        start_new_session=True,
        env={"PATH": os.environ["PATH"], "HOSTILE_MARK": os.environ["HOSTILE_MARK"]},
    )


def mark() -> str:
    """Return what the test tells processes of this run by."""
    return f"HOSTILE_MARK={os.environ['HOSTILE_MARK']}"


# ----- the interpreter -----


def little_processor() -> None:
    """Let the process have a second of the processor, and use it."""
    resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
    loop()


def interrupt_main() -> None:
    """Have Python act as if SIGINT had come."""
    _thread.interrupt_main()


def both_go_on() -> None:
    """Make a copy of this process, and let both go on."""
    os.fork()


def endless() -> Iterator[float]:
    """Yield numbers, and never stop."""
    while True:
        yield 1.0


class Silent(Exception):
    """An exception whose text raises another."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Own(BaseException):
    """No exception that anybody expects."""


def without_faulthandler() -> None:
    """Die without a stack."""
    faulthandler.disable()
    read_from_null()


def kill_group() -> None:
    """Kill all processes of this one's group, which it leads."""
    os.killpg(os.getpid(), signal.SIGKILL)


def hang_with_children() -> None:
    """Make processes of all kinds, and never return."""
    many_asleep()
    asleep(stubborn=True)
    daemon()
    hang()


def hang_that_ignores() -> None:
    """Ignore all signals, and never return."""
    ignore_all_signals()
    hang()


def wait_for_itself() -> None:
    """Wait for this very thread."""
    threading.current_thread().join()
