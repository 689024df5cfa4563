"""Kinds of files that layouts have in common, written so that each is complete or absent."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from voxway.core.files import write_bytes


def write_png(path: Path, image: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write an RGB image atomically; fast rather than small."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    write_bytes(path, buffer.getvalue())


def write_jpeg(path: Path, image: UInt8[np.ndarray, "h w 3"], quality: int = 90) -> None:
    """Write an RGB image atomically."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    write_bytes(path, buffer.getvalue())


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays as uint8 in a compressed npz, atomically."""
    buffer = io.BytesIO()
    # Of any type, for numpy's signature also has a flag that a name could stand for.
    stored: dict[str, Any] = {name: array.astype(np.uint8) for name, array in arrays.items()}
    np.savez_compressed(buffer, **stored)
    write_bytes(path, buffer.getvalue())
