"""A check of a rig finds nothing wrong with a sound one, names each mistake that was made, and draws what it sees."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.rigs import kitti_rig, ring_rig, write
from tests.small_world import execute, rewrite
from voxway.data.own.check import road_height

Rig = dict[str, Any]


@pytest.fixture
def car(small_world: Path, tmp_path: Path) -> tuple[Path, Rig]:
    """Folder with recordings of a car that may be changed, and its rig; the ego frame is on the road."""
    folder = tmp_path / "car"
    shutil.copytree(small_world / "sequences" / "08", folder / "sequences" / "08")
    rig = kitti_rig(folder)
    T = np.eye(4)
    T[2, 3] = 1.73
    for sensor in (*rig["cameras"], rig["pair"]):
        sensor["pose"]["matrix"] = (T @ np.array(sensor["pose"]["matrix"])).tolist()
    rig["lidars"][0]["pose"]["xyz_m"] = [0, 0, 1.73]
    return folder, {**rig, "ego_height_m": 0.0}


def checked(folder: Path, rig: Rig, capsys: pytest.CaptureFixture, *more: object) -> tuple[int, str]:
    """Exit code and words of a check."""
    path = write(folder / "rig.json", rig)
    code = execute("check-rig", path, "--out", folder / "look", *more)
    return code, " ".join(capsys.readouterr().out.split())


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for words to stand in a line."""
    monkeypatch.setenv("COLUMNS", "2000")


def test_a_sound_rig_is_drawn(car: tuple[Path, Rig], capsys: pytest.CaptureFixture) -> None:
    folder, rig = car
    code, said = checked(folder, rig, capsys)
    assert code == 0 and said.endswith("usable") and "left 1, right 1, roof 6" in said
    assert "warning" not in said
    drawn = np.asarray(Image.open(folder / "look" / "rig_000000.png")).astype(int)
    floor = (np.abs(drawn - (0, 255, 255)).sum(-1) < 150).sum()
    assert floor > 300, "lines of the road over the pictures"
    # A picture's lower part shows the road: points there are near, and drawn in the warm colours of near ones.
    picture = drawn[23:190, 10:570]
    warm = picture[..., 0] > picture[..., 2] + 80
    assert warm[100:].sum() > 3 * warm[:60].sum()


def test_the_road_of_a_ring(small_ring: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    code, said = checked(
        tmp_path, ring_rig(small_ring, tmp_path / "poses.txt"), capsys, "--benchmark", "occ3d-nuscenes"
    )
    assert code == 0 and "older than those of top" in said and "poses make up for it" in said
    assert len(list((tmp_path / "look").glob("*.png"))) == 3


def swapped(rig: Rig) -> None:
    """Cameras' poses in axes x ahead, y left, z up."""
    turn = np.eye(4)
    turn[:3, :3] = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]).T
    rig["cameras"][0]["pose"]["matrix"] = (np.array(rig["cameras"][0]["pose"]["matrix"]) @ turn).tolist()


def inverted(rig: Rig) -> None:
    rig["cameras"][0]["pose"]["matrix"] = np.linalg.inv(rig["cameras"][0]["pose"]["matrix"]).tolist()


def inverted_lidar(rig: Rig) -> None:
    rig["lidars"][0]["pose"]["xyz_m"] = [0, 0, -1.73]


def in_degrees(rig: Rig) -> None:
    rig["cameras"][0]["pose"] = {"xyz_m": [0.3, 0, 1.65], "roll_pitch_yaw_rad": [-1.5708, 0, -1.5708]}
    rig["cameras"][1]["pose"] = {"xyz_m": [0.3, -0.5, 1.65], "roll_pitch_yaw_deg": [-1.5708, 0, -1.5708]}
    del rig["pair"], rig["poses"]


def millimetres(rig: Rig) -> None:
    rig["lidars"][0]["pose"]["xyz_m"] = [0, 0, 1730]


def resized(rig: Rig) -> None:
    """Pictures half as wide, as the file says, with the old intrinsics."""
    rig["cameras"][0].update(width_px=153, height_px=46)


def other_size(rig: Rig) -> None:
    rig["cameras"][0].update(width_px=614, height_px=186, K=[353.5, 353.5, 301.4, 92.0])


