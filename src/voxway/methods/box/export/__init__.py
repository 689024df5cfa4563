"""Box networks as graphs for ONNX files."""

from voxway.methods.box.export.network import graph

__all__ = ["graph"]
