"""Query proposals: voxels of the half-resolution grid that are probably occupied. They never come from voxel labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.sample import Sample, collate
from voxway.core.transforms import invert, transform_points
from voxway.data.config import DataConfig
from voxway.data.job import JobOptions
from voxway.data.prepared.flags import COARSENING
from voxway.data.prepared.registry import prepared_format
from voxway.data.samples import Samples
from voxway.engine.evaluate import network_predictor
from voxway.engine.model_files import fingerprint, load_model
from voxway.methods.contract import Method
from voxway.prepare.makers import Making
from voxway.prepare.stereo import stereo_depth

_STEREO_POINTS = 3
"""Points of a depth map that a proposed voxel needs at least: a depth map has many, and wild ones come singly."""
_STEREO_REACH_M = 80.0


def propose(points: Float[Tensor, "p 3"], grid: VoxelGrid, least: int = 1) -> Bool[Tensor, "x2 y2 z2"]:
    """Voxels at half resolution that hold at least `least` points (metres, ego frame)."""
    coarse = grid.coarsen(COARSENING)
    index = coarse.index(points)
    counts = torch.bincount(coarse.flat(index[coarse.holds(index)]), minlength=coarse.count)
    return (counts >= least).view(coarse.shape)


def propose_from_stereo(
    grid: VoxelGrid, images: UInt8[Tensor, "2 3 h w"], cameras: Cameras
) -> Bool[Tensor, "x2 y2 z2"]:
    """What a rectified stereo pair, left and right, proposes within 80 m.

    Raises:
        MissingExtra: OpenCV is not installed.
    """
    return propose(stereo_points(images, cameras), grid, _STEREO_POINTS)


def from_lidar(data: DataConfig, options: JobOptions) -> Making:
    """From the scan, or from `options.sweeps` scans put together: this one and those before it, which needs poses."""
    sweeps = options.sweeps or 1
    needs = ("points", "pose") if sweeps > 1 else ("points",)
    samples = Samples(replace(data.raw(*needs), earlier=tuple(range(1, sweeps)), prepared={}), every_frame=True)

    def make(key: str) -> np.ndarray:
        sample = samples[key]
        return propose(lidar_points(sample), sample.grid).numpy()

    settings = {"sweeps": sweeps, **data.recorded(frozenset(needs))}
    return Making(make=make, sources=samples.read_from, settings=settings)


def from_stereo(data: DataConfig, options: JobOptions) -> Making:
    """From the stereo pair, within 80 m.

    Raises:
        InputError: the dataset has no stereo pair.
    """
    samples = Samples(replace(data.raw("images").stereo(), prepared={}), every_frame=True)

    def make(key: str) -> np.ndarray:
        sample = samples[key]
        assert sample.images is not None and sample.cameras is not None
        return propose_from_stereo(sample.grid, sample.images, sample.cameras).numpy()

    return Making(make=make, sources=samples.read_from)


def from_network(data: DataConfig, options: JobOptions) -> Making:
    """From voxels with pseudo points, by a trained proposal network, `options.model`.

    Raises:
        InputError: no network or no pseudo points are named, or the network is damaged or proposes something else.
    """
    if options.model is None or "pseudo" not in data.prepared:
        lacking = [f"no --{name}" for name in ("model", "pseudo") if _lacks(name, data, options)]
        raise InputError(
            file="prepare",
            field="--model, --pseudo",
            expected="folders of the network and of the pseudo points",
            found=" and ".join(lacking),
            remedy="See `voxway prepare --help` for examples.",
        )
    network = load_model(options.model, options.device)
    assert isinstance(network, Method)
    samples = data.raw("pseudo").build()
    proposed = samples.task.grid.coarsen(COARSENING)
    if network.inputs != {"pseudo"} or network.task.grid != proposed:
        raise InputError(
            file=options.model,
            field="network",
            expected=f"one that reads pseudo points and predicts {proposed}",
            found=f"one that reads {', '.join(sorted(network.inputs))} and predicts {network.task.grid}",
            remedy="Train a proposal network first; `voxway train` with any other name lists the recipes.",
        )
    predict = network_predictor(network)
    free = network.task.free

    def make(key: str) -> np.ndarray:
        classes = predict(collate([samples[key]]).to(options.device))[0]
        return classes.ne(free).numpy()

    def sources(key: str) -> list[Path]:
        return [prepared_format("pseudo").path(data.prepared["pseudo"], key)]

    return Making(make=make, sources=sources, settings={"network": fingerprint(options.model)})


def lidar_points(sample: Sample) -> Float[Tensor, "p 3"]:
    """Points of a scan and of the earlier scans that were read with it, in the key frame."""
    assert sample.points is not None
    clouds = [sample.points[:, :3]]
    for frame in sample.earlier:
        assert sample.pose is not None and frame.pose is not None and frame.points is not None
        clouds.append(transform_points((invert(sample.pose) @ frame.pose).float(), frame.points[:, :3]))
    return torch.cat(clouds)


def stereo_points(images: UInt8[Tensor, "2 3 h w"], cameras: Cameras) -> Float[Tensor, "p 3"]:
    """Points (metres, ego frame) that a rectified stereo pair, left and right, sees within 80 m."""
    left, right = (image.permute(1, 2, 0).contiguous().numpy() for image in images)
    P = cameras.projection
    depth = torch.from_numpy(stereo_depth(left, right, float(P[0, 0, 3] - P[1, 0, 3])))
    rows, columns = ((depth > 0) & (depth < _STEREO_REACH_M)).nonzero(as_tuple=True)
    pixels = torch.stack([columns, rows], -1).float()
    return cameras[:1].unproject(pixels[None], depth[rows, columns][None])[0]


def _lacks(name: str, data: DataConfig, options: JobOptions) -> bool:
    return options.model is None if name == "model" else name not in data.prepared
