"""Hold a rebuilt house against the old one: the same cases, drawn alike, with the same outcome and the same words.

    python tests/sameness.py record before reference torch autograd    before a change that is to change nothing
    python tests/sameness.py record after reference torch autograd     after it
    python tests/sameness.py compare before after                      what differs; exit code 1 if anything does

A record has a line for each case: its id, outcome, message, and a digest of what was drawn for it. Run by hand, in one
environment, since messages quote libraries and numbers their kernels; it takes some minutes for each backend.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from clinometer.backends import load, support_of
from clinometer.harness import examine
from clinometer.harness.specification import specification

PROFILE, SEED = "quick", 3
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")  # of an object, in a message: another in each process
FRAMES = re.compile(r'File "[^"]*", line \d+, in .*?(?=Set TORCH|$)')  # of a traceback that a library quotes: our own files


@click.group()
def main() -> None:
    """Record what every case comes to, and compare two records."""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, required=True)
@click.option("--only", default="", help="What is asked: a regular expression, as in '^GRAD-1.sin'.")
def record(folder: Path, names: tuple[str, ...], only: str) -> None:
    """Ask backends NAMES everything, and write FOLDER/NAME.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        lines = list(recorded(name, only))
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        click.echo(f"{name}: {len(lines)} cases")


def recorded(name: str, only: str = "") -> Iterable[dict[str, str]]:
    """Return a line for each case that a backend is asked."""
    backend, drawing = load(name), Drawing()
    for clause in specification():
        for cell in clause.asked_of(support_of(backend).dtypes):
            id = f"{clause.id}[{cell}]"
            if re.search(only, id):
                with drawing:
                    found = examine.examine(clause, cell, backend, profile=PROFILE, seed_=SEED)
                yield {
                    "id": id,
                    "outcome": found.outcome,
                    "message": FRAMES.sub("File ... ", ADDRESS.sub("0x...", found.message)),
                    "drawn": drawing.digest(),
                }


class Drawing:
    """Takes down what is drawn while it is entered."""

    def __enter__(self) -> None:
        self.hash, self.sample = hashlib.blake2b(digest_size=8), examine.sample
        examine.sample = self.seen

    def __exit__(self, *_: object) -> None:
        examine.sample = self.sample

    def seen(self, *how: Any) -> tuple[Any, ...]:
        """Draw, and take down."""
        cases = self.sample(*how)
        self.hash.update(plain(cases).encode())
        return cases

    def digest(self) -> str:
        """Return what stands for all that was drawn."""
        return self.hash.hexdigest()


def plain(drawn: Any) -> str:
    """Return what was drawn in words that know nothing of modules and classes."""
    if isinstance(drawn, np.ndarray):
        return f"{drawn.dtype}{drawn.shape}{drawn.tolist()}"
    if dataclasses.is_dataclass(drawn) and not isinstance(drawn, type):
        return plain([getattr(drawn, field.name) for field in dataclasses.fields(drawn) if field.compare])
    if isinstance(drawn, Mapping):
        return plain(sorted(drawn.items(), key=str))
    if isinstance(drawn, list | tuple):
        return f"[{','.join(map(plain, drawn))}]"
    return drawn.__qualname__ if callable(drawn) else repr(drawn)


@main.command()
@click.argument("before", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, file_okay=False, path_type=Path))
def compare(before: Path, after: Path) -> None:
    """Say how folder AFTER differs from folder BEFORE."""
    differences = 0
    for path in sorted(before.glob("*.jsonl")):
        found = list(differing(path, after / path.name))
        differences += len(found)
        click.echo(f"{path.stem}: {len(found)} differences")
        for line in found[:20]:
            click.echo(f"  {line}")
    raise SystemExit(bool(differences))


def differing(before: Path, after: Path) -> Iterable[str]:
    """Return how two records differ, a line for each case."""
    old, new = (
        {line["id"]: line for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
        for path in (before, after)
    )
    for id in sorted(old.keys() | new.keys()):
        if id not in old or id not in new:
            yield f"{id}: only {'before' if id in old else 'after'}"
        elif old[id] != new[id]:
            yield f"{id}: " + "; ".join(
                f"{key} {old[id][key]!r} is now {new[id][key]!r}" for key in old[id] if old[id][key] != new[id][key]
            )


if __name__ == "__main__":
    main()
