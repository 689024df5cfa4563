"""Depth of any frame, by source: from the stereo pair, by a network, or stored by another program.

Metres along the optical axis; what is not positive and finite is unknown. Kept as `voxway.data.prepared.maps` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32, Float64

from voxway.core.arrays import read_array
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.files import Json, writing
from voxway.core.sample import Sample
from voxway.data.checks.pictures import check_principal_point
from voxway.data.config import DataConfig
from voxway.data.job import JobOptions
from voxway.data.prepared.made import Origin
from voxway.data.prepared.maps import DepthMaps, require_metres
from voxway.prepare.depth_model import DepthModel, depth_foundation, load_depth_model
from voxway.prepare.makers import Making
from voxway.prepare.stereo import stereo_depth

_FORMAT = DepthMaps()
_LEAST_ROW = 0.25
"""Where principal points of cameras with one depth map lie, see `check_principal_point`."""


@runtime_checkable
class DepthSource(Protocol):
    """Where depth comes from."""

    def has(self, key: str) -> bool:
        """Whether there is what a frame's depth is read or made from."""
        ...

    def depth(self, key: str) -> Float32[np.ndarray, "h w"]:
        """Depth of the first camera; an `InputError` says what is missing or damaged."""
        ...

    def files(self, key: str) -> Sequence[Path]:
        """What a frame's depth is read or made from."""
        ...

    @property
    def settings(self) -> Mapping[str, Json]:
        """All else that changes it."""
        ...


def depth_source(data: DataConfig, options: JobOptions) -> DepthSource:
    """The source that the options name.

    Raises:
        InputError: what it needs is not named, or the dataset has no stereo pair.
        MissingExtra: a depth network without its package.
    """
    if options.source == "transformers":
        if options.depth_model is None:
            raise _unnamed("--depth-model", "the folder of a depth network")
        model = depth_foundation(options.depth_model, options.device)
        return model_source(data, _kept(options), load_depth_model(model), model.fingerprint)
    if options.source == "stored":
        if not _kept(options).is_dir():
            raise _unnamed("--depth", "the folder of stored depths")
        return StoredDepth(data, _kept(options))
    return stereo_source(data, _kept(options))


def maps(data: DataConfig, options: JobOptions) -> Making:
    """Depth maps of the frames themselves, for methods that are supervised with depth."""
    source = depth_source(data, options)
    return Making(make=source.depth, sources=source.files, settings=source.settings)


class StoredDepth:
    """Depth that another program made, such as a stereo network's.

    Args:
        data: whose frames.
        folder: holds a map per frame.
    """

    settings: Mapping[str, Json] = MappingProxyType({})

    def __init__(self, data: DataConfig, folder: Path) -> None:
        self.folder, self.geometry = folder, Geometry(data)

    def has(self, key: str) -> bool:
        """Whether the file exists."""
        return _FORMAT.path(self.folder, key).exists()

    def files(self, key: str) -> list[Path]:
        """The file."""
        return [_FORMAT.path(self.folder, key)]

    def depth(self, key: str) -> Float32[np.ndarray, "h w"]:
        """Read the file.

        Raises:
            InputError: missing or damaged file, or no picture's size.
        """
        path = _FORMAT.path(self.folder, key)
        stored = read_array(path, "Make it again, or name another folder with --depth.")
        if stored.ndim != 2 or not np.issubdtype(stored.dtype, np.floating):
            raise InputError(
                file=path,
                field="contents",
                expected="metres for every pixel, float32 (h, w)",
                found=f"{stored.dtype} {stored.shape}",
                remedy="Store one array per frame of the first camera.",
            )
        K = self.geometry.cameras(key, (stored.shape[0], stored.shape[1])).K[0].numpy()
        check_principal_point(path, (stored.shape[0], stored.shape[1]), K, _LEAST_ROW)
        depth = stored.astype(np.float32)
        require_metres(depth, path)
        return depth


