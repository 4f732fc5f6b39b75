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
from clinometer.reference.differences import Estimate
from clinometer.reference.printing import numbers, plain, plainly, statements
from clinometer.reference.program import Program
from clinometer.reference.truth import Case
from clinometer.reference.witness import OVER
from clinometer.reports.journal import Array, Evidence, Step, Witness
from clinometer.suites import flow_scripts
from clinometer.suites.check import Finding
from clinometer.suites.clauses import Clause
from clinometer.suites.session import OUT, PLAIN

ENOUGH = 4096  # entries of an array that the journal takes


def evidence(finding: Finding, clause: Clause, backend: Backend, selection: str, mode: str = "") -> Evidence:
    """Return what the journal keeps of a finding.

    Parameters
    ----------
    finding : Finding
    clause : Clause
    backend : Backend
    selection : str
        How the backend was chosen.
    mode : str
        What the clause is about, for a finding that does not say so itself: reverse, forward, value.
    """
    case, found = finding.case, finding.disagreement
    made = Evidence(claim=finding.claim, index=place(finding), trace=finding.trace)
    if case is not None:
        made.inputs = [as_text(x[0], name) for name, x in arrays(finding, case, mode).items()]
        made.program = plain(case.program)
        made.script = script(finding, clause, backend, selection, mode)
    for name in ("got", "expected", "tolerance"):
        if getattr(finding, name) is not None:
            setattr(made, name, as_text(getattr(finding, name)))
    if found is not None:
        made.error = f"{found.error:.4g}"
        made.witness = heard(found.witness) if found.witness is not None else None
    return made


def place(finding: Finding) -> list[int] | None:
    """Return the index of the entry that a finding is about: the one that was judged, else the first that differs."""
    if finding.disagreement is not None:
        return list(finding.disagreement.place[1:])
    got, want = finding.got, finding.expected
    if got is None or want is None or got.shape != want.shape:
        return None
    differ = np.argwhere(np.logical_not((got == want) | ((got != got) & (want != want))))
    return [int(i) for i in differ[0]] if len(differ) else None


def heard(estimate: Estimate) -> Witness:
    """Return what the second witness said, and the finite differences that it tried."""
    steps = [
        Step(step=f"{it.step:.3g}", estimate=digits(it.value), error=f"{float(it.error):.2g}", taken=it.taken)
        for it in estimate.tried
    ]
    return Witness(value=digits(estimate.value), error=f"{float(estimate.error):.2g}", steps=steps)


def digits(v: Any) -> str:
    """Return a number as text, in the digits that tell it apart; of an extended one, those that float64 has."""
    kind = np.asarray(v).dtype
    if kind == np.longdouble or kind == np.clongdouble:
        v = complex(v) if kind.kind == "c" else float(v)
        return repr(v)
    return str(v)


def arrays(finding: Finding, case: Case, mode: str = "") -> dict[str, np.ndarray]:
    """Return all that a question is made of, by name: inputs, and the cotangent `ct` or the tangents `dx`."""
    asked, named = finding.mode or mode, dict(zip(case.program.inputs, case.inputs, strict=True))
    if asked == "reverse" or OVER in asked or finding.lines:
        several = len(case.cotangents) > 1
        named |= {f"ct{i}": ct for i, ct in enumerate(case.cotangents)} if several else {"ct": case.cotangents[0]}
    if (asked == "forward" or OVER in asked) and not finding.lines:
        named |= {f"d{name}": dx for name, dx in zip(case.program.inputs, case.tangents, strict=True)}
    return named


def as_text(x: np.ndarray, name: str = "") -> Array:
    """Return an array as the journal has it."""
    return Array(name=name, dtype=str(x.dtype), shape=list(x.shape), values=[digits(v) for v in np.ravel(x)[:ENOUGH]])


def script(finding: Finding, clause: Clause, backend: Backend, selection: str, mode: str = "") -> str:
    """Return Python source that shows the failure when it is pasted and run; `mode` as in `evidence`."""
    case = finding.case
    assert case is not None  # asked for only where there is one
    asked = finding.mode or mode
    dialect = getattr(backend, "dialect", None)
    if finding.way:
        body, shown = flow_scripts.lines(finding, selection, asked), "backend.to_numpy(got).tolist()"
    elif dialect is not None:
        body, shown = _with_dialect(finding, case, dialect, asked), "got.tolist()"
    else:
        body, shown = _with_adapter(finding, case, selection, asked), "backend.to_numpy(got).tolist()"
    head = [f"# {line}" for line in textwrap.wrap(f"{clause.id}: {clause.text}", 100)]
    if not finding.mode:  # the clause holds something of its own against these numbers, or they raise
        about = finding.trace.strip().splitlines()[-1] if finding.trace else finding.claim
        head += [f"# {line}" for line in textwrap.wrap(f"Here: {about}", 100)]
    tail = []
    if any(line.startswith(("got = ", "_, got = ", "(got,) = ")) for line in body):
        tail.append(f'print("got", {shown}, sep="\\n")')
    if finding.expected is not None and (finding.mode or finding.lines):
        tail += [f"expected = {numbers(finding.expected)}", 'print("expected", expected, sep="\\n")']
    if finding.lines and not tail:
        tail.append('print("no exception")')
    return "\n".join([*head, *body, *tail, ""])


