"""Journals made up from a seed, so that the report can be tested without any backend."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from clinometer.journal.records import (
    SCHEMA,
    Array,
    CaseRecord,
    Cost,
    Curve,
    End,
    Evidence,
    Observation,
    Result,
    RunRecord,
    Start,
    Step,
    Witness,
    identity,
)
from clinometer.journal.vocabulary import Level, Outcome
from clinometer.journal.writer import Writer

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> "
    "\x1b[31mred\x1b[0m \x00 \u202egnp"
)

OPERATIONS = ["sin", "cos", "exp", "tanh", "log", "sqrt", "abs", "multiply", "matmul", "softmax", "cumsum", "conv"]
CLAUSES: list[tuple[str, str, Level, str]] = [
    ("VALUE-1", "Values", "MUST", "The value agrees with numpy within the computed tolerance."),
    ("GRAD-1", "Gradients", "MUST", "The pullback of a random signed cotangent agrees with the reference."),
    ("GRAD-2", "Gradients", "MUST", "The gradient has the shape and the dtype of its input."),
    ("GRAD-10", "Gradients", "SHOULD", "Repeated calls give the same bits."),
    ("DETACH-2", "Detach", "MUST", "In x * detach(x) only one factor is cut: the derivative is x, neither 2x nor 0."),
    ("KINK-1", "Kinks", "INFO", "At a kink the library's choice among the one-sided derivatives is recorded."),
    ("COST-1", "Cost", "INFO", "The CPU time of value and gradient over that of the value is recorded."),
]


def run(backend: str, **changes: object) -> RunRecord:
    """Return the head of a run."""
    fields: dict[str, object] = {
        "schema": SCHEMA,
        "backend": backend,
        "suite": "0.1.0",
        "digest": "5d0c1a7e",
        "profile": "standard",
        "seed": 20240229,
        "started": "2026-03-01T12:00:00Z",
        "command": ["pytest", "--backend", backend],
        "versions": {backend.split(":")[0]: "2.13.0", "python": "3.13.5", "numpy": "2.3.1", "hypothesis": "6.150.0"},
        "platform": "Linux-6.12-x86_64",
    }
    return RunRecord(**(fields | changes))  # type: ignore[arg-type]


def case(clause: str = "GRAD-1", operation: str = "sin", dtype: str = "float64", parameters: str = "") -> CaseRecord:
    """Return a case of one of the clauses above."""
    _, chapter, level, text = next(it for it in CLAUSES if it[0] == clause)
    mode = {"VALUE": "value", "DETACH": "tape"}.get(clause.split("-")[0], "reverse")
    return CaseRecord(
        id=identity(clause, operation, dtype, mode, parameters),
        clause=clause,
        chapter=chapter,
        text=text,
        level=level,
        cls="convention" if level == "INFO" else "universal",
        operation=operation,
        dtype=dtype,
        mode=mode,
        parameters=parameters,
        test=f"clinometer.suites.test_{chapter.lower()}::test_{clause.lower().replace('-', '_')}[{operation}-{dtype}]",
    )


def array(name: str, values: list[float], shape: list[int]) -> Array:
    """Return an array as text."""
    return Array(name=name, dtype="float64", shape=shape, values=[repr(value) for value in values])


def witness(value: float) -> Witness:
    """Return finite differences that are good to 1e-13, by three steps."""
    steps = [("0.12", 1e-6, False), ("0.031", 1e-13, True), ("0.0155", 5e-13, False)]
    return Witness(
        value=repr(value + 1e-13),
        error="1e-12",
        steps=[Step(step=h, estimate=repr(value + off), error=f"{10 * off:.2g}", taken=taken) for h, off, taken in steps],
    )


def evidence(it: CaseRecord, shape: tuple[int, int] = (3, 4)) -> Evidence:
    """Return the evidence of a gradient that is twice too large at one place."""
    size = shape[0] * shape[1]
    sides = list(shape)
    rng = random.Random(it.id)
    x = [round(rng.uniform(-3, 3), 2) for _ in range(size)]
    expected = [math.cos(value) for value in x]
    got = list(expected)
    bad = min(6, size - 1)
    got[bad] *= 2
    return Evidence(
        claim="gradient of x",
        inputs=[array("x", x, sides), array("cotangent", [round(rng.gauss(0, 1), 3) for _ in range(size)], sides)],
        expected=array("expected", expected, sides),
        tolerance=array("tolerance", [4.4e-16] * size, sides),
        got=array("got", got, sides),
        index=[bad // shape[1], bad % shape[1]],
        error=f"{abs(got[bad] - expected[bad]) / 4.4e-16:.4g}",
        witness=witness(expected[bad]),
        program=f"def f(x):\n    y = xp.{it.operation}(x)\n    return y\n",
        script="import torch\n\nx = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)\n"
        f"torch.{it.operation}(x).sum().backward()\nprint(x.grad)  # got 1.755, expected 0.8775825618903728\n",
        trace='Traceback (most recent call last):\n  File "case.py", line 4, in <module>\nAssertionError',
    )


def curve(operation: str, wrong: bool = False, points: int = 201) -> Curve:
    """Return the curve of an elementwise operation, with a gradient that is wrong on one side if asked."""
    functions: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
        "sin": (math.sin, math.cos),
        "cos": (math.cos, lambda x: -math.sin(x)),
        "exp": (lambda x: math.exp(x / 3), lambda x: math.exp(x / 3) / 3),
        "tanh": (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
        "tan": (math.tan, lambda x: 1 + math.tan(x) ** 2),
        "abs": (abs, lambda x: math.copysign(1.0, x)),
        "log": (lambda x: math.log(x), lambda x: 1 / x),
        "sign": (lambda x: math.copysign(1.0, x), lambda x: 0.0),
    }
    f, df = functions[operation]
    low, high = (0.05, 5.0) if operation == "log" else (-6.5, 6.5)
    x = [low + (high - low) * i / (points - 1) for i in range(points)]
    reference: list[float | None] = [df(v) for v in x]
    gradient = [2 * g if wrong and v > 2 and g is not None else g for v, g in zip(x, reference, strict=True)]
    return Curve(operation=operation, dtype="float64", x=x, value=[f(v) for v in x], gradient=gradient, reference=reference)


def result(it: CaseRecord, outcome: Outcome, rng: random.Random, **more: object) -> Result:
    """Return a result with plausible numbers; what is wrong comes with evidence."""
    bad = outcome in ("fail", "error", "timeout", "invalid")
    fields: dict[str, object] = {
        "id": it.id,
        "outcome": outcome,
        "examples": 0 if outcome in ("unsupported", "notrun") else rng.randint(20, 100),
        "points": 0 if outcome in ("unsupported", "notrun") else rng.randint(200, 1000),
        "seconds": round(rng.uniform(0.01, 0.4), 4),
        "message": f"gradient of x[1, 2]: got 1.755, expected 0.8776 in {it.operation}" if bad else "",
        "evidence": evidence(it) if bad else None,
    }
    return Result(**(fields | more))  # type: ignore[arg-type]


def write(path: Path, records: Sequence[object]) -> Path:
    """Write records as a journal."""
    writer = Writer(path)
    for record in records:
        writer.write(record)  # type: ignore[arg-type]
    writer.close()
    return path


def session(backend: str, cases: list[CaseRecord], weights: dict[Outcome, float], seed: int) -> list[object]:
    """Return the records of one whole run, with outcomes drawn by weight."""
    rng = random.Random(seed)
    records: list[object] = [run(backend)]
    for it in cases:
        [outcome] = rng.choices(list(weights), list(weights.values()))
        if it.level == "INFO":
            outcome = "pass"
        records += [it, Start(id=it.id, at="2026-03-01T12:00:01Z")]
        if outcome == "crash":
            continue  # the process died here
        more: dict[str, object] = {}
        if it.clause == "KINK-1":
            answer = rng.choice(["0.0", "1.0", "0.5"])
            more["observed"] = [Observation(point="x = 0.0", answer=answer), Observation(point="x = nan", answer="nan")]
        if outcome == "fail" and rng.random() < 0.2:
            more |= {"expectation": "issue 12345: wrong for negative strides", "expected": True}
        if outcome == "fail" and rng.random() < 0.1:
            more["stability"] = "flaky (2 of 3 replays)"
        records.append(result(it, outcome, rng, **more))
    return records


def grid(parameters: int = 1, dtypes: tuple[str, ...] = ("float32", "float64")) -> list[CaseRecord]:
    """Return every clause for every operation and dtype."""
    return [
        case(clause, operation, dtype, f"n={p}" if parameters > 1 else "")
        for clause, _, _, _ in CLAUSES
        if clause != "COST-1"
        for operation in OPERATIONS
        for dtype in dtypes
        for p in range(parameters)
    ]


def small(folder: Path) -> list[Path]:
    """Write four journals: one good, one with every outcome, one cut short, one backend that cannot be loaded."""
    rng = random.Random(7)
    cases = grid()
    end = End(at="2026-03-01T12:05:00Z", exit=1)
    names = ["sin", "cos", "exp", "tanh", "abs", "log", "tan", "sign"]
    good = session("torch", cases, {"pass": 0.97, "unsupported": 0.03}, 1)
    good += costs(2.0) + [curve(name) for name in names] + [end]
    weights: dict[Outcome, float] = {"pass": 0.8, "fail": 0.06, "error": 0.04, "crash": 0.02, "timeout": 0.02}
    weights |= {"invalid": 0.01, "inconclusive": 0.02, "unsupported": 0.03}
    mixed = session("autograd", cases, weights, 2)
    strange = case("GRAD-1", HOSTILE[:90], "float64", HOSTILE[:40])
    long = evidence(strange).__class__(claim=HOSTILE, trace=HOSTILE + "\n" + "frame\n" * 5000, program=HOSTILE, script=HOSTILE)
    mixed += [strange, result(strange, "error", rng, message=HOSTILE, evidence=long)]
    mixed += costs(5.1, without="conv") + [curve(name, wrong=name == "tanh") for name in names] + [end]
    cut = session("mygrad", cases[:90], {"pass": 0.9, "fail": 0.1}, 3)
    broken = [run("jax", problem="ModuleNotFoundError: No module named 'jax'; pip install jax", versions={"python": "3.13.5"})]
    sessions: dict[str, Sequence[object]] = {"torch": good, "autograd": mixed, "mygrad": cut, "jax": broken}
    return [write(folder / f"{name}.jsonl", records) for name, records in sessions.items()]


def finished(it: CaseRecord, outcome: Outcome = "pass", **more: object) -> list[object]:
    """Return the records of a case that has a result."""
    return [it, Start(id=it.id, at="2026-03-01T12:00:01Z"), Result(id=it.id, outcome=outcome, **more)]  # type: ignore[arg-type]


def seen(it: CaseRecord, **answers: str) -> list[object]:
    """Return the records of a case that recorded answers, each under its point."""
    return finished(it, observed=[Observation(point=f"{it.operation} {point}", answer=a) for point, a in answers.items()])


def standings(path: Path) -> Path:
    """Write a journal with two new failures, one of them where another is known, two known ones and one that is fixed."""
    cases = [case(operation=name) for name in OPERATIONS[:6]]
    reason = "issue 7: wrong at zero"
    return journal(
        path,
        "torch",
        finished(cases[0], "fail", message="off by 3"),
        finished(cases[1], "error", message="KeyError", expectation=reason),
        finished(cases[2], "fail", expectation=reason, expected=True),
        finished(cases[3], "fail", expectation=reason, expected=True),
        finished(cases[4], expectation=reason),
        finished(cases[5]),
    )


def costs(ratio: float, without: str = "") -> list[object]:
    """Return the records of what gradients cost, each operation's half as much again as that of the one before."""
    found: list[object] = []
    for at, name in enumerate(OPERATIONS):
        it, cost = case("COST-1", name), Cost(ratio=float(f"{ratio * 1.5**at:.2g}"), shapes="64x64")
        found += finished(it, "unsupported") if name == without else finished(it, cost=cost)
    return found


