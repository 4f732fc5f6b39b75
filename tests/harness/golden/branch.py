# PROGRAM-2: The gradient of a program MUST be right in reverse mode, whatever it is composed of.
# Here: gradient of x
import torch


def f(x):
    v1 = torch.sum(x)
    v2 = v1 > 1.0
    if v2:
        v3 = torch.sin(x)
        v4 = v3 * 2.0
        v6 = v4
    else:
        v5 = torch.square(x)
        v6 = v5
    v7 = v6 + x
    return v7


x = torch.tensor([2.0, -0.5, 1.0], dtype=torch.float32)
ct = torch.tensor([-2.25, -2.0, -2.75], dtype=torch.float32)
x.requires_grad_()
got = torch.autograd.grad(f(x), [x], ct, materialize_grads=True)[0]
expected = torch.tensor([-0.3773392355378592, -5.510330247561491, -5.7216626822747685], dtype=torch.float32)
print("got", got, sep="\n")
print("expected", expected, sep="\n")
one, other = got[1].item(), expected[1].item()
assert abs(one - other) <= 3e-06, f"at [1]: got is {one!r}, expected is {other!r}"
