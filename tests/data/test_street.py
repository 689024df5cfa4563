"""The street task: its tables fit every dataset, and its grid holds what they score."""

from __future__ import annotations

import pytest
import torch

from voxway.core.occupancy import Occupancy
from voxway.core.resample import resampled
from voxway.core.task import IGNORE
from voxway.data import registry
from voxway.data.street import STREET, from_street, rise_m, to_street

DATASETS = ("semantickitti", "sscbench-kitti360", "occ3d-nuscenes", "occ3d-waymo")


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
