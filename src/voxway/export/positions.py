"""What no lower precision may touch: the part of an exported network that decides where things are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto

_TAKERS = {"Gather": 1, "GatherND": 1, "ScatterND": 1, "NonZero": 0, "TopK": 0}
"""Operators that take positions, and which of their inputs they are."""


def positional(model: ModelProto) -> frozenset[str]:
    """Names of the nodes that decide where things are: from calibration and coordinates to cells and tables."""
    made_by = {output: node for node in model.graph.node for output in node.output}
    wanted = [node.input[_TAKERS[node.op_type]] for node in model.graph.node if node.op_type in _TAKERS]
    found: set[str] = set()
    while wanted:
        node = made_by.get(wanted.pop())
        if node is not None and node.name not in found:
            found.add(node.name)
            wanted += node.input
    return frozenset(found)
