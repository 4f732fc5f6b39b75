"""What documents cite is there: files, names in them, headings, clauses, conventions, constants."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import architecture
import click
import pytest

from clinometer.cli.main import main as cli
from clinometer.harness.specification import specification
from clinometer.journal.records import SCHEMA

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted((ROOT / "docs").glob("*.md"))

# ----- files, names and links -----

SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PLACE = re.compile(
    r"(?P<path>[\w.-]*(/[\w.-]+)*/?[\w-]+\.(py|toml|md|ini|html|js|css|svg|png|jsonl|yml|yaml|cff)|[\w.-]+(/[\w.-]+)*/)(:(?P<name>\w+))?"
)
OF_THE_READER = re.compile(
    r"\./.*|path/.*|clinometer-report/.*|mygrad_backend.*|(mine|old|new|torch|file|index|adapter|operations)\.(py|jsonl|html)|.*[A-Z]{2}.*(?<!\.md)"
)


def without_code(text: str) -> str:
    """Return a document less its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)


def places(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield the files and folders of the project that a text names, each with the name in it, if one is given."""
    for span in SPAN.findall(without_code(text)):
        found = PLACE.fullmatch(span)
        if found and not OF_THE_READER.fullmatch(span):
            yield found["path"], found["name"]


def defined(path: Path, name: str) -> bool:
    """Return whether a Python file defines a name at its top."""
    for node in ast.parse(path.read_text("utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        if name in {getattr(target, "id", getattr(target, "name", None)) for target in targets}:
            return True
    return False


def anchors(text: str) -> set[str]:
    """Return the names by which a document's headings are linked to."""
    heads = re.findall(r"^#+ (.+)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_is_there(document: Path) -> None:
    """Each file and folder that stands in the text exists, and each name that is said to be in a file is defined in it."""
    for path, name in places(document.read_text("utf-8")):
        assert (ROOT / path).exists(), path
        assert name is None or defined(ROOT / path, name), f"{path}:{name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    """Each link to a file, or to a heading of one, finds it."""
    text = document.read_text("utf-8")
    for target in LINK.findall(without_code(text)):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = document.parent / path if path else document
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text("utf-8")), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_text_is_taken_for_a_tag(document: Path) -> None:
    """An inner product, `<u, Jv>`, stands between backticks: without them a browser would leave it out."""
    text = SPAN.sub("", without_code(document.read_text("utf-8")))
    assert not re.findall(r"<[A-Za-z/].*", text)


def test_every_document_is_linked_from_the_first_page() -> None:
    """README.md leads to each file of docs/."""
    linked = set(LINK.findall((ROOT / "README.md").read_text("utf-8")))
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= linked


# ----- clauses, conventions, constants -----

NUMBERED = re.compile(r"\b[A-Z]+(?:-[A-Z]+)*-\d+\b")
STANDARDS = {"CSD-970002", "AVX-512"}  # of others, named alike


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_clauses_that_a_document_cites_are_there(document: Path) -> None:
    """Each clause and each convention that is named is one that there is."""
    known = {clause.id for clause in specification()} | set(conventions()) | STANDARDS
    assert set(NUMBERED.findall(document.read_text("utf-8"))) <= known


def test_every_chapter_is_told() -> None:
    """The table of docs/what-is-asked.md has each chapter once, and none that there is not."""
    table = re.findall(r"^\| ([A-Z][A-Z, -]+) \|", (ROOT / "docs" / "what-is-asked.md").read_text("utf-8"), re.MULTILINE)
    told = [chapter for line in table for chapter in line.split(", ")]
    assert sorted(told) == sorted({clause.chapter for clause in specification()})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_that_a_document_shows_are_there(document: Path) -> None:
    """Each `clinometer` command of a text or of a block of code is one that there is, with each of its options."""
    shown = re.findall(r"(?:^|`)clinometer ((?:[a-z]+ ?)+[^`#\n]*)", document.read_text("utf-8"), re.MULTILINE)
    for line in shown:
        words = line.split()
        command: click.Command = cli
        while words and isinstance(command, click.Group):
            assert words[0].partition("|")[0] in command.commands, line
            command = command.commands[words.pop(0).partition("|")[0]]
        offered = {option for it in command.params for option in it.opts} | {"--help"}
        assert {word for word in words[: words.index("--") if "--" in words else None] if word.startswith("-")} <= offered, line


def conventions() -> list[str]:
    """Return the conventions, in the order of their page."""
    return re.findall(r"^\*\*(CONV-\d+)\b", (ROOT / "docs" / "conventions.md").read_text("utf-8"), re.MULTILINE)


def test_conventions_are_numbered_one_after_the_other() -> None:
    """No number is missing or given twice."""
    assert conventions() == [f"CONV-{i}" for i in range(1, len(conventions()) + 1)]
    assert len(conventions()) > 20


def test_what_is_recorded_is_a_convention() -> None:
    """Each clause that judges nothing, and each that only recommends, is told on the page of conventions."""
    told = set(NUMBERED.findall((ROOT / "docs" / "conventions.md").read_text("utf-8")))
    assert {clause.id for clause in specification() if clause.level != "MUST" or clause.cls != "universal"} <= told


def test_conventions_that_code_cites_are_there() -> None:
    """The package names conventions by numbers that the page has, and does so."""
    sources = (path.read_text("utf-8") for path in architecture.modules().values())
    cited = {number for source in sources for number in re.findall(r"CONV-\d+", source)}
    assert cited
    assert cited <= set(conventions())


CONSTANT = re.compile(r"^\| ([\d.]+) \| `([\w/]+)\.py:(\w+)` \|", re.MULTILINE)


def test_constants_of_the_page_are_those_of_the_code() -> None:
    """The table of docs/tolerances.md has the values that the constants have."""
    listed = CONSTANT.findall((ROOT / "docs" / "tolerances.md").read_text("utf-8"))
    assert len(listed) > 8
    for value, module, name in listed:
        there = importlib.import_module(f"clinometer.{module.replace('/', '.')}")
        assert getattr(there, name) == float(value), name


def test_the_page_on_versions_names_the_schema() -> None:
    """docs/versioning.md says which schema of the journal there is."""
    text = " ".join((ROOT / "docs" / "versioning.md").read_text("utf-8").split())
    assert f"is the version of the whole: now {SCHEMA}." in text


def test_places_are_found_in_a_text() -> None:
    """Files with their names, folders and files at the top are; a reader's own paths, commands and code are not."""
    text = "`a/b.py:c` `a/b/` `tox.ini` `x.y` `./mine.py:Backend` `path/to/file.py:attribute` `a / b`\n```sh\n`d/e.py`\n```\n"
    assert list(places(text)) == [("a/b.py", "c"), ("a/b/", None), ("tox.ini", None)]


def test_names_in_a_file_are_found(tmp_path: Path) -> None:
    """Functions, classes and constants at the top are, with a type or without; what is within them is not."""
    path = tmp_path / "some.py"
    path.write_text("A = 1\nB: int = 2\ndef c():\n    d = 1\nclass E: pass\n")
    assert [name for name in "ABcdE" if defined(path, name)] == ["A", "B", "c", "E"]


def test_headings_are_anchors() -> None:
    """A heading is linked to by its words in lower case, joined by hyphens, less what is no letter; code has none."""
    assert anchors("# One's own, `f`\n```sh\n# no\n```\n## What *is*") == {"ones-own-f", "what-is"}
