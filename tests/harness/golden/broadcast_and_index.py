# PROGRAM-2: The gradient of a program MUST be right in reverse mode, whatever it is composed of.
# Here: gradient of x
import torch


def f(x, y):
    v1 = x * y
    v2 = v1 + 1.5
    v3 = v2[1:, ::2]
    v4 = x[..., None, 0]
    v5 = v3 - v4
    return v5


x = torch.tensor([[1.5, -2.0, 0.5], [0.25, 1.0, -3.0]], dtype=torch.float64)
y = torch.tensor([2.0, -0.5, 1.0], dtype=torch.float64)
ct = torch.tensor([[2.0, 0.25], [-1.25, 2.5]], dtype=torch.float64)
x.requires_grad_()
y.requires_grad_()
got = torch.autograd.grad(f(x, y), [x, y], ct, materialize_grads=True)[0]
expected = torch.tensor([[-2.25, 0.0, 0.0], [0.25, 0.0, 2.75]], dtype=torch.float64)
print("got", got, sep="\n")
print("expected", expected, sep="\n")
one, other = got[0, 0].item(), expected[0, 0].item()
assert abs(one - other) <= 2e-15, f"at [0, 0]: got is {one!r}, expected is {other!r}"
