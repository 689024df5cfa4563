"""What is particular to SSCBench-KITTI-360."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data import toy, toy_kitti360
from voxway.core.errors import InputError
from voxway.data.kitti360.calibration import constants, read_calibration
from voxway.data.kitti360.check import check_kitti360
from voxway.data.kitti360.config import KITTI360Config

FIRST = toy_kitti360.DRIVES[0]
STEREO = frozenset({"images", "target", "points", "pose", "T_rect_ego"})


@pytest.fixture
def root(kitti360_root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kitti360_root, tmp_path / "copy"))


def test_a_pair_with_everything(root: Path) -> None:
    sample = KITTI360Config(root=root, partial=True, cameras=(0, 1), needs=STEREO).build()[f"{FIRST}/000005"]
    assert sample.images is not None and sample.target is not None and sample.cameras is not None
    assert sample.images[:, 0, 0, 0].tolist() == [25, 65]
    np.testing.assert_array_equal(sample.target, toy_kitti360.target("000005"))
    np.testing.assert_allclose(sample.pose, toy.pose(5), atol=1e-9)
    assert sample.points is not None and sample.points.shape == (7000, 4)
    left, right = sample.cameras.T_cam_ego
    assert float(left[0, 3] - right[0, 3]) == pytest.approx(0.6)
    torch.testing.assert_close(sample.extras["T_rect_ego"], left)


def test_drives_and_keys_go_by_number(root: Path) -> None:
    config = KITTI360Config(root=root, partial=True, drives=("2",))
    assert config.drives == (toy_kitti360.DRIVES[1],)
    assert {key.split("/")[0] for key in config.build().keys} == {toy_kitti360.DRIVES[1]}
    assert KITTI360Config(root=root, keys=("0/000005",)).build().keys == (f"{FIRST}/000005",)
    with pytest.raises(InputError, match="drive and frame, such as"):
        KITTI360Config(root=root, keys=("0/5",)).build()


def test_frames_of_ten_digits_and_labels_elsewhere(root: Path, tmp_path: Path) -> None:
    for path in [*root.rglob("*.png"), *root.rglob("*.bin"), *root.rglob("*_1_1.npy")]:
        path.rename(path.with_name("0000" + path.name))
    (root / "preprocess" / "labels").rename(tmp_path / "labels")
    samples = KITTI360Config(root=root, partial=True, labels=tmp_path / "labels").build()
    assert samples.keys[:2] == (f"{FIRST}/0000000000", f"{FIRST}/0000000005")
    assert samples[0].target is not None and samples[0].images is not None
    assert samples.reader.before(samples.keys[1], 3) == f"{FIRST}/0000000002"


def test_without_labels_every_fifth_picture_counts(root: Path) -> None:
    shutil.rmtree(root / "preprocess")
    config = KITTI360Config(root=root, partial=True, needs=frozenset({"images"}))
    assert config.build().keys[:2] == (f"{FIRST}/000000", f"{FIRST}/000005")
    for path in root.rglob("voxels/*.bin"):
        path.unlink()
    assert len(config.build()) == 4
    with pytest.raises(InputError, match="drives that are there: 2013_05_28_drive_0000_sync"):
        replace(config, needs=frozenset({"images", "target"})).build()


def test_constants_serve_without_files(root: Path) -> None:
    folder = root / "calibration"
    np.testing.assert_allclose(read_calibration(folder).projections, toy_kitti360.calibration().projections)
    np.testing.assert_allclose(read_calibration(folder).T_cam_velo, toy_kitti360.calibration().T_cam_velo, atol=1e-9)
    (folder / "perspective.txt").unlink()
    np.testing.assert_array_equal(read_calibration(folder).projections, constants().projections)
    T_velo_cam = np.linalg.inv(constants().T_cam_velo)
    assert T_velo_cam[0, 2] == pytest.approx(0.995162929) and T_velo_cam[0, 3] == pytest.approx(0.8043914418)


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("perspective.txt", "P_rect_00: 1 2 3\n", "P_rect_00: expected 12 finite numbers, found 3 numbers"),
        ("perspective.txt", "S_rect_00: 1 2\n", "P_rect_00: expected a line 'P_rect_00: ' with 12 numbers"),
        ("calib_cam_to_velo.txt", "a b c\n", "camera to LiDAR: expected 12 numbers, found could not convert"),
        ("calib_cam_to_velo.txt", " ".join(["1"] * 12), "camera to LiDAR: expected a rotation"),
    ],
)
def test_damaged_calibrations_are_named(root: Path, name: str, line: str, message: str) -> None:
    (root / "calibration" / name).write_text(line)
    with pytest.raises(InputError, match=f"{name}: {message}"):
        KITTI360Config(root=root, partial=True).build()[0]


def test_frames_without_a_pose_are_named(root: Path) -> None:
    poses = root / "data_poses" / FIRST / "cam0_to_world.txt"
    poses.write_text("".join(line for line in poses.read_text().splitlines(True) if not line.startswith("5 ")))
    samples = KITTI360Config(root=root, partial=True, needs=frozenset({"pose", "target"})).build()
    assert samples[f"{FIRST}/000000"].pose is not None
    with pytest.raises(InputError, match="frame 000005: expected a pose, found poses of 5 other frames"):
        samples[f"{FIRST}/000005"]
    report = check_kitti360(samples.config)
    assert not report.usable and any("frame 000005" in finding.what for finding in report.findings)
    poses.write_text("0 1 2\n")
    with pytest.raises(InputError, match="line 1: expected a frame number and 16 finite numbers, found 3 words"):
        samples.config.build()[f"{FIRST}/000000"]


def test_labels_of_another_class_map_are_noticed(root: Path) -> None:
    """Ids beyond the classes are refused; a map of as many classes shows in what there is most of."""
    config = KITTI360Config(root=root, partial=True)
    assert check_kitti360(config).usable
    path = root / "preprocess" / "labels" / FIRST / "000000_1_1.npy"
    stored = np.load(path)
    np.save(path, np.where(stored == 7, 19, stored))
    with pytest.raises(InputError, match=r"label ids: expected training ids 0\.\.18 and 255, found \[19\]"):
        config.build()[0]
    for each in root.rglob("*_1_1.npy"):
        volume = np.load(each)
        volume[volume == 7] = 9
        volume[volume == 11] = 15
        np.save(each, volume)
    report = check_kitti360(config)
    assert any("more pole than vegetation" in finding.what for finding in report.findings)
