"""Moments of a rig: matched by time, in the ego frame that a dataset's networks know, seen through any lens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data.toy_rig import SIZE_PX, config, scan, toy_rig, written
from tests.ops.test_remap import LENSES, scene, taken
from tests.ops.test_remap import SIZE_PX as LENS_PX
from voxway.core.errors import InputError
from voxway.core.lens import KannalaBrandt, Mei, Pinhole
from voxway.data.own.config import RigConfig
from voxway.data.own.folders import PictureFolder
from voxway.data.own.matching import matched, nearest, unmatched
from voxway.data.reader import Reader
from voxway.data.samples import Samples


def samples(folder: Path, rig: dict[str, Any], **more: Any) -> Samples:
    return config(written(folder, rig), **more).build()


def picture(folder: Path, number: int) -> np.ndarray:
    return np.asarray(Image.open(folder / "front" / f"{number:06d}.png"))


def test_moments_are_what_the_folders_hold(tmp_path: Path) -> None:
    found = samples(tmp_path, toy_rig(tmp_path), dataset="occ3d-nuscenes")
    assert isinstance(found.reader, Reader)
    assert found.keys == ("toy/000000", "toy/000001", "toy/000002") and found.reader.drive(found.keys[0]) == "toy"
    sample = found[1]
    np.testing.assert_array_equal(sample.images[0].permute(1, 2, 0), picture(tmp_path, 1))
    np.testing.assert_allclose(sample.points[:, :4], scan(1) + np.array([0.8, 0, 1.9, 0], np.float32), atol=1e-6)
    assert sample.points.shape[1] == 5 and not sample.points[:, 4].any()
    pixels, depth = sample.cameras.project(sample.points.new_tensor([[11.5, 0.1, 1.4]]))
    np.testing.assert_allclose(pixels[0, 0], (31, 23), atol=1e-4)
    np.testing.assert_allclose(depth[0, 0], 10, atol=1e-5)
    assert sample.target is None and not found.config.may_have_truth
    with pytest.raises(InputError, match="labels of voxels"):
        found.reader.truth(found.keys[0])


def test_the_ego_frame_moves_to_the_datasets_height(tmp_path: Path) -> None:
    """SemanticKITTI's is 1.73 m above the road, this rig's on it: things lie lower, and in pictures where they were."""
    rig = toy_rig(tmp_path)
    low, high = (samples(tmp_path, rig, dataset=name)[0] for name in ("occ3d-nuscenes", "semantickitti"))
    np.testing.assert_allclose(low.points[:, 2] - 1.73, high.points[:, 2], atol=1e-5)
    pixels = [sample.cameras.project(sample.points[:50, :3])[0] for sample in (low, high)]
    np.testing.assert_allclose(*pixels, rtol=1e-3, atol=1e-2)
    path = written(tmp_path, rig)
    for name, height in (("occ3d-nuscenes", 1.9), ("semantickitti", 0.17)):
        reader = config(path, dataset=name).reader()
        moment = reader.moment("toy/000000", frozenset({"lidar_origin"}), np.random.default_rng(0))
        np.testing.assert_allclose(moment.extras["lidar_origin"], (0.8, 0, height), atol=1e-6)


def test_intensities_are_scaled_and_the_vehicle_left_out(tmp_path: Path) -> None:
    rig = toy_rig(tmp_path)
    rig["lidars"][0].update(highest_intensity=1.0, nearest_m=5.0)
    sample = samples(tmp_path, rig, dataset="occ3d-nuscenes", columns=4)[0]
    own = scan(0)
    kept = np.hypot(own[:, 0], own[:, 1]) >= 5
    assert 0 < kept.sum() < len(own)
    np.testing.assert_allclose(sample.points[:, 3], 255 * own[kept, 3], rtol=1e-6)


def renamed(folder: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        (folder / f"{number:06d}.png").rename(folder / name)


TIMES: dict[str, tuple[dict[str, object], list[str] | None, str]] = {
    "nanoseconds in names": ({"names": "ns"}, ["a_0.png", "a_100000000.png", "a_200000000.png"], ""),
    "seconds in names": ({"names": "s"}, ["0.0.png", "0.1.png", "0.2.png"], ""),
    "seconds and nanoseconds": ({"names": "s"}, ["0_000000000.png", "0_100000000.png", "0_200000000.png"], ""),
    "a file": ({"file": "t.txt"}, None, "# seconds\n0\n0.1\n0.2\n"),
    "a file in milliseconds": ({"file": "t.txt", "unit": "ms"}, None, "0\n100\n\n200\n"),
    "a file with names": ({"file": "t.txt"}, ["b.png", "a.png", "c.png"], "0.1,a.png\n0,x/b.png\n0.2,c.png\n"),
    "a line for every number": ({"file": "t.txt"}, None, "0\n0.1\n0.2\n0.3\n"),
    "an offset": ({"rate_hz": 10, "offset_s": 0.03}, None, ""),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_come_from_anywhere(name: str, tmp_path: Path) -> None:
    times, names, text = TIMES[name]
    rig = toy_rig(tmp_path)
    pictures = [picture(tmp_path, number) for number in range(3)]
    if names is not None:
        renamed(tmp_path / "front", names)
    (tmp_path / "t.txt").write_text(text)
    rig["cameras"][0]["times"] = times
    found = samples(tmp_path, rig)
    for number, expected in enumerate(pictures):
        np.testing.assert_array_equal(found[number].images[0].permute(1, 2, 0), expected)


BAD_TIMES: dict[str, tuple[dict[str, object], str, str]] = {
    "nanoseconds as seconds": ({"file": "t.txt"}, "0\n100000000\n200000000\n", "nanoseconds"),
    "too few lines": ({"file": "t.txt"}, "0\n0.1\n", "3 lines"),
    "a word": ({"file": "t.txt"}, "0\nsoon\n0.2\n", "line 2"),
    "backwards": ({"file": "t.txt"}, "0.2\n0.1\n0\n", "backwards"),
    "a name too few": ({"file": "t.txt"}, "0 000000.png\n0.1 000001.png\n", "000002.png"),
    "nothing": ({"file": "t.txt"}, "# nothing\n", "one for each"),
    "no file": ({"file": "none.txt"}, "", "absent"),
    "late by a minute": ({"rate_hz": 10, "offset_s": 60}, "", "59.8 s later"),
    "older by half a second": ({"rate_hz": 10, "offset_s": -0.5}, "", "0.3 s older"),
}


@pytest.mark.parametrize("name", BAD_TIMES)
def test_times_that_cannot_be(name: str, tmp_path: Path) -> None:
    times, text, word = BAD_TIMES[name]
    rig = toy_rig(tmp_path)
    (tmp_path / "t.txt").write_text(text)
    rig["cameras"][0]["times"] = times
    with pytest.raises(InputError) as error:
        samples(tmp_path, rig)
    assert word in str(error.value)


def test_stamps_of_another_unit_are_named(tmp_path: Path) -> None:
    rig = toy_rig(tmp_path)
    renamed(tmp_path / "front", [f"{1_700_000_000_000_000_000 + number * 100_000_000}.png" for number in range(3)])
    rig["cameras"][0]["times"] = {"names": "s"}
    rig["lidars"][0]["times"] = {"rate_hz": 10, "offset_s": 1_700_000_000}
    with pytest.raises(InputError, match="nanoseconds"):
        samples(tmp_path, rig)


def test_frames_without_a_picture_are_left_out(tmp_path: Path) -> None:
    """Numbers in names count recordings, so that a picture that is lost shifts no other."""
    rig = toy_rig(tmp_path)
    (tmp_path / "front" / "000001.png").unlink()
    found = samples(tmp_path, rig)
    assert found.keys == ("toy/000000", "toy/000002")
    np.testing.assert_array_equal(found[1].images[0].permute(1, 2, 0), picture(tmp_path, 2))
    assert found.reader.before("toy/000002", 1) == "toy/000000"
    with pytest.raises(InputError, match="toy/000001"):
        samples(tmp_path, rig, keys=("toy/000001",))


def test_sensors_that_never_record_together_are_told_apart() -> None:
    first, second, clock = (
        PictureFolder((Path("a"),) * len(times), np.array(times)) for times in ([0.0], [1.0], [0.0, 1.0])
    )
    streams = {"first": first, "second": second}
    assert matched(streams, clock, 0.05) == () and len(matched({"second": second}, clock, 0.05)) == 1
    assert "never for all at once" in str(unmatched(streams, "clock", clock, 0.05, "rig.json"))
    late = PictureFolder((Path("a"),), np.array([1.5]))
    assert "0.5 s later" in str(unmatched({"first": first, "late": late}, "clock", clock, 0.05, "rig.json"))


def test_a_lidar_may_hang_upside_down(tmp_path: Path) -> None:
    rig = toy_rig(tmp_path)
    expected = samples(tmp_path, rig)[0].points[:, :3].numpy()
    turned = scan(0) * np.array([1, -1, -1, 1], np.float32)
    turned.tofile(tmp_path / "top" / "000000.bin")
    rig["lidars"][0]["pose"]["roll_pitch_yaw_deg"] = [180, 0, 0]
    np.testing.assert_allclose(samples(tmp_path, rig)[0].points[:, :3], expected, atol=1e-5)


def test_nearest_against_a_loop() -> None:
    random = np.random.default_rng(1)
    times, wanted = np.sort(random.random(40)), random.uniform(-0.2, 1.2, 100)
    chosen, late = nearest(times, wanted)
    for place, at in enumerate(wanted):
        assert abs(late[place]) == min(abs(time - at) for time in times)
        assert times[chosen[place]] - at == late[place]


POSES = "0 0 0 0 0 0 0 1\n0.1 1 0 0 0 0 0 1\n0.2 2 0 0 0 0 0 1\n"
"""Of a car that drives along x at 10 m/s."""


def test_a_sensor_stands_where_the_car_was_at_its_time(tmp_path: Path) -> None:
    rig = toy_rig(tmp_path)
    (tmp_path / "poses.txt").write_text(POSES)
    still = samples(tmp_path, rig, dataset="occ3d-nuscenes")[1]
    rig["poses"] = {"file": "poses.txt"}
    rig["cameras"][0]["times"]["offset_s"] = -0.03
    moving = samples(tmp_path, rig, dataset="occ3d-nuscenes", needs=frozenset({"images", "points", "pose"}))[1]
    shift = still.cameras.T_cam_ego.inverse()[0, :3, 3] - moving.cameras.T_cam_ego.inverse()[0, :3, 3]
    np.testing.assert_allclose(shift, (0.3, 0, 0), atol=1e-9)
    np.testing.assert_allclose(moving.pose[:3, 3], (1, 0, 0), atol=1e-12)


def test_scans_are_laid_over_each_other_where_poses_are_known(tmp_path: Path) -> None:
    rig = toy_rig(tmp_path)
    (tmp_path / "poses.txt").write_text(POSES)
    assert len(samples(tmp_path, rig, scans=2)[2].points) == len(scan(2))
    rig["poses"] = {"file": "poses.txt"}
    points = samples(tmp_path, rig, scans=2, dataset="occ3d-nuscenes")[2].points.numpy()
    before = scan(1) + np.array([0.8 - 1.0, 0, 1.9, 0], np.float32)
    np.testing.assert_allclose(points[len(scan(2)) :, :4], before, atol=1e-5)
    np.testing.assert_allclose(points[:, 4], [0.0] * len(scan(2)) + [0.1] * len(before), atol=1e-6)
    assert len(samples(tmp_path, rig, scans=9)[1].points) == 2 * len(before)


BAD_POSES = {
    "7 numbers": ("0 0 0 0 0 0 1\n", "8 numbers"),
    "time stands": ("0 0 0 0 0 0 0 1\n0 1 0 0 0 0 0 1\n", "line 2"),
    "long quaternion": ("0 0 0 0 0 0 0 2\n", "unit quaternion"),
    "of a camera": ("0 0 0 0 -0.5 0.5 -0.5 0.5\n1 0 0 0 -0.5 0.5 -0.5 0.5\n", "upright"),
}


@pytest.mark.parametrize("name", BAD_POSES)
def test_poses_that_cannot_be(name: str, tmp_path: Path) -> None:
    text, word = BAD_POSES[name]
    rig = toy_rig(tmp_path)
    (tmp_path / "poses.txt").write_text(text)
    with pytest.raises(InputError, match=word):
        samples(tmp_path, {**rig, "poses": {"file": "poses.txt"}})


def lens_rig(folder: Path, name: str, **view: object) -> dict[str, Any]:
    """The toy rig with a picture of a smooth scene by a lens that bends."""
    rig, lens = toy_rig(folder), LENSES[name]
    assert isinstance(lens, Pinhole | KannalaBrandt | Mei)
    pixels = taken(lens).permute(1, 2, 0).numpy()
    for number in range(3):
        Image.fromarray(pixels).save(folder / "front" / f"{number:06d}.png")
    kinds = {"plumb bob": "pinhole", "fisheye": "kannala-brandt", "mei": "mei"}
    said = {"lens": kinds[name], "K": lens.K.tolist(), "distortion": list(lens.distortion)}
    rig["cameras"][0].update(**said, width_px=LENS_PX[1], height_px=LENS_PX[0])
    if isinstance(lens, Mei):
        rig["cameras"][0]["xi"] = lens.xi
    if view:
        rig["cameras"][0]["view"] = view
    return rig


def seen_in(data: RigConfig) -> np.ndarray:
    return data.views["front"].seen


@pytest.mark.parametrize("name", LENSES)
def test_networks_are_given_pinhole_views(name: str, tmp_path: Path) -> None:
    """Every pixel of the view shows what lies in its direction, by the intrinsics that networks are told."""
    sample = samples(tmp_path, lens_rig(tmp_path, name))[0]
    _, _, height, width = sample.images.shape
    v, u = np.indices((height, width))
    rays = np.stack([u, v, np.ones((height, width))], -1) @ np.linalg.inv(sample.cameras.K[0].numpy()).T
    assert np.abs(sample.images[0].numpy() - scene(rays)).mean() < 4
    across = 2 * np.degrees(np.arctan(width / 2 / sample.cameras.K[0, 0, 0].item()))
    assert 60 < across <= 110.5
    data = config(tmp_path / "rig.json")
    assert seen_in(data).all() and data.frame_note() == ""


def test_what_a_lens_does_not_see_is_black_and_said(tmp_path: Path) -> None:
    rig = lens_rig(tmp_path, "plumb bob", width_px=200, height_px=120, across_deg=140)
    data = config(written(tmp_path, rig))
    sample, seen = data.build()[0], seen_in(data)
    assert sample.cameras.size_px.tolist() == [[120, 200]] and 0.5 < seen.mean() < 0.95
    assert not sample.images[0].numpy()[:, ~seen].any()
    assert data.frame_note() == f"Black, as no lens saw it: {1 - seen.mean():.0%} of front."
    rig["cameras"][0]["view"]["across_deg"] = 165
    with pytest.raises(InputError, match=r"cameras\[0\].view"):
        _ = config(written(tmp_path, rig)).views


def test_pictures_of_another_size_are_told_their_intrinsics(tmp_path: Path) -> None:
    rig = toy_rig(tmp_path)
    path = tmp_path / "front" / "000001.png"
    Image.open(path).resize((SIZE_PX[1] // 2, SIZE_PX[0] // 2)).save(path)
    found = samples(tmp_path, rig)
    assert found[0].images is not None
    with pytest.raises(InputError, match=r"width_px 32, height_px 24 and K to \[25.00, 25.50, 15.25, 11.25\]"):
        _ = found[1]
