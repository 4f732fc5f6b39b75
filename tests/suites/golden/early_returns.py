# PROGRAM-1: The value of a program MUST be what its steps give, one after the other.
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
print("got", got.tolist(), sep="\n")
expected = [4.0, -1.0, 2.0]
print("expected", expected, sep="\n")
