"""Lower precisions: files are smaller, say nearly the same, and leave places alone."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from tests.export.lively import exporter, frame, lively
from tests.export.test_run import fed
from voxway.export.float16 import to_float16
from voxway.export.int8 import to_int8
from voxway.export.onnx_file import check_standard, save
from voxway.export.parity import open_session
from voxway.export.positions import deciding, positional
from voxway.export.run import ExportConfig, export_network


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_lower_precision(precision, tmp_path):
    network = lively("camera")
    calibrate = [frame(seed) for seed in (3, 4)]
    config = ExportConfig(precision=precision, runs=1)
    report = export_network(network, exporter(network), [frame()], tmp_path / "small.onnx", config, calibrate=calibrate)
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


def lowered(precision, case, exported, folder):
    """The file of a case in lower precision, and what it is fed."""
    network, path, _ = exported(case)
    model, small = onnx.load(path), folder / "small.onnx"
    inputs = fed(network, frame(0, case), model.graph.input)
    if precision == "float16":
        save(to_float16(model), small)
    else:
        to_int8(model, path, small, [inputs])
    check_standard(onnx.load(small))
    return network, small, inputs


CORRELATION = {"fusion": (0.999, 0.9), "mono": (0.999, 0.95), "stereo": (0.999, 0.97)}


@pytest.mark.parametrize("precision", ["float16", "int8"])
@pytest.mark.parametrize("case", CORRELATION)
@torch.no_grad()
def test_lower_precision_of_other_networks(precision, case, exported, tmp_path):
    network, small, inputs = lowered(precision, case, exported, tmp_path)
    (logits,) = open_session(small).run(["logits"], inputs)
    truth = network(frame(0, case)).logits.numpy()
    least = CORRELATION[case][0 if precision == "float16" else 1]
    assert np.corrcoef(logits.ravel(), truth.ravel())[0, 1] > least


@pytest.mark.parametrize("case", ["fusion", "mono", "stereo"])
def test_half_leaves_places_alone(case, exported):
    """All that leads to a place is computed in float32, and casts are the only new nodes."""
    _, path, _ = exported(case)
    model = onnx.load(path)
    half = to_float16(model)
    kinds = {v.name: v.type.tensor_type.elem_type for v in onnx.shape_inference.infer_shapes(half).graph.value_info}
    placed = positional(model)
    assert placed and not [n for n in half.graph.node if n.name in placed and 10 in {kinds.get(o) for o in n.output}]
    features = [n for n in half.graph.node if n.op_type == "Conv" and n.name not in placed]
    assert features and all(kinds[n.output[0]] == 10 for n in features)
    before = {node.name for node in model.graph.node}
    assert {node.op_type for node in half.graph.node if node.name not in before} == {"Cast"}
    assert all(kinds[n.output[0]] != 10 for n in half.graph.node if n.op_type in ("ScatterND", "Softmax"))


def sampling_layer():
    """A made-up graph: features from a picture, places from features, what stands there, what of it counts, a gate."""
    node, constant = onnx.helper.make_node, onnx.numpy_helper.from_array
    weights = [constant(np.ones((4, 4), np.float32), name) for name in ("encode.weight", "offset.weight")]
    weights.append(constant(np.zeros(1, np.float32), "zero"))
    nodes = [
        node("MatMul", ["images", "encode.weight"], ["features"], "encode"),
        node("MatMul", ["features", "offset.weight"], ["offset"], "offset"),
        node("Floor", ["offset"], ["first"], "floor"),
        node("Cast", ["first"], ["index"], "index", to=onnx.TensorProto.INT64),
        node("Gather", ["features", "index"], ["gathered"], "gather"),
        node("Gather", ["offset.weight", "index"], ["learnt"], "learn"),
        node("Sub", ["offset", "first"], ["share"], "share"),
        node("Mul", ["gathered", "share"], ["weighted"], "weigh"),
        node("Exp", ["K"], ["described"], "describe"),
        node("Mul", ["features", "described"], ["gated"], "gate"),
        node("MatMul", ["gathered", "encode.weight"], ["spread"], "spread"),
        node("Greater", ["spread", "zero"], ["active"], "compare"),
    ]
    kind = onnx.TensorProto.FLOAT
    values = [onnx.helper.make_tensor_value_info(name, kind, [4, 4]) for name in ("images", "K", "weighted", "gated")]
    return onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", values[:2], values[2:], weights))


def test_places_that_a_network_chooses():
    """From the layer that predicts them on, with all that is made of them and of calibration alone."""
    assert positional(sampling_layer()) == {"offset", "floor", "index", "share", "describe"}


def test_layers_that_decide_what_counts():
    """Back to what was read or summed at places."""
    assert deciding(sampling_layer()) == {"spread"}
