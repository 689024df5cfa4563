"""Query proposals: which voxels of the half-resolution grid are probably occupied, from LiDAR or from stereo.

Written as the published archives hold them, ``<folder>/SS/queries/FFFFFF.query``: 128 x 128 x 16 bits. They never come
from voxel labels.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from voxway.core.grid import VoxelGrid
from voxway.core.sample import Sample
from voxway.core.transforms import invert, transform_points
from voxway.data.semantickitti.layout import write_flags
from voxway.data.semantickitti.reader import SemanticKITTI, SemanticKITTIConfig
from voxway.prepare.runner import run
from voxway.prepare.stereo import stereo_depth

Source = Literal["lidar", "stereo"]
TAG = "query"
_STEREO_POINTS = 3
"""Points of a depth map that a proposed voxel needs at least: a depth map has many, and wild ones come singly."""


def propose(points: Float[Tensor, "p 3"], grid: VoxelGrid, least: int = 1) -> Bool[Tensor, "x2 y2 z2"]:
    """Voxels at half resolution that hold at least `least` points (metres, ego frame)."""
    coarse = grid.coarsen(2)
    index = coarse.index(points)
    counts = torch.bincount(coarse.flat(index[coarse.holds(index)]), minlength=coarse.count)
    return (counts >= least).view(coarse.shape)


def lidar_points(sample: Sample) -> Float[Tensor, "p 3"]:
    """Points of a scan and of the earlier scans that were read with it, in the key frame."""
    assert sample.points is not None
    clouds = [sample.points[:, :3]]
    for frame in sample.earlier:
        assert sample.pose is not None and frame.pose is not None and frame.points is not None
        clouds.append(transform_points((invert(sample.pose) @ frame.pose).float(), frame.points[:, :3]))
    return torch.cat(clouds)


def stereo_points(sample: Sample) -> Float[Tensor, "p 3"]:
    """Points that the stereo pair (images of cameras 2 and 3) sees within 80 m, in the key frame."""
    assert sample.images is not None and sample.cameras is not None
    left, right = (image.permute(1, 2, 0).contiguous().numpy() for image in sample.images)
    P = sample.cameras.projection
    depth = torch.from_numpy(stereo_depth(left, right, float(P[0, 0, 3] - P[1, 0, 3])))
    rows, columns = ((depth > 0) & (depth < 80)).nonzero(as_tuple=True)
    pixels = torch.stack([columns, rows], -1).float()
    return sample.cameras[:1].unproject(pixels[None], depth[rows, columns][None])[0]


def prepare_proposals(
    data: SemanticKITTIConfig,
    folder: Path,
    source: Source,
    *,
    sweeps: int = 1,
    shard: tuple[int, int] = (0, 1),
    show: bool = True,
) -> int:
    """Write the proposals of all frames that `data` reads.

    Args:
        data: which frames; what they load is set here.
        folder: where to write; existing files are kept.
        source: ``"lidar"`` or ``"stereo"``.
        sweeps: LiDAR scans that are put together, this one and those before it; needs poses beyond one.
        shard: (i, n) does every n-th frame.
        show: draw a progress bar.

    Returns:
        how many files were made.

    Raises:
        InputError: a frame lacks its scan, images, calibration or poses, or they are damaged.
        MissingExtra: stereo without OpenCV.
    """
    if source == "lidar":
        needs = {"points", "pose"} if sweeps > 1 else {"points"}
        config = replace(data, needs=frozenset(needs), earlier=tuple(range(1, sweeps)), proposals=None)
    else:
        config = replace(data, needs=frozenset({"images"}), cameras=(2, 3), earlier=(), proposals=None)
    reader: SemanticKITTI = config.build()
    # The keys of the run itself: without a target to read, a reader may find more frames than are annotated.
    keys = replace(data, needs=data.needs - {"proposals"}, proposals=None).build().keys

    def make(key: str, path: Path) -> None:
        sample = reader[key]
        points = lidar_points(sample) if source == "lidar" else stereo_points(sample)
        flags: np.ndarray = propose(points, sample.grid, 1 if source == "lidar" else _STEREO_POINTS).numpy()
        write_flags(path, flags)

    return run(keys, lambda key: query_path(folder, key), make, what=f"proposals from {source}", shard=shard, show=show)


def query_path(folder: Path, key: str) -> Path:
    """Where a frame's proposals lie: `<folder>/SS/queries/FFFFFF.query`."""
    sequence, _, frame = key.partition("/")
    return folder / sequence / "queries" / f"{frame}.{TAG}"
