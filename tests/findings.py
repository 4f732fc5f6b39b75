"""The findings: what each breaks, and a script that shows it. They stand in suites/known, one file a library.

    python tests/findings.py write         # docs/findings.md
    python tests/findings.py run           # every script in an interpreter of its own, then under every variation of kernels
    python tests/findings.py ask torch     # the cells that the entries name: which entries are stale, which failures new

`tox -e findings` does the second. The test run carries out every script too, in children of one process (in_turn.py).
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from clinometer.backends import load
from clinometer.harness.cells import DTYPES, Cell
from clinometer.harness.clauses import Clause
from clinometer.harness.examine import EXAMPLES, examine
from clinometer.harness.expectations import SHIPPED, Known, find, shipped, waive
from clinometer.harness.specification import specification

DOCUMENT = Path(__file__).parent.parent / "docs" / "findings.md"
IN_TURN = Path(__file__).with_name("in_turn.py")

# What chooses other kernels, or another order of summation. Each is said before the library is imported.
VARIATIONS: dict[str, dict[str, str]] = {
    "OpenBLAS for Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "OpenBLAS for Prescott": {"OPENBLAS_CORETYPE": "Prescott"},
    "torch without vectors": {"ATEN_CPU_CAPABILITY": "default"},
    "torch with AVX2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "MKL for any processor": {"MKL_CBWR": "COMPATIBLE"},
    "one thread": {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    "four threads": {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"},
}

PAGE = """\
# Findings

What Clinometer's clauses find in {libraries} (with numpy 2). Each finding has a script in the
library's own words, which ends in an assertion that fails, or raises as the library does, and beside it what it prints,
what is right, and why that is no matter of taste. A test runs all of them, so each is still there in the release that is
named.

A number is called wrong when two witnesses that share no code speak against it: the derivative by the rules of
calculus, in extended precision, and finite differences of the plain function, which know nothing but its values.
For a shape, a dtype or an exception no witness is needed: a gradient has one entry for each entry of its input.

This file is made of [suites/known](../suites/known) by `python tests/findings.py write`. A run knows by the same files
which of its failures are news.
"""

CHAPTER = """
## {backend} {newest}
"""

SECTION = """
### {title}

{status}

```python
{script}
```

```text
{prints}
```

{right}

{taste}
"""

# What the release is that stands as the newest in a library's file.
RELEASE = {"torch": "the wheel for CPUs that tox.ini pins", "autograd": "the newest release"}


@dataclass(frozen=True)
class Finding:
    """Something that a library gets wrong, with the script that shows it and the entries that it explains."""

    backend: str
    newest: str  # the release with which the script was run last
    title: str
    summary: str  # the reason that a run gives
    seen: str
    known: tuple[dict[str, Any], ...]
    script: str
    prints: str
    right: str
    taste: str
    link: str = ""
    where: str = ""  # on what machines it shows; the script's first assertion says so elsewhere

    def clauses(self) -> list[str]:
        """Return the clauses that it breaks, in the order of chapters and numbers."""
        named = {clause for entry in self.known for clause in entry["clauses"]}
        return sorted(named, key=lambda id: (id.rpartition("-")[0], int(id.rpartition("-")[2])))

    def shows(self, output: str) -> bool:
        """Say whether its script printed what it says: to the letter, but for the end of a message that ends in dots."""
        if self.where and output.strip() == f"AssertionError: {self.where}":
            return True
        known, got = self.prints.strip(), output.strip()
        return got.startswith(known.removesuffix("...")) if known.endswith("...") else got == known

    def section(self) -> str:
        """Return its section of the document."""
        short = self.link.removeprefix("https://github.com/")
        upstream = f"[{short}]({self.link})" if self.link else "no report found"
        where = f", where {self.where}" if self.where else ""
        return SECTION.format(
            title=self.title,
            status=filled(
                f"Breaks {spans(self.clauses())}{where}. Seen in {self.backend} {self.seen}; still there in {self.newest}, "
                f"{RELEASE[self.backend]}. Upstream: {upstream}."
            ),
            script=self.script.strip(),
            prints=self.prints.strip(),
            right=filled(f"**Right.** {self.right}"),
            taste=filled(f"**No matter of taste.** {self.taste}"),
        )


def findings() -> list[Finding]:
    """Return all findings, library by library."""
    found = []
    for path in sorted(SHIPPED.glob("*.toml"), reverse=True):
        file = tomllib.loads(path.read_text("utf-8"))
        found += [Finding(path.stem, file["newest"], **entry) for entry in file["finding"]]
    return found


def filled(text: str) -> str:
    """Return a paragraph in lines of a decent length."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def spans(clauses: Sequence[str]) -> str:
    """Return a list of clauses with runs of them drawn together: "GRAD-1 to GRAD-3, GRAD-5"."""
    runs: list[list[str]] = []
    for clause in clauses:
        chapter, _, number = clause.rpartition("-")
        if runs and runs[-1][-1] == f"{chapter}-{int(number) - 1}":
            runs[-1].append(clause)
        else:
            runs.append([clause])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def page(found: Sequence[Finding]) -> str:
    """Return the document."""
    releases = {finding.backend: finding.newest for finding in found}
    text = PAGE.format(libraries=" and ".join(" ".join(release) for release in releases.items()))
    for backend, newest in releases.items():
        text += CHAPTER.format(backend=backend, newest=newest)
        text += "".join(finding.section() for finding in found if finding.backend == backend)
    return text


