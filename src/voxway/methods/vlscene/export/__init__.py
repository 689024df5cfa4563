"""VLScene's networks as graphs for ONNX files."""

from voxway.methods.vlscene.export.network import graph

__all__ = ["graph"]
