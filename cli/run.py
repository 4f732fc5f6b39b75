"""`clinometer run`: examine backends and write the report."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from clinometer.cli import closing, cluster, console, processes
from clinometer.cli.plain import plain, refuse
from clinometer.cli.processes import FOLDER
from clinometer.cli.watch import Watch
from clinometer.harness import interruption
from clinometer.journal import vocabulary
from clinometer.journal.reader import BrokenJournal
from clinometer.journal.text import visible
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


# Words behind the `--` that only one who keeps journal, clock and processes can follow, and what to write instead.
_INSTEAD = {
    "--backend": "name the backend before the `--`",
    "--journal": "name a folder with -o before the `--`",
    "--report": "name a folder with -o before the `--`",
    "--profile": "write it before the `--`",
    "--hypothesis-profile": "write --profile before the `--`",
    "--seed": "write it before the `--`",
    "--resume": "write it before the `--`",
    "-n": "write it before the `--`",
    "--numprocesses": "write -n before the `--`",
    "--dist": "write -n before the `--`",
    "--tx": "write -n before the `--`",
    "--pdb": "workers have no terminal; ask `pytest --pyargs clinometer.suites --backend NAME --pdb`",
    "--trace": "workers have no terminal; ask `pytest --pyargs clinometer.suites --backend NAME --trace`",
    "--collect-only": "ask `pytest --pyargs clinometer.suites --collect-only`",
    "--co": "ask `pytest --pyargs clinometer.suites --collect-only`",
}
_FOR_THE_TERMINAL = {"-v", "-vv", "--verbose", "-s", "--capture=no"}
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class _Workers(click.ParamType):  # type: ignore[type-arg]  # no older click has any
    """How many processes: a number, or one for each core."""

    name = "workers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        if value in ("auto", "logical"):
            return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if not isinstance(value, int) and not (value.isdecimal() and int(value) > 0):
            self.fail(f"{value!r} is not a number of processes; write 1, 2, ... or auto.", param, ctx)
        return int(value)


class _Bytes(click.ParamType):  # type: ignore[type-arg]  # no older click has any
    """An amount of memory: 4G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", value.strip(), re.IGNORECASE)
        if not found or not float(found[1]):
            self.fail(f"{value!r} is no amount of memory; write, for example, 4G.", param, ctx)
        return int(float(found[1]) * _UNITS[found[2].upper()])


@click.command(cls=_WithPytestArguments)
@click.argument("backends", nargs=-1, required=True, metavar="BACKEND...")
@click.option(
    "--profile",
    type=click.Choice(vocabulary.PROFILES),
    help="How many examples are drawn.  [default: standard; quick for the reference]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all that is drawn.")
