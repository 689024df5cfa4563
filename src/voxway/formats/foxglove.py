"""MCAP with Foxglove's messages (protobuf): a drive that Foxglove plays. One file holds all moments of a drive.

Topics: ``/occupancy/voxels`` (VoxelGrid) and ``/occupancy/points`` (PointCloud) with ``red green blue alpha class``;
free and unknown voxels have alpha 0; ``/camera/N/image`` (CompressedImage, JPEG) and ``/camera/N/calibration``; ``/tf``
(FrameTransform): world > ego > camera_N, the first where poses are known. The record "voxway" names the classes.
Source: Foxglove's message schemas and the MCAP specification.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from voxway.core.camera import Cameras
from voxway.core.errors import MissingExtra
from voxway.core.files import atomic_path
from voxway.core.occupancy import Occupancy
from voxway.core.task import IGNORE
from voxway.core.transforms import invert
from voxway.core.version import __version__
from voxway.formats import foxglove_messages as messages
from voxway.formats.moment import Moment, T_frame_ego, occupied_voxels, palette
from voxway.formats.options import WriteOptions
from voxway.view.photos import photo

CELL = np.dtype([("red", "u1"), ("green", "u1"), ("blue", "u1"), ("alpha", "u1"), ("class", "u1")])
"""What the file says of a voxel."""
_POINT = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), *CELL.descr]
_QUALITY = 90

Add = Callable[[Moment], None]


@contextmanager
def record_mcap(path: Path, options: WriteOptions) -> Generator[Add]:
    """Write the moments that are handed over, atomically: the file is there when the block ends.

    Raises:
        MissingExtra: mcap or Foxglove's schemas are not installed.
        InputError: world coordinates without a pose.
        OutputError: the file cannot be written.
    """
    try:
        from mcap_protobuf.writer import Writer
    except ImportError:
        raise MissingExtra("mcap-protobuf-support", "formats", "files that Foxglove plays") from None
    with atomic_path(path) as temporary, temporary.open("wb") as file, Writer(file) as writer:
        yield _Drive(writer, options).add


class _Drive:
    def __init__(self, writer: Any, options: WriteOptions) -> None:
        self.writer, self.options = writer, options
        self.begun = False

    def add(self, moment: Moment) -> None:
        occupancy, time_ns = moment.occupancy, round((moment.time_s or 0.0) * 1e9)
        if not self.begun:
            self._introduce(occupancy)
        world = T_frame_ego(occupancy, "world") if occupancy.pose is not None else None
        if world is not None:
            self._say(time_ns, "/tf", messages.transform(time_ns, "world", "ego", world))
        if moment.images is not None and moment.cameras is not None:
            for number in range(moment.cameras.count):
                self._camera(time_ns, number, moment.cameras, photo(moment.images, moment.cameras, number))
        self._occupancy(time_ns, occupancy)

    def _introduce(self, occupancy: Occupancy) -> None:
        task = occupancy.task
        classes = {f"class {number}": name for number, name in enumerate(task.classes)}
        self.writer.add_metadata("voxway", {"version": __version__, "task": task.name, **classes})
        self.begun = True

    def _occupancy(self, time_ns: int, occupancy: Occupancy) -> None:
        frame = self.options.frame
        T, grid = T_frame_ego(occupancy, frame), occupancy.task.grid
        corner = np.eye(4)
        corner[:3, 3] = grid.lower
        voxels = messages.voxel_grid(time_ns, frame, T @ corner, grid.cell, _cells(occupancy), CELL)
        self._say(time_ns, "/occupancy/voxels", voxels)
        points = _points(occupancy, self.options)
        self._say(time_ns, "/occupancy/points", messages.point_cloud(time_ns, frame, points))

    def _camera(self, time_ns: int, number: int, cameras: Cameras, picture: UInt8[np.ndarray, "h w 3"]) -> None:
        name = f"camera_{number}"
        T_ego_cam = invert(cameras.T_cam_ego[number]).cpu().numpy()
        K = (cameras.T_image[number] @ cameras.K[number]).cpu().numpy()
        self._say(time_ns, "/tf", messages.transform(time_ns, "ego", name, T_ego_cam))
        calibration = messages.calibration(time_ns, name, K, picture.shape[:2])
        self._say(time_ns, f"/camera/{number}/calibration", calibration)
        self._say(time_ns, f"/camera/{number}/image", messages.image(time_ns, name, jpeg(picture)))

    def _say(self, time_ns: int, topic: str, message: messages.Message) -> None:
        self.writer.write_message(topic, message, log_time=time_ns, publish_time=time_ns)


def _cells(occupancy: Occupancy) -> UInt8[np.ndarray, "z y x 5"]:
    """What is said of every voxel, as the bytes of `CELL`."""
    colours = palette(occupancy)
    table = np.zeros((IGNORE + 1, CELL.itemsize), np.uint8)
    table[: len(colours), :3] = colours
    table[list(occupancy.task.occupied), 3] = 255
    table[:, 4] = np.arange(IGNORE + 1)
    return table[occupancy.classes.cpu().numpy().transpose(2, 1, 0)]


def _points(occupancy: Occupancy, options: WriteOptions) -> np.ndarray:
    """Centres of occupied voxels with what is said of them, as records."""
    voxels = occupied_voxels(occupancy, options.frame)
    more = [] if voxels.confidence is None else [("confidence", "<f4")]
    points = np.empty(len(voxels.ids), [*_POINT, *more])
    for axis, name in enumerate("xyz"):
        points[name] = voxels.centres[:, axis]
    for channel, name in enumerate(("red", "green", "blue")):
        points[name] = voxels.colours[:, channel]
    points["alpha"], points["class"] = 255, voxels.ids
    if voxels.confidence is not None:
        points["confidence"] = voxels.confidence
    return points


def jpeg(picture: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """A picture as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
