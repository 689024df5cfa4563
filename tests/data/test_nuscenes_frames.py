"""nuScenes key frames: from tables and from info files the same ones, by split, scene, token and label budget."""

from __future__ import annotations

import json
import pickle
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tests.data import toy_nuscenes as toy
from voxway.core.config import from_json, override_all, to_json
from voxway.core.errors import InputError
from voxway.core.quaternion import quaternion_rotation
from voxway.data.nuscenes.config import Occ3DNuScenesConfig, OpenOccupancyConfig
from voxway.data.nuscenes.infos import read_infos, write_infos
from voxway.data.nuscenes.key_frame import CAMERAS, KeyFrame, parse_info, relative_path
from voxway.data.nuscenes.splits import MINI_VALIDATION, VALIDATION, scenes_of
from voxway.data.nuscenes.tables import read_tables
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.steps.augment import Augment
from voxway.data.steps.few_labels import drawn
from voxway.data.waymo.config import Occ3DWaymoConfig

NONE = frozenset({"pose"})
LAST = toy.SCANS - 1


def config(root: Path, **changes: object) -> Occ3DNuScenesConfig:
    return Occ3DNuScenesConfig(**{"root": root, "partial": True, "needs": NONE} | changes)


@pytest.fixture(scope="module")
def frames(nuscenes_root: Path) -> list[KeyFrame]:
    return [parse_info(info, "tables") for info in read_tables(nuscenes_root / "v1.0-trainval")]


def assert_same(a: object, b: object) -> None:
    """Deep equality of frozen dataclasses with arrays."""
    if hasattr(a, "__dataclass_fields__"):
        assert type(a) is type(b)
        for field in fields(a):  # ty: ignore[invalid-argument-type]
            assert_same(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, dict):
        assert list(a) == list(b)  # ty: ignore[invalid-argument-type]
        for name, value in a.items():
            assert_same(value, b[name])  # ty: ignore[not-subscriptable]
    elif isinstance(a, tuple):
        assert len(a) == len(b)  # ty: ignore[invalid-argument-type]
        for x, y in zip(a, b):  # ty: ignore[invalid-argument-type]
            assert_same(x, y)
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


def test_tables_give_the_recorded_geometry(frames: list[KeyFrame]) -> None:
    frame = next(f for f in frames if f.token == toy.sample_token("scene-0002", 1))
    assert (frame.scene, frame.scene_name) == (toy.SCENES["scene-0002"], "scene-0002")
    assert frame.lidar_path == f"samples/LIDAR_TOP/LIDAR_TOP_scene-0002_{LAST}.pcd.bin"
    assert frame.lidar_token == f"data_LIDAR_TOP_scene-0002_{LAST}"
    T_world_lidar = toy.sensor_to_world("scene-0002", "LIDAR_TOP", LAST, 0)
    np.testing.assert_allclose(frame.T_world_ego @ frame.T_ego_lidar, T_world_lidar, atol=1e-9)
    assert tuple(frame.cameras) == CAMERAS
    for place, (name, camera) in enumerate(frame.cameras.items()):
        T_world_cam = toy.sensor_to_world("scene-0002", name, LAST, 3_000 * place)
        np.testing.assert_allclose(camera.T_world_ego @ camera.T_ego_cam, T_world_cam, atol=1e-9)
        np.testing.assert_allclose(camera.T_lidar_cam, np.linalg.inv(T_world_lidar) @ T_world_cam, atol=1e-8)
        assert frame.timestamp_us - camera.timestamp_us == 3_000 * place
        np.testing.assert_array_equal(camera.K, toy.K)


