"""The classes of bugs are caught, operation by operation, and the document says all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from detection import of_first_order, table, written

from planted.classes import AT_A_POINT, BUGS, CLASSES
from planted.hunt import Plant, Sound, campaign

DOCUMENT = Path(__file__).parents[2] / "docs" / "detection.md"

# Of all kinds: rules and compositions, kinks, removable points, scans, decisions, moved entries, matrices, complex numbers.
SOME = (
    "subtract", "exp", "sinc", "abs", "relu", "cummax", "log_softmax", "getitem", "sort", "inner", "trace", "conj",
)  # fmt: skip


@pytest.mark.parametrize("operation", SOME)
def test_every_class_is_caught(operation: str) -> None:
    """Each class of bugs in an operation is caught, and the sound reference passes beside it."""
    sound = Sound("reference")
    plants = campaign(operation, "standard", 0, [sound])
    assert [p for p in plants if p.outcome == "missed"] == []
    assert sum(p.outcome == "caught" for p in plants) >= 2
    assert sound.alarms == []
    assert sound.points > 0


def test_a_bug_that_changes_nothing_is_none() -> None:
    """Of a derivative that is zero everywhere only what is added to it is wrong; a factor is no bug, and not a miss."""
    plants = campaign("floor", "quick", 0)
    assert {p.bug for p in plants if p.outcome == "caught"} == {"0.05 added"}
    assert {p.reason for p in plants if p.outcome == "void"} == {"the derivative is zero"}
    assert {p.outcome for p in plants} == {"caught", "void"}


def test_a_miss_is_told() -> None:
    """A bug that no clause has caught is counted, lowers the share, and stands in the list with its reason."""
    caught, missed = (
        Plant("sign flipped", "sin", "float64", outcome=outcome, examples=3, reason="why") for outcome in ("caught", "missed")
    )
    assert table([caught, missed])[2] == "| sign flipped | 2 | 1 | 50.00 % | 3 | 0 |"
    assert "- `sin`, sign flipped (float64; in reference): why" in written([caught, missed], [], "a command", 1.0)


def test_the_order_of_a_bug_is_told() -> None:
    """Two classes are of second order; all others are of first."""
    later = [name for name in CLASSES if not of_first_order(Plant(name, "sin", "float64"))]
    assert later == [bug.name for bug in BUGS if bug.order == 2]
    assert AT_A_POINT not in later


def test_the_document_has_every_class() -> None:
    """docs/detection.md has a line for each class of bugs, with at least one that was planted."""
    lines = [line.split(" | ") for line in DOCUMENT.read_text("utf-8").splitlines()]
    planted = {line[0].removeprefix("| "): int(line[1]) for line in lines if len(line) == 6 and line[1].isdigit()}
    assert all(planted[name] > 0 for name in CLASSES)
