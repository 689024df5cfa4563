"""``voxway export``: files, reports and refusals; a file runs without us, by the example."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.export.lively import frame, lively
from tests.methods.tiny import TINY
from tests.small_world import execute, settings_for
from voxway.core.errors import InputError
from voxway.engine.model_files import save_model
from voxway.export.rig import read_rig
from voxway.methods.effocc.export.lidar import voxel_inputs

ROOT = Path(__file__).parents[2]
SMALL = ("--image-px", "48", "80", "--cameras", "1", "--frames", "1", "--runs", "1")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Folder of a camera network."""
    network = lively("camera")
    folder = tmp_path_factory.mktemp("model") / "model"
    save_model(folder, network.config, network.state_dict())
    return folder


def test_command_and_rig(model, tmp_path, capsys):
    """A report holds the rig that its file is for, and another export can take it from there."""
    rig = {"K": [[[60, 0, 40], [0, 60, 24], [0, 0, 1]]], "T_image": np.eye(3)[None].tolist(), "size_px": [[48, 80]]}
    rig["T_cam_ego"] = [[[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]]
    (tmp_path / "rig.json").write_text(json.dumps(rig))
    fixed = ("--calibration", "fixed", *SMALL)
    assert execute("export", model, "--out", tmp_path / "a.onnx", "--rig", tmp_path / "rig.json", *fixed) == 0
    said = capsys.readouterr().out
    assert "same class" in said and "calibration               fixed" in said
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["rig"] == rig and list(report["inputs"]) == ["images"] and report["parity"]["agreement"] >= 0.999
    assert execute("export", model, "--out", tmp_path / "b.onnx", "--rig", tmp_path / "a.json", *fixed) == 0
    assert json.loads((tmp_path / "b.json").read_text())["rig"] == rig
    assert {path.name for path in tmp_path.iterdir()} == {"rig.json", "a.onnx", "a.json", "b.onnx", "b.json"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--calibration", "fixed"), "neither --rig nor --root"),
        (("--precision", "int4"), "Expected one of ('float32', 'float16', 'int8')"),
        (("--frames", "0"), "Compare at least one frame"),
        (("--cameras", "0"), "Give the size that the network was trained with"),
        (("--rig", "absent.json"), "Name a JSON file with K, T_cam_ego, T_image and size_px"),
    ],
)
def test_refusals(options, message, model, tmp_path, capsys):
    assert execute("export", model, "--out", tmp_path / "a.onnx", *options) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in said and not list(tmp_path.iterdir())


def test_damaged_rig(model, tmp_path, capsys):
    (tmp_path / "rig.json").write_text('{"K": [[[1, 0, 0], [0, 1, 0], [0, 0, 1]]], "T_cam_ego": [[1]]}')
    assert execute("export", model, "--out", tmp_path / "a.onnx", "--rig", tmp_path / "rig.json") == 2
    said = capsys.readouterr().err
    assert "T_cam_ego" in said and "finite numbers of shape (1, 4, 4)" in said


