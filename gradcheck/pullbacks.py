"""The values and pullbacks of a function at a point: the same when asked twice, linear, pure, and how far rounding moves them.

What is found wrong here needs no finite difference.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.gradcheck.function import Argument, Arrays, GradientError, UserFunction
from clinometer.gradcheck.line import EPS, UserLine
from clinometer.gradcheck.report import apart
from clinometer.gradcheck.solvers import Left, left, tolerance
from clinometer.reference.verdict import SAFETY

__tracebackhide__ = True  # in pytest, as none of this is the user's

SAMPLES = 17  # points close by, at which rounding is watched
LINES = 2  # through a point, on which is looked for what a solver leaves
CLOSE = 2.0**-34  # how close, relative to an entry: far beyond its spacing, too near for the function to turn
FAR = (2.0**-7, 2.0**-20)  # how far the point is moved to see how far each entry of an output moves
TINY = float(np.finfo(np.float64).tiny)  # among subnormals not even doubling is exact
ALIKE = 10  # powers of two by which entries of an output may differ until the smaller are weighed up
LOUD = (2.0**-36, 2.0**-24, 2.0**-12)  # rounding in units of that: entries on two sides of a bound are examined apart


@dataclass
class PullbackSample:
    """The gradients of one output, for one cotangent."""

    output: int
    of: str  # " for output 1", where there are several
    y: np.ndarray
    weights: np.ndarray  # what the cotangent's entries are multiplied by
    ct: np.ndarray
    pullback: Callable[[np.ndarray], Arrays]
    gradients: Arrays
    rounding: Arrays = field(default_factory=list)  # what it may have done to each entry
    rough: float = 0.0  # what it is seen to do to the values
    floor: float = 0.0  # what it may have done to them
    around: list[Left] = field(default_factory=list)  # what a solver leaves in the values around


class Pullbacks:
    """The outputs of a function and their pullbacks, at a point."""

    def __init__(self, subject: UserFunction, rng: np.random.Generator, prefix: str = ""):
        self.subject, self.rng, self.prefix = subject, rng, prefix
        self.xs, self.names = subject.xs, subject.names
        self.ys = self._plain()
        self.live = [k for k, y in enumerate(self.ys) if y.dtype.kind == "f"]
        if not self.live:
            kinds = ", ".join(str(y.dtype) for y in self.ys)
            raise TypeError(f"f returns {kinds}: a derivative needs an output of floating type")
        self.moves, self.noises = self._moves(), self._noises()

    def wrong(self, text: str, outcome: str = "fail") -> None:
        """Raise a finding."""
        raise GradientError(self.prefix + text, outcome)

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

    # ----- cotangents -----

    def _moves(self) -> Arrays:
        """Return how far each entry of the outputs moves while the arguments move by their own size; one, if none is seen."""
        moves = [np.zeros(y.shape) for y in self.ys]
        for _ in range(2):
            towards = [drawn(self.rng, x.shape) * scales(x) for x in self.xs]
            for far in FAR:
                with contextlib.suppress(Exception):  # beyond the domain of f
                    moved = self.subject.values([x + far * dx for x, dx in zip(self.xs, towards)])
                    if all(z.shape == y.shape and np.isfinite(z).all() for y, z in zip(self.ys, moved, strict=True)):
                        seen = [
                            np.where(abs(z - y) > 64 * _eps(y) * abs(y), abs(z - y), 0.0) / far for y, z in self._floats(moved)
                        ]
                        moves = [np.maximum(m, s) for m, s in zip(moves, seen, strict=True)]
                        break
        return [np.where(m > 0, m, 1.0) for m in moves]

    def _noises(self) -> Arrays:
        """Return how far rounding moves each entry of the outputs, or is seen to, close by."""
        towards = [drawn(self.rng, x.shape) * scales(x) * CLOSE for x in self.xs]
        noises = [_eps(y) * abs(y).astype(np.float64) for y in self.ys]
        with contextlib.suppress(Exception):  # beyond the domain of f, or of another shape there
            samples = [self.subject.values([x + n * dx for x, dx in zip(self.xs, towards)]) for n in range(1, SAMPLES // 2 + 2)]
            seen = [scatter(np.array(column).astype(np.float64)) for column in zip(*samples, strict=True)]
            noises = [np.maximum(noise, s) for noise, s in zip(noises, seen, strict=True)]
        return noises

    def _floats(self, moved: Arrays) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(y.astype(np.float64), z.astype(np.float64)) for y, z in zip(self.ys, moved, strict=True)]

    def weights(self, k: int) -> list[np.ndarray]:
        """Return by what the entries of cotangents of an output are multiplied, so that none drowns another.

        Powers of two that make all entries of the output move alike. Where rounding hides some of them more than others,
        these have a cotangent of their own, and all others a zero in it.
        """
        moves = self.moves[k]
        exponents = np.floor(np.log2(moves))
        loud = np.digitize(self.noises[k] / moves, LOUD)
        found = []
        for one in np.unique(loud) if moves.size else [0]:
            behind = exponents.max(initial=-np.inf, where=loud == one) - exponents
            found.append(np.where(loud == one, 2.0 ** np.where(behind > ALIKE, np.minimum(behind, 100), 0), 0.0))
        return found

    def pulled(self) -> list[PullbackSample]:
        """Return the gradients of each output, for as many cotangents as it needs, and what rounding may do to them."""
        found = []
        for k in self.live:
            of = f" for output {k}" if len(self.ys) > 1 else ""
            found += [self._pull(k, of, weights) for weights in self.weights(k)]
        self._watch_rounding(found)
        return found

    def cotangent(self, weights: np.ndarray, k: int) -> np.ndarray:
        """Return a random cotangent of output k."""
        ct: np.ndarray = drawn(self.rng, weights.shape) * weights
        return ct.astype(self.ys[k].dtype)

    def _pull(self, k: int, of: str, weights: np.ndarray) -> PullbackSample:
        y, pullback, natives = self.subject.pull(k, self.xs)
        ct = self.cotangent(weights, k)
        if y.shape != ct.shape or y.dtype != ct.dtype:
            self.wrong(f"the value{of} is {y.dtype} {y.shape} while f is differentiated, and {ct.dtype} {ct.shape} otherwise")
        gradients = pullback(ct)
        for name, x, g in zip(self.names, self.xs, gradients):
            if g.shape != x.shape or g.dtype != x.dtype:
                self.wrong(f"gradient of {name}{of}: {g.dtype} {g.shape}, where {x.dtype} {x.shape} is right")
        for name, x, native in zip(self.names, self.xs, natives):
            if not same(self.subject.numpy(native), x):
                self.wrong(f"{name} is changed in place while f is differentiated{of}; let f or its gradient work on a copy")
        return PullbackSample(k, of, y, weights, ct, pullback, gradients)

    # ----- rounding -----

    def _watch_rounding(self, pulled: list[PullbackSample]) -> None:
        """Measure what rounding does to values and gradients, from their scatter at points close by.

        The point itself is left out: a gradient that is another one there and nowhere else is wrong, and not rounded.
        """
        towards = [drawn(self.rng, x.shape) * scales(x) * CLOSE for x in self.xs]
        for one in pulled:
            samples = []
            turn = (drawn(self.rng, one.ct.shape) * one.ct * CLOSE).astype(one.ct.dtype)  # a linear f has but one pullback
            for n in range(1, SAMPLES):
                y, pullback, _ = self.subject.pull(one.output, [x + n * dx for x, dx in zip(self.xs, towards)])
                samples.append([y, *pullback(one.ct + n * turn)])
            noise, *noises = (scatter(np.array(column)) for column in zip(*samples, strict=True))
            allowed = SAFETY * (noise + 4 * _eps(one.y) * abs(one.y))
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

    # ----- along lines -----

    def _line(self, xs: Arrays, dxs: Arrays, one: PullbackSample, y: np.ndarray) -> UserLine:
        """Return an output along a direction."""

        def at(t: float) -> float:
            try:
                moved = self.subject.values([x + t * dx for x, dx in zip(xs, dxs)])[one.output]
            except Exception:  # beyond the domain of f
                return math.nan
            return float((one.ct * (moved - y)).sum()) if moved.shape == y.shape else math.nan

        noise = float((abs(one.ct) * np.spacing(abs(y))).sum()) / 2
        size = float((abs(one.ct) * abs(y)).sum())
        unit = float((abs(one.ct) / np.maximum(one.weights, 1)).max(initial=0.0))  # of the entries that move most
        moved = [(np.spacing(abs(x)) / abs(dx))[dx != 0].max(initial=0.0) / 2 for x, dx in zip(xs, dxs)]
        wide = max(float(scales(x).max(initial=0.0) / abs(dx).max(initial=1e-300)) for x, dx in zip(xs, dxs) if dx.any())
        return UserLine(at, noise, one.rough, size, unit, float(max(moved)), max(wide, 1.0))

    def _around(self, one: PullbackSample) -> Iterator[Left]:
        """Yield what a solver leaves along random directions of all arguments, looked for once."""
        for k in range(LINES):
            if k == len(one.around):
                dxs = [drawn(self.rng, x.shape) * scales(x) for x in self.xs]
                one.around.append(left(self._line(self.xs, dxs, one, self.ys[one.output]), norm(one.gradients, dxs)))
            yield one.around[k]

    # ----- what a pullback is -----

    def repeats(self, one: PullbackSample) -> None:
        """The pullback gives the same bits again."""
        for name, g, again in zip(self.names, one.gradients, one.pullback(one.ct)):
            self.same(again, g, f"gradient of {name}{one.of}: a second call of the pullback", "it must keep no state")

    def doubles(self, one: PullbackSample) -> None:
        """Minus twice the cotangent gives minus twice the gradient, within rounding."""
        allowed = [self._allowed(one, a, 2 * abs(g)) for a, g in enumerate(one.gradients)]
        self._linear(one, -2 * one.ct, [-2 * g for g in one.gradients], allowed, "-2 times the cotangent")

    def adds(self, one: PullbackSample) -> None:
        """A sum of cotangents gives the sum of gradients, within rounding."""
        other, turn = (self.cotangent(one.weights, one.output) for _ in range(2))
        samples = [one.pullback(other + (n * CLOSE * turn).astype(one.ct.dtype)) for n in range(SAMPLES)]
        noises = [scatter(np.array(column)) for column in zip(*samples, strict=True)]
        pairs = list(zip(one.gradients, samples[0], strict=True))
        allowed = [self._allowed(one, i, abs(a) + abs(b), noise) for i, ((a, b), noise) in enumerate(zip(pairs, noises))]
        self._linear(one, one.ct + other, [a + b for a, b in pairs], allowed, "the sum of two cotangents")

    def _allowed(self, one: PullbackSample, a: int, size: np.ndarray, noise: Any = 0.0) -> float:
        """Return how far rounding may move a gradient from a sum of such: what a pullback mixes, all entries bear."""
        seen, largest = (np.fmax.reduce(np.ravel(x), initial=0.0) for x in (one.rounding[a] + SAFETY * noise, size))
        return float(TINY + one.floor + 4 * seen + SAFETY * 8 * EPS * largest)

    def _linear(self, one: PullbackSample, ct: np.ndarray, wants: Arrays, allowed: list[float], of: str) -> None:
        hint = "a pullback is linear: does it use its cotangent, or iterate to a fixed tolerance?"
        for a, (name, got, want, far) in enumerate(zip(self.names, one.pullback(ct), wants, allowed, strict=True)):
            self.close(got, want, far, f"gradient of {name}{one.of} for {of}", hint, solved=(one, a))

    def alone(self, one: PullbackSample) -> None:
        """An argument alone, the others being constants, has the gradient that it has among all."""
        if len(self.xs) == 1:
            return
        for a, name in enumerate(self.names):
            others = [Argument(x.name, x.value, x.constant if x.name == name else "fixed") for x in self.subject.arguments]
            alone = UserFunction(
                self.subject.f, others, self.subject.backend, f"f in {name} alone, the other arguments being constants,"
            )
            (g,) = alone.pull(one.output, alone.xs)[1](one.ct)
            text = f"gradient of {name}{one.of}, the other arguments being constants"
            hint = "it must be the one that it is among all"
            self.close(g, one.gradients[a], 2 * one.rounding[a], text, hint, solved=(one, a))

    def _solved(self, one: PullbackSample, a: int, place: tuple[int, ...]) -> float:
        """Return how far a solver within the pullback may move an entry of a gradient.

        While the cotangent turns, the entry of a linear pullback runs along a straight line. If it is seen to jump, however
        slightly, a solver stops, or takes other steps; or numbers of fewer digits are rounded. Where the values of f are those
        of a solver, the gradient is as good as they are.
        """
        g, turn = one.gradients[a], self.cotangent(one.weights, one.output)
        size = float(np.fmax.reduce(np.ravel(abs(g)), initial=0.0))
        noise = float(one.rounding[a][place] + 4 * EPS * size) / SAFETY
        line = UserLine(lambda t: float(one.pullback(one.ct + (t * turn).astype(one.ct.dtype))[a][place] - g[place]), noise)
        return max(tolerance(line, size), size * max(it.part for it in self._around(one)))

    def same(self, got: np.ndarray, want: np.ndarray, text: str, hint: str) -> None:
        """Demand equal numbers."""
        if not same(got, want):
            self.close(got, want, 0.0, text, hint)

    def close(
        self,
        got: np.ndarray,
        want: np.ndarray,
        allowed: Any,
        text: str,
        hint: str,
        solved: tuple[PullbackSample, int] | None = None,
    ) -> None:
        """Demand numbers that are not further apart than allowed, or than a solver within a pullback may move them."""
        if got.shape != want.shape or got.dtype != want.dtype:
            self.wrong(f"{text}: {got.dtype} {got.shape}, where {want.dtype} {want.shape} is right")
        # An infinite gradient is left to finite differences.
        off = ~(abs(got - want) <= allowed) & (got != want) & np.isfinite(want)
        if off.any():
            distances = np.where(off, np.nan_to_num(abs(got - want), nan=np.inf), 0.0)
            place = tuple(int(i) for i in np.unravel_index(np.argmax(distances), got.shape))
            if solved and distances[place] <= self._solved(*solved, place):
                return
            at = f" at {list(place)}" if place else ""
            found, due = apart(float(got[place]), float(want[place]))
            self.wrong(f"{text}: got {found}, expected {due}{at}; {hint}")


# ----- arrays -----


def drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return signed numbers of two decimals around one, none of which float32 holds exactly."""
    n = rng.integers(50, 200, shape)
    return np.asarray((n + (n % 25 == 0)) * rng.choice([-1, 1], shape) / 100)


