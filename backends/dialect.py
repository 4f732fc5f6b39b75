"""A library's own words for the catalogue's operations: one table, run and printed alike.

Each line is an operation and a function of the catalogue's arguments, in the library's words:

    "sum": lambda x, axis=None, keepdims=False: torch.sum(x, dim=axis, keepdim=keepdims)

Called, the table is the namespace `xp` that an adapter offers; its syntax tree, with arguments put in for parameters, prints
a program as a person would write it with that library. What is run is what is printed. Where the words depend on the
parameters, the expression is conditional, and of its sides the one is printed that is run:

    "sum": lambda x, axis=None, where=None: torch.sum(x, dim=axis) if where is None else total(x, axis, where)
"""

from __future__ import annotations

import ast
import inspect
import linecache
import operator
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType, SimpleNamespace
from typing import Any

from clinometer.reference.text import literal

Words = Callable[..., Any]  # a lambda of a table


def namespace(table: Mapping[str, Words]) -> SimpleNamespace:
    """Return the functions of a table under the catalogue's names, which they bear in messages too: an adapter's `xp`."""
    for op, words in table.items():
        words.__name__ = words.__qualname__ = op
    return SimpleNamespace(**table)


class NotAWord(ValueError):
    """A table has a line that cannot be printed; the message says which, and how it is written."""


