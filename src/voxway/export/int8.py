"""An exported network in 8-bit integers, but for the nodes that decide where things are, and what counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from voxway.export.positions import deciding, positional
from voxway.export.quiet import quiet

if TYPE_CHECKING:
    from onnx import ModelProto


def to_int8(model: ModelProto, source: Path, target: Path, feeds: Sequence[Mapping[str, np.ndarray]]) -> None:
    """Write a model with convolutions and linear layers in 8-bit integers, weights in 7 bits and scaled per channel.

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

        # None ends it, whatever the class that it overrides promises.
        def get_next(self) -> Mapping[str, np.ndarray] | None:  # ty: ignore[incompatible-method-override]
            return next(self.rest, None)

    with quiet():
        quantize_static(
            str(source),
            str(target),
            Frames(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            per_channel=True,
            # Weights in 7 bits: processors without instructions for 8-bit products add pairs of these in 16 bits, which
            # larger weights exceed, and then say something else without a word.
            reduce_range=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=sorted(positional(model) | deciding(model) | _without_weights(model)),
        )


def _without_weights(model: ModelProto) -> frozenset[str]:
    """Names of matrix products that are no layers: of activations with each other, or of a constant with them."""
    weights = {weight.name for weight in model.graph.initializer}
    return frozenset(n.name for n in model.graph.node if n.op_type == "MatMul" and n.input[1] not in weights)
