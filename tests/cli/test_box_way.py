"""The box's whole way by commands: a world of rigs, training, scores, any rig, a picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.ship_box import ship
from tests.small_world import execute
from tests.test_readme import snippets
from voxway import load
from voxway.core.errors import InputError
from voxway.world import generate
from voxway.world.layouts.rigs import RigsWorldConfig

pytest.importorskip("embreex")
WORLD = RigsWorldConfig(
    seed=1, drives={"train-0001": 1, "train-0002": 1, "val-0000": 1}, width_px=96, columns=120, truth_scans=1
)
"""One camera with a LiDAR, several cameras, a ring."""
SMALL = ("data.image_px=[32,64]", "method.width=8", "method.widths=[8,8]", "method.head_width=8", "train.batch=2")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("rigs"), WORLD, processes=1, progress=False)


@pytest.fixture(scope="module")
def run(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "box"
    train = ("train", "box-world-small", "--root", world, "--out", out, "--device", "cpu")
    settings = [f"stages.{stage}.{one}" for stage in ("camera", "all") for one in SMALL]
    assert execute(*train, "--steps", 1, "--set", *settings) == 0
    return out


def test_a_trained_network_looks_through_any_number_of_cameras(run: Path) -> None:
    assert load(run / "model").cameras is None, "as many as there are"


def test_a_rig_without_lidar_has_a_scan_of_no_points(world: Path, run: Path) -> None:
    model = load(run / "model")
    samples = replace(model.data, root=world, needs=model.needs, lidars=False, augment=None).build()
    sample = samples[0]
    assert sample.points is not None and not len(sample.points)
    said = model.predict(sample)
    assert torch.equal(said.classes, model.predict(replace(sample, points=None)).classes)
    with pytest.raises(InputError, match="points: shape: expected"):
        model.predict(replace(sample, images=None, cameras=None))


def test_it_is_scored_on_another_rig(world: Path, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    assert execute("eval", run / "model", "--root", world, "--out", out, "--device", "cpu") == 0
    found = json.loads(out.read_text())
    assert found["protocol"]["samples"] == 1 and found["protocol"]["masks"] == ["lidar"]


@pytest.mark.parametrize("drive", ["train-0001", "val-0000"])
def test_any_rig_is_predicted(world: Path, run: Path, tmp_path: Path, drive: str) -> None:
    """With a LiDAR or without, whatever the number of cameras."""
    rig = ("--rig", world / drive / "rig.json")
    assert execute("predict", run / "model", *rig, "--out", tmp_path, "--no-page", "--device", "cpu") == 0
    assert list(tmp_path.rglob("*.npz"))


def test_a_picture_without_calibration(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "street.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 100, 3), np.uint8)).save(picture)
    out = tmp_path / "out"
    predict = ("predict", run / "model", "--out", out, "--device", "cpu", "--image", picture)
    assert execute(*predict, "--fov", 80, "--height", 1.4, "--pitch", -3) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "sees 80 degrees from side to side" in said and "1.4 m above a flat road" in said and "3 degrees down" in said
    )
    assert (out / "page.html").exists() and list(out.rglob("*.npz"))
    assert execute(*predict) == 2
    assert "--image with a picture, --fov and --height" in " ".join(capsys.readouterr().err.split())
    assert execute(*predict, "--fov", 80, "--height", 1.4, "--root", tmp_path) == 2


@pytest.fixture
def packed(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that brings the network along, however large it is."""
    for module in ("voxway.engine.shipped", "voxway.api.load"):
        monkeypatch.setattr(f"{module}.FOLDER", tmp_path / "package")
    monkeypatch.setattr("bench.ship_box._MOST_BYTES", 10**9)
    usual = {kind: {"middle": 1.0, "low": 1.0} for kind in ("pictures", "scan", "both")}
    return ship(run / "model", folder=tmp_path / "package", sure=usual)


def test_the_network_in_the_box_looks_and_says_how_sure_it_is(
    world: Path, packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = ("--rig", world / "train-0001" / "rig.json")
    assert execute("predict", "box", *rig, "--out", tmp_path / "out", "--no-page", "--device", "cpu") == 0
    said = capsys.readouterr().out
    assert "sure of what it says is there; 100% is usual" in said and "do not trust this" in said
    assert list((tmp_path / "out").rglob("*.npz"))
    for snippet in snippets("docs/box.md"):
        exec(compile(snippet, "docs/box.md", "exec"), {})


def test_it_is_tuned_on_drives(world: Path, packed: Path, tmp_path: Path) -> None:
    known = json.loads((packed / "config.json").read_text())["config"]
    same = [f"method.{name}={json.dumps(known[name])}" for name in ("backbone", "norm", "context", "cell")]
    same += [f"method.depth_bins.step={known['depth_bins']['step']}"]
    train = ("train", "box-tune", "--root", world, "--out", tmp_path / "tuned", "--device", "cpu", "--steps", 1)
    assert execute(*train, "--set", *SMALL, *same) == 0
    start = json.loads((tmp_path / "tuned" / "run.json").read_text())["start"]
    assert start["source"] == "box" and start["tensors"] == len(load("box").network.state_dict())


def test_without_weights_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("voxway.engine.shipped.FOLDER", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert execute("predict", "box", "--root", tmp_path, "--out", tmp_path / "out", "--device", "cpu") == 2
    assert "train your own: voxway train box-world" in capsys.readouterr().err


@pytest.mark.slow
def test_the_demo_shows_it(packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute("demo", "--box", "--out", tmp_path / "demo", "--device", "cpu") == 0
    assert "three streets by three rigs: IoU" in capsys.readouterr().out
    assert (tmp_path / "demo" / "page.html").exists() and (tmp_path / "demo" / "picture.png").exists()
