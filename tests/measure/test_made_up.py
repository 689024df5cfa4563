"""Made-up frames: the same for every method that asks, shaped as the data says, and good for any method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.methods.tiny import GRID, TINY
from voxway.core.errors import InputError
from voxway.core.frame_shape import FrameShape
from voxway.core.sample import NEEDS, Prediction
from voxway.core.task import Task
from voxway.measure.made_up import made_up_batch, scans
from voxway.measure.passes import count_flops, measure, network_and_batch, with_random_weights
from voxway.measure.work import forward_work
from voxway.recipes import FULL_SIZE, measured_recipe

TASK = Task(name="toy", grid=GRID, classes=("free", "ground", "wall"), free=0)
SMALL = FrameShape(cameras=2, image_px=(48, 80), columns=5, masks=("camera",), proposals=60)


def test_fields_do_not_depend_on_each_other():
    whole = made_up_batch(TASK, NEEDS, SMALL)
    for name in NEEDS:
        alone = made_up_batch(TASK, {name}, SMALL)
        assert torch.equal(getattr(alone, name), getattr(whole, name)), name
        assert all(getattr(alone, other) is None for other in NEEDS - {name})
    assert made_up_batch(TASK, {"target"}, SMALL).masks.keys() == {"camera"}


def test_shapes_and_content():
    batch = made_up_batch(TASK, NEEDS, replace(SMALL, earlier=2, sweeps=3))
    assert batch.images.shape == (1, 2, 3, 48, 80) and batch.depth.shape == batch.semantics_2d.shape == (1, 2, 48, 80)
    assert batch.points.shape == (3 * 32 * 1080, 5) and batch.point_offsets.tolist() == [0, len(batch.points)]
    assert batch.proposals.shape == (1, 16, 16, 4) and int(batch.proposals.sum()) == 60
    assert batch.target.unique().tolist() == [0, 1, 2] and batch.target.shape == (1, *GRID.shape)
    assert len(batch.earlier) == 2 and torch.equal(batch.earlier[0].images, batch.images)
    assert not torch.equal(made_up_batch(TASK, {"images"}, SMALL, seed=1).images, batch.images)
    assert made_up_batch(TASK, {"proposals"}).proposals.sum() == 16 * 16 * 4 // 4


def test_frames_behind_recorded_numbers():
    """Frames of which results are recorded stay as they were."""
    assert scans(1, 5, torch.Generator().manual_seed(0)).shape == (34_560, 5)
    proposals = made_up_batch(replace(TASK, grid=replace(GRID, shape=(256, 256, 32))), {"proposals"}).proposals
    assert int(proposals.sum()) == 17_000


@pytest.mark.parametrize("name", FULL_SIZE)
def test_data_of_every_recipe_says_what_its_frames_are_like(name):
    chosen = measured_recipe(name, Path("."))
    frame = chosen.data.frame_shape()
    assert frame.earlier == len(chosen.data.earlier)
    with torch.device("meta"):
        needs = with_random_weights(chosen.method).build().inputs
    frame = replace(frame, image_px=(48, 80), sweeps=1)
    batch = made_up_batch(chosen.method.task, needs, frame)
    assert all(batch.need(field) is not None for field in needs)


@pytest.mark.parametrize("name", sorted(TINY))
def test_every_method_is_measured(name):
    frame = replace(SMALL, cameras=1, earlier=1)
    network, batch = network_and_batch(TINY[name], frame)
    for training in (False, True):
        (one,) = measure(network, batch, runs=1, warmup=0, training=training)
        assert min(one.wall_s, one.peak_gb) > 0
    work = forward_work(network, batch)
    assert work.flops == count_flops(network, batch) > 0
    weights = sum(p.nbytes for p in network.parameters())
    assert weights < work.least_bytes < work.moved_bytes
    assert work.floor_s(1e9, 1e9) <= work.unfused_s(1e9, 1e9) + work.least_bytes / 1e9


class Own(nn.Module):
    """A user's method, which reads a field of its own."""

    def __init__(self, config):
        super().__init__()
        self.task = config.task
        self.inputs, self.targets = frozenset({"features"}), frozenset({"target"})
        self.extras = {"features": (4, *config.task.grid.shape)}
        self.classify = nn.Conv3d(4, len(config.task.classes), 1)

    def forward(self, batch):
        return Prediction(logits=self.classify(batch.need("features")))

    def loss(self, prediction, batch):
        return {"voxel": nn.functional.cross_entropy(prediction.logits, batch.need("target").long())}


@dataclass(frozen=True, kw_only=True)
class OwnConfig:
    task: Task = TASK

    def build(self):
        return Own(self)


def test_a_users_own_method_is_measured():
    network, batch = network_and_batch(OwnConfig(), SMALL)
    assert batch.extras["features"].shape == (1, 4, *GRID.shape)
    assert measure(network, batch, runs=1, warmup=0, training=True)
    assert forward_work(network, batch).flops == 2 * 4 * 3 * GRID.count


def test_work_by_hand():
    """One product: 2 * 2 * 3 * 5 operations, 4-byte numbers of both factors and the result."""
    network = Own(OwnConfig())
    network.inputs = frozenset()
    network.forward = lambda batch: Prediction(logits=(torch.ones(2, 3) @ torch.ones(3, 5)).view(1, 1, 1, 2, 5))
    batch = made_up_batch(TASK, set(), SMALL)
    product = max(forward_work(network, batch).operations, key=lambda operation: operation.flops)
    assert (product.flops, product.moved_bytes) == (60, 4 * (6 + 15 + 10))


def test_refusals():
    with pytest.raises(InputError, match=r"found features.*Give the network an attribute `extras`"):
        made_up_batch(TASK, {"features"}, SMALL)
    with pytest.raises(ValueError, match="cameras must be at least 1, got 0"):
        FrameShape(cameras=0)
    with pytest.raises(ValueError, match="image_px"):
        FrameShape(image_px=(0, 5))
