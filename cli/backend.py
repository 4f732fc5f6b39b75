"""`clinometer backend`: which backends there are, a new one, and whether it is whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clinometer.cli import console
from clinometer.cli.plain import plain, refuse
from clinometer.journal import vocabulary

if TYPE_CHECKING:  # listing needs neither
    from clinometer.harness.smoke.answers import Answer


@click.group()
def backend() -> None:
    """List backends, begin an adapter, and see whether it is whole."""


@backend.command("list")
@plain
def listed() -> None:
    """List the backends that can be named."""
    from clinometer.backends import registry  # here: other commands need no backend

    console.pairs(registry.known().items())


@backend.command("new")
@click.argument("name")
@click.option(
    "--library",
    "modules",
    multiple=True,
    metavar="MODULE",
    help="Where the library's functions are; more than once, where there are several such modules.  [default: NAME]",
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the files.  [default: NAME_backend]",
)
@plain
def new(name: str, modules: tuple[str, ...], folder: Path | None) -> None:
    """Begin an adapter: what a library's names and signatures say is filled in.

    Nothing that is there is overwritten.

    Example: clinometer backend new jax --library jax.numpy --library jax
    """
    from clinometer.backends import BackendProblem, scaffold  # here: it imports the catalogue

    sys.path.insert(0, str(Path.cwd()))  # a module of the user's may lie here
    try:
        path, lines = scaffold.written(name, modules or (name,), folder or Path(f"{name}_backend"))
    except BackendProblem as problem:
        refuse(str(problem))
    found, chosen = sum(bool(line.words) for line in lines), f"./{path.as_posix()}" if not path.is_absolute() else str(path)
    console.OUT.print(f"[bold]{console.shown(str(path.parent))}[/]: {', '.join(scaffold.FILES)}", soft_wrap=True)
    click.echo(f"{found} of {len(lines)} operations are found by name and signature; operations.py lists the others.")
    selection = f"{chosen}:{scaffold.class_name(name)}"
    console.next_steps(
        [
            (f"clinometer backend smoke {selection}", "says member by member what is right, and how to mend what is not"),
            (f"clinometer run {selection} --profile quick -- -k test_grad", "asks for first gradients, and writes the report"),
        ]
    )


@backend.command("smoke")
@click.argument("name", metavar="BACKEND")
@plain
def smoke(name: str) -> None:
    """Ask each member of an adapter once, in seconds.

    BACKEND is whatever `clinometer run` takes: a name, or path/to/file.py:Class.

    Exit codes: 0 nothing is wrong, 1 something is, 2 it cannot be asked.
    """
    from clinometer.harness.smoke import answers as words  # here: other commands need neither
    from clinometer.harness.smoke import asking

    answers = []
    for answer in asking.smoke(name):
        answers.append(answer)
        if not answer.member.startswith(OPERATION):
            _print(answer)
    if any(answer.state == words.UNLOADED for answer in answers):
        sys.exit(vocabulary.USAGE)
    _print_operations([answer for answer in answers if answer.member.startswith(OPERATION)])
    wrong = sum(answer.state == words.WRONG for answer in answers)
    if wrong:
        click.echo(f"{wrong} of {len(answers)} answers are wrong.")
        sys.exit(vocabulary.NEW_FAILURES)
    click.echo("Nothing is wrong.")
    console.next_steps([(f"clinometer run {name} --profile quick", "asks everything, and writes the report")])


OPERATION = "xp."
SIGNS = {"there": "[green]✓[/]", "missing": "[dim]–[/]", "wrong": "[bold red]✕[/]", "not loaded": "[bold red]✕[/]"}


def _print(answer: Answer) -> None:
    said = f": {answer.said}" if answer.said else ""
    console.OUT.print(f"{SIGNS[answer.state]} [bold]{console.shown(answer.member)}[/]{console.shown(said)}", soft_wrap=True)
    if answer.mend:
        console.OUT.print(f"    {console.shown(answer.mend)}", soft_wrap=True)


def _print_operations(answers: list[Answer]) -> None:
    """Print the operations that are right by number, and all others in full, with one word of what to do for all."""
    right = [answer for answer in answers if answer.state == "there"]
    console.OUT.print(f"{SIGNS['there']} [bold]{len(right)} of the {len(answers)} operations of xp[/]", soft_wrap=True)
    mends = list(dict.fromkeys(answer.mend for answer in answers if answer.mend))
    alike: dict[tuple[str, str], list[str]] = {}
    for answer in (answer for answer in answers if answer.state != "there"):
        alike.setdefault((answer.state, answer.said), []).append(answer.member)
    for (state, said), members in alike.items():
        who = members[0] if len(members) == 1 else f"{members[0]} and {len(members) - 1} more"
        console.OUT.print(f"{SIGNS[state]} [bold]{console.shown(who)}[/]: {console.shown(said)}", soft_wrap=True)
    for mend in mends:
        console.OUT.print(f"    {console.shown(mend)}", soft_wrap=True)
