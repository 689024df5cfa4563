"""The box network: any sensors in any order, none of which it depends on; and the file that it is exported to."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.methods.tiny import TASK, TINY, sample
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Batch, Sample, collate
from voxway.data.steps.places import with_places
from voxway.methods.box import BoxConfig
from voxway.methods.box.export import graph
from voxway.methods.box.geometry import camera_facts, height_hints, ray_facts
from voxway.methods.box.hiding import hidden
from voxway.methods.box.lidar import point_counts
from voxway.methods.box.model import BoxNetwork
from voxway.methods.box.pixels import pixel_classes
from voxway.methods.box.sight import sight
from voxway.methods.contract import DoesWithout
from voxway.methods.shared.depth_bins import DepthBins
from voxway.ops.bev_pool import frustum


def network(**changes: object) -> BoxNetwork:
    torch.manual_seed(0)
    config = TINY["box"]
    assert isinstance(config, BoxConfig)
    return replace(config, **changes).build()


def ring(count: int = 3) -> Sample:
    """The tiny scene seen by several cameras that look to several sides."""
    one = sample(0)
    assert one.cameras is not None and one.images is not None and one.depth is not None
    turns = []
    for number in range(count):
        angle = torch.tensor(2 * torch.pi * number / count)
        T = torch.eye(4, dtype=torch.float64)
        T[:2, :2] = torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]])
        turns.append(one.cameras.T_cam_ego[0] @ T)
    images = torch.cat([one.images.roll(5 * number, -1) for number in range(count)])
    cameras = Cameras.pinhole(
        one.cameras.K.expand(count, 3, 3), torch.stack(turns), one.cameras.size_px.expand(count, 2)
    )
    return replace(one, **_ONLY, cameras=cameras, images=images, depth=one.depth.expand(count, -1, -1))


_ONLY = dict.fromkeys(("semantics_2d", "pseudo_labels", "proposals", "pseudo", "evidence"))


def seen(one: Sample, **changes: object) -> torch.Tensor:
    with torch.no_grad():
        return network().eval()(replace(collate([one]), **changes)).logits


def picked(one: Sample, order: list[int]) -> Sample:
    assert one.cameras is not None and one.images is not None and one.depth is not None
    cameras = Cameras(**{f.name: getattr(one.cameras, f.name)[order] for f in fields(Cameras)})
    return replace(one, cameras=cameras, images=one.images[order], depth=one.depth[order])


def test_the_order_of_cameras_means_nothing() -> None:
    one = ring()
    torch.testing.assert_close(seen(picked(one, [2, 0, 1])), seen(one), atol=1e-5, rtol=1e-5)
    assert (seen(picked(one, [0])) - seen(one)).abs().max() > 1e-3, "but how many there are does"


def test_any_sensor_may_be_absent() -> None:
    one = ring()
    whole, pictures, points = (
        seen(one),
        seen(one, points=None, point_offsets=None),
        seen(one, images=None, cameras=None),
    )
    for first, second in ((whole, pictures), (whole, points), (pictures, points)):
        assert (first - second).abs().max() > 1e-3
    assert isinstance(network(), DoesWithout)
    with pytest.raises(InputError, match="images: expected present, found absent"):
        seen(one, images=None, cameras=None, points=None, point_offsets=None)


def test_no_points_are_no_lidar() -> None:
    """Drives without one give an empty scan: the same as none, whatever the branch's biases."""
    one = ring()
    assert one.points is not None
    empty = seen(replace(one, points=one.points[:0]))
    assert torch.equal(empty, seen(one, points=None, point_offsets=None))
    far = one.points + 1000
    assert torch.equal(seen(replace(one, points=far)), empty)


def test_hidden_cameras_are_as_if_they_were_not_there() -> None:
    one, net = ring(), network().eval()
    batch = collate([one])
    assert batch.images is not None and batch.cameras is not None
    with torch.no_grad():
        shown = net.camera(batch.images, batch.cameras, torch.tensor([[1.0, 0, 1]]))[:2]
        alone = collate([picked(one, [0, 2])])
        assert alone.images is not None and alone.cameras is not None
        without = net.camera(alone.images, alone.cameras, torch.ones(1, 2))[:2]
    torch.testing.assert_close(shown, without, atol=1e-5, rtol=1e-5)


def test_cameras_that_only_keep_a_place_add_nothing() -> None:
    one = ring(2)
    plain = seen(one)
    torch.testing.assert_close(seen(with_places(one, 4)), plain, atol=1e-5, rtol=1e-5)
    net = network(drop_lidar=0.9, drop_camera=0.9).train()
    for seed in range(8):
        torch.manual_seed(seed)
        batch = collate([with_places(one, 4), with_places(picked(one, [0]), 4)])
        terms = net.loss(net(batch), batch)
        sum(terms.values()).backward()  # ty: ignore
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())
    shown, _ = hidden(net.config, torch.tensor([[1.0, 0, 0]]).expand(50, 3), torch.zeros(50, 1, 1, 1))
    assert (shown[:, 0] == 1).all() and not shown[:, 1:].any(), "a place is never what is left"


