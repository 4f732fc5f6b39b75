"""The comparison of a rebuilt house with the old one sees what has changed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import sameness
from click.testing import CliRunner

CASE = {"id": "GRAD-1[exp-reverse-float64]", "outcome": "pass", "message": "", "drawn": "0011"}


def written(folder: Path, *lines: dict[str, str]) -> str:
    """Write a record, and return its folder."""
    folder.mkdir()
    (folder / "reference.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return str(folder)


@pytest.mark.parametrize(
    ("after", "says"),
    [
        ([CASE], "0 differences"),
        ([], "GRAD-1[exp-reverse-float64]: only before"),
        ([CASE, CASE | {"id": "NEW-1"}], "NEW-1: only after"),
        ([CASE | {"outcome": "fail"}], "outcome 'pass' is now 'fail'"),
        ([CASE | {"message": "off"}], "message '' is now 'off'"),
        ([CASE | {"drawn": "0012"}], "drawn '0011' is now '0012'"),
    ],
)
def test_whatever_is_different_is_said(tmp_path: Path, after: list[dict[str, str]], says: str) -> None:
    """Another outcome, message or draw, a case more or less: each is a line, and exit code 1."""
    done = CliRunner().invoke(sameness.main, ["compare", written(tmp_path / "a", CASE), written(tmp_path / "b", *after)])
    assert says in done.output
    assert done.exit_code == (after != [CASE])


def test_a_record_repeats_itself_and_knows_what_was_drawn() -> None:
    """Recorded twice, the cases are the same; two operations have other draws."""
    first, second = (list(sameness.recorded("reference", r"^GRAD-1.(exp|sin)-")) for _ in range(2))
    assert first == second
    assert len(first) == 4
    assert len({line["drawn"] for line in first}) == 4


def test_the_digest_sees_the_last_bit() -> None:
    """Arrays that differ in one bit, in dtype or in shape are told apart."""
    x = np.array([0.1, 0.2])
    others = [np.nextafter(x, 1), x.astype(np.float32), x[None]]
    assert len({sameness.plain(y) for y in (x, *others)}) == 4
