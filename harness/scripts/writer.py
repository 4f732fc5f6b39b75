"""How a script is written: each function, each array and each answer once, under a name of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from clinometer.backends.dialect import Dialect
from clinometer.harness.findings import BESIDE, Asked, Finding, Given
from clinometer.reference.program.data import Program
from clinometer.reference.program.printing import statements
from clinometer.reference.text import numbers
from clinometer.reference.witness import OVER

TYPED = "from typing import Any"
INNER = """\
def inner(u, v):
    return sum(a * b for a, b in zip(u.ravel().tolist(), v.ravel().tolist(), strict=True))
"""


class Writer:
    """The source of one script, in the words of a library.

    Parameters
    ----------
    words : Dialect
    """

    def __init__(self, words: Dialect):
        self.words = words
        self.functions: dict[str, list[str]] = {}
        self.arrays: dict[str, np.ndarray] = {}
        self.same: dict[str, str] = {}  # names of arrays that another name stands for already
        self.leaves: set[str] = set()
        self.lines: list[str] = []

    def source(self) -> list[str]:
        """Return all lines."""
        text = "\n".join([*(line for lines in self.functions.values() for line in lines), *self.lines])
        helpers = self.words.sources(text)
        if "inner(" in text and "def inner(" not in helpers:
            helpers = f"{helpers}\n\n\n{INNER}".strip()
        imports = self.words.imports.splitlines()
        if helpers.startswith(TYPED):
            imports, helpers = [TYPED, "", *imports], helpers.removeprefix(TYPED).lstrip()
        functions = [line for lines in self.functions.values() for line in ("", "", *lines)]
        return [*imports, *(["", "", *helpers.splitlines()] if helpers else []), *functions, "", "", *self.lines]

    # ----- what is asked with -----

    def function(self, program: Program, mark: str = "") -> str:
        """Define a program, if it is another than those before, and return its name."""
        body = statements(program, self.words.spell)
        for name, (first, *rest) in self.functions.items():
            if rest == [f"    {line}" for line in body] and first.partition("(")[2] == f"{', '.join(program.inputs)}):":
                return name
        name = f"f{mark}" if f"f{mark}" not in self.functions else f"f{mark}_"
        self.functions[name] = self.defined(name, program)
        return name

    def defined(self, name: str, program: Program) -> list[str]:
        """Return the source of a program as a function."""
        body = statements(program, self.words.spell)
        return [f"def {name}({', '.join(program.inputs)}):", *(f"    {line}" for line in body)]

    def array(self, name: str, x: np.ndarray, mark: str = "") -> str:
        """Make an array, if it is another than the one of that name, and return its name."""
        for known in (name, f"{name}{mark}"):
            if known in self.arrays and identical(self.arrays[known], x):
                self.same[f"{name}{mark}"] = known
                return known
        name = f"{name}{mark}" if name in self.arrays else name
        self.arrays[name] = x
        self.lines.append(f"{name} = {self.written(x)}")
        return name

    def named(self, expression: str) -> str:
        """Return an expression in the names that its arrays have."""
        return re.sub(r"\w+", lambda name: self.same.get(name[0], name[0]), expression)

    def written(self, x: np.ndarray, template: str = "", dtype: str = "") -> str:
        """Return the source of an array; one without entries keeps its shape."""
        dtype = dtype or str(x.dtype)
        if not x.size and x.ndim > 1 and self.words.empty and not template:
            return self.words.empty.format(shape=x.shape, dtype=dtype)
        if not x.size and x.ndim > 1 and template:
            return template.format(values=f"np.zeros({x.shape})", dtype=dtype)
        return (template or self.words.array).format(values=numbers(x), dtype=dtype)

    # ----- asking -----

    def ask(self, name: str, asked: Asked) -> None:
        """Set a name to an answer."""
        case, mode, mark = asked.case, asked.mode.removeprefix(BESIDE), asked.mark
        f = self.function(case.program, mark)

        def made(name: str, x: np.ndarray) -> str:
            return asked.given.get(name) or self.array(name, x[0], mark)

        names = [made(n, x) for n, x in zip(case.program.inputs, case.inputs, strict=True)]
        if mode == "reverse" or OVER in mode:
            ct = made("ct", case.cotangents[0])
        if mode == "forward" or OVER in mode:
            tangents = [made(f"d{n}", x) for n, x in zip(case.program.inputs, case.tangents, strict=True)]
        which = asked.which
        if asked.alone:
            self.lines += [f"def of_{names[which]}({names[which]}):", f"    return {f}({', '.join(names)})", ""]
            f, names, which = f"of_{names[which]}", [names[which]], 0
        if OVER in mode:
            self.lines += self.nested(name, f, mode, names, tangents, ct, which)
        elif mode not in ("forward", "reverse"):
            self.lines += self.words.value.format(got=name, f=f, names=", ".join(names)).splitlines()
        else:
            template = self.words.beside[mode] if asked.mode.startswith(BESIDE) else getattr(self.words, mode)
            along = {"ct": ct} if mode == "reverse" else {"tangents": ", ".join(tangents)}
            self.answer(name, f, names, which, template, **along)

    def answer(self, name: str, f: str, names: Sequence[str], which: int, template: str, **along: str) -> None:
        """Set a name to one answer of a function, by the lines that the library has for it."""
        if "ct" in along:
            self.leaf(names)
        every, alone = range(len(names)), len(names) == 1
        words = {
            "got": name, "f": f, "names": ", ".join(names), "which": which, "x": names[which],
            "all": f"({', '.join(map(str, every))}{',' * alone})", "numbers": "0" if alone else str(tuple(every)),
            "part": "" if alone else f"[{which}]",
        }  # fmt: skip
        self.lines += template.format(**words, **along).splitlines()

    def leaf(self, names: Sequence[str]) -> None:
        """Make inputs what a library differentiates."""
        fresh = [name for name in names if name not in self.leaves and self.words.leaf]
        self.lines += [self.words.leaf.format(x=name) for name in fresh]
        self.leaves |= set(fresh)

    def nested(
        self, got: str, f: str, mode: str, names: Sequence[str], tangents: Sequence[str], ct: str, which: int
    ) -> list[str]:
        """Return the lines that set a name to a derivative of a derivative, as `suites.nested` takes it."""
        self.functions |= {f"({step})": source.splitlines() for step, source in sources(self.words, mode).items()}
        between = mode.count("reverse") - 1  # gradients of every input, summed up
        indices = ["i", "j", "k"][:between] if len(names) > 1 else ["0"] * between
        directions = f"dxs{got.removeprefix('got')}"
        expression, places = f, iter([*indices, str(which)])
        for step in reversed(mode.split(OVER)):
            if step == "forward":
                expression = f"tangent({expression}, {directions})"
            else:
                place = next(places)
                expression, ct = f"gradient({expression}, {place}, {ct})", f"{directions}[{place}]"
        value = f"{expression}({', '.join(names)})"
        if between and len(names) > 1:
            value = f"sum({value}{''.join(f' for {i} in range({len(names)})' for i in indices)})"
        pair = f"({', '.join(tangents)}{',' * (len(names) == 1)})"
        return [f"{directions} = {pair}", f"{got} = {self.words.numpy.format(x=value)}"]

    # ----- what a clause has written down itself -----

    def transcript(self, finding: Finding, given: Mapping[str, Given]) -> None:
        """Add what was given, and what was done."""
        for name, what in given.items():
            if isinstance(what, np.ndarray):
                self.array(name, what)
            elif isinstance(what, Program):
                self.functions[name] = self.defined(name, what)
            else:
                self.functions[name] = what.splitlines()
        done = list(finding.lines)
        if finding.refused:
            done[-1:] = ["try:", f"    {done[-1]}", "except Exception as error:", '    print("raises", error)', "else:"]
            done.append(f"    raise AssertionError({finding.claim + ' raises nothing, where an exception is due'!r})")
        self.lines += done


def sources(words: Dialect, mode: str) -> dict[str, str]:
    """Return the functions by which a script takes derivatives of derivatives, by the step that each is for."""
    steps = [mode] if mode in words.nested else sorted(set(mode.split(OVER)))
    return {step: words.nested[step].rstrip() for step in steps}


def identical(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two arrays are the same to the last bit."""
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
