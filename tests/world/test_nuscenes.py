"""Worlds in nuScenes' layout: genuine tables and files, sensors that agree, ground truth that fits them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.world.conftest import TINY_NUSCENES as TINY
from voxway.core.quaternion import quaternion
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES, SURROUNDOCC_NUSCENES
from voxway.data.nuscenes.infos import read_infos
from voxway.data.nuscenes.key_frame import CAMERAS, KeyFrame, parse_info
from voxway.data.nuscenes.occ3d import Occ3DNuScenesConfig
from voxway.data.nuscenes.openoccupancy import OpenOccupancyConfig
from voxway.data.nuscenes.points import read_lidar
from voxway.data.nuscenes.splits import VALIDATION
from voxway.data.nuscenes.tables import read_tables
from voxway.world.layouts.nuscenes.config import TRAIN_SCENES, VAL_SCENES
from voxway.world.layouts.nuscenes.names import SceneNames
from voxway.world.layouts.nuscenes.rig import DELAY, nuscenes_rig
from voxway.world.layouts.nuscenes.tables import TABLES, VERSION
from voxway.world.layouts.nuscenes.write import nuscenes_points
from voxway.world.sensors.camera import photograph
from voxway.world.sensors.observe import Observer
from voxway.world.sensors.street_cache import cached_street_and_caster
from voxway.world.shapes.labels import MOVING
from voxway.world.street.street import random_stream

RIG = nuscenes_rig(TINY.width_px, TINY.columns)
TRAIN_INFOS, VAL_INFOS = "bevdetv3-nuscenes_infos_train.pkl", "bevdetv3-nuscenes_infos_val.pkl"


def frames(root: Path) -> list[KeyFrame]:
    """Key frames of the training scene, in order."""
    return [parse_info(info, TRAIN_INFOS) for info in read_infos(root / TRAIN_INFOS)]


def observer(name: str = "scene-0001") -> Observer:
    """What the writer saw, from the same random numbers."""
    stage = cached_street_and_caster(TINY.seed, name, TINY.frames(name), roadworks=True)
    return Observer(*stage, RIG.lidar, TINY.time, lambda turn: random_stream(TINY.seed, name, "LIDAR_TOP", turn), 9)


def table(root: Path, name: str) -> list[dict]:
    return json.loads((root / VERSION / f"{name}.json").read_text())


def test_tables_are_whole(tiny_nuscenes: Path) -> None:
    rows = {name: table(tiny_nuscenes, name) for name in TABLES}
    tokens = {name: [row["token"] for row in rows[name]] for name in TABLES}
    for name, several in tokens.items():
        assert len(set(several)) == len(several), name
        assert all(len(token) == 32 and int(token, 16) >= 0 for token in several)
    keys, sweeps = sum(TINY.scenes.values()), sum(TINY.sweeps(name) for name in TINY.scenes)
    assert len(rows["sample"]) == keys
    assert len(rows["sample_data"]) == len(rows["ego_pose"]) == 6 * keys + sweeps
    assert [scene["name"] for scene in rows["scene"]] == list(TINY.scenes)
    assert {row["channel"] for row in rows["sensor"]} == {*CAMERAS, "LIDAR_TOP"}
    for row in rows["sample_data"]:
        assert (tiny_nuscenes / row["filename"]).is_file()
        assert row["sample_token"] in tokens["sample"]
        assert row["calibrated_sensor_token"] in tokens["calibrated_sensor"]
        assert row["ego_pose_token"] in tokens["ego_pose"]
        assert row["filename"].startswith("samples/") == row["is_key_frame"]
        assert str(row["timestamp"]) in row["filename"]
    assert sorted(p.name for p in tiny_nuscenes.iterdir()) == sorted(
        [
            TRAIN_INFOS,
            VAL_INFOS,
            VERSION,
            "gts",
            "nuScenes-Occupancy-v0.1",
            "samples",
            "surroundocc",
            "sweeps",
            "world.json",
        ]
    )


def test_chains_run_through_scenes(tiny_nuscenes: Path) -> None:
    samples = {row["token"]: row for row in table(tiny_nuscenes, "sample")}
    for scene in table(tiny_nuscenes, "scene"):
        token, chain = scene["first_sample_token"], []
        while token:
            chain.append(samples[token]["timestamp"])
            token = samples[token]["next"]
        assert len(chain) == scene["nbr_samples"] == TINY.scenes[scene["name"]]
        np.testing.assert_array_equal(np.diff(chain), 500_000)
    recordings = {row["token"]: row for row in table(tiny_nuscenes, "sample_data")}
    for row in recordings.values():
        if row["prev"]:
            before = recordings[row["prev"]]
            assert before["next"] == row["token"]
            assert before["calibrated_sensor_token"] == row["calibrated_sensor_token"]
            assert row["timestamp"] - before["timestamp"] == (100_000 if "LIDAR" in row["filename"] else 500_000)


def test_cameras_and_their_poses_are_each_of_their_own_time(tiny_nuscenes: Path) -> None:
    for frame in frames(tiny_nuscenes):
        for name, camera in frame.cameras.items():
            late = camera.timestamp_us - frame.timestamp_us
            assert late == pytest.approx(DELAY[name] * 1e6, abs=1)
            moved = np.linalg.norm(camera.T_world_ego[:3, 3] - frame.T_world_ego[:3, 3])
            # 3 to 12 m/s.
            assert 2.5e-6 * -late < moved < 12.5e-6 * -late + 1e-9
            composed = np.linalg.inv(frame.T_world_ego @ frame.T_ego_lidar) @ camera.T_world_ego @ camera.T_ego_cam
            np.testing.assert_allclose(composed, camera.T_lidar_cam, atol=1e-9)


def test_info_files_hold_what_the_tables_do(tiny_nuscenes: Path) -> None:
    known = [parse_info(row, VERSION) for row in read_tables(tiny_nuscenes / VERSION)]
    found = frames(tiny_nuscenes) + [parse_info(info, VAL_INFOS) for info in read_infos(tiny_nuscenes / VAL_INFOS)]
    assert [frame.token for frame in known] == [frame.token for frame in found]
    for a, b in zip(known, found):
        np.testing.assert_array_equal(a.T_world_ego, b.T_world_ego)
        assert [s.path for s in a.sweeps] == [s.path for s in b.sweeps]
    assert [len(frame.sweeps) for frame in known] == [0, 5, 10, 0]
    assert {frame.scene_name for frame in frames(tiny_nuscenes)} == {"scene-0001"}


def test_scans_are_genuine(tiny_nuscenes: Path) -> None:
    scans = sorted(tiny_nuscenes.glob("s*/LIDAR_TOP/*.pcd.bin"))
    assert len(scans) == sum(TINY.sweeps(name) for name in TINY.scenes)
    for path in scans:
        points = read_lidar(path)
        ring = points[:, 4]
        assert 0.3 * 32 * TINY.columns < len(points) <= 32 * TINY.columns
        assert set(np.unique(ring)) <= set(range(32))
        assert ring.min() == 0
        assert (points[:, 3] == np.round(points[:, 3])).all()
        assert 0 <= points[:, 3].min() < 15 < points[:, 3].max() <= 255
        elevation = np.degrees(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
        np.testing.assert_allclose(elevation, -30.67 + ring * 41.34 / 31, atol=0.05)
        # Shot by shot: rings rise until the next shot begins.
        assert (np.diff(ring) <= 0).sum() < TINY.columns
        # x is right, y ahead: the road lies below, and the LiDAR leans forward a little.
        below = points[ring == 0]
        ahead, behind = (np.median(below[side, 2]) for side in (below[:, 1] > 4 * abs(below[:, 0]), below[:, 1] < 0))
        assert -2.4 < ahead < -1.3
        assert -2.4 < behind < -1.3


def test_pictures_are_what_the_cameras_saw(tiny_nuscenes: Path) -> None:
    seen, names = observer(), SceneNames(TINY, "scene-0001")
    street, _ = cached_street_and_caster(TINY.seed, "scene-0001", TINY.frames("scene-0001"), roadworks=True)
    for channel in CAMERAS[::2]:
        time, noise = TINY.time(5) + DELAY[channel], random_stream(TINY.seed, "scene-0001", channel, 1)
        picture = photograph(seen.scene(time), street.light, RIG.cameras[channel], seen.pose(time), noise)
        stored = Image.open(tiny_nuscenes / names.picture(1, channel))
        assert stored.format == "JPEG"
        assert stored.size == (192, 108)
        assert np.abs(np.asarray(stored).astype(int) - picture.image).mean() < 8
        assert np.asarray(stored).std() > 15


def test_points_land_on_pixels_of_their_class(tiny_nuscenes: Path) -> None:
    """By the calibration and poses that the files state."""
    seen = observer()
    street, _ = cached_street_and_caster(TINY.seed, "scene-0001", TINY.frames("scene-0001"), roadworks=True)
    same = total = projected = 0
    for key, frame in enumerate(frames(tiny_nuscenes)):
        taken = seen.scan(5 * key)
        stored = read_lidar(tiny_nuscenes / frame.lidar_path)
        np.testing.assert_array_equal(stored, nuscenes_points(taken, RIG.lidar.elevation))
        points, labels = taken.points[:, :3].astype(float), taken.labels & 0xFFFF
        for channel, camera in frame.cameras.items():
            time = TINY.time(5 * key) + DELAY[channel]
            noise = np.random.default_rng(0)
            picture = photograph(seen.scene(time), street.light, RIG.cameras[channel], seen.pose(time), noise)
            T_cam_lidar = np.linalg.inv(camera.T_lidar_cam)
            local = points @ T_cam_lidar[:3, :3].T + T_cam_lidar[:3, 3]
            depth = local[:, 2]
            with np.errstate(divide="ignore", invalid="ignore"):
                u, v = (np.rint((local @ camera.K.T)[:, axis] / depth) for axis in (0, 1))
            height, width = picture.label.shape
            inside = (depth > 1) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
            inside &= ~np.isin(labels, list(MOVING.values()))
            u, v = u[inside].astype(int), v[inside].astype(int)
            both = np.abs(picture.depth[v, u] - depth[inside]) < 0.03 * depth[inside] + 0.1
            same += int((picture.label[v, u] == labels[inside])[both].sum())
            total += int(both.sum())
            projected += int(inside.sum())
    assert total > 3000
    # The LiDAR sits higher than the cameras, and passing vehicles hide things from one of them.
    assert total / projected > 0.4
    assert same / total > 0.93


def nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    return torch.cdist(torch.from_numpy(points), torch.from_numpy(others)).min(1).values.numpy()


def test_sweeps_lie_on_the_key_scan(tiny_nuscenes: Path) -> None:
    frame = frames(tiny_nuscenes)[2]
    key = read_lidar(tiny_nuscenes / frame.lidar_path)[:, :3].astype(np.float64)
    for number in (0, 4, 9):
        sweep = frame.sweeps[number]
        assert frame.timestamp_us - sweep.timestamp_us == 100_000 * (number + 1)
        points = read_lidar(tiny_nuscenes / sweep.path)[:, :3].astype(np.float64)
        # Upright things near by: on the road itself rings look alike from anywhere.
        points = points[(points[:, 2] > -1.0) & (np.linalg.norm(points, axis=1) < 15)]
        T = sweep.T_lidar_sweep
        moved = nearest(points @ T[:3, :3].T + T[:3, 3], key)
        assert np.linalg.norm(T[:3, 3]) > 0.25 * (number + 1)
        assert np.median(moved) < 0.35
        if number:
            assert np.median(moved) < 0.8 * np.median(nearest(points, key))


@pytest.mark.parametrize("name", list(TINY.scenes))
def test_occ3d_labels_are_genuine(tiny_nuscenes: Path, name: str) -> None:
    files = sorted(tiny_nuscenes.glob(f"gts/{name}/*/labels.npz"))
    assert len(files) == TINY.scenes[name]
    for path in files:
        stored = np.load(path)
        assert sorted(stored.files) == ["mask_camera", "mask_lidar", "semantics"]
        for array in stored.values():
            assert array.dtype == np.uint8
            assert array.shape == OCC3D_NUSCENES.grid.shape
        occupied = stored["semantics"] != OCC3D_NUSCENES.free
        lidar, camera = stored["mask_lidar"], stored["mask_camera"]
        assert set(np.unique(lidar)) == set(np.unique(camera)) == {0, 1}
        assert stored["semantics"].max() == OCC3D_NUSCENES.free
        assert (lidar[occupied] == 1).all()
        assert not (camera & ~lidar & 1).any()
        # Of the order of the dataset's: 39 thousand occupied, 57 and 43 thousand in the masks.
        assert 3_000 < occupied.sum() < 60_000
        assert 10_000 < camera.sum() < lidar.sum() < 400_000


def test_the_car_stands_on_the_road(tiny_nuscenes: Path) -> None:
    """The ego frame is on the ground: z = 0 lies in layer 2, and the road ahead with it."""
    for frame in frames(tiny_nuscenes):
        semantics = np.load(tiny_nuscenes / f"gts/{frame.scene_name}/{frame.token}/labels.npz")["semantics"]
        road = semantics[103:125, 98:102] == OCC3D_NUSCENES.task.class_id("driveable_surface")
        assert road[:, :, 1:4].any(2).mean() > 0.5
        assert road[:, :, 2].sum() >= road[:, :, 3].sum()


def test_both_ground_truths_agree(tiny_nuscenes: Path) -> None:
    """OpenOccupancy's rows, in the LiDAR's frame, against Occ3D's voxels, in the ego frame."""
    for frame in frames(tiny_nuscenes):
        path = tiny_nuscenes / f"nuScenes-Occupancy-v0.1/scene_{frame.scene}/occupancy/{frame.lidar_token}.npy"
        rows = np.load(path)
        assert rows.dtype == np.uint16
        assert rows.shape[1] == 4
        assert len(np.unique(rows[:, :3], axis=0)) == len(rows)
        assert (rows[:, :3] < [40, 512, 512]).all()
        assert rows[:, 3].max() <= 16
        assert (rows[:, 3] == 0).mean() < 0.02
        centres = OPENOCCUPANCY_NUSCENES.grid.centre(torch.from_numpy(rows[:, 2::-1].astype(int)), torch.float64)
        ego = centres.numpy() @ frame.T_ego_lidar[:3, :3].T + frame.T_ego_lidar[:3, 3]
        index = OCC3D_NUSCENES.grid.index(torch.from_numpy(ego))
        inside = OCC3D_NUSCENES.grid.holds(index).numpy()
        semantics = np.load(tiny_nuscenes / f"gts/{frame.scene_name}/{frame.token}/labels.npz")["semantics"]
        coarse = semantics[tuple(index[inside].T.numpy())]
        there = coarse != OCC3D_NUSCENES.free
        assert there.mean() > 0.75
        assert (coarse == rows[inside, 3])[there].mean() > 0.85


