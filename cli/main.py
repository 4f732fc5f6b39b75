"""The console script `clinometer`: run, report, and ask what there is to know.

Exit codes: 0 as expected, 1 new failures, 2 usage, 3 incomplete. Bad input is answered with one sentence
that says what, where and what to do, never with a traceback.
"""

from __future__ import annotations

import csv
import difflib
import functools
import io
import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from clinometer.cli import closing, console, processes
from clinometer.cli.processes import FOLDER
from clinometer.cli.watch import Watch
from clinometer.harness import interruption
from clinometer.journal import vocabulary
from clinometer.journal.reader import BrokenJournal
from clinometer.journal.records import Case, Evidence
from clinometer.reports.atlas import Point, points
from clinometer.reports.compare import ENDS, Change, Comparison, compare, only
from clinometer.reports.html import page
from clinometer.reports.html.payload import visible
from clinometer.reports.results import Results, Subject, load

Command = Callable[..., None]


def plain(command: Command) -> Command:
    """Answer bad input with one sentence on stderr and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except BrokenJournal as error:
            _refuse(str(error))
        except BrokenPipeError:  # who reads has seen enough; click ends the process in silence
            raise
        except OSError as error:
            _refuse(f"{error.filename or 'a file'}: {error.strerror or error}")

    return wrapped


def _refuse(sentence: str) -> None:
    click.echo(f"clinometer: {sentence}", err=True)
    sys.exit(vocabulary.USAGE)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="clinometer", message="clinometer %(version)s")
def main() -> None:
    """Clinometer: are your derivatives right?"""


@main.command()
@click.argument("journals", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="JOURNAL...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=FOLDER / "index.html",
    show_default=True,
    help="The HTML file to write.",
)
@plain
def report(journals: tuple[Path, ...], output: Path) -> None:
    """Write the HTML report of one or more journals."""
    page.write(list(journals), output)
    console.summary(load(journals))
    click.echo(f"Report: {output}")


class _WithPytestArguments(click.Command):
    """A command whose line may end in `-- PYTEST_ARGS`; click alone would mix them with the other arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_WORDS] = list(args)
        at = args.index("--") if "--" in args else len(args)
        ctx.meta[_TAIL] = args[at + 1 :]
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- PYTEST_ARGS]"]


_WORDS, _TAIL = "clinometer.words", "clinometer.pytest_args"
_FOR_THE_TERMINAL = {"-v", "-vv", "--verbose", "-s", "--capture=no", "--pdb", "--trace"}


@main.command(cls=_WithPytestArguments)
@click.argument("backends", nargs=-1, required=True, metavar="BACKEND...")
@click.option(
    "--profile",
    type=click.Choice(["quick", "standard", "deep"]),
    help="How many examples are drawn.  [default: standard; quick for the reference]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all that is drawn.")
@click.option("-n", "workers", default="", metavar="WORKERS", help="Processes for each backend, as in pytest-xdist.")
@click.option("--resume", is_flag=True, help="Go on with the journals of a run that was interrupted.")
@click.option("-v", "--verbose", is_flag=True, help="Show pytest's own output instead of a line of progress.")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Folder of the journals and the report.",
)
@plain
def run(
    backends: tuple[str, ...], profile: str | None, seed: int, workers: str, resume: bool, verbose: bool, folder: Path
) -> None:
    """Examine backends, one process each, and write the report.

    What follows a `--` goes to pytest: clinometer run torch -- -k detach

    Nothing is deleted: a journal that an earlier run has left is kept as
    BACKEND.jsonl.1, and so on, unless --resume goes on with it.
    """
    pytest_args = click.get_current_context().meta[_TAIL]
    verbose = verbose or not _FOR_THE_TERMINAL.isdisjoint(pytest_args)
    names = list(dict.fromkeys(backends))
    journals = {name: folder / f"{file}.jsonl" for name, file in processes.slugs(names).items()}
    outcomes: dict[Path, processes.Outcome] = {}
    with interruption.heard():
        for name, journal in journals.items():
            plan = processes.Plan(
                name, journal, processes.profile_of(name, profile), seed, workers, pytest_args, resume=resume, verbose=verbose
            )
            console.rule(f"{name}, {plan.profile} profile")
            if name == "reference" and profile is None:
                console.remark("The reference is held against itself in few examples; --profile asks it as others are asked.")
            try:
                outcomes[journal] = _examined(plan)
            except KeyboardInterrupt:
                rest = names[names.index(name) + 1 :]
                others = f"; {', '.join(rest)} did not run" if rest else ""
                outcomes[journal] = processes.Outcome(vocabulary.INCOMPLETE, f"{name}: interrupted{others}.")
                break
        _conclude(outcomes, folder / "index.html")


def _examined(plan: processes.Plan) -> processes.Outcome:
    with Watch(plan.backend, plan.journal, quiet=plan.verbose) as watch:
        return processes.examine(plan, console.notice, watch.tick)


