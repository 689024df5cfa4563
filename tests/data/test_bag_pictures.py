"""Pictures of recordings: every encoding gives the colours that went in; what is none is told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.colours import demosaiced as demosaiced_slowly
from voxway.core.errors import InputError
from voxway.data.own.bag_pictures import image_fault, image_rgb
from voxway.data.own.colours import BAYER, demosaiced, yuv_to_rgb

pytest.importorskip("rosbags")

from tests.data import recordings
from voxway.data.own.bag import Recording

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
ALPHA = np.full((6, 8, 1), 7, np.uint8)
GREY = RGB[..., :1]
ENCODED = {
    "rgb8": (RGB, RGB),
    "bgr8": (RGB[..., ::-1], RGB),
    "rgba8": (np.concatenate([RGB, ALPHA], -1), RGB),
    "bgra8": (np.concatenate([RGB[..., ::-1], ALPHA], -1), RGB),
    "mono8": (GREY, np.repeat(GREY, 3, -1)),
    "8UC1": (GREY, np.repeat(GREY, 3, -1)),
    "8UC3": (RGB[..., ::-1], RGB),
    "8UC4": (np.concatenate([RGB[..., ::-1], ALPHA], -1), RGB),
}


def message(picture: np.ndarray, encoding: str, padding: int = 0) -> SimpleNamespace:
    return SimpleNamespace(**recordings.image(picture, 5, "camera", encoding, padding))


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", ENCODED)
def test_bytes_of_colours(encoding: str, padding: int) -> None:
    stored, expected = ENCODED[encoding]
    said = message(stored, encoding, padding)
    assert image_fault(said) is None
    np.testing.assert_array_equal(image_rgb(said), expected)


def test_last_row_may_lack_its_padding() -> None:
    said = message(RGB, "rgb8", padding=6)
    cut = SimpleNamespace(**{**vars(said), "data": said.data[:-6]})
    assert image_fault(cut) is None
    np.testing.assert_array_equal(image_rgb(cut), RGB)


@pytest.mark.parametrize("pattern", BAYER)
@settings(deadline=None, max_examples=20)
@given(height=st.integers(2, 7), width=st.integers(2, 7), seed=st.integers(0, 99))
def test_demosaicing_is_what_a_loop_computes(pattern: str, height: int, width: int, seed: int) -> None:
    mosaic = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    np.testing.assert_array_equal(demosaiced(mosaic, pattern), demosaiced_slowly(mosaic, pattern))


@pytest.mark.parametrize(("pattern", "opencv"), [("rggb", "BG"), ("bggr", "RG"), ("gbrg", "GR"), ("grbg", "GB")])
def test_demosaicing_is_that_of_opencv(pattern: str, opencv: str) -> None:
    """Which calls a filter by the two pixels below and right of its corner."""
    cv2 = pytest.importorskip("cv2")
    mosaic = np.random.default_rng(1).integers(0, 256, (12, 14), np.uint8)
    theirs = cv2.cvtColor(mosaic, getattr(cv2, f"COLOR_Bayer{opencv}2RGB"))
    said = message(mosaic[..., None], f"bayer_{pattern}8", padding=2)
    assert image_fault(said) is None
    np.testing.assert_array_equal(image_rgb(said)[1:-1, 1:-1], theirs[1:-1, 1:-1])


@pytest.mark.parametrize(
    ("encoding", "opencv"), [("yuv422", "UYVY"), ("uyvy", "UYVY"), ("yuv422_yuy2", "YUY2"), ("yuyv", "YUY2")]
)
def test_brightness_and_colour_are_those_of_opencv(encoding: str, opencv: str) -> None:
    cv2 = pytest.importorskip("cv2")
    stored = np.random.default_rng(2).integers(16, 236, (10, 12, 2), np.uint8)
    theirs = cv2.cvtColor(stored, getattr(cv2, f"COLOR_YUV2RGB_{opencv}"))
    said = message(stored, encoding, padding=4)
    assert image_fault(said) is None
    difference = np.abs(image_rgb(said).astype(int) - theirs)
    assert difference.max() <= 1  # OpenCV computes with whole numbers


def test_grey_white_and_black_of_video() -> None:
    rows = np.array([[128, 16, 128, 235, 128, 126, 128, 126]], np.uint8)
    assert yuv_to_rgb(rows, "uyvy")[0].tolist() == [[0] * 3, [255] * 3, [128] * 3, [128] * 3]


@pytest.mark.parametrize(
    ("changes", "expected", "found"),
    [
        ({"encoding": "mono16"}, "8 bits", "only the camera knows"),
        ({"encoding": "32FC1"}, "8 bits", "only the camera knows"),
        ({"encoding": "h264"}, "rgb8", "'h264'"),
        ({"encoding": ""}, "rgb8", "''"),
        ({"width": 0}, "pixels", "0 x 6 px"),
        ({"width": 10**5, "height": 10**5}, "100,000,000", "100000 x 100000 px"),
        ({"height": 7}, "7 rows of 24 bytes", "144 bytes in rows of 24"),
        ({"step": 23}, "6 rows of 24 bytes", "rows of 23"),
        ({"encoding": "yuv422", "width": 7}, "yuv422", "7 x 6 px"),
        ({"encoding": "bayer_rggb8", "height": 1}, "bayer_rggb8", "8 x 1 px"),
    ],
)
def test_what_is_no_picture(changes: dict[str, object], expected: str, found: str) -> None:
    fault = image_fault(SimpleNamespace(**{**vars(message(RGB, "rgb8")), **changes}))
    assert fault is not None
    assert expected in fault.expected and found in fault.found


def written(folder: Path, kind: str, *fields: recordings.Fields) -> Recording:
    said = [
        recordings.Said("/camera/image", f"sensor_msgs/msg/{kind}", one, 10**9 * number)
        for number, one in enumerate(fields, 1)
    ]
    return Recording(recordings.write_mcap(said, folder / "drive.mcap"))


def test_an_unknown_encoding_names_topic_and_stamp(tmp_path: Path) -> None:
    recording = written(
        tmp_path,
        "Image",
        recordings.image(RGB, 3_500_000_000, "camera"),
        recordings.image(GREY, 4_500_000_000, "camera", "16UC1"),
    )
    pictures = recording.pictures("/camera/image")
    np.testing.assert_array_equal(pictures.read(0), RGB)
    with pytest.raises(InputError) as caught:
        pictures.read(1)
    assert caught.value.file == str(tmp_path / "drive.mcap") == str(pictures.path(1))
    assert caught.value.field == "topic /camera/image, message 1 at 4.500000000 s"
    assert "'16UC1'" in caught.value.found and "rgb8" in caught.value.remedy


@pytest.mark.parametrize(("kind", "most"), [("png", 0), ("jpeg", 40)])
def test_compressed_pictures(tmp_path: Path, kind: str, most: int) -> None:
    smooth = np.stack([*np.meshgrid(np.arange(0, 240, 6), np.arange(0, 240, 12)), np.full((20, 40), 90)], -1)
    recording = written(tmp_path, "CompressedImage", recordings.compressed(smooth.astype(np.uint8), 5, "camera", kind))
    read = recording.pictures("/camera/image").read(0)
    assert np.abs(read.astype(int) - smooth).max() <= most
    assert np.abs(read.astype(int) - smooth).mean() <= most / 8


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(40), "no known kind of picture"),
        (b"", "an empty file"),
        (b"\x00\x01\x02" * 30, "no known kind of picture"),
        (b"<html><body>not found</body></html>", "a web page (HTML)"),
    ],
)
def test_damaged_compressed_pictures(tmp_path: Path, data: bytes, found: str) -> None:
    fields = recordings.compressed(RGB, 5_000_000_000, "camera") | {"data": np.frombuffer(data, np.uint8)}
    pictures = written(tmp_path, "CompressedImage", fields).pictures("/camera/image")
    with pytest.raises(InputError) as caught:
        pictures.read(0)
    assert caught.value.field == "topic /camera/image, message 0 at 5.000000000 s"
    assert found in caught.value.found, caught.value.found


def test_pictures_cut_short(tmp_path: Path) -> None:
    fields = recordings.compressed(RGB, 5, "camera", "png")
    fields["data"] = fields["data"][:-30]
    with pytest.raises(InputError, match="message 0"):
        written(tmp_path, "CompressedImage", fields).pictures("/camera/image").read(0)