def test_surroundoccs_rows_are_the_same_scans_in_larger_voxels(tiny_nuscenes: Path) -> None:
    for frame in frames(tiny_nuscenes):
        rows = np.load(tiny_nuscenes / "surroundocc" / "samples" / f"{Path(frame.lidar_path).name}.npy")
        assert rows.dtype == np.int64 and rows.shape[1] == 4 and len(rows) > 1000
        fine = np.load(tiny_nuscenes / f"nuScenes-Occupancy-v0.1/scene_{frame.scene}/occupancy/{frame.lidar_token}.npy")
        centres = OPENOCCUPANCY_NUSCENES.grid.centre(torch.from_numpy(fine[:, 2::-1].astype(int)), torch.float64)
        index = SURROUNDOCC_NUSCENES.grid.index(centres)
        inside = SURROUNDOCC_NUSCENES.grid.holds(index).numpy()
        coarse = np.full(SURROUNDOCC_NUSCENES.grid.shape, 255)
        coarse[tuple(rows[:, :3].T)] = rows[:, 3]
        found = coarse[tuple(index[inside].T.numpy())]
        # A fine voxel's points may lie on the other side of a face.
        assert (found != 255).mean() > 0.75
        assert (found == fine[inside, 3])[found != 255].mean() > 0.9


