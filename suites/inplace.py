"""A session in which arrays are changed in place: a story told on the backend's tape, and written down as it goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from clinometer.reference.printing import literal, plainly
from clinometer.reference.verdict import worst
from clinometer.strategies.inplace import Move, Scene
from clinometer.suites.check import Check, Nonconformance
from clinometer.suites.session import Session

# Of each view in VIEWS, one of an array of shape (2, 3): an operation and its parameters.
TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "getitem": ("getitem", {"key": 0}),
    "entry": ("getitem", {"key": (0, 0)}),
    "reshape": ("reshape", {"shape": (3, 2)}),
    "permute_dims": ("permute_dims", {"axes": (1, 0)}),
}


def sharing(check: Check) -> frozenset[str]:
    """Return the views that share memory with what they are taken from, as the library shows itself."""

    def shared(op: str, params: dict[str, Any]) -> bool:
        base = check.backend.asarray(np.zeros((2, 3)))
        check.backend.tape.update("add", getattr(check.xp, op)(base, **params), 1.0)  # type: ignore[attr-defined]  # asked before
        return bool(np.any(check.backend.to_numpy(base)))

    with check.theirs("a change of a view"):
        return frozenset(view for view, (op, params) in TAKEN.items() if hasattr(check.xp, op) and shared(op, params))


class Telling(Session):
    """One point of a scene, on the backend's tape.

    `case` is that of the story's twin, so that what is expected comes from a program without changes in place.
    """

    def __init__(self, check: Check, scene: Scene):
        self.shares = sharing(check)
        case, self.excused = scene.told(self.shares)
        super().__init__(check, case)
        self.lines.insert(0, "# f does the same without a change in place: what is expected is its gradient")
        self.arrays = dict(zip(self.names, self.leaves, strict=True))

    def tell(self, moves: tuple[Move, ...]) -> Any:
        """Make and change arrays, and return the one called `out`."""
        for move in moves:
            if move.change:
                self.update(move.op, move.out, *move.args, key=move.key)
            else:
                self.make(move)
        return self.arrays["out"]

    def make(self, move: Move) -> None:
        """Make an array by an operation."""
        self.lines.append(f"{move.out} = {self._spelled(move)}")
        with self.check.theirs("value", self.lines):
            self.arrays[move.out] = getattr(self.check.xp, move.op)(*map(self._value, move.args), **move.params)

    def update(self, op: str, name: str, *args: Any, key: Any = None) -> None:
        """Change an array, or its entries at a key; an operand is the name of an array, or a number."""
        self.lines.append(self._said(op, name, *map(str, args), key=key))
        with self.check.theirs(CHANGE, self.lines):
            self.arrays[name] = self.tape.update(op, self.arrays[name], *map(self._value, args), key=key)

    @contextlib.contextmanager
    def no_grad(self) -> Iterator[None]:
        """Do what follows under no-grad."""
        self.lines.append(self.words.get("no_grad", "with backend.tape.no_grad():"))
        begun = len(self.lines)
        with self.tape.no_grad():
            yield
        self.lines[begun:] = [f"    {line}" for line in self.lines[begun:]]

    def _value(self, operand: Any) -> Any:
        return self.arrays[operand] if isinstance(operand, str) else operand

    def _spelled(self, move: Move) -> str:
        dialect = getattr(self.check.backend, "dialect", None)
        args = list(map(str, move.args))
        return dialect.spell(move.op, args, move.params) if dialect else f"backend.xp.{plainly(move.op, args, move.params)}"

    def _said(self, op: str, name: str, *args: str, key: Any) -> str:
        place = name if key is None else f"{name}[{subscript(key)}]"
        if op in self.words:
            return self.words[op].format(x=place, y=", ".join(args))
        return f"{name} = backend.tape.update({', '.join([repr(op), name, *args])}, key={literal(key)})"


CHANGE = "change in place"


def subscript(key: Any) -> str:
    """Return a key as it stands between brackets."""
    if isinstance(key, tuple):
        return ", ".join(map(subscript, key))
    if isinstance(key, slice):
        start, stop, step = ("" if k is None else str(k) for k in (key.start, key.stop, key.step))
        return f"{start}:{stop}{':' + step if step else ''}"
    return literal(key)


def refused(wrong: Nonconformance, rightly: bool) -> str:
    """Return how a change was refused, by itself or by the backward after it; any other failure goes on."""
    if wrong.outcome != "error" or wrong.finding is None or wrong.finding.claim not in (CHANGE, "backward"):
        raise wrong
    if not rightly:
        text = f"{wrong}; no value that a pullback needs was changed"
        raise Nonconformance(wrong.outcome, text, wrong.finding) from wrong.__cause__
    return f"raises {type(wrong.__cause__).__name__}"


def of_the_present(session: Telling, scene: Scene) -> bool:
    """Whether the leaves have the gradients of what they hold in the end."""
    case = scene.present(session.shares).at(0)
    for which, want in enumerate(case.truth.gradients[2:]):
        got = session.gradient(which)
        got = np.zeros_like(case.inputs[which][0]) if got is None else got
        if got.dtype != case.dtype or worst(got[None], want, "reverse", which) is not None:
            return False
    return True


def holds(check: Check, scene: Scene, *, refusable: bool = False, leaves: bool = False) -> str:
    """Hold a story to the gradients of its twin, and return "right"; or how it is refused, where that is as right.

    It is where a pullback needs what is changed, or where the whole story is `refusable`. A story that changes `leaves`
    may give them the gradients of what they hold in the end instead.
    """
    session = Telling(check, scene)
    try:
        session.backward(session.tell(scene.story.moves))
    except Nonconformance as wrong:
        return refused(wrong, refusable or session.excused)
    try:
        for which, want in enumerate(session.case.truth.gradients):
            if session.gradient(which) is not None or np.any(want.value):  # where nothing flows there may be none
                session.holds_one(which, want)
    except Nonconformance:
        if leaves and of_the_present(session, scene):
            return "the gradient of its present value"
        raise
    return "right"
