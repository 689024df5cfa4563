"""Surround-view files that are wrong: one clear error each, with the file, the field and what to do."""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data import toy_nuscenes, toy_waymo
from tests.small_world import rewrite
from voxway.core.errors import InputError
from voxway.data.files.pickles import read_pickle
from voxway.data.nuscenes.config import Occ3DNuScenesConfig
from voxway.data.nuscenes.infos import read_infos, write_infos
from voxway.data.nuscenes.tables import read_tables
from voxway.data.waymo.config import Occ3DWaymoConfig

LAST = toy_nuscenes.sample_token("scene-0001", 1)
EVERYTHING = frozenset({"images", "points", "pose", "target", "depth"})
Infos = list[dict[str, Any]]


class Runs:
    """A pickle that runs code when a careless reader loads it."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.system, ("touch pickle_has_run",)


@pytest.fixture(scope="module")
def infos(nuscenes_root: Path) -> Infos:
    return [dict(info) for info in read_tables(nuscenes_root / "v1.0-trainval", ["scene-0001"])]


def read_last(root: Path, infos: Infos, folder: Path) -> None:
    path = folder / "infos.pkl"
    path.write_bytes(pickle.dumps({"infos": infos, "metadata": {}}))
    Occ3DNuScenesConfig(root=root, infos=path, partial=True, needs=EVERYTHING, image_px=(32, 88)).build()[LAST]


def _no_back(info: dict[str, Any]) -> None:
    del info["cams"]["CAM_BACK"]


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(info: dict[str, Any]) -> None:
        place: Any = info
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value

    return change


def _drop(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(info: dict[str, Any]) -> None:
        place: Any = info
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]

    return change


FRONT = ("cams", "CAM_FRONT")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_no_back, r"sample sample_aaaaaaaa_1: cams.channels: expected .*, found no CAM_BACK\."),
        (_drop(*FRONT, "cam_intrinsic"), "cams.CAM_FRONT.cam_intrinsic: expected present, found only"),
        (
            _set(*FRONT, "cam_intrinsic", value=np.full((3, 3), np.nan)),
            "CAM_FRONT.cam_intrinsic: expected finite numbers",
        ),
        (_set(*FRONT, "cam_intrinsic", value=np.zeros((3, 3))), "cam_intrinsic: expected positive focal lengths"),
        (_set(*FRONT, "cam_intrinsic", value="none"), "cam_intrinsic: expected numbers of shape"),
        (_set(*FRONT, "sensor2ego_rotation", value=[2, 0, 0, 0]), "expected a unit quaternion"),
        (_set(*FRONT, "sensor2lidar_rotation", value=np.eye(3) * 2), "sensor2lidar_rotation: expected a rotation"),
        (_set(*FRONT, "sensor2ego_translation", value=[0, np.inf, 0]), "sensor2ego_translation: expected finite"),
        (_drop("lidar2ego_rotation"), "lidar2ego_rotation: expected present"),
        (_set("timestamp", value=1.5e9), "timestamp: expected microseconds, found 1500000000.0, which looks like sec"),
        (_set("timestamp", value=10**30), "timestamp: expected a number, found 1000000"),
        (_set("sweeps", 3, "timestamp", value=2**52), r"sweeps\[3\].timestamp: expected before the key frame's"),
        (_drop("sweeps", 0, "sensor2lidar_rotation"), r"sweeps\[0\].sensor2lidar_rotation: expected present"),
    ],
)
def test_records(
    nuscenes_root: Path, infos: Infos, tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    changed = copy.deepcopy(infos)
    change(changed[-1])
    with pytest.raises(InputError, match=message) as caught:
        read_last(nuscenes_root, changed, tmp_path)
    assert "write_infos" in caught.value.remedy


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data_list": [], "metainfo": {}}, "version: expected a dict with 'infos', found a dict with 'data_list'"),
        ({"metadata": {}}, "infos: expected a list of key frames, found only metadata"),
        ({"infos": []}, "infos: expected a list of key frames"),
        (
            [{"token": "a", "scene_token": "s", "timestamp": 1, "sweeps": []}],
            "cams: expected in every record, found 1 of 1",
        ),
        ({"infos": [Runs()]}, "posix.system, which is not loaded"),
    ],
)
def test_info_files_of_other_versions(
    tmp_path: Path, content: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "infos.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=message):
        read_infos(path)
    assert not (tmp_path / "pickle_has_run").exists()


def test_duplicate_tokens(infos: Infos, tmp_path: Path) -> None:
    (tmp_path / "infos.pkl").write_bytes(pickle.dumps(infos + infos[:1]))
    with pytest.raises(InputError, match="token: expected each key frame once, found 1 again, the first sample_aaaa"):
        read_infos(tmp_path / "infos.pkl")


def test_pickles(tmp_path: Path) -> None:
    path = tmp_path / "file.pkl"
    with pytest.raises(InputError, match="file: expected present, found absent"):
        read_pickle(path, "Fetch it.")
    whole = pickle.dumps({"a": np.arange(100.0), "b": np.float32(3), "c": (1, None, {2}), "d": "text"})
    path.write_bytes(whole)
    content = read_pickle(path, "Fetch it.")
    np.testing.assert_array_equal(content["a"], np.arange(100.0))
    assert (content["b"], content["c"], content["d"]) == (3, (1, None, {2}), "text")
    for damaged in (whole[:-20], b"", b"not a pickle"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="contents: expected a whole pickle"):
            read_pickle(path, "Fetch it.")
    for protocol in range(6):
        path.write_bytes(pickle.dumps(np.arange(6).reshape(2, 3), protocol=protocol))
        np.testing.assert_array_equal(read_pickle(path, "Fetch it."), np.arange(6).reshape(2, 3))
    old = pickle.dumps(np.arange(3), protocol=2).replace(b"numpy._core.", b"numpy.core.")
    assert b"numpy.core." in old
    path.write_bytes(old)
    np.testing.assert_array_equal(read_pickle(path, "Fetch it."), np.arange(3))
    for harm in (b"cbuiltins\neval\n(S'1'\ntR.", b"cnumpy\nload\n(S'x'\ntR.", b"c_codecs\nopen\n(S'x'\ntR."):
        path.write_bytes(harm)
        with pytest.raises(InputError, match="a pickle may run any code"):
            read_pickle(path, "Fetch it.")


def test_damaged_pickles_take_no_more_memory_than_they_have_contents(tmp_path: Path) -> None:
    path = tmp_path / "file.pkl"
    path.write_bytes(b"\x80\x02K\x01r\xff\xff\xff\x7f.")  # kept as number 2^31 of what comes up again
    assert read_pickle(path, "Fetch it.") == 1
    for kind in (b"bytes", b"bytearray"):
        path.write_bytes(b"\x80\x02cbuiltins\n" + kind + b"\n\x8a\x06\0\0\0\0\0\x01\x85R.")
        with pytest.raises(InputError, match=f"{kind.decode()} of 1099511627776 zeros"):
            read_pickle(path, "Fetch it.")
    for value in (b"abc", bytearray(b"abc"), b"", bytearray()):
        for protocol in range(6):
            path.write_bytes(pickle.dumps(value, protocol))
            assert read_pickle(path, "Fetch it.") == value


LIDAR = f"samples/LIDAR_TOP/LIDAR_TOP_scene-0001_{toy_nuscenes.SCANS - 1}.pcd.bin"
SWEEP = f"sweeps/LIDAR_TOP/LIDAR_TOP_scene-0001_{toy_nuscenes.SCANS - 2}.pcd.bin"
PICTURE = f"samples/CAM_BACK/CAM_BACK_scene-0001_{toy_nuscenes.SCANS - 1}.jpg"
LABELS = "gts/scene-0001/sample_aaaaaaaa_1/labels.npz"


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    import io

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # ty: ignore[invalid-argument-type]
    return buffer.getvalue()


def _volume(**changes: Any) -> bytes:
    arrays = {**toy_nuscenes.occ3d_volume(0), **changes}
    return _npz({name: array for name, array in arrays.items() if array is not None})


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (LIDAR, b"", "size: expected a positive multiple of 20 bytes"),
        (LIDAR, bytes(30), "found 30 bytes"),
        (LIDAR, np.full((3, 5), np.nan, "<f4").tobytes(), "points: expected finite numbers, found 3 points"),
        (SWEEP, b"", "size: expected a positive multiple of 20 bytes .*, found 0 bytes"),
        (SWEEP, None, "file: expected present, found absent"),
        (PICTURE, None, "file: expected present, found absent"),
        (PICTURE, b"\xff\xd8\xff\xe0 cut", "picture: expected a"),
        (LABELS, None, "file: expected present, found absent"),
        (LABELS, _volume()[:5000], "contents: expected an archive"),
        (LABELS, _volume(mask_camera=None), "mask_camera: expected an array 'mask_camera'"),
        (LABELS, _volume(semantics=None), "semantics: expected an array 'semantics'"),
        (LABELS, _volume(semantics=np.zeros((256, 256, 32), np.uint8)), r"semantics: .* found \(256, 256, 32\)"),
        (LABELS, _volume(mask_lidar=np.zeros((200, 200), np.uint8)), r"mask_lidar: .* found \(200, 200\)"),
        (LABELS, _volume(semantics=np.full((200, 200, 16), 18, np.uint8)), r"label ids: .* found ids \[18\]"),
        (LABELS, _volume(semantics=np.zeros((200, 200, 16))), "semantics: expected whole numbers, found float64"),
    ],
)
def test_nuscenes_files(nuscenes_copy: Path, name: str, data: bytes | None, message: str) -> None:
    rewrite(nuscenes_copy / name, data or b"")
    if data is None:
        (nuscenes_copy / name).unlink()
    reader = Occ3DNuScenesConfig(
        root=nuscenes_copy, partial=True, needs=EVERYTHING, image_px=(32, 88), sweep_choice="nearest"
    ).build()
    with pytest.raises(InputError, match=message) as caught:
        reader["sample_aaaaaaaa_1"]
    assert Path(caught.value.file).name == Path(name).name


def test_pictures_of_another_size(nuscenes_copy: Path) -> None:
    from PIL import Image

    path = nuscenes_copy / PICTURE
    path.unlink()
    Image.new("RGB", (80, 45)).save(path)
    reader = Occ3DNuScenesConfig(root=nuscenes_copy, partial=True, needs=EVERYTHING, image_px=(32, 88)).build()
    with pytest.raises(InputError, match=r"around the principal point \(81, 48\), about 162 x 96 px, found 80 x 45 px"):
        reader["sample_aaaaaaaa_1"]


@pytest.mark.parametrize(
    ("table", "text", "message"),
    [
        ("ego_pose", "[]", "ego_pose.json: token: expected pose_"),
        ("sensor", "{}", "sensor.json: contents: expected a list of rows"),
        ("sample_data", "[", "sample_data.json: contents: expected JSON"),
        ("sample_data", "[]", "sample_data.json: sample sample_aaaaaaaa_0: expected a LiDAR and six cameras"),
        ("calibrated_sensor", None, "calibrated_sensor.json: file: expected present, found absent"),
    ],
)
def test_tables(tmp_path: Path, table: str, text: str | None, message: str) -> None:
    folder = toy_nuscenes.write_tables(tmp_path)
    path = folder / f"{table}.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(InputError, match=message):
        write_infos(folder, tmp_path / "infos.pkl")
    assert not (tmp_path / "infos.pkl").exists()


def test_an_unknown_scene(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="scene-0009, found no such scene"):
        write_infos(toy_nuscenes.write_tables(tmp_path), tmp_path / "infos.pkl", ["scene-0009"])


def test_openoccupancy_needs_lidar_tokens(nuscenes_root: Path, infos: Infos, tmp_path: Path) -> None:
    from voxway.data.nuscenes.config import OpenOccupancyConfig

    without = [{name: value for name, value in info.items() if name != "lidar_token"} for info in infos]
    (tmp_path / "infos.pkl").write_bytes(pickle.dumps(without))
    reader = OpenOccupancyConfig(
        root=nuscenes_root, infos=tmp_path / "infos.pkl", partial=True, needs=frozenset({"target"})
    ).build()
    with pytest.raises(InputError, match="lidar_token: expected the token of the key frame's LiDAR scan"):
        reader[0]


WAYMO_LABELS = "training/000/001_04.npz"
WAYMO_SCAN = "kitti_format/training/velodyne/0000001.bin"


def _waymo_infos(change: Callable[[Any], None]) -> bytes:
    infos = copy.deepcopy(toy_waymo.infos(toy_waymo.FRAMES["train"]))
    change(infos[0][1])
    return pickle.dumps(infos)


def _waymo_camera(name: str, value: Any) -> bytes:
    return _waymo_infos(lambda frame: frame[1].update({name: value}))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (WAYMO_SCAN, bytes(20), "size: expected a positive multiple of 24 bytes"),
        (WAYMO_SCAN, b"", "found 0 bytes"),
        (WAYMO_SCAN, np.full((2, 6), np.inf, "<f4").tobytes(), "points: expected finite numbers, found 2 points"),
        (WAYMO_LABELS, _npz({**toy_waymo.volume("a"), "infov": np.zeros((2, 2, 2))}), r"infov: .* found \(2, 2, 2\)"),
        (WAYMO_LABELS, _npz({"voxel_label": np.zeros((200, 200, 16))}), "infov: expected an array 'infov'"),
        (
            WAYMO_LABELS,
            _npz({**toy_waymo.volume("a"), "voxel_label": np.full((200, 200, 16), 16, np.uint8)}),
            r"label ids: .* found ids \[16\]",
        ),
        ("cam_infos.pkl", pickle.dumps([[]]), r"\[0\]\[1\]: expected a calibration, found absent"),
        ("cam_infos.pkl", pickle.dumps(Runs()), "a pickle may run any code"),
        ("cam_infos.pkl", _waymo_infos(lambda frame: frame.pop(4)), r"\[0\]\[1\]\[4\]: expected a calibration"),
        ("cam_infos.pkl", _waymo_camera("intrinsics", np.full((4, 4), np.nan)), r"\[1\].intrinsics: expected a finite"),
        ("cam_infos.pkl", _waymo_infos(lambda frame: frame[1].pop("intrinsics")), "intrinsics: expected a matrix"),
        ("cam_infos.pkl", _waymo_camera("sensor2ego", np.diag([2.0, 2, 2, 1])), "sensor2ego: expected a rotation"),
        (
            "cam_infos.pkl",
            _waymo_camera("sensor2ego", np.eye(4)),
            "found axes x ahead, z up, as Waymo's own records have",
        ),
    ],
)
def test_waymo_files(waymo_copy: Path, name: str, data: bytes, message: str) -> None:
    rewrite(waymo_copy / name, data)
    needs = EVERYTHING - {"pose"}
    reader = Occ3DWaymoConfig(root=waymo_copy, partial=True, needs=needs, image_px=(16, 44)).build()
    with pytest.raises(InputError, match=message):
        reader["000/001"]


def test_waymo_keys(waymo_root: Path) -> None:
    reader = Occ3DWaymoConfig(root=waymo_root, partial=True).build()
    with pytest.raises(InputError, match='expected sequence and frame, such as "012/040"'):
        reader["0000001"]
