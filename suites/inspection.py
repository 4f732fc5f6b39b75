"""All that is asked of a function of one's own at a point, the cheapest first.

The first thing that is wrong is raised as a `GradientError`; what cannot be asked is noted in the report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.backends import capabilities
from clinometer.reference.verdict import SAFETY
from clinometer.suites.gradient_report import GradientReport, Row
from clinometer.suites.slopes import EPS, WINDOWS, Heard, Line, judge
from clinometer.suites.subject import Argument, Arrays, GradientError, Subject, in_one_line

ENTRIES = 512  # of an argument: up to here each entry is examined alone, beyond it along directions
SAMPLES = 17  # points close by, at which rounding is watched
CLOSE = 2.0**-34  # how close, relative to an entry: far beyond its spacing, too near for the function to turn
NUDGE = 2.0**-8  # from the point to the second one
PROBLEMS = {"refuted": "a wrong gradient", "kink": "a kink", "jump": "a jump", "edge": "the edge of its domain"}


@dataclass
class Pulled:
    """The gradients of one output."""

    output: int
    of: str  # " for output 1", where there are several
    y: np.ndarray
    ct: np.ndarray
    pullback: Callable[[np.ndarray], Arrays]
    gradients: Arrays
    rounding: Arrays = field(default_factory=list)  # what it may have done to each entry
    rough: float = 0.0  # what it is seen to do to the values
    floor: float = 0.0  # what it may have done to them


class Inspection:
    """All that is asked of a function at a point, the cheapest first."""

    def __init__(self, subject: Subject, report: GradientReport, rng: np.random.Generator, directions: int, prefix: str = ""):
        self.subject, self.report, self.rng = subject, report, rng
        self.directions, self.prefix = directions, prefix
        self.xs = subject.xs
        self.rows = [Row(prefix + n, f"{x.dtype} {x.shape}") for n, x in zip(subject.names, self.xs)]

    def run(self) -> None:
        """Ask; the first thing that is wrong is raised."""
        self.ys = self._plain()
        live = [k for k, y in enumerate(self.ys) if y.dtype.kind == "f"]
        if not live:
            kinds = ", ".join(str(y.dtype) for y in self.ys)
            raise TypeError(f"f returns {kinds}: a derivative needs an output of floating type")
        self.report.rows += self.rows
        pulled = [self._pull(k, f" for output {k}" if len(self.ys) > 1 else "") for k in live]
        self._watch_rounding(pulled)
        for one in pulled:
            self._repeats(one)
        self._entries(pulled)
        for one in pulled:
            self._adds(one)
            self._alone(one)
        self._elsewhere(pulled)
        self._forward(pulled)

    def wrong(self, text: str, outcome: str = "fail") -> None:
        """Raise a finding."""
        raise GradientError(self.prefix + text, outcome)

    # ----- values and pullbacks -----

    def _plain(self) -> Arrays:
        """Return the values of f, which must be the same when asked twice."""
        ys, again = self.subject.values(self.xs), self.subject.values(self.xs)
        if not all(same(y, z) for y, z in zip(ys, again, strict=True)):
            self.wrong("f gives other values when it is called twice: fix its seed, or its state, and ask again", "cannot tell")
        for k, y in enumerate(ys):
            if y.dtype.kind == "c":
                raise TypeError(f"f returns {y.dtype}; complex numbers are not examined yet")
            if y.dtype.kind == "f" and not np.isfinite(y).all():
                self.wrong(f"output {k} of f is not finite everywhere: move the point", "cannot tell")
        return ys

    def _pull(self, k: int, of: str) -> Pulled:
        y, pullback, natives = self.subject.pull(k, self.xs)
        ct = drawn(self.rng, self.ys[k].shape).astype(self.ys[k].dtype)
        if y.shape != ct.shape or y.dtype != ct.dtype:
            self.wrong(f"the value{of} is {y.dtype} {y.shape} while f is differentiated, and {ct.dtype} {ct.shape} otherwise")
        gradients = pullback(ct)
        for name, x, g in zip(self.subject.names, self.xs, gradients):
            if g.shape != x.shape or g.dtype != x.dtype:
                self.wrong(f"gradient of {name}{of}: {g.dtype} {g.shape}, where {x.dtype} {x.shape} is right")
        for name, x, native in zip(self.subject.names, self.xs, natives):
            if not same(self.subject.numpy(native), x):
                self.wrong(f"{name} is changed in place while f is differentiated{of}; let f or its gradient work on a copy")
        return Pulled(k, of, y, ct, pullback, gradients)

    def _watch_rounding(self, pulled: list[Pulled]) -> None:
        """Measure what rounding does to values and gradients, from their scatter at points close by."""
        towards = [drawn(self.rng, x.shape) * scales(x) * CLOSE for x in self.xs]
        for one in pulled:
            samples = []
            turn = (drawn(self.rng, one.ct.shape) * one.ct * CLOSE).astype(one.ct.dtype)  # a linear f has but one pullback
            for n in range(SAMPLES):
                y, pullback, _ = self.subject.pull(one.output, [x + n * dx for x, dx in zip(self.xs, towards)])
                samples.append([y, *pullback(one.ct + n * turn)])
            noise, *noises = (scatter(np.array(column)) for column in zip(*samples, strict=True))
            allowed = SAFETY * (noise + 4 * float(np.finfo(one.y.dtype).eps) * abs(one.y))
            if not (abs(one.y - self.ys[one.output]) <= allowed).all():
                self.wrong(f"the value{one.of} under differentiation is not that of f: look at its forward pass")
            one.rough = float((abs(one.ct) * noise).sum())
            # A gradient that cancels to nothing is as uncertain as the values, over the way that an entry is moved.
            one.floor = float((abs(one.ct) * allowed).sum())
            # Numbers of fewer digits are no rounding of float64, unless the cotangent had no more.
            kept = [0.0 if single(g) and not single(one.ct) else s for g, s in zip(one.gradients, noises)]
            one.rounding = [
                one.floor / scales(x) + SAFETY * (4 * EPS * abs(g) + s) for x, g, s in zip(self.xs, one.gradients, kept)
            ]

    def _repeats(self, one: Pulled) -> None:
        """The pullback gives the same bits again, and minus twice as much for minus twice the cotangent."""
        for name, g, again in zip(self.subject.names, one.gradients, one.pullback(one.ct)):
            self._same(again, g, f"gradient of {name}{one.of}: a second call of the pullback", "it must keep no state")
        tiny = np.finfo(np.float64).tiny
        for name, g, twice in zip(self.subject.names, one.gradients, one.pullback(-2 * one.ct)):
            near = np.where(abs(twice + 2 * g) <= tiny, -2 * g, twice)  # among subnormals not even doubling is exact
            hint = "a pullback is linear, and doubling is exact: does it use its cotangent, or iterate to a fixed tolerance?"
            self._same(near, -2 * g, f"gradient of {name}{one.of} for -2 times the cotangent", hint)

    def _adds(self, one: Pulled) -> None:
        """The gradient for a sum of cotangents is the sum of gradients, within rounding."""
        other, turn = (drawn(self.rng, one.ct.shape).astype(one.ct.dtype) for _ in range(2))
        samples = [one.pullback(other + (n * CLOSE * turn).astype(one.ct.dtype)) for n in range(SAMPLES)]
        noises = [scatter(np.array(column)) for column in zip(*samples, strict=True)]
        sums = one.pullback(one.ct + other)
        for name, a, b, both, rounding, noise in zip(
            self.subject.names, one.gradients, samples[0], sums, one.rounding, noises, strict=True
        ):
            seen = 4 * (float(rounding.max(initial=0.0)) + SAFETY * float(noise.max(initial=0.0)))
            allowed = one.floor + seen + SAFETY * 8 * EPS * float((abs(a) + abs(b)).max(initial=0.0))
            text = f"gradient of {name}{one.of} for the sum of two cotangents"
            self._close(both, a + b, allowed, text, "a pullback is linear")

    def _alone(self, one: Pulled) -> None:
        """An argument alone, the others being constants, has the gradient that it has among all."""
        if len(self.xs) == 1:
            return
        for a, name in enumerate(self.subject.names):
            others = [Argument(x.name, x.value, x.constant if x.name == name else "fixed") for x in self.subject.arguments]
            alone = Subject(self.subject.f, others, self.subject.backend)
            (g,) = alone.pull(one.output, alone.xs)[1](one.ct)
            text = f"gradient of {name}{one.of}, the other arguments being constants"
            self._close(g, one.gradients[a], 2 * one.rounding[a], text, "it must be the one that it is among all")

    def _same(self, got: np.ndarray, want: np.ndarray, text: str, hint: str) -> None:
        if not same(got, want):
            self._close(got, want, 0.0, text, hint)

    def _close(self, got: np.ndarray, want: np.ndarray, allowed: Any, text: str, hint: str) -> None:
        # An infinite gradient is left to finite differences.
        off = ~(abs(got - want) <= allowed) & (got != want) & np.isfinite(want)
        if got.shape != want.shape or got.dtype != want.dtype:
            self.wrong(f"{text}: {got.dtype} {got.shape}, where {want.dtype} {want.shape} is right")
        if off.any():
            place = tuple(int(i) for i in np.argwhere(off)[0])
            at = f" at {list(place)}" if place else ""
            self.wrong(f"{text}: got {got[place]:.10g}, expected {want[place]:.10g}{at}; {hint}")

    # ----- against finite differences -----

    def _line(self, xs: Arrays, dxs: Arrays, one: Pulled, y: np.ndarray) -> Line:
        """Return an output along a direction."""

        def at(t: float) -> float:
            try:
                moved = self.subject.values([x + t * dx for x, dx in zip(xs, dxs)])[one.output]
            except Exception:  # beyond the domain of f
                return math.nan
            return float((one.ct * (moved - y)).sum()) if moved.shape == y.shape else math.nan

        noise = float((abs(one.ct) * np.spacing(abs(y))).sum()) / 2
        size, unit = float((abs(one.ct) * abs(y)).sum()), float(abs(one.ct).max(initial=0.0))
        moved = [(np.spacing(abs(x)) / abs(dx))[dx != 0].max(initial=0.0) / 2 for x, dx in zip(xs, dxs)]
        return Line(at, noise, one.rough, size, unit, float(max(moved)))

    def _ask(self, one: Pulled, a: int, direction: np.ndarray, windows: int = len(WINDOWS)) -> Heard:
        """Hold the derivative along a direction of one argument against finite differences."""
        dxs = [direction if i == a else np.zeros_like(x) for i, x in enumerate(self.xs)]
        line = self._line(self.xs, dxs, one, self.ys[one.output])
        g, touched = one.gradients[a], direction != 0
        terms = (g * direction)[touched]
        rounding = float((one.rounding[a] * abs(direction))[touched].sum()) + SAFETY * EPS * float(abs(terms).sum())
        far, finite = scales(self.xs[a]), np.isfinite(g)
        # Of entries of one kind the largest gradient is the measure, of unequal ones the largest effect.
        sizes = (abs(g)[finite].max(initial=0.0) * abs(direction).max(), abs(g * far)[finite].max(initial=0.0))
        size = float(min(sizes)) * math.sqrt(touched.sum())
        return judge(line, float(terms.sum()), rounding, size, windows)

    def _entries(self, pulled: list[Pulled]) -> None:
        for a, (x, row) in enumerate(zip(self.xs, self.rows)):
            for one in pulled:
                if x.size > ENTRIES:
                    self._along(one, a, row)
                else:
                    self._each(one, a, row)

    def _each(self, one: Pulled, a: int, row: Row) -> None:
        """Examine entry by entry: all of them quickly, and what is left, the worst first, with care."""
        far = scales(self.xs[a])

        def entry(place: tuple[int, ...], windows: int = len(WINDOWS)) -> Heard:
            direction = np.zeros_like(far)
            direction[place] = far[place]
            return self._ask(one, a, direction, windows)

        quick = {place: entry(place, 1) for place in np.ndindex(far.shape)}
        doubtful = sorted((p for p in quick if quick[p].verdict != "agrees"), key=lambda p: -quick[p].error)
        row.entries += len(quick)
        for place in doubtful:
            quick[place] = heard = entry(place)
            if heard.verdict in PROBLEMS:
                self._blame(one, a, place, heard, float(far[place]), doubtful)
        for heard in quick.values():
            row.hear(heard)

    def _along(self, one: Pulled, a: int, row: Row) -> None:
        """Examine along random directions; a direction that is wrong is halved until it is an entry."""
        x = self.xs[a]
        for _ in range(self.directions):
            direction = drawn(self.rng, x.shape) * scales(x)
            heard = self._ask(one, a, direction)
            row.directions += 1
            if heard.verdict in PROBLEMS:
                self._halve(one, a, direction, heard)
            row.hear(heard)

    def _halve(self, one: Pulled, a: int, direction: np.ndarray, heard: Heard) -> None:
        flat = np.arange(direction.size)
        while len(flat) > 1:
            halves = []
            for half in (flat[: len(flat) // 2], flat[len(flat) // 2 :]):
                part = np.zeros(direction.size)
                part[half] = direction.flat[half]
                halves.append((half, self._ask(one, a, part.reshape(direction.shape))))
            found = [(half, h) for half, h in halves if h.verdict == heard.verdict]
            if not found:
                break
            flat, heard = max(found, key=lambda pair: pair[1].error)
        place = tuple(int(i) for i in np.unravel_index(flat[0], direction.shape)) if len(flat) == 1 else None
        self._blame(one, a, place, heard, float(direction[place]) if place is not None else 1.0, [])

    def _blame(
        self, one: Pulled, a: int, place: tuple[int, ...] | None, heard: Heard, far: float, others: Sequence[tuple[int, ...]]
    ) -> None:
        name = self.subject.names[a]
        where = f"{name}{list(place)}" if place else name if place == () else f"{name} along a random direction"
        if heard.verdict != "refuted":
            self.wrong(f"f has {PROBLEMS[heard.verdict]} at {where}: move the point", "cannot tell")
        expected = float(heard.estimate.value) / far
        text = f"gradient of {where}{one.of}: got {heard.got / far:.10g}, expected {expected:.10g}"
        text += f" by finite differences, good to {heard.tolerance / abs(far):.1g}; off by {heard.error:.3g} tolerances"
        if one.ct.size == 1:
            text += f" (cotangent {one.ct.item():g})"
        self.wrong(f"{text}. {self._hint(one, a, place, expected, others)}")

    def _hint(
        self, one: Pulled, a: int, place: tuple[int, ...] | None, expected: float, others: Sequence[tuple[int, ...]]
    ) -> str:
        """Say what the error looks like, and where to look."""
        g = one.gradients[a]
        got = float(g[place]) if place is not None else math.nan
        if not np.isfinite(g).all():
            return "It is no number where f has one: look for 0 * inf, or a branch that is not taken, in the backward pass."
        if not g.any():
            return "The whole gradient is zero: is f detached, or its cotangent ignored?"
        if single(g) and not single(one.ct):
            return "Every entry is a number of float32: the gradient is computed in fewer digits than f."
        if len(others) > 1 and others[0] == place:
            return f"{len(others)} of {g.size} entries are off, {_factor(got, expected)}: look for what they share."
        if place is not None:
            return f"It is off {_factor(got, expected)}: look at what the backward pass does for this entry."
        return "Look for an error that many entries share."

    # ----- a second point, and the other mode -----

    def _elsewhere(self, pulled: list[Pulled]) -> None:
        """Differentiate at a second point; then the first must be as it was."""
        xs = [x + drawn(self.rng, x.shape) * scales(x) * NUDGE for x in self.xs]
        try:
            ys = self.subject.values(xs)
        except Exception as error:  # beyond the domain of f
            self.report.skipped.append(f"{self.prefix}a second point: {in_one_line(error)}")
            return
        dxs = [drawn(self.rng, x.shape) * scales(x) for x in xs]
        told = True
        for one in pulled:
            y = ys[one.output]
            if y.shape != one.ct.shape or not np.isfinite(y).all():
                self.report.skipped.append(f"{self.prefix}a second point: f is of another shape or not finite there")
                return
            gradients = self.subject.pull(one.output, xs)[1](one.ct)
            terms = [g * dx for g, dx in zip(gradients, dxs)]
            size = sum(float(abs(t).sum()) for t in terms)
            rounding = sum(float((r * abs(dx)).sum()) for r, dx in zip(one.rounding, dxs)) + SAFETY * EPS * size
            got = sum(float(t.sum()) for t in terms)
            heard = judge(self._line(xs, dxs, one, y), got, rounding, math.sqrt(sum(float((t**2).sum()) for t in terms)))
            told = told and heard.verdict == "agrees"
            if heard.verdict == "refuted":
                self.wrong(
                    f"at a second point the derivative along a direction{one.of} is {heard.got:.10g}, expected "
                    f"{heard.estimate.value:.10g} by finite differences, though it is right at the first: does f keep state?"
                )
            for name, g, again in zip(self.subject.names, one.gradients, one.pullback(one.ct)):
                text = f"gradient of {name}{one.of}, asked again after f was differentiated elsewhere"
                self._same(again, g, text, "keep what the pullback needs with each call, not beside the function")
        if not told:
            self.report.skipped.append(f"{self.prefix}a second point: finite differences cannot tell there")
        self.report.checked.append(f"{self.prefix}the pullback is linear, pure and without state")

    def _forward(self, pulled: list[Pulled]) -> None:
        """The dot test: <u, J v> is <J'u, v>, without any difference."""
        if "forward" not in capabilities(self.subject.backend):
            self.report.skipped.append(f"{self.prefix}forward mode: {self.subject.backend.name} offers none")
            return
        vs = [drawn(self.rng, x.shape) * scales(x) for x in self.xs]
        towards = [drawn(self.rng, x.shape) * scales(x) * CLOSE for x in self.xs]
        for one in pulled:
            try:
                points = [[x + n * dx for x, dx in zip(self.xs, towards)] for n in range(SAMPLES)]
                pushed = [self.subject.push(one.output, xs, vs)[1] for xs in points]
            except Exception as error:  # a custom gradient need not have one
                self.report.skipped.append(f"{self.prefix}forward mode: {in_one_line(error)}")
                return
            dy = pushed[0]
            if dy.shape != one.y.shape or dy.dtype != one.y.dtype:
                self.wrong(f"tangent{one.of}: {dy.dtype} {dy.shape}, where {one.y.dtype} {one.y.shape} is right")
            forward = float((one.ct * dy).sum())
            backward = sum(float((g * v).sum()) for g, v in zip(one.gradients, vs))
            rounding = sum(float((r * abs(v)).sum()) for r, v in zip(one.rounding, vs))
            noise = float(scatter(np.array([(one.ct * p).sum() for p in pushed])))
            u = float(np.finfo(one.y.dtype).eps)
            total = float(abs(one.ct * dy).sum()) + sum(float(abs(g * v).sum()) for g, v in zip(one.gradients, vs))
            if not abs(forward - backward) <= rounding + SAFETY * (noise + 4 * u * total):
                modes = f"<u, Jv> = {forward:.17g} by forward mode, <J'u, v> = {backward:.17g} by reverse mode"
                hint = "Finite differences agree with reverse mode: look at the tangent"
                self.wrong(f"the modes disagree{one.of}: {modes}. {hint}.")
        self.report.checked.append(f"{self.prefix}forward mode agrees with reverse mode")