def journal(path: Path, backend: str, *parts: list[object], **changes: object) -> Path:
    """Write the journal of a run that came to its end."""
    return write(path, [run(backend, **changes), *(it for part in parts for it in part), End(at="later", exit=0)])


def two_versions(folder: Path) -> tuple[Path, Path]:
    """Write journals of torch 2.12.0 and 2.13.0 with a change of each kind, and one of a zero's sign, which is none."""
    kink, wide = (case("KINK-1", "abs", dtype) for dtype in ("float32", "float64"))
    conv = [case("GRAD-1", "conv", dtype) for dtype in ("float32", "float64")]
    old = [
        *finished(case("GRAD-1", "sin")),
        *finished(case("GRAD-1", "cos"), "fail", message="off by 7 tolerances"),
        *finished(case("GRAD-1", "exp"), "fail"),
        *finished(case("GRAD-1", "log")),
        *finished(case("GRAD-1", "sqrt"), "notrun"),
        *(record for it in conv for record in finished(it, "unsupported")),
        *seen(kink, at0="0.0", at1="[-0.0, 1.0]"),
        *seen(wide, at0="0.0", at1="[-0.0, 1.0]"),
        *finished(case("GRAD-2", "sin")),
    ]
    new = [
        *finished(case("GRAD-1", "sin"), "fail", message="off by [9] tolerances", expectation="a reason", expected=True),
        *finished(case("GRAD-1", "cos")),
        *finished(case("GRAD-1", "exp"), "error"),
        *finished(case("GRAD-1", "log")),
        *finished(case("GRAD-1", "sqrt"), "fail"),
        *(record for it in conv for record in finished(it, "fail")),
        *seen(kink, at0="1.0", at1="[0.0, 1.0]"),
        *seen(wide, at0="1.0", at1="[0.0, 1.0]"),
        *finished(case("DETACH-2", "sin"), "fail"),
    ]
    versions = {"python": "3.13.5", "numpy": "2.3.1"}
    return (
        journal(folder / "old.jsonl", "torch", old, versions=versions | {"torch": "2.12.0"}),
        journal(folder / "new.jsonl", "torch", new, versions=versions | {"torch": "2.13.0"}),
    )


