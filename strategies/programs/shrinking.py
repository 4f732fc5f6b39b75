"""A case of a program that fails, made small.

Hypothesis shrinks choices; a program is data, and can be taken apart directly: a step left out, a value made an input
with the number that it has, a branch or a loop replaced by what was carried out, an input rounded to a simple number.
Each smaller case is kept if it is valid, and fails still.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from clinometer.reference.case import Case
from clinometer.reference.program.data import Operand, Program, Step, prune, reads
from clinometer.reference.program.interpreter import perform
from clinometer.strategies.programs.probe import Probe, ProbedControlFlow, Unclear, Value
from clinometer.strategies.programs.rewriting import inlined, renamed

MOST = 400  # smaller cases that are tried
Fails = Callable[[Case], bool]


def reduced(case: Case, fails: Fails) -> Case:
    """Return a small case that fails, starting from one that does.

    Parameters
    ----------
    case : Case
    fails : callable
        Whether a case fails; it is asked about valid ones alone.
    """
    left, progress = MOST, True
    while progress and left:
        progress = False
        for smaller in filter(None, map(fitted, smaller_cases(case))):
            left -= 1
            if fails(smaller):
                case, progress = smaller, True
                break
            if not left:
                break
    return case


def fitted(case: Case) -> Case | None:
    """Return a case with cotangents of the shapes of its outputs, or None if its program is not valid at all points."""
    probe = Probe(case.dtype, np.random.default_rng(0))
    try:
        found = [_values(case.program, [x[i] for x in case.inputs], probe) for i in range(case.points)]
        shapes = {tuple(values[str(o)].x.shape for o in case.program.outputs) for values in found}
    except (Unclear, ArithmeticError, LookupError, TypeError, ValueError):  # it does not fit together, as numpy may put it
        return None
    if len(shapes) > 1:
        return None
    wanted = [(case.points, *shape) for shape in shapes.pop()]
    if [ct.shape for ct in case.cotangents] == wanted:
        return case
    given = [*case.cotangents, *case.cotangents[-1:] * len(wanted)]
    return dataclasses.replace(case, cotangents=tuple(np.resize(ct, shape) for ct, shape in zip(given, wanted, strict=False)))


def _values(program: Program, inputs: Sequence[np.ndarray], probe: Probe) -> dict[str, Value]:
    """Return all values of a program's own steps."""
    values = dict(zip(program.inputs, map(probe.value, inputs), strict=True))
    for step in program.steps:
        values.update(zip(step.out, perform(step, probe, values, ProbedControlFlow(probe)), strict=True))
    return values


# ----- smaller cases, the largest steps first -----


def smaller_cases(case: Case) -> Iterator[Case]:
    """Yield cases that are a little smaller each."""
    if case.points > 1:
        yield from (case.at(i) for i in range(case.points))
    yield from _without_an_output(case)
    yield from _ending_earlier(case)
    yield from _beginning_later(case)
    yield from _without_a_step(case)
    yield from _added_up(case)
    yield from _unfolded(case)
    yield from _without_an_input(case)
    yield from _simpler_numbers(case)


def _without_an_output(case: Case) -> Iterator[Case]:
    outputs = case.program.outputs
    for i in range(len(outputs)) if len(outputs) > 1 else ():
        program = prune(Program(case.program.inputs, case.program.steps, (*outputs[:i], *outputs[i + 1 :])))
        yield dataclasses.replace(case, program=program, cotangents=(*case.cotangents[:i], *case.cotangents[i + 1 :]))


def _ending_earlier(case: Case) -> Iterator[Case]:
    """Return an earlier value instead of the last."""
    numbers, outputs = _numbers(case), case.program.outputs[:-1]
    for step in case.program.steps[:-1]:
        if numbers[step.out[0]].dtype.kind == "f" and step.out[0] not in outputs:
            program = prune(Program(case.program.inputs, case.program.steps, (*outputs, step.out[0])))
            yield dataclasses.replace(case, program=program)


def _numbers(case: Case, point: int = 0) -> dict[str, np.ndarray]:
    values = _values(case.program, [x[point] for x in case.inputs], Probe("float64", np.random.default_rng(0)))
    return {name: value.x for name, value in values.items()}


def _beginning_later(case: Case) -> Iterator[Case]:
    """Make a value an input, with simple numbers like those that it has, or these themselves."""
    numbers = [_numbers(case, i) for i in range(case.points)]
    for step in reversed(case.program.steps[:-1]):
        name = step.out[0]
        x = np.stack([found[name] for found in numbers])
        if len(step.out) > 1 or x.dtype.kind != "f":
            continue
        steps = tuple(s for s in case.program.steps if s is not step)
        program = prune(Program((*case.program.inputs, name), steps, case.program.outputs))
        tangents = (*case.tangents, np.resize(case.tangents[0], x.shape))
        for value in (np.round(x, 1), x):
            inputs = (*case.inputs, value.astype(case.dtype, order="C"))
            yield from _used(dataclasses.replace(case, program=program, inputs=inputs, tangents=tangents))


