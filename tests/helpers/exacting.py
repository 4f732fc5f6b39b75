"""Sound backends that are particular: each is the reference but for what it refuses, does not have, or does in its own way."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from clinometer.backends.reference.adapter import Node, Reference, Tape
from clinometer.backends.torch import helpers
from clinometer.backends.torch.adapter import Tape as TorchTape
from clinometer.backends.torch.adapter import Torch
from clinometer.reference.arithmetic import dispatch


class Sound(Reference):
    """The reference as any other library: its second witness is heard only where it is wrong."""

    second_witness = False


class OneContainer(Sound):
    """Takes primals and tangents as tuples, both, as jax.jvp does of one type."""

    name = "one container"

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        if type(primals) is not tuple or type(tangents) is not tuple:
            raise TypeError(f"primals are a {type(primals).__name__}, tangents a {type(tangents).__name__}: want tuples")
        return super().jvp(f, primals, tangents)


class SinglePrecisionAlone(Sound):
    """Works in float32, and raises when it is handed any other floating dtype, as an array or by name."""

    name = "float32 alone"
    support = replace(Reference.support, dtypes=("float32",))

    def __init__(self) -> None:
        super().__init__()
        for name in ("zeros", "ones", "full", "eye", "linspace", "arange", "asarray", "normal", "astype"):
            setattr(self.xp, name, self.refusing(getattr(self.xp, name)))

    def refusing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that refuses other dtypes, by position or by name, and gives no other."""

        def f(*args: Any, **params: Any) -> Any:
            for named in (*(a for a in args if isinstance(a, str)), params.get("dtype", "float32")):
                self.admit(np.dtype(named))
            y = function(*args, **params)
            return y.astype(np.float32) if isinstance(y, np.ndarray) and y.dtype == np.float64 else y

        return f

    def admit(self, dtype: np.dtype) -> None:
        """Refuse what is floating and not float32."""
        if dtype.kind in "fcV" and dtype != np.float32:
            raise TypeError(f"{dtype} is not supported: this library knows float32 alone")

    def asarray(self, x: np.ndarray) -> Any:
        self.admit(x.dtype)
        return super().asarray(x)


FLOAT0 = np.dtype([("float0", "V")])


class NoGradientOfIntegers(Sound):
    """Gives, for an input that is no float, what libraries give: jax's void, an object, nothing at all."""

    name = "no gradient of integers"

    def __init__(self, nothing: Callable[[Any], Any] = lambda x: np.zeros(np.shape(x), FLOAT0)):
        super().__init__()
        self.nothing = nothing

    def vjp(self, f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], list[Any]]]:
        y, pullback = super().vjp(f, *primals)
        whole = [np.asarray(x).dtype.kind in "ib" for x in primals]
        return y, lambda ct: [self.nothing(g) if i else g for g, i in zip(pullback(ct), whole, strict=True)]


class Answering(Sound):
    """Gives something that is no array of numbers, in one of its answers."""

    def __init__(self, mode: str, answer: Any):
        super().__init__()
        self.name, self.mode, self.answer = f"{mode}: {answer!r}", mode, answer
        if mode == "value":
            self.xp = SimpleNamespace(**{**vars(self.xp), "sin": lambda x: answer})

    def to_numpy(self, x: Any) -> Any:
        return x if x is self.answer else super().to_numpy(x)

    def vjp(self, f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        y, pullback = super().vjp(f, *primals)
        given = {"gradient": lambda ct: [self.answer for _ in pullback(ct)], "pullback": lambda ct: self.answer}
        return y, given.get(self.mode, pullback)

    def jvp(self, f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        y, dy = super().jvp(f, primals, tangents)
        return {"tangent": (y, self.answer), "pushforward": self.answer}.get(self.mode, (y, dy))


class RefusesToMix(Sound):
    """Multiplies arrays of one dtype only, plainly and under differentiation."""

    name = "refuses to mix"

    def __init__(self) -> None:
        super().__init__()
        self.xp.multiply = self.multiply

    def multiply(self, x: Any, y: Any) -> Any:
        if hasattr(x, "dtype") and hasattr(y, "dtype") and x.dtype != y.dtype:
            raise ValueError(f"cannot multiply {x.dtype} by {y.dtype}: cast one of them")
        return np.multiply(x, y)


class WithoutNoGrad(Sound):
    """Has a tape, and no region in which it does not record."""

    name = "without no_grad"

    def __init__(self) -> None:
        super().__init__()
        sound = self.tape
        members = ("leaf", "backward", "gradient", "zero", "grad", "update")
        self.tape = SimpleNamespace(**{name: getattr(sound, name) for name in members})  # type: ignore[assignment]  # less


class UnfinishedNoGrad(Sound):
    """Has the member, which says that it is not implemented."""

    name = "unfinished no_grad"

    def __init__(self) -> None:
        super().__init__()
        self.tape.no_grad = self.unfinished  # type: ignore[method-assign]  # less than a tape may have

    def unfinished(self) -> Any:
        raise NotImplementedError("no_grad is not implemented")


class RebindingTape(TorchTape):
    """A tape in which `x += y` is a new array, and `x[key] = y` writes into the old one."""

    def update(self, op: str, x: Any, y: Any = None, *, key: Any = None) -> Any:
        if op == "set":
            return super().update(op, x, y, key=key)
        part = x if key is None else x[helpers.indices(key)]
        new = getattr(part, op)() if y is None else PLAIN[op](part, y)
        return new if key is None else super().update("set", x, new, key=key)


PLAIN = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv}


class Rebinding(Torch):
    """Shares memory with views when entries are set, and not by `x += y`."""

    name = "rebinding"

    def __init__(self) -> None:
        super().__init__()
        self.tape = RebindingTape()


class Lazy(Torch):
    """A view of what was computed is a copy; one of an array that was put in is not."""

    name = "lazy"

    def __init__(self) -> None:
        super().__init__()
        for name in ("getitem", "reshape", "permute_dims"):
            setattr(self.xp, name, self.copying(getattr(self.xp, name)))

    def copying(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view that is one of inputs alone."""
        return lambda x, **params: view(x, **params) if x.is_leaf else view(x, **params).clone()


class NumbersAreWide(Sound):
    """A Python number beside a float32 array without axes makes the result a float64, as in mygrad 2.5."""

    name = "numbers are wide"

    class node(Node):  # the member's name
        def apply(self, function: Callable[..., Any], args: Sequence[Any], params: dict[str, Any]) -> Any:
            y = super().apply(function, args, params)
            return wide(y, args)

    def __init__(self) -> None:
        super().__init__()
        self.tape = Tape()
        self.tape.node = self.node


def wide(y: Any, args: Sequence[Any]) -> Any:
    """Return y in float64 where an array without axes met a number."""
    met = any(isinstance(a, int | float) for a in args) and getattr(y, "shape", None) == () and y.dtype == np.float32
    return dispatch.cast(y, dtype="float64") if met else y
