"""Labels and arrays that are not what their reader takes them for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from tests.data import toy, toy_nuscenes, toy_waymo
from voxway.core.arrays import read_array, read_member
from voxway.core.errors import InputError
from voxway.data.files.flags import read_flags
from voxway.data.nuscenes.benchmark import OPENOCCUPANCY_NUSCENES
from voxway.data.nuscenes.labels import read_occ3d, read_openoccupancy
from voxway.data.nuscenes.surroundocc import read_surroundocc
from voxway.data.prepared.maps import DepthMaps, SemanticMaps
from voxway.data.semantickitti import layout
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.labels import read_target
from voxway.data.waymo.layout import read_occ3d_waymo

GRID = SEMANTIC_KITTI.grid
REMEDY = "Fetch it again."


def refused(read: Callable[[Path], object], path: Path, data: bytes) -> InputError:
    """What a reader says of these bytes."""
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(path)
    error = caught.value
    assert all(part.strip() for part in (error.file, error.field, error.expected, error.found, error.remedy))
    return error


def street(shape: tuple[int, int, int]) -> np.ndarray:
    """Pieces of ground, walls and poles: thin things that hang together."""
    random = np.random.default_rng(0)
    labels = np.zeros(shape, np.uint16)
    for _ in range(400):
        x, y = (int(random.integers(side)) for side in shape[:2])
        size = int(random.integers(5, 20))
        labels[x : x + size, y : y + size, int(random.integers(3, 6))] = 40
        labels[x : x + size, y, 4:9] = 50
        labels[x, y : y + size, 4:9] = 50
    return labels


def npy(value: np.ndarray) -> bytes:
    """Bytes of a `.npy` file."""
    buffer = io.BytesIO()
    np.save(buffer, value, allow_pickle=True)
    return buffer.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    """Bytes of a `.npz` file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # ty: ignore[invalid-argument-type]
    return buffer.getvalue()


def test_point_labels(tmp_path: Path) -> None:
    labels = toy.labelled_scan(0).labels

    def read(path: Path) -> np.ndarray:
        return layout.read_point_labels(path, len(labels))

    path = tmp_path / "a.label"
    path.write_bytes(labels.tobytes())
    np.testing.assert_array_equal(read(path), labels)
    classes = labels & 0xFFFF
    assert "16 bits for each" in refused(read, path, classes.astype("<u2").tobytes()).found
    assert "64 bits for each" in refused(read, path, classes.astype("<i8").tobytes()).found
    assert "0 for every point" in refused(read, path, bytes(4 * len(labels))).found
    assert "float32" in refused(read, path, classes.astype("<f4").tobytes()).found
    trained = SEMANTIC_KITTI.to_train(classes, path).astype("<u4")
    assert "training ids" in refused(read, path, trained.tobytes()).found
    assert "NumPy array" in refused(read, path, npy(labels)).found


@pytest.mark.parametrize("order", [order for order in permutations(range(3)) if order[2] != 2])
def test_voxels_in_another_order(order: tuple[int, int, int], tmp_path: Path) -> None:
    error = refused(layout.read_voxel_labels, tmp_path / "a.label", street(GRID.shape).transpose(order).tobytes())
    assert error.field == "order"


def test_voxels_of_a_street_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.label"
    noise = np.random.default_rng(0).choice([0, 40, 50], GRID.shape).astype(np.uint16)
    for labels in (street(GRID.shape), noise, street(GRID.shape)[::-1]):
        path.write_bytes(np.ascontiguousarray(labels).tobytes())
        np.testing.assert_array_equal(layout.read_voxel_labels(path), labels)
    assert "every voxel" in refused(layout.read_voxel_labels, path, bytes(2 * GRID.count)).found
    assert "uint8 for each" in refused(layout.read_voxel_labels, path, bytes(GRID.count)).found
    flags = np.zeros(GRID.shape, bool)
    assert "a byte for each voxel" in refused(lambda p: read_flags(p, GRID), path, flags.tobytes()).found


def test_rows_and_flat_indices_of_openoccupancy(tmp_path: Path) -> None:
    shape, path = OPENOCCUPANCY_NUSCENES.grid.shape, tmp_path / "a.npy"
    index = np.argwhere(street(shape) != 0)
    flat = {
        "xyz": np.ravel_multi_index(tuple(index.T), shape),
        "zyx": np.ravel_multi_index(tuple(index[:, ::-1].T), shape[::-1]),
    }
    ones = np.ones(len(index), np.int64)
    path.write_bytes(npy(np.stack([flat["zyx"], ones], 1)))
    occupied = read_openoccupancy(path, "zyx") == 1
    np.testing.assert_array_equal(occupied, street(shape) != 0)
    for wrong, own in (("xyz", "zyx"), ("zyx", "xyz")):
        error = refused(lambda p, own=own: read_openoccupancy(p, own), path, npy(np.stack([flat[wrong], ones], 1)))
        assert error.field == "order" and f"flat_order={wrong}" in error.remedy
    error = refused(read_openoccupancy, path, npy(np.column_stack([index, ones])))
    assert "rows x, y, z, label" in error.found
    few = np.column_stack([index[:, ::-1], ones])
    few[:5, 0] = 40
    path.write_bytes(npy(few))
    assert (read_openoccupancy(path) == 1).sum() > 1000


