"""What is read from journals: `clinometer report`, `atlas` and `diff`."""

from __future__ import annotations

import csv
import difflib
import io
import json
import sys
from pathlib import Path
from typing import Any

import click

from clinometer.cli import console
from clinometer.cli.plain import plain, print_json
from clinometer.cli.processes import FOLDER
from clinometer.journal import vocabulary
from clinometer.journal.reader import BrokenJournal
from clinometer.journal.text import visible
from clinometer.reports.atlas import Point, points
from clinometer.reports.compare import ENDS, Change, Comparison, compare, only
from clinometer.reports.html import page
from clinometer.reports.results import Results, Subject, load


@click.command()
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
    click.echo(visible(f"Report: {output}"))


@click.command()
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
        print_json([_point(point, names) for point in shown])
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


@click.command()
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
