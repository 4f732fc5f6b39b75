"""All that is asked of a function of one's own at a point, the cheapest first.

The first thing that is wrong is raised as a `GradientError`; what cannot be asked is noted in the report.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from clinometer.backends import capabilities
from clinometer.backends.raised import in_one_line
from clinometer.gradcheck.differences import POOR, WINDOWS, Judgement, judge_derivative
from clinometer.gradcheck.function import Arrays, UserFunction
from clinometer.gradcheck.line import EPS, UserLine
from clinometer.gradcheck.pullbacks import CLOSE, SAMPLES, Pullbacks, PullbackSample, drawn, norm, scales, scatter, single
from clinometer.gradcheck.report import GradientReport, Row, apart, factor
from clinometer.gradcheck.solvers import tolerance
from clinometer.reference.verdict import SAFETY

__tracebackhide__ = True  # in pytest, as none of this is the user's

ENTRIES = 512  # of an argument: up to here each entry is examined alone, beyond it along directions
NUDGE = 2.0**-8  # from the point to the second one
PROBLEMS = {"refuted": "a wrong gradient", "kink": "a kink", "jump": "a jump", "edge": "the edge of its domain"}


class Inspection(Pullbacks):
    """All that is asked of a function at a point, the cheapest first."""

    def __init__(
        self, subject: UserFunction, report: GradientReport, rng: np.random.Generator, directions: int, prefix: str = ""
    ):
        super().__init__(subject, rng, prefix)
        self.report, self.directions = report, directions
        self.rows = [Row(prefix + n, f"{x.dtype} {x.shape}") for n, x in zip(subject.names, self.xs)]

    def run(self) -> None:
        """Ask; the first thing that is wrong is raised."""
        self.report.rows += self.rows
        pulled = self.pulled()
        for one in pulled:
            self.repeats(one)
            self.doubles(one)
        self._entries(pulled)
        for one in pulled:
            self.adds(one)
            self.alone(one)
        self._elsewhere(pulled)
        self._forward(pulled)

    # ----- against finite differences -----

    def _ask(self, one: PullbackSample, a: int, direction: np.ndarray, windows: int = len(WINDOWS)) -> Judgement:
        """Hold the derivative along a direction of one argument against finite differences."""
        dxs = [direction if i == a else np.zeros_like(x) for i, x in enumerate(self.xs)]
        line = self._line(self.xs, dxs, one, self.ys[one.output])
        g, touched = one.gradients[a], direction != 0
        terms = (g * direction)[touched]
        rounding = float((one.rounding[a] * abs(direction))[touched].sum()) + SAFETY * EPS * float(abs(terms).sum())
        rounding = rounding if math.isfinite(rounding) else 0.0  # of what is no number the differences say how good they are
        far, finite = scales(self.xs[a]), np.isfinite(g)
        # Of entries of one kind the largest gradient is the measure, of unequal ones the largest effect.
        sizes = (abs(g)[finite].max(initial=0.0) * abs(direction).max(), abs(g * far)[finite].max(initial=0.0))
        size = float(min(sizes)) * math.sqrt(touched.sum())
        return judge_derivative(line, float(terms.sum()), rounding, size, windows, self._around(one))

    def _entries(self, pulled: list[PullbackSample]) -> None:
        for a, (x, row) in enumerate(zip(self.xs, self.rows)):
            for one in pulled:
                if x.size > ENTRIES:
                    self._along(one, a, row)
                else:
                    self._each(one, a, row)

    def _each(self, one: PullbackSample, a: int, row: Row) -> None:
        """Examine entry by entry: all of them quickly, and what is left, the worst first, with care."""
        far = scales(self.xs[a])

        def entry(place: tuple[int, ...], windows: int = len(WINDOWS)) -> Judgement:
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
        for place, heard in quick.items():
            row.count(heard, f"{self.names[a]}{list(place) if place else ''}{one.of}")

    def _along(self, one: PullbackSample, a: int, row: Row) -> None:
        """Examine along random directions; a direction that is wrong is halved until it is an entry."""
        x = self.xs[a]
        for _ in range(self.directions):
            direction = drawn(self.rng, x.shape) * scales(x)
            heard = self._ask(one, a, direction)
            row.directions += 1
            if heard.verdict in PROBLEMS:
                self._halve(one, a, direction, heard)
            row.count(heard, f"{self.names[a]} along a random direction{one.of}")

    def _halve(self, one: PullbackSample, a: int, direction: np.ndarray, heard: Judgement) -> None:
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
        self,
        one: PullbackSample,
        a: int,
        place: tuple[int, ...] | None,
        heard: Judgement,
        far: float,
        others: Sequence[tuple[int, ...]],
    ) -> None:
        name = self.names[a]
        where = f"{name}{list(place)}" if place else name if place == () else f"{name} along a random direction"
        if heard.verdict != "refuted":
            self.wrong(f"f has {PROBLEMS[heard.verdict]} at {where}: move the point", "cannot tell")
        got, expected = heard.got / far, float(heard.estimate.value) / far
        shown, due = apart(got, expected)
        text = f"gradient of {where}{one.of}: got {shown}, expected {due}"
        text += f" by finite differences, good to {heard.tolerance / abs(far):.1g}; off by {heard.error:.3g} tolerances"
        if one.ct.size == 1:
            text += f" (cotangent {one.ct.item():g})"
        self.wrong(f"{text}. {self._hint(one, a, place, expected, others)}")

    def _hint(
        self, one: PullbackSample, a: int, place: tuple[int, ...] | None, expected: float, others: Sequence[tuple[int, ...]]
    ) -> str:
        """Say what the error looks like, and where to look."""
        g = one.gradients[a]
        got = float(g[place]) if place is not None else math.nan
        if not np.isfinite(g).all():
            return "It is no number where f has one: look for 0 * inf, or a branch that is not taken, in the backward pass."
        if not g.any():
            said = self.subject.said(one.output, a, one.ct)
            return f"The whole gradient is zero{f': {said}' if said else ': is f detached, or its cotangent ignored?'}"
        if single(g) and not single(one.ct):
            return "Every entry is a number of float32: the gradient is computed in fewer digits than f."
        if len(others) > 1 and others[0] == place:
            return f"{len(others)} of {g.size} entries are off, {factor(got, expected)}: look for what they share."
        if place is not None:
            return f"It is off {factor(got, expected)}: look at what the backward pass does for this entry."
        return "Look for an error that many entries share."

    # ----- a second point, and the other mode -----

    def _elsewhere(self, pulled: list[PullbackSample]) -> None:
        """Differentiate at a second point; then the first must be as it was."""
        missing = self._second(pulled)
        if missing:
            self.report.skipped.append(f"{self.prefix}a second point: {missing}")
        kept = "linear and pure" if missing else "linear, pure and without state"
        self.report.checked.append(f"{self.prefix}the pullback is {kept}")

    def _second(self, pulled: list[PullbackSample]) -> str:
        """Return why nothing can be told at the second point, if so."""
        xs = [x + drawn(self.rng, x.shape) * scales(x) * NUDGE for x in self.xs]
        try:
            ys = self.subject.values(xs)
        except Exception as error:  # beyond the domain of f
            return in_one_line(error)
        if any(ys[k].shape != self.ys[k].shape or not np.isfinite(ys[k]).all() for k in self.live):
            return "f is of another shape or not finite there"
        dxs = [drawn(self.rng, x.shape) * scales(x) for x in xs]
        told = True
        for one in pulled:
            heard = self._towards(one, xs, dxs, self.subject.pull(one.output, xs)[1](one.ct), ys[one.output])
            told = told and heard.verdict == "agrees"
            if heard.verdict == "refuted":
                got, due = apart(heard.got, float(heard.estimate.value))
                self.wrong(
                    f"at a second point the derivative along a direction{one.of} is {got}, expected {due} by finite "
                    "differences, though it is right at the first: does f keep state?"
                )
            for name, g, again in zip(self.names, one.gradients, one.pullback(one.ct)):
                text = f"gradient of {name}{one.of}, asked again after f was differentiated elsewhere"
                self.same(again, g, text, "keep what the pullback needs with each call, not beside the function")
        return "" if told else "finite differences cannot tell there"

    def _towards(
        self, one: PullbackSample, xs: Arrays, dxs: Arrays, gradients: Arrays, y: np.ndarray, got: float | None = None
    ) -> Judgement:
        """Hold a derivative along a direction of all arguments against differences: that of the gradients, or another one."""
        terms = [np.nan_to_num(g) * dx for g, dx in zip(gradients, dxs)]  # of not-a-number the other mode says how large it is
        size = sum(float(abs(t).sum()) for t in terms)
        rounding = sum(float((np.nan_to_num(r) * abs(dx)).sum()) for r, dx in zip(one.rounding, dxs)) + SAFETY * EPS * size
        got = sum(float((g * dx).sum()) for g, dx in zip(gradients, dxs)) if got is None else got
        return judge_derivative(self._line(xs, dxs, one, y), got, rounding, norm(gradients, dxs), around=self._around(one))

    def _forward(self, pulled: list[PullbackSample]) -> None:
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
            noise = float(scatter(np.array([(one.ct * p).sum() for p in pushed[1:]])))
            u = float(np.finfo(one.y.dtype).eps)
            total = float(abs(one.ct * dy).sum()) + sum(float(abs(g * v).sum()) for g, v in zip(one.gradients, vs))
            allowed = rounding + SAFETY * (noise + 4 * u * total)
            if not abs(forward - backward) <= allowed and not abs(forward - backward) <= self._solving(one, vs, total):
                self._disagree(one, vs, forward, backward)
            if allowed > POOR * total and total > one.floor:
                self.report.skipped.append(f"{self.prefix}forward mode: rounding hides whether it agrees with reverse mode")
                return
        self.report.checked.append(f"{self.prefix}forward mode agrees with reverse mode")

    def _solving(self, one: PullbackSample, vs: Arrays, size: float) -> float:
        """Return how far a solver within either mode, or rounding to fewer digits, may move <u, J v>."""
        turn, turns = self.cotangent(one.weights, one.output), [drawn(self.rng, v.shape) * v for v in vs]
        start = one.pullback(one.ct)

        def backward(t: float) -> float:
            gradients = one.pullback(one.ct + (t * turn).astype(one.ct.dtype))
            return sum(float(((g - g0) * v).sum()) for g, g0, v in zip(gradients, start, vs))

        def forward(t: float) -> float:
            dy = self.subject.push(one.output, self.xs, [v + t * dv for v, dv in zip(vs, turns)])[1]
            return float((one.ct * dy).sum())

        return sum(tolerance(UserLine(f, 4 * EPS * size), size) for f in (backward, forward))

    def _disagree(self, one: PullbackSample, vs: Arrays, forward: float, backward: float) -> None:
        """Blame the mode that finite differences refute, if they refute one and agree with the other."""
        pushed, pulled = apart(forward, backward)
        asked = {"forward": forward, "reverse": backward}
        heard = {mode: self._towards(one, self.xs, vs, one.gradients, self.ys[one.output], got) for mode, got in asked.items()}
        right = [mode for mode in asked if heard[mode].verdict == "agrees"]
        if len(right) == 2 and any(h.solved for h in heard.values()):
            return  # each to the tolerance of its solver
        hint = "One of them is wrong; finite differences cannot tell which"
        if len(right) == 1:
            look = {"forward": "backward pass", "reverse": "tangent"}[right[0]]
            hint = f"Finite differences agree with {right[0]} mode: look at the {look}"
        self.wrong(
            f"the modes disagree{one.of}: <u, Jv> = {pushed} by forward mode, <J'u, v> = {pulled} by reverse mode. {hint}."
        )
