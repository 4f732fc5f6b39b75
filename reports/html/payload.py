"""Columns: the merged results as a page carries them, small and quick to read.

A row of text per result would cost 28 MB for 50 000 results. Columns of small integers that point into
dictionaries cost a fortieth of that once compressed. What only a click asks for (evidence, node ids, curves,
the atlas) lies in chunks of its own, which stay packed until then.
"""

from __future__ import annotations

import base64
import gzip
import math
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from clinometer.journal.records import Curve, Evidence, Result
from clinometer.journal.text import brief, visible
from clinometer.journal.vocabulary import OUTCOMES
from clinometer.reports.atlas import recorded
from clinometer.reports.compare import LIBRARIES, VERSIONS
from clinometer.reports.results import STANDINGS, Results, Subject, chapter_of, standing

CHUNK = 256 * 1024  # bytes of evidence that one click may have to unpack


def pack(value: Any) -> str:
    """Return a value as JSON, compressed, in base64: letters that no markup can be made of."""
    return base64.b64encode(gzip.compress(msgspec.json.encode(_cleaned(value)), 9, mtime=0)).decode("ascii")


def chunks(results: Results) -> Iterator[tuple[str, str]]:
    """Yield the name and the packed content of everything that a page carries, the index first."""
    evidence = _Evidence()
    index = _index(results, evidence)
    yield "index", pack(index)
    yield "tests", pack([shlex.quote(case.test) if case.test else "" for case in results.cases.values()])
    yield "atlas", pack(list(recorded(results)))
    yield "curves", pack(list(_curves(results)))
    yield "cost", pack(list(_costs(results)))
    for number, chunk in enumerate(evidence.chunks):
        yield f"evidence-{number}", pack(chunk)


def rerun(subject: Subject) -> str:
    """Return the command that runs a case again, but for the case."""
    run = subject.run
    words = ["python", "-m", "pytest", "--backend", _selection(subject), "--hypothesis-profile", run.profile]
    return shlex.join([*words, "--seed", str(run.seed), "--pyargs"])


def _selection(subject: Subject) -> str:
    # A backend that was selected as `path/to/file.py:attribute` is not found again by its name.
    words = [word for word in subject.run.command for word in word.split("=", 1)]
    at = words.index("--backend") + 1 if "--backend" in words else len(words)
    return words[at] if at < len(words) else subject.run.backend


class _Dictionary:
    """Gives each distinct text a number, in the order of first sight."""

    def __init__(self, *first: str) -> None:
        self.words = {word: number for number, word in enumerate(first)}

    def __getitem__(self, word: str) -> int:
        return self.words.setdefault(word, len(self.words))


class _Evidence:
    """Deals evidence out into chunks; a number tells chunk and place."""

    def __init__(self) -> None:
        self.chunks: list[list[Evidence]] = []
        self.starts: list[int] = []
        self._count = 0
        self._room = 0

    def add(self, evidence: Evidence | None) -> int:
        if evidence is None:
            return -1
        if self._room <= 0:
            self.chunks.append([])
            self.starts.append(self._count)
            self._room = CHUNK
        self.chunks[-1].append(evidence)
        self._room -= len(msgspec.json.encode(_cleaned(msgspec.to_builtins(evidence))))
        self._count += 1
        return self._count - 1


