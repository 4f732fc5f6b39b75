"""The ledger of a run: what is to be asked, what was answered, and the journal, which nobody else writes."""

from __future__ import annotations

import contextlib
import secrets
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from clinometer.cli.crew import Gone, NotBegun
from clinometer.cli.progress import weight
from clinometer.harness.wire import Collectable, Loaded
from clinometer.journal import records, writer
from clinometer.journal.records import CaseRecord, Curve, End, Evidence, Result, RunRecord, Start
from clinometer.journal.resumption import Earlier
from clinometer.journal.vocabulary import FAILURES, Outcome

IN_A_ROW = 5  # deaths in one operation, none of its cases answered between them, after which its others are left out


class Ledger:
    """What a run has before it and behind it.

    Parameters
    ----------
    path : Path
        The journal.
    earlier : Earlier
        What the run that this one resumes has answered.
    resume : bool
        Whether it goes on with the journal that is there.
    """

    def __init__(self, path: Path, earlier: Earlier, resume: bool):
        self.path, self.earlier, self.resume = path, earlier, resume
        self.kept: Path | None = None  # where that is which stood in the journal's place
        self.nonce = secrets.token_hex(4)
        self.begun = False  # the journal is of this run
        self.cases: dict[str, CaseRecord] = {}
        self.results: dict[str, Result] = {}
        self.excused: dict[str, dict[str, str]] = {}
        self._journal: writer.Writer | None = None
        self._units: deque[list[str]] = deque()
        self._deaths: dict[str, int] = defaultdict(int)  # by operation, in a row
        self._suspects: Counter[str] = Counter()  # how often more than its own process ended with a case
        self._alone: deque[str] = deque()  # cases to be asked while nothing else is
        self._in_hand = ""  # of those, the one that is being asked

    # ----- beginning -----

    def open(self, loaded: Loaded, collected: Sequence[Collectable], command: Sequence[str]) -> None:
        """Begin the journal: the head, and the cases that are asked.

        Raises
        ------
        NotBegun
            It cannot be written.
        """
        try:
            if not self.resume:
                self.kept = writer.set_aside(self.path)
            self._journal = writer.Writer(self.path, fresh=not self.resume, alone=True)
        except OSError as error:
            raise NotBegun(f"{self.path}: cannot be written: {error.strerror or error}.") from None
        self.begun = True
        run = msgspec.structs.replace(loaded.run, command=list(command), nonce=self.nonce, attended=True)
        asked = [it for it in collected if not (it.unless and it.unless in loaded.dtypes)]
        self.cases = {it.case.id: it.case for it in asked}
        self.excused = loaded.excused
        self.results = {id: result for id, result in self.earlier.results.items() if id in self.cases}
        self._write(run, *(case for id, case in self.cases.items() if id not in self.earlier.cases))
        self._units = self._sorted(it for it in asked if it.case.id not in self.results)

    def problem(self, run: RunRecord, command: Sequence[str]) -> None:
        """Write down that the backend could not be loaded."""
        self.open(Loaded(run=run), [], command)

    def _sorted(self, cells: Iterable[Collectable]) -> deque[list[str]]:
        """Return the units, the longest first, so that no worker is left alone with one at the end."""
        units: dict[int, list[str]] = defaultdict(list)
        weights: dict[int, float] = defaultdict(float)
        for it in cells:
            units[it.unit].append(it.case.id)
            weights[it.unit] += weight(it.case.clause)
        return deque(units[number] for number in sorted(units, key=lambda number: -weights[number]))

    # ----- handing out -----

    def next(self, *, fresh: bool = True) -> list[str]:
        """Return the cases of a unit that nobody has been handed; none if there are no more, or if there is one to wait for.

        Parameters
        ----------
        fresh : bool
            Whether it is for a process that has asked nothing before: a case that is asked alone wants such a one.
        """
        if self._in_hand or (self._alone and (not fresh or self._is_under_way())):
            return []
        if self._alone:
            self._in_hand = self._alone.popleft()
            return [self._in_hand]
        return self._units.popleft() if self._units else []

    def _is_under_way(self) -> bool:
        """Whether somebody is at a case."""
        waiting = {*self._alone, *(id for unit in self._units for id in unit)}
        return any(id not in self.results and id not in waiting for id in self.cases)

    def back(self, ids: Sequence[str]) -> None:
        """Take back what a worker has not begun."""
        self._in_hand = "" if self._in_hand in ids else self._in_hand
        if left := [id for id in ids if id not in self.results]:
            self._units.appendleft(left)

    @property
    def left(self) -> int:
        """How many units nobody has been handed."""
        return len(self._units)

    @property
    def is_done(self) -> bool:
        """Whether each case has a result."""
        return bool(self.cases) and len(self.results) == len(self.cases)

    @property
    def new(self) -> list[Result]:
        """The failures that nobody knew."""
        return [result for result in self.results.values() if result.outcome in FAILURES and not result.expected]

    # ----- what comes -----

    def take(self, record: Start | Result | Curve) -> None:
        """Write down what a worker has told."""
        if isinstance(record, Result):
            self.settle(record)
            self._deaths[self.key(record.id)] = 0
        else:
            self._write(record)

    def lost(self, id: str, outcome: Outcome, message: str, trace: str) -> None:
        """Write down that a case has ended its process; after some in a row, leave out the others of its operation."""
        reason = self.excused.get(id, {}).get(outcome, "")
        shown = Evidence(claim="the process survives", trace=trace)
        result = Result(id=id, outcome=outcome, message=message, evidence=shown, expectation=reason, expected=bool(reason))
        self.settle(result)
        key = self.key(id)
        self._deaths[key] += 1
        if self._deaths[key] == IN_A_ROW:
            text = f"left out: {IN_A_ROW} cases of {key} in a row have ended the process, the last of them {self.title(id)}"
            for other in [it for it in self.cases if it not in self.results and self.key(it) == key]:
                self.settle(Result(id=other, outcome="notrun", message=text))
            left = ([id for id in unit if id not in self.results] for unit in self._units)
            self._units = deque(unit for unit in left if unit)
            self._alone = deque(id for id in self._alone if id not in self.results)

    def settle(self, result: Result) -> None:
        """Write down a result."""
        self._write(result)
        self.results[result.id] = result
        self._in_hand = "" if self._in_hand == result.id else self._in_hand

    def suspect(self, id: str, times: int = 2) -> bool:
        """Note that more than its own process has ended with a case, and say whether that was as often as this."""
        self._suspects[id] += 1
        return self._suspects[id] >= times

    def is_suspect(self, id: str) -> bool:
        """Say whether more than its own process has ended with a case."""
        return id in self._suspects

    def ask_alone(self, id: str) -> None:
        """Have a case asked again while nothing else is: it was under way when more than its process ended."""
        self._alone.append(id)
        self._in_hand = ""

    @property
    def asks_alone(self) -> bool:
        """Whether there is a case that is asked while nothing else is."""
        return bool(self._in_hand or self._alone)

    def title(self, id: str) -> str:
        """Return what a case is called."""
        return self.cases[id].title if id in self.cases else id

    def key(self, id: str) -> str:
        """Return what a case is about: its operation, or its clause where it has none."""
        case = self.cases[id]
        return case.operation or case.clause

    # ----- the end -----

    def keep(self) -> bool:
        """Put the journal back if something has deleted it, and return whether it had."""
        with self._writing() as journal:
            return journal is not None and journal.keep()

    def end(self, exit: int, interrupted: bool) -> None:
        """Write the end, and close the journal."""
        self.keep()
        self._write(End(at=records.now(), exit=exit, interrupted=interrupted, nonce=self.nonce))
        self.close()

    def close(self) -> None:
        """Close the journal as it is."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _write(self, *some: records.AnyRecord) -> None:
        with self._writing() as journal:
            if journal is not None:
                journal.write(*some)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[writer.Writer | None]:
        try:
            yield self._journal
        except OSError as error:
            self.close()
            raise Gone(f"{self.path}: cannot be written: {error.strerror or error}; what was written is kept.") from None
