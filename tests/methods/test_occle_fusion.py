from itertools import combinations

import pytest
import torch

from voxway.core.config import from_json, to_json
from voxway.methods.occle.fusion import FusionConfig

TINY = {"tokens": 16, "inner": 12, "states": 4, "rank": 2, "squeeze": 2}


def volumes(shape=(6, 4, 4), samples=1, width=5):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, samples, width, *shape, generator=generator)


@pytest.mark.parametrize("kind", ["dual", "unet", "conv", "none"])
@pytest.mark.parametrize("shape", [(6, 4, 4), (7, 5, 3), (1, 1, 1)])
def test_one_volume_of_the_same_size(kind, shape):
    fusion = FusionConfig(kind=kind, **TINY).build(5)
    maps = volumes(shape, samples=2).requires_grad_()
    fused = fusion(*maps)
    assert fused.shape == maps[0].shape and fused.isfinite().all()
    fused.square().sum().backward()
    assert all(grad.abs().max() > 0 for grad in maps.grad)
    assert all(p.grad is not None for p in fusion.parameters())


def test_mean():
    semantic, geometric = volumes()
    assert torch.equal(FusionConfig(kind="none").build(5)(semantic, geometric), (semantic + geometric) / 2)


@torch.no_grad()
def test_rounds_start_from_what_was_joined_and_the_streams():
    torch.manual_seed(0)
    fusion = FusionConfig(**TINY, order="h2he").build(5)
    called = []
    for block in (*fusion.meet.cross, *fusion.meet.concat):
        block.register_forward_hook(lambda block, args, out: called.append((block, args, out)))
    fusion(*volumes())
    assert [block for block, _, _ in called] == [
        *(fusion.meet.cross[0], fusion.meet.concat[0]),
        *(fusion.meet.cross[1], fusion.meet.concat[1]),
    ]
    (_, _, streams), (_, joined_from, joined), (_, second_from, _), _ = called
    assert all(torch.equal(x, y) for x, y in zip(joined_from, streams))
    assert all(torch.equal(x, joined + y) for x, y in zip(second_from, streams))


@torch.no_grad()
def test_options_change_the_network():
    maps = volumes((8, 8, 4))
    outs = []
    for kind in ("dual", "unet"):
        for order in ("hilbert", "h2he"):
            torch.manual_seed(0)
            outs.append(FusionConfig(kind=kind, order=order, **TINY).build(5)(*maps))
    assert not any(torch.allclose(a, b) for a, b in combinations(outs, 2))
    assert [len(layers.blocks) for layers in FusionConfig(kind="unet", depths=(1, 2)).build(5).meet.net.down] == [1, 2]
    assert len(FusionConfig(rounds=3, **TINY).build(5).meet.cross) == 3
    coarse = FusionConfig(stride=4, kernel=5, **TINY).build(5)
    assert coarse(*maps).shape == maps[0].shape and coarse.meet.cross[0].conv.weight.shape[2:] == (5, 5, 5)


def test_parameters():
    """Counted by hand from the widths: two convolutions before, one behind, and two rounds of both blocks."""
    scans = 256 * (8 + 2 * 16) + 8 * 256 + 256 + 256 * 16 + 256
    cross = 2 * (128 * 256 + scans + 2 * 256 + 256 * 128) + 28 * 256
    concat = 2 * (128 * 256 + 28 * 256 + scans + 2 * 256 + 2 * 256 * 16) + 512 * 128
    ends = 2 * (64 * 128 * 27 + 128) + (256 * 64 * 27 + 64)
    fusion = FusionConfig().build(64)
    assert sum(p.numel() for p in fusion.parameters()) == ends + 2 * (cross + concat)


def test_config_comes_back_from_json():
    config = FusionConfig(kind="unet", order="h2he", depths=(1, 2))
    assert from_json(FusionConfig, to_json(config), "test") == config


def test_errors():
    with pytest.raises(ValueError, match="rounds must be at least 1, got 0"):
        FusionConfig(rounds=0)
    with pytest.raises(ValueError, match="kernel must be odd, got 2"):
        FusionConfig(kernel=2)
    with pytest.raises(ValueError, match="tokens of a U-Net must be a multiple of 16, got 24"):
        FusionConfig(kind="unet", tokens=24)
    for depths in ((), (1, 0)):
        with pytest.raises(ValueError, match="depths must be at least one number"):
            FusionConfig(kind="unet", depths=depths)
