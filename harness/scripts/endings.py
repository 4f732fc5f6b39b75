"""How a script ends: both sides printed, and the assertion that fails."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Sequence

import numpy as np

from clinometer.harness.findings import Finding, Relation
from clinometer.harness.scripts.writer import Writer
from clinometer.strategies.cases import kind_of


def held(writer: Writer, finding: Finding, about: Relation) -> None:
    """Write what must hold, and does not; what raises needs no more."""
    if finding.trace or finding.refused:
        return
    if finding.fact:
        sides = [f'print("{name}", {name}, sep="\\n")' for name in about.asked]
        writer.lines += [*sides, *compared(finding.fact), f"assert {finding.fact}, {finding.claim!r}"]
        return
    if finding.got is None:
        return
    about = dataclasses.replace(about, left=writer.named(about.left), right=writer.named(about.right))
    left = _side(writer, about, about.left, "got")
    if finding.kind and not about.right:
        _kind(writer, left, *finding.kind)
        return
    if finding.expected is None:
        writer.lines.append(f'print({shortly(about.left)!r}, {left}, sep="\\n")')
        return
    if about.right:
        right = _side(writer, about, about.right, "expected")
    else:
        right = "expected"
        source = writer.written(finding.expected, writer.words.constant, _dtype(finding))
        writer.lines.append(f"expected = {source}")
    labels = shortly(about.left), shortly(about.right or "expected", "expected")
    if finding.got.shape != finding.expected.shape or str(finding.got.dtype) != _dtype(finding):
        _kinds(writer, (left, right), labels)
    else:
        plain = [any(word in side for word in PLAIN) for side in (about.left, about.right)]
        _numbers(writer, finding, (left, right), labels, plain)


WORDS: dict[type, str] = {ast.IsNot: "other than", ast.NotEq: "other than", ast.LtE: "at most", ast.In: "one of"}


def compared(fact: str) -> list[str]:
    """Return lines that print both sides of a fact, if it compares two."""
    said = ast.parse(fact, mode="eval").body
    if not isinstance(said, ast.Compare):
        return []
    left, right, word = ast.unparse(said.left), ast.unparse(said.comparators[0]), WORDS.get(type(said.ops[0]))
    return [f"print({shortly(left)!r}, {left})", f"print({'expected' + (f' {word}' if word else '')!r}, {right})"]


SHORT = 60  # characters of an expression that is a label too


def shortly(expression: str, name: str = "got") -> str:
    """Return how an expression is called in what a script prints."""
    return expression if len(expression) <= SHORT else name


def _side(writer: Writer, about: Relation, expression: str, name: str) -> str:
    """Return the name of an expression, set if it is none of an answer."""
    if expression == name or expression in about.asked:
        return expression
    writer.lines.append(f"{name} = {expression}")
    return name


def _kind(writer: Writer, name: str, dtype: str, shape: tuple[int, ...]) -> None:
    right = f"{writer.words.kind.format(dtype=dtype)}, {shape}"
    writer.lines += [
        f'print("got", {name}.dtype, tuple({name}.shape))',
        f'print("expected", {right})',
        f"assert ({name}.dtype, tuple({name}.shape)) == ({right})",
    ]


def _kinds(writer: Writer, names: tuple[str, str], labels: tuple[str, str]) -> None:
    left, right = (f"{name}.dtype, tuple({name}.shape)" for name in names)
    writer.lines += [f'print("{labels[0]}", {left})', f'print("{labels[1]}", {right})', f"assert ({left}) == ({right})"]


PLAIN = ("inner(", "regression(", "float(")  # what gives a number of Python's


def _numbers(writer: Writer, finding: Finding, names: tuple[str, str], labels: tuple[str, str], plain: Sequence[bool]) -> None:
    index = finding.disagreement.place[1:] if finding.disagreement else finding.index
    key = f"[{', '.join(map(str, index))}]" if index else ""
    entries = [name if number else f"{name}{key}.item()" for name, number in zip(names, plain, strict=True)]
    writer.lines += [f'print("{label}", {name}, sep="\\n")' for label, name in zip(labels, names, strict=True)]
    writer.lines.append(f"one, other = {', '.join(entries)}")
    at = f"at {list(index)}: " if index else ""
    said = f'f"{at}{labels[0]} is {{one!r}}, {labels[1]} is {{other!r}}"'
    writer.lines.append(f"assert {_claim(finding, index)}, {said}")


def _claim(finding: Finding, index: tuple[int, ...]) -> str:
    """Return what should hold of `one` and `other`: they are equal, or nearly."""
    assert finding.got is not None
    assert finding.expected is not None  # asked before
    got, want = finding.got[index], finding.expected.astype(_dtype(finding))[index]
    if want != want:
        return "one != one"
    tolerance = 0.0 if finding.tolerance is None else float(finding.tolerance[index])
    if not np.isfinite(want) or not tolerance > 0:
        return "one == other"
    return f"abs(one - other) <= {limit(float(abs(_wide(got) - _wide(want))), tolerance)}"


def limit(error: float, tolerance: float) -> str:
    """Return a tolerance in few digits, in which the error is still outside of it."""
    for digits in range(1, 17):
        text = f"{tolerance:.{digits}g}"
        if not error <= float(text):
            return text
    return f"{error / 2:.1g}"


def _wide(x: object) -> complex:
    return complex(np.asarray(x).astype(np.complex128))


def _dtype(finding: Finding) -> str:
    """Return the dtype in which the script has what is expected: that of the library, where the truth is wider."""
    assert finding.expected is not None  # asked before
    if finding.case is not None and (finding.mode or finding.disagreement):  # of the truth, which is wider
        return kind_of(finding.expected, finding.case.dtype)
    return str(finding.expected.dtype)
