"""Samples of Occ3D-nuScenes and OpenOccupancy: every field against a slow twin, every switch, every augmentation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data import toy_nuscenes as toy
from voxway.core.errors import InputError
from voxway.core.sample import Sample, collate
from voxway.core.task import IGNORE
from voxway.data.nuscenes.config import Occ3DNuScenesConfig, OpenOccupancyConfig
from voxway.data.nuscenes.key_frame import CAMERAS
from voxway.data.nuscenes.labels import read_openoccupancy
from voxway.data.samples import Samples
from voxway.data.steps.augment import Augment, ImageChange
from voxway.data.steps.image_change import change_image, pixel_transform

EVERYTHING = frozenset({"images", "points", "pose", "target", "depth"})
FIRST, SECOND = (toy.sample_token("scene-0001", n) for n in (0, 1))
LAST = toy.SCANS - 1


def occ3d(root: Path, **changes: object) -> Occ3DNuScenesConfig:
    base = Occ3DNuScenesConfig(root=root, partial=True, needs=EVERYTHING, image_px=(32, 88))
    return replace(base, **changes)


def openoccupancy(root: Path, **changes: object) -> OpenOccupancyConfig:
    return replace(OpenOccupancyConfig(root=root, partial=True, needs=EVERYTHING, image_px=(32, 88)), **changes)


def ego(scan: int, late_us: int) -> np.ndarray:
    """World to the ego frame of a time."""
    T_world_sensor = toy.sensor_to_world("scene-0001", "CAM_FRONT", scan, late_us)
    T_ego_sensor = np.linalg.inv(toy.sensor_to_world("scene-0001", "CAM_FRONT", 0, 0))
    start = np.eye(4)
    start[:3, :3] = [[np.cos(0.35), -np.sin(0.35), 0], [np.sin(0.35), np.cos(0.35), 0], [0, 0, 1]]
    start[:3, 3] = (600, 1650, 0)
    return np.linalg.inv(T_world_sensor @ T_ego_sensor @ start)


def slow_points(sweeps: list[int], scan: int = LAST) -> np.ndarray:
    """World points of a key scan and of those `sweeps` before it, one by one; intensity and age behind."""
    rows = []
    for back in (0, *sweeps):
        T_world_lidar = toy.sensor_to_world("scene-0001", "LIDAR_TOP", scan - back, 0)
        for x, y, z, intensity, _ in toy.scan_points("scene-0001", scan - back).astype(np.float64):
            if back and abs(x) < 1 and abs(y) < 1:
                continue
            rows.append([*(T_world_lidar @ (x, y, z, 1))[:3], intensity, 0.05 * back])
    return np.array(rows)


def moved(points: np.ndarray, T: np.ndarray) -> np.ndarray:
    return np.concatenate([points[:, :3] @ T[:3, :3].T + T[:3, 3], points[:, 3:]], 1)


def test_points_stand_in_the_front_cameras_ego_frame(nuscenes_root: Path) -> None:
    sample = occ3d(nuscenes_root, sweep_choice="nearest").build()[SECOND]
    expected = moved(slow_points(list(range(1, 10))), ego(LAST, 3_000))
    np.testing.assert_allclose(sample.points, expected, atol=5e-4)
    exact = occ3d(nuscenes_root, sweep_choice="nearest", points_ego="lidar").build()[SECOND]
    np.testing.assert_allclose(exact.points, moved(slow_points(list(range(1, 10))), ego(LAST, 0)), atol=2e-5)


def test_times_are_the_key_frames_in_seconds(nuscenes_root: Path) -> None:
    reader = occ3d(nuscenes_root).build().reader
    for key in reader.keys[:2]:
        found = reader.moment(key, frozenset({"time"}), np.random.default_rng(0))
        assert found.time_s == reader.key_frame(key).timestamp_us / 1e6 and found.points is None
    assert len({reader.key_frame(key).timestamp_us for key in reader.keys}) == len(reader.keys)


def test_sweeps_are_drawn_nine_of_ten_and_the_same_every_time(nuscenes_root: Path) -> None:
    reader = occ3d(nuscenes_root, needs=frozenset({"points"})).build()
    ages = [torch.unique_consecutive(reader[SECOND].points[:, 4]) for _ in range(2)]
    assert torch.equal(*ages)
    drawn = (ages[0] / 0.05).round().int().tolist()
    assert drawn[0] == 0 and len(set(drawn)) == 10 and set(drawn) < set(range(11))
    others = {tuple(reader[key].points[:, 4].unique().tolist()) for key in reader.keys if key.endswith("_1")}
    assert len(others) > 1 or drawn != sorted(drawn), "the draw depends on the frame"


def test_a_frame_without_sweeps_repeats_itself_without_the_car(nuscenes_root: Path) -> None:
    own = toy.scan_points("scene-0001", 0)
    near = (np.abs(own[:, :2]) < 1).all(1).sum()
    assert near >= 20
    points = {
        name: occ3d(nuscenes_root, needs=frozenset({"points"}), **changes).build()[FIRST].points
        for name, changes in {
            "published": {},
            "bare": {"pad_sweeps": False},
            "all": {"drop_near": "all"},
            "none": {"drop_near": "none"},
        }.items()
    }
    counts = {name: len(found) for name, found in points.items()}
    kept = toy.POINTS - near
    assert counts == {
        "published": toy.POINTS + 9 * kept,
        "bare": toy.POINTS,
        "all": 10 * kept,
        "none": 10 * toy.POINTS,
    }
    assert (points["published"][:, 4] == 0).all()
    np.testing.assert_array_equal(points["published"][: toy.POINTS, 3], own[:, 3])


def test_cameras_stand_in_the_front_left_cameras_ego_frame(nuscenes_root: Path) -> None:
    for choice, late in (("cam_front_left", 0), ("lidar", 0)):
        sample = occ3d(nuscenes_root, cameras_ego=choice).build()[SECOND]
        for place, name in enumerate(CAMERAS):
            T_ego_cam = ego(LAST, late) @ toy.sensor_to_world("scene-0001", name, LAST, 3_000 * place)
            np.testing.assert_allclose(sample.cameras.T_cam_ego[place], np.linalg.inv(T_ego_cam), atol=1e-8)
            np.testing.assert_array_equal(sample.cameras.K[place], toy.K)
    np.testing.assert_allclose(sample.pose, np.linalg.inv(ego(LAST, 0)), atol=1e-8)
    assert sample.cameras.size_px.tolist() == [[32, 88]] * 6


def test_pictures_are_scaled_to_the_width_and_keep_the_bottom(nuscenes_root: Path) -> None:
    sample = occ3d(nuscenes_root).build()[SECOND]
    for place, name in enumerate(CAMERAS):
        picture = Image.open(nuscenes_root / "samples" / name / f"{name}_scene-0001_{LAST}.jpg").convert("RGB")
        expected = np.asarray(picture.resize((88, 49), Image.Resampling.BICUBIC))[-32:]
        np.testing.assert_array_equal(sample.images[place].permute(1, 2, 0), expected)
    np.testing.assert_allclose(sample.cameras.T_image[0], [[0.55, 0, 0], [0, 0.55, -17], [0, 0, 1]], atol=1e-6)


def test_targets_and_masks(nuscenes_root: Path) -> None:
    sample = occ3d(nuscenes_root).build()[SECOND]
    stored = toy.occ3d_volume(1)
    np.testing.assert_array_equal(sample.target, stored["semantics"])
    np.testing.assert_array_equal(sample.masks["camera"], stored["mask_camera"] == 1)
    np.testing.assert_array_equal(sample.masks["lidar"], stored["mask_lidar"] == 1)


def slow_depth(sample: Sample, T_cam_points: np.ndarray, size_px: tuple[int, int], far: float) -> np.ndarray:
    """One point after the other."""
    images = np.zeros((6, *size_px))
    for camera in range(6):
        for point in sample.points[:, :3].double().numpy():
            place = T_cam_points[camera] @ (*point, 1)
            if not 1 <= place[2] < far:
                continue
            source = sample.cameras.K[camera].numpy() @ place[:3]
            u, v, _ = sample.cameras.T_image[camera].numpy() @ (source / source[2])
            column, row = round(u), round(v)
            if 0 <= column < size_px[1] and 0 <= row < size_px[0]:
                before = images[camera, row, column]
                images[camera, row, column] = min(before or np.inf, place[2])
    return images


def agreement(found: torch.Tensor, expected: np.ndarray) -> float:
    """Share of drawn pixels on which both agree to a millimetre."""
    drawn = (found.numpy() > 0) | (expected > 0)
    return float((np.abs(found.numpy() - expected) < 1e-3)[drawn].mean())


def test_depth_images_ignore_motion_unless_told(nuscenes_root: Path) -> None:
    reader = occ3d(nuscenes_root).build()
    sample, frame = reader[SECOND], reader.reader.key_frame(SECOND)
    own = np.stack([np.linalg.inv(camera.T_ego_cam) for camera in frame.cameras.values()])
    assert agreement(sample.depth, slow_depth(sample, own, (32, 88), 45)) > 0.995
    exact = occ3d(nuscenes_root, depth_motion="compensated").build()[SECOND]
    T_world_points = np.linalg.inv(ego(LAST, 3_000))
    moving = [
        np.linalg.inv(toy.sensor_to_world("scene-0001", name, LAST, 3_000 * place)) @ T_world_points
        for place, name in enumerate(CAMERAS)
    ]
    assert agreement(exact.depth, slow_depth(exact, np.stack(moving), (32, 88), 45)) > 0.995
    assert agreement(exact.depth, slow_depth(sample, own, (32, 88), 45)) < 0.9


def test_only_what_is_needed_is_read(nuscenes_copy: Path) -> None:
    for folder in ("samples", "sweeps", "gts"):
        (nuscenes_copy / folder).rename(nuscenes_copy / f"no {folder}")
    sample = occ3d(nuscenes_copy, needs=frozenset({"pose"})).build()[0]
    assert sample.pose is not None
    assert (sample.images, sample.cameras, sample.points, sample.target, sample.depth) == (None,) * 5


def test_samples_make_a_batch(nuscenes_root: Path) -> None:
    reader = occ3d(nuscenes_root).build()
    batch = collate([reader[0], reader[SECOND]])
    assert batch.images.shape == (2, 6, 3, 32, 88)
    assert batch.depth.shape == (2, 6, 32, 88)
    assert batch.labelled.tolist() == [True, True]
    assert set(batch.masks) == {"lidar", "camera"}


def test_without_augmentation_nothing_changes(nuscenes_root: Path) -> None:
    reader = occ3d(nuscenes_root).build()
    plain, augmented = reader[SECOND], reader.augmented(SECOND, 7)
    for name in ("images", "points", "depth", "target", "pose"):
        assert torch.equal(getattr(plain, name), getattr(augmented, name))
    still = Augment(scale=(0.0, 0.0), flip=0.0, rotation_deg=(0.0, 0.0), flip_x=0.0, flip_y=0.0)
    augmented = occ3d(nuscenes_root, augment=still, sweep_choice="nearest").build().augmented(SECOND, 7)
    plain = occ3d(nuscenes_root, sweep_choice="nearest").build()[SECOND]
    for name in ("images", "points", "depth", "target", "pose"):
        assert torch.equal(getattr(plain, name), getattr(augmented, name)), name
    assert torch.equal(plain.cameras.projection, augmented.cameras.projection)


@pytest.mark.parametrize(("flip_x", "flip_y"), [(0.0, 1.0), (1.0, 0.0), (1.0, 1.0)])
def test_mirrored_scenes_look_the_same_to_the_cameras(nuscenes_root: Path, flip_x: float, flip_y: float) -> None:
    """Pictures and depths do not change; whatever stands in the ego frame moves together."""
    augment = Augment(scale=(0.0, 0.0), flip=0.0, rotation_deg=(0.0, 0.0), flip_x=flip_x, flip_y=flip_y)
    plain = occ3d(nuscenes_root, sweep_choice="nearest").build()[SECOND]
    mirrored = occ3d(nuscenes_root, sweep_choice="nearest", augment=augment).build().augmented(SECOND, 0)
    assert torch.equal(plain.images, mirrored.images)
    assert torch.equal(plain.depth, mirrored.depth)
    sign = torch.tensor([1 - 2 * flip_x, 1 - 2 * flip_y, 1])
    assert torch.equal(mirrored.points[:, :3], plain.points[:, :3] * sign)
    before, after = (s.cameras.project(s.points[:, :3].double()) for s in (plain, mirrored))
    ahead = before[1] > 0.1
    torch.testing.assert_close(before[0][ahead], after[0][ahead])
    torch.testing.assert_close(before[1], after[1])
    grid = plain.grid
    inside = grid.contains(plain.points[:, :3]) & grid.contains(mirrored.points[:, :3])
    indices = [grid.index(s.points[inside][:, :3]) for s in (plain, mirrored)]
    border = ((plain.points[inside][:, :2] / 0.4) % 1 - 0.5).abs().max(1).values > 0.499
    for volume in ("target", "camera", "lidar"):
        values = [
            (s.target if volume == "target" else s.masks[volume])[tuple(i[~border].T)]
            for s, i in zip((plain, mirrored), indices)
        ]
        assert torch.equal(*values)
    world = [s.pose[:3, :3] @ s.points[:, :3].double().T for s in (plain, mirrored)]
    torch.testing.assert_close(*world)


def test_augmented_pictures_keep_depth_and_pixels_together(nuscenes_root: Path) -> None:
    augment = Augment(flip_x=0.0, flip_y=0.0)
    reader = occ3d(nuscenes_root, augment=augment, image_px=(128, 352)).build()
    seen = set()
    for seed in range(6):
        sample = reader.augmented(SECOND, seed)
        assert torch.equal(sample.images, reader.augmented(SECOND, seed).images)
        frame = reader.reader.key_frame(SECOND)
        own = np.stack([np.linalg.inv(camera.T_ego_cam) for camera in frame.cameras.values()])
        if seed == 0:
            assert agreement(sample.depth, slow_depth(sample, own, (128, 352), 45)) > 0.99
        for T in sample.cameras.T_image:
            seen.add(tuple(T[:2].flatten().tolist()))
            scale = float(torch.linalg.det(T[:2, :2]).abs().sqrt())
            assert 352 / 160 - 0.06 <= scale <= 352 / 160 + 0.11
    assert len(seen) == 36, "every camera and every seed draws its own"
    assert {torch.linalg.det(torch.tensor(T).reshape(2, 3)[:, :2]).sign().item() for T in seen} == {-1.0, 1.0}


def test_pixel_transforms_say_where_pillow_moves_pixels() -> None:
    """A picture whose colours are its columns and rows says where its pixels went."""
    row, column = np.mgrid[:90, :160]
    picture = np.stack([column, row, np.full_like(row, 255)], -1).astype(np.uint8)
    for change in (
        ImageChange(scale=0.6),
        ImageChange(scale=0.7, left=11),
        ImageChange(scale=0.7, left=11, flip=True),
        ImageChange(scale=0.65, left=4, flip=True, rotation_deg=5.0),
    ):
        image = change_image(picture, change, (32, 88)).double()
        T = pixel_transform((90, 160), change, (32, 88))
        v, u = torch.meshgrid(torch.arange(32).double(), torch.arange(88).double(), indexing="ij")
        inside = image[2] > 250
        inside[:2], inside[-2:], inside[:, :2], inside[:, -2:] = (False,) * 4
        source = torch.linalg.inv(T) @ torch.stack([u, v, torch.ones_like(u)])[:, inside]
        assert inside.sum() > 1000
        for axis in (0, 1):
            off_px = change.scale * (source[axis] - image[axis][inside]).abs()
            assert off_px.max() < 1.8, "half a pixel of Pillow's, one of the mirror, the rest is rounding"


def test_openoccupancy_stays_in_the_lidar_frame(nuscenes_root: Path) -> None:
    reader = openoccupancy(nuscenes_root, split="train", sweep_choice="nearest").build()
    sample = reader[SECOND]
    T_world_lidar = toy.sensor_to_world("scene-0001", "LIDAR_TOP", LAST, 0)
    expected = moved(slow_points(list(range(1, 10))), np.linalg.inv(T_world_lidar))
    np.testing.assert_allclose(sample.points, expected, atol=2e-5)
    np.testing.assert_allclose(sample.pose, T_world_lidar, atol=1e-8)
    for place, name in enumerate(CAMERAS):
        T_cam_world = np.linalg.inv(toy.sensor_to_world("scene-0001", name, LAST, 3_000 * place))
        np.testing.assert_allclose(sample.cameras.T_cam_ego[place], T_cam_world @ T_world_lidar, atol=1e-8)
    assert agreement(sample.depth, slow_depth(sample, sample.cameras.T_cam_ego.numpy(), (32, 88), 60)) > 0.995
    assert sample.masks == {}
    path = reader.reader.label_path(reader.reader.key_frame(SECOND))
    assert path.parts[-4:] == (
        "nuScenes-Occupancy-v0.1", "scene_aaaaaaaa", "occupancy", f"data_LIDAR_TOP_scene-0001_{LAST}.npy",
    )  # fmt: skip
    np.testing.assert_array_equal(sample.target, read_openoccupancy(path))


def test_openoccupancy_takes_ten_sweeps_outside_training(nuscenes_root: Path) -> None:
    def ages(reader: Samples) -> int:
        return len(reader[1].points[:, 4].unique())

    needs = frozenset({"points"})
    assert ages(openoccupancy(nuscenes_root, needs=needs).build()) == 10
    assert ages(openoccupancy(nuscenes_root, needs=needs, split="val").build()) == 11


def slow_vote(rows: np.ndarray) -> np.ndarray:
    """One voxel after the other."""
    votes: dict[tuple[int, ...], list[int]] = {}
    for z, y, x, label in rows.tolist():
        place = tuple(int(np.clip(v, 0, n - 1)) for v, n in zip((x, y, z), (512, 512, 40)))
        votes.setdefault(place, []).append(label or IGNORE)
    dense = np.zeros((512, 512, 40), np.uint8)
    for place, labels in votes.items():
        dense[place] = min(set(labels), key=lambda label: (-labels.count(label), label))
    return dense


def test_rows_of_four_are_voted(tmp_path: Path) -> None:
    rows = toy.sparse_rows(3)
    rows[:5, 0] = 45
    np.save(tmp_path / "rows.npy", rows)
    np.save(tmp_path / "floats.npy", rows.astype(np.float32))
    expected = slow_vote(rows)
    assert (expected == IGNORE).any() and (expected[..., 39] > 0).any()
    np.testing.assert_array_equal(read_openoccupancy(tmp_path / "rows.npy"), expected)
    np.testing.assert_array_equal(read_openoccupancy(tmp_path / "floats.npy"), expected)


def test_flat_rows_and_dense_volumes_give_the_same(tmp_path: Path) -> None:
    rows = toy.sparse_rows(3)
    expected = slow_vote(rows)
    z, y, x, label = rows.T
    np.save(tmp_path / "xyz.npy", np.stack([(x * 512 + y) * 40 + z, label], 1))
    np.save(tmp_path / "zyx.npy", np.stack([(z * 512 + y) * 512 + x, label], 1))
    np.save(tmp_path / "dense.npy", expected)
    np.savez_compressed(tmp_path / "dense.npz", expected)
    np.testing.assert_array_equal(read_openoccupancy(tmp_path / "xyz.npy"), expected)
    np.testing.assert_array_equal(read_openoccupancy(tmp_path / "zyx.npy", "zyx"), expected)
    np.testing.assert_array_equal(read_openoccupancy(tmp_path / "dense.npy"), expected)
    np.testing.assert_array_equal(read_openoccupancy(tmp_path / "dense.npz"), expected)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.zeros((200, 200, 16), np.uint8), r"shape: expected \(n, 4\) rows z, y, x, label"),
        (np.zeros((5, 3), int), r"found \(5, 3\)"),
        (np.full((5, 4), 17), r"label ids: .* found ids \[17\]"),
        (np.full((512, 512, 40), 17, np.uint8), r"label ids: expected 0..16 and 255, found \[17\]"),
        (np.array([[512 * 512 * 40, 1]]), "grid: expected flat indices below 10485760"),
        (np.full((5, 4), 0.5), "dtype: expected whole numbers"),
        (np.full((5, 4), np.nan), "dtype: expected whole numbers"),
    ],
)
def test_labels_of_another_grid_or_form_are_refused(tmp_path: Path, stored: np.ndarray, message: str) -> None:
    np.save(tmp_path / "bad.npy", stored)
    with pytest.raises(InputError, match=message):
        read_openoccupancy(tmp_path / "bad.npy")
