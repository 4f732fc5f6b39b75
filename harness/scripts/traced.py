"""Scripts of findings that came of another way to ask: traced control flow, jit, vmap.

They say what was done in the library's own words as far as its dialect has them: see `Dialect.transforms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from clinometer.backends.dialect import Dialect
from clinometer.harness.findings import BESIDE, Finding
from clinometer.harness.scripts.writer import Writer
from clinometer.reference.program.data import Operand, Program, Step
from clinometer.reference.program.printing import statements
from clinometer.reference.text import literal

# The ways: see `flows.told`.
FLOW, JIT, VMAP, JIT_OF_DERIVATIVE, PYTHON_IN = "flow", "jit", "vmap", "jit of the derivative", "Python in "


def write(writer: Writer, finding: Finding, mode: str) -> None:
    """Write the program in the backend's own control flow, and the question put in the finding's way."""
    case, whole, way, words = finding.case, finding.whole, finding.way, writer.words
    assert case is not None  # asked for only where there is one
    assert whole is not None  # it comes with the way
    beside, mode = mode.startswith(BESIDE), mode.removeprefix(BESIDE)
    some, tangents = whole if way == VMAP else case, mode == "forward"
    names = list(case.program.inputs)
    first = [f"d{name}" for name in names] if tangents else ["ct"]
    given, xs = ", ".join([*first, *names]), ", ".join(names)
    flow = Flow(words)
    body = statements(case.program, flow.spell) if way.startswith(PYTHON_IN) else flow.block(case.program)
    writer.functions["f"] = [f"def f({xs}):", *indented(body)]
    arrays = zip([*first, *names], [*(some.tangents if tangents else some.cotangents), *some.inputs], strict=True)
    for name, x in arrays:
        if mode != "value" or name in names:
            writer.array(name, x if way == VMAP else x[0])
    add = writer.lines.append
    if way.endswith(JIT):
        add(f"f = {words.transforms['jit']}(f)")
        add(f"f({', '.join(writer.written(x[0]) for x in whole.inputs)})  # traced here")
    if mode == "value":
        add(f"got = {words.numpy.format(x=f'f({xs})')}")
        return
    if way not in (VMAP, JIT_OF_DERIVATIVE):  # no transform is around the derivative
        along = {"tangents": ", ".join(first)} if tangents else {"ct": "ct"}
        template = words.beside[mode] if beside else words.forward if tangents else words.reverse
        writer.answer("got", "f", names, finding.which, template, **along)
        return
    asked = words.transforms["jvp" if tangents else "vjp"].format(f="f", names=xs, tangents=", ".join(first), ct="ct")
    result = f"({asked},)" if tangents else f"tuple({asked})"
    writer.functions["derivative"] = [f"def derivative({given}):", f"    return {result}"]
    if way == JIT_OF_DERIVATIVE:
        before = [*(whole.tangents if tangents else whole.cotangents), *whole.inputs]
        add(f"derivative = {words.transforms['jit']}(derivative)")
        add(f"derivative({', '.join(writer.written(x[0]) for x in before)})  # traced here")
    call = "derivative"
    if way == VMAP:
        call = f"{words.transforms['vmap']}(derivative)"
    found = words.numpy.format(x=f"{call}({given})[{finding.which}]")
    point = finding.disagreement.place[0] if finding.disagreement else 0
    add(f"got = {found}{f'[{point}]' if way == VMAP else ''}")


class Flow:
    """Programs with the control flow of a library."""

    def __init__(self, words: Dialect):
        self.words = words

    def spell(self, op: str, args: Sequence[str], params: Mapping[str, Any]) -> str:
        """Spell an operation; a gradient within is of a value that may have no number yet."""
        if op == "gradient" and not self.words.table:
            return f"derivative_of({', '.join(args)})"
        return self.words.spell(op, args, params)

    def block(self, program: Program, whole: bool = True) -> list[str]:
        """Return the lines of a function's body; within control flow, one that returns a tuple."""
        found = [line for step in program.steps for line in self.step(step)]
        outputs = [operand(o) for o in program.outputs]
        return [*found, f"return {', '.join(outputs)}" if whole else f"return ({', '.join(outputs)},)"]

    def step(self, step: Step) -> Iterator[str]:
        """Yield the lines of one step."""
        args, out = [operand(a) for a in step.args], step.out
        name, results, said = out[0], f"({', '.join(out)},)", self.words.transforms
        if step.op == "if":
            yield from self.function(f"then_{name}", (), step.blocks[0])
            yield from self.function(f"otherwise_{name}", (), step.blocks[1])
            yield f"{results} = {said['cond']}({args[0]}, then_{name}, otherwise_{name})"
        elif step.op == "while":
            test, body = step.blocks
            yield f"def test_{name}({', '.join(test.inputs)}):"
            yield from indented(self.block(test))
            yield from self.function(f"body_{name}", body.inputs, body)
            yield f"{results} = {said['while_loop']}(test_{name}, body_{name}, ({', '.join(args)},))"
        elif step.op == "for" and "scan" in said:
            yield from self.function(f"body_{name}", step.blocks[0].inputs, step.blocks[0])
            yield f"{results} = {said['scan']}(body_{name}, ({', '.join(args)},), {step.params['times']})"
        elif step.op == "for":
            (body,) = step.blocks
            yield f"{', '.join(out)} = {', '.join(args)}"
            yield f"for _ in range({step.params['times']}):"
            yield f"    {', '.join(body.inputs)} = {', '.join(out)}"
            yield from indented(line for inner in body.steps for line in self.step(inner))
            yield f"    {', '.join(out)} = {', '.join(map(operand, body.outputs))}"
        elif step.op == "gradient" or (step.op == "call" and step.params["depth"] == 1):
            (body,) = step.blocks
            yield f"def {name}_f({', '.join(body.inputs)}):"
            yield from indented(self.block(body))
            called = f"{name}_f({', '.join(args)})"
            yield f"{', '.join(out)} = {self.spell('gradient', [f'{name}_f', *args], {}) if step.op == 'gradient' else called}"
        else:  # what is not control flow is said as ever
            yield from statements(Program((), (step,), out), self.spell)[:-1]

    def function(self, name: str, inputs: Sequence[str], body: Program) -> Iterator[str]:
        """Yield the lines of a function that returns a tuple."""
        yield f"def {name}({', '.join(inputs)}):"
        yield from indented(self.block(body, whole=False))


def operand(a: Operand) -> str:
    return a if isinstance(a, str) else literal(a)


def indented(found: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in found]
