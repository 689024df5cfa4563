"""Occupancy as users hold it: the type that comes out, together with ways to look at it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from voxway.core import occupancy as core
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.sample import Sample
from voxway.data.registry import server
from voxway.formats import Coordinates, Moment, WriteOptions, format_of, write_moment
from voxway.view import Frame, overlay, photo, side_by_side, tiled, write_page, write_png

BENCHMARK = "benchmark"
"""The format of a benchmark's server."""

Own = TypeVar("Own", bound="Occupancy")


@dataclass(frozen=True, kw_only=True)
class Occupancy(core.Occupancy):
    """A class for every voxel of a task's grid, and the images that it was seen in, to look at both.

    Parts of it (`occupancy[:, 40:90, :]`), `where` and `merge` keep the images of the first; files hold none.

    Raises:
        InputError: a volume is not shaped as the grid, an id is no class, the pose is not rigid, or images and cameras
            do not belong together.
    """

    images: UInt8[Tensor, "n 3 h w"] | None = None
    """RGB, of the sample that it was predicted from; smaller images stand in the top left corner."""
    cameras: Cameras | None = None
    """Of those images: as recorded, or as the network saw them after resizing."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.images is None or self.cameras is None:
            return
        expected = (self.cameras.count, 3, *self.cameras.size_px.max(0).values.tolist())
        if tuple(self.images.shape) != expected:
            raise InputError(
                file=self._name,
                field="images",
                expected=f"{expected} (cameras, channels, height, width), as the cameras say",
                found=tuple(self.images.shape),
                remedy="Pass images and cameras of one sample, both before or both after any resize.",
            )

    @classmethod
    def of(cls: type[Own], occupancy: core.Occupancy, sample: Sample | None = None) -> Own:
        """What comes out, with the images, cameras, key and pose of the sample it was predicted from.

        Args:
            occupancy: class ids of the sample's frame; its own key and pose, where it has them, stay.
            sample: the frame. None: there is nothing to look at besides the volume.

        Raises:
            InputError: the pose is not rigid.
        """
        known = {field.name: getattr(occupancy, field.name) for field in fields(core.Occupancy)}
        if sample is None:
            return cls(**known)
        if known["pose"] is None:
            known["pose"] = sample.pose
        known["key"] = known["key"] or sample.key
        return cls(**known, images=sample.images, cameras=sample.cameras)

    def to(self: Own, device: torch.device | str) -> Own:
        """The same on another device, images and cameras included."""
        return replace(
            super().to(device),
            images=None if self.images is None else self.images.to(device),
            cameras=None if self.cameras is None else self.cameras.to(device),
        )

    def save(
        self,
        path: Path | str,
        format: str | None = None,
        *,
        frame: Coordinates = "ego",
        costs: Path | str | None = None,
        time_s: float | None = None,
    ) -> Path:
        """Write it as a file of its own, atomically, in any format of `voxway.formats`.

        Args:
            path: the file; for format ``"benchmark"`` the folder of a submission.
            format: ``npz`` (with probabilities after `ranked`; `load` reads it back), ``ply``, ``ply-cubes``, ``mcap``,
                ``rrd``, ``costmap``, ``benchmark`` (as the benchmark's server takes it). None: by the name's ending.
            frame: ego or world coordinates, for formats other than npz; the world's need a pose.
            costs: a table of costs for cost maps (`voxway.formats.CostTable`); None: the package's own.
            time_s: seconds of the drive's clock, for recordings.

        Returns:
            the file that was written.

        Raises:
            InputError: no such format or ending, world coordinates without a pose, or a table that does not fit.
            MissingExtra: the format needs an optional package.
            OutputError: the file cannot be written.
        """
        path = Path(path)
        if format == BENCHMARK:
            return server(self.task.name).write(path, self)
        options = WriteOptions(frame=frame, costs=None if costs is None else Path(costs))
        moment = Moment(occupancy=self, images=self.images, cameras=self.cameras, time_s=time_s)
        write_moment(format or format_of(path), path, moment, options)
        return path

    def picture(
        self,
        path: Path | str | None = None,
        *,
        truth: core.Occupancy | None = None,
        camera: str = "behind",
        width_px: int = 1280,
    ) -> UInt8[np.ndarray, "h2 w2 3"]:
        """Its images above, the volume below (beside its truth, if given), and a legend.

        Args:
            path: a `.png` file to write as well, atomically.
            truth: of the same task.
            camera: from where to look: a name of `voxway.view.VIEWPOINTS`.
            width_px: width of the picture; its height follows.

        Returns:
            RGB.

        Raises:
            InputError: the truth is of another task, no viewpoint has that name, or the file's name is no PNG's.
            OutputError: the file cannot be written.
        """
        captions = ("Prediction" if truth is not None else self.key or "Occupancy", "Truth")
        return _kept(side_by_side(self._sheet, self, truth, width_px=width_px, camera=camera, captions=captions), path)

    def page(self, path: Path | str, *, truth: core.Occupancy | None = None, title: str = "") -> Path:
        """Write an HTML page, atomically, on which the volume can be turned and read out; it needs no network.

        Args:
            path: the file.
            truth: of the same task, shown beside it.
            title: heading of the page; the key unless given.

        Returns:
            the path.

        Raises:
            InputError: the truth is of another task, or the grid is too large for a page.
            OutputError: the file cannot be written.
        """
        frame = Frame(key=self.key, image=self._sheet, prediction=self, truth=truth)
        write_page(path, [frame], title=title or self.key or "Occupancy")
        return Path(path)

    def overlay(
        self, camera: int = 0, *, opacity: float = 0.6, path: Path | str | None = None
    ) -> UInt8[np.ndarray, "h2 w2 3"]:
        """Its voxels as cubes over the image of one camera.

        Args:
            camera: number of the camera, from 0.
            opacity: how much of the image the cubes hide, 0..1.
            path: a `.png` file to write as well, atomically.

        Returns:
            RGB, of the image's size.

        Raises:
            InputError: it has no images or no cameras, there is no such camera, or the file's name is no PNG's.
            OutputError: the file cannot be written.
        """
        if self.images is None or self.cameras is None:
            raise InputError(
                file=self._name,
                field="images, cameras",
                expected="both",
                found="neither" if self.images is self.cameras else "one",
                remedy="Predict from a sample with images, or give it some: `Occupancy.of(occupancy, sample)`.",
            )
        image = photo(self.images, self.cameras, camera)
        return _kept(overlay(image, self.cameras, self, camera=camera, opacity=opacity), path)

    @property
    def _sheet(self) -> UInt8[np.ndarray, "rows columns 3"] | None:
        return None if self.images is None else tiled(self.images)


def _kept(picture: UInt8[np.ndarray, "h w 3"], path: Path | str | None) -> UInt8[np.ndarray, "h w 3"]:
    """The picture, written to a file if there is a path."""
    if path is not None:
        write_png(path, picture)
    return picture
