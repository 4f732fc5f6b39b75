"""`clinometer spec` and `clinometer operations`: what there is to be asked."""

from __future__ import annotations

from typing import Any

import click

from clinometer.cli import console
from clinometer.cli.plain import plain, print_json


@click.command()
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@plain
def spec(form: str) -> None:
    """Print the specification, clause by clause."""
    from clinometer.harness.specification import specification  # here: it imports the whole suite

    clauses = [_fields(it, ("id", "level", "cls", "text", "needs", "broken_by", "chapter", "title")) for it in specification()]
    {"text": console.clauses, "markdown": console.markdown, "json": print_json}[form](clauses)


@click.command()
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
    {"text": console.operations, "json": print_json}[form](rows)


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
