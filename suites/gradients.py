"""One's own function: a custom gradient, or a whole loss, held against finite differences of the function itself.

A drop-in where people write `torch.autograd.gradcheck`, on any backend:

    check_gradients(f, x, w)

Nothing is known of the function but its values, so the tolerances are what the differences themselves promise, and
what rounding is seen to do to the gradient close by. Where they promise too little nothing is decided, and said so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clinometer.backends import Backend, capabilities, dtypes
from clinometer.suites.gradient_report import GradientReport, Row
from clinometer.suites.inspection import Inspection, drawn
from clinometer.suites.subject import GradientError, Subject, arguments, chosen


def check_gradients(
    f: Callable[..., Any],
    *args: Any,
    backend: str | Backend = "torch",
    order: int = 1,
    seed: int = 0,
    directions: int = 8,
    raise_exception: bool = True,
) -> GradientReport:
    """Check the gradients of a function of one's own.

    In float64: each gradient against adaptive finite differences of `f`, the linearity and the purity of the pullback,
    forward mode against reverse mode where `f` has both, and a second point.

    Parameters
    ----------
    f : callable
        From arrays of the backend to one, or to a tuple of them.
    args : array, nested list, float
        Of numpy or of the backend. Integers, and all that is no array, are constants; so are tensors that require no
        grad, if another one does. float32 is raised to float64: in fewer digits differences tell little.
    backend : str or Backend
        A known name, `module:attribute`, or `path/to/file.py:attribute`.
    order : int
        With 2 the gradient is differentiated as well, and held against differences of itself. Not so by default: many
        a custom gradient is meant to be differentiated once.
    seed : int
        Of cotangents and directions; it repeats a run.
    directions : int
        How many random ones, for an argument of more than 512 entries.
    raise_exception : bool
        Without it a report that is false is returned, whatever is wrong with a gradient.

    Returns
    -------
    GradientReport

    Raises
    ------
    GradientError
        A gradient is wrong, or nothing can be told at this point.
    ValueError, TypeError
        Bad arguments.
    """
    if order not in (1, 2):
        raise ValueError(f"order={order!r}: gradients are checked of order 1 or 2")
    if directions < 1:
        raise ValueError(f"directions={directions!r}: at least one is needed")
    library = chosen(backend)
    if "float64" not in dtypes(library):
        raise ValueError(f"{library.name} does not work in float64, without which finite differences tell little")
    given = arguments(args, library)
    report = GradientReport(library.name)
    report.rows = [Row(a.name, a.constant) for a in given if a.constant]
    subject = Subject(f, given, library)
    _called(subject, args)
    try:
        with np.errstate(all="ignore"):
            Inspection(subject, report, np.random.default_rng(seed), directions).run()
            _second_order(subject, report, order, seed, directions)
        for row in report.rows:
            if row.entries + row.directions == row.undecided > 0:
                text = f"cannot tell: finite differences decide nothing about the gradient of {row.name} at this point"
                raise GradientError(f"{text}; f may be too noisy there, or not smooth: move the point", "cannot tell")
    except GradientError as error:
        report.outcome, report.message = error.outcome, str(error)
        if raise_exception:
            raise
    return report


def _called(subject: Subject, args: tuple[Any, ...]) -> None:
    """Call f once: what it raises is its user's, who may not know that float32 was raised."""
    try:
        subject.values(subject.xs)
    except Exception as error:
        if any("float32" in str(getattr(a, "dtype", "")) for a in args):
            error.add_note("check_gradients works in float64: make the parameters of f float64 too, as with module.double()")
        raise


def _second_order(subject: Subject, report: GradientReport, order: int, seed: int, directions: int) -> None:
    if order == 1:
        report.skipped.append("second order; order=2 asks for it")
    elif "nested" not in capabilities(subject.backend):
        report.skipped.append(f"second order: {subject.backend.name} does not differentiate a gradient")
    else:
        rng = np.random.default_rng([seed, 2])
        for k, y in enumerate(subject.values(subject.xs)):
            if y.dtype.kind == "f":
                gradient = subject.gradient(k, drawn(rng, y.shape).astype(y.dtype))
                Inspection(gradient, report, rng, directions, "second order: ").run()


__all__ = ["GradientError", "GradientReport", "check_gradients"]
