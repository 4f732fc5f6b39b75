"""The words of a library for the catalogue's operations, as far as they can be read off its names and signatures.

A name of the catalogue is looked up in the library, under that name and those that numpy and torch have for it, and taken if
its signature takes the catalogue's arguments. Whether it computes the same is asked by `clinometer backend smoke`.
"""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.backends.raised import in_one_line
from clinometer.backends.registry import BackendProblem
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.catalogue.rows import Operation

# What is written with signs, wherever a library has arrays of its own or of numpy's.
SIGNS = {
    "add": "x + y", "subtract": "x - y", "multiply": "x * y", "divide": "x / y", "pow": "x**y", "negative": "-x",
    "matmul": "x @ y", "getitem": "x[key]", "greater": "x > y", "less": "x < y",
}  # fmt: skip
METHODS = {
    "add": "__add__", "subtract": "__sub__", "multiply": "__mul__", "divide": "__truediv__", "pow": "__pow__",
    "negative": "__neg__", "matmul": "__matmul__", "getitem": "__getitem__", "greater": "__gt__", "less": "__lt__",
}  # fmt: skip
# Functions that take their arrays in another way.
CALLS = {
    "concat": "{f}([x, y]{axis})",
    "stack": "{f}([x, y]{axis})",
    "where": "{f}(np.array(condition), x, y)",
    "einsum": "{f}(subscripts, x, y)",
    "einsum_of_one": "{f}(subscripts, x)",
    "einsum_of_three": "{f}(subscripts, x, y, z)",
}
# Of these the catalogue asks for something else than a library's function of the name gives: factors put together again,
# one array for several. Each is a line of one's own.
OWN = {
    "at_add", "at_set", "cross_entropy", "diagonal", "eigh", "eigvalsh", "fft", "hinge", "ifft", "index_add", "irfft", "kl_div",
    "lstsq", "meshgrid", "one_hot", "qr", "rfft", "scatter_add", "searchsorted", "slogdet", "split", "svd", "topk", "unstack",
}  # fmt: skip
ALSO: Mapping[str, Sequence[str]] = {
    "asin": ("arcsin",), "acos": ("arccos",), "atan": ("arctan",), "atan2": ("arctan2",), "asinh": ("arcsinh",),
    "acosh": ("arccosh",), "atanh": ("arctanh",), "pow": ("power",), "negative": ("neg",), "subtract": ("sub",),
    "multiply": ("mul",), "divide": ("div", "true_divide"), "remainder": ("mod",), "abs": ("absolute",), "clip": ("clamp",),
    "max": ("amax",), "min": ("amin",), "cumulative_sum": ("cumsum",), "cumulative_prod": ("cumprod",),
    "permute_dims": ("permute", "transpose"), "expand_dims": ("unsqueeze",), "concat": ("concatenate", "cat"),
    "matrix_transpose": ("mT",), "broadcast_to": ("expand",), "reciprocal": ("recip",), "silu": ("swish",),
    "sigmoid": ("expit", "logistic"), "stop_gradient": ("detach",), "modulus": ("abs",),
    "einsum_of_one": ("einsum",), "einsum_of_three": ("einsum",), "lgamma": ("gammaln",), "inv": ("inverse",),
    "getitem": ("get_item",),
}  # fmt: skip
SAME: Mapping[str, Sequence[str]] = {
    "axis": ("dim", "axes", "dims"), "axes": ("dims", "order", "dim", "axis"), "keepdims": ("keepdim", "keep_dims"),
    "correction": ("ddof",), "shape": ("newshape", "new_shape", "size", "dims"), "repetitions": ("reps", "repeats"),
    "key": ("index", "indices", "slices"), "min": ("min_", "a_min", "x_min"), "max": ("max_", "a_max", "x_max"),
    "negative_slope": ("neg_slope", "slope", "alpha"), "shift": ("shifts",), "offset": ("k",), "k": ("diagonal",),
    "repeats": ("n",), "eps": ("epsilon",), "source": ("src",), "destination": ("dst",), "ord": ("p",), "n": ("power",),
}  # fmt: skip
SPACES = ("linalg", "fft", "special", "nn.functional", "nn", "lax")  # where libraries keep more functions
NOT_THERE, OF_ITS_OWN = "is not there", "is asked for in a way of its own"
NO_ARRAYS = (BaseException, np.generic, np.ndarray, int, float, complex)
UNSAID = {"where", "initial"}  # who takes them takes no None for none
MANY = {"shape", "axes", "repetitions"}  # what stands for several numbers
AXES = ("axis", "keepdims")
UNREADABLE = (TypeError, ValueError)  # what `inspect.signature` raises of a function that does not say


