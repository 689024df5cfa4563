"""A network's graph to an ONNX file of standard operators, and what such a file holds."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from voxway.core.errors import InputError, MissingExtra
from voxway.export.quiet import quiet
from voxway.export.tidy import tidy
from voxway.methods.contract import Graph

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

OPSET = 18
"""Old enough for runtimes that vehicles hold, new enough for sums by scattering (16)."""


_ROWS = "rows"
"""What the length of ragged inputs is called in a file."""


def need_packages() -> None:
    """Refuse to begin without the packages of the extra.

    Raises:
        MissingExtra: one of them is not installed.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        try:
            importlib.import_module(package)
        except ImportError:
            raise MissingExtra(package, "export", "exporting networks") from None


def to_onnx(graph: Graph, inputs: Mapping[str, np.ndarray]) -> ModelProto:
    """The ONNX model of a graph.

    Args:
        graph: the graph, an `nn.Module`.
        inputs: an example of each input, by name. Shapes are those of the file, but for the ragged ones.

    Raises:
        InputError: the graph needs operators that are not standard.
        TypeError: the graph is no module.
    """
    if not isinstance(graph, nn.Module):
        raise TypeError(f"a graph must be an nn.Module, too, got {type(graph).__name__}")
    tensors = tuple(torch.from_numpy(array) for array in inputs.values())
    most = max(graph.ragged.values(), default=0)
    rows = torch.export.Dim(_ROWS, min=2, max=most) if most else None
    shapes = tuple({0: rows} if name in graph.ragged else None for name in inputs)
    with torch.no_grad(), quiet():
        program = torch.export.export(graph, tensors, dynamic_shapes=(shapes,), strict=False)
        exported = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(graph.output_names),
            optimize=False,
            verbose=False,
        )
        assert exported is not None  # it is None where a file is written at once
        tidy(exported.model)
    model = exported.model_proto
    for node in model.graph.node:
        # Stack traces of the machine that exported are nobody's business.
        del node.metadata_props[:]
        node.doc_string = ""
    _name_axis(model, graph.ragged)
    check_standard(model)
    return model


def _name_axis(model: ModelProto, ragged: Mapping[str, int]) -> None:
    """Call the length that ragged inputs share by our name, in place of the exporter's symbol."""
    symbols = {v.type.tensor_type.shape.dim[0].dim_param for v in model.graph.input if v.name in ragged}
    for value in [*model.graph.input, *model.graph.value_info]:
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in symbols:
                axis.dim_param = _ROWS


def check_standard(model: ModelProto) -> None:
    """Refuse operators that are not part of the ONNX standard, and functions in place of operators.

    Raises:
        InputError: there are some.
    """
    strange = sorted(
        {f"{node.domain}.{node.op_type}" for node in model.graph.node if node.domain not in ("", "ai.onnx")}
    )
    strange += [f"function {function.name}" for function in model.functions]
    if strange:
        raise InputError(
            file="export",
            field="operators",
            expected="those of the ONNX standard alone",
            found=", ".join(strange),
            remedy="Please report the network's configuration: every published one can do without.",
        )


def without_output(model: ModelProto, name: str) -> ModelProto:
    """The model without one of its outputs, and without what only that output needed."""
    import onnx

    pruned = onnx.ModelProto()
    pruned.CopyFrom(model)
    kept = [output for output in pruned.graph.output if output.name != name]
    needed, nodes = {output.name for output in kept}, []
    for node in reversed(pruned.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    del pruned.graph.output[:], pruned.graph.node[:]
    pruned.graph.output.extend(kept)
    pruned.graph.node.extend(reversed(nodes))
    return pruned


def operators(model: ModelProto) -> dict[str, int]:
    """How often each operator occurs, the most frequent first."""
    return dict(Counter(node.op_type for node in model.graph.node).most_common())


def signature(values: Iterable[ValueInfoProto]) -> dict[str, str]:
    """Inputs or outputs of a model as ``"float32 (1, 6, 3, 256, 704)"``, by name."""
    import onnx

    described = {}
    for value in values:
        kind = value.type.tensor_type
        shape = ", ".join(str(axis.dim_param or axis.dim_value) for axis in kind.shape.dim)
        described[value.name] = f"{onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)} ({shape})"
    return described


def save(model: ModelProto, path: Path) -> None:
    """Write a model as one file."""
    import onnx

    onnx.save(model, str(path))
