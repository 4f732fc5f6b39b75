"""The specification: all clauses, in the order of the chapters' files."""

from __future__ import annotations

import functools
import hashlib
import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType

from clinometer.harness.clauses import Clause

CHAPTERS = "clinometer.suites"  # the package whose modules test_* are the chapters


@functools.cache
def specification() -> tuple[Clause, ...]:
    """Return all clauses."""
    package = importlib.import_module(CHAPTERS)
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name.startswith("test_"))
    return tuple(clauses_of(importlib.import_module(f"{CHAPTERS}.{name}") for name in names))


def clauses_of(chapters: Iterable[ModuleType]) -> list[Clause]:
    """Return the clauses of chapters, in the order in which they stand there.

    Raises
    ------
    ValueError
        Two clauses have one id.
    """
    found: dict[str, Clause] = {}
    for chapter in chapters:
        for test in vars(chapter).values():
            clause = getattr(test, "clause", None)
            if not isinstance(clause, Clause):
                continue
            if clause.id in found:
                raise ValueError(f"clause {clause.id} stands already, as {found[clause.id].name}; take the next number")
            found[clause.id] = clause
    return list(found.values())


def digest(clauses: Iterable[Clause]) -> str:
    """Return a short hash of what is asked: runs with different digests asked different questions."""
    lines = sorted(f"{c.id}|{c.level}|{c.cls}|{c.text}|{'|'.join(map(str, c.cells))}" for c in clauses)
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=6).hexdigest()
