"""A rig that is written down predicts what the same frames predict as a dataset, or says why it cannot."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import voxway
from tests.rigs import kitti_rig, ring_rig, write
from tests.small_world import execute, train_surround
from voxway.core.lens import KannalaBrandt
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


def fisheye_of(picture: np.ndarray, lens: KannalaBrandt, K: np.ndarray) -> np.ndarray:
    """What a fisheye lens would have drawn of what a pinhole camera has, nearest pixels; black beyond its border."""
    height, width = picture.shape[:2]
    v, u = np.indices((height, width))
    plane = (np.stack([u, v], -1) - lens.K[:2, 2]) / (lens.K[0, 0], lens.K[1, 1])
    angles = np.linspace(0, 1.2, 5000)
    drawn, _ = lens.project(np.stack([np.sin(angles), 0 * angles, np.cos(angles)], -1))
    distances = (drawn[:, 0] - lens.K[0, 2]) / lens.K[0, 0]
    distance = np.hypot(plane[..., 0], plane[..., 1])
    slope = np.tan(np.interp(distance, distances, angles)) / np.maximum(distance, 1e-9)
    at = np.round(plane * slope[..., None] * (K[0, 0], K[1, 1]) + K[:2, 2]).astype(int)
    inside = ((at >= 0) & (at < (width, height))).all(-1)
    return np.where(inside[..., None], picture[at[..., 1].clip(0, height - 1), at[..., 0].clip(0, width - 1)], 0)


def test_a_fisheye_camera(small_world: Path, small_run: Path, tmp_path: Path) -> None:
    """A network is given the pinhole view, and the page says what no lens saw."""
    rig = kitti_rig(small_world)
    camera = rig["cameras"][0]
    K = np.array(camera["K"])
    lens = KannalaBrandt(K=K * np.array([[0.9, 1, 1], [1, 0.9, 1], [1, 1, 1]]), distortion=(0.05, 0.01, 0.0, 0.0))
    (tmp_path / "fisheye").mkdir()
    original = np.asarray(Image.open(Path(camera["folder"]) / "000000.png"))
    Image.fromarray(fisheye_of(original, lens, K)).save(tmp_path / "fisheye" / "000000.png")
    said = {"folder": "fisheye", "lens": "kannala-brandt", "K": lens.K.tolist(), "distortion": list(lens.distortion)}
    rig["cameras"] = [{**camera, **said, "view": {"width_px": 301, "height_px": 91, "focal_px": K[0, 0]}}]
    del rig["pair"], rig["poses"]
    path = write(tmp_path / "rig.json", rig)
    model = voxway.load(small_run / "model")
    view = model.rig_samples(path, cache=tmp_path).reader.moment("car/000000", frozenset({"images"}), RANDOM)
    # The view's centre is its middle, the original's is its principal point.
    left, top = (round(K[axis, 2] - centre) for axis, centre in enumerate((150, 45)))
    expected = original[max(top, 0) :, max(left, 0) :][:85, :290].astype(int)
    found = view.images[0].permute(1, 2, 0).numpy()[max(-top, 0) :, max(-left, 0) :][:85, :290].astype(int)
    assert np.abs(found - expected).mean() < 12 < np.abs(np.roll(found, 4, 1) - expected).mean()
    rig["cameras"][0]["view"] = {"width_px": 400, "height_px": 91, "across_deg": 120}
    rig_classes(write(path, rig), small_run / "model", tmp_path / "own", "car/000000")
    assert re.search(r"Black, as no lens saw it: \d+% of left", (tmp_path / "own" / "page.html").read_text())


RANDOM = np.random.default_rng(0)


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
