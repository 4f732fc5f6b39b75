# PROGRAM-2: The gradient of a program MUST be right in reverse mode, whatever it is composed of.
# Here: gradient of x
import torch


def f(x, y):
    v1 = torch.mean(x, dim=(0, 1), keepdim=True)
    v2 = x - v1
    v3 = v2 * y
    v4 = torch.sum(v3, dim=0)
    v5 = torch.amax(x, dim=1, keepdim=True)
    v6 = v4 * v5
    v7 = torch.sum(y)
    v8 = torch.prod(x, dim=-1, keepdim=True)
    v9 = v7 * v8
    v10 = v6 + v9
    return v10


x = torch.tensor([[1.5, -2.0, 0.5], [0.25, 1.0, -3.0]], dtype=torch.float64)
y = torch.tensor([2.0, -0.5, 1.0], dtype=torch.float64)
ct = torch.tensor([[1.25, 2.5, -1.75], [0.25, 2.25, -2.25]], dtype=torch.float64)
x.requires_grad_()
y.requires_grad_()
got = torch.autograd.grad(f(x, y), [x, y], ct, materialize_grads=True)[0]
expected = torch.tensor([[10.166666666666666, 1.9583333333333333, -18.666666666666668], [3.5833333333333335, 3.6875, -3.5104166666666665]], dtype=torch.float64)
print("got", got, sep="\n")
print("expected", expected, sep="\n")
one, other = got[0, 2].item(), expected[0, 2].item()
assert abs(one - other) <= 3e-14, f"at [0, 2]: got is {one!r}, expected is {other!r}"
