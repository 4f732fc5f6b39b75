"""Broken files: journals, lists of known failures and pages that are not what they should be are answered in a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import synthetic_journals as made
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinometer.cli.main import main
from clinometer.harness import expectations
from clinometer.journal import files, records
from clinometer.journal.records import End
from clinometer.journal.vocabulary import EXPECTED, INCOMPLETE, NEW_FAILURES, USAGE

DEEP = b"[" * 100_000


def call(*words: str | Path) -> Result:
    """Run the console script."""
    return CliRunner().invoke(main, [str(word) for word in words])


def refused(result: Result) -> str:
    """Return the one sentence on stderr of a command that was refused."""
    assert result.exit_code == USAGE, result.output
    [sentence] = result.stderr.strip().splitlines()
    assert sentence.startswith("clinometer: ")
    return sentence


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A whole journal of a few cases."""
    written: list[Any] = [made.run("torch")]
    for at, operation in enumerate(("sin", "cos", "exp")):
        case = made.case(operation=operation)
        seen = [records.Observation(point=f"{operation} at 0", answer="1.0")]
        written += [case, records.Result(id=case.id, outcome="fail" if at else "pass", observed=seen)]
    return made.write(tmp_path / "j.jsonl", [*written, End(at="now", exit=1)])


# ----- journals of which nothing can be read -----

Made = Callable[[Path], object]
REFUSED: list[tuple[str, Made, str]] = [
    ("absent", lambda path: path.unlink(), "cannot be read: No such file or directory"),
    ("folder", lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
    ("pipe", lambda path: (path.unlink(), os.mkfifo(path)), "cannot be read: it is a pipe or a device, and no file"),
    ("loop", lambda path: (path.unlink(), path.symlink_to(path)), "cannot be read: Too many levels of symbolic links"),
    ("empty", lambda path: path.write_bytes(b""), "holds no run; was it written by"),
    ("blank", lambda path: path.write_bytes(b"\n \n\n"), "holds no run; was it written by"),
    ("text", lambda path: path.write_bytes(b"hello\nworld\n"), "line 1: not a journal record: JSON is malformed"),
    ("NUL", lambda path: path.write_bytes(b"\0" * 1000 + b"\n"), "line 1: not a journal record: JSON is malformed"),
    ("deep", lambda path: path.write_bytes(DEEP + b"\n"), "line 1: not a journal record: "),
    ("UTF-16", lambda path: path.write_bytes(path.read_text().encode("utf-16")), "line 1: not a journal record: "),
    ("no object", lambda path: path.write_bytes(b"[1, 2]\n3\n"), "line 1: not a journal record: Expected `object`"),
    ("another schema", lambda path: edit(path, 0, schema=99), "line 1: a journal of schema 99, where this version"),
    ("schema of words", lambda path: edit(path, 0, schema="one"), "line 1: not a journal record: Expected `int`"),
    ("no head", lambda path: path.write_text("".join(path.read_text().splitlines(True)[1:])), "the first record is no run"),
    ("wrong types", lambda path: edit(path, 0, versions=[1]), "line 1: not a journal record: Expected `object`"),
]


def edit(path: Path, line: int, **fields: object) -> None:
    """Change fields of a record."""
    lines = path.read_text().splitlines()
    lines[line] = json.dumps(json.loads(lines[line]) | fields)
    path.write_text("\n".join([*lines, ""]))


@pytest.mark.parametrize(("what", "make", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_file_that_is_no_journal_is_refused_in_one_sentence(journal: Path, what: str, make: Made, said: str) -> None:
    """Every command that reads journals names the file, the line and what is wrong, and ends with 2."""
    make(journal)
    for words in (["report", journal, "-o", journal.with_suffix(".html")], ["atlas", journal], ["repro", journal, "0"]):
        sentence = refused(call(*words))
        assert "j.jsonl" in sentence
        assert said in sentence, what
    assert said in refused(call("diff", journal, journal))
    assert not journal.with_suffix(".html").exists()


# ----- journals of which something can be read -----

DAMAGED: list[tuple[str, Made, str]] = [
    ("garbage", lambda path: insert(path, 3, b"garbage \xff\0"), "1 line of j.jsonl cannot be read"),
    ("two lines", lambda path: (insert(path, 2, DEEP), insert(path, 5, b"{}")), "2 lines of j.jsonl cannot be read"),
    ("another kind", lambda path: insert(path, 3, b'{"kind": "farewell"}'), "line 4: not a journal record: Invalid value"),
    ("no number", lambda path: edit(path, 2, examples="many"), "line 3: not a journal record: Expected `int`"),
    ("an outcome of its own", lambda path: edit(path, 2, outcome="fine"), "line 3: not a journal record: Invalid enum value"),
    ("no UTF-8", lambda path: insert(path, 3, b'{"kind": "start", "id": "\xff", "at": ""}'), "line 4: not UTF-8 text"),
]
READ: list[tuple[str, Made]] = [
    ("BOM", lambda path: path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())),
    ("CRLF", lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))),
    ("a far year", lambda path: edit(path, 0, started="99999-01-01T00:00:00Z")),
    ("the last year", lambda path: edit(path, 0, started="9999-12-31T23:59:59-14:00")),
    ("no time at all", lambda path: edit(path, 0, started="once\0")),
    ("odd names", lambda path: edit(path, 0, backend="\x1b[31m:boom:[/]", versions={"": "\0"}, command=["--backend"])),
    ("odd digits", lambda path: edit(path, 1, clause="GRAD-\u00b2\u0663-" + "9" * 5_000, parameters="\u00b9")),
    ("a large number", lambda path: edit(path, 2, examples=10**40)),
    ("no case", lambda path: edit(path, 2, id="nobody")),
    ("a long line", lambda path: edit(path, 2, message="x" * 10**6)),
    ("negative numbers", lambda path: edit(path, 2, seconds=-1e300, examples=-5)),
    ("evidence of nothing", lambda path: edit(path, 4, evidence={"index": [-1, 99], "got": {"values": ["?"]}})),
]


