"""A library's own words for the catalogue's operations: one table, run and printed alike.

Each line is a signature in the catalogue's terms and an expression in the library's:

    "sum(x, axis=None, keepdims=False)": "torch.sum(x, dim=axis, keepdim=keepdims)"

Compiled, the table is the namespace `xp` that an adapter offers; substituted, it prints a program as a person would
write it with that library. What is run is what is printed. Where the words depend on the parameters, the expression is
conditional, and of its sides the one is printed that is run:

    "sum(x, axis=None, where=None)": "torch.sum(x, dim=axis) if where is None else total(x, axis, where)"
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True)
class Dialect:
    """How a library is written.

    Parameters
    ----------
    imports : str
        The lines that a script begins with.
    table : mapping
        Signature to expression, as above.
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
    table: Mapping[str, str]
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

    def namespace(self) -> SimpleNamespace:
        """Compile the table into functions under the catalogue's names."""
        scope: dict[str, Any] = {helper.__name__: helper for helper in self.helpers}
        exec(self.imports, scope)  # noqa: S102  # the adapter's own constant
        functions: dict[str, Any] = {}
        for signature, expression in self.table.items():
            exec(f"def {signature}:\n    return {expression}", scope, functions)  # noqa: S102  # as above
        return SimpleNamespace(**functions)

    def spell(self, op: str, args: Sequence[str], params: Mapping[str, Any]) -> str:
        """Return the expression of one operation with its arguments put in."""
        from clinometer.reference.text import literal  # only for people: running needs none of it

        signature, expression = self._line(op)
        names = [a.arg for a in signature.args.args]
        defaults = dict(zip(names[len(names) - len(signature.args.defaults) :], signature.args.defaults, strict=True))
        given = dict(zip(names, args, strict=False)) | {k: literal(v) for k, v in params.items()}
        bound = {n: ast.parse(given[n], mode="eval").body if n in given else defaults[n] for n in names}
        unsaid = {
            n for n in names if n in defaults and _says_nothing(defaults[n]) and ast.dump(bound[n]) == ast.dump(defaults[n])
        }
        known: dict[str, Any] = {helper.__name__: helper for helper in self.helpers}
        known |= {n: eval(ast.unparse(bound[n])) for n in names[len(args) :]}  # noqa: S307  # a literal, as a script has it
        return ast.unparse(_Substitute(bound, unsaid, known, set(names[: len(args)])).visit(expression))

    def _line(self, op: str) -> tuple[ast.FunctionDef, ast.expr]:
        for signature, expression in self.table.items():
            if signature.startswith(f"{op}("):
                function = ast.parse(f"def {signature}: pass").body[0]
                assert isinstance(function, ast.FunctionDef)  # the source above is one
                return function, ast.parse(expression, mode="eval").body
        raise KeyError(op)

    def sources(self, text: str) -> str:
        """Return the source of the helpers that a text uses, and of those that they use themselves."""
        used: dict[str, str] = {}
        for helper in reversed(self.helpers):  # a helper uses those before it
            if re.search(rf"(?<![\w.]){helper.__name__}\(", "\n".join([text, *used.values()])):
                used[helper.__name__] = textwrap.dedent(inspect.getsource(helper)).rstrip()
        return "\n\n\n".join(["from typing import Any", *reversed(used.values())]) if used else ""


def _says_nothing(default: ast.expr) -> bool:
    """Whether a keyword may be dropped at its default: every library means the same by no None and no False."""
    return isinstance(default, ast.Constant) and (default.value is None or default.value is False)


class _Substitute(ast.NodeTransformer):
    """Put arguments in for parameters, and leave out what need not be said.

    That is a keyword that says what holds without it, and the side of a conditional on parameters that is not run.
    """

    def __init__(self, bound: Mapping[str, ast.expr], unsaid: set[str], known: Mapping[str, Any], arrays: set[str]):
        self.bound, self.unsaid, self.known, self.arrays = bound, unsaid, known, arrays

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.bound.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [k for k in node.keywords if not (isinstance(k.value, ast.Name) and k.value.id in self.unsaid)]
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        if any(isinstance(name, ast.Name) and name.id in self.arrays for name in ast.walk(node.test)):
            return self.generic_visit(node)  # what an array is like is seen when the script runs
        holds = eval(ast.unparse(node.test), dict(self.known))  # noqa: S307  # the adapter's own constant
        return self.visit(node.body if holds else node.orelse)

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