def test_moving_things_leave_no_trace() -> None:
    """All scans of a thing land on it where it is at the key frame."""
    name = "scene-0001"
    street, _ = cached_street_and_caster(TINY.seed, name, TINY.frames(name), roadworks=True)
    seen, turns = observer(name), list(range(11))
    checked = 0
    for actor in street.actors:
        thing = int(actor.mesh.instance[0])
        own = [turn for turn in turns if (seen.scan(turn).labels >> 16 == thing).sum() > 3]
        for key in own[:1]:
            T_vehicle_world = np.linalg.inv(seen.pose(TINY.time(key)))
            identity = np.arange(400, dtype=np.uint16).clip(max=255).astype(np.uint8)
            placed = seen.placed(own, key, T_vehicle_world, identity)
            clouds = []
            for turn, scan in zip(own, placed):
                part = seen.scan(turn).labels >> 16 == thing
                if len(part) == len(scan.points):
                    clouds.append(scan.points[part])
                    assert not scan.straight[part].any() or turn == key
            low, high = np.concatenate(clouds).min(0), np.concatenate(clouds).max(0)
            extent = np.ptp(actor.mesh.vertices, axis=0)
            assert (high - low)[2] < extent[2] + 0.3
            assert np.hypot(*(high - low)[:2]) < np.hypot(*extent[:2]) + 0.3
            checked += len(clouds) > 1
    assert checked


