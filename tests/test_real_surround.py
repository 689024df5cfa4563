"""Real frames of nuScenes, Occ3D and Waymo through the readers: what LiDAR measured lies where the pictures show it."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.small_world import execute
from voxway.core.config import to_json
from voxway.core.sample import EVIDENCE_FREE, EVIDENCE_OCCUPIED, Sample, collate
from voxway.core.task import IGNORE
from voxway.data.nuscenes.check import check_nuscenes
from voxway.data.nuscenes.config import Occ3DNuScenesConfig, OpenOccupancyConfig
from voxway.data.nuscenes.key_frame import CAMERAS
from voxway.data.nuscenes.submission import OCC3D_FILES
from voxway.data.samples import Samples
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.data.waymo.config import Occ3DWaymoConfig
from voxway.data.waymo.layout import IMAGE_FOLDERS
from voxway.engine.model_files import load_model, save_model
from voxway.engine.schedule import Schedule
from voxway.engine.train import train
from voxway.engine.train_config import TrainConfig
from voxway.methods.effocc import EffOccConfig
from voxway.prepare.ready import ready
from voxway.recipes.networks.effocc import SMALL_CAMERA, SMALL_FUSION
from voxway.recipes.networks.occle import SMALL_OCC3D

pytestmark = pytest.mark.real
LABELLED = "29796060110c4163b07f06eff4af0753"
TOKENS = ("ca9a282c9e77460f8360f564131a8af5", "fd8420396768425eabec9bdddf7e64b6")
WAYMO_CAMERAS = ("FRONT", "FRONT_LEFT", "FRONT_RIGHT", "SIDE_LEFT", "SIDE_RIGHT")
"""Waymo's numbering, from which the pictures' folders follow."""


def link(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(file.resolve())


def pose(name: str, T: np.ndarray) -> dict[str, np.ndarray]:
    return {f"{name}_rotation": T[:3, :3], f"{name}_translation": T[:3, 3]}


def info_of_json(folder: Path, root: Path) -> dict[str, Any]:
    """The record of a frame whose cameras' poses are told by `lidar2cam`, which has the car's motion in it."""
    sample = json.loads((folder / "info.json").read_text())["sample"]
    T_world_ego, T_ego_lidar = (np.array(m) for m in (sample["ego2global"], sample["lidar_points"]["lidar2ego"]))
    cams = {}
    for name, camera in sample["images"].items():
        T_lidar_cam, T_ego_cam = np.linalg.inv(camera["lidar2cam"]), np.array(camera["cam2ego"])
        link(folder / camera["img_path"], root / camera["img_path"])
        cams[name] = {
            "data_path": camera["img_path"],
            "timestamp": round(camera["timestamp"] * 1e6),
            "cam_intrinsic": camera["cam2img"],
            **pose("sensor2ego", T_ego_cam),
            **pose("ego2global", T_world_ego @ T_ego_lidar @ T_lidar_cam @ np.linalg.inv(T_ego_cam)),
            **pose("sensor2lidar", T_lidar_cam),
        }
    lidar = sample["lidar_points"]["lidar_path"]
    link(folder / lidar, root / lidar)
    return {
        "token": sample["token"],
        "scene_token": "scene-0061",
        "scene_name": "scene-0061",
        "timestamp": round(sample["timestamp"] * 1e6),
        "lidar_path": lidar,
        "lidar_token": "lidar0",
        "sweeps": [],
        "cams": cams,
        **pose("lidar2ego", T_ego_lidar),
        **pose("ego2global", T_world_ego),
    }


def info_of_yaml(folder: Path, root: Path) -> dict[str, Any]:
    """The record of a frame stored as YAML; this reads no more of YAML than the file has."""

    def value(block: str, name: str) -> str:
        found = re.search(rf"^ *{name}:(.*?)(?=^ *[A-Za-z_]\w*:|\Z)", block, re.M | re.S)
        assert found, name
        return found[1].strip()

    def numbers(block: str, name: str) -> np.ndarray:
        found = [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", value(block, name))]
        return np.array(found).reshape((3, 3) if len(found) == 9 else -1)

    def poses(block: str, *names: str) -> dict[str, np.ndarray]:
        return {f"{n}_{part}": numbers(block, f"{n}_{part}") for n in names for part in ("rotation", "translation")}

    text = (folder / "info.yaml").read_text()
    start = text.index("\ncams:\n")
    cameras, rest = text[start : text.index("\nego2global_rotation")], text[text.index("\nego2global_rotation") :]
    cams = {}
    for name in CAMERAS:
        block = re.search(rf"^    {name}:\n((?:     .*\n?|\n)+)", cameras, re.M)
        assert block, name
        path = value(block[1], "data_path").removeprefix("./data/nuscenes/")
        link(folder / f"{name}.jpg", root / path)
        cams[name] = {
            "data_path": path,
            "timestamp": int(value(block[1], "timestamp")),
            "cam_intrinsic": numbers(block[1], "cam_intrinsic"),
            **poses(block[1], "sensor2ego", "ego2global", "sensor2lidar"),
        }
    lidar = value(rest, "lidar_path").removeprefix("./data/nuscenes/")
    link(folder / "LIDAR_TOP.pcd.bin", root / lidar)
    return {
        "token": value(rest, "token"),
        "scene_token": value(rest, "scene_token"),
        "timestamp": int(value(rest, "timestamp")),
        "lidar_path": "./data/nuscenes/" + lidar,
        "lidar_token": "lidar1",
        "sweeps": [],
        "cams": cams,
        **poses(rest, "lidar2ego", "ego2global"),
    }


@pytest.fixture(scope="module")
def nuscenes(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both key frames as nuScenes' folders, with an info file; the early Occ3D labels stand beside the second."""
    root = tmp_path_factory.mktemp("nuscenes")
    infos = [
        info_of_json(data_root / "nuscenes" / "scene-0061_ca9a282c", root),
        info_of_yaml(data_root / "nuscenes" / "scene_e7ef871f_fd842039", root),
    ]
    (root / "infos.pkl").write_bytes(pickle.dumps({"infos": infos, "metadata": {"version": "v1.0"}}))
    labelled = {**infos[1], "token": LABELLED, "occ_path": f"./data/nuscenes/gts/scene-0000/{LABELLED}"}
    (root / "labelled.pkl").write_bytes(pickle.dumps([labelled]))
    link(data_root / "occ3d_nuscenes" / LABELLED / "labels.npz", root / "gts" / "scene-0000" / LABELLED / "labels.npz")
    return root


