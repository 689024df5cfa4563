"""Labels of a rig's pictures: a picture of ids for each, and a file that names the class of every id in them.

::

    pixels/left/000012.png      one channel of 8 bits, of the picture's size; called as the picture is, or, of a topic,
                                by its number; 254 sky, 255 unknown
    classes.json                {"0": null, "10": "car", "40": "road"}; null: no class
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from voxway.core.errors import InputError
from voxway.core.task import IGNORE, SKY
from voxway.data.files.images import read_ids
from voxway.data.own.named_ids import NamedIds
from voxway.data.own.rig import CameraEntry


class PixelLabels:
    """Labels of pictures by camera, and by the names of their files.

    Args:
        folder: with a folder for each camera.
        names: of their ids.
    """

    def __init__(self, folder: Path, names: NamedIds) -> None:
        self.folder, self.names = folder, names

    def path(self, camera: CameraEntry, picture: Path, number: int) -> Path:
        """Where the labels of a picture lie.

        Args:
            camera: that took it.
            picture: its file.
            number: of it among the camera's.
        """
        return self.folder / camera.name / f"{f'{number:06d}' if camera.source.folder is None else picture.stem}.png"

    def read(self, path: Path, size_px: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
        """Classes of a picture's pixels, 254 sky, 255 for none.

        Args:
            path: of the labels.
            size_px: (height, width) of the picture.

        Raises:
            InputError: damaged, of another size, or an id that has no name.
        """
        ids = read_ids(path)
        if ids.shape != size_px:
            remedy = "Label the pictures as they lie there."
            raise InputError(
                file=path, field="size", expected=f"{size_px}, as the picture has", found=ids.shape, remedy=remedy
            )
        return self.names.classes(ids, path, (SKY, IGNORE))
