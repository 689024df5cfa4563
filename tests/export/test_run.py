"""Exported files say what their networks say: any calibration, any number of voxels and proposals."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from tests.export.lively import exporter, frame, lively
from tests.methods.tiny import TINY
from tests.small_world import leftovers
from voxway.core.calibration import RECTIFIED, Calibration
from voxway.core.errors import InputError, MissingExtra, OutputError
from voxway.export.onnx_file import check_standard, need_packages, without_output
from voxway.export.parity import open_session
from voxway.export.run import ExportConfig, export_network
from voxway.methods import registry
from voxway.methods.effocc.export.fold import fold_norms
from voxway.methods.effocc.export.lidar import VOXELS
from voxway.nn.conv_norm import ConvNorm

CAMERAS = ("images", "K", "T_cam_ego", "T_image")
INPUTS = {
    "fusion": ("images", "depth", *CAMERAS[1:], *VOXELS),
    "camera": CAMERAS,
    "lidar": VOXELS,
    "camera-fixed": ("images",),
    "mono": (*CAMERAS, "proposals"),
    "mono-fixed": ("images", "proposals"),
    "frames": (*CAMERAS, "proposals"),
    "stereo": (*CAMERAS, RECTIFIED),
    "stereo-fixed": ("images",),
}
"""What the file of each case is fed."""
SLOW = {"frames"}
CASES = [pytest.param(case, marks=[pytest.mark.slow] if case in SLOW else []) for case in INPUTS]


def name_of(case):
    return case.removesuffix("-fixed")


def fed(network, batch, inputs):
    """What a file of the network is fed, as far as it asks for it."""
    everything = exporter(network)(network, [batch], None).feed(batch)
    return {value.name: everything[value.name] for value in inputs}


@torch.no_grad()
def agrees(network, path, batch, fixed=None):
    """Whether a file says what its network says, with voxels in any order."""
    session = open_session(path, 1)
    inputs = fed(network, batch, session.get_inputs())
    if VOXELS[0] in inputs:
        mixed = np.random.default_rng(0).permutation(len(inputs[VOXELS[0]]))
        inputs |= {name: inputs[name][mixed] for name in VOXELS}
    truth = network(batch if fixed is None else fixed.put_on(batch))
    classes, logits = session.run(["classes", "logits"], inputs)
    assert classes.dtype == np.uint8 and logits.shape == tuple(truth.logits.shape)
    np.testing.assert_allclose(logits, truth.logits.numpy(), atol=1e-2, rtol=1e-4)
    return (classes == truth.classes.numpy()).mean()


@pytest.mark.parametrize("case", CASES)
def test_file_says_what_the_network_says(case, exported):
    network, path, report = exported(case)
    with torch.no_grad():
        classes = [network(frame(seed, name_of(case))).classes for seed in (0, 1)]
    assert len(classes[0].unique()) >= 5 and (classes[0] != classes[1]).float().mean() > 0.02
    assert report.parity.agreement >= 0.999 and report.parity.frames == 2
    for seed in (0, 1, 7):
        assert agrees(network, path, frame(seed, name_of(case))) >= 0.999


@pytest.mark.parametrize("case", CASES)
def test_report_is_that_of_the_file(case, exported):
    _, path, report = exported(case)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    check_standard(model)
    assert {opset.domain: opset.version for opset in model.opset_import} == {"": report.opset}
    assert sum(report.operators.values()) == len(model.graph.node)
    assert json.loads(path.with_suffix(".json").read_text()) == json.loads(json.dumps(report.to_json()))
    assert tuple(report.inputs) == INPUTS[case] == tuple(value.name for value in open_session(path).get_inputs())
    assert report.outputs == {"classes": "uint8 (1, 32, 32, 8)", "logits": "float32 (1, 20, 32, 32, 8)"}
    free = "none" if case == "lidar" else "free"
    expected = "fixed" if case.endswith("-fixed") else free
    assert report.facts["calibration"] == expected and (report.rig is not None) == (expected == "fixed")
    assert (VOXELS[0] in report.inputs) == ("voxels" in report.facts)
    for text in (path.name, "same class", "float32, opset 18", "median of 1 runs"):
        assert text in str(report)


def moved(batch):
    """The frame with its cameras turned, raised and mirrored, and its pictures cropped."""
    turn = torch.eye(4, dtype=torch.float64)
    turn[:2, :2] = torch.tensor([[0.8, -0.6], [0.6, 0.8]])
    turn[2, 3] = 0.7
    T = torch.diag(torch.tensor([1.0, -1, 1, 1], dtype=torch.float64)) @ turn
    crop = torch.tensor([[1.3, 0, -9], [0, 1.3, -4], [0, 0, 1]], dtype=torch.float64)
    cameras = batch.cameras.move_ego(T).transform_image(crop, (48, 80))
    rectified = {name: matrix.double() @ T.inverse() for name, matrix in batch.extras.items() if name == RECTIFIED}
    return replace(batch, cameras=cameras, extras={**batch.extras, **rectified})


@pytest.mark.parametrize("case", ["fusion", "camera", "mono", "stereo"])
def test_free_calibration_obeys_the_cameras(case, exported):
    network, path, _ = exported(case)
    with torch.no_grad():
        difference = network(moved(frame(0, case))).logits - network(frame(0, case)).logits
    assert difference.abs().max() > 0.1
    assert agrees(network, path, moved(frame(0, case))) >= 0.999


@pytest.mark.parametrize("case", ["camera", "mono", "stereo"])
def test_fixed_calibration_does_not(case, exported):
    network, path, _ = exported(f"{case}-fixed")
    assert agrees(network, path, moved(frame(0, case)), Calibration.of(frame(0, case))) >= 0.999


@pytest.mark.parametrize("points", [0, 1, 2, 40])
@pytest.mark.parametrize("case", ["fusion", "lidar"])
def test_any_number_of_voxels(case, points, exported):
    network, path, _ = exported(case)
    batch = frame(2)
    few = replace(batch, points=batch.points[:points], point_offsets=torch.tensor([0, points]))
    assert agrees(network, path, few) >= 0.999


@pytest.mark.parametrize("share", [0.0, 0.001, 1.0])
def test_any_number_of_proposals(share, exported):
    network, path, _ = exported("mono")
    batch = frame(2, "mono")
    chosen = torch.rand(batch.proposals.shape, generator=torch.Generator().manual_seed(3)) < share
    assert agrees(network, path, replace(batch, proposals=chosen)) >= 0.999


def test_inputs_of_a_wrong_shape_are_refused(exported):
    network, path, _ = exported("camera")
    session = open_session(path)
    inputs = fed(network, frame(), session.get_inputs())
    for name in CAMERAS:
        with pytest.raises(Exception, match=rf"(?s)invalid dimensions for input: {name}"):
            session.run(None, inputs | {name: inputs[name][..., :-1]})


@torch.no_grad()
def test_folded_norms_change_nothing():
    network = lively("fusion")
    made = exporter(network)(network, [frame()], None)
    inputs = made.feed(frame())
    _, logits = made(*(torch.from_numpy(array) for array in inputs.values()))
    torch.testing.assert_close(logits, network(frame()).logits, atol=1e-4, rtol=1e-4)
    assert any(isinstance(module, ConvNorm) for module in network.modules())
    assert not any(isinstance(module, ConvNorm) for module in fold_norms(network).modules())


def test_output_is_cut_off_with_all_that_led_to_it(exported):
    _, path, _ = exported("camera")
    model = onnx.load(path)
    cut = without_output(model, "logits")
    onnx.checker.check_model(cut, full_check=True)
    assert [output.name for output in cut.graph.output] == ["classes"]
    assert len(cut.graph.node) <= len(model.graph.node)


def test_other_methods_are_refused(tmp_path):
    with pytest.raises(
        InputError,
        match=r"method: expected one whose networks can be exported: box, effocc, monoocc, vlscene, found qpn\. ",
    ):
        registry.exporter("qpn")
    for name in ("effocc", "monoocc", "vlscene"):
        with pytest.raises(TypeError, match="not of QPN"):
            export_network(TINY["qpn"].build(), registry.exporter(name), [frame()], tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_a_file_that_says_something_else_is_not_left(tmp_path, monkeypatch):
    out = tmp_path / "a.onnx"
    out.write_bytes(b"old")
    network = lively("camera")
    wrong = {"classes": np.full(1, 200, np.uint8), "logits": np.zeros(1)}
    monkeypatch.setattr("voxway.export.run._answer", lambda *_: wrong)
    with pytest.raises(
        InputError, match=r"agreement: expected the network's class in 99\.9 % of voxels, found 0\.000 %"
    ):
        export_network(network, exporter(network), [frame()], out)
    assert out.read_bytes() == b"old" and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": "flaot16"}, r"precision: name: expected one of float32, float16, int8, found 'flaot16'"),
        ({"runs": 0}, r"runs, least_agreement: expected at least 1"),
        ({"least_agreement": 1.5}, r"a share between 0 and 1, found 5, 1\.5"),
    ],
)
def test_unusable_settings(settings, message):
    with pytest.raises(InputError, match=message):
        ExportConfig(**settings)


def without_points(batch):
    return replace(batch, points=batch.points[:0], point_offsets=torch.tensor([0, 0]))


UNUSABLE = [
    (
        "camera",
        lambda: [frame(), frame(size=(40, 80))],
        None,
        "images that are all of one size, found 40 x 80, 48 x 80",
    ),
    (
        "lidar",
        lambda: [without_points(frame())],
        None,
        "voxel_features: expected a frame with at least two, found 0 in",
    ),
    (
        "mono",
        lambda: [frame(0, "mono")],
        "stereo",
        "cameras: expected as many in all frames, and in the rig, found 1 and 2",
    ),
    ("frames", lambda: [frame(0, "frames")], "frames", "calibration: expected free, for a network of several frames"),
    ("stereo", lambda: [frame(0, "mono")], None, "T_rect_ego: expected present, found absent"),
]


@pytest.mark.parametrize(("name", "frames", "rig", "message"), UNUSABLE)
def test_unusable_frames(name, frames, rig, message, tmp_path):
    network = lively(name)
    fixed = None if rig is None else Calibration.of(frame(0, rig))
    with pytest.raises(InputError, match=message):
        export_network(network, exporter(network), frames(), tmp_path / "a.onnx", fixed=fixed)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    network = lively("camera")
    with pytest.raises(OutputError, match="a folder that can be written to"):
        export_network(network, exporter(network), [frame()], tmp_path / "file" / "a.onnx")
    assert not leftovers(tmp_path)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtra, match=r"onnxscript: package: .* pip install 'voxway\[export\]'"):
        need_packages()


def test_operators_of_others_are_refused():
    node = onnx.helper.make_node("FusedConv", ["a"], ["b"], domain="com.microsoft")
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], []))
    with pytest.raises(InputError, match=r"expected those of the ONNX standard alone, found com\.microsoft\.FusedConv"):
        check_standard(model)