# ----- arrays -----


def drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return signed numbers of two decimals around one, none of which float32 holds exactly."""
    n = rng.integers(50, 200, shape)
    return np.asarray((n + (n % 25 == 0)) * rng.choice([-1, 1], shape) / 100)


def scales(x: np.ndarray) -> np.ndarray:
    """Return powers of two about as large as the entries, or a thousandth of the largest: how far each is moved."""
    largest = float(abs(x).max(initial=0.0)) or 1.0
    return 2.0 ** np.floor(np.log2(np.maximum(abs(x), largest / 1024)))


def single(x: np.ndarray) -> bool:
    """Whether all numbers are such as float32 holds."""
    return bool((x == x.astype(np.float32)).all())


def scatter(samples: np.ndarray) -> np.ndarray:
    """Return the size of the noise in equally spaced samples along the first axis, from their sixth differences."""
    found = np.sqrt((np.diff(samples, 6, axis=0) ** 2).mean(axis=0) * math.factorial(6) ** 2 / math.factorial(12))
    return np.nan_to_num(found, nan=0.0, posinf=0.0)  # beyond the domain of f there is nothing to see


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are the same numbers."""
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _factor(got: float, expected: float) -> str:
    return f"by a factor of {got / expected:.8g}" if abs(got) < 1e3 * abs(expected) else "where it should be almost zero"
