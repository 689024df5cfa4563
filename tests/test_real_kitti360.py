"""A real pair of KITTI-360 through the reader, a network and the page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.small_world import execute
from voxway.core.config import to_json
from voxway.data.kitti360.config import KITTI360Config
from voxway.data.kitti360.layout import DriveFiles
from voxway.engine.model_files import save_model
from voxway.recipes.networks.vlscene import SMALL_KITTI360

pytestmark = pytest.mark.real
DRIVE, FRAME = "2013_05_28_drive_0000_sync", "000700"
KEY = f"{DRIVE}/{FRAME}"


@pytest.fixture(scope="module")
def drive(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pair in SSCBench's folders. No calibration lies there: the constants serve."""
    root = tmp_path_factory.mktemp("kitti360")
    files = DriveFiles(root, DRIVE)
    for camera in (0, 1):
        place = files.image(camera, FRAME)
        place.parent.mkdir(parents=True)
        place.symlink_to((data_root / "kitti360" / "drive_0000" / f"700_0{camera}.png").resolve())
    return root


def pair(root: Path, *needs: str) -> KITTI360Config:
    return KITTI360Config(root=root, cameras=(0, 1), keys=(KEY,), partial=True, needs=frozenset(needs))


def test_constants_are_those_of_the_recording(drive: Path, data_root: Path) -> None:
    told = json.loads((data_root / "kitti360" / "drive_0000" / "transforms.json").read_text())
    sample = pair(drive, "images").build()[0]
    assert sample.images is not None and sample.cameras is not None
    assert sample.images.shape == (2, 3, told["h"], told["w"])
    for K in sample.cameras.K:
        assert [K[0, 0], K[1, 1]] == pytest.approx([told["fl_x"], told["fl_y"]], abs=1e-3)
        assert K[:2, 2].tolist() == pytest.approx([told["cx"], told["cy"]], abs=1e-3)


def test_stereo_finds_the_road_at_the_scanners_height(drive: Path, tmp_path: Path) -> None:
    """What the pair matches, seen by the constants from the ego frame: between 6 and 20 m ahead the road fills the two
    lowest layers, 1.2 to 2 m below the scanner, which stands 1.73 m high, and nothing stands on it."""
    where = ("--benchmark", "sscbench-kitti360", "--root", drive, "--source", "stereo", "--keys", KEY)
    assert execute("prepare", "proposals", *where, "--out", tmp_path) == 0
    (file,) = tmp_path.rglob("*.query")
    found = np.unpackbits(np.fromfile(file, np.uint8)).reshape(128, 128, 16).astype(bool)
    ahead = found[16:50, 56:72]
    assert ahead[..., :2].any(-1).mean() > 0.8
    assert ahead[..., 2:8].any(-1).mean() < 0.02


def test_through_network_and_page(drive: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    data = replace(pair(drive, "images", "target"), keys=(), image_px=(112, 416))
    facts = {"dataset": "sscbench-kitti360", "data": to_json(data), "proposals": None}
    save_model(tmp_path / "model", SMALL_KITTI360, SMALL_KITTI360.build().state_dict(), **facts)
    out = tmp_path / "out"
    where = ("--root", drive, "--keys", KEY, "--out", out, "--device", "cpu")
    assert execute("predict", tmp_path / "model", *where) == 0
    assert f"{DRIVE}/{FRAME}" in (out / "page.html").read_text()
    assert np.asarray(Image.open(out / "picture.png")).std() > 10
