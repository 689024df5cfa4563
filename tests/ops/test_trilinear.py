import pytest
import torch
import torch.nn.functional as F

from voxway.ops.trilinear import resize_axis


@pytest.mark.parametrize("size", [(8, 6, 4), (7, 9, 5), (4, 3, 2), (1, 3, 2)])
def test_equals_interpolate(size):
    volume = torch.randn(4, 3, 2, 5, dtype=torch.float64)
    ours = volume
    for axis, count in enumerate(size):
        ours = resize_axis(ours, axis, count)
    theirs = F.interpolate(volume.permute(3, 0, 1, 2)[None], size, mode="trilinear", align_corners=True)[0]
    torch.testing.assert_close(ours, theirs.permute(1, 2, 3, 0))


def test_part_and_single_sample():
    volume = torch.randn(5, 3)
    torch.testing.assert_close(resize_axis(volume, 0, 9, slice(3, 6)), resize_axis(volume, 0, 9)[3:6])
    torch.testing.assert_close(resize_axis(volume[:1], 0, 4), volume[:1].expand(4, 3))


def test_gradient():
    volume = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: resize_axis(v, 0, 5), volume)
