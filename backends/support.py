"""What a library works in, and what it does not have: said by its adapter, or by the library itself when it is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from clinometer.backends.raised import in_one_line, is_a


@dataclass(frozen=True)
class Absent:
    """Operations that a library has, but not in some dtypes or modes.

    Parameters
    ----------
    operations : sequence of str
        Names of the catalogue, or of transforms.
    within : sequence of str
        Names of dtypes, as "float16", and of modes: "forward", "reverse", "forward-over-reverse".
    why : str
        What is missing there, in a phrase.
    """

    operations: Sequence[str]
    within: Sequence[str]
    why: str


@dataclass(frozen=True)
class Refusal:
    """Words by which a library says itself that it does not have something, where it raises no NotImplementedError.

    Parameters
    ----------
    words : str
        Regular expression of what it raises, as "TypeOfException: text".
    example : str
        An expression of `x`, in the words of scripts, that the library answers so.
    """

    words: str
    example: str = ""


@dataclass(frozen=True)
class Support:
    """What a library works in, and what it does not have. An adapter refuses nothing that its library takes.

    Parameters
    ----------
    dtypes : sequence of str
        What it is handed, of "float16", "bfloat16", "float32", "float64", "complex64", "complex128".
    nests : bool
        Whether `vjp` and `jvp` may be called by functions that are being differentiated themselves, by the same library's
        `vjp` and `jvp`, in any order.
    unsupported : sequence of Absent or Refusal
        What is not asked for, and what is no fault when it is refused.
    """

    dtypes: Sequence[str] = ("float32", "float64")
    nests: bool = False
    unsupported: Sequence[Absent | Refusal] = ()

    @cached_property
    def _absent(self) -> Mapping[str, frozenset[str]]:
        entries = [entry for entry in self.unsupported if isinstance(entry, Absent)]
        ops = {op for entry in entries for op in entry.operations}
        return {op: frozenset().union(*(entry.within for entry in entries if op in entry.operations)) for op in ops}

    def lacks(self, op: str, *within: str) -> bool:
        """Say whether an operation is not there in one of these dtypes and modes."""
        return not self._absent.get(op, frozenset()).isdisjoint(within)

    def refuses(self, error: BaseException) -> bool:
        """Say whether an exception is how the library says that it does not have what was asked, and no fault."""
        said = in_one_line(error)
        known = (entry.words for entry in self.unsupported if isinstance(entry, Refusal))
        return is_a(error, NotImplementedError) or any(re.search(words, said) for words in known)


UNSAID = Support()


def support_of(backend: object) -> Support:
    """Return what a backend says that it supports: float32, float64 and no more, if it says nothing."""
    return getattr(backend, "support", UNSAID)
