"""Pictures: the one place that decides what a picture may be. Every failure names the file and what to do.

Colour of 8 bits is taken as it is. What loses nothing of that is converted: an alpha channel is dropped, palettes and
8-bit grey become RGB, and a picture that its EXIF says is to be turned is turned. Other depths (12, 16 or 32 bits,
1 bit) and printers' colours are refused: nobody here knows which of their values is white.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from voxway.core.contents import HEAD, contents, head_of, is_text
from voxway.core.errors import InputError

MOST_PX = 100_000_000
"""Pixels of the largest picture: beyond it a small file could fill the memory."""
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM", "GIF", "JPEG2000")
"""Kinds of files; others than these are not tried, as some start other programs."""
_CONVERTED = ("RGB", "RGBA", "RGBX", "P", "PA", "L", "LA")
_EIGHT_BITS = "8 bits per channel: RGB, grey or a palette, with or without alpha"
_REMEDY = "The copy is damaged or cut short; download or copy it again."
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture of an EXIF orientation upright; those from 5 on swap width and height."""


def read_image(path: Path | str) -> UInt8[np.ndarray, "h w 3"]:
    """Read a picture as RGB, turned as its EXIF says.

    Raises:
        InputError: missing, truncated, no picture, of another depth or kind of colours, or too large.
    """
    with _opened(path, "a whole picture") as image:
        return to_rgb(image, path)


def decode_image(data: bytes, source: object) -> UInt8[np.ndarray, "h w 3"]:
    """A picture as RGB from a file's bytes, turned as its EXIF says.

    Args:
        data: all of them.
        source: where they come from, for the error.

    Raises:
        InputError: as `read_image`.
    """
    with _opened(source, "a whole picture", data) as image:
        return to_rgb(image, source)


def to_rgb(image: Image.Image, source: object) -> UInt8[np.ndarray, "h w 3"]:
    """Pixels of an opened picture as RGB, turned as its EXIF says.

    Args:
        image: as Pillow has it.
        source: the file, for the error.

    Raises:
        InputError: of another depth or kind of colours, or too large.
    """
    found = _refused(image)
    if found is not None:
        remedy = "Convert the pictures to 8-bit RGB yourself: which of their values is white, only their camera knows."
        raise InputError(file=source, field="picture", expected=_EIGHT_BITS, found=found, remedy=remedy)
    if image.width * image.height > MOST_PX:
        raise _too_large(source, f"{image.width} x {image.height} px")
    rgb = image.convert("RGB")
    turn = _TURNS.get(_orientation(image))
    return np.array(rgb if turn is None else rgb.transpose(turn))


def read_ids(path: Path | str) -> UInt8[np.ndarray, "h w"]:
    """Read a picture of ids: its one channel of 8 bits, or the numbers of its palette's colours, as they are.

    Raises:
        InputError: missing, truncated, no picture, or not of that kind.
    """
    with _opened(path, "a picture of ids") as image:
        if image.mode not in ("L", "P"):
            remedy = "Save ids as one channel of 8 bits, in a format without loss such as PNG."
            found = f"mode {image.mode}"
            raise InputError(file=path, field="picture", expected="one channel of 8 bits", found=found, remedy=remedy)
        if image.width * image.height > MOST_PX:
            raise _too_large(path, f"{image.width} x {image.height} px")
        return np.array(image)


def image_size(path: Path | str) -> tuple[int, int]:
    """(height, width) of a picture in pixels as `read_image` turns it, from its header.

    Raises:
        InputError: missing, no picture, or too large.
    """
    with _opened(path, "a picture") as image:
        lying = _may_be_turned(path, image) and _orientation(image) >= 5
        return (image.width, image.height) if lying else (image.height, image.width)


def _too_large(source: object, found: str) -> InputError:
    remedy = "Use the pictures as the camera recorded them."
    return InputError(file=source, field="size", expected=f"at most {MOST_PX:,} pixels", found=found, remedy=remedy)


def _orientation(image: Image.Image) -> int:
    """What EXIF says, 1..8; 1 (upright) where it says nothing or nothing sensible."""
    try:
        said = image.getexif().get(_ORIENTATION)
    except Exception:  # damaged EXIF makes Pillow raise anything; the pixels are none the worse for it
        return 1
    return said if said in _TURNS else 1


def _refused(image: Image.Image) -> str | None:
    """What a picture is that is not converted, in words; None for those that are."""
    # Pillow drops the low bits of colour and grey with alpha of 16 bits; only how the file is decoded still tells.
    decoding = str([tile[3] for tile in getattr(image, "tile", ())])
    deep_ppm = image.format == "PPM" and any(int(number) > 255 for number in re.findall(r"\d{3,}", decoding))
    if image.mode.startswith("I") or ";16" in decoding or ";12" in decoding or deep_ppm:
        return "16 bits or more per channel"
    words = {"F": "floating-point numbers", "1": "1 bit per pixel", "CMYK": "a printer's colours (CMYK)"}
    return None if image.mode in _CONVERTED else words.get(image.mode, f"colours of kind {image.mode}")


def _may_be_turned(path: Path | str, image: Image.Image) -> bool:
    """Whether to look for an orientation: in a PNG it may stand behind the pixels, which were all decoded for it."""
    if image.format != "PNG":
        return image.format != "TIFF"  # Pillow turns these itself
    data = Path(path).read_bytes()
    return any(mark in data for mark in (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp"))


@contextmanager
def _opened(path: object, expected: str, data: bytes | None = None) -> Generator[Image.Image]:
    """The picture of a file, or of bytes that come from it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are bounded here, and of details of EXIF
            with Image.open(str(path) if data is None else io.BytesIO(data), formats=_FORMATS) as image:
                yield image
    except InputError:
        raise
    except FileNotFoundError:
        remedy = "Run `voxway check-data` to list everything that is missing."
        raise InputError(file=path, field="file", expected="present", found="absent", remedy=remedy) from None
    except Image.DecompressionBombError:
        raise _too_large(path, "a header that says more than Pillow reads") from None
    except Exception as error:  # damaged bytes make Pillow raise anything
        found, remedy = str(error) or type(error).__name__, _REMEDY
        if isinstance(error, UnidentifiedImageError):
            head = head_of(str(path)) if data is None else data[:HEAD]
            kind = contents(head)
            if kind is not None and "picture" not in kind.name:
                found, remedy = kind.name, kind.remedy
            elif is_text(head) or not head:
                found = "text" if head else "an empty file"
            elif data is not None:
                found = "bytes of no known kind of picture"
        raise InputError(file=path, field="picture", expected=expected, found=found, remedy=remedy) from error