def insert(path: Path, at: int, line: bytes) -> None:
    """Put a line into a file."""
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:at], line, *lines[at:]]))


@pytest.mark.parametrize(("what", "make", "said"), DAMAGED, ids=[row[0] for row in DAMAGED])
def test_what_can_be_read_of_a_damaged_journal_is_read_and_the_rest_is_said(
    journal: Path, what: str, make: Made, said: str
) -> None:
    """A line that is broken costs itself: report and diff say how many there are, which is the first, and what is wrong."""
    make(journal)
    page = journal.with_suffix(".html")
    shown = call("report", journal, "-o", page)
    assert shown.exit_code == EXPECTED
    assert said in " ".join(shown.stdout.split()), what
    assert "cannot be read" in page.read_text()
    compared = call("diff", journal, journal)
    assert compared.exit_code == INCOMPLETE
    assert said in " ".join(compared.stdout.split())
    assert call("atlas", journal).exit_code == EXPECTED


@pytest.mark.parametrize(("what", "make"), READ, ids=[row[0] for row in READ])
def test_what_is_odd_and_no_error_is_read(journal: Path, what: str, make: Made) -> None:
    """A journal with strange values in it gives a page, and no traceback."""
    make(journal)
    for words in (["report", journal, "-o", journal.with_suffix(".html")], ["atlas", journal], ["diff", journal, journal]):
        result = call(*words)
        assert isinstance(result.exception, SystemExit | None), (what, result.exception)
        assert result.exit_code == EXPECTED, (what, result.output)
        assert "\x1b[31m" not in result.stdout


def test_a_case_whose_answer_cannot_be_read_is_no_crash(journal: Path) -> None:
    """A start that is followed by a broken line was not run, as far as anybody knows: the library is not blamed."""
    lines = journal.read_text().splitlines()
    case = json.loads(lines[1])
    start = json.dumps({"kind": "start", "id": case["id"], "at": "now"})
    journal.write_text("\n".join([*lines[:2], start, '{"kind":"result", broken', *lines[3:], ""]))
    shown = call("report", journal, "-o", journal.with_suffix(".html")).stdout
    assert "1 notrun" in shown
    assert "crash" not in shown


# ----- any damage at all -----


