"""How much is found: plant every class of bug into every differentiable operation, and count what the clauses catch.

    python tests/detection.py                       # writes docs/detection.md: some ten minutes of CPU time
    python tests/detection.py --only sin,matmul --output -

Exit code 1 if a bug is missed, or if a backend without one fails in a way that is not known.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import click
from planted.classes import BUGS, CLASSES
from planted.hunt import Plant, Sound, campaign

from clinometer.harness.examine import EXAMPLES
from clinometer.reference.catalogue import CATALOGUE

OUTPUT = Path(__file__).parent.parent / "docs" / "detection.md"

PAGE = """\
# What is detected

Each class of bugs below is planted into each of {operations} differentiable operations, and the clauses that ask about the
operation are asked until one fails. The value stays right; the gradient does not. A bug counts for each dtype, or special
point, by itself. Where it changes no derivative that is asked for it is no bug: the last column, and the last table.

This file is written by one command:

    {command}

{day}, {versions}, {minutes:.0f} minutes of CPU time on {machine}.

## Planted into the reference

{reference}

## Planted into torch

Into {inside}.

{torch}

## What was missed

{misses}

## Without a bug

The questions that caught a bug, with the same cases, put to backends as they are. Known failures stand in
`suites/known`; of any other failure the list below says which it is.

| backend | questions | points | not offered | known failures | other failures |
|---|---|---|---|---|---|
{sound}

{alarms}

[false-alarms.md](false-alarms.md) counts what else was asked of sound backends, under many seeds.

## What a pass does not prove

A share of 100 % says that these bugs are found, in operations asked one at a time, with arrays of at most a few dozen
entries. It does not say that

- a smaller bug is found: in float16 and bfloat16 an error of a few thousandths is what rounding does;
- a bug is found that shows at no point that is drawn, and at no special point of the row: at another kink, in a large
  array, in a kernel that starts at some length, on another device, between threads;
- a bug is found in an operation that the catalogue lacks, or that shows in a composition alone, as in what a compiler fuses.

A bug here is one identity with a wrong pullback before or behind an operation. That all of them are caught says nothing of
which bugs a library is likely to have.

## Where there was no bug to plant

{void}
"""


@dataclass
class Tally:
    """How many bugs of one class were planted, and how many of them caught."""

    plants: list[Plant]

    @property
    def planted(self) -> list[Plant]:
        return [p for p in self.plants if p.outcome != "void"]

    @property
    def caught(self) -> list[Plant]:
        return [p for p in self.plants if p.outcome == "caught"]

    @property
    def share(self) -> str:
        if not self.planted:
            return "–"
        hundredth = 100 * len(self.caught) / len(self.planted)
        return "100 %" if len(self.caught) == len(self.planted) else f"{min(hundredth, 99.99):.2f} %"

    def line(self, name: str) -> str:
        """Return the row of the table."""
        examples = f"{statistics.median(p.examples for p in self.caught):g}" if self.caught else "–"
        cells = (name, len(self.planted), len(self.caught), self.share, examples, len(self.plants) - len(self.planted))
        return f"| {' | '.join(map(str, cells))} |"


def of_first_order(plant: Plant) -> bool:
    """Whether a bug shows in a first derivative."""
    return all(plant.bug != bug.name for bug in BUGS if bug.order > 1)


def table(plants: Sequence[Plant]) -> list[str]:
    """Return a row for each class, and the sums."""
    lines = [
        "| class | planted | caught | share | examples to the first catch (median) | no bug |",
        "|---|---|---|---|---|---|",
    ]
    by_class = {name: [p for p in plants if p.bug == name] for name in CLASSES}
    lines += [Tally(some).line(name) for name, some in by_class.items() if some]
    lines.append(Tally([p for p in plants if of_first_order(p)]).line("**all of first order**"))
    return [*lines, Tally(list(plants)).line("**all**")]


def misses(plants: Sequence[Plant]) -> list[str]:
    """Return a line for each bug that no clause has caught."""
    missed = [p for p in plants if p.outcome == "missed"]
    return [f"- `{p.operation}`, {p.bug} ({p.where}; in {p.ground}): {p.reason}" for p in missed] or ["None."]


def no_bugs(plants: Sequence[Plant]) -> list[str]:
    """Return which classes could not be planted into which operations, and why."""
    void: dict[tuple[str, str], dict[str, None]] = {}  # of a class and a reason the operations, in order and once
    for p in plants:
        if p.outcome == "void":
            void.setdefault((p.bug, p.reason), {})[p.operation] = None
    alike: dict[tuple[str, str], list[str]] = {}
    for (bug, reason), operations in void.items():
        alike.setdefault((reason, ", ".join(operations)), []).append(bug)
    lines = ["| why it changes nothing | classes | operations |", "|---|---|---|"]
    return lines + [f"| {reason} | {', '.join(bugs)} | {operations} |" for (reason, operations), bugs in alike.items()]


def written(plants: Sequence[Plant], sound: Sequence[Sound], command: str, seconds: float) -> str:
    """Return the document."""
    within = {name: [p for p in plants if p.ground == name] for name in ("reference", "torch")}
    reports = [f"| {s.name} | {s.cells} | {s.points} | {s.unsupported} | {s.known} | {len(s.alarms)} |" for s in sound]
    return PAGE.format(
        operations=len({p.operation for p in plants}),
        command=command,
        day=date.today(),
        versions=", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "hypothesis")),
        minutes=seconds / 60,
        machine=platform.machine(),
        inside=", ".join(dict.fromkeys(p.operation for p in within["torch"])) or "nothing",
        misses="\n".join(misses(plants)),
        sound="\n".join(reports),
        alarms="\n".join(f"- {s.name}, {alarm}" for s in sound for alarm in s.alarms) or "None.",
        void="\n".join(no_bugs(plants)),
        **{name: "\n".join(table(some)) for name, some in within.items()},
    )


@click.command()
@click.option("--profile", type=click.Choice(list(EXAMPLES)), default="standard")
@click.option("--seed", default=0)
@click.option("--only", default="", help="Operations, separated by commas; all differentiable ones without.")
@click.option("--output", default=str(OUTPUT), help="The file to write; - for the terminal.")
def main(profile: str, seed: int, only: str, output: str) -> None:
    """Plant bugs, count what the clauses catch, and write docs/detection.md."""
    start = time.process_time()
    rows = only.split(",") if only else [row.name for row in CATALOGUE.values() if row.differentiable]
    sound = [Sound("reference"), Sound("torch")]
    plants = []
    for name in rows:
        plants += campaign(name, profile, seed, sound)
        click.echo(f"{name}: {dict(Counter(p.outcome for p in plants))}, {time.process_time() - start:.0f} s", err=True)
    command = f"python tests/detection.py --profile {profile} --seed {seed}" + (f" --only {only}" if only else "")
    text = written(plants, sound, command, time.process_time() - start)
    if output == "-":
        click.echo(text)
    else:
        Path(output).write_text(text, "utf-8")
    raise SystemExit(any(p.outcome == "missed" for p in plants) or any(s.alarms for s in sound))


if __name__ == "__main__":
    main()
