"""A rig's file for one picture of which nobody has a calibration: how wide it sees and how high it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxway.core.errors import InputError
from voxway.core.files import Json, reading, write_bytes, write_json
from voxway.data.files.images import image_size
from voxway.data.files.names import PICTURES

CAMERA = "picture"
"""What the camera is called, and the folder that its picture is kept in."""


@dataclass(frozen=True, kw_only=True)
class OnePicture:
    """A picture, and what is to be taken for granted of the camera that took it.

    Raises:
        InputError: a number that no camera on a vehicle has.
    """

    image: Path
    """The picture; it may be turned as its file says, and is taken to be free of distortion."""
    fov_deg: float
    """How much it sees from left to right."""
    height_m: float
    """How high above the road it was taken."""
    pitch_deg: float = 0.0
    """How far the camera looked up; down is negative."""

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("--fov", self.fov_deg, 10, 150),
            ("--height", self.height_m, 0.2, 5),
            ("--pitch", self.pitch_deg, -45, 45),
        ):
            if not low <= value <= high:
                remedy = "A phone sees about 65 degrees lying, a dash camera 80 to 120; eyes are 1.2 m high in a car."
                raise InputError(file=name, field="value", expected=f"{low} to {high}", found=value, remedy=remedy)

    def said(self) -> str:
        """What is assumed, in a line."""
        look = (
            "level"
            if not self.pitch_deg
            else f"{abs(self.pitch_deg):g} degrees {'up' if self.pitch_deg > 0 else 'down'}"
        )
        return (
            f"assumed: a pinhole camera without distortion that sees {self.fov_deg:g} degrees from side to side, its "
            f"axis in the picture's middle, {self.height_m:g} m above a flat road, looking ahead and {look}, not rolled"
        )

    def write(self, folder: Path | str) -> Path:
        """Keep the picture, and write the rig's file beside it; who knows better edits that and predicts with --rig.

        Returns:
            the rig's file.

        Raises:
            InputError: no picture.
            OutputError: the folder cannot be written to.
        """
        folder, ending = Path(folder), self.image.suffix[1:]
        height, width = image_size(self.image)
        with reading(self.image):
            content = self.image.read_bytes()
        for other in PICTURES:  # of another picture that was predicted into this folder
            (folder / CAMERA / f"000000.{other}").unlink(missing_ok=True)
        write_bytes(folder / CAMERA / f"000000.{ending if ending in PICTURES else 'jpg'}", content)
        write_json(folder / "rig.json", self._rig(height, width))
        return folder / "rig.json"

    def _rig(self, height: int, width: int) -> dict[str, Json]:
        focal = width / 2 / float(np.tan(np.radians(self.fov_deg / 2)))
        up = np.radians(self.pitch_deg)
        ahead, right = np.array([np.cos(up), 0, np.sin(up)]), np.array([0.0, -1.0, 0.0])
        T_ego_cam = np.eye(4)
        T_ego_cam[:3, :3] = np.stack([right, np.cross(ahead, right), ahead], 1)
        T_ego_cam[2, 3] = self.height_m
        camera: dict[str, Json] = {
            "name": CAMERA,
            "folder": CAMERA,
            "times": {"rate_hz": 1},
            "width_px": width,
            "height_px": height,
            # Pixel centres lie at whole numbers.
            "K": [focal, focal, (width - 1) / 2, (height - 1) / 2],
            "pose": {"matrix": T_ego_cam.ravel().tolist()},
        }
        return {"name": CAMERA, "ego_height_m": 0.0, "cameras": [camera]}
