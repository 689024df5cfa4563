"""Reading pictures that came from outside: every failure names the file and what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from voxway.core.errors import InputError

_REMEDY = "The copy is damaged or cut short; download or copy it again."


def read_image(path: Path | str) -> UInt8[np.ndarray, "h w 3"]:
    """Read a picture as RGB.

    Raises:
        InputError: missing, truncated, or no picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except FileNotFoundError:
        raise _absent(path) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(file=path, field="picture", expected="a whole picture", found=error, remedy=_REMEDY) from error


def image_size(path: Path | str) -> tuple[int, int]:
    """(height, width) of a picture in pixels, from its header.

    Raises:
        InputError: missing, or no picture.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.height, image.width
    except FileNotFoundError:
        raise _absent(path) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(file=path, field="picture", expected="a picture", found=error, remedy=_REMEDY) from error


def _absent(path: Path | str) -> InputError:
    remedy = "Run `voxway check-data` to list everything that is missing."
    return InputError(file=path, field="file", expected="present", found="absent", remedy=remedy)
