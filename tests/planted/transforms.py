"""Wrong on purpose: branches and loops that are traced, and functions that are mapped or compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clinometer.backends.reference.adapter import Reference
from clinometer.backends.reference.tracing import Tracer, bare
from clinometer.reference.arithmetic.dispatch import stop_gradient

Values = tuple[Any, ...]


class DeafCapture(Reference):
    """Branches and loops derive what they are handed, and not what they take from around."""

    def _carry_out(self, what: Any, args: Sequence[Any]) -> Values:
        handed = len(getattr(getattr(what, "body", None), "inputs", ()))
        return super()._carry_out(what, [*args[:handed], *(stop_gradient(x) for x in args[handed:])])


class DoWhile(Reference):
    """A loop turns once before it asks."""

    def while_loop(self, test: Callable[..., Any], body: Callable[..., Values], carried: Values) -> Values:
        return super().while_loop(test, body, body(*carried))


class DroppedLastTrip(Reference):
    """The last trip of a loop is there for the value alone: its cotangent goes to the trip before as it is."""

    def scan(self, body: Callable[..., Values], carried: Values, times: int) -> Values:
        if not times:
            return carried
        before = super().scan(body, carried, times - 1)
        after = super().scan(body, tuple(map(stop_gradient, before)), 1)
        return tuple(stop_gradient(y) + x - stop_gradient(x) for x, y in zip(before, after, strict=True))


class BranchFrozenInTrace(Reference):
    """A branch that is traced is the one of the data at hand."""

    def cond(self, test: Any, then: Callable[[], Values], otherwise: Callable[[], Values]) -> Values:
        if self.graph is None:
            return super().cond(test, then, otherwise)
        return then() if bare(test) else otherwise()


class StaleJit(Reference):
    """A compiled function goes on with the numbers of its first call."""

    def jit(self, f: Callable[..., Any]) -> Callable[..., Any]:
        compiled, first = super().jit(f), {}

        def stale(*args: Any) -> Any:
            key = tuple((np.shape(x), x.dtype) for x in args)
            first.setdefault(key, [bare(x) for x in args])
            return compiled(*(old + (x - stop_gradient(x)) for old, x in zip(first[key], args, strict=True)))

        return stale


class ShapelessJit(Reference):
    """A compiled function is looked up by the dtypes of its arguments alone."""

    def jit(self, f: Callable[..., Any]) -> Callable[..., Any]:
        graphs: dict[Any, Any] = {}

        def compiled(*args: Any) -> Any:
            key = tuple(x.dtype for x in args)
            graphs[key] = graphs.get(key) or self.written(f, args)
            ys = graphs[key].evaluate(*args, *graphs[key].around)
            return ys[0] if graphs[key].single else ys

        return compiled


class Baking(Tracer):
    """A traced value with the truth of the first one."""

    def __bool__(self) -> bool:
        return bool(self.value)


class BakingJit(Reference):
    """A Python branch is traced as the data at hand takes it."""

    def jit(self, f: Callable[..., Any]) -> Callable[..., Any]:
        def lenient(*args: Any) -> Any:
            return f(*args)

        return super().jit(lenient)

    def lifting(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        sound = super().lifting(operation)

        def apply(*args: Any, **params: Any) -> Any:
            y = sound(*args, **params)
            if isinstance(y, Tracer):
                y.__class__ = Baking
            return y

        return apply


class SummedVmap(Reference):
    """Every point of a batch has the sum over all of them."""

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        sound = super().vmap(f)

        def total(y: Any) -> Any:
            return y * 0 + np.sum(y, axis=0, keepdims=True)

        def mapped(*xs: Any) -> Any:
            ys = sound(*xs)
            return tuple(map(total, ys)) if isinstance(ys, tuple) else total(ys)

        return mapped


class VmapByTheFirst(Reference):
    """All points of a batch go where the first one goes."""

    decisions: list[bool] | None = None

    def vmap(self, f: Callable[..., Any]) -> Callable[..., Any]:
        def mapped(*xs: Any) -> Any:
            self.decisions = []
            try:
                return Reference.vmap(self, self.row(f))(*xs)
            finally:
                self.decisions = None

        return mapped

    def row(self, f: Callable[..., Any]) -> Callable[..., Any]:
        def one(*xs: Any) -> Any:
            self.place = 0
            return f(*xs)

        return one

    def cond(self, test: Any, then: Callable[[], Values], otherwise: Callable[[], Values]) -> Values:
        if self.decisions is None or self.graph is not None:
            return super().cond(test, then, otherwise)
        if self.place == len(self.decisions):
            self.decisions.append(bool(bare(test)))
        self.place += 1
        return then() if self.decisions[self.place - 1] else otherwise()


TRANSFORMS: dict[str, type[Reference]] = {
    # ----- branches and loops -----
    "deaf_capture": DeafCapture,
    "do_while": DoWhile,
    "dropped_last_trip": DroppedLastTrip,
    # ----- traced once -----
    "branch_frozen_in_trace": BranchFrozenInTrace,
    "stale_jit": StaleJit,
    "shapeless_jit": ShapelessJit,
    "baking_jit": BakingJit,
    # ----- mapped -----
    "summed_vmap": SummedVmap,
    "vmap_by_the_first": VmapByTheFirst,
}
