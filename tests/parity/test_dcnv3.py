"""The deformable convolution against the released code's tensors, values and gradients."""

import numpy as np
import pytest
import torch

from voxway.ops.dcnv3 import dcnv3


def core_inputs(reference, device):
    value = reference.image((2, 9, 11, 32), ".core_in")
    offset = 1.5 * reference.image((2, 9, 36, 11), ".core_off").permute(0, 1, 3, 2)
    mask = reference.image((2, 9, 18, 11), ".core_mask").permute(0, 1, 3, 2).unflatten(-1, (2, 9)).softmax(-1)
    return value.to(device), offset.unflatten(-1, (2, 9, 2)).to(device), mask.to(device)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_values(reference, device, close, scale):
    key = f"dcn/core_out_scale{scale}"
    close.equal(key, dcnv3(*core_inputs(reference, device), scale), reference[key], 1e-5)


def test_gradients(reference, device, close):
    tensors = [t.clone().requires_grad_() for t in core_inputs(reference, device)]
    grad_out = reference.image((2, 9, 11, 32), ".core_go").to(device)
    grads = torch.autograd.grad(dcnv3(*tensors, 2.0), tensors, grad_out)
    for name, found in zip(("in", "offset", "mask"), grads):
        key = f"dcn/core_grad_{name}(scale2.0)"
        close.equal(key, found.flatten(3), reference[key], 1e-4 * float(np.abs(reference[key]).max()))