def occ3d(root: Path, **changes: Any) -> Samples:
    return occ3d_config(root, **changes).build()


def occ3d_config(root: Path, **changes: Any) -> Occ3DNuScenesConfig:
    settings = {"infos": root / "infos.pkl", "partial": True, "needs": frozenset({"images", "points", "pose", "depth"})}
    return Occ3DNuScenesConfig(root=root, **settings | changes)


def test_both_frames_are_read(nuscenes: Path) -> None:
    reader = occ3d(nuscenes)
    assert set(reader.keys) == set(TOKENS)
    for sample in (reader[token] for token in TOKENS):
        assert sample.images is not None and sample.depth is not None
        assert sample.images.shape == (6, 3, 256, 704)
        assert sample.images.float().flatten(1).std(1).min() > 20


@pytest.mark.parametrize("token", TOKENS)
def test_the_road_lies_at_height_zero_and_in_the_lower_half(nuscenes: Path, token: str) -> None:
    sample = occ3d(nuscenes, pad_sweeps=False)[token]
    assert sample.points is not None and sample.depth is not None
    x, y, z = sample.points[:, :3].unbind(1)
    near = z[(x.abs() > 3) & (x.abs() < 12) & (y.abs() < 3)]
    heights = torch.histc(near, 40, -2.0, 2.0)
    assert abs(-2 + 0.1 * (int(heights.argmax()) + 0.5)) < 0.15, "the vehicle's frame stands on the road"
    for depth in sample.depth:
        rows = [depth[half][depth[half] > 0] for half in (slice(0, 128), slice(192, 256))]
        assert len(rows[0]) + len(rows[1]) > 800
        assert rows[1].median() < 0.6 * rows[0].median(), "what is low in the picture is near"


@pytest.mark.parametrize("token", TOKENS)
def test_edges_of_depth_are_edges_of_the_picture(nuscenes: Path, token: str) -> None:
    """Across a jump in depth the picture changes more than elsewhere, and most of all where the depths belong."""
    sample = occ3d(nuscenes, pad_sweeps=False)[token]
    here = contrast(sample, 0)
    assert here > 2
    assert here > 1.05 * max(contrast(sample, shift) for shift in (-40, -10, 10, 40))


