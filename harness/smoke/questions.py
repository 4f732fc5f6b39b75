"""What `clinometer backend smoke` asks: one question a member, with numbers that every dtype has exactly.

python -m clinometer.harness.smoke.questions NAME FILE FROM    answers to FILE, from question number FROM on
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from clinometer.backends import Backend, BackendProblem, capabilities, load, support_of
from clinometer.backends.protocol import (
    TRANSFORMS,
    ForwardMode,
    InPlaceTape,
    PausedTape,
    Spoken,
    Tape,
    versions_of,
)
from clinometer.backends.raised import in_one_line
from clinometer.harness.check import Check
from clinometer.harness.examine import sample
from clinometer.harness.findings import Nonconformance, Unsupported
from clinometer.harness.interruption import heard, insist
from clinometer.harness.smoke.answers import (
    CARRYING,
    MISSING,
    OVER,
    UNLOADED,
    WRONG,
    Answer,
    Asked,
    Fault,
    NotThere,
    Question,
    answered,
)
from clinometer.reference.case import Case
from clinometer.reference.catalogue import CATALOGUE
from clinometer.reference.program.printing import plainly
from clinometer.strategies import operation_cases

CREATION = ("arange", "zeros", "ones", "full", "eye", "linspace", "zeros_like", "ones_like", "asarray", "normal", "astype")
NAMES = {*CATALOGUE, *CREATION, "gradient"}
MODES = {"reverse", "forward"}

ASARRAY = "return the library's array of the same dtype: many take a dtype beside the values, `dtype=x.dtype`"
COPY = "let it copy, as np.array(x) does before the library sees it"
VJP = "vjp(f, *primals) returns f(*primals) and a function from a cotangent to a list of gradients, one for each primal"
ZEROS = "where the library says None, or raises, return zeros of the primal's shape and dtype"
AGAIN = "a pullback is called several times: run f anew in it, or keep the graph"
JVP = "jvp(f, primals, tangents) returns f(*primals) and its tangent; leave it out where there is no forward mode"
LINE = "look at its line; if a user of the library would write it so, the fault is the library's, and the suites report it"


def questions(backend: Backend) -> Iterator[Question]:
    """Return what is asked of a backend, in an order that two processes share."""
    asked = Asked(backend)
    yield "xp", partial(_namespace, backend), "a namespace of functions, as SimpleNamespace(**OPERATIONS) is"
    for dtype in asked.dtypes:
        yield f"{CARRYING} in {dtype}", partial(_round_trip, asked, dtype), ASARRAY
    yield "vjp of a square", partial(_vjp, asked), VJP
    yield "vjp of two inputs", partial(_vjp_of_two, asked), VJP
    yield "vjp where nothing flows", partial(_vjp_of_none, asked), ZEROS
    yield "pullback, called again", partial(_again, asked), AGAIN
    yield "jvp", partial(_jvp, asked), JVP
    yield "derivatives of derivatives", partial(_nested, asked), "leave nests out of the adapter's Support"
    yield "tape", partial(_tape, asked), "see Tape in backends/protocol.py"
    yield "tape.no_grad", partial(_no_grad, asked), "return a context in which nothing is recorded"
    yield "tape.update", partial(_update, asked), "change x in place, or x[key], and return x"
    for name in TRANSFORMS:
        yield name, partial(_transform, asked, name), "see docs/plugging-in-a-backend.md, or leave it out"
    yield "versions", partial(_versions, backend), 'a mapping: {"mygrad": mygrad.__version__}'
    for op in CATALOGUE:
        if hasattr(backend.xp, op):
            yield f"xp.{op}", partial(_operation, backend, op), LINE


# ----- what stands there -----


def _near(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _namespace(backend: Backend) -> None:
    names = [name for name in dir(backend.xp) if not name.startswith("_")]
    if not set(names) & set(CATALOGUE):
        raise Fault("it has no operation of the catalogue", "`clinometer operations` lists them")
    strange = [name for name in names if name not in NAMES and callable(getattr(backend.xp, name))]
    if strange and not isinstance(backend.xp, type(np)):  # a module has other functions too
        raise Fault(
            f"no clause asks for {strange[0]!r}{_near(strange[0], list(NAMES))}", "`clinometer operations` lists the names"
        )


def _versions(backend: Backend) -> None:
    if not versions_of(backend):
        raise NotThere("journals and reports do not say which version was asked")


# ----- in and out -----


def _round_trip(asked: Asked, dtype: str) -> None:
    rows = np.array([[1.0, -2.0, 0.5], [4.0, 0.0, -8.0]]).astype(dtype)
    cases = {
        "an array": rows,
        "an array of thirds": (rows / 3).astype(dtype),
        "one number": np.array(2.5).astype(dtype),
        "an array without entries": rows[:, :0],
        "a transpose": rows.T,
    }
    for what, x in cases.items():
        try:
            asked.hold(f"{what}, there and back,", asked.backend.asarray(x), x, ASARRAY, dtype, exact=True)
        except Fault:
            raise
        except BaseException as error:  # whatever an adapter or a library may raise
            insist(error)
            raise Fault(f"{what} raises {in_one_line(error)}", ASARRAY) from error
    x = rows.copy()
    theirs = asked.backend.asarray(x)
    x[...] = 1
    if (asked.backend.to_numpy(theirs) == x).all():
        raise Fault("the library's array changes with the one that it was made of", COPY)


# ----- derivatives -----


def _gradients(asked: Asked, found: Any, number: int) -> list[Any]:
    gradients = list(found) if isinstance(found, tuple | list) else None
    if gradients is None or len(gradients) != number:
        got = type(found).__name__ if gradients is None else f"{len(gradients)} gradients"
        raise Fault(f"the pullback gives {got}, where a list of {number} is due", VJP)
    return gradients


def _vjp(asked: Asked) -> None:
    y, pullback = asked.backend.vjp(asked.square, asked.native([1.0, -3.0]))
    asked.hold("the value", y, [1.0, 9.0], VJP)
    (g,) = _gradients(asked, pullback(asked.native([1.0, 2.0])), 1)
    asked.hold("the gradient for the cotangent [1, 2]", g, [2.0, -12.0], f"{VJP}; the cotangent counts, and is no ones")


def _vjp_of_two(asked: Asked) -> None:
    y, pullback = asked.backend.vjp(asked.product, asked.native([1.5, 2.0]), asked.native([0.5, -4.0]))
    asked.hold("the value", y, [0.75, -8.0], VJP)
    for name, g, want in zip(
        "xy", _gradients(asked, pullback(asked.native([1.0, 0.5])), 2), ([0.5, -2.0], [1.5, 1.0]), strict=True
    ):
        asked.hold(f"the gradient of {name} in x * y", g, want, VJP)


def _vjp_of_none(asked: Asked) -> None:
    x, unused = asked.native([1.0, 2.0]), asked.native([[3.0], [4.0], [5.0]])
    _, pullback = asked.backend.vjp(lambda x, unused: asked.square(x), x, unused)
    gradients = _gradients(asked, pullback(asked.native([1.0, 1.0])), 2)
    asked.hold("the gradient of an input that is not used", gradients[1], [[0.0], [0.0], [0.0]], ZEROS)
    constant = asked.native([5.0, 6.0])
    _, pullback = asked.backend.vjp(lambda x: constant, x)
    (g,) = _gradients(asked, pullback(asked.native([1.0, 1.0])), 1)
    asked.hold("the gradient of a function that is constant", g, [0.0, 0.0], ZEROS)


def _again(asked: Asked) -> None:
    x = asked.native([1.0, -3.0])
    _, pullback = asked.backend.vjp(asked.square, x)
    for ct, want in (([1.0, 2.0], [2.0, -12.0]), ([0.5, -1.0], [1.0, 6.0]), ([1.0, 2.0], [2.0, -12.0])):
        (g,) = _gradients(asked, pullback(asked.native(ct)), 1)
        asked.hold(f"the gradient for the cotangent {ct}", g, want, AGAIN)
    asked.hold("the primal afterwards", x, [1.0, -3.0], "leave primals as they are: make leaves of copies")


def _jvp(asked: Asked) -> None:
    if not isinstance(asked.backend, ForwardMode):
        raise NotThere("no forward mode is asked for")
    jvp = asked.backend.jvp
    xs, dxs = (asked.native([1.5, 2.0]), asked.native([0.5, -4.0])), (asked.native([1.0, 2.0]), asked.native([2.0, 0.0]))
    y, dy = jvp(asked.product, xs, dxs)
    asked.hold("the value", y, [0.75, -8.0], JVP)
    asked.hold("the tangent of x * y", dy, [3.5, -8.0], JVP)
    _, dy = jvp(lambda x, y: asked.native([5.0, 6.0]), xs, dxs)
    asked.hold("the tangent of a function that is constant", dy, [0.0, 0.0], ZEROS)


def _nested(asked: Asked) -> None:
    if not support_of(asked.backend).nests:
        raise NotThere("no derivative of a derivative is asked for; where there are, say Support(nests=True)")
    one = asked.native([1.0])

    def slope(x: Any) -> Any:
        return asked.backend.vjp(lambda x: asked.product(x, asked.square(x)), x)[1](one)[0]

    (g,) = _gradients(asked, asked.backend.vjp(slope, asked.native([2.0]))[1](one), 1)
    asked.hold("the second derivative of x^3 at 2", g, [12.0], "see Support in backends/support.py: vjp within vjp")


# ----- the tape -----


def _the_tape(asked: Asked, kind: type, without: str) -> Any:
    tape = getattr(asked.backend, "tape", None)
    if not isinstance(tape, kind):
        raise NotThere(without)
    return tape


def _tape(asked: Asked) -> None:
    tape = _the_tape(asked, Tape, "no gradients that accumulate on leaves are asked for")
    leaf, ct = tape.leaf(asked.native([1.0, -3.0])), asked.native([1.0, 2.0])
    (g,) = tape.grad(asked.square(leaf), [leaf], ct)
    asked.hold("grad of a square", g, [2.0, -12.0], "grad(y, leaves, ct) returns a gradient for each leaf")
    tape.backward(asked.square(leaf), ct)
    asked.hold("the gradient after backward", tape.gradient(leaf), [2.0, -12.0], "grad leaves alone what is on the leaves")
    tape.backward(asked.square(leaf), ct)
    asked.hold("the gradient after a second backward", tape.gradient(leaf), [4.0, -24.0], "backward adds to what is there")
    tape.zero(leaf)
    if tape.gradient(leaf) is not None:
        asked.hold("the gradient after zero", tape.gradient(leaf), [0.0, 0.0], "zero clears what is on the leaf")


def _no_grad(asked: Asked) -> None:
    tape = _the_tape(asked, PausedTape, "no region without recording is asked for")
    leaf, ct = tape.leaf(asked.native([1.0, -3.0])), asked.native([1.0, 2.0])
    with tape.no_grad():
        frozen = asked.square(leaf)
    (g,) = tape.grad(asked.product(leaf, frozen), [leaf], ct)
    asked.hold("the gradient of x * c, where c = x * x was not recorded,", g, [1.0, 18.0], "record nothing within no_grad")


def _update(asked: Asked) -> None:
    tape = _the_tape(asked, InPlaceTape, "no changes in place are asked for")
    changed = tape.update("add", tape.update("set", asked.native([1.0, 2.0, 4.0]), 8.0, key=0), asked.native([1.0, 1.0, 1.0]))
    asked.hold("[1, 2, 4] with 8 set at 0 and 1 added", changed, [9.0, 3.0, 5.0], "change x in place, or x[key], and return x")


# ----- transforms -----


def _transform(asked: Asked, name: str) -> None:
    if name not in capabilities(asked.backend):
        raise NotThere("what needs it is not asked for")
    backend, x = asked.backend, asked.native([1.0, -3.0])
    greater = getattr(backend.xp, "greater", lambda x, y: x > y)
    how: dict[str, tuple[Callable[[], Any], Any]] = {
        "vmap": (lambda: backend.vmap(asked.square)(x), [1.0, 9.0]),
        "jit": (lambda: backend.jit(asked.square)(x), [1.0, 9.0]),
        "cond": (
            lambda: backend.cond(greater(asked.native(1.0), asked.native(0.0)), lambda: (asked.square(x),), lambda: (-x,))[0],
            [1.0, 9.0],
        ),
        "while_loop": (
            lambda: backend.while_loop(
                lambda x: greater(asked.native(8.0), x), lambda x: (asked.product(x, x),), (asked.native(2.0),)
            )[0],
            16.0,
        ),
        "scan": (lambda: backend.scan(lambda x: (asked.square(x),), (x,), 2)[0], [1.0, 81.0]),
    }
    ask, want = how[name]
    asked.hold("its answer", ask(), want, f"see {TRANSFORMS[name].__name__} in backends/protocol.py")


# ----- operations -----


def _operation(backend: Backend, op: str) -> None:
    """Hold the value of one small case that is not refused against the truth, and spell it."""
    row, support = CATALOGUE[op], support_of(backend)
    dtypes = [d for d in ("float64", "float32", *support.dtypes) if d in support.dtypes and d in row.dtypes]
    dtypes = [d for d in dtypes if not support.lacks(op, d)]
    if not dtypes:
        raise NotThere(f"it is asked in {', '.join(row.dtypes)} only, and in none of those does the library work")
    check, refused = Check(backend), ""
    for case in sorted(sample(operation_cases(op, dtypes[0]), 6, 0), key=_size):
        (step,), inputs = case.program.steps, case.program.inputs
        said = plainly(op, list(inputs), step.params)
        if isinstance(backend, Spoken) and backend.dialect is not None and op in backend.dialect.table:
            backend.dialect.spell(op, list(inputs), step.params)
        try:
            _held(check, case, row.differentiable)
        except Unsupported as reason:
            refused = refused or f"{said}: {reason}"
        except Nonconformance as wrong:
            raise Fault(f"{said}: {wrong}", LINE) from wrong
        else:
            return
    raise NotThere(f"refused: {refused}")


def _held(check: Check, case: Case, differentiable: bool) -> None:
    if differentiable:
        check(case, "value")
    else:
        check.same(check.value(case).astype(case.dtype), case.truth.values[0].value.astype(case.dtype), "decision", case)


def _size(case: Case) -> tuple[bool, int]:
    """Return the order of cases: those with entries first, then the small ones."""
    sizes = [x[0].size for x in case.inputs]
    return 0 in sizes, sum(sizes)


def main(name: str, file: str, start: str) -> None:
    """Ask a backend all questions from a number on; each is announced before it is asked."""
    with Path(file).open("a", encoding="utf-8", buffering=1) as out, heard():
        try:
            backend = load(name)
        except BackendProblem as problem:
            insist(problem.__cause__)
            out.write(json.dumps(asdict(Answer(name, UNLOADED, str(problem)))) + "\n" + json.dumps(OVER) + "\n")
            return
        carried = True  # arrays are, there and back; else no operation can be asked
        for number, question in enumerate(questions(backend)):
            if number >= int(start):
                member = question[0]
                out.write(json.dumps({"begun": member}) + "\n")
                skipped = Answer(member, MISSING, "it is asked when asarray and to_numpy are right")
                answer = answered(question) if carried or not member.startswith("xp.") else skipped
                carried = carried and not (member.startswith(CARRYING) and answer.state == WRONG)
                out.write(json.dumps(asdict(answer)) + "\n")
        out.write(json.dumps(OVER) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
