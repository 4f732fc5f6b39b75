"""Look for false alarms: ask a backend everything under many seeds, and count what does not hold.

    python tests/false_alarms.py torch --points 200000 --profile standard
    python tests/false_alarms.py reference --seeds 20 --profile deep --only '^(GRAD|FWD|KINK)-'

Run by hand; it takes minutes to hours. Known failures are counted apart. Exit code 1 if anything else fails.
"""

from __future__ import annotations

import functools
import re
import time
from collections import Counter

import click

from clinometer.backends import load
from clinometer.harness.cells import DTYPES
from clinometer.harness.examine import EXAMPLES, examine
from clinometer.harness.expectations import find, shipped, waive
from clinometer.harness.specification import specification


@click.command()
@click.argument("name")
@click.option("--seeds", default=0, help="How many seeds; 0: as many as the points take.")
@click.option("--points", default=0, help="How many points are to be checked, at least.")
@click.option("--first", default=1, help="The first seed.")
@click.option("--profile", type=click.Choice(list(EXAMPLES)), default="standard")
@click.option("--only", default="", help="What is asked: a regular expression, as in '^GRAD-1.sin'.")
def main(name: str, seeds: int, points: int, first: int, profile: str, only: str) -> None:
    """Ask backend NAME every clause under one seed after the other."""
    questions = [
        (clause, cell)
        for clause in specification()
        for cell in clause.asked_of(DTYPES)
        if re.search(only, f"{clause.id}[{cell}]")
    ]
    if not questions:
        raise click.UsageError(f"nothing that is asked matches --only {only!r}")
    backend, known = load(name), shipped(load(name).name)
    total: Counter[str] = Counter()
    start, seed = time.process_time(), first
    while seed < first + seeds or total["points"] < points:
        for clause, cell in questions:
            excuse = functools.partial(waive, known, clause, cell)
            result = examine(clause, cell, backend, profile=profile, seed_=seed, waive=excuse)
            entry = find(known, clause, cell)
            expected = result.expected or (entry is not None and result.outcome in entry.outcomes)
            total["known " * expected + result.outcome] += 1
            total["examples"] += result.examples
            total["points"] += result.points
            if not expected and result.outcome not in ("pass", "unsupported"):
                click.echo(f"seed {seed}, {clause.id}[{cell}]: {result.outcome}: {result.message}")
        click.echo(f"seed {seed}: {dict(total)}, {time.process_time() - start:.0f} s of CPU time")
        seed += 1
    raise SystemExit(any(total[outcome] for outcome in ("fail", "error", "invalid", "inconclusive")))


if __name__ == "__main__":
    main()