@st.composite
def damage(draw: st.DrawFn, data: bytes) -> bytes:
    """Change some bytes: cut out, put in, or overwritten, by noise or by what stands elsewhere. Shrinks to no change."""
    for _ in range(draw(st.integers(0, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.sampled_from((0, 1, 4, 40, 400)))
        other = draw(st.integers(0, len(data)))
        noise = draw(
            st.sampled_from((b"", b"\0", b"\n", b'"', b"}", b"9" * 30, b"[" * 3_000, b"\xff\xfe", data[other : other + 99]))
        )
        data = data[:at] + noise + data[at + length :]
    return data


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a journal with records of every kind."""
    [path, *_] = made.small(tmp_path_factory.mktemp("whole"))
    lines = path.read_bytes().splitlines(True)
    return b"".join([*lines[:40], *lines[-20:]])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_of_a_journal_ends_in_a_traceback(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    """Whatever becomes of its bytes, report, diff, atlas and repro end with an exit code that is documented."""
    path, sound = tmp_path / "damaged.jsonl", tmp_path / "sound.jsonl"
    path.write_bytes(data.draw(damage(whole)))
    sound.write_bytes(whole)
    page = tmp_path / "page.html"
    for words in (
        ["report", path, "-o", page],
        ["diff", sound, path],
        ["atlas", path, "--format", "csv"],
        ["repro", path, "a"],
    ):
        result = call(*words)
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert result.exit_code in (EXPECTED, NEW_FAILURES, USAGE, INCOMPLETE)
        assert "Traceback" not in result.output


# ----- known failures -----

HEAD = '[[known]]\nbackend = "lib"\nclauses = ["GRAD-1"]\nreason = "why"\nseen = "1"\n'
LISTS: list[tuple[str, bytes, str]] = [
    ("deep", b"a = " + DEEP, "not TOML: "),
    ("NUL", b"a = \0", "not TOML: "),
    ("UTF-16", HEAD.encode("utf-16"), "not TOML: "),
    ("no table", b"known = 3", "write [[known]], with two brackets"),
    ("one bracket", b"[known]\nbackend = 'lib'", "write [[known]], with two brackets"),
    ("a typo", b"[[knwon]]\nbackend = 'lib'", "there is no 'knwon'; write [[known]]"),
    ("nested outcomes", HEAD.encode() + b"outcomes = [['fail']]", "'outcomes' is a list of texts, such as ['fail']"),
    ("an outcome of its own", HEAD.encode() + b"outcomes = ['wrong']", "there is no outcome 'wrong'; there are fail, error,"),
    ("clauses as a text", HEAD.replace('["GRAD-1"]', '"GRAD-1"').encode(), "'clauses' is a list of texts, such as ['GRAD-1']"),
    ("no clause", HEAD.replace('["GRAD-1"]', "[]").encode(), "it names no clause"),
    ("an unknown clause", HEAD.replace("GRAD-1", "GRDA-1").encode(), "there is no clause 'GRDA-1'; did you mean 'GRAD-1'?"),
    ("no reason", HEAD.replace('"why"', '" "').encode(), "it names no reason"),
    ("a reason in numbers", HEAD.replace('"why"', "3").encode(), "'reason' is a text, and not 3"),
    ("a date", HEAD.replace('"1"', "2020-01-01").encode(), "'seen' is a text, and not datetime.date(2020, 1, 1)"),
    ("an unknown operation", HEAD.encode() + b"operation = 'epx'", "there is no operation 'epx'; did you mean 'exp'?"),
    ("an unknown dtype", HEAD.encode() + b"dtype = 'float8'", "there is no dtype 'float8'; there are float16, bfloat16,"),
    ("unknown parameters", HEAD.encode() + b"parameters = ['at 7']", "no case of GRAD-1 has the parameters 'at 7'"),
    ("a field", HEAD.encode() + b"says = '('", "it has an unknown field 'says'"),
    ("no expression", HEAD.encode() + b"message_pattern = '('", "'message_pattern' is a regular expression, and '(' is none: "),
    ("maybe", HEAD.encode() + b"intermittent = 'yes'", "'intermittent' is true or false, and not 'yes'"),
    ("of another backend", HEAD.replace('"lib"', '"other"').encode() + b"dtype = 'float8'", "there is no dtype 'float8'"),
]


@pytest.mark.parametrize(("what", "data", "said"), LISTS, ids=[row[0] for row in LISTS])
def test_a_list_of_known_failures_that_cannot_be_meant_is_refused(tmp_path: Path, what: str, data: bytes, said: str) -> None:
    """What no case would hear is said, with the file, the entry and the near word, and is not passed over."""
    path = tmp_path / "known.toml"
    path.write_bytes(data)
    with pytest.raises(expectations.BadExpectations) as caught:
        expectations.load(path, "lib")
    assert said in str(caught.value), what
    assert str(caught.value).startswith(f"{path}")
    assert len(str(caught.value)) < 1_000


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")  # of a pattern that became one
def test_no_damage_of_a_list_ends_in_another_exception(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever becomes of its bytes, a list of known failures is read, or refused in one line."""
    path = tmp_path / "known.toml"
    path.write_bytes(data.draw(damage(f"{HEAD}outcomes = ['fail']\nmessage_pattern = 'off by [0-9]+'\n".encode())))
    said = f"{path}: "
    try:
        assert all(known.backend == "lib" for known in expectations.load(path, "lib"))
    except expectations.BadExpectations as refusal:
        said = str(refusal)
    assert said.startswith(str(path))
    assert len(said.splitlines()) == 1


def test_a_list_of_known_failures_is_a_file(tmp_path: Path) -> None:
    """A pipe is not waited for, and a list may begin with a BOM, or be nothing at all."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(expectations.BadExpectations, match="cannot be read: it is a pipe"):
        expectations.load(tmp_path / "pipe", "lib")
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert len(expectations.load(tmp_path / "bom.toml", "lib")) == 1
    assert expectations.load(Path(os.devnull), "lib") == []


# ----- what is written -----


@pytest.mark.parametrize("way", ["itself", "dotted", "link", "hard link"])
def test_a_page_never_takes_the_place_of_its_journal(journal: Path, way: str) -> None:
    """However the journal is named as the place of the page, it stays what it was."""
    before, place = journal.read_bytes(), journal
    if way == "dotted":
        place = journal.parent / "." / ".." / journal.parent.name / journal.name
    elif way == "link":
        place = journal.with_name("link.html")
        place.symlink_to(journal)
    elif way == "hard link":
        place = journal.with_name("hard.html")
        place.hardlink_to(journal)
    assert "the page would take its place; name another file" in refused(call("report", journal, "-o", place))
    assert journal.read_bytes() == before


def test_a_page_takes_the_place_of_pages_alone(journal: Path) -> None:
    """A file of another kind, another journal too, is refused as the place of a page, and an older page is not."""
    other = journal.with_name("mine.py")
    other.write_text("print('mine')\n")
    assert "mine.py: a file is there that is no page, and stays as it is" in refused(call("report", journal, "-o", other))
    assert other.read_text() == "print('mine')\n"
    page = journal.with_suffix(".html")
    for _ in range(2):
        assert call("report", journal, "-o", page).exit_code == EXPECTED
    assert page.stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    """Return the mask of new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("fault", ["full", "gone"])
def test_a_page_that_cannot_be_written_leaves_the_old_one_whole(
    journal: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """On a full disk the old page stays, nothing is left beside it, and the sentence names the file."""
    page = journal.with_suffix(".html")
    call("report", journal, "-o", page)
    before = page.read_bytes()

    def full(*words: object) -> None:
        raise OSError(28, "No space left on device")  # as the system says it, without a name

    monkeypatch.setattr(*((files.os, "fsync") if fault == "full" else (Path, "replace")), full)
    assert f"{page}: No space left on device" in refused(call("report", journal, "-o", page))
    assert page.read_bytes() == before
    assert sorted(path.name for path in journal.parent.iterdir()) == ["j.html", "j.jsonl"]


def test_a_page_that_can_lie_nowhere_is_refused_in_one_sentence(journal: Path) -> None:
    """Where the folder of the page is a file, or the page a folder, the sentence names what was asked for."""
    assert f"{journal / 'page.html'}: " in refused(call("report", journal, "-o", journal / "page.html"))
    assert f"{journal.parent}: Is a directory" in refused(call("report", journal, "-o", journal.parent))


def test_a_page_goes_through_a_link_to_where_it_leads(journal: Path) -> None:
    """A link stays a link, and the page that it leads to is new; the mode of the page is as it was."""
    page, link = journal.with_name("real.html"), journal.with_name("link.html")
    page.write_text("<!doctype html>old")
    page.chmod(0o640)
    link.symlink_to(page)
    assert call("report", journal, "-o", link).exit_code == EXPECTED
    assert link.is_symlink()
    assert "torch" in page.read_text()
    assert page.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
def test_an_output_that_takes_no_more_is_named(journal: Path) -> None:
    """Where what is printed cannot be written, the sentence says so: no file of ours is meant."""
    command = [sys.executable, "-c", "from clinometer.cli.main import main; main()", "repro", str(journal), "0"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*command[:3], "spec"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
