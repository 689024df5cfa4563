"""The deformable convolution against the released code's tensors, values and gradients."""

import pytest
import torch

from voxway.ops.dcnv3 import dcnv3


def core_inputs(reference):
    value = reference.image((2, 9, 11, 32), ".core_in")
    offset = 1.5 * reference.image((2, 9, 36, 11), ".core_off").permute(0, 1, 3, 2)
    mask = reference.image((2, 9, 18, 11), ".core_mask").permute(0, 1, 3, 2).unflatten(-1, (2, 9)).softmax(-1)
    return value, offset.unflatten(-1, (2, 9, 2)), mask


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_values(reference, scale):
    expected = torch.from_numpy(reference[f"dcn/core_out_scale{scale}"])
    torch.testing.assert_close(dcnv3(*core_inputs(reference), scale), expected, atol=1e-5, rtol=0)


def test_gradients(reference):
    tensors = [t.clone().requires_grad_() for t in core_inputs(reference)]
    grads = torch.autograd.grad(dcnv3(*tensors, 2.0), tensors, reference.image((2, 9, 11, 32), ".core_go"))
    for name, found in zip(("in", "offset", "mask"), grads):
        expected = torch.from_numpy(reference[f"dcn/core_grad_{name}(scale2.0)"])
        largest = float(expected.abs().max())
        torch.testing.assert_close(found.flatten(3), expected, atol=1e-4 * largest, rtol=0)
