"""Programs that several chapters ask about."""

from typing import Any

from hypothesis import strategies as st

from clinometer.harness.cells import programs
from clinometer.reference.catalogue import CATALOGUE

SQUARES = programs(lambda ad, x: x * x, mode="tape")
SUM_OF_SQUARES = programs(lambda ad, x: ad.sum(x * x), mode="tape")
TWO_INPUTS = programs(lambda ad, x, y: x * y + ad.sin(x), mode="tape")
SAFE = CATALOGUE["reciprocal"].domains[0]

NUMBERS = {
    "3*x": lambda ad, x: 3 * x,
    "2-x": lambda ad, x: 2.0 - x,
    "1/x": lambda ad, x: 1 / x,
    "x/4": lambda ad, x: x / 4.0,
    "x+1": lambda ad, x: x + 1.0,
}

CUTS = ["stop_gradient"]

CUTS_IN_FLOW = {
    "in a loop": lambda ad, x: ad.repeat_times(3, lambda a: a * ad.stop_gradient(a) + x, x * 0.25),
    "in a branch": lambda ad, x: ad.cond(ad.sum(x) > 0, lambda: x * ad.stop_gradient(x), lambda: ad.stop_gradient(x) * 3.0 + x),
    "of the test": lambda ad, x: ad.cond(ad.stop_gradient(ad.sum(x)) > 0, lambda: x * x, lambda: x * 2.0),
}


def halving(ad, x):
    """Halve while the sum of squares exceeds 1: the trip count depends on the data, zero included."""
    return ad.while_loop(lambda a: ad.sum(a * a) > 1.0, lambda a: a * 0.5, x)


def growing(ad, x):
    """Carry two values; the second captures the input."""
    y, total = ad.while_loop(lambda a, s: ad.sum(s * s) < 20.0, lambda a, s: (a * 1.5, s + ad.sin(a) * x + 1.0), x, x * 0.0)
    return y + total


def early(ad, x):
    """Return early from two nested tests."""
    return ad.cond(
        ad.max(x) > 3.0,
        lambda: x * 2.0,
        lambda: ad.cond(ad.sum(x) < -1.0, lambda: x * x * x, lambda: ad.sin(x)),
    )


def recursive(depth):
    """Return a program that unrolls a recursion: f(x) = x * f(x / 2) down to `depth`."""

    def f(ad, x, level=0):
        return ad.cos(x) if level == depth else x * f(ad, x * 0.5, level + 1)

    return lambda ad, x: f(ad, x)


BRANCHES = {
    "a or 100*a": lambda ad, x: ad.cond(ad.sum(x) > 0, lambda: x * 1.0, lambda: 100 * x),
    "x or x*x": lambda ad, x: ad.cond(ad.sqrt(ad.sum(x * x)) > 10.0, lambda: x * 1.0, lambda: x * x),
    "single entry": lambda ad, x: ad.cond(ad.max(x) > 1.0, lambda: ad.exp(x * 0.1), lambda: ad.sin(x) * x),
    "early return": early,
    "captured": lambda ad, x: (lambda a: ad.cond(ad.sum(x) > 0, lambda: a * x, lambda: a + x))(ad.sin(x)),
}

LOOPS = {
    "for": lambda ad, x: ad.repeat_times(4, lambda a: ad.sin(a) + x * a, x),
    "for, no trip": lambda ad, x: ad.repeat_times(0, lambda a: a * a, x * 3.0),
    "while": halving,
    "while, two carried": growing,
    "recursion": recursive(3),
}

SPREAD: dict[str, Any] = {"scale": 4.0, "profiles": ("normal", "fractions", "integers")}


# A library that traces compiles a function for each shape, so the shapes of all examples come from a short list: one of
# each rank, since for a second one of the same some compile again what is to fit all lengths. `torch.cond` takes 120 ms of
# CPU time for a function of a new rank, 300 for one of a new length, and 20 where it has met the shape.
FEW_SHAPES = st.sampled_from(((3,), (2, 3), (2, 1, 3)))
FEW_OR_NONE = st.sampled_from(((3,), (), (2, 3)))  # of a function that needs no axis


def nested(ad, x):
    """Branch inside a loop, on what is carried and on what is captured."""
    scale = ad.cos(x)
    return ad.repeat_times(2, lambda a: ad.cond(ad.sum(a * x) > 0, lambda: a * scale, lambda: ad.sin(a) + x), x)


def waiting(ad, x):
    """Loop inside a branch: what is not taken would take long."""
    return ad.cond(
        ad.sum(x * x) > 4.0,
        lambda: ad.while_loop(lambda a: ad.sum(a * a) > 1.0, lambda a: ad.sin(x) * a * 0.5, x),
        lambda: ad.sin(x) * x,
    )


WHILES = {name: f for name, f in LOOPS.items() if name.startswith("while")} | {"while in a branch": waiting}

REPEATS = {name: f for name, f in LOOPS.items() if name.startswith("for")} | {"branch in a loop": nested}

FLOWS = {**BRANCHES, **WHILES, **REPEATS}
