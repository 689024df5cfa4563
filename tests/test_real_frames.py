"""Real KITTI frames through the documented commands: image, calibration and scan in, page and label file out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from voxway.cli import main
from voxway.data.semantickitti.layout import read_voxel_labels
from voxway.data.semantickitti.submission import FILES
from voxway.engine.log import read_log

pytestmark = pytest.mark.real
KEYS = ("00/000000", "03/000000", "08/000000", "08/000005")


def voxway(*arguments):
    """Run a command in this process; it must succeed."""
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    assert not stop.value.code, f"voxway {arguments[0]} failed"


@pytest.fixture(scope="module")
def frames(data_root):
    return data_root / "semantickitti"


@pytest.fixture(scope="module")
def briefly(frames, tmp_path_factory):
    """A network that has seen real frames for a few steps."""
    folder = tmp_path_factory.mktemp("briefly")
    voxway("train", "monoocc-overfit", "--root", frames, "--out", folder, "--cache", folder, "--steps", 3)
    return folder / "model"


def test_predict_and_view(frames, briefly, tmp_path):
    voxway("predict", briefly, "--root", frames, "--keys", *KEYS, "--out", tmp_path)
    FILES.check(tmp_path, KEYS)
    assert read_voxel_labels(tmp_path / FILES.name("08/000005")).shape == (256, 256, 32)
    page = (tmp_path / "page.html").read_text()
    assert "08/000005" in page
    assert np.asarray(Image.open(tmp_path / "picture.png")).std() > 10
    voxway("view", "--root", frames, "--predictions", tmp_path, "--set", f"targets={frames / 'derived'}",
           "--keys", "08/000000", "--out", tmp_path / "look")  # fmt: skip
    assert (tmp_path / "look" / "page.html").exists()


def test_stereo_proposals_of_a_real_pair(frames, tmp_path):
    voxway(
        "prepare", "proposals", "--root", frames, "--source", "stereo", "--keys", "08/000000", "--out", tmp_path / "s"
    )
    voxway(
        "prepare", "proposals", "--root", frames, "--source", "lidar", "--keys", "08/000000", "--out", tmp_path / "l"
    )
    stereo, lidar = (
        np.unpackbits(np.fromfile(tmp_path / name / "08/queries/000000.query", np.uint8)).reshape(128, 128, 16)
        for name in ("s", "l")
    )
    # Near the car, where stereo is good, most of what it proposes lies within a voxel of what the laser hit.
    near = stereo[10:50, 40:88].astype(bool)
    padded = np.pad(lidar, 1)
    grown = np.max([np.roll(padded, shift, (0, 1, 2)) for shift in np.ndindex(3, 3, 3)], 0)
    grown = np.roll(grown, (-1, -1, -1), (0, 1, 2))[1:-1, 1:-1, 1:-1].astype(bool)[10:50, 40:88]
    assert near.sum() > 500
    assert (near & grown).sum() > 0.7 * near.sum()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("recipe", "least"), [("monoocc-overfit", 0.25), ("vlscene-overfit", 0.2), ("occle-overfit", 0.1)]
)
def test_learns_real_frames_by_heart(frames, tmp_path, recipe, least):
    voxway("train", recipe, "--root", frames, "--out", tmp_path, "--cache", tmp_path)
    losses = [line["loss"] for line in read_log(tmp_path)]
    assert losses[-1] < 0.35 * losses[0]
    voxway("eval", tmp_path / "model", "--root", frames, "--cache", tmp_path, "--out", tmp_path / "result.json")
    scores = json.loads((tmp_path / "result.json").read_text())["scores"]
    assert scores["iou"] > 0.6 and scores["miou"] > least
