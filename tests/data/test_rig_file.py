"""What a rig's file may say, and how each mistake in it is named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.toy_rig import AHEAD, config, toy_rig, written
from voxway.core.errors import InputError
from voxway.core.lens import KannalaBrandt, Mei, Pinhole
from voxway.data.own.rig_faults import rig_faults
from voxway.data.own.rig_file import read_rig

Change = Callable[[dict[str, Any]], object]


def changed(folder: Path, change: Change) -> Path:
    rig = copy.deepcopy(toy_rig(folder))
    change(rig)
    return written(folder, rig)


def camera(**values: object) -> Change:
    return lambda rig: rig["cameras"][0].update(values)


def pose(**values: object) -> Change:
    return lambda rig: rig["cameras"][0].update(pose=values)


SYNTAX: dict[str, tuple[Change, str, str]] = {
    "unknown name": (lambda rig: rig.update(cameraz=[]), "cameraz", "cameras"),
    "no height": (lambda rig: rig.pop("ego_height_m"), "ego_height_m", "absent"),
    "no sensor": (lambda rig: rig.update(cameras=[], lidars=[]), "cameras", "at least one"),
    "no list": (lambda rig: rig.update(cameras={"front": 1}), "cameras", "a list"),
    "one name twice": (lambda rig: rig["lidars"][0].update(name="front"), "cameras, lidars", "front twice"),
    "unknown clock": (lambda rig: rig.update(clock="roof"), "clock", "top"),
    "no picture's size": (lambda rig: rig["cameras"][0].pop("width_px"), "cameras[0].width_px", "a whole number"),
    "half a pixel": (camera(height_px=47.5), "cameras[0].height_px", "47.5"),
    "K of five numbers": (camera(K=[1, 2, 3, 4, 5]), "cameras[0].K", "4 or 9 finite numbers"),
    "K of words": (camera(K=["a", 1, 2, 3]), "cameras[0].K", "finite numbers"),
    "unknown lens": (camera(lens="fisheye"), "cameras[0].lens", "kannala-brandt"),
    "six coefficients": (camera(distortion=[0.1] * 6), "cameras[0].distortion", "0 or 4 or 5 or 8"),
    "mei without xi": (camera(lens="mei"), "cameras[0].xi", "absent"),
    "xi of a pinhole": (camera(xi=1.0), "cameras[0].xi", "lens mei"),
    "folder and topic": (camera(topic="/a"), "cameras[0]", "folder and topic"),
    "topic without recording": (
        lambda rig: rig["cameras"][0].update(topic="/a", folder=None), "cameras[0].topic", "recording"
    ),
    "no times": (lambda rig: rig["cameras"][0].pop("times"), "cameras[0].times", "when pictures"),
    "two kinds of times": (camera(times={"rate_hz": 1, "names": "s"}), "cameras[0].times", "names and rate_hz"),
    "unknown unit": (camera(times={"names": "minutes"}), "cameras[0].times.names", "ns"),
    "two rotations": (
        pose(xyz_m=[0, 0, 1], quaternion_wxyz=AHEAD, quaternion_xyzw=AHEAD), "cameras[0].pose", "quaternion_xyzw"
    ),
    "matrix that mirrors": (pose(matrix=np.diag([1, -1, 1, 1]).tolist()), "cameras[0].pose.matrix", "determinant -1"),
    "quaternion of length 2": (
        pose(xyz_m=[0, 0, 1], quaternion_wxyz=[1, 1, 1, 1]), "cameras[0].pose.quaternion_wxyz", "length 2"
    ),
    "degrees for radians": (
        pose(xyz_m=[1, 0, 1], roll_pitch_yaw_rad=[-90, 0, -90]), "cameras[0].pose.roll_pitch_yaw_rad", "degrees"
    ),
    "unknown frame": (
        pose(**{"in": "roof", "xyz_m": [0, 0, 1], "quaternion_wxyz": AHEAD}), "cameras[0].pose.in", "one of front, top"
    ),
    "columns out of order": (lambda rig: rig["lidars"][0].update(columns=["intensity", "x"]), "lidars[0].columns", "x"),
    "pair of one": (lambda rig: rig.update(pair={"left": "front", "right": "front"}), "pair.right", "another"),
    "a view's half size": (camera(view={"width_px": 60}), "cameras[0].view", "both or neither"),
    "poses of nothing": (lambda rig: rig.update(poses={"file": "p.txt", "of": "roof"}), "poses.of", "ego"),
}  # fmt: skip


@pytest.mark.parametrize("name", SYNTAX)
def test_what_a_file_cannot_say(name: str, tmp_path: Path) -> None:
    change, field, word = SYNTAX[name]
    path = changed(tmp_path, change)
    with pytest.raises(InputError) as error:
        read_rig(path)
    assert field in f"{error.value.file} {error.value.field}" and str(path) in error.value.file
    assert word in str(error.value)


def test_sensors_that_hang_on_each_other(tmp_path: Path) -> None:
    def change(rig: dict[str, Any]) -> None:
        rig["cameras"][0]["pose"]["in"] = "top"
        rig["lidars"][0]["pose"]["in"] = "front"

    with pytest.raises(InputError, match="hang"):
        read_rig(changed(tmp_path, change))


MISTAKES: dict[str, tuple[Change, str, str]] = {
    "ego to camera": (
        pose(matrix=[[0, -1, 0, 0.1], [0, 0, -1, 1.4], [1, 0, 0, -1.5]]), "cameras[0].pose", "ego-to-sensor"
    ),
    "x ahead": (pose(xyz_m=[1.5, 0, 1.4], quaternion_wxyz=[1, 0, 0, 0]), "cameras[0].pose", "axes are x ahead"),
    "none: the same turn": (pose(xyz_m=[1.5, 0, 1.4], quaternion_wxyz=[-0.5, 0.5, -0.5, 0.5]), "", ""),
    "order of a quaternion": (
        pose(xyz_m=[1.5, 0, 1.4], quaternion_xyzw=[0, 0, 0.70711, -0.70711]),
        "cameras[0].pose", "order w x y z",
    ),
    "radians for degrees": (
        pose(xyz_m=[1.5, 0, 1.4], roll_pitch_yaw_deg=[-1.5708, 0, -1.5708]), "cameras[0].pose", "radians, not degrees"
    ),
    "millimetres": (pose(xyz_m=[1500, 100, 1400], quaternion_wxyz=AHEAD), "cameras[0].pose", "millimetres"),
    "below the road": (
        lambda rig: rig["lidars"][0]["pose"].update(xyz_m=[-0.8, 0, -1.9]), "lidars[0].pose", "ego-to-sensor"
    ),
    "height left out": (
        lambda rig: rig["cameras"][0]["pose"].update(xyz_m=[1.5, 0, -0.3]), "cameras[0].pose", "0.30 m below"
    ),
    "intrinsics of larger pictures": (camera(K=[100, 102, 63, 47]), "cameras[0].K", "resized"),
    "transposed intrinsics": (camera(K=[[50, 0, 0], [0, 51, 0], [31, 23, 1]]), "cameras[0].K", "transposed"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named(name: str, tmp_path: Path) -> None:
    change, field, word = MISTAKES[name]
    path = changed(tmp_path, change)
    found = list(rig_faults(read_rig(path)))
    if not field:
        assert found == []
        return
    assert [error.field for error in found] == [field]
    assert word in str(found[0])
    with pytest.raises(InputError, match=field.replace("[", r"\[")):
        config(path).reader()


def test_poses_may_be_given_in_any_form_and_frame(tmp_path: Path) -> None:
    rig = toy_rig(tmp_path)
    T = read_rig(written(tmp_path, rig)).T_ego("front")
    np.testing.assert_allclose(T[:3, 2], (1, 0, 0), atol=1e-12)
    forms: list[dict[str, object]] = [
        {"matrix": T[:3].tolist()},
        {"matrix": T.ravel().tolist(), "in": "ego"},
        {"xyz_m": [1.5, 0.1, 1.4], "quaternion_xyzw": [-0.5, 0.5, -0.5, 0.5]},
        {"xyz_m": [1.5, 0.1, 1.4], "roll_pitch_yaw_deg": [-90, 0, -90]},
        {"xyz_m": [1.5, 0.1, 1.4], "roll_pitch_yaw_rad": [-np.pi / 2, 0, -np.pi / 2]},
        {"in": "top", "xyz_m": [0.7, 0.1, -0.5], "quaternion_wxyz": AHEAD},
    ]
    for number, form in enumerate(forms):
        rig["cameras"][0]["pose"] = form
        (tmp_path / str(number)).mkdir()
        found = read_rig(written(tmp_path / str(number), rig)).T_ego("front")
        np.testing.assert_allclose(found, T, atol=1e-12)


def test_lenses(tmp_path: Path) -> None:
    rig = toy_rig(tmp_path)
    said = [
        ({"distortion": [-0.2, 0.01, 0, 0]}, Pinhole, True),
        ({"distortion": [0, 0, 0, 0]}, Pinhole, False),
        ({"lens": "kannala-brandt", "distortion": [0.1, 0, 0, 0]}, KannalaBrandt, True),
        ({"lens": "mei", "xi": 1.5}, Mei, True),
    ]
    for number, (values, kind, remapped) in enumerate(said):
        (tmp_path / str(number)).mkdir()
        one = {**rig, "cameras": [{**rig["cameras"][0], **values}]}
        (camera,) = read_rig(written(tmp_path / str(number), one)).cameras
        assert isinstance(camera.lens, kind) and (camera.view is not None) == remapped
        np.testing.assert_array_equal(camera.K, [[50, 0, 31], [0, 51, 23], [0, 0, 1]])