def _with_dialect(finding: Finding, case: Case, dialect: Any, mode: str) -> list[str]:
    names = list(case.program.inputs)
    lines = function(case.program, dialect.spell)
    if OVER in mode:
        defined = [dialect.nested[mode]] if mode in dialect.nested else [dialect.nested[step] for step in steps(mode)]
        lines += ["\n\n".join(defined), ""]
    lines += [
        f"{name} = " + dialect.array.format(values=numbers(x[0]), dtype=x.dtype)
        for name, x in arrays(finding, case, mode).items()
    ]
    if finding.lines:
        lines += _done(finding, names, dialect.tape)
    elif OVER in mode:
        lines += nested(mode, names, finding.which)
    elif mode == "forward":
        lines += dialect.forward.format(names=", ".join(names), tangents=", ".join(f"d{n}" for n in names)).splitlines()
    elif mode == "reverse":
        lines += dialect.reverse.format(names=", ".join(names), which=names[finding.which]).splitlines()
    else:
        lines.append(f"got = f({', '.join(names)})")
    helpers = dialect.sources("\n".join(lines))
    return [*dialect.imports.splitlines(), "", "", *([helpers, "", ""] if helpers else []), *lines]


ADAPTERS = """\
def gradient(f, which, ct):
    return lambda *xs: backend.vjp(f, *xs)[1](ct)[which]


def tangent(f, dxs):
    return lambda *xs: backend.jvp(f, xs, dxs)[1]
"""


def steps(mode: str) -> list[str]:
    """Return what a mode of higher order is made of, each once."""
    return sorted(set(mode.split(OVER)))


def nested(mode: str, names: Sequence[str], which: int) -> list[str]:
    """Return the lines that set `got` to a derivative of a derivative, by `gradient` and `tangent`: see `suites.nested`."""
    between = mode.count("reverse") - 1  # gradients of every input, summed up
    indices = ["i", "j", "k"][:between] if len(names) > 1 else ["0"] * between
    expression, ct, places = "f", "ct", iter([*indices, str(which)])
    for step in reversed(mode.split(OVER)):
        if step == "forward":
            expression = f"tangent({expression}, dxs)"
        else:
            place = next(places)
            expression, ct = f"gradient({expression}, {place}, {ct})", f"dxs[{place}]"
    value = f"{expression}({', '.join(names)})"
    if between and len(names) > 1:
        value = f"sum({value}{''.join(f' for {i} in range({len(names)})' for i in indices)})"
    return [f"dxs = ({', '.join(f'd{name}' for name in names)}{',' * (len(names) == 1)})", f"got = {value}"]


def _done(finding: Finding, names: Sequence[str], words: Any) -> list[str]:
    """Return what was done, and for a comparison of values or gradients the line that reads one, or what has accumulated."""
    if finding.mode == "value":
        return [*finding.lines, f"got = {OUT}"]
    read = [f"got = {words['gradient'].format(x=names[finding.which])}"] if finding.got is not None and words else []
    return [*finding.lines, *read]


def function(program: Program, spell: Any) -> list[str]:
    """Return the source of a program as a function `f`."""
    return [f"def f({', '.join(program.inputs)}):", *(f"    {line}" for line in statements(program, spell)), "", ""]


def _with_adapter(finding: Finding, case: Case, selection: str, mode: str) -> list[str]:
    names = list(case.program.inputs)
    lines = ["import numpy as np", "", "from clinometer.backends import load", "", f"backend = load({selection!r})"]

    def spell(op: str, args: Sequence[str], params: Any) -> str:
        if op == "gradient":
            return "backend.vjp({}, {})[1](backend.asarray(np.ones((), '{}')))[0]".format(*args, case.dtype)
        return f"backend.xp.{plainly(op, args, params)}"

    lines += ["", "", *function(case.program, spell)]
    if OVER in mode:
        lines += [ADAPTERS, ""]
    lines += [
        f'{name} = backend.asarray(np.array({numbers(x[0])}, "{x.dtype}"))' for name, x in arrays(finding, case, mode).items()
    ]
    inputs = ", ".join(names)
    if finding.lines:
        lines += _done(finding, names, PLAIN)
    elif OVER in mode:
        lines += nested(mode, names, finding.which)
    elif mode == "forward":
        lines.append(f"_, got = backend.jvp(f, [{inputs}], [{', '.join(f'd{name}' for name in names)}])")
    elif mode == "reverse":
        lines += [f"_, pullback = backend.vjp(f, {inputs})", f"got = pullback(ct)[{finding.which}]"]
    else:
        lines.append(f"got = f({inputs})")
    return lines
