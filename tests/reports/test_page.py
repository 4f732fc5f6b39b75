"""The page as text: one file, nothing from outside, and nothing that can run but our own script."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import synthetic_journals as made

from clinometer.journal.reader import BrokenJournal
from clinometer.journal.records import End, Evidence, Result
from clinometer.journal.text import visible
from clinometer.reports.html import page
from clinometer.reports.html.payload import CHUNK, chunks, pack, rerun
from clinometer.reports.results import load


class Reader(HTMLParser):
    """Gathers tags with their attributes, and the text of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.open = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        self.open = tag in ("script", "style") and "type" not in self.tags[-1][1]

    def handle_endtag(self, tag: str) -> None:
        """Leave a tag."""
        self.open = False

    def handle_data(self, data: str) -> None:
        """Note the text of a script that runs, or of a style."""
        if self.open:
            self.scripts.append(data)


def unpacked(content: str) -> object:
    """Return what a chunk holds."""
    return json.loads(gzip.decompress(base64.b64decode(content)))


def test_the_page_names_nothing_outside_itself(report: Path) -> None:
    """No tag has an address but that of a place in the page."""
    for _, attributes in Reader(report.read_text("utf-8")).tags:
        assert not attributes.keys() & {"src", "srcset", "action", "data", "poster"}
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(
        r"@import|url\(\s*['\"]?(?!#)", "".join(Reader(report.read_text("utf-8")).scripts).replace("url(#${clip})", "")
    )


def test_the_policy_allows_our_script_and_style_by_their_hashes(report: Path) -> None:
    """The Content-Security-Policy forbids all but the one script and the one style, named by their hashes."""
    reader = Reader(report.read_text("utf-8"))
    [policy] = [attributes["content"] for tag, attributes in reader.tags if "http-equiv" in attributes]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for text in reader.scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_the_page_has_a_static_matrix(report: Path) -> None:
    """Without JavaScript there are the counts, and a table with every clause, backend and outcome."""
    html = report.read_text("utf-8")
    [static] = re.findall(r"<noscript>(.*?)</noscript>", html, re.S)
    for text in ("GRAD-10", "DETACH-2", "torch", "autograd", "mygrad", "1 crash"):
        assert text in static
    assert re.search(r"95 of 95</b> MUST cases hold", html)


def test_hostile_text_makes_no_markup(report: Path) -> None:
    """A script in a message, an operation or a trace is no tag of the page."""
    tags = Reader(report.read_text("utf-8")).tags
    assert [tag for tag, _ in tags if tag == "img"] == []
    assert sum(tag == "script" and "type" not in attributes for tag, attributes in tags) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a␀b"),
        ("\x1b[31m", "␛[31m"),
        ("\ud800", "\\ud800"),
        ("\u202e", "\\u202e"),
        ("a\tb\nc", "a\tb\nc"),
        ("ü∂", "ü∂"),
    ],
)
def test_every_character_can_be_seen(text: str, shown: str) -> None:
    """Controls and half surrogate pairs are shown as pictures or escapes; other text stays as it is."""
    assert visible(text) == shown


def test_packing_loses_nothing() -> None:
    """What is packed is unpacked unchanged, and has no letter that could end a script."""
    value = {"a": [1, 2.5, None, "</script>"], "b": {"c": "∂"}}
    packed = pack(value)
    assert unpacked(packed) == value
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", packed)


def test_the_same_journals_give_the_same_page(journals: list[Path]) -> None:
    """The page depends on the journals alone: no clock, no order of sets."""
    assert page.render(load(journals)) == page.render(load(journals))


def test_a_broken_journal_writes_no_page(tmp_path: Path) -> None:
    """When a journal cannot be read, no half page is left behind."""
    path = tmp_path / "a.jsonl"
    path.write_text("nonsense\n\n")
    with pytest.raises(BrokenJournal):
        page.write([path], tmp_path / "index.html")
    assert not (tmp_path / "index.html").exists()


def test_evidence_is_dealt_into_chunks(tmp_path: Path) -> None:
    """Large evidence does not share a chunk with what comes after it, and each case finds its own."""
    cases = [made.case(operation=name) for name in made.OPERATIONS]
    records: list[object] = [made.run("torch")]
    for case in cases:
        records += [case, Result(id=case.id, outcome="error", evidence=Evidence(trace=case.operation * (CHUNK // 2)))]
    found = dict(chunks(load([made.write(tmp_path / "a.jsonl", [*records, End(at="now", exit=1)])])))
    index = unpacked(found["index"])
    assert isinstance(index, dict)
    for at, number in enumerate(index["results"][0]["evidence"]):
        chunk = max(i for i, start in enumerate(index["starts"]) if start <= number)
        stored = unpacked(found[f"evidence-{chunk}"])
        assert isinstance(stored, list)
        operation = index["words"]["operation"][index["cases"]["operation"][at]]
        assert stored[number - index["starts"][chunk]]["trace"].startswith(operation)
    assert len(index["starts"]) > 1


def test_fifty_thousand_results_stay_below_three_megabytes(large_report: Path) -> None:
    """The page of 50 000 results is smaller than 3 MB."""
    assert large_report.stat().st_size < 3_000_000


@pytest.mark.parametrize(
    ("command", "selection"),
    [
        ([], "mine"),
        (["pytest", "--backend", "my.py:it"], "my.py:it"),
        (["pytest", "--backend=my.py:it", "-x"], "my.py:it"),
    ],
)
def test_a_case_is_run_again_on_the_backend_that_was_selected(tmp_path: Path, command: list[str], selection: str) -> None:
    """The command names the backend as it was named, not as it calls itself."""
    path = made.write(tmp_path / "a.jsonl", [made.run("mine", command=command), End(at="now", exit=0)])
    assert f"--backend {selection} " in rerun(load([path]).subjects[0])


def test_sin_comes_first_among_the_curves(report: Path) -> None:
    """The curves start with the one that everyone knows; the distance is taken before rounding."""
    [content] = re.findall(r'id="chunk-curves">(.*?)</script>', report.read_text("utf-8"))
    curves = unpacked(content)
    assert isinstance(curves, list)
    assert [curve["operation"] for curve in curves[:4]] == ["sin", "sin", "cos", "cos"]
    assert {curve["distance"] for curve in curves if curve["operation"] == "sin"} == {0}
