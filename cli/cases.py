"""One case of a journal: `clinometer repro` runs its script, `clinometer explain` says what stands behind its verdict."""

from __future__ import annotations

import json
import math
import shutil
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.syntax import Syntax

from clinometer.cli import console, reproduction
from clinometer.cli.explanation import explanation
from clinometer.cli.lookup import Found, chosen, found
from clinometer.cli.plain import plain, refuse
from clinometer.harness import interruption
from clinometer.journal.records import RunRecord
from clinometer.journal.text import visible
from clinometer.journal.vocabulary import INCOMPLETE, NEW_FAILURES

ENTRIES = 48  # of an array that are shown
STEPS = 16  # finite differences that are shown
NEIGHBOURS = 8  # cases of one outcome that are named
VERB = {
    "pass": "holds",
    "fail": "fails",
    "error": "raises",
    "crash": "crashes",
    "timeout": "hangs",
    "invalid": "a defect of ours",
    "inconclusive": "undecided",
    "unsupported": "not offered",
    "notrun": "not run",
}


@click.command()
@click.argument("journals", nargs=-1, type=click.Path(path_type=Path), metavar="[JOURNAL...]")
@click.argument("case")
@click.option("--print", "only_print", is_flag=True, help="Print the script, and run nothing.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="What the script may take; then it is killed.",
)
@click.option("--python", metavar="PATH", default=sys.executable, help="The interpreter that runs it.  [default: this one]")
@plain
def repro(journals: tuple[Path, ...], case: str, only_print: bool, timeout: float, python: str) -> None:
    """Run the script of a failure, and say if it fails here.

    CASE is the id that stands in the report beside the case; its first letters are enough. Without a JOURNAL, those in
    clinometer-report are searched; of several, that in which the case has failed is taken.

    This runs code that the journal holds. Run only your own, or read it first: --print prints the script, for
    `> case.py`, and runs nothing.

    The exit code is 1 if it fails as the journal says, 0 if it runs to its end, and 3 if it ends in another way, without
    the library for example. It is 2 for bad input.
    """
    it = chosen(found(journals, case))
    script = it.result.evidence.script if it.result.evidence is not None else ""
    if not script:
        refuse(f"{it.journal}: case {it.case.id} ({it.case.title}, {it.result.outcome}) has no script; {_instead(it)}")
    if only_print:
        click.echo((visible(script) if sys.stdout.isatty() else script).rstrip("\n"))
        return
    where = shutil.which(python)
    if where is None:
        refuse(f"--python {python}: there is no such program.")
    console.rule(f"{it.case.title}, {it.subject.name}")
    if console.OUT.is_terminal:
        colours = Syntax(
            "", "python", theme="ansi_dark"
        )  # the terminal's own; it wraps long lines itself, so that all can be copied
        console.OUT.print(colours.highlight(visible(script).rstrip("\n")), soft_wrap=True)
    else:
        click.echo(visible(script).rstrip("\n"))
    console.rule("What it prints")
    names = [name for name in it.subject.run.versions if name not in ("hypothesis", "pytest")]
    try:
        with interruption.heard():
            ending = reproduction.run(script, str(where), timeout, names)
    except KeyboardInterrupt:
        console.notice("interrupted; the script was killed.")
        sys.exit(INCOMPLETE)
    click.echo(visible(ending.output).rstrip("\n"))
    if ending.how == "absent":
        refuse(f"--python {python}: it did not begin the script ({ending.what}); is it Python 3.11 or newer?")
    console.rule("Result")
    code, sentence = reproduction.judged(it.result, script, ending, timeout)
    console.OUT.print(console.shown(sentence))
    if code != NEW_FAILURES:
        _print_versions(it, ending)
    sys.exit(code)


def _instead(it: Found) -> str:
    """Return what to do where there is no script."""
    if it.failed:
        return "`clinometer explain` shows what stands behind it."
    return "only a verdict against a backend has one."


def _print_versions(it: Found, ending: reproduction.Ending) -> None:
    """Print what may be the reason that a failure is not seen."""
    if it.result.stability.startswith("flaky"):
        console.OUT.print(f"The journal says that it is {console.shown(it.result.stability)}: try again.")
    if it.result.outcome == "timeout":
        console.OUT.print("The time was that of all examples of the case; the script is the smallest of them.")
    console.OUT.print("Another version or machine? There and here:")
    libraries = _of_interest(it.subject.run)
    for name, version in libraries.items():
        console.OUT.print(console.shown(f"  {name}: {version}, {ending.versions.get(name) or 'not installed here'}"))
    if not all(ending.versions.get(name) for name in libraries):
        console.OUT.print("--python PATH names another interpreter, in which it is installed.")