ARRAYS = {
    "objects": (np.array([{"a": 1}, None], object), "Python objects"),
    "texts": (np.array(["car", "road"]), "<U4"),
    "complex numbers": (np.zeros(3, complex), "complex128"),
    "fields": (np.zeros(3, [("a", "<i4"), ("b", "<f4")]), "'a'"),
    "dates": (np.zeros(3, "M8[s]"), "datetime64"),
}
READERS: dict[str, tuple[Callable[[Path], object], bool]] = {
    "targets": (read_target, False),
    "depth maps": (lambda path: DepthMaps().read(path, SEMANTIC_KITTI.task, None), False),
    "semantic maps": (lambda path: SemanticMaps().read(path, SEMANTIC_KITTI.task, None), False),
    "rows": (read_openoccupancy, False),
    "other rows": (read_surroundocc, False),
    "archive of rows": (lambda path: read_openoccupancy(path.rename(path.with_suffix(".npz"))), True),
    "Occ3D": (read_occ3d, True),
    "Occ3D of Waymo": (read_occ3d_waymo, True),
}
FOREIGN = {
    "web page": b"<html>quota</html>",
    "LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
    "empty": b"",
    "text": b"nothing to see here, move along\n",
}


@pytest.mark.parametrize("reader", READERS)
def test_arrays_of_another_kind(reader: str, tmp_path: Path) -> None:
    read, archive = READERS[reader]
    path = tmp_path / "a.npy"
    names = [] if reader == "archive of rows" else ["semantics", "mask_lidar", "mask_camera", "voxel_label", "infov"]
    names += ["origin_voxel_state", "final_voxel_state"] if names else ["arr_0"]
    for name, (value, said) in ARRAYS.items():
        data = npz(**dict.fromkeys(names, value)) if archive else npy(value)
        assert said in refused(read, path, data).found, name
    for said, data in FOREIGN.items():
        error = refused(read, path, data)
        assert said in error.found and "pickle" not in error.found
    assert "one array" in refused(read, path, npy(np.zeros(3))).found if archive else True
    assert archive or "archive" in refused(read, path, npz(a=np.zeros(3))).found


def test_archives_that_are_traps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path) -> np.ndarray:
        return read_member(path, "a", REMEDY)

    path, sound = tmp_path / "a.npz", npz(a=np.arange(400))
    header = npy(np.zeros(0, np.uint8)).replace(b"(0,), ", b"(9999999999999,), ")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", header)
    assert "for an array of" in refused(read, path, path.read_bytes()).found
    assert "for an array of" in refused(lambda p: read_array(p, REMEDY), path, header).found
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", sound)  # an archive within the archive
    assert refused(read, path, path.read_bytes()).field == "a"
    encrypted = bytearray(sound)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[sound.index(mark) + place] |= 1
    assert "encrypted" in refused(read, path, bytes(encrypted)).found
    monkeypatch.setattr("voxway.core.arrays.MOST_BYTES", 1000)
    assert "more than 1000" in refused(read, path, npz(a=np.zeros(400))).found


def test_any_numbers_are_read_in_the_byte_order_of_this_machine(tmp_path: Path) -> None:
    path, values = tmp_path / "a.npy", np.arange(6).reshape(2, 3)
    for kind in (">f4", "<f8", ">i2", "u1", "?", "<f2"):
        path.write_bytes(npy(np.asfortranarray(values.astype(kind))))
        read = read_array(path, REMEDY)
        assert read.dtype.isnative
        np.testing.assert_array_equal(read, values.astype(kind))


@pytest.mark.parametrize(
    ("factor", "said"),
    [(1000.0, "millimetres"), (256.0, "16 bits"), (0.01, "relative depth"), (0.0005, "relative depth")],
)
def test_depths_in_other_units(factor: float, said: str, tmp_path: Path) -> None:
    metres = np.random.default_rng(0).uniform(2, 70, (20, 30)).astype(np.float32)
    metres[:4] = 0

    def read(path: Path) -> object:
        return DepthMaps().read(path, SEMANTIC_KITTI.task, None)

    path = tmp_path / "a.npy"
    path.write_bytes(npy(metres))
    read(path)
    error = refused(read, path, npy(metres * np.float32(factor)))
    assert (error.field, said in error.found) == ("depth", True)


@pytest.mark.parametrize(
    ("read", "volume", "labels", "free"),
    [
        (read_occ3d, toy_nuscenes.occ3d_volume(0), "semantics", 17),
        (read_occ3d_waymo, toy_waymo.volume("000/000"), "voxel_label", 23),
    ],
)
def test_volumes_full_of_one_thing(
    read: Callable[[Path], tuple], volume: dict[str, np.ndarray], labels: str, free: int, tmp_path: Path
) -> None:
    path, zeros = tmp_path / "a.npz", np.zeros_like(volume[labels])
    error = refused(read, path, npz(**{**volume, labels: zeros}))
    assert error.field == labels and "in every voxel" in error.found
    path.write_bytes(npz(**{**volume, labels: zeros + free}))  # a field without anything on it
    assert len(np.unique(read(path)[0])) == 1


@pytest.mark.parametrize(
    ("read", "volume", "mask"),
    [
        (read_occ3d, toy_nuscenes.occ3d_volume(0), "mask_camera"),
        (read_occ3d_waymo, toy_waymo.volume("000/000"), "infov"),
    ],
)
def test_masks(read: Callable[[Path], tuple], volume: dict[str, np.ndarray], mask: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    whole = np.asarray(volume[mask], np.uint8)
    for same in (whole.astype(bool), whole * 255, whole.astype(np.int64)):
        path.write_bytes(npz(**{**volume, mask: same}))
        masks = read(path)[1]
        assert any(np.array_equal(one, whole != 0) for one in masks.values())
    for other in (whole * 7, -whole.astype(np.int8), whole * 0.5):
        assert refused(read, path, npz(**{**volume, mask: other})).field == mask
