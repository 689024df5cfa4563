"""The street task: its tables fit every dataset, and its grid holds what they score."""

from __future__ import annotations

import pytest
import torch

from voxway.core.camera import Cameras
from voxway.core.occupancy import Occupancy
from voxway.core.resample import resampled
from voxway.core.sample import Sample
from voxway.core.task import IGNORE
from voxway.data import registry
from voxway.data.street import STREET, from_street, in_street, rise_m, to_street

DATASETS = ("semantickitti", "sscbench-kitti360", "occ3d-nuscenes", "openocc-nuscenes", "occ3d-waymo")


@pytest.mark.parametrize("name", DATASETS)
def test_every_class_can_be_said(name: str) -> None:
    """What a class of a dataset means is said again as that class; only catch-alls may have no street class."""
    there, back, task = to_street(name), from_street(name), registry.benchmark(name).task
    assert there.source == back.target == task and there.target == back.source == STREET
    assert back.ids[STREET.free] == task.free and there.ids[task.free] == STREET.free
    said = {task.classes[i] for i in back.ids}
    assert set(task.classes) - said <= {"other-structure"}
    for i, street in enumerate(there.ids):
        assert street == IGNORE or back.ids[street] == i or task.classes[i] == "other-structure"


@pytest.mark.parametrize("name", DATASETS)
def test_the_grid_holds_what_a_dataset_scores(name: str) -> None:
    """A street seen by one of them is known in every voxel, at the same height above the road."""
    road, task = STREET.class_id("road"), registry.benchmark(name).task
    classes = torch.zeros(STREET.grid.shape, dtype=torch.uint8)
    height = STREET.grid.centres()[..., 2]
    classes[height < 0.1] = road
    seen = resampled(Occupancy(task=STREET, classes=classes), from_street(name), rise_m(name))
    assert bool(seen.known.all())
    (said,) = set(seen.classes.unique().tolist()) - {task.free}
    assert said == from_street(name).ids[road]
    top = task.grid.centres()[..., 2][seen.classes == said].max() + rise_m(name)
    assert top < 0.2 + task.grid.cell[2] and (seen.classes == said)[:, :, 0].all()


def test_labels_of_a_front_view_leave_the_rest_unknown() -> None:
    task = registry.benchmark("semantickitti").task
    classes = torch.zeros(task.grid.shape, dtype=torch.uint8)
    classes[:, :, :2] = task.class_id("road")
    found = resampled(Occupancy(task=task, classes=classes), to_street("semantickitti"), -rise_m("semantickitti"))
    x = STREET.grid.centres()[..., 0]
    assert not found.known[x < 0].any() and found.known[x > 0].any()
    ground = found.classes[150, 100]
    assert ground[2] == STREET.class_id("road") and ground[3] == STREET.free and ground[0] == IGNORE


def test_samples_of_a_dataset_stand_on_the_street() -> None:
    """What a point and a camera say of each other stays; the road, 1.73 m below KITTI's LiDAR, is at height 0."""
    K = torch.tensor([[[100.0, 0, 50], [0, 100, 20], [0, 0, 1]]])
    T_cam_ego = torch.tensor([[[0.0, -1, 0, 0.1], [0, 0, -1, -0.3], [1, 0, 0, 0.2], [0, 0, 0, 1]]])
    cameras = Cameras.pinhole(K, T_cam_ego, torch.tensor([[40, 100]]))
    points = torch.tensor([[10.0, 1.0, -1.73, 0.5], [20.0, -3.0, 0.0, 0.1]])
    grid = registry.benchmark("semantickitti").task.grid
    images = torch.zeros(1, 3, 40, 100, dtype=torch.uint8)
    one = Sample(key="08/000000", grid=grid, cameras=cameras, images=images, points=points, pose=torch.eye(4).double())
    other = in_street(one, "semantickitti")
    assert other.points is not None and other.cameras is not None and other.grid == STREET.grid
    assert other.points[:, 2].tolist() == pytest.approx([0.0, 1.73]) and one.points[0, 2] == pytest.approx(-1.73)  # ty: ignore
    for before, after in zip(cameras.project(points[:, :3]), other.cameras.project(other.points[:, :3])):
        torch.testing.assert_close(before, after)
    assert other.pose is not None and other.pose[2, 3] == pytest.approx(-1.73)
