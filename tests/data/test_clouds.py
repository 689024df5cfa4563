"""Scans of every kind of file hold the same points; what is no scan is refused in words."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from voxway.core.errors import InputError
from voxway.data.files.clouds import read_cloud
from voxway.data.files.pcd import lzf_unpacked

COLUMNS = ("x", "y", "z", "intensity")


def scan(seed: int = 0, count: int = 1500) -> np.ndarray:
    """Points of a road and walls around the sensor, float32 (p, 4)."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(-40, 40, (2, count))
    z = np.where(random.random(count) < 0.7, -1.7, random.uniform(-1.7, 2, count))
    return np.stack([x, y, z, random.random(count)], 1).astype(np.float32)


def pcd_header(form: str, count: int, fields: str = "x y z intensity", sizes: str = "4 4 4 4") -> bytes:
    types, ones = (" ".join(letter * len(fields.split())) for letter in ("F", "1"))
    lines = ["# .PCD v0.7", "VERSION 0.7", f"FIELDS {fields}", f"SIZE {sizes}", f"TYPE {types}", f"COUNT {ones}"]
    return "\n".join([*lines, f"WIDTH {count}", "HEIGHT 1", f"POINTS {count}", f"DATA {form}", ""]).encode()


def lzf(data: bytes) -> bytes:
    """Packed as literal runs alone, which is sound LZF."""
    return b"".join(bytes([len(part) - 1]) + part for part in (data[i : i + 32] for i in range(0, len(data), 32)))


def ply_header(form: str, count: int) -> bytes:
    properties = "".join(f"property float {name}\n" for name in COLUMNS)
    return f"ply\nformat {form} 1.0\nelement vertex {count}\n{properties}end_header\n".encode()


def text(points: np.ndarray) -> bytes:
    return "\n".join(" ".join(map(repr, row)) for row in points.astype(float).tolist()).encode()


def compressed(points: np.ndarray) -> bytes:
    packed = lzf(np.ascontiguousarray(points.T).tobytes())
    return pcd_header("binary_compressed", len(points)) + struct.pack("<II", len(packed), points.nbytes) + packed


WRITERS: dict[str, Callable[[np.ndarray], bytes]] = {
    "a.bin": lambda points: points.tobytes(),
    "ascii.pcd": lambda points: pcd_header("ascii", len(points)) + text(points),
    "binary.pcd": lambda points: pcd_header("binary", len(points)) + points.tobytes(),
    "compressed.pcd": compressed,
    "ascii.ply": lambda points: ply_header("ascii", len(points)) + text(points),
    "little.ply": lambda points: ply_header("binary_little_endian", len(points)) + points.tobytes(),
    "big.ply": lambda points: ply_header("binary_big_endian", len(points)) + points.astype(">f4").tobytes(),
}


@pytest.mark.parametrize("name", [*WRITERS, "a.npy"])
def test_every_kind_holds_the_same_points(name: str, tmp_path: Path) -> None:
    path, points = tmp_path / name, scan()
    if name == "a.npy":
        np.save(path, points)
    else:
        path.write_bytes(WRITERS[name](points))
    found = read_cloud(path, COLUMNS)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, points)


def test_fields_are_found_by_name_and_points_without_place_left_out(tmp_path: Path) -> None:
    """As drivers write them: padding, doubles, a ring, fields in another order, and NaN where a ray met nothing."""
    points = scan()
    row = np.dtype([("reflectivity", "<u2"), ("pad", "<u1", (6,)), ("z", "<f8"), ("x", "<f8"), ("y", "<f8")])
    rows = np.zeros(len(points), row)
    for column, axis in enumerate("xyz"):
        rows[axis] = points[:, column]
    rows["reflectivity"] = np.arange(len(points))
    rows["y"][::7] = np.nan
    header = "FIELDS reflectivity _ z x y\nSIZE 2 1 8 8 8\nTYPE U U F F F\nCOUNT 1 6 1 1 1\n"
    size = f"WIDTH {len(points) // 2}\nHEIGHT 2\nPOINTS {len(points)}\nDATA binary\n"
    (tmp_path / "a.pcd").write_bytes((header + size).encode() + rows.tobytes())
    found = read_cloud(tmp_path / "a.pcd", ())
    kept = np.arange(len(points)) % 7 != 0
    np.testing.assert_array_equal(found[:, :3], points[kept, :3])
    np.testing.assert_array_equal(found[:, 3], np.flatnonzero(kept))


def test_references_of_the_compressed_form() -> None:
    """Three letters, a short reference that overlaps itself, and a long one."""
    packed = bytes([2]) + b"abc" + bytes([(2 << 5) | 0, 2]) + bytes([(7 << 5) | 0, 3, 6])
    assert lzf_unpacked(packed, 3 + 4 + 12) == b"abcabca" + _repeated(b"abcabca", 7, 12)
    for broken in (bytes([(2 << 5), 9]), bytes([2]) + b"abc", bytes([(7 << 5)])):
        with pytest.raises(ValueError, match=r"reference|bytes"):
            lzf_unpacked(broken, 7)


def _repeated(found: bytes, back: int, length: int) -> bytes:
    """Byte after byte, as the format's description has it."""
    whole = bytearray(found)
    for _ in range(length):
        whole.append(whole[-back])
    return bytes(whole[len(found) :])


BROKEN: dict[str, Callable[[np.ndarray], bytes]] = {
    "cut.pcd": lambda points: WRITERS["binary.pcd"](points)[:-7],
    "cut2.pcd": lambda points: WRITERS["compressed.pcd"](points)[:-7],
    "headless.pcd": lambda points: b"x y z\n1 2 3\n",
    "form.pcd": lambda points: pcd_header("zipped", len(points)),
    "many.pcd": lambda points: pcd_header("binary", 1 << 40) + points.tobytes(),
    "fields.pcd": lambda points: pcd_header("binary", len(points), "a b c d") + points.tobytes(),
    "twice.pcd": lambda points: pcd_header("binary", len(points), "x x y z") + points.tobytes(),
    "cut.ply": lambda points: WRITERS["big.ply"](points)[:-7],
    "words.ply": lambda points: ply_header("ascii", len(points)) + b"one two\n" * 4000,
    "list.ply": lambda points: b"ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int v\nend_header\n1 2\n",
    "none.ply": lambda points: b"plywood",
    "nothing.bin": lambda points: b"",
}


@pytest.mark.parametrize("name", BROKEN)
def test_damaged_files_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BROKEN[name](scan()))
    with pytest.raises(InputError) as error:
        read_cloud(tmp_path / name, COLUMNS)
    assert error.value.file == str(tmp_path / name)


@pytest.mark.parametrize("name", ["a.bin", "binary.pcd", "little.ply"])
def test_millimetres_are_named(name: str, tmp_path: Path) -> None:
    points = scan()
    points[:, :3] *= 1000
    (tmp_path / name).write_bytes(WRITERS[name](points))
    with pytest.raises(InputError, match="millimetres"):
        read_cloud(tmp_path / name, COLUMNS)