def contrast(sample: Sample, shift_px: int) -> float:
    """Change of colour between neighbours that differ in depth, over that between others; depths moved aside."""
    assert sample.images is not None and sample.depth is not None
    jumps, steady = [], []
    for picture, image in zip(sample.images.float(), sample.depth):
        depth = image.roll(shift_px, 1)
        row, column = depth.nonzero().unbind(1)
        metres, colour = depth[row, column], picture[:, row, column].T
        right = column[None] - column[:, None]
        first, second = (((row[None] - row[:, None]).abs() <= 2) & (right > 0) & (right <= 6)).nonzero().unbind(1)
        ratio = (metres[first] / metres[second]).log().abs().exp()
        change = (colour[first] - colour[second]).abs().mean(1)
        jumps.append(change[ratio > 1.4])
        steady.append(change[ratio < 1.05])
    return float(torch.cat(jumps).mean() / torch.cat(steady).mean())


@pytest.mark.parametrize("token", TOKENS)
def test_the_lidars_and_the_vehicles_frames_agree(nuscenes: Path, token: str) -> None:
    """OpenOccupancy's reader goes through `sensor2lidar`, Occ3D's through poses: the same points, the same pixels."""
    needs = frozenset({"images", "points"})
    ego = occ3d(nuscenes, needs=needs, points_ego="lidar", cameras_ego="lidar", pad_sweeps=False)[token]
    settings = {"infos": nuscenes / "infos.pkl", "partial": True, "needs": needs, "pad_sweeps": False}
    lidar = OpenOccupancyConfig(root=nuscenes, **settings).build()[token]
    assert ego.cameras is not None and lidar.cameras is not None
    (first, ahead), (second, depth) = (s.cameras.project(s.points[:, :3].double()) for s in (ego, lidar))
    visible = ego.cameras.visible(first, ahead) & (ahead > 3)
    assert visible.any(0).float().mean() > 0.2
    assert (first - second)[visible].abs().max() < 0.5
    assert (ahead - depth)[visible].abs().max() < 0.01


def test_real_labels(nuscenes: Path) -> None:
    sample = occ3d(nuscenes, infos=nuscenes / "labelled.pkl", needs=frozenset({"target"}))[LABELLED]
    assert sample.target is not None
    assert int((sample.target != 17).sum()) == 39_092
    assert set(sample.target.unique().tolist()) == {0, 1, 3, 4, 6, 11, 13, 14, 15, 16, 17}
    assert {name: int(mask.sum()) for name, mask in sample.masks.items()} == {"lidar": 56_601, "camera": 43_355}


def test_the_early_revision_is_recognised(nuscenes: Path) -> None:
    needs = frozenset({"images", "points", "target"})
    config = Occ3DNuScenesConfig(root=nuscenes, infos=nuscenes / "labelled.pkl", partial=True, needs=needs)
    report = check_nuscenes(config)
    wrong = [finding.what for finding in report.findings if finding.severity != "note"]
    assert wrong == ["all driveable voxels lie in the lowest layer: this is the early revision of March 2023"]


