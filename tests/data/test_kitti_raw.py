"""Drives as people have them: KITTI raw's names and calibration, one camera, numbers without a leading zero."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data import toy
from voxway.core.errors import InputError
from voxway.data.semantickitti.check import check_semantickitti
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.odometry import read_calibration, read_raw_calibration

NEEDS = frozenset({"images", "points"})


def numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.17e}" for value in values.ravel())


def as_raw(root: Path) -> Path:
    """The toy drive as KITTI raw has it, linked as sequence 08; the day's calibration lies beside the drive."""
    day, calibration = root / "2011_09_26", toy.calibration()
    drive, sequence = day / "2011_09_26_drive_0001_sync", root / "sequences" / "08"
    for name, place in (
        ("image_2", "image_02/data"),
        ("image_3", "image_03/data"),
        ("velodyne", "velodyne_points/data"),
    ):
        if (sequence / name).is_dir():
            (drive / place).mkdir(parents=True)
            for path in (sequence / name).iterdir():
                path.rename(drive / place / f"0000{path.name}")
    shutil.rmtree(sequence)
    sequence.symlink_to(drive)
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    R, T = turn.T @ calibration.T_cam_velo[:3, :3], turn.T @ calibration.T_cam_velo[:3, 3]
    assert calibration.P2 is not None and calibration.P3 is not None
    (day / "calib_velo_to_cam.txt").write_text(f"calib_time: 15-Mar-2012 11:37:16\nR: {numbers(R)}\nT: {numbers(T)}\n")
    (day / "calib_cam_to_cam.txt").write_text(
        f"calib_time: 09-Jan-2012 13:57:47\nR_rect_00: {numbers(turn)}\n"
        f"P_rect_02: {numbers(calibration.P2)}\nP_rect_03: {numbers(calibration.P3)}\n"
    )
    return day


def test_kitti_raw_is_read_as_odometry_is(toy_root: Path, toy_copy: Path) -> None:
    as_raw(toy_copy)
    config = SemanticKITTIConfig(root=toy_root, drives=("08",), partial=True, needs=NEEDS)
    ours, raw = config.build(), replace(config, root=toy_copy).build()
    assert ours.keys == raw.keys
    for key in ours.keys:
        one, other = ours[key], raw[key]
        assert torch.equal(one.images, other.images) and torch.equal(one.points, other.points)  # ty: ignore
        torch.testing.assert_close(one.cameras.T_cam_ego, other.cameras.T_cam_ego)  # ty: ignore
        torch.testing.assert_close(one.cameras.K, other.cameras.K)  # ty: ignore
    assert check_semantickitti(replace(config, root=toy_copy)).usable


def test_raw_calibration_that_lacks_a_line_is_named(toy_copy: Path) -> None:
    day = as_raw(toy_copy)
    paths = day / "calib_cam_to_cam.txt", day / "calib_velo_to_cam.txt"
    for path, name in ((paths[0], "R_rect_00"), (paths[0], "P2"), (paths[1], "T")):
        text = path.read_text()
        line = {"P2": "P_rect_02"}.get(name, name)
        path.write_text("".join(row for row in text.splitlines(True) if not row.startswith(f"{line}:")))
        with pytest.raises(InputError, match=f"{path.name}: {name}: expected a line"):
            read_raw_calibration(*paths)
        path.write_text(text)
    assert read_raw_calibration(*paths).P3 is not None


def test_a_car_of_one_camera(toy_copy: Path) -> None:
    path = toy_copy / "sequences" / "08" / "calib.txt"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if line.startswith(("P2", "Tr"))))
    config = SemanticKITTIConfig(root=toy_copy, drives=("08",), partial=True, needs=NEEDS | {"pose"})
    assert config.build()[0].images is not None and check_semantickitti(config).usable
    with pytest.raises(InputError, match="P3: expected a line"):
        read_calibration(path)
    with pytest.raises(InputError, match="P3: expected a line"):
        replace(config, cameras=(2, 3)).build().cameras  # noqa: B018


def test_numbers_without_a_zero(toy_root: Path) -> None:
    config = SemanticKITTIConfig(root=toy_root, drives=("8",), partial=True, needs=NEEDS)
    assert config.build().keys == ("08/000000", "08/000005")


def test_a_drive_of_another_name(toy_copy: Path) -> None:
    (toy_copy / "sequences" / "08").rename(toy_copy / "sequences" / "my drive [ü]")
    config = SemanticKITTIConfig(root=toy_copy, drives=("my drive [ü]",), partial=True, needs=NEEDS)
    assert config.build()[0].key == "my drive [ü]/000000" and check_semantickitti(config).usable


def test_an_own_drive_is_not_compared_with_the_release(toy_root: Path) -> None:
    report = check_semantickitti(SemanticKITTIConfig(root=toy_root, drives=("08",), partial=True, needs=NEEDS))
    assert report.expected_frames is None and not any("are missing" in finding.what for finding in report.findings)


@pytest.mark.parametrize(
    ("needs", "name", "data", "usable"),
    [
        ({"images"}, "poses.txt", "1 0 0\n", True),
        ({"images", "pose"}, "poses.txt", "1 0 0\n", False),
        ({"images"}, "times.txt", "x\n", True),
        ({"points"}, "calib.txt", "", True),
        ({"points", "images"}, "calib.txt", "", False),
        ({"points"}, "labels/000003.label", "cut", True),
        ({"semantics_2d"}, "labels/000003.label", "cut", False),
        ({"target"}, "voxels/000005.label", "\0" * (2 * 256 * 256 * 32), False),
    ],
)
def test_only_what_is_read_makes_a_copy_unusable(
    toy_copy: Path, needs: set[str], name: str, data: str, usable: bool
) -> None:
    (toy_copy / "sequences" / "08" / name).write_text(data)
    config = SemanticKITTIConfig(root=toy_copy, drives=("08",), partial=True, needs=frozenset(needs))
    assert check_semantickitti(config).usable == usable


def test_labels_between_labelled_scans_are_missed(toy_copy: Path) -> None:
    folder = toy_copy / "sequences" / "08" / "labels"
    config = SemanticKITTIConfig(root=toy_copy, drives=("08",), partial=True, needs=frozenset({"semantics_2d"}))
    (folder / "000003.label").unlink()
    assert any("000003.label" in finding.file for finding in check_semantickitti(config).findings)
    for path in folder.iterdir():
        if int(path.stem) % 5:
            path.unlink()
    assert check_semantickitti(config).usable, "every fifth scan has labels, as a thinned copy may"