def _used(case: Case) -> Iterator[Case]:
    """Yield a case without the inputs that nothing reads, if it has any left."""
    program = case.program
    used = set(program.outputs).union(*(reads(step) for step in program.steps))
    keep = [i for i, name in enumerate(program.inputs) if name in used]
    if keep:
        yield _with_inputs(case, keep)


def _with_inputs(case: Case, keep: Sequence[int]) -> Case:
    inputs, tangents = (tuple(xs[i] for i in keep) for xs in (case.inputs, case.tangents))
    program = Program(tuple(case.program.inputs[i] for i in keep), case.program.steps, case.program.outputs)
    return dataclasses.replace(case, program=program, inputs=inputs, tangents=tangents)


def _without_an_input(case: Case) -> Iterator[Case]:
    if len(case.inputs) > 1:
        yield from _used(case)


def _without_a_step(case: Case) -> Iterator[Case]:
    """Put one of the values that a step reads, or another of its shape, in the place of its result."""
    numbers = _numbers(case)
    for place, step in enumerate(case.program.steps):
        if len(step.out) > 1:
            continue
        (name,) = step.out
        before = [*case.program.inputs, *(n for s in case.program.steps[:place] for n in s.out)]
        like = [n for n in before if numbers[n].shape == numbers[name].shape and numbers[n].dtype == numbers[name].dtype]
        for other in sorted(like, key=lambda n: n not in reads(step))[:3]:
            names = {name: other}
            steps = (*case.program.steps[:place], *(renamed(s, names) for s in case.program.steps[place + 1 :]))
            outputs: tuple[Operand, ...] = tuple(names.get(str(o), o) for o in case.program.outputs)
            yield dataclasses.replace(case, program=prune(Program(case.program.inputs, steps, outputs)))


def _added_up(case: Case) -> Iterator[Case]:
    """Put a sum in the place of what is flattened and put behind each other, where the shapes broadcast."""
    program, numbers = case.program, _numbers(case)
    flat = {s.out[0]: str(s.args[0]) for s in program.steps if s.op == "reshape"}
    for place, step in enumerate(program.steps):
        if step.op != "concat" or len(step.args) != 2:
            continue
        args = [flat.get(str(a), str(a)) for a in step.args]
        shapes = [numbers[a].shape for a in args]
        if all(m == n or 1 in (m, n) for m, n in zip(*(shape[::-1] for shape in shapes), strict=False)):
            steps = (*program.steps[:place], Step(step.out, "add", tuple(args)), *program.steps[place + 1 :])
            yield dataclasses.replace(case, program=prune(Program(program.inputs, steps, program.outputs)))


def _unfolded(case: Case) -> Iterator[Case]:
    """Replace what is structured by what was carried out, or by a smaller structure."""
    program = case.program
    plain = inlined(program, np.random.default_rng(0))
    if plain != program:
        yield dataclasses.replace(case, program=plain)
    for place, step in enumerate(program.steps):
        for instead in (*_as_carried_out(case, step), *_lighter(step)):
            steps = (*program.steps[:place], *instead, *program.steps[place + 1 :])
            yield dataclasses.replace(case, program=prune(Program(program.inputs, steps, program.outputs)))


def _as_carried_out(case: Case, step: Step) -> Iterator[tuple[Step, ...]]:
    """Yield the call of the block that an `if` has taken, or that a loop has gone through once."""
    if step.op == "if":
        taken = bool(_numbers(case)[str(step.args[0])])
        yield (Step(step.out, "call", (), {"depth": 1}, (step.blocks[0 if taken else 1],)),)
    elif step.op in ("for", "while"):
        yield (Step(step.out, "call", step.args, {"depth": 1}, step.blocks[-1:]),)


def _lighter(step: Step) -> Iterator[tuple[Step, ...]]:
    """Yield a step with fewer trips, or with one step less in one of its blocks."""
    for name in ("times", "depth"):
        if step.params.get(name, 0) > 1:
            yield (dataclasses.replace(step, params={name: step.params[name] - 1}),)
    for i, block in enumerate(step.blocks):
        for lighter in _lighter_blocks(block):
            yield (dataclasses.replace(step, blocks=(*step.blocks[:i], lighter, *step.blocks[i + 1 :])),)


def _lighter_blocks(block: Program) -> Iterator[Program]:
    """Yield a block without one of its steps, whose result is one of the values that it reads."""
    for place, step in enumerate(block.steps):
        for other in sorted(reads(step)) if len(step.out) == 1 else ():
            names = {step.out[0]: other}
            steps = (*block.steps[:place], *(renamed(s, names) for s in block.steps[place + 1 :]))
            yield prune(Program(block.inputs, steps, tuple(names.get(str(o), o) for o in block.outputs)))
        for instead in _lighter(step):
            yield Program(block.inputs, (*block.steps[:place], *instead, *block.steps[place + 1 :]), block.outputs)


def _simpler_numbers(case: Case) -> Iterator[Case]:
    """Round an input."""
    for digits in (0, 1, 2):
        for i, x in enumerate(case.inputs):
            simple = np.round(x.astype(float), digits).astype(case.dtype)
            if not np.array_equal(simple, x):
                yield dataclasses.replace(case, inputs=(*case.inputs[:i], simple, *case.inputs[i + 1 :]))
