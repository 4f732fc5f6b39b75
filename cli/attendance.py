"""Attendance: what is asked of one backend's workers and in which order, what their deaths mean, and when it is enough."""

from __future__ import annotations

import importlib.metadata
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from clinometer.cli.crew import Gone, NotBegun, Worker
from clinometer.cli.ledger import Ledger
from clinometer.harness import wire
from clinometer.journal.records import Curve, Evidence, Result, Start
from clinometer.journal.vocabulary import Outcome

FRUITLESS = 25  # deaths in a row, not one case answered between them, after which a run is given up
IDLE = 3  # the same, of workers that were not at a case
KILLERS = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")  # signals that come from elsewhere, as a rule
TIMES = 3  # that a new failure is asked in all, to see whether it is stable
MACHINES = 3  # that a case is lost with, one after the other, before it is said to have ended them
LOOKED_AT = 100  # new failures that are asked again


@dataclass
class Look:
    """New failures that are asked again by one fresh worker: one that ends it, or some that do not."""

    ids: list[str]
    closely: bool = False


@dataclass
class Attendance:
    """Attends the workers of one backend.

    Parameters
    ----------
    ledger : Ledger
    name : str
        What the backend was chosen by.
    profile : str
    seed : int
    command : sequence of str
        What repeats the run.
    number : int
        How many workers.
    say : callable
        Is told in a sentence what is out of the ordinary.
    watch : callable
        Is called twice a second.
    case_limit : float
        Seconds that a case may take.
    patience : float
        Seconds that may go into asking new failures again.
    elsewhere : bool
        Whether the workers have another interpreter, in which another version of Clinometer may be installed.
    """

    ledger: Ledger
    name: str
    profile: str
    seed: int
    command: Sequence[str]
    number: int
    say: Callable[[str], None]
    watch: Callable[[], None]
    case_limit: float
    patience: float
    elsewhere: bool = False
    cells: list[wire.Collectable] = field(default_factory=list)
    maxfail: int = 0
    opened: bool = False
    fruitless: int = 0
    idle: int = 0
    doubted: int = 0  # times that a defect of ours was asked again, to see whether it is one
    looks: deque[Look] | None = None  # once all is answered
    deadly: dict[str, str] = field(default_factory=dict)  # cases that have ended their process, and the outcome of that
    again: dict[str, list[str]] = field(default_factory=dict)  # outcomes of failures that were asked again
    examples: dict[str, Evidence] = field(default_factory=dict)  # the smallest that have ended a process
    until: float = 0.0  # when there is no time left for that

    # ----- asking -----

    def collected(self, word: wire.Collected) -> None:
        """Check that the host is of our version, and has found something to ask."""
        ours = importlib.metadata.version("clinometer")
        if self.elsewhere and word.suite != ours:
            raise NotBegun(f"its interpreter has clinometer {word.suite}, and this is {ours}; install the same in both.")
        if refusal := self.ledger.earlier.refusal(word.digest):
            raise NotBegun(f"{self.ledger.path} {refusal}.")
        if not word.cells:
            raise NotBegun("no test was selected; check the arguments after `--`.")
        if word.others and not self.cells:
            self.say(f"{self.name}: {word.others} of the selected tests are no clauses, and are not run; pytest runs them.")
        self.cells, self.maxfail = word.cells, word.maxfail

    def loaded(self, word: wire.Loaded) -> None:
        """Begin the journal with the first worker that has loaded the backend."""
        if word.run.problem and not self.opened:
            self.ledger.problem(word.run, self.command)
            raise NotBegun(word.run.problem)
        if word.run.problem:
            raise Gone(f"the backend could not be loaded again: {word.run.problem}")
        if not self.opened:
            self.opened = True
            self.ledger.open(word, self.cells, self.command)

    def wanted(self, busy: int) -> int:
        """Return how many workers there should be: no more than there are units, or failures to look at."""
        if not self.opened:
            return self.number
        if self.ledger.asks_alone:
            return 1
        if self.looks is None and self.ledger.is_done and not busy:
            self._begin_looking()
        left = self.ledger.left if self.looks is None else len(self.looks) if time.monotonic() < self.until else 0
        return min(self.number, busy + left)

    def handed(self, worker: Worker) -> wire.Ask | None:
        """Return the cases of a unit; or, of a fresh worker when all is answered, those of a look."""
        if self.looks is None:
            ids = self.ledger.next(fresh=not worker.used)
            return wire.Ask(ids=ids) if ids else None
        if worker.used or not self.looks or time.monotonic() >= self.until:
            return None
        look = self.looks.popleft()
        return wire.Ask(ids=look.ids, closely=look.closely)

    def told(self, worker: Worker, record: Start | Result | Curve) -> None:
        """Write down what a worker tells; in a closer look only whether it was the same."""
        if self.looks is not None:
            if isinstance(record, Result):
                self.again.setdefault(record.id, []).append(record.outcome)
            return
        if isinstance(record, Result) and record.outcome == "invalid" and self.doubted < LOOKED_AT:
            self.doubted += 1
            if not self.ledger.suspect(record.id):  # what was asked before it may have spoiled what is ours
                self.ledger.ask_alone(record.id)
                return
        self.ledger.take(record)
        if isinstance(record, Result):
            self.fruitless = self.idle = 0
            self._enough()

    def _enough(self) -> None:
        if self.maxfail and len(self.ledger.new) >= self.maxfail:
            failures = "failure" if self.maxfail == 1 else "failures"
            raise Gone(f"stopped after {self.maxfail} new {failures}, as was asked for.")

    def ticked(self) -> None:
        """Show how far it is, and keep the journal where it belongs."""
        if self.ledger.keep():
            self.say(f"{self.name}: something has deleted {self.ledger.path}, or put another file there; it is written anew.")
        self.watch()

    # ----- deaths -----

    def died(self, worker: Worker, how: str, *, alone: bool = True) -> None:
        """Settle what a worker was at; another one goes on, unless none gets further."""
        stack, ours = worker.last_word()
        if not worker.loaded:
            self._not_loaded(worker, how)
        elif not worker.at:
            self._give_back(worker)
            self.idle += worker.over is None
        elif self.looks is not None:
            self.again.setdefault(worker.at, []).append(self._outcome(worker, ours))
            if worker.example is not None:
                self.examples.setdefault(worker.at, worker.example)
            if worker.todo:
                self.looks.append(Look(worker.todo))
        elif not alone or (self._doubtful(worker, how, ours) and not self.ledger.suspect(worker.at)):
            self.ledger.ask_alone(worker.at)
            self._give_back(worker)
        else:
            self._lost(worker, how, stack, ours)
        if self.idle >= IDLE:
            raise Gone(f"{IDLE} processes in a row ended ({how}) without being at a case; given up.")

    def _doubtful(self, worker: Worker, how: str, ours: bool) -> bool:
        """Whether a case may not be to blame: somebody has killed its process, or another case has spoiled what is ours."""
        return worker.over is None and (ours or how.endswith(KILLERS))

    def left(self, worker: Worker, begun: bool) -> None:
        """Give back what a worker was handed that is gone with its machine.

        If it had begun, it was at the first case that is left, or past that and could not tell. That is asked again alone; if
        it is then lost with a third machine, it is a crash.
        """
        first, *rest = [it for it in (worker.at, *worker.todo) if it] or [""]
        if not first:
            return
        if self.looks is not None:
            if begun and first in self.deadly:
                self.again.setdefault(first, []).append("crash")
            elif not begun or not self.ledger.suspect(first, MACHINES):
                rest = [first, *rest]
            self.looks += [Look(rest, closely=worker.closely)] if rest else []
        elif not begun:
            self.ledger.back([first, *rest])
        elif self.ledger.suspect(first, MACHINES):
            worker.at, worker.todo = first, rest
            self._lost(worker, f"and its machine, {MACHINES} times", "", ours=False)
        else:
            self.ledger.back(rest)
            self.ledger.back([first])

    def _give_back(self, worker: Worker) -> None:
        if self.looks is None:
            self.ledger.back(worker.todo)

    def _outcome(self, worker: Worker, ours: bool) -> Outcome:
        return "invalid" if ours else "crash" if worker.over is None else "timeout"

    def _lost(self, worker: Worker, how: str, stack: str, ours: bool) -> None:
        outcome = self._outcome(worker, ours)
        told = f"the process died ({how})" if worker.over is None else f"no result within {self.case_limit:.0f} s"
        self.deadly[worker.at] = outcome
        self.ledger.lost(worker.at, outcome, f"a defect of Clinometer: {told}" if ours else told, stack)
        self._give_back(worker)
        self.fruitless += 1
        self._enough()
        if self.fruitless >= FRUITLESS:
            raise Gone(f"{FRUITLESS} cases in a row have ended the process; given up after {self.ledger.title(worker.at)}.")

    def _not_loaded(self, worker: Worker, how: str) -> None:
        told = f"the process that loads it died ({how})" if worker.over is None else "it was not loaded in time"
        self.idle += 1
        self._give_back(worker)
        if self.opened:
            return
        from clinometer.harness import examiner  # the whole suite, for its digest

        problem = f"the backend could not be loaded: {told}"
        run = examiner.head(self.name, self.profile, self.seed, len(self.cells), self.command, problem=problem)
        self.ledger.problem(run, self.command)
        raise NotBegun(run.problem)

    # ----- looking again -----

    def _begin_looking(self) -> None:
        """Have new failures asked again: what ends the process closely, once for each operation."""
        self.looks, self.until = deque(), time.monotonic() + self.patience
        new = [result for result in self.ledger.new[:LOOKED_AT] if result.id not in self.ledger.earlier.results]
        once: dict[tuple[str, str], str] = {}
        for result in new:
            if result.id in self.deadly:
                once.setdefault((self.ledger.key(result.id), result.outcome), result.id)
        plain = [result.id for result in new if result.id not in self.deadly]
        for _ in range(TIMES - 1):
            self.looks += [Look(plain)] if plain else []
            self.looks += [Look([id], closely=True) for id in once.values()]
        if self.looks:
            self.say(f"{self.name}: all cells are asked; new failures are asked again, to see which are stable.")

    def conclude(self) -> None:
        """Write down what was found by asking again."""
        for id, outcomes in self.again.items():
            result = self.ledger.results[id]
            same, all = 1 + outcomes.count(result.outcome), 1 + len(outcomes)
            stability = f"{'stable' if same == all else 'flaky'} ({same} of {all} times)"
            shown = result.evidence
            if id in self.examples and shown is not None:
                it = self.examples[id]
                shown = msgspec.structs.replace(shown, inputs=it.inputs, program=it.program, script=it.script)
            self.ledger.settle(msgspec.structs.replace(result, stability=stability, evidence=shown))