class KeptDepth:
    """Depth that is made once for each version of the pictures and of what makes it, then kept.

    Args:
        data: whose frames.
        folder: where depths are kept; files there that came from elsewhere are taken as they are.
        maker: name of what makes them.
        make: makes one from a moment with pictures.
        settings: all else that changes what is made.
    """

    def __init__(
        self,
        data: DataConfig,
        folder: Path,
        maker: str,
        make: Callable[[Sample, str], Float32[np.ndarray, "h w"]],
        settings: Mapping[str, Json],
    ) -> None:
        self.reader, self.kept, self.settings = data.reader(), StoredDepth(data, folder), settings
        self._make = make
        self._origin = Origin(
            folder=folder, name="depth", maker=maker, settings=settings, root=data.folder, sources=self.files
        )

    def has(self, key: str) -> bool:
        """Whether the depth or the picture exists; that another picture is missing is an error."""
        return self.kept.has(key) or self.files(key)[0].exists()

    def files(self, key: str) -> list[Path]:
        """Pictures and calibration."""
        return list(self.reader.files(key, "images"))

    def depth(self, key: str) -> Float32[np.ndarray, "h w"]:
        """Read or make a frame's depth.

        Raises:
            InputError: a picture or the calibration is missing or damaged.
            MissingExtra: a package that it takes is not installed.
        """
        path, origin = _FORMAT.path(self.kept.folder, key), self._origin
        if not path.exists() or (origin.known(key) and origin.difference(key) is not None):
            sample = self.reader.moment(key, frozenset({"images", "P"}) & self.reader.provides, np.random.default_rng())
            made = self._make(sample, key)
            with writing(path):
                path.unlink(missing_ok=True)
            origin.record(key)
            _FORMAT.write(path, made)
        return self.kept.depth(key)


def stereo_source(data: DataConfig, folder: Path) -> KeptDepth:
    """Depth by matching the stereo pair.

    Raises:
        InputError: the dataset has no stereo pair.
    """

    def make(sample: Sample, key: str) -> Float32[np.ndarray, "h w"]:
        assert sample.images is not None and sample.cameras is not None
        (left, right), sizes = sample.images.permute(0, 2, 3, 1).numpy(), sample.cameras.size_px.tolist()
        if sizes[0] != sizes[1]:
            raise InputError(
                file=f"right picture of {key}",
                field="size",
                expected=f"{sizes[0][1]} x {sizes[0][0]} px, as the left picture has",
                found=f"{sizes[1][1]} x {sizes[1][0]} px",
                remedy="Use the original pictures of both cameras.",
            )
        P = sample.extras.get("P", sample.cameras.projection)
        return stereo_depth(np.ascontiguousarray(left), np.ascontiguousarray(right), float(P[0, 0, 3] - P[1, 0, 3]))

    return KeptDepth(data.raw("images").stereo(), folder, "depth from stereo", make, {})


def model_source(data: DataConfig, folder: Path, model: DepthModel, name: str) -> KeptDepth:
    """Depth of the first camera by a network, `name` for what it is."""

    def make(sample: Sample, key: str) -> Float32[np.ndarray, "h w"]:
        assert sample.images is not None and sample.cameras is not None
        height, width = sample.cameras.size_px[0].tolist()
        return model(sample.images[0, :, :height, :width].permute(1, 2, 0).contiguous().numpy())

    settings = {"model": name, **data.recorded(frozenset({"images"}))}
    return KeptDepth(data.raw("images"), folder, "depth from a network", make, settings)


class Geometry:
    """Calibration and pose of any frame of a dataset, without its pictures where the dataset allows it."""

    def __init__(self, data: DataConfig) -> None:
        self.reader = data.raw("images", "pose").reader()

    def projection(self, key: str) -> tuple[Float64[np.ndarray, "3 4"], Float64[np.ndarray, "4 4"]] | None:
        """KITTI's projection of the first camera and ego to rectified camera 0; None for other calibrations."""
        if "P" not in self.reader.provides:
            return None
        extras = self.reader.moment(key, frozenset({"P", "T_rect_ego"}), np.random.default_rng()).extras
        return extras["P"][0].numpy(), extras["T_rect_ego"].numpy()

    def cameras(self, key: str, size_px: tuple[int, int]) -> Cameras:
        """The first camera (1,), whose pictures are (height, width) `size_px`."""
        known = self.projection(key)
        if known is not None:
            P, T_rect_ego = (torch.from_numpy(matrix)[None] for matrix in known)
            return Cameras.from_projection(P, T_rect_ego, torch.tensor([size_px]))
        cameras = self.reader.moment(key, frozenset({"cameras"}), np.random.default_rng()).cameras
        assert cameras is not None
        return cameras[:1]

    def files(self, keys: Sequence[str]) -> list[Path]:
        """What calibrations, and where there are several frames, their poses are read from."""
        field = "pose" if len(keys) > 1 else "P"
        return list(dict.fromkeys(path for key in keys for path in self.reader.files(key, field)))

    def pose(self, key: str) -> torch.Tensor:
        """`T_world_ego`, float64.

        Raises:
            InputError: there is none for this frame.
        """
        pose = self.reader.moment(key, frozenset({"pose"}), np.random.default_rng()).pose
        assert pose is not None
        return pose


def _kept(options: JobOptions) -> Path:
    if options.depth is None:
        raise _unnamed("--depth", "the folder of depth maps")
    return options.depth


def _unnamed(field: str, expected: str) -> InputError:
    remedy = "See `voxway prepare --help` for examples."
    return InputError(file="prepare", field=field, expected=expected, found="none", remedy=remedy)
