# PROGRAM-2: The gradient of a program MUST be right in reverse mode, whatever it is composed of.
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
for leaf in [x]:
    leaf.requires_grad_()
(got,) = torch.autograd.grad(f(x), [x], [ct], materialize_grads=True)
print("got", got.tolist(), sep="\n")
expected = [-0.3160234528574169, -0.5940708831725933, -0.5963908148771876]
print("expected", expected, sep="\n")
