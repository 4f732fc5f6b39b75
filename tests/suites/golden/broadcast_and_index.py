# PROGRAM-2: The gradient of a program MUST be right in reverse mode, whatever it is composed of.
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
for leaf in [x, y]:
    leaf.requires_grad_()
(got,) = torch.autograd.grad(f(x, y), [x], [ct], materialize_grads=True)
print("got", got.tolist(), sep="\n")
expected = [[-2.25, 0.0, 0.0], [0.25, 0.0, 2.75]]
print("expected", expected, sep="\n")