def _of_interest(run: RunRecord) -> dict[str, str]:
    """Return the versions of a journal that a script may depend on, the backend's own library first."""
    own = run.backend.partition(":")[0]
    kept = {name: version for name, version in run.versions.items() if name not in ("hypothesis", "pytest")}
    return dict(sorted(kept.items(), key=lambda item: item[0] != own))


# ----- explain -----


@click.command()
@click.argument("journals", nargs=-1, type=click.Path(path_type=Path), metavar="[JOURNAL...]")
@click.argument("case")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@plain
def explain(journals: tuple[Path, ...], case: str, form: str) -> None:
    """Say what stands behind a verdict, and what to do next.

    The clause, what was asked, what the witnesses say, where the tolerance comes from, and which neighbours hold.

    CASE is the id that stands in the report beside the case; its first letters are enough. Without a JOURNAL, those in
    clinometer-report are searched; of several, that in which the case has failed is taken.
    """
    met = found(journals, case)
    it = chosen(met)
    told = explanation(it, [one for one in met if one is not it])
    if form == "json":
        click.echo(json.dumps(told, indent=2))
        return
    for line in _lines(told):
        console.OUT.print(console.shown(line) if line.startswith(" ") else f"[bold]{console.shown(line)}[/]", soft_wrap=True)


