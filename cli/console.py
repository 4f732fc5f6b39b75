"""The console: what the commands print, at 80 columns and without colour as well."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from clinometer.cli.closing import Count
from clinometer.journal.text import brief, visible
from clinometer.journal.vocabulary import WRONG
from clinometer.reports.atlas import Point
from clinometer.reports.compare import Change, Comparison
from clinometer.reports.html.page import moment
from clinometer.reports.results import Results, Subject, share


def _console(**how: Any) -> Console:
    """Return a console that prints text as it is: rich would colour numbers, and make a picture of `:x:`."""
    return Console(highlight=False, emoji=False, **how)


OUT = _console(soft_wrap=False)
ERR = _console(stderr=True)
# A bracket that begins no tag, behind backslashes, of which rich takes one; `escape` heeds tags alone.
_LONE = re.compile(r"(\\+)\[(?![a-z#/@][^[]*?\])")
LISTED = 5  # new failures that the last block names; the report names them all
LONGEST_ROW = 10_000  # columns that a row may have in a pipe


def rule(title: str) -> None:
    """Print a line with a title."""
    OUT.rule(shown(title), style="dim")


def notice(sentence: str) -> None:
    """Print a sentence that asks for attention."""
    ERR.print(f"[bold]![/] {shown(sentence)}")


def remark(sentence: str) -> None:
    """Print a sentence in passing."""
    OUT.print(f"[dim]{shown(sentence)}[/]")


def progress(line: str) -> None:
    """Print a line of a run that goes on; what reads a pipe sees it at once."""
    OUT.print(shown(line), soft_wrap=True)
    OUT.file.flush()


def verdicts(counts: Sequence[Count]) -> None:
    """Print what came out of each backend, and the new failures by name."""
    for count in counts:
        subject = count.subject
        if subject.problem:
            OUT.print(f"[bold]{shown(subject.name)}[/]: {shown(subject.problem)}")
            continue
        version = subject.versions.get(subject.run.backend.partition(":")[0], "")
        about = f"{subject.name} {version}".strip()
        OUT.print(f"[bold]{shown(about)}[/], {subject.run.profile} profile: {count.sentence()}")
        for case, result in count.new[:LISTED]:
            failure(case.title, result.outcome, result.message)
        if len(count.new) > LISTED:
            OUT.print(f"... and {len(count.new) - LISTED} more, in the report.")
    for sentence in (sentence for count in counts for sentence in count.subject.limits):
        OUT.print(f"[bold]![/] {shown(sentence)}")


def next_steps(steps: Sequence[tuple[str, str]]) -> None:
    """Print commands to try, each on a line of its own that can be copied."""
    OUT.print("Next:")
    for command, what in steps:
        OUT.print(f"  [bold]{shown(command)}[/]", soft_wrap=True)
        OUT.print(f"      {shown(what)}", soft_wrap=True)


def failure(name: str, outcome: str, message: str) -> None:
    """Print a failure that nobody expected in one line, which a terminal cuts off at its edge."""
    line = Text.from_markup(f"[bold red]✕[/] [bold]{shown(name)}[/] {outcome}: {shown(brief(message))}", emoji=False)
    whole = not OUT.is_terminal
    OUT.print(line, no_wrap=True, crop=not whole, soft_wrap=whole, overflow="ignore" if whole else "ellipsis")


def summary(results: Results) -> None:
    """Print the counts of each backend, with their denominators."""
    table = _table("backend", "MUST cases that hold", "cases that ran", "failures", "other outcomes")
    table.columns[0].style = "bold"
    table.columns[3].no_wrap = True
    for subject in results.subjects:
        table.add_row(shown(subject.name), *_counts(subject))
    OUT.print(table)
    problems = [f"{subject.name}: {subject.problem}" for subject in results.subjects if subject.problem]
    for sentence in problems + results.limits:
        OUT.print(f"[bold]![/] {shown(sentence)}")


def _counts(subject: Subject) -> tuple[str, str, str, str]:
    if subject.problem:
        return "no result", "", "", "could not be loaded"
    tally = subject.tally
    others = ", ".join(
        f"{count} {outcome}" + (f" ({tally.known[outcome]} known)" if outcome in tally.known else "")
        for outcome, count in tally.outcomes.items()
        if outcome != "pass"
    )
    return (
        f"{tally.held}/{tally.ran}  {share(tally.held, tally.ran)}",
        f"{tally.asked_ran}/{tally.asked}",
        ", ".join(f"{count} {name}" for name, count in tally.standings.items() if count or name != "fixed"),
        others or "none",
    )


def pairs(items: Iterable[tuple[str, str]]) -> None:
    """Print names with one line each."""
    table = _table("name", "what it is")
    table.columns[0].style = "bold"
    for name, line in items:
        table.add_row(shown(name), shown(str(line)))
    OUT.print(table)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table whose columns after the first are numbers."""
    found = _table(*heads)
    for column in found.columns[1:]:
        column.justify = "right"
        column.no_wrap = True
    for row in rows:
        found.add_row(*map(shown, row))
    OUT.print(found)


