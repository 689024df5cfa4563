"""What only the query proposal network does: targets by occupancy, free where scores tie, limits of its settings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.methods.tiny import TASK, sample
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import collate
from voxway.methods.qpn import QPNConfig
from voxway.methods.qpn.model import occupancy_target
from voxway.truth.downscale import downscale


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_target_is_the_published_downscaling_binarised(factor):
    generator = torch.Generator().manual_seed(factor)
    # Blocks of every mixture: shares of free and unknown voxels differ from place to place.
    shares = torch.rand(2, 4, 4, 2, 3, generator=generator) ** 4 + 1e-3
    shares = shares.repeat_interleave(8, 1).repeat_interleave(8, 2).repeat_interleave(8, 3)
    kind = torch.multinomial(shares.flatten(0, 3), 1, generator=generator).view(shares.shape[:-1])
    target = torch.tensor([0, 255, 7]).to(torch.uint8)[kind]
    found = occupancy_target(target, factor, 0)
    for one, of in zip(found, target):
        expected = downscale(of.numpy(), factor, free=0)
        np.testing.assert_array_equal(one, np.where(expected == 255, 255, expected > 0))
    assert {0, 1, 255} == set(found.unique().tolist())


def test_target_by_hand():
    target = torch.full((1, 2, 2, 2), 0, dtype=torch.uint8)
    target[0, 0, 0] = 255
    assert occupancy_target(target, 2, 0).item() == 0
    target[0, 0] = 255
    assert occupancy_target(target, 2, 0).item() == 255  # as many free as unknown
    target[0, 0, 0, 0] = 9
    assert occupancy_target(target, 2, 0).item() == 1  # one of eight voxels is enough


def test_ties_are_free():
    network = QPNConfig(task=TASK).build().eval()
    torch.nn.init.constant_(network.heads[0].classify.bias, -1e6)
    prediction = network(collate([sample()]))
    assert not prediction.logits.any() and not prediction.classes.any()


def test_settings_and_grids_that_do_not_fit():
    with pytest.raises(ValueError, match="coarsened by 8"):
        QPNConfig(task=replace(TASK, grid=VoxelGrid(lower=(0.0, 0.0, 0.0), cell=(0.4, 0.4, 0.4), shape=(16, 16, 4))))
    with pytest.raises(ValueError, match="1 to 3 numbers"):
        QPNConfig(task=TASK, level_weights=())
    other = VoxelGrid(lower=(0.0, 0.0, 0.0), cell=(0.4, 0.4, 0.4), shape=(32, 32, 8))
    with pytest.raises(InputError, match="Build the network with the data's grid"):
        QPNConfig(task=TASK).build()(collate([sample(grid=other)]))
