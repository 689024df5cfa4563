"""The example that reads every format without voxway draws what was written."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.formats.toy import TASK, moment
from voxway.formats import FORMATS, Coordinates, Drives, WriteOptions

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("frame", ["ego", "world"])
def test_every_format_is_drawn(tmp_path: Path, frame: Coordinates) -> None:
    for module in ("plyfile", "trimesh", "mcap_protobuf", "rerun"):
        pytest.importorskip(module)
    for name in FORMATS.names():
        with Drives(name, tmp_path / name, WriteOptions(frame=frame)) as drives:
            drives.add(moment(scored=True), "08")
    runpy.run_path(str(ROOT / "examples" / "draw_formats.py"))["main"](str(tmp_path), str(tmp_path / "drawn"))
    drawn = {path.stem: np.asarray(Image.open(path)) for path in (tmp_path / "drawn").iterdir()}
    assert drawn.keys() == set(FORMATS.names()) - {"npz"}
    assert set(np.unique(drawn["costmap"])) == {0, 127, 254}, "occupied, unknown, free"
    # The recordings' pictures are in ego coordinates, whatever the file's are.
    for name in ("mcap", "rrd") if frame == "world" else ("ply", "ply-cubes", "mcap", "rrd"):
        below = drawn[name][-600:].astype(float)
        saturated = below[np.ptp(below, -1) > 60]
        hue = saturated / saturated.max(-1, keepdims=True)
        red = np.array(TASK.palette[0]) / max(TASK.palette[0])
        assert (np.abs(hue - red).max(-1) < 0.05).sum() > 30, "the car"
