import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import deform_conv2d

from voxway.ops.deform_conv import deform_conv


def inputs(groups=2, dtype=torch.float32, seed=0, spread=2.0):
    g = torch.Generator().manual_seed(seed)
    maps = torch.randn(2, 4, 5, 7, generator=g, dtype=dtype)
    offsets = spread * torch.randn(2, 18, 5, 7, generator=g, dtype=dtype)
    weight = torch.randn(6, 4 // groups, 3, 3, generator=g, dtype=dtype)
    return maps, offsets, weight, groups


def twin(maps, offsets, weight, groups):
    return deform_conv2d(maps, offsets, weight, padding=1)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("spread", [0.3, 3.0])
def test_equals_torchvision(groups, spread):
    maps, offsets, weight, _ = inputs(groups, spread=spread)
    weight = weight.repeat(2, 1, 1, 1)  # torchvision wants a multiple of the groups
    found = deform_conv(maps, offsets, weight, groups)
    assert found.shape == (2, 12, 5, 7)
    torch.testing.assert_close(found, twin(maps, offsets, weight, groups), atol=1e-5, rtol=1e-5)


def test_without_offsets_it_is_a_convolution():
    maps, offsets, weight, groups = inputs()
    expected = F.conv2d(maps, weight, padding=1, groups=groups)
    torch.testing.assert_close(deform_conv(maps, 0 * offsets, weight, groups), expected, atol=1e-5, rtol=1e-5)


def test_known_values():
    maps = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 1, 1] = 1
    offsets = torch.zeros(1, 18, 2, 2)
    offsets[0, 8], offsets[0, 9] = 0.5, 1.0  # the middle cell looks half a row down and a column to the right
    assert deform_conv(maps, offsets, weight).tolist() == [[[[3.0, 0.0], [2.0, 0.0]]]]


def test_gradients():
    maps, offsets, weight, groups = inputs(dtype=torch.float64, spread=0.4)
    tensors = [t.requires_grad_() for t in (maps[:1, :, :3, :3], offsets[:1, :, :3, :3], weight)]
    assert torch.autograd.gradcheck(lambda m, o, w: deform_conv(m, o, w, groups), tensors)
