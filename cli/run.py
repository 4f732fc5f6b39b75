"""`clinometer run`: examine backends and write the report."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import click

from clinometer.cli import closing, console, processes
from clinometer.cli.plain import plain
from clinometer.cli.processes import FOLDER
from clinometer.cli.watch import Watch
from clinometer.harness import interruption
from clinometer.journal import vocabulary
from clinometer.reports.html import page


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


@click.command(cls=_WithPytestArguments)
@click.argument("backends", nargs=-1, required=True, metavar="BACKEND...")
@click.option(
    "--profile",
    type=click.Choice(vocabulary.PROFILES),
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
        return processes.run_backend(plan, console.notice, watch.tick)


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