def large(
    folder: Path, results: int = 50_000, backends: tuple[str, ...] = ("torch", "autograd", "jax", "mygrad", "tinygrad")
) -> list[Path]:
    """Write journals with so many results, spread over clauses, operations, dtypes and backends."""
    rng = random.Random(11)
    per = results // len(backends)
    clauses = [
        (f"{chapter.upper()[:6]}-{n}", chapter)
        for chapter in ("Values", "Gradients", "Detach", "Kinks", "Shapes", "Tape", "Loops", "Second order")
        for n in range(1, 8)
    ]
    operations = [f"operation_{n}" for n in range(140)]
    cases = []
    for n in range(per):
        clause, chapter = clauses[n % len(clauses)]
        operation, dtype = (
            operations[(n // len(clauses)) % 140],
            ("float32", "float64", "bfloat16")[n // (len(clauses) * 140) % 3],
        )
        text = f"Clause {clause} holds for every operation, and this sentence says so at some length."
        name = f"test_{clause.lower().replace('-', '_')}[{operation}-{dtype}-{n}]"
        test = f"clinometer.suites.test_{chapter.lower().replace(' ', '_')}::{name}"
        cases.append(
            CaseRecord(
                id=identity(clause, operation, dtype, "reverse", str(n)),
                clause=clause,
                chapter=chapter,
                text=text,
                operation=operation,
                dtype=dtype,
                mode="reverse",
                parameters=f"n={n % 7}",
                test=test,
            )
        )
    paths = []
    weights: dict[Outcome, float] = {"pass": 0.93, "fail": 0.03, "error": 0.01, "unsupported": 0.02, "inconclusive": 0.01}
    for backend in backends:
        records: list[object] = [run(backend), *cases]
        for it in cases:
            [outcome] = rng.choices(list(weights), list(weights.values()))
            records += [Start(id=it.id, at="2026-03-01T12:00:01Z"), result(it, outcome, rng)]
        records += [curve(name) for name in ("sin", "cos", "tanh")] + [End(at="2026-03-01T12:05:00Z", exit=1)]
        paths.append(write(folder / f"{backend}.jsonl", records))
    return paths
