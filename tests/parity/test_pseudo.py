"""Pseudo points and their voxels against the published preparation."""

from __future__ import annotations

import numpy as np
import torch

from tests.conftest import Reference
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.prepare.pseudo import holding, pseudo_points

P2 = np.array([
    [707.0912, 0, 601.8873, 46.88783],
    [0, 707.0912, 183.1104, 0.1178601],
    [0, 0, 1, 0.006203223],
])  # fmt: skip
Tr = np.array([
    [-0.001857739385241, -0.999965951351, -0.008039975204516, -0.004784029760483],
    [-0.006481465826011, 0.008051860151134, -0.9999466081774, -0.07337429464231],
    [0.9999773098287, -0.001805528627661, -0.006496203536139, -0.3339968064433],
    [0, 0, 0, 1],
])  # fmt: skip
"""KITTI odometry's calibration of sequence 08, which both cases use."""


def test_points(reference: Reference) -> None:
    # Every tenth row and column carries a depth, all other pixels are unknown.
    sparse = np.clip(12 + 8 * reference.image((37, 122), ".depth").numpy(), 2, 60).astype(np.float32)
    depth = np.zeros((370, 1220), np.float32)
    depth[::10, ::10] = sparse
    points = pseudo_points(depth, P2, Tr)
    assert len(points) == int(reference["pseudo/kept"])
    (key,) = reference.keys("pseudo/points|")
    np.testing.assert_allclose(eval(f"points[{key.partition('|')[2]}]"), reference[key], atol=1e-4)


def test_voxels(reference: Reference) -> None:
    flags = holding(torch.from_numpy(reference["pseudo/vox_points"]), SEMANTIC_KITTI.grid)
    np.testing.assert_array_equal(np.packbits(flags.numpy()), reference["pseudo/vox_packed"])
    assert int(flags.sum()) == int(reference["pseudo/vox_count"])
