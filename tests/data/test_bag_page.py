"""What docs/recordings.md shows does run, on a recording of the world."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags")
pytest.importorskip("mcap_ros2")
pytest.importorskip("foxglove_schemas_protobuf")
pytest.importorskip("embreex")

from tests.data import recordings
from tests.small_world import execute
from voxway.data.files.point_times import TIMES
from voxway.data.own.bag_pictures import ENCODINGS
from voxway.data.own.bag_points import INTENSITY

PAGE = Path(__file__).parents[2] / "docs" / "recordings.md"


def test_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    drive = recordings.drive()
    recordings.write_mcap(drive.messages(), tmp_path / "drive.mcap")
    names: dict[str, np.ndarray] = {}
    for snippet in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S):
        exec(compile(snippet, str(PAGE), "exec"), names)
    np.testing.assert_array_equal(names["picture"], drive.pictures[recordings.FRONT][0])
    assert names["points"].shape == (len(drive.points[0]), 5)
    np.testing.assert_allclose(names["T_odom_base"], drive.T_world_ego, atol=1e-9)
    np.testing.assert_allclose(names["T_base_camera"], drive.T_ego_sensor["front"], atol=1e-9)
    np.testing.assert_allclose(names["T_odom_lidar"], drive.T_world_ego @ drive.T_ego_sensor["lidar"], atol=1e-9)


def test_the_rig_is_checked_and_predicted(small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recordings.write_mcap(recordings.drive().messages(), tmp_path / "drive.mcap")
    (rig,) = re.findall(r"^```json\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    (tmp_path / "rig.json").write_text(rig)
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    for line in block.splitlines():
        words = line.replace("runs/s/model", str(small_run / "model")).split()
        assert words[0] == "voxway" and execute(*words[1:]) == 0, line
    assert (tmp_path / "look" / "rig_000002.png").exists()
    assert len(list((tmp_path / "out" / "car").glob("*.npz"))) == 3
    assert (tmp_path / "drive" / "mcap" / "car.mcap").stat().st_size > 100_000
    assert len(list((tmp_path / "drive" / "costmap" / "car").glob("*.pgm"))) == 3


def test_table_names_all_that_is_read() -> None:
    text = PAGE.read_text().replace("bayer_{rggb,bggr,gbrg,grbg}8", " ".join(n for n in ENCODINGS if "bayer" in n))
    words = set(re.findall(r"\w+", text))
    assert words.issuperset((*ENCODINGS, *INTENSITY, *TIMES))
