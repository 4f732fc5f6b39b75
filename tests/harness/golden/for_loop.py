# PROGRAM-3: The tangent of a program MUST be right in forward mode, whatever it is composed of.
# Here: tangent
import torch


def f(x, y):
    v4, v5 = x, y
    for _ in range(3):
        v1, v2 = v4, v5
        v3 = v1 * v2
        v4, v5 = v2, v3
    return v5


x = torch.tensor([2.0, -0.5, 1.0], dtype=torch.float64)
y = torch.tensor([0.5, 1.5, -1.0], dtype=torch.float64)
dx = torch.tensor([0.75, 1.0, 0.25], dtype=torch.float64)
dy = torch.tensor([-2.25, -2.0, -2.75], dtype=torch.float64)
got = torch.func.jvp(f, (x, y,), (dx, dy,))[1]
expected = torch.tensor([-6.375, -6.75, -8.75], dtype=torch.float64)
print("got", got, sep="\n")
print("expected", expected, sep="\n")
one, other = got[2].item(), expected[2].item()
assert abs(one - other) <= 1e-14, f"at [2]: got is {one!r}, expected is {other!r}"
