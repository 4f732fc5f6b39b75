"""The page: one self-contained HTML file, made from journals alone.

It asks for nothing: no server, no font, no second file. Its Content-Security-Policy forbids everything but
the one script and the one style sheet, by their hashes, so text that a library printed can never run.
Without JavaScript it still shows who was examined, the counts and the matrix.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2

from clinometer.journal import files
from clinometer.journal.reader import BrokenJournal
from clinometer.journal.records import CaseRecord
from clinometer.journal.text import visible
from clinometer.journal.vocabulary import OUTCOMES, RAN
from clinometer.reports.html.payload import chunks
from clinometer.reports.results import Results, Subject, Tally, chapter_of, load, share

HERE = Path(__file__).parent
# Files of `scripts` and `styles`, in the order in which the page has them.
SCRIPTS = ("main", "parts", "query", "matrix", "list", "detail", "atlas", "curves", "cost", "compare", "start")
STYLES = ("main", "head", "matrix", "list", "detail", "curves", "cost", "compare")

# Glyph and meaning of each outcome. Colour comes third: nobody has to see it.
LEGEND = {
    "pass": ("✓", "the clause holds on every example"),
    "fail": ("✕", "an answer is wrong by more than its tolerance, and both witnesses say so"),
    "error": ("!", "the library raised an exception"),
    "crash": ("✸", "the process died"),
    "timeout": ("◷", "no answer in time"),
    "invalid": ("⊘", "the witnesses disagree: a defect of Clinometer, not of the library"),
    "inconclusive": ("?", "the witnesses are too poor here to blame or to acquit"),
    "unsupported": ("–", "the library does not offer this"),
    "notrun": ("·", "not run"),
}


@dataclass(frozen=True)
class MatrixCell:
    """What one subject made of one clause, for the static matrix."""

    held: int
    ran: int
    others: dict[str, int]  # outcomes that are not passes, with their counts
    known: dict[str, int]  # of these, the known failures

    @property
    def share(self) -> str:
        """The share that holds, as text."""
        return share(self.held, self.ran)


def write(journals: list[Path], out: Path) -> None:
    """Write the report of one or more journals.

    Parameters
    ----------
    journals
        Journal files; journals of one backend are merged, the last result of a case wins.
    out
        The HTML file. Its folder is made if it is missing.

    Raises
    ------
    BrokenJournal
        A journal cannot be read, or what is at `out` is a journal or another file that is no page; nothing is written then.
    OSError
        The page cannot be written; the old one is as it was.

    """
    out = Path(out)
    if source := files.is_one_of(out, journals):
        raise BrokenJournal(f"{source}: the page would take its place; name another file for the page.")
    if not _is_page(out):
        raise BrokenJournal(f"{out}: a file is there that is no page, and stays as it is; name another one for the page.")
    files.replace(out, render(load(journals)))


def _is_page(path: Path) -> bool:
    """Whether there is nothing at a path that a page would destroy: nothing, a page, an empty file, or what is no file."""
    if not path.is_file():
        return True
    with path.open("rb") as file:
        start = file.read(1024).lstrip().lower()
    return not start or start.startswith((b"<!doctype html", b"<html"))


def render(results: Results) -> str:
    """Return the report as one HTML document."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: (
            visible(value) if type(value) is str else value
        ),  # what the template calls safe is Markup, and ours
    )
    environment.filters["share"] = share
    environment.filters["moment"] = moment
    environment.filters["count"] = lambda number: f"{number:,}".replace(",", "\u202f")
    script, style = _joined(HERE / "scripts", SCRIPTS, "js"), _joined(HERE / "styles", STYLES, "css")
    return environment.get_template("page.html").render(
        results=results,
        subjects=results.subjects,
        matrix=list(_matrix(results)),
        legend=LEGEND,
        words={outcome: "not run" if outcome == "notrun" else outcome for outcome in OUTCOMES},
        script=script,
        style=style,
        script_hash=_hash(script),
        style_hash=_hash(style),
        chunks=list(chunks(results)),
    )


def _matrix(results: Results) -> Iterator[tuple[str, list[tuple[CaseRecord, list[MatrixCell | None]]]]]:
    """Yield the chapters, each with its clauses and their cells."""
    chapters: dict[str, dict[str, list[CaseRecord]]] = {}
    for case in results.cases.values():
        chapters.setdefault(chapter_of(case), {}).setdefault(case.clause, []).append(case)
    for chapter, clauses in chapters.items():
        yield (
            chapter,
            [(cases[0], [_cell(subject, cases) for subject in results.subjects]) for cases in clauses.values()],
        )


def _cell(subject: Subject, cases: list[CaseRecord]) -> MatrixCell | None:
    tally = Tally.of((case, subject.results[case.id]) for case in cases if case.id in subject.results)
    found = tally.outcomes
    if not found:
        return None
    others = {outcome: count for outcome, count in found.items() if outcome != "pass"}
    return MatrixCell(found.get("pass", 0), sum(found.get(outcome, 0) for outcome in RAN), others, tally.known)


def moment(text: str) -> str:
    """Return a time as people read it; a text that is no time stays as it is."""
    try:
        time = datetime.datetime.fromisoformat(text)
        return f"{time.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC" if time.tzinfo else f"{time:%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return text


def _joined(folder: Path, names: Iterable[str], suffix: str) -> str:
    return "\n" + "\n".join((folder / f"{name}.{suffix}").read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