def _index(results: Results, evidence: _Evidence) -> dict[str, Any]:
    cases = list(results.cases.values())
    words = {name: _Dictionary() for name in ("chapter", "clause", "operation", "dtype", "mode", "parameters")}
    clauses = {case.clause: case for case in reversed(cases)}
    columns = {name: [words[name][getattr(case, name)] for case in cases] for name in words if name != "chapter"}
    columns["chapter"] = [words["chapter"][chapter_of(case)] for case in cases]
    texts = {name: _Dictionary("") for name in ("message", "expectation", "stability")}
    return {
        "outcomes": OUTCOMES,
        "standings": STANDINGS,
        "kinds": {"versions": VERSIONS, "libraries": LIBRARIES},
        "subjects": [_subject(subject) for subject in results.subjects],
        "clauses": [
            {"level": clauses[id].level, "class": clauses[id].cls, "text": clauses[id].text} for id in words["clause"].words
        ],
        "ids": [case.id for case in cases],
        "cases": columns,
        "results": [_results(subject, results.cases, texts, evidence) for subject in results.subjects],
        "words": {name: list(dictionary.words) for name, dictionary in (words | texts).items()},
        "starts": evidence.starts,
    }


def _subject(subject: Subject) -> dict[str, Any]:
    return {"name": subject.name, "backend": subject.run.backend, "problem": subject.problem, "rerun": rerun(subject)}


def _results(subject: Subject, ids: Iterable[str], texts: dict[str, _Dictionary], evidence: _Evidence) -> dict[str, list[Any]]:
    absent = Result(id="", outcome="notrun")
    found = [subject.results.get(id, absent) for id in ids]
    return {
        "outcome": [len(OUTCOMES) if it is absent else OUTCOMES.index(it.outcome) for it in found],
        "standing": [STANDINGS.index(standing(it)) for it in found],
        "message": [texts["message"][brief(it.message)] for it in found],
        "expectation": [texts["expectation"][it.expectation] for it in found],
        "stability": [texts["stability"][it.stability] for it in found],
        "examples": [it.examples for it in found],
        "points": [it.points for it in found],
        "seconds": [float(f"{it.seconds:.2g}") for it in found],
        "evidence": [evidence.add(it.evidence) for it in found],
    }


def _curves(results: Results) -> Iterator[dict[str, Any]]:
    """Curves of one operation stand together, `sin` first: its gradient is the picture that everyone knows."""
    found = [(curve, number) for number, subject in enumerate(results.subjects) for curve in subject.curves]
    familiar = {"sin": 0, "cos": 1, "exp": 2, "tanh": 3}
    found.sort(key=lambda it: (familiar.get(it[0].operation, 9), it[0].operation, it[0].dtype != "float64", it[1]))
    for curve, number in found:
        distance, missing = _distance(curve)
        yield {
            "subject": number,
            "operation": curve.operation,
            "dtype": curve.dtype,
            "distance": distance,
            "missing": missing,
            **{name: _rounded(getattr(curve, name)) for name in ("x", "value", "gradient", "reference")},
        }


def _costs(results: Results) -> Iterator[tuple[int, list[tuple[float, str] | None]]]:
    """Yield the number of a case whose cost was measured, and what it was on each subject."""
    for number, id in enumerate(results.cases):
        found = [subject.results.get(id) for subject in results.subjects]
        costs = [(it.cost.ratio, it.cost.shapes) if it and it.cost else None for it in found]
        if any(costs):
            yield number, costs


def _distance(curve: Curve) -> tuple[float | None, int]:
    """Return how far gradient and reference lie apart at most, and how many gradients are missing."""
    gaps, missing = [], 0
    for got, expected in zip(curve.gradient, curve.reference, strict=False):
        if expected is not None and got is None:
            missing += 1
        elif expected is not None and got is not None:
            gaps.append(abs(got - expected))
    gaps = [gap for gap in gaps if math.isfinite(gap)]
    return (max(gaps) if gaps else None), missing


def _rounded(values: list[float | None]) -> list[float | None]:
    # Five digits are finer than a pixel; the distance above was taken before rounding.
    return [None if v is None or not math.isfinite(v) else float(f"{v:.5g}") for v in values]


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return visible(value)
        case bool() | int() | float() | None:
            return value
        case dict():
            return {key: _cleaned(item) for key, item in value.items()}
        case list() | tuple():
            return [_cleaned(item) for item in value]
        case _:
            return _cleaned(msgspec.to_builtins(value))