RIG = {
    "K": [[[60, 0, 40], [0, 60, 24], [0, 0, 1]]],
    "T_cam_ego": [[[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]],
    "T_image": np.eye(3)[None].tolist(),
    "size_px": [[48, 80]],
}
WRONG = [
    ({"K": [[[0, 0, 40], [0, 60, 24], [0, 0, 1]]]}, "K: expected positive focal lengths"),
    ({"K": [[[60, 0, 40], [0, -60, 24], [0, 0, 1]]]}, "K: expected positive focal lengths"),
    ({"K": [[[60, 0, 40], [0, 60, 24], [0, 0, 2]]]}, "K: expected a last row of 0, 0, 1"),
    (
        {"T_cam_ego": [[[0, -2, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]]},
        "T_cam_ego: expected rigid transforms",
    ),
    ({"T_image": np.zeros((1, 3, 3)).tolist()}, "T_image: expected pixel transforms that can be undone"),
    ({"size_px": [[48, 0]]}, "size_px: expected whole numbers of pixels, at least 1, found [48.0, 0.0] for camera 0"),
    ({"size_px": [[48, 80], [48, 80]]}, "size_px: expected finite numbers of shape (1, 2), found (2, 2)"),
    ({"K": []}, "K: expected finite numbers of shape (n, 3, 3)"),
    ({"T_rect_ego": np.zeros((4, 4)).tolist()}, "T_rect_ego: expected a rigid transform"),
    ({"T_rect_ego": [[1, 0], [0, 1]]}, "T_rect_ego: expected finite numbers of shape (1, 4, 4), found (1, 2, 2)"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_rigs_that_no_vehicle_has(change, message, tmp_path):
    (tmp_path / "rig.json").write_text(json.dumps(RIG))
    assert read_rig(tmp_path / "rig.json").cameras.K.shape == (1, 1, 3, 3)
    (tmp_path / "rig.json").write_text(json.dumps(RIG | change))
    with pytest.raises(InputError) as caught:
        read_rig(tmp_path / "rig.json")
    assert str(caught.value).startswith(f"{tmp_path / 'rig.json'}: {message}")


def test_a_method_without_an_exporter_is_answered_with_those_that_have_one(tmp_path, capsys):
    save_model(tmp_path / "model", TINY["qpn"], TINY["qpn"].build().state_dict())
    assert execute("export", tmp_path / "model", "--out", tmp_path / "a.onnx") == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "one whose networks can be exported: box, effocc, monoocc, vlscene" in said and "found qpn" in said


def example() -> dict:
    """What the example script defines."""
    names = {"__name__": "example"}
    exec(compile((ROOT / "examples" / "run_onnx.py").read_text(), "run_onnx.py", "exec"), names)
    return names


def test_example_makes_the_same_voxels():
    """Also where the caps bite."""
    network = lively("lidar")
    lidar, points = network.lidar, frame().points
    grid = lidar.grid
    rule = {"lower": list(grid.lower), "cell": list(grid.cell), "shape": list(grid.shape)}
    for per_voxel, most in ((10, 2000), (2, 50)):
        lidar.config = replace(lidar.config, max_points=per_voxel, voxels=most)
        features, coordinates = example()["voxels"](points.numpy(), **rule, per_voxel=per_voxel, most=most)
        expected = voxel_inputs(lidar, points)
        assert np.array_equal(coordinates, expected["voxel_coordinates"].numpy())
        np.testing.assert_allclose(features, expected["voxel_features"].numpy(), rtol=1e-5, atol=1e-6)


def test_example_runs_a_file(tmp_path):
    network = lively("lidar")
    save_model(tmp_path / "model", network.config, network.state_dict())
    assert execute("export", tmp_path / "model", "--out", tmp_path / "a.onnx", *SMALL) == 0
    np.savez(tmp_path / "frame.npz", points=frame().points.numpy())
    script = ROOT / "examples" / "run_onnx.py"
    paths = [str(tmp_path / name) for name in ("a.onnx", "frame.npz", "classes.npy")]
    subprocess.run([sys.executable, str(script), *paths], check=True, timeout=300)
    with torch.no_grad():
        expected = network(frame()).classes[0].numpy()
    found = np.load(paths[2])
    assert found.dtype == np.uint8 and (found == expected).mean() >= 0.999


@pytest.fixture(scope="module")
def pair_run(small_world, tmp_path_factory) -> Path:
    """Folder of a small VLScene after a step on the small world."""
    folder = tmp_path_factory.mktemp("pair") / "run"
    keep = ("--root", small_world, "--out", folder, "--device", "cpu", "--steps", "1")
    assert execute("train", "vlscene-world", *keep, "--set", *settings_for("vlscene-world")) == 0
    return folder


@pytest.mark.parametrize("calibration", ["free", "fixed"])
@pytest.mark.parametrize("recipe", ["monoocc-world", "vlscene-world"])
def test_networks_of_the_world(recipe, calibration, request, small_world, tmp_path, capsys):
    """On frames of the data, which may need prepared files; the rig of a report is the one that the file is for."""
    run = request.getfixturevalue("small_run" if recipe == "monoocc-world" else "pair_run")
    given = ("--root", small_world, "--cache", tmp_path / "cache", "--calibration", calibration)
    out = tmp_path / "a.onnx"
    assert execute("export", run / "model", "--out", out, *given, "--frames", "1", "--runs", "1") == 0
    said = capsys.readouterr().out
    assert "same class" in said and "val frames of" in said and "mIoU" in said
    report = json.loads(out.with_suffix(".json").read_text())
    assert report["parity"]["agreement"] >= 0.9999
    free = ["K", "T_cam_ego", "T_image"] if calibration == "free" else []
    own = {"monoocc-world": [*free, "proposals"], "vlscene-world": [*free, *(["T_rect_ego"] if free else [])]}
    assert list(report["inputs"]) == ["images", *own[recipe]]
    rig = report["rig"]
    assert (rig is None) == (calibration == "free") and (rig is None or len(rig["K"]) == len(rig["T_cam_ego"]))
    if rig is not None:
        assert ("T_rect_ego" in rig) == (recipe == "vlscene-world")
        known = read_rig(out.with_suffix(".json"))
        assert known.T_rect_ego is None or known.T_rect_ego[0].tolist() == rig["T_rect_ego"]
