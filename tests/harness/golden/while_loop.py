# PROGRAM-2: The gradient of a program MUST be right in reverse mode, whatever it is composed of.
# Here: gradient of x
import torch


def f(x):
    v9 = x
    while True:
        v1 = v9
        v2 = torch.sum(v1)
        v3 = v2 > 0.75
        if not v3:
            break
        v4 = v9
        v5 = v4 * 0.5
        v6 = torch.tanh(x)
        v7 = v6 * 0.125
        v8 = v5 + v7
        v9 = v8
    return v9


x = torch.tensor([2.0, -0.5, 1.0], dtype=torch.float64)
ct = torch.tensor([-2.25, -2.0, -2.75], dtype=torch.float64)
x.requires_grad_()
got = torch.autograd.grad(f(x), [x], ct, materialize_grads=True)[0]
expected = torch.tensor([-0.3160234528574169, -0.5940708831725933, -0.5963908148771876], dtype=torch.float64)
print("got", got, sep="\n")
print("expected", expected, sep="\n")
one, other = got[1].item(), expected[1].item()
assert abs(one - other) <= 8e-16, f"at [1]: got is {one!r}, expected is {other!r}"