@click.option(
    "-n", "workers", type=_Workers(), default=1, metavar="N|auto", help="Processes that ask each backend.  [default: 1]"
)
@click.option(
    "--case-timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="What a case may take.  [default: by profile]",
)
@click.option("--memory", type=_Bytes(), default=0, metavar="SIZE", help="Address space that a process may take, as 8G.")
@click.option(
    "--python", "pythons", multiple=True, metavar="BACKEND=PATH", help="The interpreter that a backend is installed in."
)
@click.option("--scheduler", metavar="ADDRESS", help="Ask on the workers of a Dask cluster: tcp://host:8786")
@click.option("--cluster", "local", metavar="local:N", help="The same, with a cluster of N processes of this machine.")
@click.option("--resume", is_flag=True, help="Go on with the journals of a run that was interrupted.")
@click.option("-v", "--verbose", is_flag=True, help="Name each case, and show what its process prints.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
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
def run(backends: tuple[str, ...], profile: str | None, folder: Path, **options: Any) -> None:
    """Examine backends, in processes of their own, and write the report.

    What follows a `--` selects, as pytest does: clinometer run torch -- -k detach

    A case that ends its process, or takes longer than it may, costs no other
    one. Nothing is deleted: a journal that an earlier run has left is kept as
    BACKEND.jsonl.1, and so on, unless --resume goes on with it.
    """
    names = list(dict.fromkeys(backends))
    plans = _plans(names, profile, folder, options)
    outcomes: dict[Path, processes.Outcome] = {}
    with interruption.heard(), _cluster(options) as workers:
        for name, plan in plans.items():
            console.rule(f"{name}, {plan.profile} profile")
            if name == "reference" and profile is None:
                console.remark("The reference is held against itself in few examples; --profile asks it as others are asked.")
            outcomes[plan.journal] = outcome = _examined(plan, options["quiet"], workers)
            if outcome.interrupted:
                if rest := names[names.index(name) + 1 :]:
                    console.notice(f"{', '.join(rest)} did not run.")
                break
        _conclude(outcomes, folder / "index.html")


def _plans(names: list[str], profile: str | None, folder: Path, options: dict[str, Any]) -> dict[str, processes.Plan]:
    """Return how each backend is examined; what makes no sense is refused."""
    pytest_args = click.get_current_context().meta[_TAIL]
    for word in pytest_args:
        told = word.partition("=")[0] if word.startswith("--") else word[:2] if word.startswith("-n") else word
        if told in _INSTEAD:
            refuse(f"{told} behind the `--`: {_INSTEAD[told]}.")
    if not all(names):
        refuse("a backend has a name; `clinometer backend list` shows those that are known.")
    pythons = _pythons(options["pythons"], names)
    return {
        name: processes.Plan(
            name,
            folder / f"{file}.jsonl",
            processes.profile_of(name, profile),
            options["seed"],
            options["workers"],
            pytest_args,
            resume=options["resume"],
            verbose=options["verbose"] or not _FOR_THE_TERMINAL.isdisjoint(pytest_args),
            python=pythons.get(name, ""),
            case_timeout=options["case_timeout"] or 0.0,
            memory=options["memory"],
        )
        for name, file in processes.slugs(names).items()
    }


def _pythons(pairs: Sequence[str], names: list[str]) -> dict[str, str]:
    """Return the interpreter of each backend that has one of its own."""
    found = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not equals or name not in names:
            refuse(f"--python {pair}: write BACKEND=PATH, with one of {', '.join(names)}.")
        where = shutil.which(path)
        if where is None:
            refuse(f"--python {pair}: there is no program {path}.")
        found[name] = str(where)
    return found


@contextlib.contextmanager
def _cluster(options: dict[str, Any]) -> Iterator[cluster.Cluster | None]:
    """Yield the cluster that is asked on, if one is."""
    scheduler, local = options["scheduler"] or "", options["local"] or ""
    if not scheduler and not local:
        yield None
        return
    if scheduler and local:
        refuse("--scheduler names a cluster, and --cluster makes one; write one of them.")
    if click.get_current_context().get_parameter_source("workers") is not click.core.ParameterSource.DEFAULT:
        refuse("-n is of one machine; on a cluster as many ask as it has workers. Leave it out.")
    if local and not cluster.local(local):
        refuse(f"--cluster {local}: write local:N, as local:8, or --scheduler with the address of a cluster that is there.")
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(cluster.connected(scheduler, cluster.local(local)))
        except cluster.Unreachable as why:
            refuse(str(why))
        yield found


def _examined(plan: processes.Plan, quiet: bool, workers: cluster.Cluster | None) -> processes.Outcome:
    with Watch(plan.backend, plan.journal, quiet=quiet, verbose=plan.verbose) as watch:
        return processes.run_backend(plan, console.notice, watch.tick, workers)


def _conclude(outcomes: dict[Path, processes.Outcome], output: Path) -> None:
    console.rule("Result")
    codes = {outcome.code for outcome in outcomes.values()}
    journals = [journal for journal, outcome in outcomes.items() if outcome.written]
    found = closing.counts(journals)
    report = _reported(journals, output)
    if any(count.subject.unfinished for count in found):
        codes.add(vocabulary.INCOMPLETE)
    console.verdicts(found)
    said = [f"{count.subject.name}: {count.subject.problem}" for count in found]
    for outcome in outcomes.values():
        if outcome.sentence and outcome.sentence not in said:
            console.notice(outcome.sentence)
    click.echo(visible(report))
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


def _reported(journals: list[Path], output: Path) -> str:
    """Write the page, and say where it is; where it cannot be written, why: the verdicts are told all the same."""
    if not journals:
        return "No journal was written, so there is no report."
    try:
        page.write(journals, output)
    except BrokenJournal as problem:
        return f"No report: {problem}"
    except OSError as error:
        return f"No report: {error.filename or output}: {error.strerror or error}"
    return f"Report: {output}"


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
