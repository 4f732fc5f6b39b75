"""The imports of the package, read from its source: who needs whom, also inside functions.

python tests/architecture.py        prints what is wrong with them; exit code 1 if anything is
python tests/architecture.py write  draws docs/architecture.svg
"""

from __future__ import annotations

import ast
import itertools
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "architecture.svg"

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


def against_the_stream(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the imports that run from a room to one that it may not know."""
    return [
        f"{name} imports {other}"
        for name, others in graph.items()
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


# ----- the picture -----

Counts = Mapping[tuple[str, str], int]
WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 232, 92, 28, 52, 24  # of a box, and between boxes

HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>The rooms of Clinometer, and who imports whom</title>
<desc>Imports, from room to room. {told}</desc>
<style>
svg {{ --paper: #fff; --box: #f4f6f8; --ink: #1f2328; --quiet: #545d68; }}
@media (prefers-color-scheme: dark) {{ svg {{ --paper: #0d1117; --box: #1c232c; --ink: #e6edf3; --quiet: #a3adb8; }} }}
.paper {{ fill: var(--paper); }}
.box {{ fill: var(--box); stroke: var(--quiet); }}
.arrow {{ fill: none; stroke: var(--quiet); stroke-width: 1.4; }}
.tip {{ fill: var(--quiet); }}
text {{ font: 12px system-ui, sans-serif; fill: var(--quiet); }}
.name {{ font-size: 16px; font-weight: 600; fill: var(--ink); }}
.number {{ fill: var(--ink); stroke: var(--paper); stroke-width: 5px; paint-order: stroke; text-anchor: middle; }}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>
<rect class="paper" width="{width}" height="{height}"/>
"""


def between_rooms() -> Counter[tuple[str, str]]:
    """Return how many modules of one room are imported by how many of another, summed: for each pair of rooms."""
    pairs = ((room(name), room(other)) for name, others in imports().items() for other in others)
    return Counter((one, other) for one, other in pairs if one != other)


def levels(counts: Counts) -> dict[str, int]:
    """Return how far each room is from the ground, by the longest way down."""
    found: dict[str, int] = {}

    def level(name: str) -> int:
        if name not in found:
            found[name] = max((1 + level(other) for one, other in counts if one == name), default=0)
        return found[name]

    for name in ROOMS:
        level(name)
    return found


def direct(counts: Counts) -> list[tuple[str, str]]:
    """Return the pairs of rooms between which no longer way leads: the arrows that a picture needs."""

    def leads(start: str, end: str) -> bool:
        return start == end or any(leads(other, end) for one, other in counts if one == start)

    return sorted(
        (one, other)
        for one, other in counts
        if not any(leads(between, other) for start, between in counts if start == one and between != other)
    )


def ranks(counts: Counts) -> list[tuple[str, ...]]:
    """Return the rooms of each level, from the ground up, in the order in which the fewest arrows cross."""
    level, arrows = levels(counts), direct(counts)
    rows = [[name for name in ROOMS if level[name] == k] for k in range(1 + max(level.values()))]

    def crossings(order: Sequence[tuple[str, ...]]) -> int:
        at = {name: i / len(row) for row in order for i, name in enumerate(row)}
        return sum(
            level[a] == level[c] and level[b] == level[d] and (at[a] - at[c]) * (at[b] - at[d]) < 0
            for (a, b), (c, d) in itertools.combinations(arrows, 2)
        )

    return list(min(itertools.product(*map(itertools.permutations, rows)), key=crossings))


def picture(counts: Counts) -> str:
    """Return the rooms as an SVG: a box each, and an arrow to what it imports where no longer way leads there."""
    rows, sizes = ranks(counts), Counter(map(room, modules()))
    wide = max(map(len, rows))
    width = 2 * MARGIN + wide * (WIDTH + ACROSS) - ACROSS
    height = 2 * MARGIN + len(rows) * (HEIGHT + DOWN) - DOWN
    place = {
        name: (width / 2 + (i - (len(row) - 1) / 2) * (WIDTH + ACROSS), height - MARGIN - HEIGHT - k * (HEIGHT + DOWN))
        for k, row in enumerate(rows)
        for i, name in enumerate(row)
    }
    told = "; ".join(f"{one} to {other}: {counts[one, other]}" for one, other in sorted(counts))
    lines = [HEAD.format(width=width, height=height, told=told)]
    for one, other in direct(counts):
        (x, y), (x_, y_) = place[one], place[other]
        x, x_ = (a + max(-80, min(80, (b - a) / 4)) for a, b in ((x, x_), (x_, x)))
        y += HEIGHT
        lines.append(f'<path class="arrow" marker-end="url(#tip)" d="M{x:g} {y:g} {x_:g} {y_ - 2:g}"/>')
        lines.append(f'<text class="number" x="{(x + x_) / 2:g}" y="{(y + y_) / 2 + 4:g}">{counts[one, other]}</text>')
    for name, (x, y) in place.items():
        all_of_it = sorted(((n, other) for (one, other), n in counts.items() if one == name), reverse=True)
        small = textwrap.wrap(", ".join(f"{other}\u00a0{n}" for n, other in all_of_it) or "nothing of the others", 36)
        left = x - WIDTH / 2
        lines.append(f'<rect class="box" x="{left:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>')
        lines.append(f'<text class="name" x="{left + 12:g}" y="{y + 24:g}">{name}/</text>')
        lines.append(f'<text x="{left + WIDTH - 12:g}" y="{y + 24:g}" text-anchor="end">{sizes[name]} files</text>')
        for k, line in enumerate(small):
            lines.append(f'<text x="{left + 12:g}" y="{y + 46 + 17 * k:g}">{line}</text>')
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    wrong = [*against_the_stream(imports()), *(f"a circle: {', '.join(circle)}" for circle in circles(imports()))]
    print("\n".join(wrong) or "Imports run one way.")
    if sys.argv[1:] == ["write"] and not wrong:
        PICTURE.write_text(picture(between_rooms()), "utf-8")
    sys.exit(bool(wrong))