def test_training_hides_sensors_but_never_all() -> None:
    config = replace(network().config, drop_lidar=0.5, drop_camera=0.5, drop_cameras=0.5)
    torch.manual_seed(0)
    shown, counts = hidden(config, torch.ones(400, 3), torch.ones(400, 1, 1, 1))
    cameras, lidar = shown.sum(1), counts.flatten()
    assert ((cameras > 0) | (lidar > 0)).all()
    assert {*cameras.tolist()} == {0.0, 1.0, 2.0, 3.0} and 0.4 < lidar.mean() < 0.6
    shown, counts = hidden(config, torch.ones(50, 0), torch.ones(50, 1, 1, 1))
    assert (counts > 0).all(), "LiDAR alone stays"
    shown, _ = hidden(config, torch.ones(50, 1), torch.zeros(50, 1, 1, 1))
    assert (shown > 0).all(), "a camera alone stays"


def test_a_teacher_from_whom_nothing_is_hidden() -> None:
    """What sees the same says the same, and there is nothing to learn; what sees more pulls, each region as much."""
    batch = collate([ring()])
    teacher, student = network().eval(), network(teacher_weight=2.0).eval()
    with torch.no_grad():
        said = {"logits": teacher(batch).logits}
    alike = student.follow(student(batch), said, batch)
    assert set(alike) == {"taught_foreground", "taught_background", "taught_empty"}
    assert all(term.item() == pytest.approx(0, abs=1e-6) for term in alike.values())
    blind = student(replace(batch, points=None, point_offsets=None))
    terms = student.follow(blind, said, batch)
    own, other = (torch.distributions.Categorical(logits=x.movedim(1, -1)) for x in (blind.logits, said["logits"]))
    apart = torch.distributions.kl_divergence(other, own)
    for name, mask in student.task.regions(said["logits"].argmax(1).byte()).items():
        expected = 2 * apart[mask].mean() if mask.any() else torch.zeros(())
        torch.testing.assert_close(terms[f"taught_{name}"], expected)
    assert sum(terms.values()).item() > 0  # ty: ignore


def test_the_camera_branch_learns_alone() -> None:
    """From what pixels show and how far it is; the rest stays, and frames without pictures or depths teach nothing."""
    one = replace(ring(), points=None)
    net, batch = network(stage="camera").train(), collate([one])
    assert net.inputs == {"images"}
    terms = net.loss(net(batch), batch)
    assert set(terms) == {"depth", "pixels"} and min(terms.values()) > 0
    sum(terms.values()).backward()  # ty: ignore
    learning = {name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None and p.grad.any()}
    assert learning == {"camera"}
    whole = network().eval()(batch).each("depth")[0]
    torch.testing.assert_close(net.eval()(batch).each("depth")[0], whole)
    assert one.depth is not None
    for blind in (replace(one, images=None, cameras=None, points=ring().points), replace(one, depth=0 * one.depth)):
        net.zero_grad()
        batch = collate([blind])
        loss = net.loss(net(batch), batch)["depth"]
        loss.backward()
        assert loss == 0 and not any(p.grad is not None and p.grad.any() for p in net.parameters())