@dataclass(frozen=True)
class Line:
    """What became of one operation: its words, or why there are none."""

    op: str
    words: str = ""
    why: str = ""


@dataclass(frozen=True)
class Library:
    """A library as it is found.

    Parameters
    ----------
    modules : sequence of str
        Where functions are looked up, in this order; the first is the library's own.
    array : str
        Name of its class of arrays, with its module's, if there is one.
    """

    modules: Sequence[str]
    array: str = ""

    @property
    def spaces(self) -> Iterator[tuple[str, Any]]:
        """Modules and those of `SPACES` within, under the names by which a line calls them."""
        for name in self.modules:
            module = importlib.import_module(name)
            yield name, module
            for path in SPACES:
                space: Any = module
                for part in path.split("."):
                    space = getattr(space, part, None)
                if isinstance(space, types.ModuleType):
                    yield f"{name}.{path}", space

    @property
    def kind(self) -> type | None:
        """The class of arrays."""
        module, _, name = self.array.rpartition(".")
        return getattr(importlib.import_module(module), name) if self.array else None

    @property
    def made_with(self) -> Mapping[str, inspect.Parameter]:
        """The parameters with which its arrays are made."""
        try:
            return inspect.signature(self.kind).parameters if self.kind else {}
        except UNREADABLE:
            return {}

    @property
    def attributes(self) -> set[str]:
        """The names of what its arrays have, those included that are given to them when they are made."""
        made = getattr(getattr(self.kind, "__init__", None), "__code__", None)
        return {*dir(self.kind), *(made.co_names if made else ())} if self.kind else set()


