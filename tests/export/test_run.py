"""Exported files say what their networks say: any calibration, any number of voxels, every precision."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from tests.export.lively import CAMERA, CONFIGS, FUSION, lively
from tests.export.lively import frame as tiny_frame
from tests.methods.tiny import TINY
from tests.small_world import leftovers
from voxway.core.errors import InputError, MissingExtra, OutputError
from voxway.export.float16 import to_float16
from voxway.export.int8 import to_int8
from voxway.export.onnx_file import check_standard, need_packages, save, without_output
from voxway.export.parity import open_session
from voxway.export.positions import positional
from voxway.export.run import ExportConfig, export_network
from voxway.methods import registry
from voxway.methods.effocc.export import graph
from voxway.methods.effocc.export.fold import fold_norms
from voxway.methods.effocc.export.lidar import VOXELS
from voxway.nn.conv_norm import ConvNorm

EXPORTS = {"fusion": False, "camera": False, "lidar": False, "camera-fixed": True}
LOUD = ExportConfig(logits=True, runs=1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Each file once, with its network and report."""
    folder, made = tmp_path_factory.mktemp("onnx"), {}

    def export(name):
        if name not in made:
            network = lively(CONFIGS[name.removesuffix("-fixed")])
            fixed = tiny_frame().cameras if EXPORTS[name] else None
            report = export_network(
                network, graph, [tiny_frame(), tiny_frame(1)], folder / f"{name}.onnx", LOUD, fixed=fixed
            )
            made[name] = network, folder / f"{name}.onnx", report
        return made[name]

    return export


def fed(network, batch, inputs):
    """What a file of the network is fed, as far as it asks for it."""
    everything = graph(network, [batch], None).feed(batch)
    return {value.name: everything[value.name] for value in inputs}


@torch.no_grad()
def agrees(network, path, batch, cameras=None):
    """Whether a file says what its network says, with voxels in any order."""
    session = open_session(path, 1)
    inputs = fed(network, batch, session.get_inputs())
    if VOXELS[0] in inputs:
        mixed = np.random.default_rng(0).permutation(len(inputs[VOXELS[0]]))
        inputs |= {name: inputs[name][mixed] for name in VOXELS}
    truth = network(batch if cameras is None else replace(batch, cameras=cameras))
    classes, logits = session.run(["classes", "logits"], inputs)
    assert classes.dtype == np.uint8 and logits.shape == tuple(truth.logits.shape)
    np.testing.assert_allclose(logits, truth.logits.numpy(), atol=1e-2, rtol=1e-4)
    return (classes == truth.classes.numpy()).mean()


@pytest.mark.parametrize("name", EXPORTS)
def test_file_says_what_the_network_says(name, exported):
    network, path, report = exported(name)
    with torch.no_grad():
        classes = [network(tiny_frame(seed)).classes for seed in (0, 1)]
    assert len(classes[0].unique()) >= 5 and (classes[0] != classes[1]).float().mean() > 0.02
    assert report.parity.agreement >= 0.999 and report.parity.frames == 2
    for seed in (0, 1, 7):
        assert agrees(network, path, tiny_frame(seed)) >= 0.999


@pytest.mark.parametrize("name", EXPORTS)
def test_report_is_that_of_the_file(name, exported):
    network, path, report = exported(name)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    check_standard(model)
    assert {opset.domain: opset.version for opset in model.opset_import} == {"": report.opset}
    assert sum(report.operators.values()) == len(model.graph.node)
    assert json.loads(path.with_suffix(".json").read_text()) == json.loads(json.dumps(report.to_json()))
    assert list(report.inputs) == [value.name for value in open_session(path).get_inputs()]
    assert report.outputs == {"classes": "uint8 (1, 32, 32, 8)", "logits": "float32 (1, 20, 32, 32, 8)"}
    expected = {"fusion": "free", "camera": "free", "lidar": "none", "camera-fixed": "fixed"}[name]
    assert report.facts["calibration"] == expected and (report.rig is not None) == (expected == "fixed")
    assert ("voxel_features" in report.inputs) == (network.lidar is not None) == ("voxels" in report.facts)
    for text in (path.name, "same class", "float32, opset 18", "median of 1 runs"):
        assert text in str(report)


def moved(batch):
    """The frame with its cameras turned, raised and mirrored, and its pictures cropped."""
    turn = torch.eye(4, dtype=torch.float64)
    turn[:2, :2] = torch.tensor([[0.8, -0.6], [0.6, 0.8]])
    turn[2, 3] = 0.7
    mirror = torch.diag(torch.tensor([1.0, -1, 1, 1], dtype=torch.float64))
    crop = torch.tensor([[1.3, 0, -9], [0, 1.3, -4], [0, 0, 1]], dtype=torch.float64)
    return replace(batch, cameras=batch.cameras.move_ego(mirror @ turn).transform_image(crop, (48, 80)))


@pytest.mark.parametrize("name", ["fusion", "camera"])
def test_free_calibration_obeys_the_cameras(name, exported):
    network, path, _ = exported(name)
    with torch.no_grad():
        assert (network(moved(tiny_frame())).logits - network(tiny_frame()).logits).abs().max() > 0.1
    assert agrees(network, path, moved(tiny_frame())) >= 0.999


def test_fixed_calibration_does_not(exported):
    network, path, _ = exported("camera-fixed")
    assert agrees(network, path, moved(tiny_frame()), tiny_frame().cameras) >= 0.999


