"""One case of a journal: `clinometer repro` runs its script, `clinometer explain` says what stands behind its verdict."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.syntax import Syntax

from clinometer.cli import console, reproduction
from clinometer.cli.plain import plain, refuse
from clinometer.cli.processes import FOLDER
from clinometer.harness import interruption
from clinometer.journal.reader import BrokenJournal
from clinometer.journal.records import CaseRecord, Result, RunRecord
from clinometer.journal.text import visible
from clinometer.journal.vocabulary import FAILURES, INCOMPLETE, NEW_FAILURES
from clinometer.reports.results import Subject, load

NAMED = 5  # cases that a refusal names
TELLING = ("inconclusive", "unsupported", "pass", "notrun")  # outcomes that are no failures, that which says most first


# ----- which case -----


@dataclass(frozen=True)
class Found:
    """A case, and what came of it in one journal."""

    journal: Path
    subject: Subject
    case: CaseRecord
    result: Result

    @property
    def failed(self) -> bool:
        """Whether it is a failure, known or new."""
        return self.result.outcome in FAILURES


def found(journals: Sequence[Path], prefix: str) -> list[Found]:
    """Return what came of a case, in each journal that asked it.

    Parameters
    ----------
    journals : sequence of Path
        Where it is looked for; if there are none, in `clinometer-report`.
    prefix : str
        Its id, or the first letters of it.

    Raises
    ------
    BrokenJournal
        No journal, or no case of that name, or several.
    """
    paths = list(journals) or sorted(FOLDER.glob("*.jsonl"))
    if prefix.endswith(".jsonl"):
        raise BrokenJournal(f"{prefix}: is a journal; write the id of a case, or its first letters, behind it.")
    if not paths:
        raise BrokenJournal(f"{FOLDER}: holds no journal; write one with `clinometer run BACKEND`, or name yours.")
    where = ", ".join(map(str, paths))
    met = [
        Found(path, subject, subject.cases[id], result)
        for path in paths
        for subject in load([path]).subjects
        for id, result in subject.results.items()
        if id.startswith(prefix)
    ]
    named = {it.case.id: it.case.title for it in met}
    if not prefix or not named:
        raise BrokenJournal(f"{where}: the letters {prefix!r} name no case; copy the id from the report.")
    if prefix not in named and len(named) > 1:
        some = "; ".join(f"{id} {title}" for id, title in list(named.items())[:NAMED])
        more = "; ..." if len(named) > NAMED else ""
        raise BrokenJournal(f"{where}: the letters {prefix!r} begin {len(named)} cases, write more of them: {some}{more}")
    return [it for it in met if it.case.id == prefix or prefix not in named]


def chosen(met: Sequence[Found]) -> Found:
    """Return the one that failed, else the one that says most.

    Raises
    ------
    BrokenJournal
        Several failed.
    """
    failed = [it for it in met if it.failed]
    if len(failed) > 1:
        which = "; ".join(f"{it.journal} ({it.subject.name}: {it.result.outcome})" for it in failed)
        raise BrokenJournal(f"case {failed[0].case.id} ({failed[0].case.title}) failed in several, name one journal: {which}")
    return failed[0] if failed else min(met, key=lambda it: TELLING.index(it.result.outcome))


# ----- repro -----


@click.command()
@click.argument("journals", nargs=-1, type=click.Path(path_type=Path), metavar="[JOURNAL...]")
@click.argument("case")
@click.option("--print", "only_print", is_flag=True, help="Print the script, and run nothing.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="What the script may take; then it is killed.",
)
@click.option("--python", metavar="PATH", default=sys.executable, help="The interpreter that runs it.  [default: this one]")
@plain
def repro(journals: tuple[Path, ...], case: str, only_print: bool, timeout: float, python: str) -> None:
    """Run the stand-alone script of a failure, and say whether it fails here too.

    CASE is the id that stands in the report beside the case; its first letters are enough. Without a JOURNAL, those in
    clinometer-report are searched; of several, that in which the case has failed is taken.

    This runs code that the journal holds. Run only your own, or read it first: --print prints the script, for
    `> case.py`, and runs nothing.

    The exit code is 1 if it fails as the journal says, 0 if it runs to its end, and 3 if it ends in another way, without
    the library for example. It is 2 for bad input.
    """
    it = chosen(found(journals, case))
    script = it.result.evidence.script if it.result.evidence is not None else ""
    if not script:
        refuse(f"{it.journal}: case {it.case.id} ({it.case.title}, {it.result.outcome}) has no script; {_instead(it)}")
    if only_print:
        click.echo((visible(script) if sys.stdout.isatty() else script).rstrip("\n"))
        return
    where = shutil.which(python)
    if where is None:
        refuse(f"--python {python}: there is no such program.")
    console.rule(f"{it.case.title}, {it.subject.name}")
    if console.OUT.is_terminal:
        console.OUT.print(Syntax(visible(script).rstrip("\n"), "python", theme="ansi_dark", word_wrap=True))
    else:
        click.echo(visible(script).rstrip("\n"))
    console.rule("What it prints")
    names = [name for name in it.subject.run.versions if name not in ("hypothesis", "pytest")]
    try:
        with interruption.heard():
            ending = reproduction.run(script, str(where), timeout, names)
    except KeyboardInterrupt:
        console.notice("interrupted; the script was killed.")
        sys.exit(INCOMPLETE)
    click.echo(visible(ending.output).rstrip("\n"))
    if ending.how == "absent":
        refuse(f"--python {python}: it did not begin the script ({ending.what}); is it Python 3.11 or newer?")
    console.rule("Result")
    code, sentence = reproduction.judged(it.result, script, ending, timeout)
    console.OUT.print(console.shown(sentence))
    if code != NEW_FAILURES:
        _print_versions(it, ending)
    sys.exit(code)


def _instead(it: Found) -> str:
    """Return what to do where there is no script."""
    if it.failed:
        return "`clinometer explain` shows what stands behind it."
    return "only a verdict against a backend has one."


def _print_versions(it: Found, ending: reproduction.Ending) -> None:
    """Print what may be the reason that a failure is not seen."""
    if it.result.stability.startswith("flaky"):
        console.OUT.print(f"The journal says that it is {console.shown(it.result.stability)}: try again.")
    if it.result.outcome == "timeout":
        console.OUT.print("The time was that of all examples of the case; the script is the smallest of them.")
    console.OUT.print("Another version or machine? There and here:")
    for name, version in _of_interest(it.subject.run).items():
        console.OUT.print(console.shown(f"  {name}: {version}, {ending.versions.get(name) or 'not installed here'}"))


def _of_interest(run: RunRecord) -> dict[str, str]:
    """Return the versions of a journal that a script may depend on, the backend's own library first."""
    own = run.backend.partition(":")[0]
    kept = {name: version for name, version in run.versions.items() if name not in ("hypothesis", "pytest")}
    return dict(sorted(kept.items(), key=lambda item: item[0] != own))
