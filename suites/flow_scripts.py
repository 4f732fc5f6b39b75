"""Scripts of findings that came of another way to ask: traced control flow, jit, vmap.

They speak to the adapter, whose `cond`, `jit` or `vmap` it is that is in question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from clinometer.reference.printing import literal, numbers, plainly, statements
from clinometer.reference.program import Operand, Program, Step
from clinometer.suites.check import Finding

# The ways: see `flows.told`.
FLOW, JIT, VMAP, JIT_OF_DERIVATIVE, PYTHON_IN = "flow", "jit", "vmap", "jit of the derivative", "Python in "


def lines(finding: Finding, selection: str, mode: str) -> list[str]:
    """Return a script's body: the program in the backend's own control flow, and the question put in the finding's way."""
    case, whole, way = finding.case, finding.whole, finding.way
    assert case is not None  # asked for only where there is one
    assert whole is not None  # it comes with the way
    some, tangents = whole if way == VMAP else case, mode == "forward"
    names = list(case.program.inputs)
    first = [f"d{name}" for name in names] if tangents else ["ct"]
    given, xs = ", ".join([*first, *names]), ", ".join(names)
    found = ["import numpy as np", "", "from clinometer.backends import load", "", f"backend = load({selection!r})", "", ""]
    body = statements(case.program, spell) if way.startswith(PYTHON_IN) else block(case.program)
    found += [f"def f({xs}):", *indented(body), "", ""]
    arrays = zip([*first, *names], [*(some.tangents if tangents else some.cotangents), *some.inputs], strict=True)
    found += [f"{name} = {array(x if way == VMAP else x[0])}" for name, x in arrays]
    if way.endswith(JIT):
        found += ["f = backend.jit(f)", f"f({', '.join(array(x[0]) for x in whole.inputs)})  # traced here"]
    if mode == "value":
        return [*found, f"got = f({xs})"]
    if tangents:
        found.append(f"derivative = lambda {given}: (backend.jvp(f, [{xs}], [{', '.join(first)}])[1],)")
    else:
        found.append(f"derivative = lambda {given}: tuple(backend.vjp(f, {xs})[1](ct))")
    if way == VMAP:
        point = finding.disagreement.place[0] if finding.disagreement else 0
        return [*found, f"got = backend.vmap(derivative)({given})[{finding.which}][{point}]"]
    if way == JIT_OF_DERIVATIVE:
        before = [*(whole.tangents if tangents else whole.cotangents), *whole.inputs]
        found += [
            "derivative = backend.jit(derivative)",
            f"derivative({', '.join(array(x[0]) for x in before)})  # traced here",
        ]
    return [*found, f"got = derivative({given})[{finding.which}]"]


def array(x: np.ndarray) -> str:
    """Return the source of a backend's array."""
    return f'backend.asarray(np.array({numbers(x)}, "{x.dtype}"))'


def spell(op: str, args: Sequence[str], params: Mapping[str, Any]) -> str:
    """Spell an operation of the backend."""
    if op == "gradient":
        return "(lambda y, pull: pull(backend.xp.ones_like(y))[0])(*backend.vjp({}, {}))".format(*args)
    return f"backend.xp.{plainly(op, args, params)}"


# ----- programs with the backend's own control flow -----


def block(program: Program, whole: bool = True) -> list[str]:
    """Return the lines of a function's body; within control flow, one that returns a tuple."""
    found = [line for step in program.steps for line in step_lines(step)]
    outputs = [operand(o) for o in program.outputs]
    return [*found, f"return {', '.join(outputs)}" if whole else f"return ({', '.join(outputs)},)"]


def step_lines(step: Step) -> Iterator[str]:
    """Yield the lines of one step."""
    args, out = [operand(a) for a in step.args], step.out
    name, results = out[0], f"({', '.join(out)},)"
    if step.op == "if":
        yield from function(f"then_{name}", (), step.blocks[0])
        yield from function(f"otherwise_{name}", (), step.blocks[1])
        yield f"{results} = backend.cond({args[0]}, then_{name}, otherwise_{name})"
    elif step.op == "while":
        test, body = step.blocks
        yield f"def test_{name}({', '.join(test.inputs)}):"
        yield from indented(block(test))
        yield from function(f"body_{name}", body.inputs, body)
        yield f"{results} = backend.while_loop(test_{name}, body_{name}, ({', '.join(args)},))"
    elif step.op == "for":
        yield from function(f"body_{name}", step.blocks[0].inputs, step.blocks[0])
        yield f"{results} = backend.scan(body_{name}, ({', '.join(args)},), {step.params['times']})"
    else:  # what is not control flow is said as ever
        yield from statements(Program((), (step,), out), spell)[:-1]


def function(name: str, inputs: Sequence[str], body: Program) -> Iterator[str]:
    """Yield the lines of a function that returns a tuple."""
    yield f"def {name}({', '.join(inputs)}):"
    yield from indented(block(body, whole=False))


def operand(a: Operand) -> str:
    return a if isinstance(a, str) else literal(a)


def indented(found: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in found]
