"""Values: drawn in bulk from a profile and a seed, inside a domain and clear of its kinks.

Element by element a thousand numbers cost Hypothesis milliseconds and are mostly equal; a drawn profile and a drawn
seed cost two draws. Simple profiles come first, so that shrinking still ends at numbers one can read.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clinometer.reference.arithmetic.rounding import PRECISIONS
from clinometer.reference.catalogue import Domain

MARGIN = 2.0**-6  # from kinks, ties and edges: far more than rounding moves, enough for a finite difference
Shape = tuple[int, ...]

DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, Shape], np.ndarray]] = {
    "ones": lambda rng, shape: np.ones(shape),
    "integers": lambda rng, shape: rng.integers(-4, 5, shape).astype(float),
    "fractions": lambda rng, shape: rng.integers(-24, 25, shape) / 8,
    "normal": lambda rng, shape: np.round(rng.normal(0, 1.5, shape), 4),
    "wide": lambda rng, shape: signs(rng, shape) * 10.0 ** rng.uniform(-3, 2, shape),
}


def signs(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Return 1 and -1 at random: what `rng.choice` would, in a third of its time."""
    return 2 * rng.integers(0, 2, shape) - 1


def values(rng: np.random.Generator, profile: str, shape: Shape, domain: Domain, dtype: str) -> np.ndarray:
    """Return numbers that `dtype` holds exactly, at least `MARGIN` inside `domain`; complex ones off the real axis."""
    if PRECISIONS[dtype].complex:
        real = "float32" if dtype == "complex64" else "float64"
        parts = [values(rng, profile, shape, part, real) for part in (domain.within(4.0), IMAGINARY)]
        return (parts[0] + 1j * parts[1]).astype(dtype)
    x = np.asarray(_fit(DISTRIBUTIONS[profile](rng, shape), domain), dtype)
    for _ in range(8):
        clear = domain.distance(x.astype(float)) >= MARGIN
        if clear.all():
            return x
        x = np.where(clear, x, _fit(rng.normal(0, 1.5, shape), domain).astype(dtype))
    return np.where(domain.distance(x.astype(float)) >= MARGIN, x, np.asarray(safe_point(domain), dtype))


# Clear of the branch cuts, which lie on the real axis, and of the poles of tanh.
IMAGINARY = Domain(-1.25, 1.25, avoid=(0.0,))


def _fit(x: np.ndarray, domain: Domain) -> np.ndarray:
    """Fold numbers into an interval, so that most stay as simple as they are."""
    low, high = domain.low, domain.high
    if np.isfinite(low) and np.isfinite(high):
        width = high - low
        outside = (x <= low) | (x >= high)
        return np.where(outside, low + width * np.round(np.mod(np.abs(x) * 0.3819660, 1.0), 3), x)
    if np.isfinite(low):
        return np.where(x <= low, low + np.abs(x - low), x)
    if np.isfinite(high):
        return np.where(x >= high, high - np.abs(x - high), x)
    return x


def safe_point(domain: Domain) -> float:
    """Return the simplest number well inside a domain.

    Raises
    ------
    ValueError
        A domain without a point at a distance of `MARGIN` from its kinks.
    """
    ends = [end for end in (domain.low, domain.high) if np.isfinite(end)]
    base = sum(ends) / len(ends) if ends else 0.0  # the centre, or the only end
    steps = (k * step for step in (1.0, 0.5, 0.25, 0.125, 0.0625) for k in (1, -1, 2, 3, -2, -3, 5, 7))
    for step in (*steps, 0.0):
        if float(domain.distance(np.asarray(base + step))) >= MARGIN:
            return base + step
    raise ValueError(f"the domain {domain} has no room of {MARGIN} around any simple point")


def distinct_values(
    rng: np.random.Generator, profile: str, shapes: tuple[Shape, ...], domain: Domain, dtype: str, lead: Shape = ()
) -> list[np.ndarray]:
    """Return arrays whose entries, over all of them, differ pairwise in size by more than twice `MARGIN`.

    With `lead` there are so many independent draws of such arrays, along leading axes.
    """
    sizes = [int(np.prod(shape)) for shape in shapes]
    n = sum(sizes)
    if PRECISIONS[dtype].u > 2.0**-12 and profile not in ("ones", "integers"):
        profile = "fractions"  # in half precision decimals would round together
    if profile in ("ones", "integers"):
        ladder = np.arange(1.0, n + 1)
    elif profile == "fractions":
        ladder = np.arange(1, n + 1) / 4 + 0.125
    else:
        ladder = np.cumsum(np.round(rng.uniform(0.1, 1.0, (*lead, n)), 3), axis=-1)
    if domain.low < 0 and profile != "ones":
        ladder = ladder * signs(rng, (*lead, n))
    elif domain.low > 0:
        ladder = ladder + domain.low
    entries = rng.permuted(np.broadcast_to(ladder, (*lead, n)), axis=-1).astype(dtype)
    ends = np.cumsum(sizes)
    return [entries[..., end - k : end].reshape(lead + shape) for end, k, shape in zip(ends, sizes, shapes, strict=True)]


def cotangents(rng: np.random.Generator, shape: Shape, dtype: str) -> np.ndarray:
    """Return signed, non-uniform quarters without zeros: all-ones cotangents hide bugs, and long decimals readers."""
    quarters: np.ndarray = signs(rng, shape) * rng.integers(1, 12, shape) / 4
    if np.dtype(dtype).kind == "c":
        quarters = quarters + 1j * signs(rng, shape) * rng.integers(1, 12, shape) / 4
    return quarters.astype(dtype)
