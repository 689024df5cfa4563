import pytest
import torch
import torch.nn.functional as F

from tests.oracles.selective_scan import selective_scan_sequential
from voxway.nn.mamba import MambaBlock, MambaLayers, StateSpace
from voxway.nn.mamba_fusion import ConcatMamba, CrossMamba
from voxway.nn.mamba_unet import MambaUNet
from voxway.ops.space_filling import voxel_order

SIZES = {"width": 6, "inner": 10, "states": 4, "rank": 2}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def without_gradient(network, *outputs):
    """Names of parameters that a loss does not reach, but for decays, which one position alone does not have."""
    sum(out.square().sum() for out in outputs).backward()
    missed = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    return [name for name in missed if not name.endswith("log_decay")]


@pytest.mark.parametrize("length", [1, 3, 50])
def test_block_keeps_the_shape_and_learns(length):
    block = MambaBlock(8)
    out = block(torch.randn(2, length, 8))
    assert out.shape == (2, length, 8) and without_gradient(block, out) == []
    assert length == 1 or block.space.log_decay.grad.abs().min() > 0


def test_state_space_is_the_scan_of_its_terms():
    space = StateSpace(6, states=4, rank=2)
    x, gate = torch.randn(2, 2, 9, 6)
    small, B, C = space.select(x).split([2, 4, 4], -1)
    steps = small @ space.step.weight.T
    A = -space.log_decay.exp()
    y, _ = selective_scan_sequential(x, steps, A, B, C, space.skip, gate, space.step.bias, softplus=True)
    torch.testing.assert_close(space(x, gate), y)


def test_start():
    space = StateSpace(1000, states=3, rank=4)
    steps = F.softplus(space.step.bias)
    assert 1e-3 <= steps.min() < 2e-3 and 0.09 < steps.max() <= 0.1001
    torch.testing.assert_close(space.log_decay.exp()[7], torch.tensor([1.0, 2.0, 3.0]))


@torch.no_grad()
def test_no_position_sees_a_later_one():
    layers = MambaLayers(8, count=2)
    x = torch.randn(1, 20, 8)
    before = layers(x)
    x[:, 13] = -x[:, 13]
    after = layers(x)
    torch.testing.assert_close(after[:, :13], before[:, :13])
    assert not torch.isclose(after[:, 13:], before[:, 13:]).all(-1).any()


@torch.no_grad()
def test_samples_of_a_batch_are_apart():
    cross, concat = CrossMamba(**SIZES, axes=3), ConcatMamba(**SIZES, axes=3)
    first, second = torch.randn(2, 2, 3, 4, 2, 6)
    order = voxel_order((3, 4, 2), "hilbert")
    both, joined = cross(first, second, order), concat(first, second, order)
    for i in range(2):
        part = slice(i, i + 1)
        torch.testing.assert_close(cross(first[part], second[part], order), tuple(x[part] for x in both))
        torch.testing.assert_close(concat(first[part], second[part], order), joined[part])


@pytest.mark.parametrize(("axes", "space"), [(2, (3, 5)), (3, (3, 4, 2)), (3, (1, 1, 1))])
def test_fusion_blocks_keep_the_shape_and_learn(axes, space):
    cross, concat = CrossMamba(**SIZES, axes=axes), ConcatMamba(**SIZES, axes=axes)
    maps = torch.randn(2, 1, *space, 6)
    out = cross(*maps)
    assert [x.shape for x in out] == [maps[0].shape] * 2 and without_gradient(cross, *out) == []
    joined = concat(*maps)
    assert joined.shape == maps[0].shape and without_gradient(concat, joined) == []


@torch.no_grad()
@pytest.mark.parametrize("kind", [CrossMamba, ConcatMamba])
def test_an_order_is_a_permutation_before_and_after_the_scan(kind):
    """With convolutions of one place, which know no neighbours, visiting in an order is visiting a permuted map."""
    block = kind(**SIZES, axes=3, kernel=1)
    maps = torch.randn(2, 1, 4, 3, 2, 6)
    order = voxel_order((4, 3, 2), "hilbert")
    moved = [x.flatten(1, 3)[:, order].view(x.shape) for x in maps]
    found, expected = block(*maps, order), block(*moved)
    for x, y in zip(*(v if isinstance(v, tuple) else (v,) for v in (found, expected))):
        torch.testing.assert_close(x.flatten(1, 3)[:, order], y.flatten(1, 3))


@torch.no_grad()
def test_streams_read_with_each_other():
    """What the second stream holds changes the first only through C: not its states, so not where these are zero."""
    cross = CrossMamba(**SIZES, axes=2, kernel=1)
    first, second, other = torch.randn(3, 1, 2, 3, 6)
    assert not torch.isclose(cross(first, second)[0], cross(first, other)[0]).all()
    first[0, 0, 0] = 0
    cross.conv.bias.zero_()
    changed = cross(first, second)[0] - cross(first, other)[0]
    assert changed[0, 0, 0].abs().max() == 0 and changed.abs().max() > 0


@torch.no_grad()
def test_joined_scan_goes_both_ways():
    concat = ConcatMamba(**SIZES, axes=2, kernel=1)
    for gate in concat.gate:
        gate[2].weight.zero_()
    maps = torch.randn(2, 1, 2, 3, 6)
    before = concat(*maps)
    maps[1, 0, 1, 2] += 1  # the last place of all
    changed = (concat(*maps) - before).abs().amax(-1)
    assert changed[0, 0, 0] > 0, "the first place hears of it on the way back"


@pytest.mark.parametrize("shape", [(8, 6, 4), (5, 3, 3), (1, 2, 1)])
def test_u_net_keeps_the_size_and_learns(shape):
    net = MambaUNet(5, 32, down=(1, 1, 2), up=(1, 2, 1), states=4)
    out = net(torch.randn(2, 5, *shape))
    assert out.shape == (2, 32, *shape) and without_gradient(net, out) == []
    assert [len(layers.blocks) for layers in (*net.down, *net.up)] == [1, 1, 2, 1, 2, 1]


@torch.no_grad()
def test_u_net_knows_where_voxels_are():
    net = MambaUNet(5, 16, down=(1,), up=(1,), states=4)
    out = net(torch.ones(1, 5, 3, 4, 2)).flatten(2)[0].T
    assert torch.cdist(out, out).fill_diagonal_(1).min() > 1e-3


def test_u_net_of_unlike_ways():
    with pytest.raises(ValueError, match=r"as many sizes up as down are needed, got \(1,\) and \(1, 1\)"):
        MambaUNet(5, 16, down=(1, 1), up=(1,))
