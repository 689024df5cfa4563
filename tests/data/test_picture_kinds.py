"""Pictures of other depths, colours and orientations: converted where nothing is lost, else refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from voxway.core.errors import InputError
from voxway.data.files.images import image_size, read_image, to_rgb

RGB = np.random.default_rng(0).integers(0, 255, (6, 9, 3)).astype(np.uint8)
PICTURE = Image.fromarray(RGB)


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG of any depth, which Pillow does not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def deep(colour: int, channels: int) -> bytes:
    """A PNG of 16 bits per channel."""
    row = b"\0" + np.full(9 * channels, 300, ">u2").tobytes()
    return png(9, 6, 16, colour, row * 6)


def saved(mode: str, name: str, **options: object) -> Callable[[Path], None]:
    """Pillow's picture of a mode."""
    return lambda path: PICTURE.convert(mode).save(path, name, **options)


CONVERTED = {
    "RGB": saved("RGB", "PNG"),
    "RGBA": saved("RGBA", "PNG"),
    "grey": saved("L", "PNG"),
    "grey with alpha": saved("LA", "PNG"),
    "palette": saved("P", "PNG"),
    "WebP": saved("RGB", "WEBP", lossless=True),
    "TIFF": saved("RGB", "TIFF"),
}


@pytest.mark.parametrize("kind", CONVERTED)
def test_eight_bits_become_rgb(kind: str, tmp_path: Path) -> None:
    CONVERTED[kind](tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert (read.dtype, read.shape, image_size(tmp_path / "a.png")) == (np.uint8, (6, 9, 3), (6, 9))
    wanted = np.array(PICTURE.convert("L").convert("RGB")) if "grey" in kind else RGB
    if kind != "palette":
        np.testing.assert_array_equal(read, wanted)


REFUSED = {
    "16-bit grey": (lambda path: path.write_bytes(deep(0, 1)), "16 bits"),
    "16-bit colour": (lambda path: path.write_bytes(deep(2, 3)), "16 bits"),
    "16-bit colour with alpha": (lambda path: path.write_bytes(deep(6, 4)), "16 bits"),
    "16-bit grey with alpha": (lambda path: path.write_bytes(deep(4, 2)), "16 bits"),
    "12-bit PGM": (lambda path: path.write_bytes(b"P5\n9 6\n4095\n" + bytes(108)), "16 bits"),
    "16-bit PPM": (lambda path: path.write_bytes(b"P6\n9 6\n65535\n" + bytes(324)), "16 bits"),
    "32 bits": (saved("I", "TIFF"), "16 bits or more"),
    "floating point": (saved("F", "TIFF"), "floating-point"),
    "one bit": (saved("1", "PNG"), "1 bit"),
    "CMYK": (saved("CMYK", "JPEG"), "CMYK"),
    "LAB": (saved("LAB", "TIFF"), "LAB"),
    "web page": (lambda path: path.write_bytes(b"<!DOCTYPE html><html>quota</html>"), "web page"),
    "pointer": (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "LFS"),
    "PostScript": (lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 6\n"), "text"),
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "larger than memory": (lambda path: path.write_bytes(png(12_000, 11_000, 8, 2, bytes(99))), "12000 x 11000"),
    "far larger": (lambda path: path.write_bytes(png(90_000, 90_000, 8, 2, bytes(99))), "more than Pillow reads"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_others_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    write, said = REFUSED[kind]
    write(tmp_path / "a.png")
    with pytest.raises(InputError) as caught:
        read_image(tmp_path / "a.png")
    assert said in caught.value.found
    assert caught.value.remedy


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_pictures_stand_upright(orientation: int, kind: str, tmp_path: Path) -> None:
    """A picture that was stored turned by EXIF's rule comes out as it was taken."""
    ways = {
        1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB), 7: np.rot90(RGB, 2).transpose(1, 0, 2), 8: np.rot90(RGB, 3),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(np.ascontiguousarray(ways[orientation])).save(tmp_path / "a.png", kind, exif=exif, **options)
    assert image_size(tmp_path / "a.png") == (6, 9)
    read = read_image(tmp_path / "a.png")
    assert read.shape == RGB.shape
    if kind != "JPEG":
        np.testing.assert_array_equal(read, RGB)


def test_pictures_of_a_program_are_judged_alike() -> None:
    np.testing.assert_array_equal(to_rgb(PICTURE.convert("RGBA"), "image 0"), RGB)
    with pytest.raises(InputError, match="image 0: picture: expected 8 bits"):
        to_rgb(PICTURE.convert("I"), "image 0")
