# PROGRAM-1: The value of a program MUST be what its steps give, one after the other.
# Here: value
import torch


def f(x):
    v1 = x[0]
    v2 = v1 > 0.5
    if v2:
        v3 = v1 < 1.0
        if v3:
            v4 = -x
            return v4
        v5 = x * v1
        return v5
    v7 = torch.exp(x)
    return v7


x = torch.tensor([2.0, -0.5, 1.0], dtype=torch.float64)
got = f(x)
expected = torch.tensor([4.0, -1.0, 2.0], dtype=torch.float64)
print("got", got, sep="\n")
print("expected", expected, sep="\n")
one, other = got[2].item(), expected[2].item()
assert abs(one - other) <= 2e-15, f"at [2]: got is {one!r}, expected is {other!r}"
