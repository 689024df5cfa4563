"""Pictures: known voxels at known pixels, the same bytes every time, cubes where the camera sees the things."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.view.toy import camera_picture, occupancy, prediction_of, street, truth_of
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.registry import benchmark, names
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.view import VIEWPOINTS, agreement, overlay, overlay_points, render, side_by_side
from voxway.view.render import EGO_COLOUR, PAPER
from voxway.view.shade import display_colours
from voxway.view.viewpoint import projection

TINY = VoxelGrid((0.0, -2.0, -1.0), (1.0, 1.0, 1.0), (4, 4, 2))


def _pixel(point: tuple[float, float, float], camera: str, size_px: tuple[int, int]) -> tuple[int, int]:
    u, v, depth = projection(camera, TINY, size_px) @ (*point, 1.0)
    return round(v / depth), round(u / depth)


def test_a_known_voxel_at_a_known_pixel() -> None:
    volume = np.zeros(TINY.shape, np.uint8)
    volume[3, 1, 0] = 1  # a car at x 3.5 m, y -0.5 m; its top is at z 0
    image = render(occupancy(volume, grid=TINY), size_px=(120, 160), camera="above")
    assert (
        image[_pixel((3.5, -0.5, 0.0), "above", (120, 160))].tolist()
        == display_colours(SEMANTIC_KITTI.task)[1].tolist()
    )
    assert image[_pixel((3.5, 0.5, 0.0), "above", (120, 160))].tolist() == list(PAPER)
    assert image[_pixel((0.5, 0.0, 0.0), "above", (120, 160))].tolist() == list(EGO_COLOUR)


def test_the_nearer_voxel_hides_the_farther_one() -> None:
    volume = np.zeros(TINY.shape, np.uint8)
    volume[0, :, :], volume[3, :, :] = 13, 1
    image = render(occupancy(volume, grid=TINY), size_px=(120, 160), camera="behind", ego=False)
    front = image[_pixel((0.0, 0.0, 0.0), "behind", (120, 160))].astype(float)
    # The side that faces backwards has less light than the top, but the same hue.
    hue = display_colours(SEMANTIC_KITTI.task)[13] / display_colours(SEMANTIC_KITTI.task)[13].max()
    np.testing.assert_allclose(front / front.max(), hue, atol=0.03)


@pytest.mark.parametrize("name", names())
def test_free_and_unknown_are_not_drawn(name: str) -> None:
    task = benchmark(name).task
    volume = np.full(TINY.shape, task.free, np.uint8)
    volume[0] = 255
    image = render(occupancy(volume, task, TINY), size_px=(30, 40), ego=False)
    assert (image == PAPER).all()


@pytest.mark.parametrize("camera", list(VIEWPOINTS))
def test_the_same_bytes_every_time(camera: str) -> None:
    grid = replace(SEMANTIC_KITTI.grid, cell=(0.8, 0.8, 0.2), shape=(64, 64, 32))
    volume = occupancy(street()[::4, ::4], grid=grid)
    first, second = (render(volume, size_px=(90, 120), camera=camera) for _ in range(2))
    assert (first == second).all()
    assert (first != PAPER).any(-1).mean() > 0.2


def test_a_street_takes_about_a_second() -> None:
    volume = occupancy(truth_of(street()))
    start = time.perf_counter()
    image = render(volume)
    assert image.shape == (720, 960, 3) and image.dtype == np.uint8
    assert time.perf_counter() - start < 10  # 0.5 s on a quiet core; the slack is for busy ones


def test_side_by_side_has_all_its_parts() -> None:
    volume = street()
    photo = camera_picture()
    prediction, truth = occupancy(prediction_of(volume)), occupancy(truth_of(volume))
    whole = side_by_side(photo, prediction, truth, width_px=800)
    assert whole.shape[1] == 800
    assert len(np.unique(whole[: whole.shape[0] // 3].reshape(-1, 3), axis=0)) > 50  # the photo's gradients
    without = side_by_side(None, prediction, None, width_px=800)
    assert (without != PAPER).any()
    with pytest.raises(InputError, match="at least one, found none"):
        side_by_side(photo, None, None)
    with pytest.raises(InputError, match=r"Truth: task, grid: expected 256x256x32 voxels .*, as Prediction has"):
        side_by_side(photo, prediction, occupancy(volume[:2], grid=SEMANTIC_KITTI.grid.crop((0, 0, 0), (2, 256, 32))))


def test_side_by_side_wraps_a_long_legend() -> None:
    ids = np.arange(200 * 200 * 16, dtype=np.uint32).reshape(200, 200, 16) % 18
    volume = occupancy(ids.astype(np.uint8), OCC3D_NUSCENES.task)
    narrow, wide = (side_by_side(None, volume, None, width_px=w, camera="above") for w in (400, 900))
    assert narrow.shape[0] - narrow.shape[1] > wide.shape[0] - wide.shape[1]


def _cameras(size_px: tuple[int, int] = (60, 80)) -> Cameras:
    """One camera at the origin that looks along x."""
    T_cam_ego = torch.tensor([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    K = torch.tensor([[40.0, 0, 39.5], [0, 40, 29.5], [0, 0, 1]])
    return Cameras.pinhole(K[None], T_cam_ego[None], torch.tensor([size_px]))


def test_overlay_draws_a_voxel_where_the_camera_sees_it() -> None:
    volume = np.zeros(TINY.shape, np.uint8)
    volume[3, 3, 1] = 9  # centre at x 3.5, y 1.5, z 0.5 m: left of the axis and above it
    cameras, image = _cameras(), np.zeros((60, 80, 3), np.uint8)
    seen = overlay(image, cameras, occupancy(volume, grid=TINY), opacity=1.0).any(-1)
    pixels, _ = cameras.project(torch.tensor([[3.0, 1.5, 0.5]]))  # centre of the face that the camera sees
    u, v = pixels[0, 0].tolist()
    rows, columns = np.nonzero(seen)
    assert seen[round(v), round(u)]
    assert abs(rows.mean() - v) < 1.5 and abs(columns.mean() - u) < 1.5


def test_overlay_follows_resize_and_flip() -> None:
    volume = np.zeros(TINY.shape, np.uint8)
    volume[3, 3, 1] = 9
    black = np.zeros((60, 80, 3), np.uint8)
    plain = overlay(black, _cameras(), occupancy(volume, grid=TINY)).any(-1)
    flipped = overlay(black, _cameras().flip(), occupancy(volume, grid=TINY)).any(-1)
    assert (plain[:, ::-1] == flipped).mean() > 0.99
    half = overlay(black[::2, ::2], _cameras().resize((30, 40)), occupancy(volume, grid=TINY)).any(-1)
    assert (plain[::2, ::2] == half).mean() > 0.97


def test_overlay_leaves_the_image_it_was_given() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    overlay(image, _cameras(), occupancy(np.full(TINY.shape, 1, np.uint8), grid=TINY))
    overlay_points(image, _cameras(), np.array([[3.0, 0, 0]]))
    assert not image.any()


def test_overlay_points_colours_and_order() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    points = np.array([[2.0, 0, 0, 0.3], [9.0, 0, 0, 0.3], [-2.0, 0, 0, 0.3], [3.0, 1.0, 0, 0.3]], np.float32)
    labels = np.array([1, 9, 9, 0])
    seen = overlay_points(image, _cameras(), points, labels=labels, task=SEMANTIC_KITTI.task, radius_px=0)
    assert seen.any(-1).sum() == 1  # one behind another, one behind the camera, one free
    assert seen[30, 40].tolist() == display_colours(SEMANTIC_KITTI.task)[1].tolist()
    assert overlay_points(image, _cameras(), points, radius_px=0).any(-1).sum() == 2


def test_overlay_names_what_does_not_fit() -> None:
    image, volume = np.zeros((60, 80, 3), np.uint8), np.zeros(TINY.shape, np.uint8)
    with pytest.raises(InputError, match=r"uint8 \(60, 80, 3\) as camera 0 says"):
        overlay(image[:50], _cameras(), occupancy(volume, grid=TINY))
    with pytest.raises(InputError, match=r"camera: expected 0\.\.0, found 1"):
        overlay(image, _cameras(), occupancy(volume, grid=TINY), camera=1)
    with pytest.raises(InputError, match="labels and task"):
        overlay_points(image, _cameras(), np.zeros((1, 3)), labels=np.zeros(1, np.uint8))


def test_agreement_on_a_case_worked_by_hand() -> None:
    truth = np.array([[[1, 1], [9, 0]], [[0, 255], [1, 9]]], np.uint8)
    prediction = np.array([[[1, 0], [1, 1]], [[0, 5], [255, 9]]], np.uint8)
    grid = VoxelGrid((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (2, 2, 2))
    found = agreement(occupancy(prediction, grid=grid), occupancy(truth, grid=grid))
    # Known: 7 voxels. Occupied in either: 6, in both: 3. Car: hit 1 of 5 in either; road: hit 1 of 2.
    assert found.iou == pytest.approx(3 / 6)
    assert found.miou == pytest.approx((1 / 5 + 1 / 2) / 2)
    assert found.classes == 2
    with pytest.raises(InputError, match="truth: task, name: expected semantickitti, as prediction has"):
        agreement(occupancy(prediction, grid=grid), occupancy(truth, OCC3D_NUSCENES.task, grid))


@pytest.mark.real
def test_real_voxels_cover_the_road_in_the_image(data_root: Path) -> None:
    root = data_root / "semantickitti"
    truth = np.load(root / "derived/08_000000.npz")["target_partial"]
    image = np.asarray(Image.open(root / "sequences/08/image_2/000000.png"))
    lines = (line.split(":") for line in (root / "sequences/08/calib.txt").read_text().splitlines() if ":" in line)
    calib = {name: torch.tensor([float(v) for v in values.split()]).reshape(3, 4) for name, values in lines}
    T_rect_ego = torch.cat([calib["Tr"], torch.tensor([[0.0, 0, 0, 1]])])
    cameras = Cameras.from_projection(calib["P2"][None], T_rect_ego[None], torch.tensor([image.shape[:2]]))
    drawn = overlay(image, cameras, occupancy(truth), opacity=1.0)
    covered = (drawn != image).any(-1)
    assert covered[300:, 300:700].mean() > 0.95  # the road before the car
    assert covered[:90].mean() < 0.01  # nothing is as high as that within the grid
