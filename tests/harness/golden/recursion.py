# PROGRAM-5: The product of a program's Hessian with a vector MUST be right by reverse over reverse
# mode.
# Here: reverse-over-reverse, x
import torch


def f(x):
    def v4_f(n, v1):
        if n == 0:
            return v1
        v2 = v1 * v1
        v3 = v2 - x
        return v4_f(n - 1, v3)
    v4 = v4_f(3, x)
    return v4


def gradient(f, which, ct):
    def g(*xs):
        xs = [x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in xs]
        y = f(*xs)
        if not y.requires_grad:
            return torch.zeros_like(xs[which])
        return torch.autograd.grad(y, xs, ct, create_graph=True, materialize_grads=True)[which]

    return g


x = torch.tensor([2.0, -0.5, 1.0], dtype=torch.float64)
ct = torch.tensor([-2.25, -2.0, -2.75], dtype=torch.float64)
dx = torch.tensor([0.75, 1.0, 0.25], dtype=torch.float64)
dxs = (dx,)
got = gradient(gradient(f, 0, ct), 0, dxs[0])(x)
expected = torch.tensor([-583.875, -110.75, 1.375], dtype=torch.float64)
print("got", got, sep="\n")
print("expected", expected, sep="\n")
one, other = got[1].item(), expected[1].item()
assert abs(one - other) <= 2e-13, f"at [1]: got is {one!r}, expected is {other!r}"
