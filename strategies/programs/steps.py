"""The kinds of steps that random programs are made of: operations, and what is structured with blocks.

A branch is drawn with both of its blocks at the same values, and with a threshold that sends the data to the side that is
to be taken. A loop makes as many trips as its body remains valid; the threshold of its test lies between what it sees
after the last trip and all that it sees before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from clinometer.reference.catalogue import CATALOGUE, Operation
from clinometer.reference.catalogue.rows import Group
from clinometer.reference.program.data import Operand, Program, Step
from clinometer.strategies.arrays import values
from clinometer.strategies.forms import FORMS
from clinometer.strategies.forms.first_operand import FirstOperand, Unfit, broadcastable
from clinometer.strategies.programs.builder import Draft, Named
from clinometer.strategies.programs.probe import LARGEST, Unclear, Value
from clinometer.strategies.shapes import Shape

Kind = Callable[[Draft, Named], Named]  # adds steps, the first to a value at hand, and returns the last result

# ----- operations of the catalogue -----

GROUPS = {
    "arithmetic": (Group.ARITHMETIC,),
    "elementwise": (
        Group.EXPONENTIAL,
        Group.TRIGONOMETRIC,
    ),
    "reduction": (Group.REDUCTION,),
    "shape": (Group.SHAPE,),
    "indexing": (Group.INDEXING,),
    "piecewise": (
        Group.PIECEWISE,
        Group.ACTIVATION,
    ),
    "scan": (Group.SCAN,),
    "normaliser": (Group.NORMALISER,),
    "linear algebra": (Group.LINEAR_ALGEBRA,),
    "special": (Group.SPECIAL,),
    "window": (Group.WINDOW,),
}
NUMBERS = (2.0, 0.5, -1.0, 3.0, -0.25)
CHOICES, FROM_THE_POOL = 8, 6  # a number is one of them, a new input two
TRIES = 4  # operations that are tried before the one that is valid anywhere


def _drawable(row: Operation) -> bool:
    return row.differentiable and "f" in row.kinds and not row.undrawn and FORMS[row.form].in_programs


OPERATIONS = {
    kind: tuple(row.name for row in CATALOGUE.values() if row.group in groups and _drawable(row))
    for kind, groups in GROUPS.items()
}


def operation(draft: Draft, x: Named, kind: str, start: int) -> Named:
    """Add an operation of a kind to a value: the one at `start`, or the next that is valid there."""
    names = OPERATIONS[kind]
    for i in range(TRIES):
        row, before = CATALOGUE[names[(start + i) % len(names)]], draft.mark()
        try:
            return _apply(draft, row, x)
        except (Unfit, Unclear):
            draft.back_to(before)
    return harmless(draft, x)


def harmless(draft: Draft, x: Named) -> Named:
    """Add what is valid anywhere; but a value that is nearly too blurred to go on with stays as it is."""
    try:
        return draft.apply("tanh", x.name)
    except Unclear:
        return x


def _apply(draft: Draft, row: Operation, x: Named) -> Named:
    if row.form == "elementwise":
        wanted: Sequence[Shape | None] = (None,) * row.arity  # whatever broadcasts
        params: dict[str, Any] = {}
    else:
        form = FORMS[row.form]
        wanted, params = (form.given or form.draw)(FirstOperand(draft.draw, x.shape), row)
    params |= {name: draft.random.choice(choices) for name, choices in row.choices.items()}
    args: list[Operand] = [x.name]
    together = x.shape
    for place, shape in enumerate(wanted[1:], start=1):
        arg = _operand(draft, row, place, shape, together)
        args.append(arg if isinstance(arg, float) else arg.name)
        together = together if isinstance(arg, float) or shape is not None else np.broadcast_shapes(together, arg.shape)
    return draft.apply(row.name, *args, **params)


def _operand(draft: Draft, row: Operation, place: int, wanted: Shape | None, together: Shape) -> Named | float:
    """Draw a further operand: a number, a value at hand that has the shape or broadcasts, or a new input."""
    choice = draft.random.randrange(CHOICES)
    if choice == 0 and row.takes_number:
        return draft.random.choice(NUMBERS)
    fits = (lambda shape: shape == wanted) if wanted is not None else functools.partial(_broadcast, together)
    fitting = [named for named in reversed(draft.pool) if fits(named.shape)]
    if fitting and (choice < FROM_THE_POOL or draft.full):
        return fitting[choice % len(fitting)]
    shape = broadcastable(FirstOperand(draft.draw, together), 2)[1] if wanted is None else wanted
    domain = row.domains[place].within(LARGEST / 8)
    return draft.input(values(draft.rng, draft.profile, shape, domain, draft.dtype))


def _broadcast(a: Shape, b: Shape) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def detach(draft: Draft, x: Named) -> Named:
    """Cut a value from its derivative."""
    return draft.apply("stop_gradient", x.name)


# ----- blocks -----

DEEPEST = 2  # blocks within blocks
FEW_STEPS = (1, 2, 3)
TRIPS = (0, 1, 2, 3, 4)
DEPTHS = (2, 3)
APART = 0.5  # of a threshold from what is compared with it
SPREADS = 16.0  # of half precision's replicas, likewise
FEW = 6  # entries of what a derivative within a program is taken by: one pass each


def grown(draft: Draft, start: str) -> Named:
    """Add a few steps, the first to `start`; return the last result."""
    last = next(named for named in reversed(draft.pool) if named.name == start)
    for i in range(draft.random.choice(FEW_STEPS)):
        drawn = draft.random.choice(INNER if draft.depth < DEEPEST else INNERMOST)
        last = drawn.add(draft, last if i == 0 else draft.operand())
    return last


def shaped(draft: Draft, y: Named, shape: Shape) -> Named:
    """Give a result another shape: its sum, broadcast."""
    if y.shape == shape:
        return y
    total = draft.apply("sum", y.name) if y.shape else y
    return draft.apply("broadcast_to", total.name, shape=shape) if shape else total


def body(draft: Draft, x: Named) -> tuple[Program, Value]:
    """Return a block from a value to another of its shape, and what comes of the first trip."""
    return draft.block([x.value], lambda a: shaped(draft, grown(draft, a), x.shape))


STATISTICS = ("sum", "max", "vector_norm", "getitem")


def statistic(draft: Draft, x: Named) -> Named:
    """Add what a test looks at: a number that depends on a value; of a number, itself."""
    if not x.shape:
        return x
    op, before = draft.random.choice(STATISTICS), draft.mark()
    try:
        return draft.apply(op, x.name, **({"key": (0,) * len(x.shape)} if op == "getitem" else {}))
    except Unclear:  # a tie of the largest, a norm at zero
        draft.back_to(before)
        return draft.apply("sum", x.name)


def gap(seen: Sequence[Value]) -> float:
    """Return how far a threshold must be from what is compared with it."""
    return max(APART, SPREADS * max(v.spread for v in seen))


SIDES = ((True, "greater"), (False, "greater"), (True, "less"), (False, "less"))


def branch(draft: Draft, x: Named) -> Named:
    """Add an `if` on a number that depends on a value."""
    s = statistic(draft, x)
    taken, op = draft.random.choice(SIDES)
    below = taken == (op == "greater")  # the threshold, of what is compared with it
    test = draft.apply(op, s.name, round(float(s.value.x) + (-1 if below else 1) * gap([s.value]), 1))
    start = draft.random.choice((x, draft.operand()))
    then, y = draft.block((), lambda: grown(draft, start.name))
    otherwise, z = draft.block((), lambda: shaped(draft, grown(draft, start.name), y.shape))
    return draft.structured("if", (test.name,), (then, otherwise), [y if taken else z])


def trips(draft: Draft, block: Program, first: Sequence[Value], most: int) -> list[Value]:
    """Return what is carried before each trip and after the last, as long as the block is valid, `most` trips at most."""
    found = list(first)
    try:
        while len(found) <= most:
            found += draft.run(block, found[-1:])
    except Unclear:
        pass
    return found[: most + 1]


def for_loop(draft: Draft, x: Named) -> Named:
    """Add a `for` of a fixed number of trips, which may be none."""
    block, y = body(draft, x)
    found = trips(draft, block, (x.value, y), draft.random.choice(TRIPS))
    return draft.structured("for", (x.name,), (block,), found[-1:], times=len(found) - 1)


def while_loop(draft: Draft, x: Named) -> Named:
    """Add a `while` whose number of trips depends on the data."""
    block, y = body(draft, x)
    found = trips(draft, block, (x.value, y), draft.random.choice(TRIPS))
    look, s = draft.block([x.value], lambda a: statistic(draft, Named(a, x.value)))
    stats = [s]
    try:
        for carried in found[1:]:
            stats += draft.run(look, [carried])
    except Unclear:
        pass
    last, op, threshold = _threshold(stats)
    verdict = draft.fresh()
    test = Program(look.inputs, (*look.steps, Step((verdict,), op, (look.outputs[0], threshold))), (verdict,))
    return draft.structured("while", (x.name,), (test, block), [found[last]])


def _threshold(stats: Sequence[Value]) -> tuple[int, str, float]:
    """Return the last trip that a threshold can tell from those before, how it is compared, and the threshold."""
    for last in reversed(range(len(stats))):
        before, after, room = [float(s.x) for s in stats[:last]], float(stats[last].x), gap(stats[: last + 1])
        if all(s > after + 2 * room for s in before):
            return last, "greater", round(after + room, 1)
        if all(s < after - 2 * room for s in before):
            return last, "less", round(after - room, 1)
    raise AssertionError("before the first trip there is nothing to tell apart")


def function(draft: Draft, x: Named) -> Named:
    """Add the call of an inner function, which captures what it likes."""
    block, y = draft.block([x.value], lambda a: grown(draft, a))
    return draft.structured("call", (x.name,), (block,), [y], depth=1)


def early_return(draft: Draft, x: Named) -> Named:
    """Add the call of an inner function that begins with a `return` under an `if`, and has more to do behind it."""
    block, y = draft.block([x.value], lambda a: branch(draft, Named(a, x.value)))
    return draft.structured("call", (x.name,), (block,), [y], depth=1)


def recursion(draft: Draft, x: Named) -> Named:
    """Add the call of a function that calls itself a few times."""
    block, y = body(draft, x)
    found = trips(draft, block, (x.value, y), draft.random.choice(DEPTHS))
    return draft.structured("call", (x.name,), (block,), found[-1:], depth=len(found) - 1)


def derivative(draft: Draft, x: Named) -> Named:
    """Add the gradient of a function of a value, which may depend on others too."""
    if x.value.x.size > FEW:
        raise Unclear
    block, _ = draft.block([x.value], lambda a: shaped(draft, grown(draft, a), ()))
    return draft.perform(Step((draft.fresh(),), "gradient", (x.name,), {}, (block,)))[0]


# ----- all kinds -----


def guarded(kind: Kind) -> Kind:
    """Return a kind of step that, where it cannot be, leaves nothing behind and is a tanh."""

    @functools.wraps(kind)
    def add(draft: Draft, x: Named) -> Named:
        before, depth = draft.mark(), draft.depth
        try:
            return kind(draft, x)
        except Unclear:
            draft.back_to(before)
            draft.depth = depth
            return harmless(draft, x)

    return add


class Drawn(NamedTuple):
    """A step as it is drawn: its kind, and what adds it."""

    kind: str
    add: Kind


BLOCK_KINDS: dict[str, Kind] = {
    "branch": branch,
    "for": for_loop,
    "while": while_loop,
    "function": function,
    "early return": early_return,
    "recursion": recursion,
    "derivative": derivative,
}
SHARE = 30  # entries of a kind of operations in the table: as many as the largest has operations
OFTEN = {"arithmetic": 3}  # as in people's programs; there paths meet
PLAIN = [
    Drawn(kind, functools.partial(operation, kind=kind, start=i * len(names) // SHARE))
    for kind, names in OPERATIONS.items()
    for i in [*range(SHARE)] * OFTEN.get(kind, 1)
]
CUTS = [Drawn("detach", guarded(detach))] * (SHARE // 2)
BLOCKS = [Drawn(kind, guarded(add)) for kind, add in BLOCK_KINDS.items() for _ in range(SHARE // 2)]
KINDS = tuple(dict.fromkeys(drawn.kind for drawn in (*PLAIN, *CUTS, *BLOCKS)))

INNERMOST = (*PLAIN, *CUTS)
# Of derivatives within derivatives there is a chapter.
INNER = (*PLAIN, *CUTS, *(drawn for drawn in BLOCKS if drawn.kind != "derivative"))


@functools.cache
def steps(kinds: tuple[str, ...]) -> tuple[Drawn, ...]:
    """Return the steps of some kinds, to choose from: of each kind of operations equally many."""
    return tuple(drawn for drawn in (*PLAIN, *CUTS, *BLOCKS) if drawn.kind in kinds)