def nanoseconds(rig: Rig) -> None:
    folder = Path(rig["cameras"][0]["folder"])
    for path in list(folder.iterdir()):
        path.rename(folder / f"{1_700_000_000_000_000_000 + 100_000_000 * int(path.stem)}.png")
    rig["cameras"][0]["times"] = {"names": "s"}
    rig["lidars"][0]["times"] = {"rate_hz": 10, "offset_s": 1_700_000_000}
    rig["cameras"][1]["times"] = {"rate_hz": 10, "offset_s": 1_700_000_000}


def older(rig: Rig) -> None:
    rig["cameras"][0]["times"] = {"rate_hz": 10, "offset_s": -0.04}
    del rig["poses"]


def much_older(rig: Rig) -> None:
    rig["cameras"][0]["times"] = {"rate_hz": 10, "offset_s": -0.25}


def wrong_height(rig: Rig) -> None:
    rig["ego_height_m"] = 1.0


def left_for_right(rig: Rig) -> None:
    rig["pair"].update(left="right", right="left")


def scan_in_millimetres(rig: Rig) -> None:
    for path in Path(rig["lidars"][0]["folder"]).iterdir():
        points = np.fromfile(path, np.float32).reshape(-1, 4)
        rewrite(path, (points * np.array([1000, 1000, 1000, 1], np.float32)).tobytes())


def strong(rig: Rig) -> None:
    for path in Path(rig["lidars"][0]["folder"]).iterdir():
        points = np.fromfile(path, np.float32).reshape(-1, 4)
        rewrite(path, (points * np.array([1, 1, 1, 255], np.float32)).tobytes())


MISTAKES: dict[str, tuple[Callable[[Rig], object], int, str]] = {
    "swapped axes": (swapped, 1, "axes are x ahead, y left, z up, where a camera's are x right, y down, z ahead"),
    "ego to camera": (inverted, 1, "ego-to-sensor for sensor-to-ego"),
    "ego to LiDAR": (inverted_lidar, 1, "ego-to-sensor for sensor-to-ego"),
    "radians as degrees": (in_degrees, 1, "the angles are radians, not degrees"),
    "millimetres": (millimetres, 1, "looks like millimetres"),
    "scan in millimetres": (scan_in_millimetres, 1, "points in millimetres"),
    "resized without new intrinsics": (resized, 1, "If the pictures were resized, multiply fx and cx"),
    "pictures of another size": (other_size, 1, "set width_px 307, height_px 93 and K to [176.75"),
    "nanoseconds": (nanoseconds, 1, "look like nanoseconds beside seconds"),
    "older pictures": (older, 0, "most 40 ms older than those of roof"),
    "much older pictures": (much_older, 1, "0.25 s older"),
    "another height": (wrong_height, 0, "m above it in car/000000"),
    "left for right": (left_for_right, 1, "Swap their names"),
    "intensity to 255": (strong, 0, "highest_intensity"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named(name: str, car: tuple[Path, Rig], capsys: pytest.CaptureFixture) -> None:
    folder, rig = car[0], copy.deepcopy(car[1])
    change, expected, words = MISTAKES[name]
    change(rig)
    code, said = checked(folder, rig, capsys)
    assert code == expected and words in said


def test_a_networks_wants_are_checked(car: tuple[Path, Rig], small_run: Path, capsys: pytest.CaptureFixture) -> None:
    folder, rig = car
    assert checked(folder, rig, capsys, "--model", small_run / "model")[0] == 0
    del rig["pair"], rig["poses"]
    code, said = checked(folder, rig, capsys, "--model", small_run / "model")
    assert code == 1 and "1, as the network was trained with" in said


def test_all_mistakes_are_told_at_once(car: tuple[Path, Rig], capsys: pytest.CaptureFixture) -> None:
    folder, rig = car
    for change in (inverted, millimetres, other_size):
        change(rig)
    rig["cameras"][1]["folder"] = "nowhere"
    code, said = checked(folder, rig, capsys)
    assert code == 1
    for words in ("ego-to-sensor", "millimetres", "no such folder"):
        assert words in said, words


def test_the_roads_height_is_where_most_low_points_are() -> None:
    random = np.random.default_rng(0)
    x, y = random.uniform(-15, 15, (2, 2000))
    z = np.where(random.random(2000) < 0.5, random.normal(-1.3, 0.03, 2000), random.uniform(-1.3, 3, 2000))
    assert abs(road_height(np.stack([x, y, z], 1)) + 1.3) < 0.1
    assert road_height(np.zeros((20, 3))) is None
