"""Wrong on purpose: at special points and beside them, behind a `where`, among NaNs, in empty and in long programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from clinometer.backends.reference.adapter import Node, Reference
from clinometer.reference.arithmetic.dispatch import clean, contract
from planted.derivatives import flowing, pulling, pushing
from planted.operations import nan_xlogy, operation, sound

# ----- special points -----


def raised_kink(x: Any) -> Any:
    """Smooth the bend, as sqrt(x * x + eps) does."""
    return np.sqrt(x * x + 1e-12)


def contagious(g: Any) -> Any:
    """Give up the whole gradient where one entry is not finite."""
    return g if np.isfinite(clean(g)).all() else np.full_like(clean(g), np.nan)


class SteepTangent(Reference):
    """Where the tangent of abs at 0 is concerned, adds the slopes of both sides up."""

    def __init__(self) -> None:
        super().__init__()
        self.xp.abs = self.absolute

    def absolute(self, x: Any) -> Any:
        return np.absolute(x) + np.where(clean(x) == 0, 2 * x, 0.0)


class AnotherSlopeForward(Reference):
    """Takes the slope of abs at 0 from the right in forward mode, and none in reverse."""

    forward = False

    def __init__(self) -> None:
        super().__init__()
        self.xp.abs = self.absolute

    def absolute(self, x: Any) -> Any:
        return np.absolute(x) + np.where((clean(x) == 0) & self.forward, x, 0.0)

    def jvp(self, f: Any, primals: Any, tangents: Any) -> Any:
        self.forward = True
        try:
            return super().jvp(f, primals, tangents)
        finally:
            self.forward = False


class ZeroForNan(Reference):
    """Where nothing flows back it says zero, and lets forward mode say what it will: 0/0."""

    def vjp(self, f: Any, *primals: Any) -> Any:
        y, pullback = super().vjp(f, *primals)
        return y, lambda ct: [np.where(np.isnan(g), 0.0, g).astype(g.dtype) for g in pullback(ct)]


def nan_beside_others(x: Any, y: Any) -> Any:
    """Take care of a zero that stands alone, and of none in an array."""
    return sound("xlogy")(x, y) if np.shape(x) == () else nan_xlogy(x, y)


# ----- where -----


def arithmetic_where(x: Any, y: Any, condition: Any) -> Any:
    """Multiply by the condition: nothing times NaN is NaN."""
    taken = np.asarray(condition, getattr(x, "dtype", None) or y.dtype)
    return taken * x + (1 - taken) * y


def cleaning_where(x: Any, y: Any, condition: Any) -> Any:
    """Put a number in place of NaN."""
    z = sound("where")(x, y, condition=condition)
    return np.where(np.isnan(z), 0.0, z)


# ----- edges -----


def sum_over_all(x: Any, axis: Any = None, keepdims: bool = False, **part: Any) -> Any:
    """Add the sum of all and take it away again."""
    return sound("sum")(x, axis=axis, keepdims=keepdims, **part) + (np.sum(x) - np.sum(x))


def naive_softplus(x: Any, beta: float = 1.0) -> Any:
    """Overflow far out."""
    return np.log(1 + np.exp(beta * x)) / beta


class LiftedSubnormals(Reference):
    """Rounds what is subnormal up to the smallest normal number."""

    def __init__(self) -> None:
        super().__init__()
        self.xp.negative = self.lifted

    def lifted(self, x: Any) -> Any:
        y, tiny = np.negative(x), float(np.finfo(x.dtype).smallest_normal)
        return np.where(abs(clean(y)) < tiny, np.sign(clean(y)) * tiny, y)


class RecursiveTape(Reference):
    """Goes backward by calling itself."""

    class node(Node):  # the member's name
        def parents(self) -> list[Node]:
            found = super().parents()
            for parent in found:
                parent.depth()
            return found

        def depth(self) -> int:
            return 1 + max((parent.depth() for parent in super().parents()), default=0)


# ----- laws -----


def clipped_flow(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    """Keep cotangents small on their way, as training loops like it."""
    return linear.pull(np.clip(ct, -3.0, 3.0)) if isinstance(ct, np.ndarray | np.generic) else None


def lopsided_product(node: Node, function: Any, place: int, linear: Any, ct: Any) -> Any:
    return linear.pull(ct) * 1.001 if function is contract and place == 0 else None


EDGES: dict[str, Any] = {
    "raised_kink": operation(abs=raised_kink),
    "steep_tangent": SteepTangent,
    "another_slope_forward": AnotherSlopeForward,
    "zero_for_nan": ZeroForNan,
    "contagious_gradient": pulling(after=contagious),
    "nan_beside_others": operation(xlogy=nan_beside_others),
    "arithmetic_where": operation(where=arithmetic_where),
    "cleaning_where": operation(where=cleaning_where),
    "sum_over_all": operation(sum=sum_over_all),
    "naive_softplus": operation(softplus=naive_softplus),
    "lifted_subnormals": LiftedSubnormals,
    "recursive_tape": RecursiveTape,
    "clipped_flow": flowing(clipped_flow),
    "lopsided_product": flowing(lopsided_product),
    "squeezed_tangent": pushing(after=lambda dy: dy.reshape([n for n in dy.shape if n != 1])),
}
