"""Scenes of nuScenes as drives: labels made of them, and their files read as each benchmark reads its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.data.toy_nuscenes import SCANS, SCENES, sample_token, sensor_to_world, write_nuscenes
from tests.small_world import execute
from voxway.core.errors import InputError
from voxway.core.voxel_labels_file import read_recorded, read_voxel_labels
from voxway.data.nuscenes.drive import SURROUNDOCC_DRIVES, SceneDrive, open_drives
from voxway.data.nuscenes.key_frame import CAMERAS
from voxway.data.recordings import Drive, recorded
from voxway.data.registry import benchmark, config_type
from voxway.data.uniocc.config import UniOccConfig

SCENE = "scene-0003"
"""Of the made-up world, one of validation."""
CLASSES = {"ground": "driveable_surface", "object": "car", "structure": "manmade", "moving": "car", "other": None}
"""What coarse classes are called in benchmarks."""


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("embreex")
    from voxway.world import generate
    from voxway.world.layouts.nuscenes import NuScenesWorldConfig

    config = NuScenesWorldConfig(
        seed=5, scenes={SCENE: 4}, width_px=160, columns=360, sweeps_per_key=5, truth_sweeps=15, truth_stride=1,
        tail=15, surroundocc=True, openoccupancy=True, semantics=True,
    )  # fmt: skip
    return generate(tmp_path_factory.mktemp("ring") / "world", config, processes=1, progress=False)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("names") / "names.json"
    path.write_text(json.dumps(CLASSES))
    return path


@pytest.fixture(scope="module")
def occ3d_labels(ring: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels of all key frames in Occ3D's grid."""
    out = tmp_path_factory.mktemp("made")
    assert prepare(ring, "occ3d-nuscenes", out) == 0
    return out


def prepare(root: Path, name: str, out: Path, *more: object) -> int:
    command = ("prepare", "occupancy", "--root", root, "--benchmark", name, "--every", "1", "--out", out)
    return execute(*command, "--sparse", "--poses-are", "good", *more)


def truths(root: Path, name: str, labels: Path | None = None) -> dict[str, np.ndarray]:
    """Classes of all frames, as the benchmark's own reader has them."""
    config = config_type(name)(root=root, split="val", partial=True, needs=frozenset({"target"}))
    reader = (config if labels is None else replace(config, labels=labels)).reader()
    return {key: reader.truth(key).classes.numpy() for key in reader.keys}


@pytest.mark.parametrize(
    ("name", "form", "folder"),
    [
        ("occ3d-nuscenes", "occ3d", "gts"),
        ("openocc-nuscenes", "openocc", "openocc_v2"),
        ("surroundocc-nuscenes", "surroundocc", "surroundocc/samples"),
        ("openoccupancy-nuscenes", "openoccupancy", "nuScenes-Occupancy-v0.1"),
    ],
)
def test_labels_made_of_scans_stand_in_for_a_benchmarks_own(
    ring: Path, names: Path, occ3d_labels: Path, tmp_path: Path, name: str, form: str, folder: str
) -> None:
    """The reader finds them by token, and things are where the world's own labels have them, made of more scans."""
    made, other = occ3d_labels, "occ3d-nuscenes"  # of whose grid and frame OpenOcc is, too
    if form in ("surroundocc", "openoccupancy"):
        made, other = tmp_path / "made", name
        assert prepare(ring, name, made) == 0
    assert execute("labels", made, "--as", form, "--classes", names, "--out", tmp_path / "out") == 0
    found, own = truths(ring, name, tmp_path / "out" / folder), truths(ring, other)
    assert found.keys() == own.keys() and len(found) == 4
    for number, key in enumerate(found):
        made, true = found[key] != benchmark(name).free, own[key] != benchmark(other).free
        assert (made & true).sum() > 0.99 * made.sum()
        # The first frame's has the scans of the whole drive, as the world's own has.
        assert (made & true).sum() > (0.5 if number else 0.95) * true.sum()


def test_classes_of_pixels_are_those_of_the_benchmark(ring: Path, tmp_path: Path) -> None:
    assert prepare(ring, "occ3d-nuscenes", tmp_path / "made", "--pseudo-labels", ring / "class_maps") == 0
    assert execute("labels", tmp_path / "made", "--as", "occ3d", "--out", tmp_path / "out") == 0
    own = truths(ring, "occ3d-nuscenes")
    for key, found in truths(ring, "occ3d-nuscenes", tmp_path / "out" / "gts").items():
        named = (found != 17) & (found != 0) & (own[key] != 17)
        assert named.sum() > 3000 and (found == own[key])[named].mean() > 0.9


