"""Custom gradients of one layer, tanh(x @ w), right and wrong, in autograd; and smooth functions at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp, primitive
from autograd.tracer import getval

Slopes = Callable[[Any, Any, Any, Any], tuple[Any, Any]]  # y, x, w, ct to the gradients of x and w


def right(y: Any, x: Any, w: Any, ct: Any) -> tuple[Any, Any]:
    d = ct * (1 - y * y)
    return anp.dot(d, w.T), anp.dot(x.T, d)


def other_way(y: Any, x: Any, w: Any, ct: Any) -> tuple[Any, Any]:
    d = ct / anp.cosh(anp.dot(x, w)) ** 2
    return anp.einsum("ik,jk->ij", d, w), anp.einsum("ij,ik->jk", x, d)


def after(change: Callable[[Any, Any], tuple[Any, Any]]) -> Slopes:
    """Return the right gradients, changed."""
    return lambda y, x, w, ct: change(*right(y, x, w, ct))


def before(change: Callable[[Any], Any]) -> Slopes:
    """Return the right gradients for a changed cotangent."""
    return lambda y, x, w, ct: right(y, x, w, change(ct))


def one_entry(g: Any) -> Any:
    return g * np.where(np.arange(g.size) == 4, 1.5, 1.0).reshape(g.shape)


def changes_input(y: Any, x: Any, w: Any, ct: Any) -> tuple[Any, Any]:
    found = right(y, x, w, ct)
    x *= 2
    return found


def changes_cotangent(y: Any, x: Any, w: Any, ct: Any) -> tuple[Any, Any]:
    found = right(y, x, w, ct)
    ct *= 2
    return found


def stale() -> Slopes:
    """Return gradients at the first point that they were ever asked at."""
    first: list[Any] = []

    def slopes(y: Any, x: Any, w: Any, ct: Any) -> tuple[Any, Any]:
        first.extend([] if first else [np.array(y), np.array(x), np.array(w)])
        return right(*first, ct)

    return slopes


def moody() -> Slopes:
    """Return gradients that grow from call to call."""
    calls: list[int] = []

    def slopes(y: Any, x: Any, w: Any, ct: Any) -> tuple[Any, Any]:
        calls.append(1)
        gx, gw = right(y, x, w, ct)
        return gx * (1 + 1e-12 * len(calls)), gw

    return slopes


SOUND: dict[str, Slopes] = {"right": right, "written another way": other_way}

# What is wrong, and how it is asked for; then words of the message.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "factor": ({}, "9 of 9 entries are off, by a factor of 1.05: look"),
    "millionth": ({}, "9 of 9 entries are off, by a factor of 1.000001: look"),
    "sign": ({}, "by a factor of -1: look"),
    "one entry": ({}, "gradient of args[0][1, 1]: got "),
    "transposed": ({}, "gradient of args[1]"),
    "zero": ({}, "The whole gradient is zero"),
    "stale": ({}, "at a second point the derivative along a direction is"),
    "moody": ({}, "a second call of the pullback"),
    "single": ({}, "Every entry is a number of float32"),
    "dtype": ({}, "gradient of args[0]"),
    "shape": ({}, "gradient of args[0]"),
    "changes input": ({}, "args[0] is changed in place"),
    "changes cotangent": ({}, "the pullback changes its cotangent in place"),
    "ignores cotangent": ({}, "for -2 times the cotangent"),
    "absolute cotangent": ({}, "for -2 times the cotangent"),
    "clipped cotangent": ({}, "the cotangent"),
    "constant slope": ({"order": 2}, "second order: gradient of args[0]"),
}


def _wrong(name: str) -> Slopes:
    table: dict[str, Slopes] = {
        "factor": after(lambda gx, gw: (gx * 1.05, gw)),
        "millionth": after(lambda gx, gw: (gx * (1 + 1e-6), gw)),
        "sign": after(lambda gx, gw: (gx, -gw)),
        "one entry": after(lambda gx, gw: (one_entry(gx), gw)),
        "transposed": after(lambda gx, gw: (gx, gw.T)),
        "zero": after(lambda gx, gw: (gx * 0, gw)),
        "stale": stale(),
        "moody": moody(),
        "single": after(lambda gx, gw: (gx.astype(np.float32).astype(np.float64), gw)),
        "dtype": after(lambda gx, gw: (gx.astype(np.float32), gw)),
        "shape": after(lambda gx, gw: (gx[:1], gw)),
        "changes input": changes_input,
        "changes cotangent": changes_cotangent,
        "ignores cotangent": before(lambda ct: ct * 0 + 1),
        "absolute cotangent": before(abs),
        "clipped cotangent": before(lambda ct: np.clip(ct, -1.5, 1.5)),
        "constant slope": lambda y, x, w, ct: right(getval(y), getval(x), getval(w), ct),
    }
    return table[name]


def layer(name: str) -> Callable[..., Any]:
    """Return tanh(x @ w) with the gradients of that name."""
    slopes = SOUND[name] if name in SOUND else _wrong(name)
    f = primitive(lambda x, w: np.tanh(x @ w))
    defvjp(f, lambda y, x, w: lambda ct: slopes(y, x, w, ct)[0], lambda y, x, w: lambda ct: slopes(y, x, w, ct)[1])
    return f


SMOOTH: tuple[Callable[[Any], Any], ...] = (
    anp.sin,
    anp.tanh,
    lambda x: x * x,
    lambda x: x**3 - x,
    lambda x: anp.exp(anp.sin(x)),
    lambda x: anp.log(1 + x * x),
    lambda x: anp.sqrt(1 + x * x),
    lambda x: 1 / (2 + anp.cos(x)),
    anp.arctan,
    lambda x: 2.5 * x + 1,
    lambda x: anp.sin(3 * x),
    lambda x: x + anp.sum(anp.cos(x)),
)


def random_function(seed: int) -> tuple[Callable[..., Any], list[np.ndarray]]:
    """Return a composition of smooth functions of one or two arguments, and a point."""
    rng = np.random.default_rng(seed)
    chain = [SMOOTH[i] for i in rng.integers(0, len(SMOOTH), rng.integers(1, 4))]
    shape = [(), (3,), (2, 3), (1, 4)][rng.integers(0, 4)]
    whole = bool(rng.integers(0, 2))

    def f(*xs: Any) -> Any:
        x = xs[0] if len(xs) == 1 else xs[0] * anp.cos(xs[1]) + xs[1]
        for step in chain:
            x = step(x)
        return anp.sum(x) if whole else x

    return f, [np.asarray(rng.normal(size=shape)) for _ in range(rng.integers(1, 3))]


def known_pullback(f: Callable[[Any], Any], vjp: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return a function of one array in numpy, and its pullback (ct, x), as autograd has them."""
    known = primitive(f)
    defvjp(known, lambda y, x: lambda ct: vjp(ct, x))
    return known
