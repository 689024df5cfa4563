"""A rig of real frames: the road lies where the file says, and points fall into the pictures."""

from __future__ import annotations

from pathlib import Path

from tests.rigs import kitti_rig, write
from voxway.api.check_rig import check_and_draw
from voxway.data.files.images import image_size


def test_a_real_car_is_sound(data_root: Path, tmp_path: Path) -> None:
    root = data_root / "semantickitti"
    size_px = image_size(root / "sequences" / "08" / "image_2" / "000000.png")
    rig = kitti_rig(root, "08", size_px)
    rig["cameras"] = rig["cameras"][:1]  # of the right one, there is only one picture
    rig["poses"]["of"] = "left"  # off by the few centimetres between the left camera and camera 0
    del rig["pair"]
    report, pictures = check_and_draw(write(tmp_path / "rig.json", rig), tmp_path, frames=2)
    assert report.usable and {finding.severity for finding in report.findings} <= {"note"}
    assert len(pictures) == 2
    rig["ego_height_m"] = 0.7
    report, _ = check_and_draw(write(tmp_path / "low.json", rig), tmp_path, frames=2)
    assert any("the road at the ego frame's height" in finding.what for finding in report.findings)
