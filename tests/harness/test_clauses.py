"""The specification as a whole: every clause is one sentence, with a number of its own and cases of its own."""

from __future__ import annotations

import re
from collections import Counter
from types import ModuleType

import pytest
from click.testing import CliRunner

from clinometer.backends.protocol import TRANSFORMS
from clinometer.cli.main import main
from clinometer.harness.clauses import Clause, clause
from clinometer.harness.specification import clauses_of, specification
from clinometer.journal.records import identity
from clinometer.journal.vocabulary import INFO

CLAUSES = specification()
each = pytest.mark.parametrize("spec", CLAUSES, ids=lambda spec: spec.id)


def test_a_clause_without_a_sentence_is_refused() -> None:
    """A test without a docstring does not become a clause, and the message names both."""

    def mute(check: object) -> None:
        pass

    with pytest.raises(ValueError, match="clause NEW-1 has no sentence; write it as the docstring of mute"):
        clause("NEW-1")(mute)


def test_a_number_is_given_once() -> None:
    """A second clause of the same number is refused, and the message names the first."""

    def first(check: object) -> None:
        """It MUST be something."""

    def another(check: object) -> None:
        """It MUST be something else."""

    chapter = ModuleType("test_new")
    chapter.first, chapter.another = clause("NEW-1")(first), clause("NEW-1")(another)  # type: ignore[attr-defined]  # tests
    with pytest.raises(ValueError, match="clause NEW-1 stands already, as first; take the next number"):
        clauses_of([chapter])


@each
def test_an_id_is_a_chapter_and_a_number(spec: Clause) -> None:
    """An id can be cited: words in capital letters, then a number, joined by hyphens."""
    assert re.fullmatch(r"[A-Z]+(-[A-Z]+)*-[1-9][0-9]*", spec.id)


@each
def test_a_clause_is_one_sentence(spec: Clause) -> None:
    """It ends in the only full stop, and says MUST or SHOULD, or that something is recorded."""
    without_numbers = re.sub(r"\d\.|\.\d|\.\.\.", "", spec.text)
    assert spec.text.endswith(".")
    assert not re.search(r"[.!?]\s+[A-Z]", without_numbers)
    word = {"MUST": r"\bMUST\b", "SHOULD": r"\bSHOULD\b", "INFO": r"\brecorded\b"}[spec.level]
    assert re.search(word, spec.text), f"a clause of level {spec.level}"


@each
def test_a_clause_that_can_fail_names_who_breaks_it(spec: Clause) -> None:
    """MUST and SHOULD name planted backends; what is only recorded can break nothing."""
    assert bool(spec.broken_by) == (spec.level != INFO)


@each
def test_a_clause_that_demands_exactness_says_why(spec: Clause) -> None:
    """Whoever asks for equal bits says what makes them equal on every machine; all else is compared within a tolerance."""
    if re.search(r"\b(exact|exactly|bits?|bit-identical)\b", spec.text):
        assert re.search(r"\bsince\b", spec.text)


@each
def test_a_clause_has_cases_and_a_chapter(spec: Clause) -> None:
    """It is asked of something, and its file says what the chapter is about."""
    assert spec.cells
    title, colon, about = spec.title.partition(":")
    assert title
    assert colon
    assert about


def test_no_two_cases_are_the_same_case() -> None:
    """Case ids are unique over the whole specification: a journal would lose one of two."""
    cells = [(c.id, x.operation, x.dtype, x.mode, x.parameters) for c in CLAUSES for x in c.cells]
    ids = Counter(identity(*cell) for cell in cells)
    assert [cell for cell in cells if ids[identity(*cell)] > 1] == []


def test_all_that_a_clause_needs_can_be_offered() -> None:
    """No clause needs what `capabilities` does not know: it would be skipped everywhere."""
    known = {"reverse", "forward", "nested", "tape", "no_grad", "inplace", "stop_gradient", *TRANSFORMS}
    assert set().union(*(c.needs for c in CLAUSES)) <= known


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_the_specification_can_be_printed(form: str) -> None:
    """`clinometer spec` prints every clause, in each of its formats."""
    printed = CliRunner().invoke(main, ["spec", "--format", form])
    assert printed.exit_code == 0
    words = set(re.findall(r"[A-Z]+(?:-[A-Z]+)*-[0-9]+", printed.output))
    assert {c.id for c in CLAUSES} <= words
