from dataclasses import replace

import pytest
import torch

from voxway.nn.backbone import build_backbone
from voxway.nn.internimage import VARIANTS, Block, InternImage, InternImageConfig

NANO = VARIANTS["internimage-nano"]


def images(batch=2, size=(40, 70)):
    return torch.rand(batch, 3, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("level, reduction", enumerate((4, 8, 16, 32)))
def test_feature_map(level, reduction):
    network = InternImage(NANO, reduction).eval()
    assert network.channels == [32 << level]
    expected = [-(-side // reduction) for side in (40, 70)]
    assert [tuple(found.shape) for found in network(images())] == [(2, 32 << level, *expected)]
    assert len(network.levels) == level + 1


def test_published_sizes():
    with torch.device("meta"):
        counts = {
            name: sum(p.numel() for p in InternImage(config, 32).parameters()) for name, config in VARIANTS.items()
        }
    assert counts["internimage-xl"] == 328_971_228
    # Millions of the whole classifiers (paper, Table 2): 50, 97, 223; the classifier itself is not counted here.
    assert [round(counts[f"internimage-{size}"] / 1e6) for size in "sbl"] == pytest.approx([50, 97, 223], rel=0.06)


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    network = build_backbone("internimage-nano", 16, "frozen-batch", -1, False).train()
    for _, parameter in network.named_parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    network(images())[0].square().sum().backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]


def test_freezing():
    network = build_backbone("internimage-nano", 16, "frozen-batch", 1, False)
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad != name.startswith(("stem", "levels.0", "downsamples.0")), name


def test_drop_path_keeps_the_mean_and_is_off_in_evaluation():
    torch.manual_seed(0)
    block = Block(replace(NANO, channels=16), 16, 1, 0.5)
    x = torch.randn(1, 3, 3, 16).expand(2000, 3, 3, 16)
    with torch.no_grad():
        assert torch.equal(block.eval()(x)[0], block(x)[1])
        update = torch.ones(2000, 3, 3, 16)
        dropped = block.train()._dropped(update)
    assert dropped.unique().tolist() == [0, 2]
    assert dropped.mean() == pytest.approx(1, abs=0.1)


def test_errors():
    with pytest.raises(ValueError, match=r"reduction \(4, 8, 16, 32\), not 2"):
        InternImage(NANO, 2)
    with pytest.raises(ValueError, match="level 0 has 32 channels, not a multiple of 3"):
        InternImageConfig(channels=32, depths=(1, 1, 1, 1), groups=(3, 4, 8, 16))
    with pytest.raises(ValueError, match="no weights to download"):
        build_backbone("internimage-nano", 16, "frozen-batch", -1, True)


@torch.no_grad()
def test_bfloat16_is_close():
    torch.manual_seed(0)
    network = InternImage(NANO, 16).eval()
    for block in network.levels.modules():
        if isinstance(block, Block):
            torch.nn.init.normal_(block.dcn.offset.weight, std=0.1)
    exact = network(images())[0]
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(images())[0]
    assert (rough.float() - exact).abs().mean() < 0.05 * exact.std()
