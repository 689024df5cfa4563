"""Depth of any frame of the left colour camera, by source: from the stereo pair, or stored by another program.

Metres along the optical axis; what is not positive and finite is unknown. Stored as ``<folder>/SS/FFFFFF.npy``, float32
(h, w), the layout that the reader's `depth` takes too.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from voxway.core.errors import InputError
from voxway.core.files import atomic_path
from voxway.data.files.arrays import read_array
from voxway.data.files.images import read_image
from voxway.data.semantickitti.layout import Calibration, SequenceFiles, read_calibration
from voxway.data.semantickitti.reader import check_image_size
from voxway.prepare.stereo import stereo_depth


@runtime_checkable
class DepthSource(Protocol):
    """Where depth comes from."""

    def has(self, sequence: str, frame: int) -> bool:
        """Whether there is what a frame's depth is read or made from."""
        ...

    def depth(self, sequence: str, frame: int) -> Float32[np.ndarray, "h w"]:
        """A frame's depth; an `InputError` says what is missing or damaged."""
        ...


class StoredDepth:
    """Depth that another program made, such as a stereo network's.

    Args:
        root: folder that holds `sequences/`, for calibrations.
        folder: holds ``SS/FFFFFF.npy``.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder

    def has(self, sequence: str, frame: int) -> bool:
        """Whether the file exists."""
        return depth_path(self.folder, sequence, frame).exists()

    def depth(self, sequence: str, frame: int) -> Float32[np.ndarray, "h w"]:
        """Read the file.

        Raises:
            InputError: missing or damaged file, or no picture's size.
        """
        path = depth_path(self.folder, sequence, frame)
        stored = read_array(path, "Make it again, or name another folder with --depth.")
        if stored.ndim != 2 or not np.issubdtype(stored.dtype, np.floating):
            raise InputError(
                file=path,
                field="contents",
                expected="metres for every pixel, float32 (h, w)",
                found=f"{stored.dtype} {stored.shape}",
                remedy="Store one array per frame of the left colour camera.",
            )
        check_image_size(path, (stored.shape[0], stored.shape[1]), calibration(self.root, sequence).P2)
        return stored.astype(np.float32)


class StereoDepth:
    """Depth by matching the stereo pair; computed once, then kept.

    Args:
        root: folder that holds `sequences/`.
        folder: where depths are kept; files there are taken as they are.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.kept = root, StoredDepth(root, folder)

    def has(self, sequence: str, frame: int) -> bool:
        """Whether the depth or the left picture exists; a missing right picture is an error."""
        return self.kept.has(sequence, frame) or SequenceFiles(self.root, sequence).image(2, frame).exists()

    def depth(self, sequence: str, frame: int) -> Float32[np.ndarray, "h w"]:
        """Read or make a frame's depth.

        Raises:
            InputError: a picture or the calibration is missing or damaged.
            MissingExtra: OpenCV is not installed.
        """
        if not self.kept.has(sequence, frame):
            files, known = SequenceFiles(self.root, sequence), calibration(self.root, sequence)
            left, right = (read_image(files.image(camera, frame)) for camera in (2, 3))
            for camera, image in ((2, left), (3, right)):
                check_image_size(files.image(camera, frame), image.shape[:2], known.projection(camera))
            if left.shape != right.shape:
                raise InputError(
                    file=files.image(3, frame),
                    field="size",
                    expected=f"{left.shape[1]} x {left.shape[0]} px, as the left picture has",
                    found=f"{right.shape[1]} x {right.shape[0]} px",
                    remedy="Use the original pictures of both cameras.",
                )
            made = stereo_depth(left, right, float(known.P2[0, 3] - known.P3[0, 3]))
            with atomic_path(depth_path(self.kept.folder, sequence, frame)) as temporary, temporary.open("wb") as file:
                np.save(file, made)
        return self.kept.depth(sequence, frame)


def depth_path(folder: Path, sequence: str, frame: int) -> Path:
    """Where a frame's depth lies."""
    return Path(folder) / sequence / f"{frame:06d}.npy"


@lru_cache(maxsize=32)
def calibration(root: Path, sequence: str) -> Calibration:
    """A sequence's calibration.

    Raises:
        InputError: calib.txt is missing or damaged.
    """
    return read_calibration(SequenceFiles(root, sequence).calibration)