def test_sweeps_follow_the_chain_up_to_ten(frames: list[KeyFrame]) -> None:
    frame = next(f for f in frames if f.token == toy.sample_token("scene-0002", 1))
    T_lidar_world = np.linalg.inv(toy.sensor_to_world("scene-0002", "LIDAR_TOP", LAST, 0))
    assert [(frame.timestamp_us - sweep.timestamp_us) // 50_000 for sweep in frame.sweeps] == list(range(1, 11))
    for back, sweep in enumerate(frame.sweeps, 1):
        assert sweep.path == f"sweeps/LIDAR_TOP/LIDAR_TOP_scene-0002_{LAST - back}.pcd.bin"
        T_world_sweep = toy.sensor_to_world("scene-0002", "LIDAR_TOP", LAST - back, 0)
        np.testing.assert_allclose(sweep.T_lidar_sweep, T_lidar_world @ T_world_sweep, atol=1e-8)
    assert next(f for f in frames if f.token == toy.sample_token("scene-0002", 0)).sweeps == ()


def test_info_files_give_the_same_frames(nuscenes_root: Path, tmp_path: Path) -> None:
    path = tmp_path / "infos_val.pkl"
    assert write_infos(nuscenes_root / "v1.0-trainval", path, ["scene-0003"]) == 2
    from_infos = config(nuscenes_root, infos=path, split="val").build()
    from_tables = config(nuscenes_root, split="val").build()
    assert from_infos.keys == from_tables.keys == tuple(toy.sample_token("scene-0003", n) for n in (0, 1))
    for key in from_tables.keys:
        assert_same(from_infos.reader.key_frame(key), from_tables.reader.key_frame(key))


def test_published_spellings(nuscenes_root: Path, tmp_path: Path) -> None:
    """Other machines' prefixes, names of scenes in label paths alone, boxes, no metadata, another order."""
    infos = [dict(info) for info in read_tables(nuscenes_root / "v1.0-trainval", ["scene-0001"])]
    for info in infos:
        del info["scene_name"], info["lidar_token"]
        info["occ_path"] = f"./data/nuscenes/gts/scene-0001/{info['token']}"
        info["lidar_path"] = "./data/nuscenes/" + info["lidar_path"]
        info["cams"] = {n: {**c, "data_path": "/home/me/nuscenes/" + c["data_path"]} for n, c in info["cams"].items()}
        info["ann_infos"] = ([np.zeros(9)], [1])
        info["gt_boxes"] = np.zeros((3, 7))
    expected = [parse_info(info, "tables") for info in read_tables(nuscenes_root / "v1.0-trainval", ["scene-0001"])]
    for content in ({"infos": infos[::-1], "metadata": {"version": "v1.0"}}, infos):
        path = tmp_path / "bevdetv2-nuscenes_infos_train.pkl"
        path.write_bytes(pickle.dumps(content, protocol=2))
        for info, frame in zip(read_infos(path), expected, strict=True):
            assert "gt_boxes" not in info
            parsed = parse_info(info, path)
            assert parsed.lidar_token is None
            assert_same((parsed.token, parsed.scene_name, parsed.sweeps), (frame.token, "scene-0001", frame.sweeps))
            assert_same((parsed.lidar_path, dict(parsed.cameras)), (frame.lidar_path, dict(frame.cameras)))


def test_paths_of_other_machines() -> None:
    assert relative_path("./data/nuscenes/samples/CAM_BACK/a.jpg") == "samples/CAM_BACK/a.jpg"
    assert relative_path("C:\\samples\\nus\\sweeps\\LIDAR_TOP\\b.bin") == "sweeps/LIDAR_TOP/b.bin"
    assert relative_path("CAM_BACK.jpg") == "CAM_BACK.jpg"


def test_official_splits() -> None:
    assert len(VALIDATION) == 150
    assert {"scene-0003", "scene-0110", "scene-0221", "scene-1073"} <= VALIDATION
    assert not {"scene-0001", "scene-0011", "scene-0061", "scene-0091", "scene-0553"[:-1] + "0"} & VALIDATION
    names = [f"scene-{n:04d}" for n in (1, 3, 61, 103, 553, 916)]
    assert scenes_of("val", names, "v1.0-trainval") == ["scene-0003", "scene-0103", "scene-0553", "scene-0916"]
    assert scenes_of("train", names, "v1.0-trainval") == ["scene-0001", "scene-0061"]
    assert scenes_of("val", names, "v1.0-mini") == sorted(MINI_VALIDATION)
    assert "scene-0553" in scenes_of("train", names, "v1.0-mini")
    assert scenes_of("test", names, "v1.0-test") == names


def test_scenes_and_keys_choose_frames(nuscenes_root: Path) -> None:
    assert len(config(nuscenes_root).build()) == 4
    by_name = config(nuscenes_root, drives=("scene-0002",)).build().keys
    by_token = config(nuscenes_root, drives=(toy.SCENES["scene-0002"],)).build().keys
    assert by_name == by_token == tuple(toy.sample_token("scene-0002", n) for n in (0, 1))
    chosen = (toy.sample_token("scene-0002", 1), toy.sample_token("scene-0001", 0))
    assert config(nuscenes_root, keys=chosen).build().keys == chosen


def test_few_labels_are_drawn_from_the_whole_split(nuscenes_root: Path) -> None:
    tokens = [toy.SCENES["scene-0001"], toy.SCENES["scene-0002"]]
    chosen = drawn(tokens, 1)
    reader = config(nuscenes_root, labelled=1, needs=frozenset({"target"})).build()
    assert len(reader) == 4
    for place in range(4):
        frame, sample = reader.reader.key_frame(reader.keys[place]), reader[place]
        assert sample.labelled == (frame.scene in chosen)
        assert sample.target is not None
        assert (sample.target != 255).any() == sample.labelled
        assert set(sample.masks) == {"lidar", "camera"}
        assert sample.masks["camera"].any() == sample.labelled
    teacher = config(nuscenes_root, labelled=1, only_labelled=True).build()
    assert {teacher.reader.key_frame(key).scene for key in teacher.keys} == chosen
    (other,) = set(tokens) - chosen
    assert not config(nuscenes_root, labelled=1, drives=(other,)).build()[0].labelled


def test_frames_without_labels_need_no_label_file(nuscenes_copy: Path) -> None:
    reader = config(nuscenes_copy, labelled=1, needs=frozenset({"target"})).build()
    hidden = next(i for i in range(4) if not reader[i].labelled)
    reader.reader.label_path(reader.reader.key_frame(reader.keys[hidden])).unlink()
    assert not reader[hidden].labelled


def test_labels_are_found_without_names_of_scenes(nuscenes_root: Path, tmp_path: Path) -> None:
    infos = [dict(info) for info in read_tables(nuscenes_root / "v1.0-trainval", ["scene-0001"])]
    for info in infos:
        del info["scene_name"], info["occ_path"]
    (tmp_path / "infos.pkl").write_bytes(pickle.dumps(infos))
    reader = config(nuscenes_root, infos=tmp_path / "infos.pkl").build()
    for key in reader.keys:
        path = reader.reader.label_path(reader.reader.key_frame(key))
        assert path == nuscenes_root / "gts" / "scene-0001" / key / "labels.npz"
    empty = config(nuscenes_root, infos=tmp_path / "infos.pkl", labels=tmp_path, needs=frozenset({"target"})).build()
    with pytest.raises(InputError, match=r"labels\.npz: file: expected present, found absent"):
        empty[0]


def test_quaternions_turn_as_matrices() -> None:
    np.testing.assert_allclose(quaternion_rotation((1, 0, 0, 1)), [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-15)
    np.testing.assert_allclose(quaternion_rotation((0.5, -0.5, 0.5, -0.5)) @ (0, 0, 1), (1, 0, 0), atol=1e-15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"partial": False}, "frames of split train: expected 28130, found 4"),
        ({"split": "test"}, "expected a folder v1.0-test, found none"),
        ({"drives": ("scene-0009",)}, "scenes that are there: scene-0001, scene-0002, found scene-0009"),
        ({"keys": ("nothing",)}, "1 that are not there, the first nothing"),
        ({"labelled": 3}, "labelled: expected 1 to 2"),
        ({"needs": frozenset({"proposals"})}, "proposals: expected a folder of prepared files, as they are needed"),
        ({"needs": frozenset({"imagse"})}, "need of occ3d-nuscenes: .* Perhaps you meant 'images'"),
    ],
)
def test_what_cannot_be_read_is_refused(nuscenes_root: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config(nuscenes_root, **changes).build()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sweeps", "none", "sweeps: expected a list of named values, found 'none'"),
        ("sweeps", [3], r"sweeps: expected a list of named values, found \[3\]"),
        ("timestamp", None, "timestamp: expected a number, found None"),
        ("timestamp", float("nan"), "timestamp: expected"),
        ("lidar_path", None, "lidar_path: expected text, found None"),
        ("token", 7, "token: expected text, found 7"),
    ],
)
def test_a_record_of_other_values_is_named(nuscenes_root: Path, field: str, value: object, message: str) -> None:
    info = next(iter(read_tables(nuscenes_root / "v1.0-trainval")))
    with pytest.raises(InputError, match=message):
        parse_info({**info, field: value}, "infos.pkl")


