"""Png: a picture as a file, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from voxway.core.errors import InputError
from voxway.core.files import atomic_path


def write_png(path: Path | str, picture: UInt8[np.ndarray, "h w 3"]) -> Path:
    """Write an RGB picture, atomically; missing folders are made.

    Returns:
        the path.

    Raises:
        InputError: the name ends in something other than ``.png``.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        expected, remedy = "a name that ends in .png", f"Write to {path.stem or 'picture'}.png."
        raise InputError(file=path, field="name", expected=expected, found=path.name, remedy=remedy)
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, format="png")
    return path
