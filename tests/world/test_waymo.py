"""Worlds in Waymo's layout: genuine files, sensors that agree, masks as Occ3D-Waymo defines them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.world.conftest import TINY_WAYMO as TINY
from voxway.data.files.pickles import read_pickle
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.data.waymo.layout import IMAGE_FOLDERS, WaymoFiles
from voxway.data.waymo.reader import Occ3DWaymoConfig
from voxway.world.layouts.waymo.classes import OCC3D_WAYMO_IDS
from voxway.world.layouts.waymo.rig import FRONT_PX, SIDE_PX, waymo_rig
from voxway.world.sensors.camera import photograph
from voxway.world.sensors.observe import Observer
from voxway.world.sensors.street_cache import cached_street_and_caster
from voxway.world.street.street import random_stream

RIG = waymo_rig(TINY.width_px, TINY.columns)
KITTI = "kitti_format/training"
FRAMES = [("0", "000/000"), ("1", "000/000"), ("1", "000/001")]


def files(root: Path, prefix: str) -> WaymoFiles:
    return WaymoFiles(root, "train" if prefix == "0" else "val", root / KITTI)


def test_layout_is_genuine(tiny_waymo: Path) -> None:
    stems = ["0000000", "1000000", "1000001"]
    for camera in range(5):
        folder = tiny_waymo / KITTI / f"image_{camera}"
        assert sorted(path.stem for path in folder.iterdir()) == stems
        full = FRONT_PX if camera < 3 else SIDE_PX
        for path in folder.iterdir():
            picture = Image.open(path)
            assert picture.format == "JPEG"
            assert picture.size == (192, round(full[0] * 0.1))
            assert np.asarray(picture).std() > 15
    assert sorted(path.stem for path in (tiny_waymo / KITTI / "velodyne").iterdir()) == stems
    labels = sorted(str(path.relative_to(tiny_waymo)) for path in tiny_waymo.glob("*/*/*_04.npz"))
    assert labels == ["training/000/000_04.npz", "validation/000/000_04.npz", "validation/000/001_04.npz"]
    assert sorted(path.name for path in tiny_waymo.iterdir()) == [
        "cam_infos.pkl", "cam_infos_vali.pkl", "kitti_format", "training", "validation", "world.json",
    ]  # fmt: skip


def test_scans_are_genuine(tiny_waymo: Path) -> None:
    for path in (tiny_waymo / KITTI / "velodyne").iterdir():
        points = np.fromfile(path, "<f4").reshape(-1, 6)
        assert 0.3 * 64 * TINY.columns < len(points) <= 64 * TINY.columns
        assert np.isfinite(points).all()
        # In the vehicle frame: the ground is at z = 0.
        near = points[np.linalg.norm(points[:, :2], axis=1) < 12]
        assert abs(np.percentile(near[:, 2], 20)) < 0.25
        assert 0 <= points[:, 3].min() <= points[:, 3].max() <= 1
        assert 0 <= points[:, 4].min() < 0.05 < points[:, 4].max() < 2
        assert not points[:, 5].any()


def test_labels_and_masks_are_genuine(tiny_waymo: Path) -> None:
    free = 23
    for path in tiny_waymo.glob("*/*/*_04.npz"):
        stored = np.load(path)
        assert sorted(stored.files) == ["final_voxel_state", "infov", "origin_voxel_state", "voxel_label"]
        for array in stored.values():
            assert array.dtype == np.uint8
            assert array.shape == OCC3D_WAYMO.grid.shape
        label, lidar = stored["voxel_label"], stored["origin_voxel_state"]
        camera, shown = stored["final_voxel_state"], stored["infov"]
        assert set(np.unique(label)) <= {*range(15), free}
        assert {1, 10, 11, 13, 14, free} <= set(np.unique(label))
        assert 3_000 < (label != free).sum() < 60_000
        assert (lidar[label != free] == 1).all()
        assert (lidar[camera == 1] == 1).all()
        assert 2_000 < (camera & shown).sum() < camera.sum() < lidar.sum()
        # Behind the car no camera looks, but the camera mask does not know.
        assert not shown[:90, 95:105].any()
        assert camera[:90, 95:105].any()


def test_field_of_view_follows_the_camera_files(tiny_waymo: Path) -> None:
    for prefix, key in FRAMES:
        here = files(tiny_waymo, prefix)
        infos = read_pickle(here.camera_infos, "")
        centres = OCC3D_WAYMO.grid.centres(dtype=torch.float64).reshape(-1, 3).numpy()
        shown = np.zeros(len(centres), bool)
        for slot in range(5):
            camera = infos[int(key[:3])][int(key[4:])][slot]
            T_cam_ego = np.linalg.inv(camera["sensor2ego"])
            local = centres @ T_cam_ego[:3, :3].T + T_cam_ego[:3, 3]
            with np.errstate(divide="ignore", invalid="ignore"):
                u, v = (local @ camera["intrinsics"][:3, :3].T).T[:2] / local[:, 2]
            width, height = Image.open(here.image(key, slot)).size
            shown |= (local[:, 2] > 0) & (u > 0) & (u < width) & (v > 0) & (v < height)
        stored = np.load(here.labels(key))["infov"].astype(bool).reshape(-1)
        # Single precision may decide centres on an image's border otherwise.
        assert (stored != shown).sum() < 20


def test_slots_two_and_three_are_swapped(tiny_waymo: Path) -> None:
    assert IMAGE_FOLDERS == (0, 1, 3, 2, 4)
    infos = read_pickle(tiny_waymo / "cam_infos.pkl", "")[0][0]
    yaw = [
        np.degrees(np.arctan2(infos[slot]["sensor2ego"][1, 2], infos[slot]["sensor2ego"][0, 2])) for slot in range(5)
    ]
    np.testing.assert_allclose(yaw, [0, 45, 90, -45, -90], atol=2)
    for slot, folder in enumerate(IMAGE_FOLDERS):
        assert infos[slot]["intrinsics"].shape == infos[slot]["sensor2ego"].shape == (4, 4)
        np.testing.assert_array_equal(infos[slot]["intrinsics"][:3, :3], RIG.cameras[folder].K)


def test_points_land_on_pixels_of_their_class(tiny_waymo: Path) -> None:
    name = "validation/000"
    stage = cached_street_and_caster(TINY.seed, name, TINY.frames(name), roadworks=True)
    seen = Observer(
        *stage, RIG.lidar, lambda turn: turn * 0.1, lambda turn: random_stream(TINY.seed, name, "velodyne", turn), 1
    )
    taken, here = seen.scan(1), files(tiny_waymo, "1")
    stored = np.fromfile(here.scan("000/001"), "<f4").reshape(-1, 6)[:, :3].astype(np.float64)
    assert len(stored) == len(taken.points)
    labels, infos = taken.labels & 0xFFFF, read_pickle(here.camera_infos, "")[0][1]
    same = total = 0
    for slot, folder in enumerate(IMAGE_FOLDERS):
        noise = random_stream(TINY.seed, name, f"image_{folder}", 1)
        picture = photograph(seen.scene(0.1), stage[0].light, RIG.cameras[folder], seen.pose(0.1), noise)
        image = np.asarray(Image.open(here.image("000/001", slot)))
        assert np.abs(image.astype(int) - picture.image).mean() < 8
        T_cam_ego, K = np.linalg.inv(infos[slot]["sensor2ego"]), infos[slot]["intrinsics"][:3, :3]
        local = stored @ T_cam_ego[:3, :3].T + T_cam_ego[:3, 3]
        depth = local[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            u, v = (np.rint((local @ K.T)[:, axis] / depth) for axis in (0, 1))
        height, width = picture.label.shape
        inside = (depth > 1) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
        u, v = u[inside].astype(int), v[inside].astype(int)
        both = np.abs(picture.depth[v, u] - depth[inside]) < 0.03 * depth[inside] + 0.1
        same += int((picture.label[v, u] == labels[inside])[both].sum())
        total += int(both.sum())
    assert total > 1500
    assert same / total > 0.93


def test_voxels_hold_the_key_scan(tiny_waymo: Path) -> None:
    """Each voxel that the frame's own scan hits is occupied, mostly with the class of that scan's points."""
    name = "validation/000"
    stage = cached_street_and_caster(TINY.seed, name, TINY.frames(name), roadworks=True)
    seen = Observer(
        *stage, RIG.lidar, lambda turn: turn * 0.1, lambda turn: random_stream(TINY.seed, name, "velodyne", turn), 1
    )
    here = files(tiny_waymo, "1")
    points = torch.from_numpy(np.fromfile(here.scan("000/000"), "<f4").reshape(-1, 6)[:, :3].copy())
    index = OCC3D_WAYMO.grid.index(points)
    inside = OCC3D_WAYMO.grid.holds(index)
    label = np.load(here.labels("000/000"))["voxel_label"][tuple(index[inside].T.numpy())]
    assert (label != 23).mean() > 0.999
    assert (label == OCC3D_WAYMO_IDS[seen.scan(0).labels & 0xFFFF][inside.numpy()]).mean() > 0.85


def test_reader_reads_the_world(tiny_waymo: Path) -> None:
    needs = frozenset({"images", "points", "target", "depth"})
    reader = Occ3DWaymoConfig(root=tiny_waymo, split="val", partial=True, needs=needs).build()
    assert reader.keys == ("000/000", "000/001")
    sample = reader[1]
    assert sample.images is not None
    assert sample.images.shape == (5, 3, 256, 704)
    assert set(sample.masks) == {"camera", "field_of_view", "lidar"}
    assert sample.depth is not None
    assert (sample.depth > 0).flatten(1).any(1).all()
    assert len(Occ3DWaymoConfig(root=tiny_waymo, split="train", partial=True).build()) == 1


def test_rig_is_of_the_order_of_the_published_one() -> None:
    rig = waymo_rig()
    assert [camera.size_px for camera in rig.cameras] == [(1280, 1920)] * 3 + [(886, 1920)] * 2
    for camera in rig.cameras:
        assert np.degrees(2 * np.arctan(960 / camera.K[0, 0])) == pytest.approx(50, abs=1)
        assert camera.T_vehicle_cam[2, 1] < -0.99
    assert np.degrees(rig.lidar.elevation[[0, -1]]) == pytest.approx([2.4, -17.6])
    assert len(rig.lidar.elevation) == 64