def _lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of an explanation; what is not indented is a title."""
    yield f"{told['title']} (case {told['id']})"
    yield from _prose(told["clause"]["text"])
    yield from _prose(told["clause"]["means"])
    for title, lines in (
        ("What was asked", _asked(told["asked"])),
        ("What came of it", _outcome(told["outcome"])),
        ("Where it fails", _entry(told.get("entry", {}))),
        ("The witnesses", _witnesses(told.get("witnesses", {}))),
        ("The tolerance", _tolerance(told.get("tolerance", {}))),
        ("The stack", _verbatim(told.get("stack", ""))),
        ("What was recorded", _observed(told.get("observed", []))),
        ("Its neighbours: the same clause and operation", _neighbours(told)),
        ("The same case elsewhere", _elsewhere(told["elsewhere"])),
        ("Next", _next(told["next"])),
    ):
        if some := list(lines):
            yield ""
            yield title
            yield from some


def _prose(text: str, indent: str = "  ", first: str = "") -> Iterator[str]:
    """Yield sentences, wrapped; a word that is longer than a line, such as a link, stays whole."""
    width = max(console.OUT.width, 40)
    yield from textwrap.wrap(
        text, width, initial_indent=first or indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _verbatim(text: str) -> Iterator[str]:
    yield from (f"    {line}" for line in text.split("\n") if line.strip())


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows whose columns are as wide as they must be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "    " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _asked(asked: dict[str, Any]) -> Iterator[str]:
    libraries = ", ".join(f"{name} {version}" for name, version in asked["versions"].items())
    backend = asked["backend"] if asked["backend"] in asked["versions"] else f"{asked['backend']} ({libraries})"
    run = f"{asked['profile']} profile, seed {asked['seed']}; {asked['journal']}"
    yield from _prose(f"Of {libraries if asked['backend'] in asked['versions'] else backend}; {run}")
    for limit in asked["limits"]:
        yield from _prose(f"! {limit}")
    facts = [asked[name] for name in ("operation", "dtype", "mode", "parameters") if asked[name]]
    yield from _prose("; ".join(filter(None, (", ".join(facts), asked["counts"]))))
    if asked["program"]:
        yield from _prose("The program, in the words of the catalogue:")
        yield from _verbatim(asked["program"])
    if asked["inputs"]:
        yield from _prose("Its inputs:")
    for array in asked["inputs"]:
        yield from _prose(_written(array), indent="      ", first="    ")


def _written(array: dict[str, Any]) -> str:
    """Return an array as Python writes it, with its name, dtype and shape."""
    shape, values = array.get("shape", []), array.get("values", [])
    sides = ", ".join(map(str, shape)) + "," * (len(shape) == 1)
    return f"{array.get('name', 'x')}  {array.get('dtype', '')} ({sides}) = {_nested(values[:ENTRIES], shape, len(values))}"


def _nested(values: list[str], shape: list[int], size: int) -> str:
    if size > ENTRIES:
        return f"{', '.join(values)}, ... and {size - ENTRIES} more"
    if math.prod(shape) != size:
        return ", ".join(values)
    if not shape:
        return "".join(values[:1])
    step = len(values) // shape[0] if shape[0] else 0
    rows = (_nested(values[i * step : (i + 1) * step], shape[1:], step) for i in range(shape[0]))
    return f"[{', '.join(rows)}]"


def _outcome(outcome: dict[str, Any]) -> Iterator[str]:
    yield from _prose(outcome["means"])
    if outcome["message"]:
        yield from _prose(outcome["message"], indent="      ", first="    ")
    yield from _prose(outcome["about"])
    yield from _prose(outcome["reason"], indent="      ", first="    ")
    yield from (f"    {link}" for link in outcome["links"])
    yield from _prose(outcome["stable"])


def _entry(entry: dict[str, Any]) -> Iterator[str]:
    if "index" not in entry:
        yield from _table([(f"{name}:", what) for name, what in entry.items()]) if entry else ()
        return
    where = f"at {entry['index']}" if entry["index"] else "of a scalar"
    outside = entry["outside"]
    count = (
        f"; {outside} of {entry['entries']} entries are outside of their tolerance" if entry["entries"] > 1 and outside else ""
    )
    yield from _prose(f"{entry['claim']}, {where}{count}:")
    error = f"{entry['error']} tolerances; up to 1, rounding can explain it" if entry["error"] else ""
    rows = [(name, entry[name]) for name in ("got", "expected", "difference", "tolerance")] + [("error", error)]
    yield from _table([(name, what) for name, what in rows if what])


def _witnesses(said: dict[str, Any]) -> Iterator[str]:
    if "none" in said:
        yield from _prose(said["none"])
    if "first" not in said:
        return
    yield from _prose(said["first"], indent="     ", first="  1. ")
    yield from _prose(said["second"], indent="     ", first="  2. ")
    if steps := said["steps"]:
        parts = ", for the real and for the imaginary part" if sum(it.get("taken", False) for it in steps) > 1 else ""
        text = f"The steps that it tried{parts}; half of the one that is taken shows whether that can be believed:"
        yield from _prose(text, indent="     ")
        rows = [(it["step"], it["estimate"], it["error"], "taken" if it.get("taken") else "") for it in steps[:STEPS]]
        yield from _table([("step", "estimate", "its error, estimated", ""), *rows])
    yield from _prose(said["agreement"])


def _tolerance(tolerance: dict[str, Any]) -> Iterator[str]:
    if not tolerance:
        return
    yield from _prose(f"{tolerance['value']}. {tolerance['means']}" if tolerance["value"] else tolerance["means"])
    if "formula" in tolerance:
        yield f"    tolerance = {tolerance['formula']}"
        yield from _prose(f"How, why that can be trusted, and what was measured: {tolerance['page']}")


def _observed(observed: list[dict[str, str]]) -> Iterator[str]:
    for it in observed:
        yield from _prose(f"{it['point']}: {it['answer']}", indent="      ", first="    ")


def _neighbours(told: dict[str, Any]) -> Iterator[str]:
    """Yield which neighbours hold and which do not, each named by what tells it from the others."""
    near = told["neighbours"]
    names = [name for name in ("dtype", "mode", "parameters") if len({it[name] for it in [told["asked"], *near]}) > 1]
    by: dict[str, list[str]] = defaultdict(list)
    for it in near:
        known = " (known)" if it["standing"] == "known" else ""
        by[VERB[it["outcome"]] + known].append(" ".join(it[name] for name in names if it[name]))
    for verb, labels in by.items():
        more = f"; and {len(labels) - NEIGHBOURS} more" if len(labels) > NEIGHBOURS else ""
        yield from _prose(f"{verb}: {'; '.join(labels[:NEIGHBOURS])}{more}", indent="      ", first="  ")


def _elsewhere(others: list[dict[str, str]]) -> Iterator[str]:
    yield from (f"  {it['backend']}, {it['journal']}: {VERB[it['outcome']]}" for it in others)


def _next(steps: list[dict[str, str]]) -> Iterator[str]:
    for step in steps:
        yield from _prose(f"{step['for'][0].upper()}{step['for'][1:]}:")
        yield from _verbatim(step["do"])
