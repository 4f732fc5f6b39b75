"""Scripts of traced control flow, jit and vmap: they put the question as the clause did, and show the same wrong numbers."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any

import numpy as np
import pytest
from planted.transforms import TRANSFORMS

from clinometer.harness.examine import examine
from clinometer.harness.scripts.evidence import script
from clinometer.harness.specification import specification

CLAUSES = {clause.id: clause for clause in specification()}
# A clause, a planted backend that breaks it with wrong numbers, and what its script must say.
SHOWN = [
    ("FLOW-TRACED-1", "deaf_capture", ["backend.cond(v", "def then_v", "def otherwise_v"]),
    ("FLOW-TRACED-2", "do_while", ["backend.while_loop(test_v", "def body_v"]),
    ("FLOW-TRACED-3", "dropped_last_trip", ["backend.scan(body_v", ", 4)"]),
    ("FLOW-TRACED-6", "branch_frozen_in_trace", ["f = backend.jit(f)", "# traced here"]),
    ("FLOW-TRACED-7", "baking_jit", ["f = backend.jit(f)", "    if v"]),
    ("XFORM-3", "vmap_by_the_first", ["backend.vmap(derivative)(ct, x)"]),
    ("XFORM-4", "summed_vmap", ["backend.vmap(derivative)(dx, "]),
    ("XFORM-5", "branch_frozen_in_trace", ["derivative = backend.jit(derivative)"]),
]


@pytest.mark.parametrize(("id_", "name", "said"), SHOWN, ids=[f"{shown[0]}-{shown[1]}" for shown in SHOWN])
def test_a_script_shows_what_the_clause_has_found(id_: str, name: str, said: list[str], monkeypatch: Any) -> None:
    """A script in the way of its finding prints the wrong numbers, with the backend's own members in it."""
    clause, backend = CLAUSES[id_], TRANSFORMS[name]()
    results = (examine(clause, cell, backend, profile="quick") for cell in clause.cells)
    finding = next(result.finding for result in results if result.outcome == "fail")
    assert finding is not None
    assert finding.got is not None
    monkeypatch.setitem(sys.modules, "planted_here", sys.modules["planted.transforms"])
    source = script(finding, clause, backend, f"planted_here:{TRANSFORMS[name].__name__}", "reverse")
    for line in said:
        assert line in source
    printed = io.StringIO()
    scope: dict[str, Any] = {}
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"), pytest.raises(AssertionError, match="got is"):
        exec(compile(source, "script", "exec"), scope)
    np.testing.assert_array_equal(scope["got"], finding.got)
    assert printed.getvalue().startswith("got\n")
