# PROGRAM-2: The gradient of a program MUST be right in reverse mode, whatever it is composed of.
# Here: gradient of x
import torch


def f(x):
    def v7_f(v1):
        v2 = v1 * v1
        v3 = v2 * v1
        v4 = torch.sum(v3)
        v5 = torch.sum(x)
        v6 = v4 * v5
        return v6
    v7 = torch.func.grad(v7_f)(x)
    v8 = x * v7
    return v8


x = torch.tensor([2.0, -0.5, 1.0], dtype=torch.float64)
ct = torch.tensor([-2.25, -2.0, -2.75], dtype=torch.float64)
x.requires_grad_()
got = torch.autograd.grad(f(x), [x], ct, materialize_grads=True)[0]
expected = torch.tensor([-264.0, -72.75, -123.375], dtype=torch.float64)
print("got", got, sep="\n")
print("expected", expected, sep="\n")
one, other = got[2].item(), expected[2].item()
assert abs(one - other) <= 2e-13, f"at [2]: got is {one!r}, expected is {other!r}"
