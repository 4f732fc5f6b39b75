"""The truth: what each operation means, its derivative, and how far rounding may carry an answer from it.

Read in this order; each needs only those before it, and four helpers: `text.py`, `arithmetic/jacobi.py`,
`arithmetic/summation.py` and `digits.py`.

1. `arithmetic/rounding.py`     the formats, and the noise that imitates their rounding.
2. `arithmetic/dispatch.py`     numpy's functions, rewritten onto a handful of primitives that know their derivative.
3. `arithmetic/linear_maps.py`  a derivative is a linear map: push a tangent, pull a cotangent, bound both.
4. `arithmetic/rules.py`        the derivative of each primitive, as such a map.
5. `arithmetic/replicas.py`     the number system: replicas that round as the backend's dtype would.
6. `arithmetic/dual.py`         forward mode, with the majorant beside the tangent.
7. `catalogue/`                 the operations: value, rule, domain and special points, a row each.
8. `program/`                   pure functions as data: steps, branches, loops.
9. `truth/`                     what must come out of a problem, of any order, with the tolerance of every number.
10. `case.py`                   a problem together with its truth.
11. `differences.py`            the method of the second witness: adaptive finite differences of a plain function.
12. `witness.py`                the second witness at work on a case.
13. `kinks.py`                  what is right where there is no derivative.
14. `verdict.py`                an answer held against the truth.
"""