def test_readers_read_the_world(tiny_nuscenes: Path) -> None:
    needs = frozenset({"images", "points", "target", "depth", "pose"})
    for infos in (None, tiny_nuscenes / TRAIN_INFOS):
        reader = Occ3DNuScenesConfig(root=tiny_nuscenes, infos=infos, partial=True, needs=needs).build()
        assert len(reader) == 3
        sample = reader[2]
        assert sample.images is not None
        assert sample.images.shape == (6, 3, 256, 704)
        assert set(sample.masks) == {"camera", "lidar"}
        assert sample.depth is not None
        assert (sample.depth > 0).flatten(1).any(1).all()
    assert len(Occ3DNuScenesConfig(root=tiny_nuscenes, split="val", partial=True).build()) == 1
    reader = OpenOccupancyConfig(root=tiny_nuscenes, partial=True, needs=frozenset({"target", "points"})).build()
    target = reader[0].target
    assert target is not None
    assert target.shape == OPENOCCUPANCY_NUSCENES.grid.shape
    assert {0, 11, 15} <= set(target.unique().tolist())


def test_names_are_of_the_official_splits() -> None:
    assert not set(TRAIN_SCENES) & VALIDATION
    assert set(VAL_SCENES) == VALIDATION


def test_quaternions_give_their_rotation_back() -> None:
    from voxway.core.quaternion import quaternion_rotation

    rng = np.random.default_rng(0)
    for vector in [*rng.normal(size=(20, 4)), [0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0], [1e-9, 0.6, 0.8, 0]]:
        rotation = quaternion_rotation(vector)
        np.testing.assert_allclose(quaternion_rotation(quaternion(rotation)), rotation, atol=1e-12)
        assert quaternion(rotation)[0] >= 0


