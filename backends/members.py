"""What the members of a backend must be: each is looked at once, when the backend is loaded, before anything is asked of it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from types import ModuleType
from typing import Any

from clinometer.backends.dialect import Dialect
from clinometer.backends.protocol import MEMBERS, TAPE_MEMBERS, TRANSFORMS
from clinometer.backends.raised import in_one_line, shown
from clinometer.backends.support import Absent, Refusal, Support
from clinometer.reference.arithmetic.rounding import PRECISIONS
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.text import clipped
from clinometer.reference.witness import OVER

LONGEST_NAME = 100  # characters
FUNCTIONS = ("jvp", *TRANSFORMS)  # that a backend may offer
TAPE_FUNCTIONS = ("no_grad", "update")  # that a tape may
OPERATIONS = frozenset({*CATALOGUE, *TRANSFORMS, "gradient"})
MODES = ("forward", "reverse", "value", "tape")


class Unfit(Exception):
    """A member is not what it must be; the message says which, what it must be, and what it is."""


def examine_members(backend: Any) -> None:
    """Look at each member of a backend.

    Raises
    ------
    Unfit
    """
    _whole(backend, MEMBERS, "it", "a backend")
    _is("name", backend.name, "a text of 1 to 100 characters that can be printed", _is_name)
    _is("xp", backend.xp, "a namespace of functions, such as namespace(OPERATIONS)", _is_namespace)
    _functions(backend, ("asarray", "to_numpy", "vjp"), "")
    _functions(backend, FUNCTIONS, "", optional=True)
    tape = _look(backend, "tape")
    if tape is not None:
        _whole(tape, TAPE_MEMBERS, "its tape", "a tape")
        _functions(tape, TAPE_MEMBERS, "tape.")
        _functions(tape, TAPE_FUNCTIONS, "tape.", optional=True)
    _support(_look(backend, "support", Support()))
    _is("versions", _look(backend, "versions", {}), 'a mapping such as {"torch": torch.__version__}', _is_versions)
    _is("dialect", _look(backend, "dialect"), "a Dialect, or None", lambda it: it is None or isinstance(it, Dialect))


def _look(owner: Any, member: str, absent: Any = None) -> Any:
    """Return a member, which may be a property that raises."""
    try:
        return getattr(owner, member, absent)
    except BaseException as error:
        raise Unfit(f"to look at {member!r} raises {in_one_line(error)}") from error


def _whole(owner: Any, members: Sequence[str], who: str, what: str) -> None:
    nothing = object()
    missing = [member for member in members if _look(owner, member, nothing) is nothing]
    if missing:
        see = " (see docs/plugging-in-a-backend.md)" if what == "a backend" else ""
        raise Unfit(f"{who} lacks {', '.join(map(repr, missing))}; {what} has the members {', '.join(members)}{see}")


def _is(member: str, it: Any, must: str, holds: Any) -> None:
    try:
        fine = holds(it)
    except Unfit:
        raise
    except BaseException as error:
        raise Unfit(f"to look at {member!r} raises {in_one_line(error)}") from error
    if not fine:
        raise Unfit(f"{member!r} must be {must}; it is {clipped(shown(it), LONGEST_NAME)}")


def _functions(owner: Any, members: Sequence[str], prefix: str, *, optional: bool = False) -> None:
    for member in members:
        must = "a function" + (", or left out" if optional else "")
        _is(f"{prefix}{member}", _look(owner, member), must, lambda it: callable(it) or (optional and it is None))


def _is_name(it: Any) -> bool:
    return isinstance(it, str) and 0 < len(it) <= LONGEST_NAME and it.isprintable() and not it.isspace()


def _is_namespace(it: Any) -> bool:
    """Whether an object may hold functions: a module, a class, or an object of a class that is not one of Python's own."""
    return isinstance(it, ModuleType | type) or type(it).__module__ != "builtins"


def _is_versions(it: Any) -> bool:
    texts = [*it, *it.values()] if isinstance(it, Mapping) else [None]
    return all(isinstance(text, str) and len(text) <= LONGEST_NAME and text.isprintable() for text in texts)


# ----- what it works in -----


def _support(it: Any) -> None:
    _is("support", it, "a Support, of clinometer.backends", lambda it: isinstance(it, Support))
    names = f"a list of dtypes, of {', '.join(PRECISIONS)}"
    _is("support.dtypes", it.dtypes, names, lambda dtypes: _listed(dtypes) and len(dtypes) > 0)
    for dtype in it.dtypes:
        _known("support.dtypes", dtype, PRECISIONS, "a dtype")
    _is("support.nests", it.nests, "True or False", lambda nests: isinstance(nests, bool))
    entries = "a list of Absent and Refusal, of clinometer.backends"
    _is("support.unsupported", it.unsupported, entries, lambda some: _listed(some, Absent | Refusal))
    for entry in it.unsupported:
        (_absent if isinstance(entry, Absent) else _refusal)(entry)


def _absent(entry: Absent) -> None:
    _is("operations of an Absent", entry.operations, "a list of names", _listed)
    _is("within of an Absent", entry.within, "a list of dtypes and modes", _listed)
    for op in entry.operations:
        _known("operations of an Absent", op, OPERATIONS, "an operation; `clinometer operations` lists them")
    for word in entry.within:
        if not set(word.split(OVER)) <= {"forward", "reverse"}:
            _known("within of an Absent", word, [*PRECISIONS, *MODES], "a dtype or a mode")


def _refusal(entry: Refusal) -> None:
    _is("words of a Refusal", entry.words, "a regular expression, and no empty one", lambda it: isinstance(it, str) and it)
    try:
        re.compile(entry.words)
    except (re.error, RecursionError, OverflowError) as error:
        raise Unfit(
            f"words of a Refusal: {clipped(shown(entry.words), LONGEST_NAME)} is no regular expression: {error}"
        ) from error


def _listed(it: Any, kind: Any = str) -> bool:
    return isinstance(it, Collection) and not isinstance(it, str | bytes | Mapping) and all(isinstance(one, kind) for one in it)


def _known(member: str, word: str, words: Collection[str], what: str) -> None:
    if word not in words:
        near = difflib.get_close_matches(word[:LONGEST_NAME], words, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise Unfit(f"{member}: {clipped(shown(word), LONGEST_NAME)} is not {what}{hint}")