WIDTHS = {"operation": 18, "dtypes": 15, "domain": 16, "special points": 20, "clauses": 8}  # of the columns of `operations`


def operations(rows: list[dict[str, Any]]) -> None:
    """Print the operations of the catalogue."""
    for group, some in itertools.groupby(rows, lambda row: row["group"]):
        OUT.print(f"\n[bold]{group}[/bold]")
        table = _table(*WIDTHS)
        table.expand = True
        for column, width in zip(table.columns, WIDTHS.values(), strict=True):
            column.ratio = width
        for row in some:
            special = ", ".join(row["special"])
            table.add_row(*map(shown, (row["name"], _kinds(row["dtypes"]), row["domain"], special, str(len(row["clauses"])))))
        OUT.print(table)
    OUT.print(f"{len(rows)} operations")


def _kinds(dtypes: list[str]) -> str:
    """Return the kinds of dtypes in a word or two; JSON names them all."""
    return ", ".join(kind for kind in ("float", "complex") if any(kind in dtype for dtype in dtypes))


def clauses(rows: list[dict[str, Any]]) -> None:
    """Print the specification as text."""
    chapter = None
    for row in rows:
        if row["chapter"] != chapter:
            chapter = row["chapter"]
            OUT.print(f"\n[bold underline]{shown(str(chapter))}[/]")
        head = f"[bold]{shown(row['id'])}[/]  {shown(str(row['level']))}, {shown(str(row['cls']))}"
        OUT.print(f"\n{head}  [dim]{shown(str(row['title']))}[/]")
        OUT.print(shown(row["text"]))
        for name, words in (("needs", row["needs"]), ("broken by", row["broken_by"])):
            if words:
                OUT.print(f"[dim]{name}: {shown(', '.join(words))}[/]")
    OUT.print(f"\n{len(rows)} clauses")


def markdown(rows: list[dict[str, Any]]) -> None:
    """Print the specification as Markdown, never wrapped."""
    chapter, lines = None, ["# Specification"]
    for row in rows:
        if row["chapter"] != chapter:
            chapter = row["chapter"]
            lines += ["", f"## {chapter}"]
        lines += ["", f"### {row['id']}: {row['title']}" if row["title"] else f"### {row['id']}", ""]
        lines += [f"{row['level']}, {row['cls']}. {row['text']}"]
        if row["needs"]:
            lines += ["", "Needs: " + ", ".join(f"`{word}`" for word in row["needs"]) + "."]
        if row["broken_by"]:
            lines += ["", "Seen to fail on: " + ", ".join(f"`{word}`" for word in row["broken_by"]) + "."]
    print("\n".join(lines))


def atlas(points: Sequence[Point], backends: Sequence[str]) -> None:
    """Print the atlas, a row a point."""
    table = _table("clause", "operation", "point", *map(shown, backends))
    table.columns[0].no_wrap = True
    for point, label in zip(points, _labels(points), strict=True):
        mark = "≠ " if point.differ else "  " if len(backends) > 1 else ""
        cells = map(_answer, point.answers, point.outcomes)
        table.add_row(*map(shown, (mark + point.case.clause, point.case.operation, f"{point.place}{label}")), *cells)
    _print_whole(table)


def _answer(answer: str | None, outcome: str) -> str:
    if answer is None:
        word = {"pass": "nothing recorded", "absent": "not asked", "notrun": "not run"}.get(outcome, outcome)
        return f"[dim]{word}[/]"
    return f"{shown(answer)} [bold]✕ {outcome}[/]" if outcome in WRONG else shown(answer)


