"""An exported network in half precision: weights and activations, but for islands that stay in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from voxway.export.positions import positional

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_ISLANDS = ("ScatterND", "Softmax")
"""Sums of many terms lose too much in half precision."""
_ONLY_FIRST = ("Resize",)
"""Operators whose further inputs are float32 whatever the first is."""


def to_float16(model: ModelProto) -> ModelProto:
    """The model in half precision.

    Inputs and outputs stay as they are; so do nodes that decide where things are, and sums of many terms.
    """
    from onnx import ModelProto

    half = ModelProto()
    half.CopyFrom(model)
    _Halving(half).run()
    return half


class _Halving:
    """Walks the nodes in order and puts casts where a tensor is wanted in the other precision."""

    def __init__(self, model: ModelProto) -> None:
        import onnx

        self.onnx = onnx
        self.graph = model.graph
        self.single, self.short = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
        known = onnx.shape_inference.infer_shapes(model).graph
        values = [*known.input, *known.value_info, *known.output]
        self.weights = {weight.name: weight for weight in self.graph.initializer}
        self.kinds = {value.name: value.type.tensor_type.elem_type for value in values}
        self.kinds |= {name: weight.data_type for name, weight in self.weights.items()}
        self.islands = positional(model)
        self.halved: set[str] = set()  # tensors that are computed in half precision
        self.cast: dict[tuple[str, int], str] = {}
        self.nodes: list[NodeProto] = []

    def run(self) -> None:
        """Rewrite the graph."""
        for node in self.graph.node:
            island = node.name in self.islands or node.op_type in _ISLANDS or self.makes_numbers(node)
            wanted = self.single if island else self.short
            for i, name in enumerate(node.input):
                if self.kinds.get(name) == self.single and (i == 0 or node.op_type not in _ONLY_FIRST):
                    node.input[i] = self.in_precision(name, wanted)
            if not island:
                for attribute in node.attribute if node.op_type == "Cast" else ():
                    attribute.i = self.short if attribute.name == "to" and attribute.i == self.single else attribute.i
                self.halved.update(name for name in node.output if self.kinds.get(name) == self.single)
            self.nodes.append(node)
        self.restore_outputs()
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)
        used = {name for node in self.nodes for name in node.input}
        kept = [weight for weight in self.graph.initializer if weight.name in used]
        kept += [weight for name, weight in self.weights.items() if name in used and name.endswith(":half")]
        del self.graph.initializer[:], self.graph.value_info[:]
        self.graph.initializer.extend(kept)

    def in_precision(self, name: str, wanted: int) -> str:
        """The tensor's name in the wanted precision, cast if need be."""
        if (self.short if name in self.halved else self.single) == wanted:
            return name
        if (name, wanted) not in self.cast:
            changed = self.cast[name, wanted] = f"{name}:{'half' if wanted == self.short else 'single'}"
            if name in self.weights:
                values = self.onnx.numpy_helper.to_array(self.weights[name]).astype(np.float16)
                self.weights[changed] = self.onnx.numpy_helper.from_array(values, changed)
            else:
                self.nodes.append(self.onnx.helper.make_node("Cast", [name], [changed], f"cast {changed}", to=wanted))
        return self.cast[name, wanted]

    def makes_numbers(self, node: NodeProto) -> bool:
        """Whether a node has float32 results of nothing, as a constant has."""
        kinds = {self.kinds.get(name) for name in node.input}
        return node.op_type != "Cast" and self.single not in kinds and self.kinds.get(node.output[0]) == self.single

    def restore_outputs(self) -> None:
        """Give outputs of the graph their precision, under their names."""
        for output in self.graph.output:
            if output.name not in self.halved:
                continue
            inner = f"{output.name}:half"
            for node in self.nodes:
                node.input[:] = [inner if name == output.name else name for name in node.input]
                node.output[:] = [inner if name == output.name else name for name in node.output]
            cast = self.onnx.helper.make_node("Cast", [inner], [output.name], f"cast {output.name}", to=self.single)
            self.nodes.append(cast)
