"""Known failures: what a library is known to get wrong, with the reason and a link.

An expectation never changes an outcome: it is stored beside it. It absorbs the outcomes that it names and no other, so
a crash where a failure is known is still news; and a known failure that passes is reported as fixed, but for one that
only some draws meet, and in the profile `quick`, which draws few.

What Clinometer ships is a file a library, `known/torch.toml`: a list of findings, each with its script and with the
entries that it explains. A user's own file is a list of entries, each with a reason of its own.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause
from clinometer.journal.files import content
from clinometer.reference.arithmetic.rounding import PRECISIONS
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.interpreter import BLOCK_OPERATIONS
from clinometer.reference.text import clipped

SHIPPED = Path(__file__).parents[1] / "suites" / "known"  # a folder: one file for each library
FIELDS = {
    "backend",
    "clauses",
    "operation",
    "dtype",
    "parameters",
    "outcomes",
    "message_pattern",
    "intermittent",
    "reason",
    "link",
    "seen",
}
LISTS = ("clauses", "outcomes", "parameters")
OUTCOMES = ("fail", "error", "crash", "timeout", "unsupported", "inconclusive", "invalid")
LONGEST = 200  # characters of what is quoted
NEEDED = ("backend", "clauses", "reason", "seen")


class BadExpectations(Exception):
    """A file of known failures cannot be used, or says what cannot be meant; the message names file and entry."""


@dataclass(frozen=True)
class Known:
    """One entry. Empty fields match anything; `seen` is the version in which the failure was seen."""

    backend: str
    clauses: tuple[str, ...]
    reason: str
    seen: str
    operation: str = ""
    dtype: str = ""
    parameters: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ("fail",)
    message_pattern: str = ""  # a regular expression: what messages are about it, of failures that are set aside one by one
    intermittent: bool = False  # only some draws, or some machines, meet it, so that a pass is no news
    link: str = ""

    def covers(self, clause: Clause, cell: Cell) -> bool:
        """Say whether this is about a cell of a clause."""
        return (
            clause.id in self.clauses
            and not self.message_pattern
            and self.operation in ("", cell.operation)
            and self.dtype in ("", cell.dtype)
            and (not self.parameters or cell.parameters in self.parameters)
        )

    def __str__(self) -> str:
        return f"{self.reason} (seen in {self.backend} {self.seen})" + (f" {self.link}" if self.link else "")


def shipped(backend: str) -> list[Known]:
    """Return the entries that Clinometer ships about a backend: none about one that it does not know."""
    path = SHIPPED / f"{backend}.toml"
    if not path.is_file():
        return []
    entries = []
    for finding in tomllib.loads(path.read_text("utf-8"))["finding"]:
        shared = {"backend": backend, "reason": finding["summary"], "seen": finding["seen"], "link": finding.get("link", "")}
        entries += [_entry(f"{path}, {finding['title']!r}", shared | entry) for entry in finding["known"]]
    return entries


def load(path: Path, backend: str) -> list[Known]:
    """Return the entries of a user's TOML file that are about a backend.

    Raises
    ------
    BadExpectations
        No such file, not TOML, or an entry with a field that is missing, unknown or of another type, or that names what there
        is not: it would be heard by no case, and nobody would know. So it is with entries about other backends too.
    """
    try:
        tables = tomllib.loads(content(path).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, RecursionError | tomllib.TOMLDecodeError | UnicodeDecodeError):
            raise BadExpectations(f"{path}: not TOML: {clipped(str(error), LONGEST)}") from error
        raise BadExpectations(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    entries, others = tables.pop("known", []), sorted(tables)
    if others or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        what = f"there is no {clipped(repr(others[0]), LONGEST)}; " if others else ""
        raise BadExpectations(f"{path}: {what}write [[known]], with two brackets, before each known failure")
    found = []
    for i, entry in enumerate(entries, 1):
        known = _entry(f"{path}, known failure {i}", entry)
        _heard(f"{path}, known failure {i}", known)
        found.append(known)
    return [known for known in found if known.backend == backend]


def _entry(where: str, entry: dict[str, Any]) -> Known:
    missing = [name for name in NEEDED if name not in entry]
    unknown = sorted(set(entry) - FIELDS)
    if missing or unknown:
        what = f"lacks {missing[0]!r}" if missing else f"has an unknown field {unknown[0]!r}"
        raise BadExpectations(f"{where}: it {clipped(what, LONGEST)}; an entry has {', '.join(sorted(FIELDS))}")
    for name, value in entry.items():
        if name in LISTS and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            one = value if isinstance(value, str) else "fail" if name == "outcomes" else "..."
            raise BadExpectations(f"{where}: {name!r} is a list of texts, such as [{one!r}]")
        if name not in LISTS and not isinstance(value, bool if name == "intermittent" else str):
            must = "true or false" if name == "intermittent" else "a text"
            raise BadExpectations(f"{where}: {name!r} is {must}, and not {clipped(repr(value), LONGEST)}")
    _among(f"{where}: there is no outcome", entry.get("outcomes", []), OUTCOMES, all=True)
    lists: dict[str, Any] = {name: tuple(entry[name]) for name in LISTS if name in entry}
    return Known(**(entry | lists))


def _heard(where: str, known: Known) -> None:
    """Hold an entry to words that a case may have."""
    from clinometer.harness.specification import specification  # here: chapters are imported where a user's file is read

    clauses = {clause.id: clause for clause in specification()}
    if not known.clauses or not known.reason.strip():
        raise BadExpectations(f"{where}: it names no {'reason' if known.clauses else 'clause'}")
    _among(f"{where}: there is no clause", known.clauses, clauses)
    _among(f"{where}: there is no operation", filter(None, [known.operation]), {*CATALOGUE, *BLOCK_OPERATIONS})
    _among(f"{where}: there is no dtype", filter(None, [known.dtype]), PRECISIONS, all=True)
    parameters = {cell.parameters for id in known.clauses for cell in clauses[id].cells}
    _among(f"{where}: no case of {', '.join(known.clauses)} has the parameters", known.parameters, parameters)
    try:
        re.compile(known.message_pattern)
    except (re.error, RecursionError, OverflowError) as error:
        said = clipped(repr(known.message_pattern), LONGEST)
        raise BadExpectations(f"{where}: 'message_pattern' is a regular expression, and {said} is none: {error}") from error


def _among(sentence: str, words: Iterable[str], there: Collection[str], *, all: bool = False) -> None:
    """Refuse the first word that is not there, with the near one, or with all."""
    strange = next((word for word in sorted(words) if word not in there), None)
    if strange is not None:
        near = difflib.get_close_matches(strange[:LONGEST], there, n=1)
        hint = f"; there are {', '.join(there)}" if all else f"; did you mean {near[0]!r}?" if near else ""
        raise BadExpectations(f"{sentence} {clipped(repr(strange), LONGEST)}{hint}")


def find(entries: list[Known], clause: Clause, cell: Cell, outcome: str = "", few: bool = False) -> Known | None:
    """Return the first entry about a cell, if there is one; none for a pass that is no news.

    It is none where only some draws fail, and where `few` were drawn: entries are of what was seen in more.
    """
    known = next((known for known in entries if known.covers(clause, cell)), None)
    return None if known is not None and outcome == "pass" and (known.intermittent or few) else known


def waive(entries: list[Known], clause: Clause, cell: Cell, message: str, blamed: str = "") -> str:
    """Return why a failure is set aside, or nothing.

    Either an entry about the clause, and the cell's operation, has words that are in its message; or an operation is to
    blame that is known to be wrong by itself, in the cell's dtype. An entry with words is about messages that have them.
    """
    for known in entries:
        if known.dtype not in ("", cell.dtype) or (known.message_pattern and not re.search(known.message_pattern, message)):
            continue
        about = clause.id in known.clauses and known.message_pattern and known.operation in ("", cell.operation)
        if about or (blamed and known.operation == blamed):
            return str(known)
    return ""
