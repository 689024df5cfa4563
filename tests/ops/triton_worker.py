"""Runs cases of `test_triton` through Triton's kernels; a program of its own, since Triton chooses how when imported.

    TRITON_INTERPRET=1 python triton_worker.py CASES.pt RESULTS.pt       on a CPU, interpreted
    python triton_worker.py CASES.pt RESULTS.pt cuda                     on a GPU

A case is (operator, arguments, gradient of the output); a result is (output, gradients of the arguments with any).
"""

import sys

import torch

import voxway.ops.dcnv3
import voxway.ops.deform_attn
import voxway.ops.selective_scan
from voxway.ops.dcnv3 import dcnv3
from voxway.ops.deform_attn import deformable_attention
from voxway.ops.selective_scan import selective_scan


def scan(*arguments):
    """Output and last state in one tensor."""
    y, last = selective_scan(*arguments)
    return torch.cat([y.to(last.dtype).flatten(1), last.flatten(1)], 1)


OPERATORS = {"attention": deformable_attention, "dcnv3": dcnv3, "scan": scan}


def run(operator, arguments, grad_out, device="cpu"):
    moved = [a.detach().to(device).requires_grad_() if isinstance(a, torch.Tensor) else a for a in arguments]
    out = OPERATORS[operator](*moved)
    tensors = [a for a in moved if isinstance(a, torch.Tensor)]
    grads = torch.autograd.grad(out, tensors, grad_out.to(device))
    return out.detach().cpu(), [g.cpu() for g in grads]


if __name__ == "__main__":
    import voxway.ops.triton_scan

    voxway.ops.triton_scan._SCRATCH = 1000  # so few that chunks take turns
    for module in (voxway.ops.dcnv3, voxway.ops.deform_attn, voxway.ops.selective_scan):
        module.use_triton = lambda tensor: True
    cases = torch.load(sys.argv[1])
    torch.save({name: run(*case, *sys.argv[3:]) for name, case in cases.items()}, sys.argv[2])
