"""The table: each backend's hostilities, what the case that is struck must come out as, and what its run must say."""

from __future__ import annotations

import asyncio
import signal
import warnings
from typing import Any

import pytest

from . import deeds as do
from . import surroundings as around
from .rows import IMPORTING, MAKING, Answer, Backend, Row


def dies(how: str) -> tuple[str, str]:
    """Return outcome and message of a case that ends its process."""
    return "crash", rf"the process died \({how}\)"


HANGS = ("timeout", "no result within 3 s")
SPOILED = "something else has written to the line on which it answers"
NOT_LOADED = "the backend could not be loaded: the process that loads it died "


def crash(place: str, deed: Any, how: str, **more: Any) -> Backend:
    """Return a backend that ends its process at one place: a new failure, whose looks are two processes more."""
    return Backend([Row(place, deed, *dies(how))], exit=1, **{"starts": 6, **more})


def stuck(place: str, deed: Any, **more: Any) -> Backend:
    """Return a backend that never returns from one place."""
    return Backend([Row(place, deed, *HANGS)], exit=1, limit=3, **{"starts": 6, **more})


def raising(*errors: tuple[str, Any, str]) -> Backend:
    """Return a backend that raises at some places: failures as any other."""
    return Backend([Row(at, do.throw(error), "error", says) for at, error, says in errors], exit=1, starts=3)


def unloaded(place: str, deed: Any, says: str, **more: Any) -> Backend:
    """Return a backend that is not loaded."""
    return Backend([Row(place, deed)], exit=2, says=says, **more)


def harmless(place: str, deed: Any, **more: Any) -> Backend:
    """Return a backend that does what no verdict depends on."""
    return Backend([Row(place, deed)], **more)