def scales(x: np.ndarray) -> np.ndarray:
    """Return powers of two about as large as the entries, or a thousandth of the largest: how far each is moved."""
    largest = float(abs(x).max(initial=0.0)) or 1.0
    powers: np.ndarray = 2.0 ** np.floor(np.log2(np.maximum(abs(x), largest / 1024)))
    return powers


def single(x: np.ndarray) -> bool:
    """Whether all numbers are such as float32 holds."""
    return bool((x == x.astype(np.float32)).all())


def scatter(samples: np.ndarray) -> np.ndarray:
    """Return the size of the noise in equally spaced samples along the first axis, from their sixth differences."""
    found = np.sqrt((np.diff(samples, 6, axis=0) ** 2).mean(axis=0) * math.factorial(6) ** 2 / math.factorial(12))
    seen: np.ndarray = np.nan_to_num(found, nan=0.0, posinf=0.0)  # beyond the domain of f there is nothing to see
    return seen


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are the same numbers."""
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _eps(y: np.ndarray) -> float:
    return float(np.finfo(y.dtype).eps) if y.dtype.kind == "f" else 0.0


def norm(gradients: Arrays, dxs: Arrays) -> float:
    """Return the size of a derivative along a direction, whatever cancels in it."""
    return math.sqrt(sum(float(((np.nan_to_num(g) * dx) ** 2).sum()) for g, dx in zip(gradients, dxs)))
