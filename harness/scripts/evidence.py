"""Evidence for the journal: the numbers as text, the program, and a stand-alone script.

The script uses the backend's own library alone, in its own words, if the adapter has a dialect; else it uses the
adapter. It asks what the clause has asked, prints both sides, and ends in an assertion that fails, or raises what the
library has raised.
"""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from clinometer.backends import Backend
from clinometer.backends.raised import shown
from clinometer.harness.clauses import Clause
from clinometer.harness.findings import BESIDE, Asked, Finding, Given, Relation, answered
from clinometer.harness.scripts import traced
from clinometer.harness.scripts.endings import held
from clinometer.harness.scripts.words import ADAPTER, Adapter, adapter, words_for
from clinometer.harness.scripts.writer import Writer
from clinometer.journal.records import Array, Evidence, Step, Witness
from clinometer.journal.text import visible
from clinometer.reference.case import Case
from clinometer.reference.differences import Estimate
from clinometer.reference.program.printing import plain
from clinometer.reference.text import clipped
from clinometer.reference.witness import OVER

LONGEST = 2_000  # characters of what a script shows, in its head
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
    made.inputs = [as_text(x, name) for name, x in arrays(finding, mode).items()]
    if case is not None:
        made.program = plain(case.program)
    if case is not None or finding.lines:
        made.script = script(finding, clause, backend, selection, mode)
    if finding.about is not None and finding.about.right:
        made.sides = [finding.about.left, finding.about.right]
    for name in ("got", "expected", "tolerance"):
        if getattr(finding, name) is not None:
            setattr(made, name, as_text(getattr(finding, name)))
    if found is not None:
        made.error = f"{found.error:.4g}"
        made.witness = heard(found.witness) if found.witness is not None else None
    elif made.index is not None and finding.tolerance is not None:
        at = tuple(made.index)
        got, want, off = (np.asarray(x)[at] for x in (finding.got, finding.expected, finding.tolerance))
        made.error = f"{abs(got - want) / off:.4g}" if off > 0 else ""
    return made


def place(finding: Finding) -> list[int] | None:
    """Return the index of the entry that a finding is about: the one that was judged, else the first that differs."""
    if finding.disagreement is not None:
        return list(finding.disagreement.place[1:])
    got, want = finding.got, finding.expected
    if got is None or want is None or got.shape != want.shape:
        return None
    if finding.index:
        return list(finding.index)
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


def arrays(finding: Finding, mode: str = "") -> dict[str, np.ndarray]:
    """Return all that a question is made of, by name: inputs, and the cotangent `ct` or the tangents `dx`."""
    case, asked = finding.case, (finding.mode or mode).removeprefix(BESIDE)
    if finding.given or case is None:
        return {name: x for name, x in finding.given.items() if isinstance(x, np.ndarray)}
    named = dict(zip(case.program.inputs, case.inputs, strict=True))
    if asked == "reverse" or OVER in asked or finding.lines:
        named |= cotangents(case)
    if (asked == "forward" or OVER in asked) and not finding.lines:
        named |= {f"d{name}": dx for name, dx in zip(case.program.inputs, case.tangents, strict=True)}
    return {name: x[0, ...] for name, x in named.items()}


def cotangents(case: Case) -> dict[str, np.ndarray]:
    """Return the cotangents of a case by name: `ct`, or `ct0` and so on."""
    several = len(case.cotangents) > 1
    return {f"ct{i}": ct for i, ct in enumerate(case.cotangents)} if several else {"ct": case.cotangents[0]}


def as_text(x: np.ndarray, name: str = "") -> Array:
    """Return an array as the journal has it."""
    entry = shown if x.dtype.kind == "O" else digits
    return Array(name=name, dtype=str(x.dtype), shape=list(x.shape), values=[entry(v) for v in np.ravel(x)[:ENOUGH]])


def script(finding: Finding, clause: Clause, backend: Backend, selection: str, mode: str = "") -> str:
    """Return Python source that shows the failure when it is pasted and run; `mode` as in `evidence`."""
    asked = finding.mode or mode
    about = finding.about or (Relation("got") if finding.lines else plainly_asked(finding, asked))
    words = words_for(backend, *needed(finding, about))
    if isinstance(words, Adapter) or any(ADAPTER in str(text) for text in (*finding.lines, *finding.given.values())):
        words = adapter(backend, selection)
    writer = Writer(words)
    if finding.way:
        traced.write(writer, finding, asked)
    elif finding.lines:
        case = finding.case
        function: dict[str, Given] = {} if finding.given or case is None else {"f": case.program}
        writer.transcript(finding, finding.given or {**function, **arrays(finding)})
    else:
        for name, one in about.asked.items():
            writer.ask(name, one)
    held(writer, finding, about)
    here = visible(clipped(raised(finding.trace) if finding.trace else finding.claim, LONGEST))
    head = [*textwrap.wrap(f"{clause.id}: {clause.text}", 100), *textwrap.wrap(f"Here: {here}", 100)]
    source = "\n".join(writer.source())
    if finding.elsewhere:
        source = TWICE.format(source=source, claim=finding.claim).rstrip()
    return "\n".join([*(f"# {line}" for line in head), source, ""])


TWICE = """\
import os
import subprocess
import sys

SOURCE = r'''
{source}
'''


def answer(seed):
    environment = {{**os.environ, "PYTHONHASHSEED": seed}}
    done = subprocess.run([sys.executable, "-"], input=SOURCE, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


here, there = answer("1"), answer("2")
print("with one seed of Python's hashes", here, sep="\\n")
print("with another", there, sep="\\n")
assert here == there, {claim!r}
"""


def needed(finding: Finding, about: Relation) -> set[str]:
    """Return the fields that a dialect must have for a script, beyond those that every one has."""
    modes = {one.mode for one in about.asked.values()} if not finding.lines else set()
    fields = {"transforms"} if finding.way else set()
    fields |= {"nested" for mode in modes if OVER in mode}
    fields |= {"forward" for mode in modes if "forward" in mode}
    return fields | {"beside" for mode in modes if mode.startswith(BESIDE)}


def plainly_asked(finding: Finding, mode: str) -> Relation:
    """Return what is said of a finding that says nothing of its two sides: an answer is held against numbers."""
    case = finding.case
    assert case is not None  # else it has a transcript
    if finding.trace and OVER in mode:  # one of them has raised
        return Relation("", asked={f"got_{i}": Asked(case, mode, i) for i in range(len(case.inputs))})
    return answered(case, mode, finding.which)


def raised(trace: str) -> str:
    """Return the first line of what stands below the frames of a traceback."""
    below = trace.rpartition('\n  File "')[2].splitlines()[1:]
    return next((line for line in below if line[:1].strip()), "an exception")