BACKENDS: dict[str, Backend] = {
    # ----- it ends its process: while it is loaded -----
    "exits_0_at_import": unloaded(IMPORTING, do.throw(SystemExit(0)), "could not be imported: SystemExit"),
    "leaves_at_import": unloaded(IMPORTING, do.leave(0), rf"{NOT_LOADED}\(exit code 0\)"),
    "segfaults_at_import": unloaded(IMPORTING, do.read_from_null, rf"{NOT_LOADED}\(SIGSEGV\)"),
    "interrupts_at_import": unloaded(IMPORTING, do.throw(KeyboardInterrupt()), "could not be imported: KeyboardInterrupt"),
    "closes_all_at_import": unloaded(IMPORTING, around.close_all_files, rf"{NOT_LOADED}\(exit code 70\)"),
    "exits_0_when_made": unloaded(MAKING, do.throw(SystemExit(0)), "could not be made: SystemExit"),
    "leaves_when_made": unloaded(MAKING, do.leave(2), rf"{NOT_LOADED}\(exit code 2\)"),
    "aborts_when_made": unloaded(MAKING, do.kill(signal.SIGABRT), rf"{NOT_LOADED}\(SIGABRT\)"),
    "raises_its_own_when_made": unloaded(MAKING, do.throw(do.Own("no")), "could not be made: Own: no"),
    "hangs_at_import": unloaded(IMPORTING, do.hang, "it was not loaded in time", limit=3, slow=True),
    # ----- while it is asked -----
    "leaves_with_any_code": Backend(
        [
            Row(at, do.leave(code), *dies(f"exit code {code}"))
            for at, code in zip(("sin", "cos", "exp", "tanh", "sinh", "cosh", "atan"), (0, 1, 2, 3, 4, 5, 70), strict=True)
        ],
        exit=1,
        workers=2,
        starts=30,
    ),
    "dies_of_any_signal": Backend(
        [
            Row(at, do.kill(getattr(signal, name)), *dies(name))
            for at, name in (
                ("sin", "SIGSEGV"),
                ("cos", "SIGKILL"),
                ("exp", "SIGFPE"),
                ("tanh", "SIGABRT"),
                ("sinh", "SIGTERM"),
                ("cosh", "SIGINT"),
                ("atan", "SIGHUP"),
                ("square", "SIGALRM"),
            )
        ],
        exit=1,
        workers=2,
        starts=36,
    ),
    "segfaults_in_asarray": crash("asarray", do.read_from_null, "SIGSEGV"),
    "leaves_in_to_numpy": crash("to_numpy", do.leave(0), "exit code 0"),
    "aborts_in_vjp": crash("vjp", do.kill(signal.SIGABRT), "SIGABRT"),
    "leaves_in_a_pullback": crash("pullback", do.leave(5), "exit code 5"),
    "dies_in_jvp": crash("jvp", do.kill(signal.SIGKILL), "SIGKILL", workers=2, starts=8),
    "segfaults_in_backward": crash("backward", do.read_from_null, "SIGSEGV"),
    "leaves_in_a_destructor": crash("exp", do.in_a_destructor(do.leave(3)), "exit code 3"),
    "leaves_in_a_thread": crash("exp", do.in_a_thread(do.leave(4)), "exit code 4"),
    "segfaults_in_a_thread": crash("exp", do.in_a_thread(do.read_from_null), "SIGSEGV"),
    "leaves_in_a_handler": crash("exp", do.in_a_handler(do.leave(2)), "exit code 2"),
    "falls_off_the_stack": crash("exp", do.fall_off_the_stack, "SIGSEGV"),
    "faulthandler_is_off": crash("exp", do.without_faulthandler, "SIGSEGV"),
    "kills_its_group": crash("exp", do.kill_group, "SIGKILL", workers=2, starts=8),
    "kills_its_parent": crash(
        "exp", do.kill_parent(signal.SIGKILL), "with the process that had made it, SIGKILL", workers=2, starts=14
    ),
    "uses_up_its_processor": crash("exp", do.little_processor, "SIGXCPU"),
    "closes_all": crash("exp", around.close_all_files, "exit code 70"),
    "garbage_to_all_files": crash("exp", around.garbage_to_all_files, SPOILED),
    "half_a_word_to_all_files": crash("exp", around.half_a_word_to_all_files, SPOILED),
    "false_words_to_all_files": crash("exp", around.false_words_to_all_files, SPOILED),
    "lines_to_nowhere": crash("exp", around.lines_to_nowhere, "exit code 70"),
    # ----- it never returns -----
    "loops": stuck("exp", do.loop, workers=2, starts=8),
    "loops_in_c": stuck("to_numpy", do.loop_in_c),
    "deadlocks": stuck("vjp", do.deadlock),
    "waits_for_a_thread_that_waits": stuck("pullback", do.wait_for_a_thread_that_waits),
    "hangs_in_backward": stuck("backward", do.hang),
    "hangs_in_a_destructor": stuck("jvp", do.in_a_destructor(do.hang)),
    "hangs_with_children": stuck("exp", do.hang_with_children),
    "hangs_and_ignores_all_signals": stuck("exp", do.hang_that_ignores),
    "hangs_with_all_signals_blocked": stuck("exp", do.hang_with_all_signals_blocked),
    "stops_itself": stuck("asarray", do.kill(signal.SIGSTOP)),
    "answers_without_end": Backend(
        [Row("pullback", lambda: Answer(do.endless()), "fail", "gives 2 gradients for 1 inputs")], exit=1, starts=3
    ),
    # ----- it raises what nobody expects -----
    "raises_what_ends_a_run": raising(
        ("sin", KeyboardInterrupt("no signal"), "KeyboardInterrupt: no signal"),
        ("cos", SystemExit(0), "SystemExit: 0"),
        ("exp", GeneratorExit(), "GeneratorExit"),
        ("tanh", pytest.skip.Exception("not today"), "Skipped: not today"),
        ("sinh", pytest.fail.Exception("by itself"), "Failed: by itself"),
        ("cosh", pytest.exit.Exception("enough", 0), "Exit: enough"),
        ("atan", do.Own("of its own"), "Own: of its own"),
        ("square", asyncio.CancelledError("cancelled"), "CancelledError: cancelled"),
    ),
    "raises_what_python_does": raising(
        ("sin", MemoryError("none left"), "MemoryError: none left"),
        ("cos", RecursionError("too deep"), "RecursionError: too deep"),
        ("exp", StopIteration(1), "StopIteration: 1"),
        ("tanh", BaseExceptionGroup("two", [do.Own("a"), KeyboardInterrupt()]), "BaseExceptionGroup: two"),
        ("sinh", do.Silent(), "Silent"),
        ("cosh", ValueError("x" * 10_000_000), "ValueError: xxx"),
        ("atan", UserWarning("\x1b[2J\x00\ud800:smile:"), "UserWarning"),
        ("vjp", AssertionError("theirs"), "AssertionError: theirs"),
    ),
    "raises_in_the_deep": Backend(
        [
            Row("sin", do.fall_off_a_limit, "error", "RecursionError"),
            Row("cos", lambda: input("?"), "error", "EOFError"),
            Row("exp", lambda: breakpoint(), "error", "BdbQuit"),  # noqa: T100  # nobody is there to answer
            Row("tanh", do.wait_for_itself, "error", "cannot join current thread"),
            Row("sinh", do.in_a_handler(do.throw(do.Own("handled"))), "error", "Own: handled"),
        ],
        exit=1,
        starts=3,
    ),
    # ----- its answers are none -----
    "answers_are_none": Backend(
        [
            Row("sin", lambda: Answer(None), "fail|error", "none, where an array is due"),
            Row("cos", lambda: Answer("0.5"), "fail|error", ""),
            Row("exp", lambda: Answer(do.endless()), "fail|error", ""),
            Row("tanh", lambda: Answer(object()), "fail|error", ""),
            Row("sinh", lambda: Answer([[1.0], [1.0, 2.0]]), "fail|error", ""),
            Row("cosh", lambda: Answer(around.Deaf()), "fail|error", ""),
            Row("vjp", lambda: Answer(None), "error", ""),
            Row("jvp", lambda: Answer((1, 2, 3)), "error", ""),
            Row("asarray", lambda: Answer(None), "fail|error", ""),
        ],
        exit=1,
        starts=3,
    ),
    # ----- memory -----
    "takes_all_memory": Backend([Row("exp", around.hog, "error", "MemoryError")], exit=1, options=["--memory", "2G"], starts=6),
    # ----- what is around it -----
    "changes_its_surroundings": harmless(MAKING, around.surroundings),
    "changes_its_surroundings_later": harmless("exp", around.surroundings, workers=2, starts=2),
    "small_files_only": harmless("exp", around.small_files_only),
    "forgets_where_modules_are": harmless(MAKING, around.forget_modules),
    "garbage_for_streams": harmless("exp", around.garbage_for_streams),
    "closes_its_streams": harmless(MAKING, around.close_streams),
    "prints_much": harmless("exp", around.print_much),
    "numpy_raises": harmless("exp", around.no_numbers_but_finite),
    "warnings_are_errors": harmless(MAKING, lambda: warnings.simplefilter("error")),
    "seeds_and_collectors": harmless("exp", around.seeds_and_collectors),
    "little_recursion": harmless("exp", around.little_recursion),
    "traces": Backend([Row("exp", around.traced, "error", "RuntimeError: traced")], exit=1, starts=3),
    "stops_clocks": harmless(MAKING, around.patched_clocks),
    "spoils_modules": harmless(MAKING, around.patched_modules),
    "ignores_all_signals": harmless(MAKING, do.ignore_all_signals, workers=2, starts=2),
    "interrupts_by_hand": harmless("exp", do.interrupt_main),
    # ----- what it leaves behind -----
    "deletes_the_journal": Backend([Row("exp", around.delete_the_journal)], exit=0),
    "deletes_where_it_stands": Backend([Row("exp", around.delete_where_it_stands)], exit=0),
    "stops_its_parent": harmless("exp", do.kill_parent(signal.SIGSTOP)),
    "many_children": harmless("exp", do.many_asleep),
    "stubborn_children": harmless("exp", lambda: do.asleep(stubborn=True)),
    "a_daemon": harmless("exp", do.daemon),
    "a_program_of_its_own": harmless("exp", do.program_of_its_own, workers=2, starts=2),
    "both_go_on": harmless("exp", do.both_go_on),
    "threads_that_stay": harmless(MAKING, do.in_a_thread(do.hang, wait=False)),
    "threads_that_raise": harmless("exp", do.in_a_thread(do.throw(do.Own("in a thread")))),
    "raises_in_a_destructor": harmless("exp", do.in_a_destructor(do.throw(do.Own("gone")))),
    "hangs_at_exit": harmless(MAKING, do.at_exit(do.hang)),
    "segfaults_at_exit": harmless(MAKING, do.at_exit(do.read_from_null)),
}
