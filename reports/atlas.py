"""The atlas: where more than one answer is right, or none is wrong, what each backend answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clinometer.journal.records import CaseRecord
from clinometer.reports.results import Results

Answers = tuple[str | None, ...]  # of each subject; None of one that recorded nothing there

_NEGATIVE_ZERO = re.compile(r"-0\.0(?!\d)")


@dataclass(frozen=True)
class Point:
    """A point at which answers were recorded, in all dtypes in which they were the same."""

    case: CaseRecord  # the first of those that recorded it
    name: str
    dtypes: tuple[str, ...]
    answers: Answers
    outcomes: tuple[str, ...]  # of the case on each subject; "absent" where it was not asked

    @property
    def differ(self) -> bool:
        """Whether the subjects that answered do not agree."""
        return len({plain(answer) for answer in self.answers if answer is not None}) > 1

    @property
    def place(self) -> str:
        """The point as people write it, without the operation that stands beside it: `at 0.5, axis=0`."""
        text = self.name.removeprefix(f"{self.case.operation} ")
        return re.sub(r",(?=[^\s)])", ", ", re.sub(r"^at(?=[-[\d])", "at ", text))


def plain(answer: str | None) -> str | None:
    """Return an answer with zeros that have no sign: -0.0 is no other gradient than 0.0."""
    return None if answer is None else _NEGATIVE_ZERO.sub("0.0", answer)


def recorded(results: Results) -> Iterator[tuple[int, str, list[str | None]]]:
    """Yield the number of a case, a point that it recorded, and the answer of each subject."""
    for number, id in enumerate(results.cases):
        answers: dict[str, list[str | None]] = {}
        for column, subject in enumerate(results.subjects):
            result = subject.results.get(id)
            for seen in result.observed if result else ():
                answers.setdefault(seen.point, [None] * len(results.subjects))[column] = seen.answer
        for point, answer in answers.items():
            yield number, point, answer


def points(results: Results) -> list[Point]:
    """Return what was recorded, with dtypes folded where all subjects answer the same in them."""
    cases = list(results.cases.values())
    folded: dict[tuple[object, ...], list[tuple[CaseRecord, Answers]]] = {}
    for number, name, answers in recorded(results):
        case = cases[number]
        key = (case.clause, case.operation, case.mode, case.parameters, name, *map(plain, answers), _outcomes(results, case))
        folded.setdefault(key, []).append((case, tuple(answers)))
    return [
        Point(case, str(key[4]), tuple(it.dtype for it, _ in group), answers, _outcomes(results, case))
        for key, group in folded.items()
        for case, answers in group[:1]
    ]


def _outcomes(results: Results, case: CaseRecord) -> tuple[str, ...]:
    found = (subject.results.get(case.id) for subject in results.subjects)
    return tuple(result.outcome if result else "absent" for result in found)