def _labels(points: Sequence[Point]) -> list[str]:
    """Return for each point what tells it from its namesakes: nothing if it is one row for all dtypes."""
    namesakes: dict[tuple[str, ...], list[Point]] = defaultdict(list)
    for it in points:
        namesakes[it.case.clause, it.case.operation, it.name].append(it)
    labels = []
    for it in points:
        group = namesakes[it.case.clause, it.case.operation, it.name]
        words = [", ".join(it.dtypes)] if len(group) > 1 or len(it.dtypes) == 1 else []
        for part in ("mode", "parameters"):
            words += [getattr(it.case, part)] if len({getattr(other.case, part) for other in group}) > 1 else []
        text = ", ".join(filter(None, words))
        labels.append(f" ({text})" if text else "")
    return labels


def comparison(found: Comparison) -> None:
    """Print in what two runs differ, what is wrong in the second alone first."""
    for end, subject in zip(found.ends, found.runs.subjects, strict=True):
        OUT.print(f"[bold]{end}[/]  {shown(_facts(subject))}")
    for sentence in found.runs.limits:
        OUT.print(f"[bold]![/] {shown(sentence)}")
    arrow = "|" if found.libraries else "→"
    for name, changes in found.changes.items():
        count = sum(len(change.dtypes) for change in changes)
        title = found.title(name)
        _section(
            f"{title[0].upper()}{title[1:]} ({_cases(count)})",
            [row for change in changes for row in _change(change, arrow)],
        )
    points = zip(found.conventions, _labels(found.conventions), strict=True)
    _section("Conventions that differ", [_convention(point, label, arrow) for point, label in points])
    for at, where in enumerate(found.places):
        rows = [
            _alone(clause, count, found.asked[at][clause], found.asked[1 - at][clause])
            for clause, count in found.alone[at].items()
            if count
        ]
        _section(f"Asked {where} alone", rows)
    OUT.print(f"\n{shown(_sum(found))}")


def _facts(subject: Subject) -> str:
    run = subject.run
    libraries = ", ".join(f"{name} {version}" for name, version in subject.libraries.items())
    backend = "" if run.backend in subject.libraries else run.backend
    facts = (backend, libraries, f"{run.profile} profile", f"seed {run.seed}", moment(run.started))
    return " · ".join(filter(None, facts))


def _section(title: str, rows: list[tuple[str, str, str]]) -> None:
    if not rows:
        return
    OUT.print(f"\n[bold]{shown(title)}[/]")
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(overflow="fold")
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(*row)
    _print_whole(table)


def _change(it: Change, arrow: str) -> Iterable[tuple[str, str, str]]:
    what = " · ".join(filter(None, (it.case.operation, it.case.parameters, ", ".join(it.dtypes), it.case.mode)))
    outcomes = [f"{outcome} (known)" if known else outcome for outcome, known in zip(it.outcomes, it.known, strict=True)]
    yield shown(it.case.clause), f" {arrow} ".join(outcomes), shown(what)
    if it.message:
        yield "", "", f"[dim]{shown(brief(it.message))}[/]"


def _convention(point: Point, label: str, arrow: str) -> tuple[str, str, str]:
    answers = (_answer(*pair) for pair in zip(point.answers, point.outcomes, strict=True))
    what = f"{point.case.operation} {point.place}{label}".strip()
    return shown(point.case.clause), shown(what), f" {arrow} ".join(answers)


def _alone(clause: str, count: int, here: int, there: int) -> tuple[str, str, str]:
    return shown(clause), _cases(count), f"of {here}" if there else "the whole clause"


def _sum(found: Comparison) -> str:
    counts = found.counts
    both = sum(counts[name] for name in (*found.changes, "same", "unknown"))
    words = [f"{counts[name]} {found.title(name)}" for name in found.changes] + [f"{counts['same']} the same"]
    words += [f"{counts['unknown']} not run in one of them"] if counts["unknown"] else []
    first, second = found.places
    alone = f"{_cases(counts['only_first'])} asked {first} alone, {counts['only_second']} {second}."
    conventions = f"{counts['conventions']} conventions differ, each dtype counted."
    return f"{_cases(both)} asked in both: {'; '.join(words)}. {conventions} {alone}"


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def _print_whole(table: Table) -> None:
    """Print a table; into a pipe each row goes as one line, since what reads there does not fold."""
    console = OUT
    if not OUT.is_terminal:
        whole = OUT.measure(table, options=OUT.options.update(width=LONGEST_ROW)).maximum
        console = _console(width=max(OUT.width, whole))
    console.print(table)


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def shown(text: str) -> str:
    """Return text as it can be put between markup: all of it is seen, and none of it is markup."""
    return escape(_LONE.sub(r"\1\\[", visible(text)))
