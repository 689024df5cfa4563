"""What no lower precision may touch: the part of an exported network that decides where things are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_TAKERS = {"Gather": 1, "GatherND": 1, "GridSample": 1, "ScatterND": 1, "NonZero": 0, "TopK": 0}
"""Operators that take positions, and which of their inputs they are."""
_COMPARISONS = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators that are layers of a network if one of their inputs is a constant matrix."""


def positional(model: ModelProto) -> frozenset[str]:
    """Names of the nodes that decide where things are, and of those that look at nothing else.

    They are what leads from calibration and coordinates to cells and tables; where a network chooses places itself,
    what follows from the layer that predicts them, with that layer; and all that is made of these and of calibration
    alone, such as shares of neighbouring pixels, or gates for a camera, whose numbers share no scale.
    """
    constants = _constants(model)
    made_by = {output: node for node in model.graph.node for output in node.output}
    wanted = [node.input[_TAKERS[node.op_type]] for node in model.graph.node if node.op_type in _TAKERS]
    found: set[str] = set()
    while wanted:
        node = made_by.get(wanted.pop())
        if node is not None and node.name not in found:
            found.add(node.name)
            wanted += () if _is_layer(node, constants) else node.input
    known = {value.name for value in model.graph.input if _is_calibration(value.name)}
    for node in model.graph.node:
        read = set(node.input) - constants
        if node.op_type in _TAKERS:  # what stands at a place is no place
            read.add(node.input[0])
        if node.name in found or (read and read <= known):
            found.add(node.name)
            known.update(node.output)
    return frozenset(found)


def deciding(model: ModelProto) -> frozenset[str]:
    """Names of the nodes that decide, by a comparison, what counts at all: from what was summed or gathered at places.

    In integers small features become zero, and what is not zero is what sparse layers work on.
    """
    made_by = {output: node for node in model.graph.node for output in node.output}
    wanted = [name for node in model.graph.node if node.op_type in _COMPARISONS for name in node.input]
    found: set[str] = set()
    while wanted:
        node = made_by.get(wanted.pop())
        if node is not None and node.name not in found and node.op_type not in _TAKERS:
            found.add(node.name)
            wanted += node.input
    return frozenset(found)


def _constants(model: ModelProto) -> set[str]:
    """Names of weights, and of what is made of weights alone; an absent input counts as one."""
    constants = {"", *(weight.name for weight in model.graph.initializer)}
    for node in model.graph.node:
        if constants.issuperset(node.input):
            constants.update(node.output)
    return constants


def _is_layer(node: NodeProto, constants: set[str]) -> bool:
    return node.op_type in _LAYERS and any(name in constants for name in node.input)


def _is_calibration(name: str) -> bool:
    """Whether an input is one: intrinsics, or a transform from one frame into another."""
    return name == "K" or name.startswith("T_")