def library(modules: Sequence[str]) -> Library:
    """Return the library of some modules.

    Raises
    ------
    BackendProblem
        One of them cannot be imported.
    """
    classes: dict[str, type] = {}
    for name in modules:
        try:
            module = importlib.import_module(name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a library may raise, its user gets a sentence
            mend = "; install it, or name its module with --library" if isinstance(error, ModuleNotFoundError) else ""
            raise BackendProblem(f"the library {name!r} could not be imported: {in_one_line(error)}{mend}") from error
        for what, kind in vars(module).items():
            if isinstance(kind, type) and not what.startswith("_") and not issubclass(kind, NO_ARRAYS):
                classes.setdefault(f"{name}.{what}", kind)
    found = max(classes, key=lambda each: _likeness(classes[each]), default="")
    return Library(modules, found if found and _likeness(classes[found]) > 3 else "")


def _has(kind: type, method: str) -> bool:
    """Say whether a class has a method that not every object has."""
    return any(method in vars(base) for base in kind.__mro__[:-1])


def _likeness(kind: type) -> int:
    """Return how much a class is like arrays that are differentiated: how many operations it has, and `backward`."""
    signs = sum(_has(kind, method) for method in METHODS.values())
    numeric = _has(kind, "__add__") and _has(kind, "__mul__") and (hasattr(kind, "shape") or hasattr(kind, "backward"))
    return numeric * (signs + sum(hasattr(kind, op) for op in CATALOGUE) + 5 * hasattr(kind, "backward"))


# ----- lines -----


def lines(found: Library) -> list[Line]:
    """Return what becomes of each operation of the catalogue."""
    return [_line(row, found) for row in CATALOGUE.values()]


def _line(row: Operation, found: Library) -> Line:
    if row.name in SIGNS and (found.kind is None or _has(found.kind, METHODS[row.name])):
        return Line(row.name, f"lambda {', '.join(row.parameters)}: {SIGNS[row.name]}")
    if row.name in OWN:
        return Line(row.name, why=OF_ITS_OWN)
    why = NOT_THERE
    for candidate in _candidates(row, found):
        line = _called(row, candidate)
        if line.words:
            return line
        why = line.why
    return Line(row.name, why=why)


@dataclass(frozen=True)
class Candidate:
    """A function of the library under one of an operation's names.

    Parameters
    ----------
    called : str
        How a line calls it.
    function : callable
    method : bool
        It is called on the first array.
    """

    called: str
    function: Callable[..., Any]
    method: bool = False

    def parameters(self, needed: Sequence[str]) -> Mapping[str, inspect.Parameter]:
        """Return what it takes, the first array too; if it does not say, what is needed, by position, and axes by keyword."""
        try:
            return inspect.signature(self.function).parameters
        except UNREADABLE:
            kinds = inspect.Parameter
            found = [kinds("args", kinds.VAR_POSITIONAL)]
            found += [kinds(name, kinds.POSITIONAL_ONLY, default=None) for name in needed if name not in AXES]
            found += [kinds(name, kinds.KEYWORD_ONLY, default=None) for name in AXES]
            return {p.name: p for p in found}


def _candidates(row: Operation, found: Library) -> Iterator[Candidate]:
    """Return the library's functions of an operation's names: its own, those of its arrays, and those further within."""
    names, kind = (row.name, *ALSO.get(row.name, ())), found.kind
    own = [pair for pair in found.spaces if pair[0] in found.modules]
    within = [pair for pair in found.spaces if pair[0] not in found.modules]
    yield from _functions(own, names)
    for name in names:
        if kind and isinstance(inspect.getattr_static(kind, name, None), staticmethod | classmethod):
            yield Candidate(f"{found.array}.{name}", getattr(kind, name))
        elif kind and callable(getattr(kind, name, None)):
            yield Candidate(f"{row.parameters[0]}.{name}", getattr(kind, name), method=True)
    yield from _functions(within, names)


def _functions(spaces: Sequence[tuple[str, Any]], names: Sequence[str]) -> Iterator[Candidate]:
    for space, module in spaces:
        for name in names:
            function = getattr(module, name, None)
            if callable(function):
                yield Candidate(f"{space}.{name}", function)


def _called(row: Operation, it: Candidate) -> Line:
    """Return the call of a function with the catalogue's arguments, or why it does not take them."""
    arrays, own = row.parameters[: row.arity], row.parameters[row.arity :]
    defaults = {name: p.default for name, p in inspect.signature(row.value).parameters.items()} if own else {}
    needed = [name for name in own if defaults[name] is inspect.Parameter.empty]
    theirs, refused = it.parameters(needed), Line(row.name, why=f"as {it.called} takes other arguments")
    words = {name: "" if name in UNSAID else _keyword(name, theirs, name in needed) for name in own}
    signature = ", ".join(
        [*arrays, *(n if n in needed else f"{n}={_literal(defaults[n])}" for n in own if words[n] or n in needed)]
    )
    said = sorted(filter(None, words.values()), key=lambda word: "=" in word)  # those without a keyword first
    if row.name in CALLS:
        axis = next(iter(said), "")
        if it.method and not (axis and any(p.kind is p.VAR_POSITIONAL for p in theirs.values())):
            return refused
        call = f"{it.called}(y, {axis})" if it.method else CALLS[row.name].format(f=it.called, axis=f", {axis}" * bool(axis))
        return Line(row.name, f"lambda {signature}: {call}")
    if not all(words[name] for name in needed):
        return Line(row.name, why=f"as {it.called} takes no {next(name for name in needed if not words[name])}")
    return (
        Line(row.name, f"lambda {signature}: {it.called}({', '.join([*arrays[it.method :], *said])})")
        if _takes(theirs, row.arity, {word.partition("=")[0] for word in said})
        else refused
    )


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _keyword(name: str, theirs: Mapping[str, inspect.Parameter], needed: bool) -> str:
    """Return how a function is given a parameter of the catalogue; nothing, if it takes none like that."""
    word = next((each for each in (name, *SAME.get(name, ())) if each in theirs), "")
    if not word:
        kinds = {p.kind for p in theirs.values()}
        if needed and inspect.Parameter.VAR_POSITIONAL in kinds and name not in AXES:
            return name
        return f"{name}={name}" if inspect.Parameter.VAR_KEYWORD in kinds else ""
    kind = theirs[word].kind
    if kind is inspect.Parameter.VAR_POSITIONAL:
        return f"*{name}" if name in MANY else name
    return name if kind is inspect.Parameter.POSITIONAL_ONLY else f"{word}={name}"


def _takes(theirs: Mapping[str, inspect.Parameter], arity: int, said: Collection[str]) -> bool:
    """Whether a function takes so many arrays by position, and wants nothing else but what is said by keyword."""
    if any(p.kind is p.VAR_POSITIONAL for p in theirs.values()):
        return True
    places = [p for p in theirs.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in said]
    wanted = [p for p in theirs.values() if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name not in said]
    return len(places) >= arity and all(p in places[:arity] for p in wanted)
