"""The imports of the package, read from its source: who needs whom, also inside functions.

python tests/architecture.py        prints what is wrong with them; exit code 1 if anything is
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent

# The rooms, from the ground up. Each may import itself and those named here, no matter where in a file.
ROOMS: Mapping[str, frozenset[str]] = {
    "reference": frozenset(),
    "journal": frozenset(),
    "strategies": frozenset({"reference"}),
    "backends": frozenset({"reference"}),
    "reports": frozenset({"journal"}),
    "gradcheck": frozenset({"reference", "backends"}),
    "harness": frozenset({"reference", "strategies", "backends", "journal", "reports"}),
    "suites": frozenset({"reference", "strategies", "backends", "journal", "harness"}),
    "cli": frozenset({"reference", "backends", "journal", "reports", "harness", "suites"}),
}


def modules() -> dict[str, Path]:
    """Return the files of the package by the names of their modules, without the leading `clinometer`."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imports() -> dict[str, set[str]]:
    """Return for each module those that it imports, at the top, in a function, or for its types alone."""
    known = modules()
    return {name: set(_imported(path, known)) - {name} for name, path in known.items()}


def _imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("clinometer."):
            package = node.module.removeprefix("clinometer.")  # type: ignore[union-attr]  # it has a name
            for alias in node.names:
                yield f"{package}.{alias.name}" if f"{package}.{alias.name}" in known else package
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("clinometer.") for alias in node.names if alias.name.startswith("clinometer."))


def against_the_stream() -> list[str]:
    """Return the imports that run from a room to one that it may not know."""
    return [
        f"{name} imports {other}"
        for name, others in imports().items()
        for other in sorted(others)
        if room(other) != room(name) and room(other) not in ROOMS[room(name)]
    ]


def room(module: str) -> str:
    """Return the room in which a module lies."""
    return module.partition(".")[0]


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return what needs itself: the strongly connected parts of a graph that have more than one member.

    Tarjan, "Depth-first search and linear graph algorithms", 1972.
    """
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[node] = min(lowest[node], lowest[other])
        if lowest[node] == number[node]:
            at = stack.index(node)
            if len(stack) > at + 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for node in graph:
        if node not in number:
            visit(node)
    return found


if __name__ == "__main__":
    wrong = [*against_the_stream(), *(f"a circle: {', '.join(circle)}" for circle in circles(imports()))]
    print("\n".join(wrong) or "Imports run one way.")
    sys.exit(bool(wrong))
