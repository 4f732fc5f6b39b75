"""Watching: what `clinometer run` shows while a backend is examined."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path

from rich.text import Text

from clinometer.cli import console
from clinometer.cli.progress import Progress

EVERY = 60.0  # seconds between two lines where there is no terminal
NAMED = 20  # new failures that are named as they come; the report names them all


class Watch:
    """Shows progress while it is entered: a line that lives where there is a terminal, one a minute where there is none.

    Failures that are new are named as they come. One that is not `alone` leaves the line that lives to nobody.
    """

    def __init__(self, backend: str, journal: Path, quiet: bool = False, verbose: bool = False, alone: bool = True):
        self.backend, self.progress, self.quiet, self.verbose = backend, Progress(journal), quiet, verbose
        self.progress.look()  # what a resumed run has found is no news
        self.lives = alone and sys.stdout.isatty() and console.OUT.is_interactive
        self.named = 0
        self._seen: set[str] = set()
        self._shown = float("-inf")  # when the last line was printed

    def __enter__(self) -> Watch:
        self._stack = ExitStack()
        self.lives = self.lives and not self.verbose
        if self.lives and not self.quiet:
            self._line = self._stack.enter_context(console.OUT.status(self._in_one_line(), refresh_per_second=4))
        return self

    def __exit__(self, *exception: object) -> None:
        self.tick()
        self._stack.close()

    def tick(self) -> None:
        """Look at the journal and show what is there."""
        found = [entry for entry in self.progress.look() if entry.id not in self._seen]
        self._seen.update(entry.id for entry in found)  # a failure that was asked again is no news
        news = [entry for entry in found if entry.is_new]
        if self.quiet:
            return
        for entry in found if self.verbose else ():
            console.progress(f"{entry.outcome:12} {self.progress.name(entry.id)}")
        for entry in news[: max(NAMED - self.named, 0)]:
            console.failure(self.progress.name(entry.id), entry.outcome, entry.message)
        if self.named < NAMED <= self.named + len(news):
            console.progress(f"{NAMED} new failures are named above; the report will name them all.")
        self.named += len(news)
        now = time.monotonic()
        if self.lives:
            self._line.update(self._in_one_line(now))
        elif self.progress.begun and now - self._shown >= EVERY:
            self._shown = now
            console.progress(f"{self.backend}: {self._words(now)}")

    def _in_one_line(self, now: float = 0.0) -> Text:
        """Return the counts for a line that is written over: one that a terminal broke in two would stay."""
        return Text(self._words(now), no_wrap=True, overflow="ellipsis")

    def _words(self, now: float = 0.0) -> str:
        """Return the counts: `7213 of 13687 cells, 0 new and 61 known failures, about 2 min left`."""
        it = self.progress
        if not it.begun:
            return "the cells are collected, and the library is imported"
        seconds = it.left(now) if len(it.results) < len(it.cases) else None
        left = "" if seconds is None else ", under a minute left" if seconds < 55 else f", about {seconds / 60:.0f} min left"
        at = f"; {it.name(next(reversed(it.open)))}" if it.open and self.lives else ""
        return f"{len(it.results)} of {len(it.cases)} cells, {it.new} new and {it.known} known failures{left}{at}"
