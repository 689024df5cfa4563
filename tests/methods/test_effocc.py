"""What only EFFOcc's networks do: parts that may be absent, colours, caps, empty clouds, fixed rigs, teachers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.methods.tiny import GRID, TINY, sample
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import collate
from voxway.methods.contract import Student
from voxway.methods.effocc.bev import ResidualConfig
from voxway.methods.effocc.lidar import LidarConfig
from voxway.methods.shared.depth_bins import DepthBins
from voxway.recipes.networks import effocc

FUSION = TINY["effocc"]
CAMERA = replace(
    FUSION,
    camera=replace(FUSION.camera, lidar_depth=False),
    lidar=None,
    second=None,
    residual=ResidualConfig(widths=(8, 8, 8), channels=16),
)
LIDAR = replace(FUSION, camera=None)


def build(config, seed=0):
    torch.manual_seed(seed)
    return config.build()


@pytest.mark.parametrize(
    ("config", "inputs"),
    [(FUSION, {"images", "points", "depth"}), (CAMERA, {"images"}), (LIDAR, {"points"})],
    ids=["fusion", "camera", "lidar"],
)
def test_variants_learn_from_what_they_read(config, inputs):
    network, batch = build(config).train(), collate([sample(0), sample(1)])
    assert network.inputs == inputs
    batch = replace(batch, **dict.fromkeys({"images", "points", "depth"} - inputs))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(6):
        prediction = network(batch)
        loss = torch.stack(list(network.loss(prediction, batch).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        if len(losses) == 2:  # residual branches that start at zero pass nothing on in the first step
            assert not [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
        optimizer.step()
    assert losses[-1] < losses[0]
    assert prediction.logits.shape == (2, 20, 32, 32, 8)
    assert prediction.intermediates["bev"].shape == (2, 16, 32, 32)
    assert ("depth" in prediction.intermediates) == ("images" in inputs)


@torch.no_grad()
def test_depth_is_a_distribution():
    depth = build(FUSION).eval()(collate([sample(0)])).intermediates["depth"]
    assert depth.shape == (1, 1, 12, 6, 10)
    torch.testing.assert_close(depth.sum(2), torch.ones(1, 1, 6, 10))


@torch.no_grad()
def test_axes_of_the_output():
    """A point far along x and left (+y) changes the prediction there, and hardly anywhere else."""
    network = build(LIDAR).eval()
    one = sample(0)
    point = torch.tensor([[10.0, 4.2, 0.0, 1, 0]])
    added = replace(one, points=torch.cat([one.points, point.repeat(20, 1)]))
    change = (network(collate([added])).logits - network(collate([one])).logits).abs().sum((0, 1, 4))
    x, y = divmod(int(change.argmax()), 32)
    assert abs(x - 25) <= 3 and abs(y - 26) <= 3


@torch.no_grad()
def test_colours():
    published, rgb = (build(replace(CAMERA, camera=replace(CAMERA.camera, colours=c))) for c in ("published", "rgb"))
    pixel = torch.tensor([255, 0, 51], dtype=torch.uint8).view(1, 1, 3, 1, 1)
    found = published.camera.normalise(pixel).flatten()
    expected = [(51 - 123.675) / 58.395, -116.28 / 57.12, (255 - 103.53) / 57.375]
    assert found.tolist() == pytest.approx(expected, rel=1e-5)
    expected = [(255 - 123.675) / 58.395, -116.28 / 57.12, (51 - 103.53) / 57.375]
    assert rgb.camera.normalise(pixel).flatten().tolist() == pytest.approx(expected, rel=1e-5)


@torch.no_grad()
def test_caps_on_voxels_differ_in_training():
    config = replace(LIDAR, lidar=replace(LIDAR.lidar, training_voxels=5, voxels=1000))
    network, batch = build(config), collate([sample(0)])
    counts = []
    network.lidar.stem.register_forward_hook(lambda _m, args, _o: counts.append(len(args[0])))
    network.train()(batch)
    network.eval()(batch)
    assert counts[0] == 5 and 5 < counts[1] <= 1000


def test_sample_without_points():
    """Its map is empty; alone or beside another sample makes no difference."""
    network = build(LIDAR)
    full, empty = sample(0), replace(sample(1), points=torch.zeros(0, 5))
    with torch.no_grad():
        network.eval()
        alone, together = network(collate([empty])).logits, network(collate([full, empty])).logits[1:]
        assert not network.lidar(empty.points, torch.tensor([0, 0])).dense().any()
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)
    network.train()
    batch = collate([empty])
    assert torch.isfinite(network.loss(network(batch), batch)["voxel"])


@torch.no_grad()
def test_table_of_a_rig_is_kept_and_renewed():
    network = build(CAMERA).eval()
    one = sample(0)
    moved = replace(one, cameras=one.cameras.move_ego(torch.diag(torch.tensor([1.0, -1, 1, 1]))))
    first = network(collate([one])).logits
    table = network.camera._rig[1]
    network(collate([sample(3)]))
    assert network.camera._rig[1] is table
    assert not torch.allclose(network(collate([moved])).logits, first)
    assert torch.equal(network(collate([one])).logits, first)


def test_student_follows_and_inherits():
    teacher, student = build(FUSION, 1).eval(), build(CAMERA, 2).train()
    assert isinstance(student, Student)
    student.inherit(teacher)
    assert all(torch.equal(a, b) for a, b in zip(student.head.parameters(), teacher.head.parameters()))
    batch = collate([sample(0)])
    with torch.no_grad():
        said = teacher(batch).tensors
    terms = student.follow(student(batch), said, batch)
    torch.stack(list(terms.values())).sum().backward()
    assert student.encoder.output.weight.grad.any() and len(terms) == 6
    with pytest.raises(ValueError, match=r"switch distillation\.inherit_head off"):
        student.inherit(build(replace(FUSION, head_width=24)))


def test_settings_that_do_not_fit():
    for change, message in (
        ({"camera": None, "lidar": None}, "a camera branch, a LiDAR branch or both"),
        ({"second": None}, "one encoder of maps"),
        ({"residual": ResidualConfig()}, "one encoder of maps"),
        ({"bev_factor": 1}, r"make a map of \(16, 16\), the cells of the map are \(32, 32\)"),
        ({"bev_factor": 3}, "cannot be coarsened"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(FUSION, **change)
    with pytest.raises(ValueError, match="two numbers or more"):
        LidarConfig(widths=(16,))
    with pytest.raises(ValueError, match="depth must run upwards"):
        DepthBins(end=0.5)
    with pytest.raises(ValueError, match="too few for 3 resolutions"):
        replace(LIDAR, lidar=replace(LIDAR.lidar, cell=(0.2, 0.2, 1.6))).build()
    other = VoxelGrid(lower=(0.0, 0.0, 0.0), cell=(0.4, 0.4, 0.4), shape=GRID.shape)
    with pytest.raises(InputError, match="Build the network with the data's grid"):
        build(LIDAR)(collate([sample(grid=other)]))


def test_small_siblings_fit_each_other():
    """Their heads take maps of the same shape, so that fusion can teach cameras."""
    configs = (effocc.SMALL_FUSION, effocc.SMALL_CAMERA, effocc.SMALL_LIDAR)
    with torch.device("meta"):
        heads = [config.build().head.conv.weight.shape for config in configs]
    assert len(set(heads)) == 1
    assert all(config.task.grid.shape == (200, 200, 16) for config in configs)
