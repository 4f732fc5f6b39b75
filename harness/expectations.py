"""Known failures: what a library is known to get wrong, with the reason and a link.

An expectation never changes an outcome: it is stored beside it. It absorbs the outcomes that it names and no other, so
a crash where a failure is known is still news; and a known failure that passes is reported as fixed, but for one that
only some draws meet, and in the profile `quick`, which draws few.

What Clinometer ships is a file a library, `known/torch.toml`: a list of findings, each with its script and with the
entries that it explains. A user's own file is a list of entries, each with a reason of its own.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinometer.harness.cells import Cell
from clinometer.harness.clauses import Clause

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
NEEDED = ("backend", "clauses", "reason", "seen")


class BadExpectations(Exception):
    """A file of known failures cannot be used; the message names file and entry."""


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
        No such file, not TOML, or an entry with a missing or an unknown field.
    """
    try:
        entries = tomllib.loads(path.read_text("utf-8")).get("known", [])
    except OSError as error:
        raise BadExpectations(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadExpectations(f"{path}: not TOML: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadExpectations(f"{path}: write [[known]], with two brackets, before each known failure")
    return [
        _entry(f"{path}, known failure {i}", entry)
        for i, entry in enumerate(entries, 1)
        if entry.get("backend", backend) == backend
    ]


def _entry(where: str, entry: dict[str, Any]) -> Known:
    missing = [name for name in NEEDED if name not in entry]
    unknown = sorted(set(entry) - FIELDS)
    if missing or unknown:
        what = f"lacks {missing[0]!r}" if missing else f"has an unknown field {unknown[0]!r}"
        raise BadExpectations(f"{where}: it {what}; an entry has {', '.join(sorted(FIELDS))}")
    for name in LISTS:
        if not isinstance(entry.get(name, []), list):
            raise BadExpectations(f"{where}: {name!r} is a list, such as [{entry[name]!r}]")
    strange = sorted(set(entry.get("outcomes", [])) - set(OUTCOMES))
    if strange:
        raise BadExpectations(f"{where}: there is no outcome {strange[0]!r}; there are {', '.join(OUTCOMES)}")
    lists: dict[str, Any] = {name: tuple(entry[name]) for name in LISTS if name in entry}
    return Known(**(entry | lists))


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
