"""Evidence for the journal: the numbers as text, the program, and a stand-alone script.

The script uses the backend's own library alone, in its own words, if the adapter has a dialect; else it uses the
adapter.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from clinometer.backends import Backend
from clinometer.reference.printing import numbers, plain, plainly, statements
from clinometer.reference.program import Program
from clinometer.reference.truth import Case
from clinometer.reports.journal import Array, Evidence
from clinometer.suites.check import Finding
from clinometer.suites.clauses import Clause

ENOUGH = 4096  # entries of an array that the journal takes


def evidence(finding: Finding, clause: Clause, backend: Backend, selection: str) -> Evidence:
    """Return what the journal keeps of a finding; `selection` is how the backend was chosen."""
    case, found = finding.case, finding.disagreement
    made = Evidence(claim=finding.claim, trace=finding.trace)
    if case is not None:
        made.inputs = [as_text(x[0], name) for name, x in zip(case.program.inputs, case.inputs, strict=True)]
        made.program = plain(case.program)
        made.script = script(finding, clause, backend, selection)
    made.got, made.expected, made.tolerance = (as_text(x) for x in (finding.got, finding.expected, finding.tolerance))
    if found is not None:
        made.index = list(found.place[1:])
        made.error = f"{found.error:.4g}"
        if found.witness is not None:
            estimate = found.witness
            made.witness = as_text(np.asarray(estimate.value))
            made.steps = [(f"{estimate.step:.3g}", f"{float(estimate.value):.17g}", f"{float(estimate.error):.2g}")]
    return made


def as_text(x: np.ndarray | None, name: str = "") -> Array | None:  # type: ignore[return]
    """Return an array as the journal has it."""
    if x is None:
        return None
    flat = np.ravel(x)[:ENOUGH]
    values = [str(v) if flat.dtype.kind != "f" or flat.dtype.itemsize <= 8 else repr(float(v)) for v in flat]
    return Array(name=name, dtype=str(x.dtype), shape=list(x.shape), values=values)


def script(finding: Finding, clause: Clause, backend: Backend, selection: str) -> str:
    """Return Python source that shows the failure when it is pasted and run."""
    case = finding.case
    assert case is not None  # asked for only where there is one
    dialect = getattr(backend, "dialect", None)
    body = _with_dialect(finding, case, dialect) if dialect is not None else _with_adapter(finding, case, selection)
    head = textwrap.wrap(f"{clause.id}: {clause.text}", 100)
    tail = [f"expected = {numbers(finding.expected)}"] if finding.expected is not None else []
    tail += ['print("got", got, sep="\\n")'] if finding.mode else []
    tail += ['print("expected", expected, sep="\\n")'] if tail and finding.expected is not None else []
    return "\n".join([*(f"# {line}" for line in head), *body, *tail, ""])


def _with_dialect(finding: Finding, case: Case, dialect: Any) -> list[str]:
    names = list(case.program.inputs)

    def array(name: str, x: np.ndarray) -> str:
        return f"{name} = " + dialect.array.format(values=numbers(x), dtype=x.dtype)

    lines = function(case.program, dialect.spell)
    lines += [array(name, x[0]) for name, x in zip(names, case.inputs, strict=True)]
    if finding.lines:
        lines += [array("ct", case.cotangents[0][0]), *finding.lines]
    elif finding.mode == "forward":
        tangents = [f"d{name}" for name in names]
        lines += [array(name, dx[0]) for name, dx in zip(tangents, case.tangents, strict=True)]
        lines.append(dialect.forward.format(names=", ".join(names), tangents=", ".join(tangents)))
    elif finding.mode == "reverse":
        lines.append(array("ct", case.cotangents[0][0]))
        lines.append(dialect.reverse.format(names=", ".join(names), which=names[finding.which]))
    else:
        lines.append(f"got = f({', '.join(names)})")
    text = "\n".join(lines)
    helpers = dialect.sources(text)
    return [*dialect.imports.splitlines(), "", "", *(["", helpers, "", ""] if helpers else []), text.rstrip()]


def function(program: Program, spell: Any) -> list[str]:
    """Return the source of a program as a function `f`."""
    return [f"def f({', '.join(program.inputs)}):", *(f"    {line}" for line in statements(program, spell)), "", ""]


def _with_adapter(finding: Finding, case: Case, selection: str) -> list[str]:
    names = list(case.program.inputs)
    lines = ["import numpy as np", "", "from clinometer.backends import load", "", f"backend = load({selection!r})", ""]

    def array(name: str, x: np.ndarray) -> str:
        return f'{name} = backend.asarray(np.array({numbers(x)}, "{x.dtype}"))'

    def spell(op: str, args: Sequence[str], params: Any) -> str:
        return f"backend.xp.{plainly(op, args, params)}"

    lines += ["", *function(case.program, spell)]
    lines += [array(name, x[0]) for name, x in zip(names, case.inputs, strict=True)]
    inputs = ", ".join(names)
    if finding.mode == "forward":
        tangents = [f"d{name}" for name in names]
        lines += [array(name, dx[0]) for name, dx in zip(tangents, case.tangents, strict=True)]
        lines.append(f"_, got = backend.jvp(f, [{inputs}], [{', '.join(tangents)}])")
    elif finding.mode == "reverse" or finding.lines:
        lines += [array("ct", case.cotangents[0][0]), f"_, pullback = backend.vjp(f, {inputs})"]
        lines += list(finding.lines) or [f"got = pullback(ct)[{finding.which}]"]
    else:
        lines.append(f"got = f({inputs})")
    return lines