def _conclude(outcomes: dict[Path, processes.Outcome], output: Path) -> None:
    console.rule("Result")
    codes = {outcome.code for outcome in outcomes.values()}
    journals = [journal for journal in outcomes if journal.exists() and journal.stat().st_size]
    found = closing.counts(journals)
    if journals:
        page.write(journals, output)
    if any(count.subject.unfinished for count in found):
        codes.add(vocabulary.INCOMPLETE)
    console.verdicts(found)
    said = [f"{count.subject.name}: {count.subject.problem}" for count in found]
    for outcome in outcomes.values():
        if outcome.sentence and outcome.sentence not in said:
            console.notice(outcome.sentence)
    click.echo(f"Report: {output}" if journals else "No journal was written, so there is no report.")
    # The worst first: a run that could not be asked for, then one that is cut short, then failures.
    code = next(
        (code for code in (vocabulary.USAGE, vocabulary.INCOMPLETE, vocabulary.NEW_FAILURES) if code in codes),
        vocabulary.EXPECTED,
    )
    if code == vocabulary.INCOMPLETE:
        console.next_steps([(_again("--resume"), "goes on where this run ended")])
    elif code != vocabulary.USAGE:
        kept = {journal: outcome.kept for journal, outcome in outcomes.items() if outcome.kept}
        tips = closing.suggestions(found, kept)
        console.next_steps([(shlex.join([_program(), *words]), what) for words, what in tips])
    sys.exit(code)


def _program() -> str:
    """Return what starts this program: its name, or in an environment that is not active its path."""
    called, found = Path(sys.argv[0]), shutil.which("clinometer")
    if called.name != "clinometer" or (found and Path(found).resolve() == called.resolve()):
        return "clinometer"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)


def _again(option: str) -> str:
    """Return the command that was given, with an option more."""
    words = click.get_current_context().meta[_WORDS]
    at = words.index("--") if "--" in words else len(words)
    return shlex.join([_program(), "run", *(word for word in words[:at] if word != option), option, *words[at:]])


@main.command()
@plain
def backends() -> None:
    """List the backends that can be named."""
    from clinometer.backends import registry  # here: listing journals needs no backend

    console.pairs(registry.known().items())


@main.command()
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@plain
def spec(form: str) -> None:
    """Print the specification, clause by clause."""
    from clinometer.harness.specification import specification  # here: it imports the whole suite

    clauses = [_fields(it, ("id", "level", "cls", "text", "needs", "broken_by", "chapter", "title")) for it in specification()]
    {"text": console.clauses, "markdown": console.markdown, "json": _print_json}[form](clauses)


@main.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@plain
def operations(form: str) -> None:
    """List the operations of the catalogue."""
    from clinometer.harness.specification import specification
    from clinometer.reference.catalogue import CATALOGUE  # here: listing journals needs neither

    asked: dict[str, set[str]] = {name: set() for name in CATALOGUE}
    for clause in specification():
        for cell in clause.cells:
            if cell.operation in asked:
                asked[cell.operation].add(clause.id)
    rows = [_operation(row, sorted(asked[name])) for name, row in CATALOGUE.items()]
    {"text": console.operations, "json": _print_json}[form](rows)


def _operation(row: Any, clauses: list[str]) -> dict[str, Any]:
    return {
        "name": row.name,
        "group": row.group.value,
        "dtypes": row.dtypes,
        "domain": ", ".join(map(str, row.domains)),
        "special": [str(point) for point in row.special],
        "clauses": clauses,
    }


def _fields(it: Any, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: getattr(it, name, "") for name in names}
    return {name: sorted(map(str, value)) if isinstance(value, set | frozenset) else value for name, value in found.items()}


def _print_json(rows: list[dict[str, Any]]) -> None:
    click.echo(json.dumps(rows, indent=2, default=str))


@main.command()
@click.argument("journals", nargs=-1, type=click.Path(path_type=Path), metavar="[JOURNAL...]")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--operation", metavar="NAME", help="Only the points of this operation.")
@click.option("--differ", is_flag=True, help="Only points at which the backends differ.")
@plain
def atlas(journals: tuple[Path, ...], form: str, operation: str | None, differ: bool) -> None:
    """Print what each backend does where no answer is wrong.

    And where more than one is right: at kinks, ties and ends of domains. Without a JOURNAL, those in
    clinometer-report are read.
    """
    paths = list(journals) or sorted(FOLDER.glob("*.jsonl"))
    if not paths:
        raise BrokenJournal(f"{FOLDER}: holds no journal; write one with `clinometer run BACKEND`, or name yours.")
    results = load(paths)
    for subject in results.subjects:
        if subject.problem:
            console.notice(f"{subject.name}: {subject.problem}")
    results = Results(results.examined)
    found = _chosen(points(results), operation, ", ".join(map(str, paths)))
    shown = [point for point in found if point.differ] if differ else found
    names = [subject.name for subject in results.subjects]
    if form == "table":
        console.atlas(shown, names)
        differing = f"; the backends differ at {sum(point.differ for point in found)}" if len(names) > 1 else ""
        click.echo(f"{len(found)} points{differing}.")
    elif form == "json":
        _print_json([_point(point, names) for point in shown])
    else:
        _print_csv([_point(point, names) for point in shown], names)


