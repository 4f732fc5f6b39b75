"""Scripts of findings that came of another way to ask: traced control flow, jit, vmap.

They say what was done in the library's own words as far as its dialect has them: see `Dialect.transforms`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clinometer.backends.dialect import Dialect
from clinometer.harness.findings import BESIDE, Finding
from clinometer.harness.scripts.writer import Writer
from clinometer.reference.program.data import Program, Step
from clinometer.reference.program.printing import Printer, Spell, defined, indented, operand, returned, statements

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
    flow = TracedPrinter(words)
    body = statements(case.program, flow.spell) if way.startswith(PYTHON_IN) else flow.body(case.program)
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


class TracedPrinter(Printer):
    """Programs with the control flow of a library, whose blocks are functions that return tuples."""

    def __init__(self, words: Dialect):
        super().__init__(words.spell if words.table else adapted(words))
        self.said = words.transforms

    def body(self, program: Program) -> list[str]:
        return [*self.steps(program.steps), returned(program.outputs)]

    def branch(self, step: Step, args: Sequence[str]) -> Iterator[str]:
        then, otherwise = f"then_{step.out[0]}", f"otherwise_{step.out[0]}"
        yield from self._block(then, step.blocks[0])
        yield from self._block(otherwise, step.blocks[1])
        yield f"{results(step.out)} = {self.said['cond']}({args[0]}, {then}, {otherwise})"

    def loop(self, step: Step, args: Sequence[str]) -> Iterator[str]:
        (test, body), name = step.blocks, step.out[0]
        yield from defined(f"test_{name}", test.inputs, self.body(test))
        yield from self._block(f"body_{name}", body)
        yield f"{results(step.out)} = {self.said['while_loop']}(test_{name}, body_{name}, {results(args)})"

    def repetition(self, step: Step, args: Sequence[str]) -> Iterator[str]:
        if "scan" not in self.said:
            yield from super().repetition(step, args)
            return
        yield from self._block(f"body_{step.out[0]}", step.blocks[0])
        yield f"{results(step.out)} = {self.said['scan']}(body_{step.out[0]}, {results(args)}, {step.params['times']})"

    def _block(self, name: str, block: Program) -> list[str]:
        """Return the lines of a function that returns a tuple."""
        outputs = results(list(map(operand, block.outputs)))
        return defined(name, block.inputs, [*self.steps(block.steps), f"return {outputs}"])


def adapted(words: Dialect) -> Spell:
    """Return how the adapter spells operations; a gradient within is of a value that may have no number yet."""
    return lambda op, args, params: f"derivative_of({', '.join(args)})" if op == "gradient" else words.spell(op, args, params)


def results(names: Sequence[str]) -> str:
    """Return a tuple's source."""
    return f"({', '.join(names)},)"
