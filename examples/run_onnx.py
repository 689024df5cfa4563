"""Run a network that `voxway export` wrote, with onnxruntime and NumPy alone.

    python examples/run_onnx.py camera.onnx frame.npz classes.npy

``frame.npz`` holds the file's inputs by name; instead of voxels it may hold ``points`` (p, 5), see `voxels`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


def voxels(
    points: np.ndarray, lower: list[float], cell: list[float], shape: list[int], per_voxel: int, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Points of a scan to voxels: features (v, c) float32 and coordinates (v, 3) int32, which are z, y, x.

    A voxel is the mean of its first `per_voxel` points; the `most` voxels that are touched first are kept. `lower`,
    `cell` (metres) and `shape` are those of the report, along x, y and z.
    """
    place = (points[:, :3] - np.float32(lower)) / np.float32(cell)
    inside = ((place >= 0) & (place < shape)).all(1)
    points, (x, y, z) = points[inside], place[inside].astype(np.int64).T
    _, first, voxel, counts = np.unique((z * shape[1] + y) * shape[0] + x, True, True, True)
    order = np.argsort(voxel, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    sums = np.zeros((len(first), points.shape[1]), np.float32)
    np.add.at(sums, voxel[rank < per_voxel], points[rank < per_voxel])
    means = sums / np.minimum(counts, per_voxel)[:, None].astype(np.float32)
    kept = np.argsort(first)[:most]
    return means[kept], np.stack([z, y, x], 1)[first[kept]].astype(np.int32)


def main(model: str, frame: str, out: str) -> None:
    """Predict one frame."""
    inputs = dict(np.load(frame))
    if "points" in inputs:
        report = json.loads(Path(model).with_suffix(".json").read_text())
        found = voxels(inputs.pop("points"), **report["voxels"])
        inputs["voxel_features"], inputs["voxel_coordinates"] = found
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (classes,) = session.run(["classes"], inputs)  # uint8 (1, x, y, z): class of every voxel
    np.save(out, classes[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