@pytest.fixture(scope="module")
def waymo(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The frame as the KITTI conversion has it, and where it came from."""
    root = tmp_path_factory.mktemp("waymo")
    (source,) = (data_root / "waymo").iterdir()
    cameras = json.loads((source / "frame.json").read_text())["cameras"]
    slots = {}
    for slot, folder in enumerate(IMAGE_FOLDERS):
        camera = cameras[WAYMO_CAMERAS[folder]]
        link(source / camera["image"], root / "kitti_format" / "training" / f"image_{folder}" / "0000000.jpg")
        fu, fv, cu, cv, *_ = camera["intrinsic_fu_fv_cu_cv_k1_k2_p1_p2_k3"]
        intrinsics, T_front_optical = np.eye(4), np.eye(4)
        intrinsics[:2, :3] = [[fu, 0, cu], [0, fv, cv]]
        T_front_optical[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]  # camera x ahead, y left, z up
        slots[slot] = {
            "intrinsics": intrinsics,
            "sensor2ego": np.array(camera["camera_to_vehicle"]) @ T_front_optical,
        }
    (root / "cam_infos.pkl").write_bytes(pickle.dumps([[slots]]))
    return root, source


def test_waymos_boxes_stand_on_vehicles(waymo: tuple[Path, Path]) -> None:
    root, source = waymo
    reader = Occ3DWaymoConfig(root=root, partial=True, needs=frozenset({"images"})).build()
    assert reader.keys == ("000/000",)
    sample = reader[0]
    assert sample.cameras is not None and sample.images is not None
    assert sample.images.shape == (5, 3, 256, 704)
    boxes = json.loads((source / "frame.json").read_text())["boxes_3d"]
    cars = [box for box in boxes if box["type"] == "vehicle" and box["num_lidar_points"] > 20]
    pixels, depth = sample.cameras.project(torch.tensor([box["center"] for box in cars]).double())
    visible = sample.cameras.visible(pixels, depth)
    hits = []
    for slot, folder in enumerate(IMAGE_FOLDERS):
        classes = np.asarray(Image.open(source / f"{WAYMO_CAMERAS[folder]}_panoptic.png")) // 1000
        back = torch.linalg.inv(sample.cameras.T_image[slot])
        for u, v in pixels[slot][visible[slot]].tolist():
            x, y, _ = (back @ torch.tensor([u, v, 1.0]).double()).round().long().tolist()
            hits.append(int(classes[y, x]))
    assert len(hits) >= 9
    vehicles = np.isin(hits, (2, 3, 4, 5, 6))
    assert vehicles.mean() > 0.75, hits


def saved(folder: Path, method: EffOccConfig, dataset: str, data: Any) -> Path:
    """A network with random weights that says it was trained on such data."""
    torch.manual_seed(0)
    facts = {"dataset": dataset, "data": to_json(data), "proposals": None}
    save_model(folder, method, method.build().state_dict(), **facts)
    return folder


def test_nuscenes_through_network_and_page(nuscenes: Path, tmp_path: Path) -> None:
    data = occ3d(nuscenes, needs=frozenset({"images", "points", "depth", "target"})).config
    model = saved(tmp_path / "model", SMALL_FUSION, "occ3d-nuscenes", data)
    where = ("--root", nuscenes, "--split", "train", "--out", tmp_path, "--device", "cpu")
    assert execute("predict", model, *where) == 0
    OCC3D_FILES.check(tmp_path, TOKENS)
    page = (tmp_path / "page.html").read_text()
    assert all(token in page for token in TOKENS)
    assert np.asarray(Image.open(tmp_path / "picture.png")).std() > 10


def test_waymo_through_network_and_page(waymo: tuple[Path, Path], tmp_path: Path) -> None:
    data = Occ3DWaymoConfig(root=waymo[0], partial=True, needs=frozenset({"images", "target"}))
    method = replace(SMALL_CAMERA, task=OCC3D_WAYMO.task)
    model = saved(tmp_path / "model", method, "occ3d-waymo", data)
    where = ("--root", waymo[0], "--split", "train", "--out", tmp_path, "--device", "cpu")
    assert execute("predict", model, *where) == 0
    assert "000/000" in (tmp_path / "page.html").read_text()


class Unlabelled(list):
    """Frames that training reads; none may supervise."""

    keys, labelled = TOKENS, (False, False)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_occle_learns_key_frames_by_heart_from_rays_alone(nuscenes: Path, tmp_path: Path) -> None:
    """Nobody has labelled them. Rays say that something is there and not what, so that all classes share what is not
    free: what counts is the probability of free."""
    needs = frozenset({"images", "points", "evidence"})
    data = occ3d_config(nuscenes, image_px=(96, 256), needs=needs)
    samples = ready(data, {}, cache=tmp_path / "cache", show=False).build()
    rays_alone = replace(
        SMALL_OCC3D.supervision,
        class_counts=(),
        projection=0.0,
        semantic_share=0.0,
        predicted_labels=0.0,
        predicted_evidence=1.0,
        evidence_mean="sides",
        ramp=0.0,
    )
    method = replace(SMALL_OCC3D, class_prior=False, supervision=rays_alone)
    unknown = torch.full(method.task.grid.shape, IGNORE, dtype=torch.uint8)
    frames = [replace(samples[token], target=unknown, labelled=False) for token in TOKENS]
    schedule = Schedule(warmup_steps=10, final_factor=0.01)
    run = TrainConfig(steps=160, batch=2, micro_batch=2, learning_rate=5e-3, clip_norm=10.0, schedule=schedule)
    train(run, method, Unlabelled(frames), tmp_path / "run", show=False)
    network = load_model(tmp_path / "run" / "model")
    for frame in frames:
        assert frame.evidence is not None
        with torch.no_grad():
            free = network(collate([frame])).logits.softmax(1)[0, method.task.free] > 0.5
        hit = frame.evidence == EVIDENCE_OCCUPIED
        near = torch.nn.functional.max_pool3d(hit[None].float(), 3, 1, 1)[0] > 0
        assert (~free[hit]).float().mean() > 0.85
        assert free[(frame.evidence == EVIDENCE_FREE) & ~near].float().mean() > 0.9


def test_real_labels_on_the_page(nuscenes: Path, tmp_path: Path) -> None:
    where = ("--benchmark", "occ3d-nuscenes", "--root", nuscenes, "--split", "train", "--out", tmp_path)
    assert execute("view", *where, "--set", f"infos={nuscenes / 'labelled.pkl'}") == 0
    assert LABELLED in (tmp_path / "page.html").read_text()
