"""What stands behind a verdict, in words and as data, for somebody who has not read the code.

All of it is read from the journal. The words are those of the report's page, `reports/html/scripts/detail.js`.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Sequence
from typing import Any

import msgspec

from clinometer.cli.entry import REAL, entry_of, number, size
from clinometer.cli.lookup import Found
from clinometer.journal.records import CaseRecord, Evidence, Result, Witness
from clinometer.journal.vocabulary import FAILURES
from clinometer.reports.html.payload import rerun
from clinometer.reports.results import standing

LINK = re.compile(r"https?://[^\s;]+")
PAGE = "docs/tolerances.md"
TRACE = 24  # lines of a traceback or a stack

LEVEL = {
    "MUST": "a failure is a fault of the library, and counts in its conformance",
    "SHOULD": "a failure is shown and counted apart: there are reasons for doing otherwise",
    "INFO": "recorded, never judged",
}
KIND = {
    "universal": "one answer is right",
    "set-valued": "several answers are right, at a kink any element of the generalized (Clarke) subdifferential",
    "convention": "no answer is wrong; the atlas records which one a library gives",
    "informational": "recorded, as a fact about the library",
}
OUTCOME = {
    "pass": "It holds: no counterexample was found among the examples that were asked.",
    "error": "It does not hold: the library raised, where it must not.",
    "crash": "It does not hold: the process ended in the midst of the case.",
    "timeout": "It does not hold: the case did not end in the time that it had.",
    "unsupported": "The library does not offer it: neither pass nor fail.",
    "inconclusive": "Nobody can tell: out of tolerance, and the second witness could not tell it from a right answer.",
    "invalid": "A defect of Clinometer, which says nothing about the library.",
    "notrun": "It was not asked.",
}
STANDING = {
    "new": "A new failure: it is not among those that are known.",
    "known": "A known failure: it does not fail a run.",
    "fixed": "A known failure that passes: fixed.",
}
UNIT_ROUNDOFF = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}
# numpy calls its `longdouble` by the bytes that it takes, which is not what it works in.
EXTENDED = {"float128": "numpy's longdouble", "float96": "numpy's longdouble"}
EXTENDED |= {"complex256": "numpy's clongdouble", "complex192": "numpy's clongdouble"}


def explanation(it: Found, elsewhere: Sequence[Found] = ()) -> dict[str, Any]:
    """Return what there is to say about a case: sentences to be read, and the data that they are made of.

    Parameters
    ----------
    it : Found
    elsewhere : sequence of Found
        What came of the same case in other journals.
    """
    evidence = it.result.evidence
    found: dict[str, Any] = {
        "id": it.case.id,
        "title": it.case.title,
        "clause": _clause(it.case),
        "asked": _asked(it),
        "outcome": _outcome(it.result),
    }
    if evidence is not None:
        entry = entry_of(evidence)
        parts = {
            "entry": entry,
            "witnesses": _witnesses(evidence, entry),
            "tolerance": _tolerance(it, entry),
            "stack": _stack(evidence.trace),
        }
        found |= {name: part for name, part in parts.items() if part}
    observed = [msgspec.to_builtins(one) for one in it.result.observed]
    found |= {"observed": observed} if observed else {}
    return found | {
        "neighbours": _neighbours(it),
        "elsewhere": [
            {"journal": str(one.journal), "backend": one.subject.name, "outcome": one.result.outcome} for one in elsewhere
        ],
        "next": _next(it),
    }


def _clause(case: CaseRecord) -> dict[str, str]:
    return {
        "id": case.clause,
        "text": case.text,
        "level": case.level,
        "kind": case.cls,
        "means": f"{case.level}: {LEVEL[case.level]}. {case.cls}: {KIND[case.cls]}.",
    }


def _asked(it: Found) -> dict[str, Any]:
    run, result, evidence = it.subject.run, it.result, it.result.evidence or Evidence()
    counts = [f"{n} {word}{'s' * (n != 1)}" for n, word in ((result.examples, "example"), (result.points, "point")) if n]
    names = ("operation", "dtype", "mode", "parameters")
    return {
        "journal": str(it.journal),
        "backend": it.subject.name,
        "versions": it.subject.libraries,
        "profile": run.profile,
        "seed": run.seed,
        "examples": result.examples,
        "points": result.points,
        "seconds": result.seconds,
        "counts": " with ".join(counts),
        "limits": it.subject.unfinished,
        **{name: getattr(it.case, name) for name in names},
        "program": evidence.program.strip("\n"),
        "inputs": [msgspec.to_builtins(array) for array in evidence.inputs],
    }


def _outcome(result: Result) -> dict[str, Any]:
    name = standing(result)
    reason = result.expectation
    about = STANDING.get(name, "")
    if reason and not about:
        about = "A failure is known here, which this is not:"
    elif reason and name == "new":
        about = "A new failure: another one is known here, which this is not:"
    return {
        "outcome": result.outcome,
        "means": _meaning(result),
        "message": result.message,
        "standing": name,
        "about": about,
        "reason": LINK.sub("", reason).strip(),
        "links": LINK.findall(reason),
        "stability": result.stability,
        "stable": _stability(result),
    }


def _meaning(result: Result) -> str:
    if result.outcome != "fail":
        return OUTCOME[result.outcome]
    heard = result.evidence is not None and result.evidence.witness is not None
    return f"It does not hold: {'two witnesses speak' if heard else 'a fact speaks'} against the library."


def _stability(result: Result) -> str:
    if result.stability.startswith("stable"):
        return f"It is {result.stability}: it was asked again in fresh processes."
    if result.stability:
        return f"It is {result.stability}."
    if result.outcome not in FAILURES:
        return ""
    return "It was asked once: whether it is stable or flaky was not looked at."


# ----- the witnesses -----


def _witnesses(evidence: Evidence, entry: dict[str, Any]) -> dict[str, Any]:
    """Return what the witnesses say: of a number that was held against the truth."""
    if "index" not in entry:
        return {}
    if evidence.witness is None and evidence.sides:
        left, right = evidence.sides
        text = "No second witness was asked: two answers of the library are held against each other"
        return {"none": f"{text}. In the names of the script, got is {left}, and expected is {right}."}
    if evidence.witness is None:
        return {"none": "No second witness was asked: what is expected follows from the clause."}
    return {
        "first": f"The reference, {_first(evidence)}, says {entry['expected']}.",
        "second": f"{_second(evidence)}, says {evidence.witness.value}, give or take {evidence.witness.error}.",
        "steps": [msgspec.to_builtins(step) for step in evidence.witness.steps],
        "agreement": _agreement(entry, evidence.witness, evidence),
    }


def _first(evidence: Evidence) -> str:
    kind = evidence.expected.dtype if evidence.expected is not None else ""
    digits = EXTENDED.get(kind, kind)
    if evidence.claim == "value":
        return f"the definition of each operation in {digits}"
    return f"forward mode by the rules of the catalogue in {digits}"


def _second(evidence: Evidence) -> str:
    if evidence.witness is not None and evidence.witness.steps:
        return "The second witness, finite differences of the plain numpy function"
    if evidence.claim == "value":
        return "The second witness, plain numpy"
    return "The second witness, finite differences in many digits"


def _agreement(entry: dict[str, Any], witness: Witness, evidence: Evidence) -> str:
    assert evidence.got is not None  # there is an entry
    assert evidence.expected is not None
    right, second = number(entry["expected"], evidence.expected.dtype), number(witness.value)
    got, bound = number(entry["got"], evidence.got.dtype), number(entry["tolerance"])
    if right is None or second is None or got is None or bound is None:
        return ""
    apart, off = size(right - second), size(got - second)
    between = "say the same" if apart == 0 else f"are {apart:.2g} apart, {_in(apart, bound.real)}"
    answer = f"{off:.4g} from the second, {_in(off, bound.real)}" if math.isfinite(off) else f"{entry['got']}, which is neither"
    return f"The two {between}. The library's answer is {answer}."


def _in(distance: float, tolerance: float) -> str:
    """Return a distance in tolerances."""
    return f"{distance / tolerance:.3g} tolerances" if tolerance > 0 else "where none is allowed"


# ----- the tolerance -----


def _tolerance(it: Found, entry: dict[str, Any]) -> dict[str, Any]:
    """Return where the tolerance of the entry comes from."""
    if "index" not in entry:
        return {}
    evidence = it.result.evidence or Evidence()
    bound, right = number(entry["tolerance"]), number(entry["expected"])
    if bound is None or bound.real == 0:
        return {"value": entry["tolerance"], "means": "Nothing is allowed: the two must be equal."}
    dtype = it.case.dtype or (evidence.got.dtype if evidence.got is not None else "")
    u = UNIT_ROUNDOFF.get(REAL.get(dtype, dtype), 0.0)
    relative = ""
    scale = u * size(right) if right is not None else 0.0
    if 0 < scale < math.inf:
        relative = f" That is {bound.real / scale:.3g} unit roundoffs of {dtype}, relative to what is expected."
    if evidence.witness is None:
        means = "It is what the clause allows between the two sides, computed for this very case."
        return {"value": entry["tolerance"], "means": f"{means}{relative}"}
    means = (
        "It was computed for this very number, and nobody tuned it: the reference runs the same program with every step "
        f"rounded at random as {dtype} may round it, and each primitive as far off as libraries promise; how far the "
        "results spread, and the size of the terms that are added up, are what rounding can explain."
    )
    formula = "4 * (spread + u * majorant) + smallest normal number"
    return {"value": entry["tolerance"], "means": f"{means}{relative}", "formula": formula, "page": PAGE}


# ----- what else there is -----


def _stack(trace: str) -> str:
    """Return the end of a traceback, or the top of a stack, where what was at work stands."""
    if not trace.strip():
        return ""
    _, traced, last = trace.rpartition("Traceback (most recent call last):\n")
    lines = (traced + last if traced else trace).strip("\n").split("\n")
    if len(lines) <= TRACE:
        return "\n".join(lines)
    left_out = f"[... {len(lines) - TRACE} lines are left out, the report has them ...]"
    return "\n".join([left_out, *lines[-TRACE:]] if traced else [*lines[:TRACE], left_out])


def _neighbours(it: Found) -> list[dict[str, str]]:
    """Return what came of the same clause and operation elsewhere: in other dtypes, modes and parameters."""
    names = ("dtype", "mode", "parameters")
    near = [
        case
        for case in it.subject.cases.values()
        if case.id != it.case.id and (case.clause, case.operation) == (it.case.clause, it.case.operation)
    ]
    return [
        {"id": case.id}
        | {name: getattr(case, name) for name in names}
        | {"outcome": it.subject.results[case.id].outcome, "standing": standing(it.subject.results[case.id])}
        for case in near
    ]


def known_entry(it: Found) -> str:
    """Return an entry of a file of known failures, as TOML, that names this failure and no other."""
    run, case = it.subject.run, it.case
    fields: dict[str, Any] = {
        "backend": run.backend,
        "clauses": [case.clause],
        "operation": case.operation,
        "dtype": case.dtype,
        "parameters": [case.parameters] if case.parameters else "",
        "outcomes": [it.result.outcome],
        "reason": "say why",
        "seen": run.versions.get(run.backend.partition(":")[0], "unknown"),
    }
    return "\n".join(["[[known]]", *(f"{name} = {json.dumps(value)}" for name, value in fields.items() if value)])


def _next(it: Found) -> list[dict[str, str]]:
    """Return what to do next: words of a command of ours, or another text, and what it is for."""
    steps = []
    if it.result.evidence is not None and it.result.evidence.script:
        command = shlex.join(["clinometer", "repro", str(it.journal), it.case.id])
        steps.append({"do": command, "for": "runs the stand-alone script, and says whether it fails here too"})
    if it.case.test:
        steps.append({"do": f"{rerun(it.subject)} {shlex.quote(it.case.test)}", "for": "asks the case again"})
    page = it.journal.parent / "index.html"
    if page.exists():
        steps.append({"do": f"{page}#/case/{it.case.id}", "for": "the case in the report, beside other backends"})
    if it.failed and not it.result.expected and it.result.outcome != "invalid":
        what = "what to put into a file for --known FILE.toml, which replaces the list that is shipped, to expect it"
        steps.append({"do": known_entry(it), "for": what})
    return steps
