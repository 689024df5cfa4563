import pytest
import torch

from voxway.nn.group_norm import GroupNorm


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_large_volumes_in_any_layout(layout):
    """A mean far from 0 over many voxels is what single-precision sums lose."""
    generator = torch.Generator().manual_seed(0)
    x = (3 + torch.randn(1, 4, 64, 64, 64, generator=generator)).to(memory_format=layout)
    norm = GroupNorm(2, 4)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2.0, 0.5, 1.5]))
        groups = x.double().reshape(1, 2, -1)
        plain = (groups - groups.mean(-1, keepdim=True)) / (groups.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
        expected = plain.view(x.shape) * norm.weight.double().view(1, 4, 1, 1, 1)
        assert (norm(x) - expected).abs().max() < 5e-6


@pytest.mark.parametrize("space", [(), (5,), (3, 5), (2, 3, 5)])
@torch.no_grad()
def test_means_of_planes_equal_those_of_groups(space):
    """What exported files compute."""
    torch.manual_seed(0)
    norm, x = GroupNorm(2, 6), 1 + torch.randn(3, 6, *space)
    norm.weight.normal_()
    norm.bias.normal_()
    torch.testing.assert_close(norm._of_planes(x), norm(x))
