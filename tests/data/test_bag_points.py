"""Scans of recordings: points of any layout of fields come out as they went in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from voxway.core.errors import InputError
from voxway.data.files.point_times import TIMES
from voxway.data.own.bag_points import INTENSITY, cloud_fault, cloud_points

pytest.importorskip("rosbags")

from tests.data import recordings
from voxway.data.own.bag import Recording

COUNT = 12
XYZ = np.random.default_rng(0).uniform(-40, 40, (COUNT, 3)).astype(np.float32)
LEVELS = np.arange(COUNT) * 20
STAMP_NS = 1_700_000_000_250_000_000


def layout(fields: Sequence[tuple[str, str, int]], size: int) -> np.dtype:
    names, formats, offsets = zip(*fields)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


PLACES = (("x", "<f4", 0), ("y", "<f4", 4), ("z", "<f4", 8))


def message(points: np.ndarray, **changes: object) -> SimpleNamespace:
    fields = recordings.cloud(points, STAMP_NS, "lidar")
    header = SimpleNamespace(stamp=SimpleNamespace(**fields["header"]["stamp"]))
    said = fields | {"fields": [SimpleNamespace(**one) for one in fields["fields"]], "header": header}
    return SimpleNamespace(**{**said, **changes})


def points_of(kind: np.dtype, **columns: np.ndarray) -> np.ndarray:
    """With bytes without meaning between the fields."""
    noise = np.random.default_rng(1).integers(0, 256, COUNT * kind.itemsize, np.uint8)
    points = noise.view(kind).copy()
    for column, name in enumerate("xyz"):
        points[name] = XYZ[:, column]
    for name, values in columns.items():
        points[name] = values
    return points


def read(points: np.ndarray, **changes: object) -> np.ndarray:
    said = message(points, **changes)
    assert cloud_fault(said) is None
    return cloud_points(said)


@pytest.mark.parametrize(
    "fields",
    [
        (PLACES, 12),
        (PLACES, 32),
        ((("z", "<f4", 3), ("x", "<f4", 9), ("y", "<f4", 20)), 27),
        ((("x", "<f8", 8), ("y", "<f8", 0), ("z", "<f4", 17)), 23),
        ((("x", ">f4", 0), ("y", ">f4", 4), ("z", ">f8", 8)), 16),
    ],
    ids=["packed", "holes", "askew", "doubles", "big endian"],
)
def test_places_of_any_layout(fields: tuple[Sequence[tuple[str, str, int]], int]) -> None:
    read_points = read(points_of(layout(*fields)))
    assert read_points.dtype == np.float32 and read_points.flags.c_contiguous
    np.testing.assert_array_equal(read_points, XYZ)


@pytest.mark.parametrize("kind", ["u1", "<u2", "<f4", ">f4", "<f8"])
@pytest.mark.parametrize("name", INTENSITY)
def test_intensity_of_any_name_and_type(name: str, kind: str) -> None:
    order = ">" if kind[0] == ">" else "<"
    places = [(field, order + "f4", offset) for field, _, offset in PLACES]
    points = points_of(layout([*places, (name, kind, 13)], 24), **{name: LEVELS})
    np.testing.assert_array_equal(read(points), np.column_stack([XYZ, LEVELS]))


def test_of_several_intensities_the_one_called_so_counts() -> None:
    kind = layout([*PLACES, ("reflectivity", "<u2", 12), ("intensity", "<f4", 16)], 20)
    points = points_of(kind, reflectivity=LEVELS + 1, intensity=LEVELS)
    np.testing.assert_array_equal(read(points)[:, 3], LEVELS)


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    ("kind", "unit", "start"),
    [
        ("<u4", 1e-9, 0.0),
        ("<i4", 1e-9, 0.0),
        ("<f4", 1.0, 0.0),
        ("<f8", 1.0, 0.0),
        ("<f8", 1.0, STAMP_NS / 1e9),
        ("<f8", 1e-6, STAMP_NS / 1e9),
        ("<f8", 1e-9, STAMP_NS / 1e9),
    ],
)
def test_times_become_seconds_after_the_stamp(name: str, kind: str, unit: float, start: float) -> None:
    seconds = np.linspace(0, 0.099, COUNT)
    kinds = layout([*PLACES, ("i", "u1", 12), (name, kind, 16)], 24)
    points = points_of(kinds, i=LEVELS, **{name: (seconds + start) / unit})
    np.testing.assert_allclose(read(points)[:, 4], seconds, atol=1e-6)


def test_times_without_an_intensity_are_left_out() -> None:
    points = points_of(layout([*PLACES, ("t", "<u4", 12)], 16), t=LEVELS)
    assert read(points).shape == (COUNT, 3)


def test_an_organised_cloud_with_padded_rows_and_places_without_an_echo() -> None:
    points = points_of(layout([*PLACES, ("intensity", "<f4", 12)], 16), intensity=LEVELS).reshape(3, 4)
    points["x"][0, 1] = np.nan
    points["z"][2, 3] = np.inf
    for name in "xyz":
        points[name][1, 0] = 0
    rows = points.view(np.uint8).reshape(3, -1)
    padded = np.pad(rows, ((0, 0), (0, 6)), constant_values=255).reshape(-1)
    kept = np.delete(np.arange(COUNT), [1, 4, 11])
    for data in (padded, padded[:-6]):
        found = read(points, data=data, row_step=rows.shape[1] + 6)
        np.testing.assert_array_equal(found, np.column_stack([XYZ, LEVELS])[kept])


def test_one_row_may_say_nothing_of_its_length() -> None:
    np.testing.assert_array_equal(read(points_of(layout(PLACES, 12)), row_step=0), XYZ)


@pytest.mark.parametrize("changes", [{"width": 0}, {"height": 0}, {"width": 0, "data": np.zeros(0, np.uint8)}])
def test_a_scan_without_points(changes: dict[str, object]) -> None:
    assert read(points_of(layout([*PLACES, ("i", "u1", 12)], 16)), **changes).shape == (0, 4)


WHOLE = points_of(layout(PLACES, 12))


@pytest.mark.parametrize(
    ("said", "expected", "found"),
    [
        (message(points_of(layout([*PLACES, ("t", "<u4", 12)], 16))[["x", "y", "t"]]), "x, y, z", "x (type 7), y"),
        (message(np.zeros(3, [("x", "<i2"), ("y", "<i2"), ("z", "<i2")])), "float32", "z (type 3)"),
        (message(WHOLE, fields=[]), "x, y, z", "no fields"),
        (message(WHOLE, point_step=11), "inside", "z at byte 8 of points of 11"),
        (message(WHOLE, width=13), "1 rows of 156", "144 bytes"),
        (message(WHOLE, height=2, width=6, row_step=71), "2 rows of 72", "rows of 71"),
        (message(WHOLE, height=3, width=6, row_step=72), "3 rows of 72", "144 bytes"),
    ],
)
def test_what_is_no_cloud(said: SimpleNamespace, expected: str, found: str) -> None:
    fault = cloud_fault(said)
    assert fault is not None
    assert expected in fault.expected and found in fault.found


def test_an_unknown_type_of_a_field() -> None:
    said = message(points_of(layout([*PLACES, ("i", "u1", 12)], 16)))
    said.fields[3].datatype = 9
    fault = cloud_fault(said)
    assert fault is not None and "i of type 9" in fault.found


def test_a_cloud_without_places_names_topic_and_stamp(tmp_path: Path) -> None:
    fields = recordings.cloud(np.zeros(4, [("x", "<f4"), ("y", "<f4")]), STAMP_NS, "lidar")
    said = recordings.Said("/lidar/points", "sensor_msgs/msg/PointCloud2", fields, STAMP_NS)
    scans = Recording(recordings.write_mcap([said], tmp_path / "drive.mcap")).points("/lidar/points")
    with pytest.raises(InputError) as caught:
        scans.read(0)
    assert caught.value.field == "topic /lidar/points, message 0 at 1700000000.250000000 s"
    assert caught.value.file == str(scans.path(0))