def test_null_instead_of_sweeps_is_none(nuscenes_root: Path) -> None:
    info = next(iter(read_tables(nuscenes_root / "v1.0-trainval")))
    assert parse_info({**info, "sweeps": None}, "infos.pkl").sweeps == ()


def test_settings_that_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only_labelled needs"):
        config(tmp_path, only_labelled=True)
    with pytest.raises(ValueError, match="image_px"):
        config(tmp_path, image_px=(0, 704))


@pytest.mark.parametrize("kind", [Occ3DNuScenesConfig, OpenOccupancyConfig, Occ3DWaymoConfig, SemanticKITTIConfig])
def test_configurations_survive_json(kind: type, tmp_path: Path) -> None:
    """They are kept with every trained network, and changed by --set."""
    config = kind(
        root=tmp_path,
        labelled=35,
        labelled_by="frames",
        only_labelled=True,
        augment=Augment(flip_x=0.25),
        needs=NONE,
        earlier=(1, 2),
        prepared={"depth": tmp_path},
    )
    stored = json.loads(json.dumps(to_json(config)))
    assert from_json(kind, stored, "test") == config
    changed = override_all(config, {"image_px": "[512,1408]", "augment.flip": "0.0", "depth_range_m": "[1,60]"})
    assert (changed.image_px, changed.augment.flip, changed.depth_range_m) == ((512, 1408), 0.0, (1.0, 60.0))
    more = override_all(config, {"prepared.proposals": "elsewhere"})
    assert more.prepared == {"depth": tmp_path, "proposals": Path("elsewhere")}
