"""The hunt for planted bugs: which questions are asked, in which order, until one catches the bug.

A bug counts as planted where it changes a derivative that a clause asks for: a factor on a derivative that is zero is no
bug, and is called void.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.backends import Backend, load
from clinometer.harness.cells import Cell
from clinometer.harness.check import Check
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import _lacking, examples, sample
from clinometer.harness.expectations import find, shipped
from clinometer.harness.findings import Nonconformance, Unsupported
from clinometer.harness.specification import specification
from clinometer.journal.vocabulary import MUST
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.truth.expected import Expected
from clinometer.reference.verdict import errors_in_tolerances
from clinometer.reference.witness import OVER
from planted.classes import AT_A_POINT, BUGS, InReference, InTorch, WrongAtPoint

# What torch gets the bugs planted into: one operation or so of each kind of rule.
IN_TORCH = (
    "multiply", "divide", "sin", "sum", "max", "cumulative_prod", "softmax", "concat", "getitem", "matmul", "inv", "conv2d",
)  # fmt: skip
LIKELY = ("GRAD-1", "DTYPE-1", "DTYPE-4", "DTYPE-11", "HIGH-1")  # asked first
WIDE = ("float32", "float64")  # at many a special point half precision can tell nothing apart
SECOND = ("reverse-over-reverse", "forward-over-reverse")

Question = tuple[Clause, Cell]
LACKING = Nonconformance("unsupported", "")


@dataclass
class Plant:
    """One planted bug, and what became of it."""

    bug: str
    operation: str
    where: str  # in which dtype, at which point
    ground: str = "reference"
    outcome: str = "missed"  # caught, missed, or void: no bug, since it changes no gradient
    clause: str = ""
    examples: int = 0
    reason: str = ""


@dataclass
class Sound:
    """What the same questions find in a backend without a bug."""

    name: str
    cells: int = 0
    unsupported: int = 0
    known: int = 0
    points: int = 0
    alarms: list[str] = field(default_factory=list)

    def ask(self, interview: Interview) -> None:
        """Put the questions that have caught something to the backend."""
        backend, known = load(self.name), shipped(self.name)
        for clause, cell in interview.catching.values():
            check = Check(backend)
            wrong = LACKING if _lacking(clause, cell, check) else interview.ask((clause, cell), check)
            entry = find(known, clause, cell)
            self.cells += 1
            self.points += check.points
            if wrong is None:
                continue
            if wrong.outcome == "unsupported":
                self.unsupported += 1
            elif entry is not None and wrong.outcome in entry.outcomes:
                self.known += 1
            else:
                self.alarms.append(f"{clause.id}[{cell}]: {wrong.outcome}: {wrong}")


# ----- asking -----


@dataclass
class Answer:
    """A derivative that a clause has asked for, how it did, and what would be right."""

    got: list[np.ndarray]
    again: Callable[[Check], list[np.ndarray]]
    right: Callable[[], list[Expected]]


class Noting(Check):
    """A check that remembers the derivatives that it has asked for."""

    def __init__(self, backend: Backend):
        super().__init__(backend)
        self.answers: list[Answer] = []

    def pull(self, case: Case, cotangents: np.ndarray | None = None) -> tuple[np.ndarray, list[np.ndarray]]:
        y, gradients = super().pull(case, cotangents)
        self.answers.append(Answer(gradients, lambda sound: sound.pull(case, cotangents)[1], lambda: case.truth.gradients))
        return y, gradients

    def higher(self, case: Case, mode: str) -> list[np.ndarray]:
        found = super().higher(case, mode)
        order = 1 + mode.count(OVER)
        right = (lambda: case.second) if order == 2 else (lambda: case.higher(order))
        self.answers.append(Answer(found, lambda sound: sound.higher(case, mode), right))
        return found


class Interview:
    """The questions about one operation, with their cases: drawn once, and put to every backend."""

    def __init__(self, operation: str, profile: str, seed: int):
        self.operation, self.profile, self.seed = operation, profile, seed
        self.cases: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.catching: dict[tuple[str, str], Question] = {}  # the questions that have caught something

    def questions(self, modes: Sequence[str], dtypes: Sequence[str], likely: Sequence[str]) -> list[Question]:
        """Return the clauses that ask about the operation, in these modes and dtypes, the likely ones first."""
        found = [
            (clause, cell)
            for clause in specification()
            for cell in clause.asked_of(WIDE)
            if self.operation == cell.operation and cell.mode in modes and cell.dtype in dtypes and clause.level == MUST
        ]
        place = {id: i for i, id in enumerate(likely)}
        return sorted(found, key=lambda q: (place.get(q[0].id, len(place)), dtypes.index(q[1].dtype)))

    def drawn(self, clause: Clause, cell: Cell) -> tuple[Any, ...]:
        """Return the cases of a cell, pinned ones first; kept, since their truth takes longest."""
        key = clause.id, str(cell)
        if key not in self.cases:
            pinned = () if cell.batched else tuple(cell.pinned())
            self.cases[key] = (*pinned, *sample(cell.strategy, examples(cell, self.profile), self.seed))
        return self.cases[key]

    def ask(self, question: Question, check: Check) -> Nonconformance | None:
        """Ask until something is wrong, and return that."""
        clause, cell = question
        if cell.strategy is None:
            rounds: Iterable[tuple[Any, ...]] = [() if cell.argument is None else (cell.argument,)]
        else:
            cases = self.drawn(clause, cell)
            rounds = [(cases,)] if cell.batched else ((case,) for case in cases)
        supported = False
        with np.errstate(all="ignore"):
            for arguments in rounds:
                check.examples += len(arguments[0]) if cell.batched else 1
                try:
                    clause.body(check, *arguments)
                    supported = True
                except Unsupported:
                    continue
                except Nonconformance as wrong:
                    return wrong
                finally:
                    for case in arguments[0] if cell.batched else arguments:
                        if isinstance(case, Case):
                            case.release()
        return None if supported else LACKING


# ----- hunting one bug -----


def hunt(plant: Plant, backend: Backend, interview: Interview, questions: Sequence[Question]) -> Plant:
    """Ask a planted backend one question after the other, until one catches the bug or it turns out to be none."""
    plant.outcome, largest, undecided = "void", 0.0, 0
    unasked = {cell.dtype for _, cell in questions}
    for question in questions:
        clause, cell = question
        check = Noting(backend)
        wrong = interview.ask(question, check)
        if wrong is not None and wrong.outcome == "fail":
            plant.outcome, plant.clause, plant.examples, plant.reason = "caught", clause.id, check.examples, ""
            interview.catching[clause.id, str(cell)] = question
            return plant
        assert wrong is None or wrong.outcome == "unsupported", f"{plant}: {wrong}"
        change = compared(check, load(plant.ground))
        if not isinstance(change, str):
            largest, undecided = max(largest, change), undecided + check.undecided
            plant.outcome, plant.reason = "missed", f"changes no derivative by more than {largest:.2g} tolerances"
            if undecided:
                plant.reason = f"seen, at {largest:.2g} tolerances, but finite differences cannot tell who is right"
        elif plant.outcome == "void":
            plant.reason = change
        unasked.discard(cell.dtype)
        if plant.outcome == "void" and not unasked:
            break
    return plant


def compared(check: Noting, sound: Backend) -> float | str:
    """Return by how many tolerances a bug has changed what was asked for, or why it has not changed it at all."""
    largest, entries, zero, same = 0.0, 0, True, True
    for answer in check.answers:
        for got, s, right in zip(answer.got, answer.again(Check(sound)), answer.right(), strict=True):
            zero &= not np.any(s)
            entries = max(entries, s[0].size)
            if not np.array_equal(got, s, equal_nan=True):
                same = False
                soundly = Expected(s.astype(right.value.dtype), right.tolerance)
                largest = max(largest, float(errors_in_tolerances(got, soundly).max()))
    if not same:
        return largest
    return "the derivative is zero" if zero else "there is one entry" if entries < 2 else "no number changes"


# ----- planting them all -----


def campaign(operation: str, profile: str, seed: int, sound: Sequence[Sound] = ()) -> list[Plant]:
    """Plant every class of bug into one operation, hunt each, and put the questions that caught one to sound backends."""
    interview = Interview(operation, profile, seed)
    found = [hunt(plant, backend, interview, questions) for plant, backend, questions in planted(interview)]
    for report in sound:
        report.ask(interview)
    return found


def planted(interview: Interview) -> Iterator[tuple[Plant, Backend, list[Question]]]:
    """Yield every bug of one operation, planted, with the questions to ask."""
    row = CATALOGUE[interview.operation]
    for ground in (InReference, InTorch) if row.name in IN_TORCH else (InReference,):
        name = "torch" if ground is InTorch else "reference"
        for bug in BUGS:
            modes = ("reverse",) if bug.order == 1 else SECOND
            kinds = [dtype for dtype in bug.dtypes if dtype in row.dtypes]
            for dtypes in [kinds] if bug.only in kinds else [] if bug.only else [[dtype] for dtype in kinds]:
                backend = ground(row.name, bug)
                asked = interview.questions(modes, dtypes, ["GRAD-12"] if bug.strided else LIKELY)
                questions = [question for question in asked if not _lacking(*question, Check(backend))]
                where = bug.only or dtypes[0]
                if any(cell.dtype == where for _, cell in questions):
                    yield Plant(bug.name, row.name, where, name), backend, questions
    for clause in (clause for clause in specification() if clause.id in ("KINK-1", "KINK-3")):
        for cell in (cell for cell in clause.asked_of(WIDE) if cell.operation == row.name and cell.dtype in WIDE):
            _, special, dtype = cell.argument
            plant = Plant(AT_A_POINT, row.name, f"{dtype}, {cell.parameters}")
            yield plant, WrongAtPoint(special.args, special.kind), [(clause, cell)]
