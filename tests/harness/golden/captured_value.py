# PROGRAM-2: The gradient of a program MUST be right in reverse mode, whatever it is composed of.
# Here: gradient of x
import torch


def f(x):
    v1 = torch.cos(x)
    v2 = v1 * 3.0
    def v7_f(v3):
        v4 = v3 * v1
        v5 = torch.sum(v1)
        v6 = v4 + v5
        return v6
    v7 = v7_f(v2)
    v8 = v7 / 2.0
    return v8


x = torch.tensor([2.0, -0.5, 1.0], dtype=torch.float32)
ct = torch.tensor([-2.25, -2.0, -2.75], dtype=torch.float32)
x.requires_grad_()
got = torch.autograd.grad(f(x), [x], ct, materialize_grads=True)[0]
expected = torch.tensor([0.6283325722256281, -4.2024023395384, 6.696000332483575], dtype=torch.float32)
print("got", got, sep="\n")
print("expected", expected, sep="\n")
one, other = got[2].item(), expected[2].item()
assert abs(one - other) <= 7e-06, f"at [2]: got is {one!r}, expected is {other!r}"