def test_pixels_show_the_class_of_the_voxel_that_they_hit() -> None:
    """What is free, unknown, outside or not measured shows none."""
    one = sample(0)
    assert one.cameras is not None and one.images is not None
    grid, cameras = one.grid, one.cameras
    assert isinstance(grid, VoxelGrid)
    target = torch.zeros(1, *grid.shape, dtype=torch.uint8)
    height, width = one.images.shape[-2:]
    depth = torch.zeros(1, 1, height, width)
    spots = {(26, 9): (6.1, 3), (21, 37): (9.0, 7), (30, 28): (4.1, 0), (40, 50): (5.0, 255)}
    for (v, u), (metres, name) in spots.items():
        depth[..., v, u] = metres
        hit = cameras.unproject(torch.tensor([[[u, v]]], dtype=torch.float64), torch.tensor([[metres]]).double())
        target[(0, *grid.index(hit[0, 0]).tolist())] = name
    depth[..., 0, 0] = 20.0  # over the grid
    depth[..., 20, 36] = 11.0  # behind what the same feature pixel shows
    found = pixel_classes(depth, target, Cameras.stack([cameras]), grid, 8, free=0)
    assert found.shape == (1, 1, height // 8, width // 8)
    known = {(int(v), int(u)): int(found[0, 0, v, u]) for v, u in (found[0, 0] != 255).nonzero()}
    assert known == {(3, 1): 3, (2, 4): 7}


@pytest.mark.parametrize("stage", ["camera", "all"])
def test_the_classes_of_pixels_are_learnt(stage: str) -> None:
    net = network(stage=stage, pixel_weight=2.0).train()
    one = ring()
    assert one.cameras is not None and one.images is not None and one.depth is not None
    larger = replace(one, images=one.images[..., :-8], depth=one.depth[..., :-8], cameras=_cut(one.cameras, 8))
    batch = collate([one, larger])
    said = net(batch)
    terms = net.loss(said, batch)
    assert terms["pixels"] > 0
    terms["pixels"].backward()
    grad = net.camera.depth_net.output.weight.grad
    assert grad is not None and grad[-len(TASK.classes) :].any() and not grad[: -len(TASK.classes)].any()
    twice = network(stage=stage, pixel_weight=4.0).train().loss(said, batch)
    torch.testing.assert_close(twice["pixels"], 2 * terms["pixels"])


def _cut(cameras: Cameras, columns: int) -> Cameras:
    return cameras.transform_image(torch.eye(3), (int(cameras.size_px[0, 0]), int(cameras.size_px[0, 1]) - columns))


def test_voxels_read_what_their_own_pixels_see() -> None:
    """Against each place's projection and the four feature pixels around it, one by one."""
    one = ring(2)
    assert one.cameras is not None and one.images is not None
    rows, columns, bins = 6, 10, DepthBins(start=1.0, end=13.0, step=1.5)
    depth = torch.rand(1, 2, bins.count, rows, columns, generator=torch.Generator().manual_seed(0)).softmax(2)
    (height, width), places = one.images.shape[-2:], TASK.grid.centres()[::3, ::3, ::3].reshape(-1, 3)
    expected, times = torch.zeros(2, len(places)), torch.zeros(len(places))
    shown = torch.tensor([[1.0, 1.0]])
    for number in range(2):
        pixels, metres = one.cameras.project(places)
        for place, ((u, v), ahead) in enumerate(zip(pixels[number], metres[number])):
            column, row = float(u) * (columns - 1) / (width - 1), float(v) * (rows - 1) / (height - 1)
            inside = 0 <= column <= columns - 1 and 0 <= row <= rows - 1
            if not (inside and bins.start <= ahead < bins.end):
                continue
            index, times[place] = int((ahead - bins.start) / bins.step), times[place] + 1
            for y, x in itertools.product((int(row), int(row) + 1), (int(column), int(column) + 1)):
                share = max(0.0, 1 - abs(y - row)) * max(0.0, 1 - abs(x - column))
                if share > 0:
                    ray = depth[0, number, :, y, x]
                    expected[:, place] += share * torch.stack([ray[index], 1 - ray[: index + 1].sum()])
    projection = one.cameras.projection.float()[None]
    said = sight(depth, projection, (height, width), shown, places, bins.start, bins.step)
    torch.testing.assert_close(said[0], expected / times.clamp(min=1), atol=1e-4, rtol=1e-4)
    assert 0 < (times == 0).sum() < len(times), "some places are seen, some are not"
    blind = sight(depth, projection, (height, width), 0 * shown, places, bins.start, bins.step)
    assert not blind.any()


def test_points_are_counted_where_they_lie() -> None:
    grid = TASK.grid
    points = grid.centre(torch.tensor([[0, 1, 2], [0, 1, 2], [31, 31, 7], [32, 0, 0]]))
    counts = point_counts(points, torch.tensor([0, 3, 4]), grid)
    assert counts.shape == (2, 8, 32, 32) and counts[0, 2, 1, 0] == 2 and counts[0, 7, 31, 31] == 1
    assert counts.sum() == 3, "points outside count nowhere"


def test_rays_know_the_road() -> None:
    """A camera 1.5 m high that looks level: the road appears below the horizon, at a depth of height over slope."""
    K = torch.tensor([[[[60.0, 0, 40], [0, 60, 24], [0, 0, 1]]]])
    T_cam_ego = torch.tensor([[[[0.0, -1, 0, 0], [0, 0, -1, 1.5], [1, 0, 0, 0], [0, 0, 0, 1]]]])
    pixels = torch.tensor([[[40.0, 24.0], [40.0, 34.0], [100.0, 24.0]]])
    rays = ray_facts(K, T_cam_ego, torch.eye(3)[None, None], pixels, road_m=0.0)[0, 0]
    np.testing.assert_allclose(rays[0, 0], [0, 4 / (1.5 * 60 / 10), 0], atol=1e-6)
    np.testing.assert_allclose(rays[1, 0, [0, 2]], 0, atol=1e-6)
    np.testing.assert_allclose(rays[2, 0], [0, np.hypot(1, 1 / 6) - 1, np.sqrt(2) - 1], atol=1e-6)
    facts = camera_facts(K, T_cam_ego, torch.eye(3)[None, None], (48, 80), road_m=0.0)[0, 0]
    np.testing.assert_allclose(facts, [np.log(60 / 80), np.log(60 / 48), 0, 0, 0, 0, 0], atol=1e-6)


def test_heights_hint_at_where_rays_end() -> None:
    """That ray meets the road 9 m ahead; before it is air, after it is ground. A ray upwards gets high."""
    K = torch.tensor([[[[60.0, 0, 40], [0, 60, 24], [0, 0, 1]]]])
    T_cam_ego = torch.tensor([[[[0.0, -1, 0, 0], [0, 0, -1, 1.5], [1, 0, 0, 0], [0, 0, 0, 1]]]])
    pixels, depths = torch.tensor([[[40.0, 34.0], [40.0, 4.0]]]), torch.tensor([1.0, 9.0, 12.0, 18.0])
    hints = height_hints(K, T_cam_ego, torch.eye(3)[None, None], pixels, depths, road_m=0.0)[0, 0, :, :, 0]
    height = np.array([1.5 - 1 / 6, 0, -0.5, -1.5])
    on, near, beneath, high = hints[..., 0].numpy()
    np.testing.assert_allclose(on, np.exp(-((height / 0.3) ** 2)), atol=1e-5)
    np.testing.assert_allclose(near, np.exp(-(height**2)), atol=1e-5)
    np.testing.assert_allclose(beneath, [0, 0.018, 0.339, 0.998], atol=1e-3)
    assert (high < 1e-2).all() and (hints[3, 1:, 1] > 0.5).all() and (hints[:3, 1:, 1] < 1e-4).all()


def test_a_depth_net_begins_with_the_road() -> None:
    """Untrained, a pixel below the horizon takes what it sees for road; training takes it from there."""
    one = ring(1)
    assert one.images is not None
    cameras, net = collate([one]).need("cameras"), network().camera
    calibration = (cameras.K.float(), cameras.T_cam_ego.float(), cameras.T_image.float())
    with torch.no_grad():
        bins = net.lift(one.images[None], calibration)[0][0, 0]
    size_px = (one.images.shape[-2], one.images.shape[-1])
    pixels = frustum(size_px, (bins.shape[-2], bins.shape[-1]), net.depths[:1])[0, :, :, :2]
    slope = ray_facts(*calibration, pixels, net.config.road_m)[0, 0, 0] / 4
    camera_m = 1.5 * (1 + camera_facts(*calibration, size_px, net.config.road_m)[0, 0, 6])
    height = camera_m * (1 - net.depths[bins.argmax(0)] * slope)
    met = slope > 1 / net.depths[-1]
    assert met.sum() >= bins.shape[-1]
    assert (height[met].abs() < 0.6).all()


def test_what_is_refused() -> None:
    for changes, said in (
        ({"slabs": 3}, "slabs must divide the 8 voxels of a column, got 3"),
        ({"cell": 5}, "cells of 5 voxels do not fit"),
        ({"drop_lidar": 1.0}, "drop_lidar is a share below 1"),
        ({"class_weights": (1.0,)}, "20 classes need as many weights, got 1"),
    ):
        with pytest.raises(ValueError, match=said):
            network(**changes)
    assert len(network().config.with_class_counts([0] * 20).class_weights) == 20


@pytest.mark.parametrize("fixed", [False, True])
def test_the_graph_computes_the_same(fixed: bool) -> None:
    from voxway.core.calibration import Calibration

    net, batch = network().eval(), collate([ring()])
    made = graph(net, [batch], Calibration.of(batch) if fixed else None)
    assert ("K" in made.input_names) != fixed
    for one in (batch, replace(batch, points=None, point_offsets=None)):
        fed = made.feed(one)
        with torch.no_grad():
            classes, logits = made(*(torch.from_numpy(fed[name]) for name in made.input_names))
            torch.testing.assert_close(logits, net(one).logits, atol=1e-3, rtol=1e-3)
        assert classes.dtype == torch.uint8


def test_the_file_computes_the_same(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from voxway.export.onnx_file import save, to_onnx

    net, batch = network().eval(), collate([ring(2)])
    made = graph(net, [batch], None)
    path = tmp_path / "box.onnx"
    fed = made.feed(batch)
    save(to_onnx(made, fed), path)
    check(path, fed, net, batch)


def check(path: Path, fed: dict, net: BoxNetwork, batch: Batch) -> None:
    import onnxruntime

    (classes, logits) = onnxruntime.InferenceSession(path).run(None, fed)
    with torch.no_grad():
        expected = net(batch).logits
    np.testing.assert_allclose(logits, expected, atol=2e-3, rtol=1e-3)
    assert (classes == expected.argmax(1).numpy()).mean() > 0.999
