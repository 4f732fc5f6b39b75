"""How scripts are written that ask HIPS autograd alone."""

from __future__ import annotations

from clinometer.backends.autograd.helpers import HELPERS
from clinometer.backends.autograd.operations import OPERATIONS
from clinometer.backends.dialect import Dialect

DIALECT = Dialect(
    imports="""\
import autograd
import autograd.numpy as np
from autograd.scipy import signal, special, stats
from autograd.tracer import getval""",
    table=OPERATIONS,
    helpers=HELPERS,
    array="np.array({values}, dtype=np.{dtype})",
    empty="np.zeros({shape}, dtype=np.{dtype})",
    kind="np.{dtype}",
    vjp="vjp({f}, {names})",
    reverse="{got} = np.array(autograd.make_vjp({f}, {numbers})({names})[0]({ct}){part})",
    forward="{got} = np.array(autograd.make_jvp({f}, {all})({names})(({tangents},))[1])",
    beside={
        "reverse": "{got} = np.array(autograd.make_vjp({f}, {numbers})({names})[1])",
        "forward": "{got} = np.array(autograd.make_jvp({f}, {all})({names})(({tangents},))[0])",
    },
    nested={
        "reverse": """\
def gradient(f, which, ct):
    def g(*xs):
        if len(xs) == 1:
            return autograd.make_vjp(f)(*xs)[0](ct)
        return autograd.make_vjp(f, tuple(range(len(xs))))(*xs)[0](ct)[which]

    return g
""",
        "forward": """\
def tangent(f, dxs):
    return lambda *xs: autograd.make_jvp(f, tuple(range(len(xs))))(*xs)(dxs)[1]
""",
    },
)