@dataclass(frozen=True)
class Vocabulary:
    """Operations in words that are run, and printed.

    Parameters
    ----------
    table : mapping
        Operation to lambda, as above: each of its own, in a dictionary in a file.
    """

    table: Mapping[str, Words]

    def __post_init__(self) -> None:
        self.lines  # noqa: B018  # read now: whoever edits the file later sees what was run

    @cached_property
    def lines(self) -> dict[str, str]:
        """The source of each line of the table."""
        codes = {op: getattr(words, "__code__", None) for op, words in self.table.items()}
        files = {path: _lambdas(path) for path in {code.co_filename for code in codes.values() if code}}
        return {op: _line(op, code, files) for op, code in codes.items()}

    def spell(self, op: str, args: Sequence[str], params: Mapping[str, Any]) -> str:
        """Return the expression of one operation with its arguments put in.

        Parameters
        ----------
        op : str
            An operation of the table.
        args : sequence of str
            Sources of its arrays.
        params : mapping
            Its parameters, as it is called with.

        Raises
        ------
        KeyError
            The table has no such operation.
        """
        line = _parsed(self.lines[op])
        names = [a.arg for a in line.args.args]
        defaults = dict(zip(names[len(names) - len(line.args.defaults) :], line.args.defaults, strict=True))
        given = dict(zip(names, args, strict=False)) | {k: literal(v) for k, v in params.items()}
        bound = {n: ast.parse(given[n], mode="eval").body if n in given else defaults[n] for n in names}
        unsaid = {
            n for n in names if n in defaults and _says_nothing(defaults[n]) and ast.dump(bound[n]) == ast.dump(defaults[n])
        }
        return ast.unparse(_Substitute(bound, unsaid, self._known(op, names[len(args) :], params)).visit(line.body))

    def _known(self, op: str, parameters: Sequence[str], params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the names in the line of an operation stand for, but for its arrays."""
        words = self.table[op]
        defaults = {n: p.default for n, p in inspect.signature(words).parameters.items()}
        around, given = inspect.getclosurevars(words), defaults | dict(params)
        outside = {**around.builtins, **around.globals, **around.nonlocals}
        return {n: x for n, x in outside.items() if n not in defaults} | {n: given[n] for n in parameters}


@dataclass(frozen=True, kw_only=True)
class Dialect(Vocabulary):
    """How a library is written.

    Parameters
    ----------
    imports : str
        The lines that a script begins with.
    array, empty, kind : str
        Source of an array, of one without entries, and of a dtype: templates with `{values}` or `{shape}`, and `{dtype}`.
    constant, numpy : str
        Source of an array that is expected, if it is not as above; and of an answer `{x}`, as it can be indexed and printed.
    vjp : str
        Expression of the value and the pullback of `{f}` at `{names}`; the function of that name is among the helpers.
    reverse, forward, value : str
        Lines that set `{got}` to one gradient, to the pushforward, or to the value of `{f}`, as the adapter asks for it:
        templates with `{names}`, all inputs, `{x}`, one of them, and `{which}`, its number; `{ct}` and `{tangents}`; and for
        functions of several arguments `{all}`, the tuple of all numbers, `{numbers}`, the same or 0 where there is one, and
        `{part}`, `[{which}]` or nothing where there is one.
    beside : mapping
        The same for the value that comes with a gradient, under "reverse", and with a pushforward, under "forward".
    leaf : str
        What is done to each input `{x}` before reverse mode, if there is anything to do.
    nested : mapping
        Sources, for derivatives of derivatives, of `gradient(f, which, ct)`, under "reverse", and `tangent(f, dxs)`, under
        "forward": each makes a function of a function. A mode that wants others has its own entry, for all of them.
    helpers : sequence of callables
        Functions that expressions use; their source goes into a script that does.
    tape : mapping
        Templates of the tape's actions, for scripts: leaf, backward, retained, gradient, zero, and grad, of `{leaves}`; and
        where arrays are changed in place, no_grad and each operation of `Tape.update`, of `{x}`, an array or a part of one,
        and `{y}`.
    transforms : mapping
        Sources of what functions are handed to: vmap, jit, cond, while_loop, scan, as far as there are such; and under vjp
        and jvp templates of derivatives that they can be taken of.
    """

    imports: str
    array: str
    reverse: str
    forward: str = ""
    empty: str = ""
    kind: str = "'{dtype}'"
    constant: str = ""
    numpy: str = "{x}"
    vjp: str = ""
    value: str = "{got} = {f}({names})"
    beside: Mapping[str, str] = field(default_factory=dict)
    leaf: str = ""
    nested: Mapping[str, str] = field(default_factory=dict)
    helpers: Sequence[Callable[..., Any]] = ()
    tape: Mapping[str, str] = field(default_factory=dict)
    transforms: Mapping[str, str] = field(default_factory=dict)

    def sources(self, text: str) -> str:
        """Return the source of the helpers that a text uses, and of those that they use themselves."""
        used: dict[str, str] = {}
        for helper in reversed(self.helpers):  # a helper uses those before it
            if re.search(rf"(?<![\w.]){helper.__name__}\(", "\n".join([text, *used.values()])):
                used[helper.__name__] = textwrap.dedent(inspect.getsource(helper)).rstrip()
        return "\n\n\n".join(["from typing import Any", *reversed(used.values())]) if used else ""


def _line(op: str, code: CodeType | None, files: Mapping[str, Mapping[tuple[str, int], str]]) -> str:
    """Return the source of the lambda that stands under a key."""
    found = files[code.co_filename].get((op, code.co_firstlineno)) if code else None
    if found is None:
        where = (
            f"{code.co_filename}, line {code.co_firstlineno}, has" if code else "a function that is not written in Python has"
        )
        raise NotAWord(
            f'{where} no lambda for {op!r} that scripts can print: write "{op}": lambda ...: ... in a dictionary there'
        )
    return found


def _lambdas(path: str) -> dict[tuple[str, int], str]:
    """Return the source of each lambda of a file that is the value of a key, by that and the line on which it begins."""
    linecache.checkcache(path)
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except SyntaxError:  # what the file says by now
        return {}
    pairs: list[tuple[Any, Any]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            pairs += [(key.value, value) for key, value in zip(node.keys, node.values) if isinstance(key, ast.Constant)]
        elif isinstance(node, ast.keyword):
            pairs.append((node.arg, node.value))
    return {(key, value.lineno): ast.unparse(value) for key, value in pairs if isinstance(value, ast.Lambda)}


def _parsed(line: str) -> ast.Lambda:
    """Return a syntax tree of a lambda that may be changed."""
    tree = ast.parse(line, mode="eval").body
    assert isinstance(tree, ast.Lambda)  # as it was found
    return tree


def _says_nothing(default: ast.expr) -> bool:
    """Whether a keyword may be dropped at its default: every library means the same by no None and no False."""
    return isinstance(default, ast.Constant) and (default.value is None or default.value is False)


class _Substitute(ast.NodeTransformer):
    """Put arguments in for parameters, and leave out what need not be said.

    That is a keyword that says what holds without it, and the side of a conditional on parameters that is not run.
    """

    def __init__(self, bound: Mapping[str, ast.expr], unsaid: set[str], known: Mapping[str, Any]):
        self.bound, self.unsaid, self.known = bound, unsaid, known

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.bound.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [k for k in node.keywords if not (isinstance(k.value, ast.Name) and k.value.id in self.unsaid)]
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        names = {name.id for name in ast.walk(node.test) if isinstance(name, ast.Name)}
        if names & (self.bound.keys() - self.known.keys()):
            return self.generic_visit(node)  # what an array is like is seen when the script runs
        return self.visit(node.body if decided(node.test, self.known) else node.orelse)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        node.slice = _index(node.slice)
        return node


def _index(key: ast.expr) -> ast.expr:
    """Return a key as one writes it between brackets: `x[1:, 0]` for the key (slice(1, None, None), 0)."""
    if isinstance(key, ast.Tuple) and key.elts:
        parts = [_index(k) for k in key.elts]
        return parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
    if isinstance(key, ast.Call) and isinstance(key.func, ast.Name) and key.func.id == "slice":
        return ast.Slice(*(None if isinstance(a, ast.Constant) and a.value is None else a for a in key.args))
    return key


COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda x, many: x in many,
    ast.NotIn: lambda x, many: x not in many,
}


def decided(test: ast.expr, known: Mapping[str, Any]) -> Any:
    """Return the value of a condition on parameters.

    Parameters
    ----------
    test : ast.expr
        Constants, names and their attributes, tuples, comparisons, `not`, `and`, `or`, unions of types, and calls of functions.
    known : mapping
        What the names stand for.

    Raises
    ------
    NotAWord
        The condition is made of something else.
    """

    def value(node: ast.expr) -> Any:
        return decided(node, known)

    match test:
        case ast.Constant():
            return test.value
        case ast.Name() if test.id in known:
            return known[test.id]
        case ast.Attribute():
            return getattr(value(test.value), test.attr)
        case ast.Tuple() | ast.List():
            return tuple(map(value, test.elts)) if isinstance(test, ast.Tuple) else list(map(value, test.elts))
        case ast.UnaryOp(op=ast.Not()):
            return not value(test.operand)
        case ast.UnaryOp(op=ast.USub()):
            return -value(test.operand)
        case ast.BinOp(op=ast.BitOr()):
            return value(test.left) | value(test.right)
        case ast.BoolOp(op=ast.And()):
            return all(map(value, test.values))
        case ast.BoolOp(op=ast.Or()):
            return any(map(value, test.values))
        case ast.Compare():
            sides = zip([test.left, *test.comparators], test.ops, test.comparators)
            return all(COMPARED[type(op)](value(left), value(right)) for left, op, right in sides)
        case ast.Call(keywords=[]):
            return value(test.func)(*map(value, test.args))
    raise NotAWord(f"the condition {ast.unparse(test)!r} is more than is decided here: let a function beside the table say it")
