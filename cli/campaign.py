"""`clinometer campaign`: many backends, under many seeds, for as many hours as there are.

Each run, of one backend in one profile under one seed, has a journal of its own; what has come to its end there is done.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
import msgspec

from clinometer.cli import cluster, console, harvest, processes
from clinometer.cli.crew import Gone
from clinometer.cli.plain import plain, refuse
from clinometer.cli.progress import Progress
from clinometer.cli.watch import Watch
from clinometer.harness import interruption
from clinometer.journal import vocabulary
from clinometer.reports.html import page

LISTED = 10  # distinct failures that are printed of a backend; the file has them all
PAGED = 20  # journals of which a page is made: those with new failures, the first of them
EACH = 50  # threads of a cluster that one run is given; beside it others are asked
TICK = 0.5  # seconds between two looks at whether a run has ended
RANGE = re.compile(r"(\d+)\.\.(\d+)")


class Where(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where cases are asked: in processes of this machine, on the workers of a cluster, or on a cluster of this machine."""

    workers: int = 0
    scheduler: str = ""
    cluster: str = ""


class Plan(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a file says of a campaign."""

    backends: list[str]
    seeds: list[int] | str
    cpu_hours: float
    profiles: list[vocabulary.Profile] = msgspec.field(default_factory=lambda: [vocabulary.STANDARD])
    select: list[str] = []
    folder: str = ""
    case_timeout: float = 0.0
    memory: int = 0
    where: Where = msgspec.field(default_factory=Where)

    def trouble(self) -> str:
        """Return what makes no sense in it, or nothing."""
        if not self.backends or not all(self.backends):
            return '`backends` names none; write, for example, backends = ["torch"]'
        if not self.numbers:
            return '`seeds` has none; write a list, seeds = [1, 2], or a range, seeds = "0..19"'
        if not self.profiles:
            return f"`profiles` has none; there are {', '.join(vocabulary.PROFILES)}"
        if not 0 < self.cpu_hours < float("inf"):
            return f"`cpu_hours` is {self.cpu_hours:g}; a budget is a number of hours above 0"
        if self.case_timeout < 0 or self.memory < 0 or self.where.workers < 0:
            return "`case_timeout`, `memory` and `workers` are not below 0"
        if sum(map(bool, (self.where.workers, self.where.scheduler, self.where.cluster))) > 1:
            return "`where` names one of workers, scheduler and cluster"
        if self.where.cluster and not cluster.local(self.where.cluster):
            return f"`cluster` is {self.where.cluster!r}; write local:N, as local:8"
        return ""

    @property
    def numbers(self) -> list[int]:
        """The seeds."""
        if not isinstance(self.seeds, str):
            return list(dict.fromkeys(self.seeds))
        found = RANGE.fullmatch(self.seeds)
        return list(range(int(found[1]), int(found[2]) + 1)) if found else []


@dataclass
class Campaign:
    """A plan, and how far it is.

    Parameters
    ----------
    plan : Plan
    folder : Path
        Of the journals.
    quiet : bool
    """

    plan: Plan
    folder: Path
    quiet: bool = False
    spent: dict[Path, float] = field(default_factory=dict)  # seconds, by journal
    given_up: dict[str, str] = field(default_factory=dict)  # backends that cannot be asked, and why
    _asked: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        where = self.plan.where
        names = processes.slugs(list(dict.fromkeys(self.plan.backends)))
        self.runs = [
            processes.Plan(
                backend,
                self.folder / f"{name}-{profile}-{seed}.jsonl",
                profile,
                seed,
                where.workers or 1,
                self.plan.select,
                case_timeout=self.plan.case_timeout,
                memory=self.plan.memory,
            )
            for profile in self.plan.profiles
            for seed in self.plan.numbers  # all backends under one seed before any under the next, so that they compare
            for backend, name in names.items()
        ]

    @property
    def budget(self) -> float:
        """Seconds that are left."""
        return self.plan.cpu_hours * 3600 - sum(self.spent.values())

    def left(self) -> list[processes.Plan]:
        """Return the runs that have not come to their end, and note what those took that have begun."""
        left = []
        for run in self.runs:
            progress = Progress(run.journal)
            progress.look()
            self.spent[run.journal] = progress.seconds
            if not progress.ended:
                left.append(run)
            if progress.command and progress.command != run.words:
                asked, asks = (" ".join(words) for words in (progress.command, run.words))
                refuse(f"{run.journal}: was asked by `{asked}`, and the plan asks `{asks}`; take another folder.")
        return left

    def ask(self, runs: Sequence[processes.Plan], crew: cluster.Cluster | None) -> None:
        """Ask what is left, for as long as the budget lasts."""
        together = 1
        if crew is not None:
            crew.share, together = EACH, 2 + crew.threads() // EACH  # one more, so that the end of a run is filled as well
        queue = iter(runs)
        threads = [threading.Thread(target=self._work, args=(queue, crew), daemon=True) for _ in range(together)]
        if together == 1:
            self._work(queue, crew)
            return
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):  # each insists on a signal itself
            with interruption.deferred():
                time.sleep(TICK)
        interruption.insist()

    def _work(self, runs: Iterator[processes.Plan], crew: cluster.Cluster | None) -> None:
        while self.budget > 0:
            with self._asked:
                run = next((it for it in runs if it.backend not in self.given_up), None)
            if run is None or self._one(run, crew).interrupted:
                return

    def _one(self, run: processes.Plan, crew: cluster.Cluster | None) -> processes.Outcome:
        name = f"{run.backend}, {run.profile}, seed {run.seed}"
        with Watch(name, run.journal, quiet=self.quiet, alone=crew is None) as watch:

            def tick() -> None:
                watch.tick()
                self.spent[run.journal] = watch.progress.seconds
                if self.budget <= 0:
                    raise Gone("the budget is spent.")

            goes_on = replace(run, resume=run.journal.exists())
            outcome = processes.run_backend(goes_on, lambda text: None if self.quiet else console.notice(text), tick, crew)
        self.spent[run.journal] = watch.progress.seconds
        if outcome.code == vocabulary.USAGE:
            self.given_up[run.backend] = outcome.sentence
            console.notice(outcome.sentence)
        elif outcome.sentence and self.budget > 0:
            console.notice(outcome.sentence)
        return outcome


@click.command()
@click.argument("plan", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--report", "only", is_flag=True, help="Ask nothing; count what there is.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@plain
def campaign(plan: Path, only: bool, quiet: bool) -> None:
    """Examine backends under many seeds, as a plan says, and count what is found.

    Each run has its journal in the plan's folder. What was interrupted, or
    stopped when the budget was spent, goes on where it ended; what is done is
    not asked again. docs/scaling.md shows a plan.
    """
    found = _read(plan)
    it = Campaign(found, plan.parent / (found.folder or plan.stem), quiet)
    left = it.left()
    if not only and left:
        if it.budget <= 0:
            console.notice(f"The budget of {found.cpu_hours:g} hours of CPU is spent; raise `cpu_hours` to go on.")
        else:
            with interruption.heard(), _crew(found.where) as crew, contextlib.suppress(KeyboardInterrupt):
                it.ask(left, crew)
        left = it.left()
    _conclude(it, left)


def _read(path: Path) -> Plan:
    """Return what a file says, or refuse it in a sentence."""
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=Plan)
        trouble = found.trouble()
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        trouble = str(error)
    if trouble:
        refuse(f"{path}: {trouble}; docs/scaling.md shows a plan.")
    return found


@contextlib.contextmanager
def _crew(where: Where) -> Iterator[cluster.Cluster | None]:
    if not where.scheduler and not where.cluster:
        yield None
        return
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(cluster.connected(where.scheduler, cluster.local(where.cluster)))
        except cluster.Unreachable as why:
            refuse(str(why))
        yield found


def _conclude(it: Campaign, left: Sequence[processes.Plan]) -> None:
    """Print and write what was found, and end with its exit code."""
    found = harvest.harvested((run.backend, run.seed, run.journal) for run in it.runs)
    console.rule("Campaign")
    console.table(harvest.ASKED, map(harvest.asked, found))
    console.table(harvest.FOUND, map(harvest.found, found))
    console.remark(harvest.LEGEND)
    for harvest_ in found:
        for failure in sorted(harvest_.failures.values(), key=lambda it: (it.doubtful, -it.cases))[:LISTED]:
            what = "false alarm?" if failure.doubtful else "finding"
            seeds = f"{failure.cases} cases, {len(failure.seeds)} seeds"
            console.failure(f"{harvest_.backend} {failure.clause} {failure.operation}", what, f"{failure.head} ({seeds})")
        if harvest_.problem:
            console.notice(f"{harvest_.backend}: {harvest_.problem}")
    hours = sum(it.spent.values()) / 3600
    console.remark(f"{hours:.2f} of {it.plan.cpu_hours:g} hours of CPU are spent.")
    told = it.folder / "campaign.json"
    if it.folder.is_dir():
        _write(told, json.dumps([harvest_.rows() for harvest_ in found], indent=2))
        click.echo(f"Counts: {told}")
        bad = list(dict.fromkeys(Path(one.first[0]) for harvest_ in found for one in harvest_.failures.values()))[:PAGED]
        if bad:
            page.write(bad, it.folder / "index.html")
            click.echo(f"Report: {it.folder / 'index.html'}")
    if it.given_up:
        sys.exit(vocabulary.USAGE)
    if left:
        console.notice(f"{len(left)} of {len(it.runs)} runs are left; the same command goes on with them.")
        sys.exit(vocabulary.INCOMPLETE)
    sys.exit(vocabulary.NEW_FAILURES if any(one.new for one in found) else vocabulary.EXPECTED)


def _write(path: Path, text: str) -> None:
    """Write a file as a whole, or not at all."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text + "\n")
    os.replace(file.name, path)
