# PROGRAM-2: The gradient of a program MUST be right in reverse mode, whatever it is composed of.
# Here: gradient of x
import torch


def f(x):
    v5 = x
    for _ in range(2):
        v1 = v5
        v2 = v1.detach()
        v3 = v1 * v2
        v4 = v3 + x
        v5 = v4
    return v5


x = torch.tensor([2.0, -0.5, 1.0], dtype=torch.float64)
ct = torch.tensor([-2.25, -2.0, -2.75], dtype=torch.float64)
x.requires_grad_()
got = torch.autograd.grad(f(x), [x], ct, materialize_grads=True)[0]
expected = torch.tensor([-42.75, -1.75, -13.75], dtype=torch.float64)
print("got", got, sep="\n")
print("expected", expected, sep="\n")
one, other = got[1].item(), expected[1].item()
assert abs(one - other) <= 2e-15, f"at [1]: got is {one!r}, expected is {other!r}"