def _chosen(found: list[Point], operation: str | None, source: str) -> list[Point]:
    if not found:
        raise BrokenJournal(f"{source}: no observations; no clause that records one, such as KINK-1, came to an answer.")
    chosen = [point for point in found if operation in (None, point.case.operation)]
    if not chosen:
        near = difflib.get_close_matches(operation or "", {point.case.operation for point in found})
        hint = f"do you mean {' or '.join(near)}?" if near else "`clinometer atlas` without --operation shows which there are."
        raise BrokenJournal(f"{source}: no observations of the operation {operation!r}; {hint}")
    return chosen


def _point(it: Point, names: list[str]) -> dict[str, Any]:
    return {
        "clause": it.case.clause,
        "operation": it.case.operation,
        "point": it.name,
        "dtypes": list(it.dtypes),
        "mode": it.case.mode,
        "differ": it.differ,
        "answers": dict(zip(names, it.answers, strict=True)),
        "outcomes": dict(zip(names, it.outcomes, strict=True)),
    }


def _print_csv(rows: list[dict[str, Any]], names: list[str]) -> None:
    out = io.StringIO()
    heads = ("clause", "operation", "point", "dtypes", "mode", "differ")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*heads, *names])
    for row in rows:
        row |= {"dtypes": " ".join(row["dtypes"]), "differ": "yes" if row["differ"] else "no"}
        cells = [*(row[head] for head in heads), *(answer or "" for answer in row["answers"].values())]
        writer.writerow(map(visible, cells))
    click.echo(out.getvalue(), nl=False)


@main.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@plain
def diff(first: Path, second: Path, form: str) -> None:
    """Compare two runs, case by case.

    Of one library, FIRST is the old run and SECOND the new one. A case broke if it was right and is wrong; it is newly
    offered and wrong if it was not offered; it is mended if it was wrong and is right; all else has changed otherwise.
    Two libraries are held side by side under their names, and neither is the measure of the other.

    The exit code is 1 if a case is wrong in SECOND that FIRST has right or does not offer, whether that is a known
    failure or not; else 3 if one of the runs is incomplete; and 0 otherwise. It is 2 if the two cannot be compared.
    """
    found = compare(only(first), only(second))
    if form == "text":
        console.comparison(found)
    else:
        click.echo(json.dumps(_comparison(found), indent=2))
    sys.exit(
        vocabulary.NEW_FAILURES if found.fails else vocabulary.INCOMPLETE if found.runs.unfinished else vocabulary.EXPECTED
    )


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        **{end: _run(subject) for end, subject in zip(ENDS, found.runs.subjects, strict=True)},
        "compared": "libraries" if found.libraries else "versions",
        "warnings": found.runs.limits,
        "counts": found.counts,
        "changes": {name: list(map(_change, changes)) for name, changes in found.changes.items()},
        "conventions": [_point(point, list(ENDS)) for point in found.conventions],
        "only_first": +found.alone[0],
        "only_second": +found.alone[1],
    }


def _run(subject: Subject) -> dict[str, Any]:
    names = ("backend", "versions", "suite", "digest", "profile", "seed", "started")
    return {name: getattr(subject.run, name) for name in names}


def _change(it: Change) -> dict[str, Any]:
    case = {name: getattr(it.case, name) for name in ("clause", "level", "operation", "mode", "parameters")}
    ends = {name: dict(zip(ENDS, getattr(it, name), strict=True)) for name in ("outcomes", "known")}
    return case | {"dtypes": list(it.dtypes)} | ends | {"message": it.message}


@main.command()
@click.argument("journal", type=click.Path(path_type=Path))
@click.argument("case_id")
@plain
def repro(journal: Path, case_id: str) -> None:
    """Print the stand-alone script of a case.

    CASE_ID stands in the report beside the case; its first letters are enough.
    """
    case, evidence = _evidence(load([journal]), journal, case_id)
    if not evidence or not evidence.script:
        what = f"{case.clause} {case.operation} {case.dtype}".strip()
        _refuse(f"{journal}: case {case.id} ({what}) has no script: only a verdict against a backend has one.")
        return
    click.echo(evidence.script.rstrip("\n"))


def _evidence(results: Results, journal: Path, prefix: str) -> tuple[Case, Evidence | None]:
    cases = {id: case for id, case in results.cases.items() if id.startswith(prefix)}
    if prefix in cases:
        cases = {prefix: cases[prefix]}
    if len(cases) != 1:
        what = f"begin {len(cases)} cases" if cases else "name no case"
        raise BrokenJournal(f"{journal}: the letters {prefix!r} {what}; copy the whole id from the report.")
    [(id, case)] = cases.items()
    found = (subject.results[id].evidence for subject in results.subjects if id in subject.results)
    return case, next((it for it in found if it and it.script), None)
