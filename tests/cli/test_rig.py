"""A rig that is written down predicts what the same frames predict as a dataset, or says why it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import voxway
from tests.rigs import kitti_rig, ring_rig, write
from tests.small_world import execute, train_surround
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample

CARS_OWN_EGO = ("data.points_ego=lidar", "data.cameras_ego=lidar", "data.depth_motion=compensated", "data.sweeps=0")
"""nuScenes without the published networks' three ego frames, which no other car has."""


@pytest.fixture(scope="module")
def pair_run(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a network that looks at pairs."""
    folder = tmp_path_factory.mktemp("pair") / "run"
    assert train_surround("vlscene-world", small_world, folder) == 0
    return folder


@pytest.fixture(scope="module")
def ring_run(small_ring: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a network that looks at six pictures and a scan."""
    folder = tmp_path_factory.mktemp("fusion") / "run"
    assert train_surround("effocc-fusion-world", small_ring, folder, settings=CARS_OWN_EGO) == 0
    return folder


def dataset_classes(root: Path, model: Path, out: Path, *more: object) -> np.ndarray:
    """What the held-out frame's prediction is, read as the dataset."""
    how = ("--device", "cpu", "--format", "npz", "--no-page")
    assert execute("predict", model, "--root", root, "--out", out, *how, *more) == 0
    (path,) = (out / "npz").rglob("*.npz")
    return Occupancy.load(path).classes.numpy()


def rig_classes(rig: Path, model: Path, out: Path, key: str, *more: object) -> np.ndarray:
    """What a frame of the rig is predicted as."""
    assert execute("predict", model, "--rig", rig, "--out", out, "--device", "cpu", "--keys", key, *more) == 0
    return Occupancy.load(out / f"{key}.npz").classes.numpy()


def assert_same(own: Sample, known: Sample, tolerance: float = 1e-9) -> None:
    """The same moment, but for what it is called."""
    assert own.cameras is not None and known.cameras is not None
    torch.testing.assert_close(own.images, known.images, rtol=0, atol=0)
    torch.testing.assert_close(own.cameras.projection, known.cameras.projection, rtol=1e-9, atol=1e-6)
    for name in ("points", "proposals", "depth"):
        mine, theirs = getattr(own, name), getattr(known, name)
        assert (mine is None) == (theirs is None)
        if mine is not None:
            torch.testing.assert_close(mine, theirs, rtol=0, atol=tolerance)
    assert own.extras.keys() == known.extras.keys()
    for name, extra in own.extras.items():
        torch.testing.assert_close(extra, known.extras[name], rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("proposals", ["lidar", "stereo"])
def test_one_camera(small_world: Path, small_run: Path, tmp_path: Path, proposals: str) -> None:
    if proposals == "stereo":
        pytest.importorskip("cv2")
    model = small_run / "model"
    how = ("--proposals", proposals)
    expected = dataset_classes(small_world, model, tmp_path / "dataset", *how)
    rig = write(tmp_path / "rig.json", kitti_rig(small_world))
    found = rig_classes(rig, model, tmp_path / "own", "car/000000", *how)
    np.testing.assert_array_equal(found, expected)
    assert (expected > 0).any() and "page" in (tmp_path / "own" / "page.html").read_text()


def test_a_rectified_pair(small_world: Path, pair_run: Path, tmp_path: Path) -> None:
    model = voxway.load(pair_run / "model")
    rig = write(tmp_path / "rig.json", kitti_rig(small_world))
    own, known = model.rig_samples(rig, cache=tmp_path), model.samples(small_world, cache=tmp_path)
    assert_same(own["car/000000"], known["08/000000"])
    expected = dataset_classes(small_world, pair_run / "model", tmp_path / "dataset")
    found = rig_classes(rig, pair_run / "model", tmp_path / "own", "car/000000")
    np.testing.assert_array_equal(found, expected)


def test_a_ring_with_lidar(small_ring: Path, ring_run: Path, tmp_path: Path) -> None:
    model = voxway.load(ring_run / "model")
    rig = write(tmp_path / "rig.json", ring_rig(small_ring, tmp_path / "poses.txt"))
    own, known = model.rig_samples(rig), model.samples(small_ring)
    (frame,) = known.keys
    time_s = known.reader.moment(frame, frozenset({"time"}), np.random.default_rng(0)).time_s
    (key,) = (k for k, moment in zip(own.keys, own.reader.moments) if moment.time_s == time_s)
    assert_same(own[key], known[frame], tolerance=2e-5)  # two of the last digits of 40 m in float32
    expected = dataset_classes(small_ring, ring_run / "model", tmp_path / "dataset")
    found = rig_classes(rig, ring_run / "model", tmp_path / "own", key)
    np.testing.assert_array_equal(found, expected)


def refusal(rig: Path, model: Path, capsys: pytest.CaptureFixture, *more: object) -> str:
    """What `predict` answers to a rig that a network cannot be served by."""
    how = ("--out", rig.parent / "out", "--device", "cpu")
    assert execute("predict", model, "--rig", rig, *how, *more) == 2
    return capsys.readouterr().err


def test_what_a_network_cannot_be_served_by(
    small_world: Path, small_run: Path, pair_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    whole = kitti_rig(small_world)
    one, pair = small_run / "model", pair_run / "model"
    single = {name: value for name, value in whole.items() if name != "pair"} | {"poses": None}

    ring = write(tmp_path / "ring.json", single)
    said = refusal(ring, one, capsys)
    assert "cameras" in said and "1, as the network was trained with" in said and "--cameras left" in said
    assert execute("predict", one, "--rig", ring, "--cameras", "right", "--out", tmp_path, "--device", "cpu") == 0
    assert "one of left, right" in refusal(ring, one, capsys, "--cameras", "rear")
    assert "1, as the network" in refusal(ring, one, capsys, "--cameras", "left", "right")

    said = refusal(ring, pair, capsys)
    assert "pair" in said and "rectified pair" in said

    blind = write(tmp_path / "blind.json", {**single, "lidars": [], "clock": "left"})
    said = refusal(blind, one, capsys, "--cameras", "left")
    assert "a LiDAR: the network needs proposals" in said and "--proposals stereo" in said
    said = refusal(blind, one, capsys, "--cameras", "left", "--proposals", "stereo")
    assert 'pair": {"left"' in said


def test_a_network_that_reads_points_needs_a_lidar(
    small_ring: Path, ring_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rig = ring_rig(small_ring, tmp_path / "poses.txt")
    blind = write(tmp_path / "blind.json", {**rig, "lidars": []})
    said = refusal(blind, ring_run / "model", capsys)
    assert "a LiDAR: the network needs points" in said and "pictures alone" in said
    few = write(tmp_path / "few.json", {**rig, "cameras": rig["cameras"][:4]})
    said = refusal(few, ring_run / "model", capsys)
    assert "6, as the network was trained with" in said and "4: CAM_FRONT_LEFT" in said


def test_the_command_takes_a_folder_or_a_rig(small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for given in ((), ("--root", tmp_path, "--rig", tmp_path), ("--root", tmp_path, "--cameras", "left")):
        assert execute("predict", small_run / "model", "--out", tmp_path, "--device", "cpu", *given) == 2
        assert "--root with a dataset's folder" in capsys.readouterr().err