# ----- carrying scripts out -----


class Runner:
    """An interpreter that has imported a library and carries out scripts, each in a child of its own."""

    def __init__(self, backend: str, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, IN_TURN, backend], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | env
        )

    def printed(self, script: str) -> str:
        """Return what a script prints, with the exception that ends it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(script) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def runner(backend: str, env: dict[str, str]) -> Iterator[Runner]:
    """Make a runner, and end it."""
    it = Runner(backend, env)
    try:
        yield it
    finally:
        it.process.communicate()


def unlike(found: Sequence[Finding], variation: dict[str, str], *, fresh: bool) -> Iterator[tuple[Finding, str]]:
    """Yield each finding whose script prints something else, with what it printed."""
    for backend in dict.fromkeys(finding.backend for finding in found):
        ours = [finding for finding in found if finding.backend == backend]
        for batch in [[finding] for finding in ours] if fresh else [ours]:
            with runner(backend, variation) as it:
                yield from ((f, output) for f in batch if not f.shows(output := it.printed(f.script)))


# ----- asking what the entries name -----


def asked(entries: Sequence[Known]) -> Iterator[tuple[Clause, Cell, Known | None]]:
    """Yield each cell that entries may explain, with the entry that covers it; those with words cover none."""
    known = list(entries)
    for clause in specification():
        ours = [entry for entry in known if clause.id in entry.clauses]
        for cell in clause.asked_of(DTYPES) if ours else ():
            entry = find(known, clause, cell)
            if entry or any(
                o.message_pattern and o.dtype in ("", cell.dtype) and o.operation in ("", cell.operation) for o in ours
            ):
                yield clause, cell, entry


def stale(backend: str, profile: str, seeds: Sequence[int], only: str = "") -> Iterator[str]:
    """Yield a line for each cell that passes under an entry, each failure without one, and each entry that nothing meets."""
    library, entries = load(backend), shipped(backend)
    met: set[Known] = set()
    for (clause, cell, entry), seed in itertools.product(asked(entries), seeds):
        if not re.search(only, f"{clause.id}[{cell}]"):
            continue
        excuse = functools.partial(waive, entries, clause, cell)
        result = examine(clause, cell, library, profile=profile, seed_=seed, waive=excuse)
        where = f"{clause.id}[{cell}], seed {seed}"
        if result.expected:  # by the words of an entry, or by an operation that is known to be wrong
            met |= {known for known in entries if str(known) == result.expectation}
        elif entry and result.outcome in entry.outcomes:
            met.add(entry)
        elif result.outcome not in ("pass", "unsupported"):
            yield f"new: {where}: {result.outcome}: {result.message}"
        elif entry and result.outcome == "pass" and not entry.intermittent:
            yield f"fixed: {where}: {entry.reason}"
    for known in entries:
        if known not in met:
            about = f"{', '.join(known.clauses)} {known.operation} {known.message_pattern}".rstrip()
            yield f"nothing met {about}: {known.reason}"


@click.group()
def main() -> None:
    """Write the findings down, run their scripts, or ask what their entries name."""


@main.command()
def write() -> None:
    """Write docs/findings.md."""
    DOCUMENT.write_text(page(findings()), "utf-8")


@main.command()
@click.option("--only", default="", help="Words in the title.")
def run(only: str) -> None:
    """Run every script in an interpreter of its own, then all of them under each variation."""
    found = [finding for finding in findings() if only in finding.title]
    wrong = 0
    for name, variation in {"each by itself": {}, **VARIATIONS}.items():
        others = list(unlike(found, variation, fresh=not variation))
        click.echo(f"{name}: {len(found) - len(others)} of {len(found)} print what they say")
        for finding, output in others:
            click.echo(f"\n{finding.backend}, {finding.title}:\n{output}")
        wrong += len(others)
    raise SystemExit(wrong > 0)


@main.command()
@click.argument("backend")
@click.option("--profile", type=click.Choice(list(EXAMPLES)), default="standard")
@click.option("--seeds", default=1, help="How many seeds: what only some draws meet may need several.")
@click.option("--only", default="", help="What is asked: a regular expression, as in '^GRAD-1.sin'.")
def ask(backend: str, profile: str, seeds: int, only: str) -> None:
    """Ask BACKEND what its entries name."""
    lines = 0
    for line in stale(backend, profile, range(seeds), only):
        click.echo(line)
        lines += 1
    raise SystemExit(lines > 0)


if __name__ == "__main__":
    main()
