"""MonoOcc's networks as graphs for ONNX files."""

from voxway.methods.monoocc.export.network import graph

__all__ = ["graph"]
