"""SemanticKITTI's files: what is written is read back, and everything damaged is refused with a remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data import toy
from voxway.core.errors import InputError
from voxway.data.files.flags import read_flags, write_flags
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.layout import (
    SequenceFiles,
    read_calibration,
    read_point_labels,
    read_poses,
    read_scan,
    read_times,
    read_voxel_flags,
    read_voxel_labels,
    write_calibration,
    write_point_labels,
    write_poses,
    write_scan,
    write_times,
    write_voxel_labels,
)

GRID = SEMANTIC_KITTI.grid
IDENTITY = np.eye(4)


def test_calibration_is_read_back(tmp_path: Path) -> None:
    path, written = tmp_path / "calib.txt", toy.calibration()
    write_calibration(path, written)
    read = read_calibration(path)
    for name in ("P2", "P3", "T_cam_velo"):
        np.testing.assert_allclose(getattr(read, name), getattr(written, name), atol=1e-12)
    assert [line.split(":")[0] for line in path.read_text().splitlines()] == ["P0", "P1", "P2", "P3", "Tr"]
    assert read.baseline == pytest.approx(0.54)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=5))
def test_poses_are_read_back(tmp_path_factory: pytest.TempPathFactory, drive: list[tuple[float, float, float]]) -> None:
    path = tmp_path_factory.mktemp("poses") / "poses.txt"
    poses = np.tile(IDENTITY, (len(drive), 1, 1))
    for pose, (yaw, x, y) in zip(poses, drive):
        pose[:2, :2] = [[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]
        pose[:2, 3] = x, y
    T_cam_velo = toy.calibration().T_cam_velo
    write_poses(path, poses, T_cam_velo)
    np.testing.assert_allclose(read_poses(path, T_cam_velo), poses, atol=1e-8)


def test_pose_of_the_file_is_that_of_camera_0(tmp_path: Path) -> None:
    path = tmp_path / "poses.txt"
    path.write_text("1 0 0 0 0 1 0 0 0 0 1 2.5\n")
    T_world_velo = read_poses(path, toy.calibration().T_cam_velo)[0]
    np.testing.assert_allclose(T_world_velo[:3, 3], [2.5, 0, 0], atol=1e-12, err_msg="camera z is LiDAR x")


def test_times_scans_and_labels_are_read_back(tmp_path: Path) -> None:
    write_times(tmp_path / "times.txt", np.array([0.0, 0.1039920]))
    np.testing.assert_array_equal(read_times(tmp_path / "times.txt"), [0, 0.103992])
    scan = toy.labelled_scan(0)
    write_scan(tmp_path / "0.bin", scan.points)
    write_point_labels(tmp_path / "0.label", scan.labels)
    np.testing.assert_array_equal(read_scan(tmp_path / "0.bin"), scan.points)
    np.testing.assert_array_equal(read_point_labels(tmp_path / "0.label", len(scan.points)), scan.labels)


def test_voxel_labels_are_little_endian_in_xyz_order(tmp_path: Path) -> None:
    labels = np.zeros(GRID.shape, np.uint16)
    labels[0, 0, 1], labels[0, 1, 0], labels[1, 0, 0] = 40, 259, 10
    write_voxel_labels(tmp_path / "0.label", labels)
    stored = np.frombuffer((tmp_path / "0.label").read_bytes(), np.uint8).reshape(-1, 2)
    assert stored[1].tolist() == [40, 0]
    assert stored[32].tolist() == [3, 1]
    assert stored[256 * 32].tolist() == [10, 0]
    np.testing.assert_array_equal(read_voxel_labels(tmp_path / "0.label"), labels)


def test_flags_are_packed_most_significant_bit_first(tmp_path: Path) -> None:
    flags = np.zeros(GRID.shape, bool)
    flags[0, 0, 0] = flags[0, 0, 10] = True
    write_flags(tmp_path / "0.bin", flags)
    assert (tmp_path / "0.bin").read_bytes()[:2] == bytes([0b10000000, 0b00100000])
    np.testing.assert_array_equal(read_voxel_flags(tmp_path / "0.bin"), flags)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_flags_on_a_coarse_grid_are_read_back(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    path, coarse = tmp_path_factory.mktemp("flags") / "0.query", GRID.coarsen(2)
    flags = np.random.default_rng(seed).random(coarse.shape) < 0.2
    write_flags(path, flags)
    np.testing.assert_array_equal(read_flags(path, coarse), flags)


def test_frames_and_scans_are_listed(toy_root: Path) -> None:
    files = SequenceFiles(toy_root, "08")
    assert files.frames() == [0, 5]
    assert files.scans() == list(range(toy.SCANS))


def _calibration_without(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        write_calibration(path, toy.calibration())
        path.write_text("".join(line for line in path.open() if not line.startswith(name)))

    return write


def _calibration_with_tr(matrix: np.ndarray) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        _calibration_without("Tr")(path)
        with path.open("a") as file:
            file.write("Tr: " + " ".join(str(value) for value in matrix[:3].ravel()) + "\n")

    return write


def _text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content) and None


def _bytes(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


_NAN_SCAN = np.array([[1, 2, 3, 0], [1, np.nan, 3, 0]], "<f4").tobytes()
_INFINITE_SCAN = np.array([[1, 2, np.inf, 0]], "<f4").tobytes()


@pytest.mark.parametrize(
    ("damage", "read", "field", "found"),
    [
        (None, read_scan, "file", "absent"),
        (None, read_calibration, "file", "absent"),
        (None, read_times, "file", "absent"),
        (_bytes(b"\0" * 30), read_scan, "size", "30 bytes"),
        (_bytes(b""), read_scan, "size", "0 bytes"),
        (_bytes(_NAN_SCAN), read_scan, "points", "1 points with NaN or infinity, the first at 1"),
        (_bytes(_INFINITE_SCAN), read_scan, "points", "inf"),
        (_bytes(b"\0" * 12), lambda path: read_point_labels(path, 4), "size", "12 bytes"),
        (_bytes(np.array([40, 77], "<u4").tobytes()), lambda p: read_point_labels(p, 2), "label ids", "[77]"),
        (_bytes(b"\0" * 100), read_voxel_flags, "size", "100 bytes"),
        (_bytes(b"\0" * 100), read_voxel_labels, "size", "100 bytes"),
        (_bytes(np.full(GRID.count, 300, "<u2").tobytes()), read_voxel_labels, "label ids", "[300]"),
        (_calibration_without("Tr"), read_calibration, "Tr", "lines ['P0', 'P1', 'P2', 'P3']"),
        (_calibration_without("P2"), read_calibration, "P2", "lines"),
        (_calibration_with_tr(2 * IDENTITY), read_calibration, "Tr", "determinant 8"),
        (_calibration_with_tr(np.diag([1.0, 1, -1, 1])), read_calibration, "Tr", "determinant -1"),
        (_calibration_with_tr(np.full((4, 4), np.nan)), read_calibration, "Tr", "nan"),
        (_text("P2: 1 2 three\n"), read_calibration, "P2", "three"),
        (_text(""), lambda path: read_poses(path, IDENTITY), "contents", "empty"),
        (_text("1 0 0 0 0 1 0 0 0 0 1\n"), lambda path: read_poses(path, IDENTITY), "line 1", "11 numbers"),
        (_text("1 0 0 nan 0 1 0 0 0 0 1 0\n"), lambda path: read_poses(path, IDENTITY), "line 1", "nan"),
        (_text("1 0 0 0 0 2 0 0 0 0 1 0\n"), lambda path: read_poses(path, IDENTITY), "line 1", "determinant 2"),
        (_text("0.1\n\n0.2 0.3\n"), read_times, "line 3", "2 numbers"),
    ],
)
def test_damage_is_refused_with_a_remedy(
    tmp_path: Path, damage: Callable[[Path], None] | None, read: Callable[[Path], object], field: str, found: str
) -> None:
    path = tmp_path / "file"
    if damage:
        damage(path)
    with pytest.raises(InputError) as caught:
        read(path)
    error = caught.value
    assert error.file == str(path)
    assert error.field == field
    assert found in error.found
    assert error.expected
    assert error.remedy


def test_a_calibration_without_focal_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calib.txt"
    write_calibration(path, toy.calibration())
    lines = [line if not line.startswith("P3") else "P3: " + "0 " * 12 + "\n" for line in path.open()]
    path.write_text("".join(lines))
    with pytest.raises(InputError, match="positive focal lengths"):
        read_calibration(path)


def test_an_empty_sequence_is_refused(tmp_path: Path) -> None:
    files = SequenceFiles(tmp_path, "08")
    with pytest.raises(InputError, match="no such folder"):
        files.frames()
    files.scan(0).parent.mkdir(parents=True)
    with pytest.raises(InputError, match="an empty folder"):
        files.scans()


def test_writers_refuse_what_they_could_not_read_back(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="eight to a byte"):
        write_flags(tmp_path / "flags", np.zeros((1, 1, 3), bool))
    with pytest.raises(ValueError, match="voxel labels must be"):
        write_voxel_labels(tmp_path / "labels", np.zeros((8, 8, 8), np.uint16))
    assert list(tmp_path.iterdir()) == []
