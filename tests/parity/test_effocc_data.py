"""Surround-view preprocessing, label loading, few labels and scores against the published ones."""

from __future__ import annotations

import runpy
from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.conftest import SHARED, Reference, load_reference
from tests.parity.effocc_case import bev_change
from voxway.core.camera import Cameras
from voxway.core.quaternion import quaternion_rotation
from voxway.core.result import Protocol, Result
from voxway.core.task import IGNORE
from voxway.core.transforms import transform_points
from voxway.data.files.scans import move
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.nuscenes.labels import read_openoccupancy
from voxway.data.nuscenes.points import camera_ego_from_lidar
from voxway.data.steps.augment import ImageChange
from voxway.data.steps.few_labels import drawn
from voxway.data.steps.image_change import change_image, pixel_transform, plain_change
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.metrics.confusion import confusion
from voxway.metrics.occupancy import OccupancyMetric
from voxway.ops.draw import draw_depth_published

SOURCE_PX, SIZE_PX = (900, 1600), (256, 704)
TRAINING = ImageChange(scale=0.49, left=31, flip=True, rotation_deg=3.0)
MEAN = torch.tensor([123.675, 116.28, 103.53]).reshape(3, 1, 1)
STD = torch.tensor([58.395, 57.12, 57.375]).reshape(3, 1, 1)
SHAPE = OCC3D_NUSCENES.grid.shape
PROTOCOL = Protocol(benchmark="", split="val", samples=0, masks=())


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest) -> Reference:
    """The whole network's case: inputs and depth images."""
    return load_reference(request.config, "effocc")


@pytest.fixture(scope="module")
def parts(request: pytest.FixtureRequest) -> Reference:
    """The case's parts: preprocessing, labels, splits, scores."""
    return load_reference(request.config, "effocc", "parts")


@pytest.fixture(scope="module")
def stream(case: Reference) -> Callable[[str], np.random.Generator]:
    """The case's random numbers by name."""
    places = (case.folder, case.folder.parent, SHARED / "reference")
    seeded = runpy.run_path(str(next(p / "seeded.py" for p in places if (p / "seeded.py").exists())))
    return lambda name: seeded["_rng"](case.salt, name)


