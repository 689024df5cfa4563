"""EFFOcc's networks as graphs for ONNX files."""

from voxway.methods.effocc.export.network import graph

__all__ = ["graph"]