def test_uniocc_has_the_cameras_of_the_key_frames(ring: Path, tmp_path: Path) -> None:
    """As the benchmark has them that puts everything into the vehicle's frame at the time of the scan."""
    grid = ("--lower", -40, -40, -2.2, "--upper", 40, 40, 4.2, "--cell", 0.4)
    assert prepare(ring, "occ3d-nuscenes", tmp_path / "made", *grid) == 0
    words = {"ground": "road", "object": "vehicle", "structure": "building", "moving": "vehicle", "other": None}
    (tmp_path / "names.json").write_text(json.dumps(words))
    command = ("--as", "uniocc", "--classes", tmp_path / "names.json", "--out", tmp_path / "out")
    assert execute("labels", tmp_path / "made", *command) == 0
    needs = frozenset({"images", "pose", "target"})
    found = UniOccConfig(root=tmp_path / "out", pictures=ring, needs=needs).build()[f"{SCENE}/1"]
    config = config_type("occ3d-nuscenes")(root=ring, split="val", partial=True, needs=needs, image_px=None)
    sample = replace(config, cameras_ego="lidar").build()[1]
    assert found.images is not None and sample.images is not None
    np.testing.assert_array_equal(found.images, sample.images)
    np.testing.assert_allclose(found.cameras.T_cam_ego, sample.cameras.T_cam_ego, atol=1e-9)
    np.testing.assert_allclose(found.cameras.K, sample.cameras.K)
    np.testing.assert_allclose(found.pose, sample.pose, atol=1e-9)


def test_a_scene_is_a_drive(tmp_path: Path) -> None:
    """Scans and where they were taken, names, cameras at their own times; in the vehicle's or the LiDAR's frame."""
    root = write_nuscenes(tmp_path)
    for opened, in_lidar in ((open_drives, False), (SURROUNDOCC_DRIVES, True)):
        drive, other = opened(root, ("scene-0002", "scene-0001"))
        assert (drive.name, other.name) == ("scene-0002", "scene-0001")
        assert isinstance(drive, SceneDrive) and isinstance(drive, Drive)
        assert len(drive.scans) == SCANS and [frame.number for frame in drive.frames] == [0, 1]
        scan = drive.scans[5]
        T_world_lidar = drive.track.at(np.array([scan.time_s]))[0] @ drive.T_ego_sensor(scan.sensor)
        np.testing.assert_allclose(T_world_lidar, sensor_to_world("scene-0002", "LIDAR_TOP", 5, 0), atol=1e-6)
        assert np.allclose(drive.T_ego_sensor("LIDAR_TOP"), np.eye(4)) == in_lidar
        found, last = recorded(drive, drive.frames[1]), f"LIDAR_TOP_scene-0002_{SCANS - 1}"
        assert found.names == {
            "sample": sample_token("scene-0002", 1),
            "scene": SCENES["scene-0002"],
            "scene_name": "scene-0002",
            "lidar": f"data_{last}",
            "scan": f"{last}.pcd.bin",
        }
        assert [picture.name for picture in found.pictures] == list(CAMERAS)
        T_world_frame = drive.track.at(np.array([drive.frames[1].time_s]))[0]
        for place, picture in enumerate(found.pictures):
            T_world_cam = T_world_frame @ np.array(picture.T_frame_cam)
            expected = sensor_to_world("scene-0002", picture.name, SCANS - 1, 3_000 * place)
            np.testing.assert_allclose(T_world_cam, expected, atol=1e-6)
            assert (root / picture.file).is_file()


def test_pictures_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    root = write_nuscenes(tmp_path)
    (drive,) = open_drives(root, ("scene-0001",))
    for picture in (root / "samples" / "CAM_BACK").iterdir():
        picture.unlink()
    found = drive.cameras(drive.frames[0])
    assert found is not None and "CAM_BACK" not in found[0] and len(found[0]) == 5
    assert len(recorded(drive, drive.frames[0]).pictures) == 5


def test_names_are_kept_with_the_labels(ring: Path, occ3d_labels: Path) -> None:
    keys = config_type("occ3d-nuscenes")(root=ring, split="val", partial=True).reader().keys
    paths = sorted((occ3d_labels / SCENE / "labels").iterdir())
    assert [read_recorded(path).names["sample"] for path in paths] == list(keys)
    own = read_voxel_labels(paths[0])
    assert own.own is not None and 0 < own.own.sum() < own.occupied.sum()
    assert own.occupied[own.own].all(), "what the frame's own scan hits is occupied"


def test_bad_input_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = write_nuscenes(tmp_path / "nuscenes")
    with pytest.raises(InputError, match="found scene-0099"):
        open_drives(root, ("scene-0099",))
    with pytest.raises(InputError, match=r"tables: expected a folder v1\.0-trainval"):
        open_drives(tmp_path)
    with pytest.raises(InputError, match=r"classes of pixels: expected SAMPLE\.png"):
        open_drives(root, (), None, tmp_path)
    table = root / "v1.0-trainval" / "sample_data.json"
    rows = json.loads(table.read_text())
    scan = next(row for row in rows if "LIDAR_TOP" in row["filename"] and not row["is_key_frame"])
    table.write_text(json.dumps([{**row, "timestamp": 1.5} if row is scan else row for row in rows]))
    with pytest.raises(InputError, match="timestamp: expected microseconds"):
        open_drives(root)

    def refusal(*arguments: object) -> str:
        assert execute("prepare", "occupancy", *arguments, "--out", tmp_path / "out") == 2
        return " ".join(capsys.readouterr().err.split())

    assert "both or neither" in refusal("--root", root)
    assert "kitti and root" in refusal("--root", root, "--kitti", root)
    assert "neither" in refusal()
