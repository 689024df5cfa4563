"""8-bit integers for an exported network, and what no lower precision may touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voxway.export.quiet import quiet

_PLACES = {"Gather": 1, "GatherND": 1, "ScatterND": 1, "NonZero": 0, "TopK": 0}
"""Operators that take places, and which of their inputs they are."""


def positional(model: Any) -> frozenset[str]:
    """Names of the nodes that decide where things are: from calibration and coordinates to cells and tables."""
    made_by = {output: node for node in model.graph.node for output in node.output}
    wanted = [node.input[_PLACES[node.op_type]] for node in model.graph.node if node.op_type in _PLACES]
    found: set[str] = set()
    while wanted:
        node = made_by.get(wanted.pop())
        if node is not None and node.name not in found:
            found.add(node.name)
            wanted += node.input
    return frozenset(found)


def to_int8(model: Any, source: Path, target: Path, feeds: Sequence[Mapping[str, np.ndarray]]) -> None:
    """Write a model with convolutions and matrix products in 8-bit integers, weights scaled per channel.

    Args:
        model: in float32.
        source: where it lies on disk.
        target: where to write.
        feeds: inputs of some frames, over which the range of every activation is taken.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Frames(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest: Iterator[Mapping[str, np.ndarray]] = iter(feeds)

        def get_next(self) -> Any:
            return next(self.rest, None)

    with quiet():
        quantize_static(
            str(source),
            str(target),
            Frames(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=sorted(positional(model)),
        )
