"""The truth: what each operation means, its derivative, and how far rounding may carry an answer from it.

Read in this order; each file needs only those before it.

1. `linear`       a derivative is a linear map: push a tangent, pull a cotangent, bound both.
2. `traced`       numpy's functions, rewritten onto a handful of primitives that know their derivative.
3. `ensemble`     the number system: replicas that round as the backend's dtype would.
4. `dual`         forward mode, with the majorant beside the tangent.
5. `catalogue/`   the operations: value, rule, domain and special points, a row each.
6. `program`      pure functions as data: steps, branches, loops.
7. `truth`        a case and what must come out of it, with the tolerance of every number.
8. `higher`       the same of second and third order: duals of duals.
9. `differences`  the second witness: adaptive finite differences of the plain function.
10. `kinks`       what is right where there is no derivative.
11. `verdict`     the answer held against the truth.
"""
