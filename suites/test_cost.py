"""Cost: what a gradient takes beside the value, measured and never judged."""

import math
import time
from collections.abc import Callable, Sequence

from clinometer.harness.cells import in_one, operations
from clinometer.harness.check import Check
from clinometer.harness.clauses import clause
from clinometer.harness.findings import Nonconformance, Unsupported
from clinometer.journal.records import Cost
from clinometer.journal.vocabulary import INFO, INFORMATIONAL
from clinometer.reference.case import Case
from clinometer.reference.catalogue import Operation
from clinometer.strategies import pinned_case
from clinometer.strategies.forms import FORMS

SIDE = 64
LONG = 2e-4  # seconds that a measurement takes at least
REPEATS = 5


def candidates(row: Operation, drawn: Sequence[Case]) -> list[Case]:
    """Return the cases to measure an operation by, the best first."""
    large = FORMS[row.form].large
    if large is not None:
        return [pinned_case(row, [(SIDE, SIDE)] * row.arity, large, drawn[0].dtype)]
    return sorted(drawn, key=lambda case: -sum(x[0].size for x in case.inputs))


def seconds(action: Callable[[], object]) -> float:
    """Return the CPU time of an action: the least of a few measurements."""
    start = time.process_time()
    action()
    once = time.process_time() - start
    times = min(max(math.ceil(LONG / max(once, 1e-7)), 1), 1000)

    def several() -> float:
        start = time.process_time()
        for _ in range(times):
            action()
        return (time.process_time() - start) / times

    return min(several() for _ in range(REPEATS))


def ratio(check: Check, case: Case) -> float:
    """Return the time of value and gradients over that of the value."""
    one, backend = case.at(0), check.backend
    f, xs = check.function(one), [check.native(x[0]) for x in one.inputs]
    ct = check.native(one.cotangents[0][0])

    def value() -> object:
        return backend.to_numpy(f(*xs))  # some libraries compute nothing before that

    def gradients() -> object:
        y, pullback = backend.vjp(f, *xs)
        return [backend.to_numpy(y), *(backend.to_numpy(g) for g in pullback(ct))]

    with check.backend_call("time of a gradient"):
        value(), gradients()  # what is compiled is compiled now
        return seconds(gradients) / seconds(value)


@clause(
    "COST-1",
    over=in_one(lambda dtype: operations(mode="cost", dtypes=[dtype], batched=True)),
    level=INFO,
    kind=INFORMATIONAL,
)
def test_the_cost_of_a_gradient_is_recorded(check: Check, cases: Sequence[Case]) -> None:
    """The CPU time of value and gradient over that of the value is recorded."""
    row = cases[0].row
    for case in candidates(row, cases):
        check.case = case
        try:
            found = ratio(check, case)
        except (Unsupported, Nonconformance):  # what it raises, other chapters tell
            continue
        shapes = ", ".join("x".join(map(str, x.shape[1:])) or "scalar" for x in case.inputs)
        check.points += 1
        check.cost = Cost(ratio=float(f"{found:.2g}"), shapes=shapes)
        return
    raise Unsupported(f"{check.backend.name} has no gradient to measure for {row.name}")
