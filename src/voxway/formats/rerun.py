"""Rerun's `.rrd`: a drive as its viewer plays it; voxels as points as large as they are, which it draws as spheres.

Entities: ``world/ego`` (its pose, where known), ``world/ego/voxels``, ``world/ego/camera_N`` (pinhole and picture),
``world`` with names and colours of the classes; in world coordinates the voxels are ``world/voxels``. Timelines:
``time`` (seconds of the drive's clock) and ``frame`` (0, 1, ...). Source: Rerun's documentation of its archetypes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from voxway.core.errors import MissingExtra
from voxway.core.files import atomic_path
from voxway.core.occupancy import Occupancy
from voxway.core.transforms import invert
from voxway.formats.foxglove import jpeg
from voxway.formats.moment import Moment, occupied_voxels, palette
from voxway.formats.options import WriteOptions
from voxway.view.photos import photo

Add = Callable[[Moment], None]


@contextmanager
def record_rrd(path: Path, options: WriteOptions) -> Generator[Add]:
    """Write the moments that are handed over, atomically: the file is there when the block ends.

    Raises:
        MissingExtra: rerun-sdk is not installed.
        InputError: world coordinates without a pose.
        OutputError: the file cannot be written.
    """
    try:
        import rerun
    except ImportError:
        raise MissingExtra("rerun-sdk", "formats", "files that Rerun plays") from None
    with atomic_path(path) as temporary:
        stream = rerun.RecordingStream("voxway", recording_id=path.stem, send_properties=False)
        stream.set_log_time_enabled(False)  # when it was written is of no interest
        stream.save(temporary)
        stream.send_recording_name(path.stem)
        try:
            yield _Drive(stream, rerun, options).add
        finally:
            stream.disconnect()


class _Drive:
    def __init__(self, stream: Any, rerun: Any, options: WriteOptions) -> None:
        self.stream, self.rerun, self.options = stream, rerun, options
        self.frames = 0

    def add(self, moment: Moment) -> None:
        occupancy, stream = moment.occupancy, self.stream
        if not self.frames:
            self._introduce(occupancy)
        stream.set_time("time", duration=moment.time_s or 0.0)
        stream.set_time("frame", sequence=self.frames)
        if occupancy.pose is not None:
            stream.log("world/ego", self._transform(occupancy.pose.double().cpu().numpy()))
        self._cameras(moment)
        self._voxels(occupancy)
        self.frames += 1

    def _introduce(self, occupancy: Occupancy) -> None:
        rows = zip(occupancy.task.classes, palette(occupancy).tolist())
        classes = [self.rerun.AnnotationInfo(number, name, colour) for number, (name, colour) in enumerate(rows)]
        self.stream.log("world", self.rerun.AnnotationContext(classes), static=True)
        self.stream.log("world", self.rerun.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)

    def _voxels(self, occupancy: Occupancy) -> None:
        voxels = occupied_voxels(occupancy, self.options.frame)
        place = "world/voxels" if self.options.frame == "world" else "world/ego/voxels"
        radius = min(occupancy.task.grid.cell) / 2
        points = self.rerun.Points3D(voxels.centres, colors=voxels.colours, class_ids=voxels.ids, radii=radius)
        self.stream.log(place, points)
        if voxels.confidence is not None:
            self.stream.log(place, self.rerun.AnyValues(confidence=voxels.confidence.astype(np.float32)))

    def _cameras(self, moment: Moment) -> None:
        images, cameras = moment.images, moment.cameras
        if images is None or cameras is None:
            return
        for number in range(cameras.count):
            picture, name = photo(images, cameras, number), f"world/ego/camera_{number}"
            K = (cameras.T_image[number] @ cameras.K[number]).cpu().numpy()
            height, width = picture.shape[:2]
            self.stream.log(name, self._transform(invert(cameras.T_cam_ego[number]).cpu().numpy()))
            self.stream.log(name, self.rerun.Pinhole(image_from_camera=K, width=width, height=height))
            self.stream.log(name, self.rerun.EncodedImage(contents=jpeg(picture), media_type="image/jpeg"))

    def _transform(self, T: np.ndarray) -> Any:
        return self.rerun.Transform3D(translation=T[:3, 3], mat3x3=T[:3, :3])
