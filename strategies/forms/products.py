"""Forms of products of arrays."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from clinometer.reference.catalogue import Operation
from clinometer.strategies.forms.first_operand import FirstOperand
from clinometer.strategies.forms.form import Drawn, Form, axes_of, signed
from clinometer.strategies.shapes import Shape, among, broadcastable_shapes, shapes

SIDES = among(2, 3, 1)
LEADS = among((), (2,), (), (1, 2))  # of the axes along which matrices are stacked


def _subscripts(draw: Any, *options: str) -> Drawn:
    """Draw a formula, a size for each of its letters, and what its ellipses stand for."""
    subscripts = draw(among(*options))
    sizes = {c: draw(SIDES) for c in sorted(set(subscripts) & set("abcijkl"))}
    terms = subscripts.partition("->")[0].split(",")
    leads = iter(draw(broadcastable_shapes(len(terms), min_side=1).filter(lambda s: max(map(len, s)) < 3)))

    def shape(term: str) -> Shape:
        before, dots, after = term.partition("...")
        lead = next(leads) if dots else ()
        return (*(sizes[c] for c in before), *lead, *(sizes[c] for c in after))

    return tuple(map(shape, terms)), {"subscripts": subscripts}


def matmul(draw: Any, row: Operation) -> Drawn:
    n, k, m = draw(SIDES), draw(SIDES), draw(SIDES)
    a, b = draw(among(((n, k), (k, m)), ((k,), (k, m)), ((n, k), (k,)), ((k,), (k,))))
    if len(a) == len(b) == 2 and draw(st.booleans()):
        lead_a, lead_b = draw(among(((2,), (2,)), ((2,), ()), ((), (2,)), ((1,), (3,)), ((2,), (1,))))
        a, b = (*lead_a, *a), (*lead_b, *b)
    return (a, b), {}


def matmul_given(draw: FirstOperand, row: Operation) -> Drawn:
    *lead, k = axes_of(draw, 1)
    m = draw(SIDES)
    return (draw.shape, draw(st.sampled_from(((k, m), (k,), *([(*lead[:-1], k, m)] if len(lead) > 1 else []))))), {}


def dot(draw: Any, row: Operation) -> Drawn:
    k, *sides = (draw(SIDES) for _ in range(4))
    a = (*sides[: draw(st.integers(0, 2))], k)
    return (a, draw(among((k,), (k, sides[2]), (2, k, sides[2])))), {}


def dot_given(draw: FirstOperand, row: Operation) -> Drawn:
    k = axes_of(draw, 1)[-1]
    return (draw.shape, draw(st.sampled_from(((k,), (k, draw(SIDES)))))), {}


def inner(draw: Any, row: Operation) -> Drawn:
    k, n, m = draw(SIDES), draw(SIDES), draw(SIDES)
    return draw(among(((k,), (k,)), ((n, k), (k,)), ((k,), (m, k)), ((n, k), (m, k)), ((2, n, k), (m, k)))), {}


def inner_given(draw: FirstOperand, row: Operation) -> Drawn:
    k = axes_of(draw, 1)[-1]
    return (draw.shape, draw(st.sampled_from(((k,), (draw(SIDES), k))))), {}


def outer(draw: Any, row: Operation) -> Drawn:
    return ((draw(SIDES),), (draw(SIDES),)), {}


def outer_given(draw: FirstOperand, row: Operation) -> Drawn:
    axes_of(draw, 1, 1)
    return (draw.shape, (draw(SIDES),)), {}


def kron(draw: Any, row: Operation) -> Drawn:
    return (draw(shapes(min_dims=1, max_dims=2, min_side=1, max_side=3)), draw(shapes(max_dims=2, min_side=1, max_side=3))), {}


def kron_given(draw: FirstOperand, row: Operation) -> Drawn:
    axes_of(draw, 1, 2)
    return (draw.shape, draw(st.sampled_from(((2,), (1, 2), (2, 1))))), {}


def cross(draw: Any, row: Operation) -> Drawn:
    a, b = draw(broadcastable_shapes(2, min_side=1).filter(lambda both: len(both[0]) == len(both[1]) < 3))
    at = signed(draw, len(a) + 1)
    place = at if at >= 0 else at + len(a) + 1
    return ((*a[:place], 3, *a[place:]), (*b[:place], 3, *b[place:])), {"axis": at}


def tensordot(draw: Any, row: Operation) -> Drawn:
    shared = tuple(draw(SIDES) for _ in range(draw(st.integers(0, 2))))
    a, b = draw(SIDES), draw(SIDES)
    if draw(st.booleans()):
        return ((a, *shared), (*shared, b)), {"axes": len(shared)}
    left, right = list(range(1, len(shared) + 1)), list(range(len(shared)))[::-1]
    return ((a, *shared), (*shared[::-1], b)), {"axes": (left, right)}


def einsum(draw: Any, row: Operation) -> Drawn:
    return _subscripts(
        draw,
        "ij,jk->ik", "ij,jk->ki", "ij,kj->i", "i,j->ji", "ij,ij->", "ij,j->", "ij,ik->jk", "ij,jk", "ba,a",
        "ii,i->i", "ii,jj->ij", "iij,j->", "...ij,...jk->...ik", "...i,i->...", "i...,i...->i...", "...ii,i...->...",
    )  # fmt: skip


def einsum_of_one(draw: Any, row: Operation) -> Drawn:
    return _subscripts(
        draw, "ij->ji", "ij->j", "ii", "ii->i", "ij->", "ba", "iji->j", "iii->i", "...ij->...ji", "...ii->...i", "i...->..."
    )


def einsum_of_three(draw: Any, row: Operation) -> Drawn:
    return _subscripts(
        draw, "i,ij,j->", "ij,jk,kl->il", "ij,jk,kl", "i,j,k->kij", "ii,ij,j->j", "ij,ij,ij->i", "...i,ij,...j->..."
    )


def trace(draw: Any, row: Operation) -> Drawn:
    return ((*draw(LEADS), draw(SIDES), draw(SIDES)),), {"offset": draw(among(0, 1, -1))}


def trace_given(draw: FirstOperand, row: Operation) -> Drawn:
    axes_of(draw, 2)
    return (draw.shape,), {"offset": 0}


FORMS = {
    "matmul": Form(
        matmul,
        given=matmul_given,
        large={},
        degenerate=lambda n: [(((2, n), (n, 3)), {}), (((n, 2), (2, 3)), {}), (((n, 2, 2), (2, 3)), {})],
    ),
    "dot": Form(dot, given=dot_given, degenerate=lambda n: [(((2, n), (n, 3)), {}), (((n, 2), (2, 3)), {})]),
    "inner": Form(inner, given=inner_given, degenerate=lambda n: [(((2, n), (3, n)), {}), (((n, 2), (3, 2)), {})]),
    "outer": Form(outer, given=outer_given, degenerate=lambda n: [(((n,), (3,)), {}), (((3,), (n,)), {})]),
    "kron": Form(kron, given=kron_given, degenerate=lambda n: [(((n,), (2,)), {}), (((2, 2), (n, 3)), {})]),
    "cross": Form(cross, in_programs=False, degenerate=lambda n: [(((n, 3), (n, 3)), {"axis": -1})]),
    "tensordot": Form(
        tensordot, in_programs=False, degenerate=lambda n: [(((2, n), (n, 3)), {"axes": 1}), (((n, 2), (2, 3)), {"axes": 1})]
    ),
    "einsum": Form(
        einsum,
        in_programs=False,
        degenerate=lambda n: [(((2, n), (n, 3)), {"subscripts": "ij,jk->ik"}), (((n, 2), (2, 3)), {"subscripts": "ij,jk->ki"})],
    ),
    "einsum_of_one": Form(
        einsum_of_one,
        in_programs=False,
        degenerate=lambda n: [(((n, 3),), {"subscripts": "ij->j"}), (((n, 3),), {"subscripts": "ij->ji"})],
    ),
    "einsum_of_three": Form(
        einsum_of_three, in_programs=False, degenerate=lambda n: [(((2, n), (n, 3), (3, 2)), {"subscripts": "ij,jk,kl->il"})]
    ),
    "trace": Form(trace, given=trace_given, degenerate=lambda n: [(((n, 2, 2),), {"offset": 0})]),
}
