"""The console: what the commands print, at 80 columns and without colour as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from clinometer.reports.columns import visible
from clinometer.reports.results import Results, Subject, share

OUT = Console(highlight=False, soft_wrap=False)
ERR = Console(highlight=False, stderr=True)


def rule(title: str) -> None:
    """Print a line with a title."""
    OUT.rule(_shown(title), style="dim")


def notice(sentence: str) -> None:
    """Print a sentence that asks for attention."""
    ERR.print(f"[bold]![/] {_shown(sentence)}")


def summary(results: Results) -> None:
    """Print the counts of each backend, with their denominators."""
    table = _table("backend", "MUST cases that hold", "cases that ran", "other outcomes")
    table.columns[0].style = "bold"
    for subject in results.subjects:
        table.add_row(_shown(subject.name), *_counts(subject))
    OUT.print(table)
    problems = [f"{subject.name}: {subject.problem}" for subject in results.subjects if subject.problem]
    for sentence in problems + results.unfinished + results.mismatches:
        OUT.print(f"[bold]![/] {_shown(sentence)}")


def _counts(subject: Subject) -> tuple[str, str, str]:
    if subject.problem:
        return "no result", "", "could not be loaded"
    tally = subject.tally
    known: Counter[str] = Counter(result.outcome for result in subject.results.values() if result.expected)
    others = ", ".join(
        f"{count} {outcome}" + (f" ({known[outcome]} known)" if known[outcome] else "")
        for outcome, count in tally.outcomes.items()
        if outcome != "pass"
    )
    return (
        f"{tally.held}/{tally.ran}  {share(tally.held, tally.ran)}",
        f"{tally.asked_ran}/{tally.asked}",
        others or "none",
    )


def pairs(items: Iterable[tuple[str, str]]) -> None:
    """Print names with one line each."""
    table = _table("name", "what it is")
    table.columns[0].style = "bold"
    for name, line in items:
        table.add_row(_shown(name), _shown(str(line)))
    OUT.print(table)


def operations(rows: list[dict[str, Any]]) -> None:
    """Print the operations of the catalogue."""
    table = _table("operation", "group", "domain", "special points")
    table.columns[0].style = "bold"
    for row in rows:
        table.add_row(*(_shown(row[name]) for name in ("name", "group", "domain")), _shown(", ".join(row["special"])))
    OUT.print(table)
    OUT.print(f"{len(rows)} operations")


def clauses(rows: list[dict[str, Any]]) -> None:
    """Print the specification as text."""
    chapter = None
    for row in rows:
        if row["chapter"] != chapter:
            chapter = row["chapter"]
            OUT.print(f"\n[bold underline]{_shown(str(chapter))}[/]")
        head = f"[bold]{_shown(row['id'])}[/]  {_shown(str(row['level']))}, {_shown(str(row['cls']))}"
        OUT.print(f"\n{head}  [dim]{_shown(str(row['title']))}[/]")
        OUT.print(_shown(row["text"]))
        for name, words in (("needs", row["needs"]), ("broken by", row["broken_by"])):
            if words:
                OUT.print(f"[dim]{name}: {_shown(', '.join(words))}[/]")
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


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _shown(text: str) -> str:
    return escape(visible(text))
