import pytest
import torch
import torch.nn.functional as F

from voxway.ops.trilinear import resize, resize_batch, resized_squared_length

SIZES = [(8, 6, 4), (7, 9, 5), (4, 3, 2), (1, 3, 2), (13, 3, 8)]


def interpolate(volume, size, corners=True):
    channels_first = volume.permute(3, 0, 1, 2)[None]
    return F.interpolate(channels_first, size, mode="trilinear", align_corners=corners)[0].permute(1, 2, 3, 0)


@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_equals_interpolate(size, corners):
    volume = torch.randn(4, 3, 2, 5, dtype=torch.float64)
    torch.testing.assert_close(resize(volume, size, corners), interpolate(volume, size, corners))


@pytest.mark.parametrize("size", SIZES)
def test_squared_length_equals_that_of_resized_vectors(size):
    volume = torch.randn(4, 3, 2, 5, dtype=torch.float64)
    torch.testing.assert_close(resized_squared_length(volume, size), interpolate(volume, size).square().sum(-1))


def test_known_values():
    line = torch.tensor([0.0, 4.0]).view(2, 1, 1, 1)
    assert resize(line, (5, 1, 1)).flatten().tolist() == [0, 1, 2, 3, 4]
    assert resize(line, (2, 3, 4))[1].unique().tolist() == [4]


def test_gradients():
    volume = torch.randn(3, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: resize(v, (5, 3, 4)), volume)
    assert torch.autograd.gradcheck(lambda v: resize(v, (5, 3, 4), corners=False), volume)
    assert torch.autograd.gradcheck(lambda v: resized_squared_length(v, (5, 3, 4)), volume)


@pytest.mark.parametrize("corners", [True, False])
def test_batches_whose_channels_come_first(corners):
    volumes = torch.randn(2, 5, 4, 3, 2, dtype=torch.float64)
    expected = F.interpolate(volumes, (7, 9, 5), mode="trilinear", align_corners=corners)
    torch.testing.assert_close(resize_batch(volumes, (7, 9, 5), corners), expected)