@pytest.mark.parametrize("points", [0, 1, 2, 40])
@pytest.mark.parametrize("name", ["fusion", "lidar"])
def test_any_number_of_voxels(name, points, exported):
    network, path, _ = exported(name)
    batch = tiny_frame(2)
    few = replace(batch, points=batch.points[:points], point_offsets=torch.tensor([0, points]))
    assert agrees(network, path, few) >= 0.999


def test_inputs_of_a_wrong_shape_are_refused(exported):
    network, path, _ = exported("camera")
    session = open_session(path)
    inputs = fed(network, tiny_frame(), session.get_inputs())
    for name in ("images", "K", "T_cam_ego", "T_image"):
        with pytest.raises(Exception, match=rf"(?s)invalid dimensions for input: {name}"):
            session.run(None, inputs | {name: inputs[name][..., :-1]})


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_lower_precision(precision, tmp_path):
    network = lively(CAMERA)
    calibrate = [tiny_frame(seed) for seed in (3, 4)]
    config = ExportConfig(precision=precision, runs=1)
    report = export_network(network, graph, [tiny_frame()], tmp_path / "small.onnx", config, calibrate=calibrate)
    model = onnx.load(tmp_path / "small.onnx")
    onnx.checker.check_model(model, full_check=True)
    check_standard(model)
    full = sum(parameter.numel() for parameter in network.parameters()) * 4e-6
    # Untrained networks decide by a hair: a wrong scale or place leaves one voxel in twenty, rounding most of them.
    least, share, kind = {"float16": (0.97, 0.6, 10), "int8": (0.4, 0.45, 3)}[precision]
    assert least < report.parity.agreement and report.parity.logits_difference > 0
    assert report.size_mb < share * full + 0.4
    assert any(weight.data_type == kind for weight in model.graph.initializer)
    assert list(report.outputs) == ["classes"] and "float32" in report.inputs["K"]


@pytest.mark.parametrize("precision", ["float16", "int8"])
@torch.no_grad()
def test_lower_precision_with_lidar(precision, exported, tmp_path):
    network, path, _ = exported("fusion")
    model, small = onnx.load(path), tmp_path / "small.onnx"
    inputs = fed(network, tiny_frame(), model.graph.input)
    if precision == "float16":
        save(to_float16(model), small)
    else:
        to_int8(model, path, small, [inputs])
    check_standard(onnx.load(small))
    (logits,) = open_session(small).run(["logits"], inputs)
    truth = network(tiny_frame()).logits.numpy()
    assert np.corrcoef(logits.ravel(), truth.ravel())[0, 1] > {"float16": 0.999, "int8": 0.9}[precision]


def test_half_leaves_places_alone(exported):
    """All that leads to an index is computed in float32, and casts are the only new nodes."""
    _, path, _ = exported("fusion")
    model = onnx.load(path)
    half = to_float16(model)
    kinds = {v.name: v.type.tensor_type.elem_type for v in onnx.shape_inference.infer_shapes(half).graph.value_info}
    placed = positional(model)
    assert placed and not [n for n in half.graph.node if n.name in placed and 10 in {kinds.get(o) for o in n.output}]
    halves = [n for n in half.graph.node if n.op_type == "Conv"]
    assert halves and all(kinds[n.output[0]] == 10 for n in halves)
    before = {node.name for node in model.graph.node}
    assert {node.op_type for node in half.graph.node if node.name not in before} == {"Cast"}
    assert all(kinds[n.output[0]] != 10 for n in half.graph.node if n.op_type in ("ScatterND", "Softmax"))


@torch.no_grad()
def test_folded_norms_change_nothing():
    network = lively(FUSION)
    made = graph(network, [tiny_frame()], None)
    inputs = made.feed(tiny_frame())
    _, logits = made(*(torch.from_numpy(array) for array in inputs.values()))
    torch.testing.assert_close(logits, network(tiny_frame()).logits, atol=1e-4, rtol=1e-4)
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
        InputError, match=r"method: expected one whose networks can be exported: effocc, found monoocc\. "
    ):
        registry.exporter("monoocc")
    with pytest.raises(TypeError, match="not of MonoOcc"):
        export_network(TINY["monoocc"].build(), registry.exporter("effocc"), [tiny_frame()], tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_a_file_that_says_something_else_is_not_left(tmp_path, monkeypatch):
    out = tmp_path / "a.onnx"
    out.write_bytes(b"old")
    network = lively(CAMERA)
    wrong = {"classes": np.full(1, 200, np.uint8), "logits": np.zeros(1)}
    monkeypatch.setattr("voxway.export.run._answer", lambda *_: wrong)
    with pytest.raises(
        InputError, match=r"agreement: expected the network's class in 99\.9 % of voxels, found 0\.000 %"
    ):
        export_network(network, graph, [tiny_frame()], out)
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


def test_unusable_frames(tmp_path):
    network = lively(CAMERA)
    one = tiny_frame()
    with pytest.raises(InputError, match=r"images that are all of one size, found 40 x 80, 48 x 80"):
        export_network(network, graph, [one, tiny_frame(size=(40, 80))], tmp_path / "a.onnx")
    empty = replace(one, points=one.points[:0], point_offsets=torch.tensor([0, 0]))
    with pytest.raises(InputError, match=r"voxel_features: expected a frame with at least two, found 0 in the fullest"):
        export_network(lively(CONFIGS["lidar"]), graph, [empty], tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a folder that can be written to"):
        export_network(lively(CAMERA), graph, [tiny_frame()], tmp_path / "file" / "a.onnx")
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
