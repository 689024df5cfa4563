"""Slow obvious twin of `voxway.ops.selective_scan`."""

import torch
import torch.nn.functional as F


def selective_scan_sequential(u, delta, A, B, C, D=None, z=None, delta_bias=None, softplus=False):
    """One position after the other, all decays and entries beforehand: each (l, b, d, n), both at once in memory."""
    digits = torch.promote_types(u.dtype, torch.float32)
    x, step = u.to(digits), delta.to(digits)
    if delta_bias is not None:
        step = step + delta_bias
    if softplus:
        step = F.softplus(step)
    groups = 1 if B.ndim == 3 else B.shape[2]
    B, C = (t.to(digits).view(*t.shape[:2], groups, 1, -1).expand(-1, -1, -1, u.shape[2] // groups, -1) for t in (B, C))
    B, C = B.flatten(2, 3), C.flatten(2, 3)
    decay = torch.exp(step[..., None] * A).transpose(0, 1)
    enter = (step[..., None] * B * x[..., None]).transpose(0, 1)
    state = torch.zeros_like(enter[0])
    out = []
    # Unbound once: the gradient of an index into all positions would be as large as they are, at each of them.
    for a, b, c in zip(decay.unbind(), enter.unbind(), C.transpose(0, 1).unbind()):
        state = a * state + b
        out.append((state * c).sum(-1))
    y = torch.stack(out, 1)
    if D is not None:
        y = y + x * D
    if z is not None:
        y = y * F.silu(z)
    return y.to(u.dtype), state