def test_rig_is_of_the_order_of_the_published_one() -> None:
    rig = nuscenes_rig()
    ahead = {name: camera.T_vehicle_cam[:3, 2] for name, camera in rig.cameras.items()}
    yaw = {name: np.degrees(np.arctan2(axis[1], axis[0])) % 360 for name, axis in ahead.items()}
    assert sorted(yaw, key=lambda n: (yaw[n] + 10) % 360) == [
        "CAM_FRONT", "CAM_FRONT_LEFT", "CAM_BACK_LEFT", "CAM_BACK", "CAM_BACK_RIGHT", "CAM_FRONT_RIGHT",
    ]  # fmt: skip
    for name, camera in rig.cameras.items():
        assert camera.size_px == (900, 1600)
        view = np.degrees(2 * np.arctan(800 / camera.K[0, 0]))
        assert view == pytest.approx(90 if name == "CAM_BACK" else 65, abs=2)
        np.testing.assert_allclose(camera.T_vehicle_cam[:3, :3] @ camera.T_vehicle_cam[:3, :3].T, np.eye(3), atol=1e-12)
        assert np.linalg.det(camera.T_vehicle_cam[:3, :3]) == pytest.approx(1)
        # The image is upright: its down axis points down.
        assert camera.T_vehicle_cam[2, 1] < -0.99