def picture() -> np.ndarray:
    """R grows to the right, G downwards, B runs through all values."""
    row, column = np.mgrid[:900, :1600]
    return np.stack([column * 255 // 1599, row * 255 // 899, (column + 2 * row) % 256], -1).astype(np.uint8)


@pytest.mark.parametrize(("name", "change"), [("test", plain_change(SOURCE_PX, SIZE_PX)), ("train", TRAINING)])
def test_pictures(parts: Reference, name: str, change: ImageChange) -> None:
    """The network sees blue first, normalised with red's mean and deviation."""
    changed = change_image(picture(), change, SIZE_PX)
    assert tuple(changed.shape) == tuple(parts[f"pre.{name}_image_chw.shape"])
    network = (changed.flip(0) - MEAN) / STD
    sampled = network.flatten()[:: int(parts[f"pre.{name}_image_chw.stride"])]
    np.testing.assert_allclose(sampled, parts[f"pre.{name}_image_chw"], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "change"), [("test", plain_change(SOURCE_PX, SIZE_PX)), ("train", TRAINING)])
def test_pixel_transforms(parts: Reference, name: str, change: ImageChange) -> None:
    T = pixel_transform(SOURCE_PX, change, SIZE_PX).float()
    np.testing.assert_array_equal(T[:2, :2], parts[f"pre.{name}_post_rot"])
    np.testing.assert_array_equal(T[:2, 2], parts[f"pre.{name}_post_tran"])
    np.testing.assert_array_equal(T[2], (0, 0, 1))


def test_points_at_the_time_of_the_front_camera(
    case: Reference, parts: Reference, stream: Callable[[str], np.random.Generator]
) -> None:
    points = stream("pre.lidar_points").standard_normal((500, 5)).astype(np.float32)
    points *= np.array([15, 15, 1, 30, 0.1], np.float32)
    T_ego_lidar, T_world_ego = np.eye(4), np.eye(4)
    T_ego_lidar[:3, :3] = quaternion_rotation((0.7077955, -0.0064924, 0.0106462, -0.7063073))
    T_ego_lidar[:3, 3] = (0.94371, 0, 1.84023)
    yaw = {"a": 0.35, "b": -1.2}[case.salt]
    T_world_ego[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
    T_world_ego[:3, 3] = (600, 1650, 0)
    T_world_front = case["in.ego2global"][0, 1].astype(np.float64)
    found = move(points, camera_ego_from_lidar(T_ego_lidar, T_world_ego, T_world_front))
    np.testing.assert_array_equal(found, parts["pre.to_ego"])


def test_depth_images(case: Reference) -> None:
    """Equal bit for bit, but where points have one rank in float32: there the published sort may keep any of them."""
    expected = np.zeros((6, *SIZE_PX), np.float32)
    expected.flat[case["in.gt_depth.coo_index"]] = case["in.gt_depth.coo_value"]
    T_ego_changed = torch.linalg.inv(bev_change(case))  # depth images show the points as they were before
    points = transform_points(T_ego_changed, torch.from_numpy(case["in.points"])[:, :3].double()).float()
    K, T_cam_ego = (torch.from_numpy(case["in.intrins"][0]), torch.inverse(torch.from_numpy(case["in.sensor2ego"][0])))
    T_image = torch.eye(3).repeat(6, 1, 1)
    T_image[:, :2, :2] = torch.from_numpy(case["in.post_rots"][0])[:, :2, :2]
    T_image[:, :2, 2] = torch.from_numpy(case["in.post_trans"][0])[:, :2]
    cameras = Cameras(
        K=K.double(),
        T_cam_ego=T_cam_ego.double(),
        size_px=torch.tensor(SIZE_PX).expand(6, 2),
        T_image=T_image.double(),
    )
    found = draw_depth_published(points, cameras, (1.0, 45.0)).numpy()
    assert int((found > 0).sum()) == int(case["in.gt_depth.nnz"])
    np.testing.assert_array_equal(found > 0, expected > 0)
    columns, rows = np.meshgrid(np.arange(SIZE_PX[1]), np.arange(SIZE_PX[0]))
    place = (columns + rows * SIZE_PX[1]).astype(np.float32)
    ranks = [place + depth / np.float32(100) for depth in (found, expected)]
    np.testing.assert_array_equal(ranks[0], ranks[1])
    assert (found == expected)[expected > 0].mean() > 0.999


def test_sparse_labels(parts: Reference, stream: Callable[[str], np.random.Generator], tmp_path) -> None:
    random = stream("openocc.file")
    bounds = ((0, 40), (200, 230), (300, 330), (0, 17))
    np.save(tmp_path / "rows.npy", np.stack([random.integers(*bound, 4000) for bound in bounds], 1))
    dense = read_openoccupancy(tmp_path / "rows.npy")
    assert dense.shape == tuple(parts["openocc.dense_shape"])
    where = np.argwhere(dense)
    np.testing.assert_array_equal(where, parts["openocc.dense_nonzero_xyz"])
    np.testing.assert_array_equal(dense[tuple(where.T)], parts["openocc.dense_nonzero_label"])


@pytest.mark.parametrize("count", [35, 280])
def test_scenes_with_labels(parts: Reference, count: int) -> None:
    tokens = [f"scene{number:04d}" for number in range(700)]
    chosen = sorted(int(token[5:]) for token in drawn(reversed(tokens), count))
    assert chosen == parts[f"split.first_selected_{count}"].tolist()


class Frames:
    """Frames of truth, prediction and masks by the reference's rule."""

    def __init__(self, stream: Callable[[str], np.random.Generator]) -> None:
        self.stream = stream

    def labels(self, name, shape, free, classes, share=0.8, extra=()):
        random = self.stream(name)
        volume = random.integers(0, classes, shape)
        volume = np.where(random.random(shape) < share, free, volume)
        for value, part in extra:
            volume = np.where(random.random(shape) < part, value, volume)
        return volume.astype(np.uint8)

    def mask(self, name, shape, share):
        return torch.from_numpy(self.stream(name).random(shape) < share)

    def agree(self, name, share, truth, other):
        return np.where(self.stream(name).random(truth.shape) < share, truth, other).astype(np.uint8)


@pytest.fixture(scope="module")
def frames(stream: Callable[[str], np.random.Generator]) -> Frames:
    return Frames(stream)


def check_result(result: Result, parts: Reference, name: str) -> None:
    np.testing.assert_array_equal(result.confusion, parts[f"{name}.hist"])
    np.testing.assert_allclose(result.class_iou, parts[f"{name}.iou"], rtol=0, atol=1e-15)
    assert round(100 * result.miou, 2) == float(parts[f"{name}.miou"])


def test_occ3d_nuscenes_scores(parts: Reference, frames: Frames) -> None:
    metric = OccupancyMetric(OCC3D_NUSCENES)
    for s in (0, 1):
        truth = frames.labels(f"metric.gt{s}", SHAPE, 17, 18)
        other = frames.labels(f"metric.other{s}", SHAPE, 17, 18)
        prediction = frames.agree(f"metric.agree{s}", 0.6, truth, other)
        target = np.where(frames.stream(f"metric.ignore{s}").random(SHAPE) < 0.01, IGNORE, truth).astype(np.uint8)
        masks = {"camera": frames.mask(f"metric.mask_camera{s}", SHAPE, 0.35)}
        metric.update(target, prediction, masks)
    (result,) = metric.results(PROTOCOL)
    assert (result.protocol.masks, result.protocol.samples) == (("camera",), 2)
    check_result(result, parts, "metric.occ3d")


def test_occ3d_waymo_scores(parts: Reference, frames: Frames) -> None:
    metric = OccupancyMetric(OCC3D_WAYMO)
    for s in (0, 1):
        raw = frames.labels(f"metric.wgt{s}", SHAPE, 23, 15)
        truth = OCC3D_WAYMO.to_train(raw, "reference")
        other = frames.labels(f"metric.wother{s}", SHAPE, 15, 16)
        masks = {
            "field_of_view": frames.mask(f"metric.infov{s}", SHAPE, 0.7),
            "camera": frames.mask(f"metric.wcam{s}", SHAPE, 0.4),
        }
        metric.update(truth, frames.agree(f"metric.wagree{s}", 0.6, truth, other), masks)
    (result,) = metric.results(PROTOCOL)
    check_result(result, parts, "metric.waymo")


def test_openoccupancy_scores(parts: Reference, frames: Frames) -> None:
    """The reference's volumes are smaller than the benchmark's grid, so they are counted without its metric's check."""
    counts = np.zeros((17, 17), np.int64)
    shape = (1, 64, 64, 40)
    for s in (0, 1):
        truth = frames.labels(f"metric.ogt{s}", shape, 0, 17, 0.7, ((IGNORE, 0.03),))
        other = frames.labels(f"metric.oother{s}", shape, 0, 17)
        prediction = frames.agree(f"metric.oagree{s}", 0.6, np.where(truth == IGNORE, 0, truth), other)
        counts += confusion(truth, prediction, 17)
    protocol = Protocol(benchmark=OPENOCCUPANCY_NUSCENES.name, split="val", samples=2, masks=())
    result = Result(task=OPENOCCUPANCY_NUSCENES.task, protocol=protocol, confusion=counts)
    np.testing.assert_array_equal(counts, parts["metric.openocc.ssc_hist"])
    occupied = [[counts[0, 0], counts[0, 1:].sum()], [counts[1:, 0].sum(), counts[1:, 1:].sum()]]
    np.testing.assert_array_equal(occupied, parts["metric.openocc.sc_hist"])
    np.testing.assert_allclose(result.class_iou, parts["metric.openocc.ssc_iou"], rtol=0, atol=1e-15)
    assert result.iou == pytest.approx(float(parts["metric.openocc.sc_iou"]), abs=1e-15)
    assert result.miou == pytest.approx(float(parts["metric.openocc.miou"]), abs=1e-15)
