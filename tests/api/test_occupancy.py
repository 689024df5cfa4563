"""The type that users hold: it stays itself through every change, and shows what `voxway.view` shows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.view.toy import CAR, ROAD, camera_picture
from tests.view.toy import occupancy as core_occupancy
from voxway.api.occupancy import Occupancy
from voxway.core.camera import Cameras
from voxway.core.errors import InputError, OutputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Sample
from voxway.core.task import IGNORE
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.view import overlay, side_by_side, tiled

GRID = VoxelGrid((0.0, -4.0, -2.0), (1.0, 1.0, 1.0), (8, 8, 4))
TASK = replace(SEMANTIC_KITTI.task, grid=GRID)


def _cameras(*sizes_px: tuple[int, int]) -> Cameras:
    """Cameras at the origin that look along x."""
    T_cam_ego = torch.tensor([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    K = torch.tensor([[40.0, 0, 39.5], [0, 40, 29.5], [0, 0, 1]])
    count = len(sizes_px)
    return Cameras.pinhole(K.repeat(count, 1, 1), T_cam_ego.repeat(count, 1, 1), torch.tensor(sizes_px))


def _sample(*sizes_px: tuple[int, int]) -> Sample:
    images = torch.zeros((len(sizes_px), 3, 60, 80), dtype=torch.uint8)
    for image, (height, width) in zip(images, sizes_px):
        image[:, :height, :width] = torch.from_numpy(camera_picture((height, width))).permute(2, 0, 1)
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, 3] = 100.0
    return Sample(key="08/000005", grid=GRID, images=images, cameras=_cameras(*sizes_px), pose=pose)


def _volume() -> np.ndarray:
    volume = np.zeros(GRID.shape, np.uint8)
    volume[:, :, 0] = ROAD
    volume[4:6, 3:5, 1] = CAR
    volume[7] = IGNORE
    return volume


def _predicted() -> Occupancy:
    return Occupancy.of(core_occupancy(_volume(), grid=GRID), _sample((60, 80), (40, 70)))


def _content(page: Path) -> dict:
    return json.loads(re.search(r'id="content">(.*?)</script>', page.read_text(), re.S)[1])


def test_of_takes_what_the_sample_knows() -> None:
    plain, sample = core_occupancy(_volume(), grid=GRID), _sample((60, 80))
    found = Occupancy.of(plain, sample)
    assert type(found) is Occupancy
    assert found.classes is plain.classes and found.task == TASK
    assert found.images is sample.images and found.cameras is sample.cameras
    assert found.key == "08/000005" and found.pose is sample.pose
    named = Occupancy.of(replace(plain, key="mine", pose=torch.eye(4).double()), sample)
    assert named.key == "mine" and named.pose is not None and named.pose[0, 3] == 0
    alone = Occupancy.of(plain)
    assert alone.images is None and alone.cameras is None and alone.key == ""


def test_changes_keep_the_type_and_the_images() -> None:
    whole = _predicted()
    part = whole[2:6, :, :2]
    seen = whole.where(torch.ones(GRID.shape, dtype=torch.bool))
    merged = whole.merge(core_occupancy(np.full(GRID.shape, CAR, np.uint8), grid=GRID))
    for changed in (part, seen, merged, whole.to("cpu")):
        assert type(changed) is Occupancy
        assert changed.images is not None and changed.images.equal(whole.images)
        assert changed.cameras is not None and changed.cameras.count == 2
        assert changed.key == whole.key
    assert isinstance(part, Occupancy)
    assert part.task.grid == VoxelGrid((2.0, -4.0, -2.0), (1.0, 1.0, 1.0), (4, 8, 2))
    assert int((part.classes == CAR).sum()) == 4
    assert not (merged.classes == IGNORE).any() and not (merged.classes == 0).any()
    car = whole["car"]
    assert isinstance(car, torch.Tensor) and int(car.sum()) == 4


def test_a_stored_one_comes_back_without_images(tmp_path: Path) -> None:
    whole = _predicted()
    stored = Occupancy.load(whole.save(tmp_path / "a.npz"))
    assert type(stored) is Occupancy
    assert stored.task == whole.task and stored.classes.equal(whole.classes) and stored.key == whole.key
    assert stored.pose is not None and stored.pose.equal(whole.pose)
    assert stored.images is None and stored.cameras is None
    assert type(Occupancy.unknown(TASK)) is Occupancy


def test_to_takes_images_and_cameras_along() -> None:
    moved = replace(_predicted(), pose=None, classes=torch.zeros(GRID.shape, dtype=torch.uint8)).to("cpu")
    assert moved.images is not None and moved.images.device.type == "cpu"
    assert moved.cameras is not None and moved.cameras.K.device.type == "cpu"


def test_the_picture_is_that_of_side_by_side(tmp_path: Path) -> None:
    one = _predicted()
    truth = core_occupancy(_volume(), grid=GRID)
    sheet = tiled(one.images)
    picture = one.picture(tmp_path / "a.png", truth=truth, camera="corner", width_px=400)
    assert (picture == side_by_side(sheet, one, truth, camera="corner", width_px=400)).all()
    assert (np.asarray(Image.open(tmp_path / "a.png")) == picture).all()
    alone = one.picture(width_px=400)
    assert (alone == side_by_side(sheet, one, None, width_px=400, captions=("08/000005", ""))).all()
    without = replace(one, images=None, cameras=None).picture(width_px=400)
    assert without.shape[0] < alone.shape[0] and without.shape[1] == 400
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_the_page_shows_it_and_its_truth(tmp_path: Path) -> None:
    one = _predicted()
    path = one.page(tmp_path / "new" / "a.html", truth=core_occupancy(_volume(), grid=GRID), title="A car")
    assert path == tmp_path / "new" / "a.html"
    assert "<title>A car</title>" in path.read_text()
    (frame,) = _content(path)["frames"]
    assert frame["key"] == "08/000005" and frame["image"] == "image/jpeg"
    assert frame["agreement"] == {"iou": 1.0, "miou": 1.0, "classes": 2}
    assert "<title>08/000005</title>" in one.page(tmp_path / "b.html").read_text()
    (frame,) = _content(Occupancy.of(core_occupancy(_volume(), grid=GRID)).page(str(tmp_path / "c.html")))["frames"]
    assert frame["image"] == "" and frame["truth"] is False


@pytest.mark.parametrize(("camera", "size_px"), [(0, (60, 80)), (1, (40, 70))])
def test_the_overlay_lies_on_the_cameras_own_image(tmp_path: Path, camera: int, size_px: tuple[int, int]) -> None:
    one = _predicted()
    drawn = one.overlay(camera, opacity=1.0, path=tmp_path / "a.png")
    image = camera_picture(size_px)  # without the padding of the smaller one
    assert (drawn == overlay(image, one.cameras, one, camera=camera, opacity=1.0)).all()
    assert (np.asarray(Image.open(tmp_path / "a.png")) == drawn).all()
    # The car's back is at x 4, y -1..1, z -1..0 m: v 29.5 + 40 * 0.5 / 4, u 39.5.
    assert (drawn[34, 39] != image[34, 39]).any()
    assert (drawn[5] == image[5]).all()  # nothing is above the horizon


def test_an_overlay_needs_images_and_cameras() -> None:
    one = _predicted()
    with pytest.raises(InputError, match=r"occupancy 08/000005: images, cameras: expected both, found one\. Predict"):
        replace(one, cameras=None).overlay()
    with pytest.raises(InputError, match="expected both, found neither"):
        replace(one, images=None, cameras=None).overlay()
    with pytest.raises(InputError, match=r"camera: expected 0\.\.1, found 2"):
        one.overlay(2)


@pytest.mark.parametrize(
    "sizes_px", [((60, 80),), ((60, 80), (60, 80), (60, 80)), ((60, 79), (40, 70)), ((40, 80), (40, 70))]
)
def test_images_and_cameras_belong_together(sizes_px: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(InputError, match=r"images: expected .* as the cameras say, found \(2, 3, 60, 80\)"):
        replace(_predicted(), cameras=_cameras(*sizes_px))


@pytest.mark.parametrize("label", [20, 254])
def test_wrong_ids_are_named(label: int) -> None:
    volume = np.zeros(GRID.shape, np.uint8)
    volume[1, 2, 3] = label
    with pytest.raises(InputError, match=rf"expected ids 0\.\.19 of semantickitti, or 255, found {label}"):
        Occupancy(task=TASK, classes=torch.from_numpy(volume))


def test_a_wrong_shape_is_named() -> None:
    with pytest.raises(InputError, match=r"classes: expected \(8, 8, 4\) voxels, .* found \(4, 8, 8\)"):
        Occupancy(task=TASK, classes=torch.zeros((4, 8, 8), dtype=torch.uint8))


def test_what_cannot_be_shown_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    one = _predicted()
    other = core_occupancy(np.zeros(GRID.shape, np.uint8), OCC3D_NUSCENES.task, GRID)
    with pytest.raises(InputError, match="Truth: task, name: expected semantickitti, as Prediction has, found occ3d"):
        one.picture(tmp_path / "a.png", truth=other)
    with pytest.raises(InputError, match="frame 08/000005, truth: task, name"):
        one.page(tmp_path / "a.html", truth=other)
    with pytest.raises(InputError, match="Perhaps you meant 'above'"):
        one.picture(camera="abvoe")
    with pytest.raises(InputError, match=r"ends in \.png"):
        one.picture(tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError):
        one.overlay(path=tmp_path / "taken" / "a.png")
