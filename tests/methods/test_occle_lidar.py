"""OccLE's way from points to voxels and through sparse networks, against loops over points and dense volumes."""

from __future__ import annotations

import pytest
import torch

from tests.oracles import sparse_networks as dense
from voxway.core.grid import VoxelGrid
from voxway.methods.occle.lidar import Levels, SparseEncoder, SparseUNet
from voxway.methods.occle.voxels import VoxelConfig, VoxelEncoder, largest
from voxway.nn.sparse import RowNorm
from voxway.ops.sparse_conv import Sites, sort_sites
from voxway.ops.sparse_volume import to_volume

GRID = VoxelGrid(lower=(-2.0, -1.0, 0.0), cell=(0.5, 0.5, 0.5), shape=(8, 6, 4))
SHAPE = (9, 6, 5)


def shaken(network, seed=0):
    """The network in evaluation with norms that change something."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, RowNorm):
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
            module.weight.data.uniform_(0.8, 1.2, generator=generator)
            module.bias.data.normal_(0, 0.2, generator=generator)
    return network.eval()


def sparse(channels, share=0.15, samples=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    index = (torch.rand(samples, *SHAPE, generator=generator) < share).nonzero()
    return torch.randn(len(index), channels, generator=generator), Sites(index, SHAPE, samples)


def assert_close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("share", [0.03, 0.15, 0.9])
def test_unet_equals_its_dense_twin(share):
    torch.manual_seed(0)
    network = shaken(SparseUNet(5, (4, 6, 8, 8)))
    rows, sites = sparse(5, share)
    levels = Levels.of(sites, 3)
    fine, half, *_ = network(rows, levels)
    mask = to_volume(torch.ones(len(sites), 1), sites)
    expected_fine, expected_half = dense.unet(network, to_volume(rows, sites), mask)
    assert levels.sites[1].shape == (5, 3, 3) and fine.shape == (len(sites), 4)
    assert_close(to_volume(fine, sites), expected_fine)
    assert_close(to_volume(half, levels.sites[1]), expected_half)


@torch.no_grad()
def test_encoder_equals_its_dense_twin():
    torch.manual_seed(0)
    network = shaken(SparseEncoder(5, (4, 6, 8), 2))
    rows, sites = sparse(5)
    expected = dense.encode(network, to_volume(rows, sites), to_volume(torch.ones(len(sites), 1), sites))
    assert_close(to_volume(*network(rows, sites)), expected)


@torch.no_grad()
def test_samples_do_not_see_each_other_and_rows_may_come_in_any_order():
    torch.manual_seed(0)
    network = shaken(SparseUNet(5, (4, 6, 8)))
    rows, sites = sparse(5, samples=2)
    levels = Levels.of(sites, 2)
    whole = to_volume(network(rows, levels)[1], levels.sites[1])
    shuffled = torch.randperm(len(rows))
    again, order = sort_sites(sites.index[shuffled], SHAPE, 2)
    levels = Levels.of(again, 2)
    assert torch.equal(to_volume(network(rows[shuffled][order], levels)[1], levels.sites[1]), whole)
    first = sites.index[:, 0] == 0
    levels = Levels.of(Sites(sites.index[first], SHAPE, 1), 2)
    assert_close(to_volume(network(rows[first], levels)[1], levels.sites[1]), whole[:1])


def test_gradients_reach_all_of_both_networks():
    rows, sites = sparse(5)
    unet, encoder = SparseUNet(5, (4, 6, 8)).train(), SparseEncoder(5, (4, 6), 2).train()
    sum(one.square().sum() for one in unet(rows, Levels.of(sites, 2))[:2]).backward()
    encoder(rows, sites)[0].square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for network in (unet, encoder) for p in network.parameters())


def cloud(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    place = torch.rand(count, 3, generator=generator) * torch.tensor([5.0, 4, 3]) - torch.tensor([2.5, 1.5, 0.5])
    return torch.cat([place, torch.rand(count, 2, generator=generator)], 1)


def by_loop(encoder, points):
    """Features of voxels {(x, y, z): feature}, point by point."""
    held = {}
    for point in points:
        cell = tuple(GRID.index(point[:3]).tolist())
        if GRID.contains(point[:3]) and len(held.setdefault(cell, [])) < encoder.config.max_points:
            held[cell].append(point[: encoder.columns])
    found = {}
    for cell, own in held.items():
        own = torch.stack(own)
        x = torch.cat([own, own[:, :3] - own[:, :3].mean(0)], 1)
        if encoder.config.pad_in_max:
            x = torch.cat([x, x.new_zeros(encoder.config.max_points - len(own), x.shape[1])])
        for i, one in enumerate(encoder.layers):
            if i:
                x = torch.cat([x, x.max(0).values.expand_as(x)], 1)
            x = one(x)
        found[cell] = x.max(0).values
    return found


@torch.no_grad()
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("widths", [(6,), (6, 4)])
def test_voxels_equal_a_loop_over_points(padded, widths):
    torch.manual_seed(0)
    encoder = shaken(VoxelEncoder(4, VoxelConfig(widths=widths, max_points=3, pad_in_max=padded), GRID))
    clouds = [cloud(150, 1), cloud(90, 2)]
    rows, sites = encoder(torch.cat(clouds), torch.tensor([0, 150, 240]))
    expected = {(b, *cell): f for b, own in enumerate(clouds) for cell, f in by_loop(encoder, own).items()}
    assert [tuple(site) for site in sites.index.tolist()] == sorted(expected)
    assert_close(rows, torch.stack([expected[tuple(site)] for site in sites.index.tolist()]))


@torch.no_grad()
def test_points_may_come_in_any_order_and_the_cap_changes_nothing_below_it():
    torch.manual_seed(0)
    points, offsets = cloud(120), torch.tensor([0, 120])
    encoder = shaken(VoxelEncoder(5, VoxelConfig(widths=(6, 4), max_points=60), GRID))
    rows, sites = encoder(points, offsets)
    other, same_sites = encoder(points[torch.randperm(120)], offsets)
    assert torch.equal(sites.index, same_sites.index)
    assert_close(other, rows)
    encoder.config = VoxelConfig(widths=(6, 4), max_points=120)
    assert torch.equal(encoder(points, offsets)[0], rows)


@torch.no_grad()
def test_caps_on_voxels_differ_between_training_and_evaluation():
    encoder = VoxelEncoder(4, VoxelConfig(widths=(4,), training_voxels=3, voxels=5), GRID)
    points, offsets = cloud(100), torch.tensor([0, 100])
    assert len(encoder.train()(points, offsets)[1]) == 3 and len(encoder.eval()(points, offsets)[1]) == 5


def test_largest_by_hand():
    x = torch.tensor([[1.0, 5], [3, 0], [2, 2]])
    assert largest(x, torch.tensor([1, 0, 1]), 3).tolist() == [[3, 0], [2, 5], [0, 0]]


@pytest.mark.parametrize("points", [cloud(0), cloud(1) * 0])
def test_no_point_and_one_point_in_training(points):
    """Norms take their running statistics; gradients pass."""
    encoder = VoxelEncoder(4, VoxelConfig(widths=(4, 4)), GRID).train()
    unet, last = SparseUNet(4, (4, 6, 8)).train(), SparseEncoder(4, (4, 6), 2).train()
    rows, sites = encoder(points, torch.tensor([0, len(points)]))
    assert len(rows) == len(points)
    volume = to_volume(*last(rows, sites)).sum() + unet(rows, Levels.of(sites, 2))[0].sum()
    volume.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters())
    if not len(points):
        assert volume == 0


@pytest.mark.parametrize("wrong", [{"widths": ()}, {"max_points": 0}, {"voxels": 0}])
def test_wrong_settings(wrong):
    with pytest.raises(ValueError, match="voxels need layers, points and room"):
        VoxelConfig(**wrong)
