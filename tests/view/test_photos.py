"""Camera images as pictures: who lies where, what is padding, and the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from voxway.core.camera import Cameras
from voxway.core.errors import InputError, OutputError
from voxway.view import photo, tiled, write_png


def _images(count: int, height: int = 2, width: int = 4) -> torch.Tensor:
    """Image i has red i + 1, green = row, blue = column everywhere."""
    images = torch.zeros((count, 3, height, width), dtype=torch.uint8)
    images[:, 0] = torch.arange(1, count + 1)[:, None, None]
    images[:, 1] = torch.arange(height)[:, None]
    images[:, 2] = torch.arange(width)
    return images


def _cameras(*sizes_px: tuple[int, int]) -> Cameras:
    count = len(sizes_px)
    K, T_cam_ego = torch.eye(3).repeat(count, 1, 1), torch.eye(4).repeat(count, 1, 1)
    return Cameras.pinhole(K, T_cam_ego, torch.tensor(sizes_px))


@pytest.mark.parametrize(
    ("count", "reds"),
    [
        (1, [[1]]),
        (2, [[1, 2]]),
        (3, [[1, 2, 3]]),
        (5, [[1, 2, 3], [4, 5, 0]]),
        (6, [[1, 2, 3], [4, 5, 6]]),
        (7, [[1, 2, 3], [4, 5, 6], [7, 0, 0]]),
    ],
)
def test_images_lie_in_order_three_in_a_row(count: int, reds: list[list[int]]) -> None:
    sheet = tiled(_images(count))
    assert sheet.dtype == np.uint8 and sheet.flags.c_contiguous
    assert sheet.shape == (2 * len(reds), 4 * len(reds[0]), 3)
    assert sheet[::2, ::4, 0].tolist() == reds
    for row, column in np.argwhere(np.array(reds) > 0):
        part = sheet[2 * row : 2 * row + 2, 4 * column : 4 * column + 4]
        assert part[..., 1].tolist() == [[0] * 4, [1] * 4]  # rows stay rows, columns columns
        assert part[..., 2].tolist() == [[0, 1, 2, 3]] * 2
        assert len(np.unique(part[..., 0])) == 1
    assert not sheet[np.repeat(np.repeat(np.array(reds) == 0, 2, 0), 4, 1)].any()


def test_a_photo_has_no_padding() -> None:
    cameras = _cameras((2, 4), (1, 3))
    assert photo(_images(2), cameras, 0).tolist() == [
        [[1, row, column] for column in range(4)] for row in range(2)
    ]  # channels last
    assert photo(_images(2), cameras, 1).tolist() == [[[2, 0, 0], [2, 0, 1], [2, 0, 2]]]


@pytest.mark.parametrize("camera", [-1, 2])
def test_a_camera_that_is_not_there_is_named(camera: int) -> None:
    with pytest.raises(InputError, match=rf"camera: expected 0\.\.1, found {camera}"):
        photo(_images(2), _cameras((2, 4), (2, 4)), camera)


def test_a_picture_file_holds_the_very_pixels(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    path = write_png(tmp_path / "new" / "a.PNG", picture)
    assert (np.asarray(Image.open(path)) == picture).all()
    assert [file.name for file in path.parent.iterdir()] == ["a.PNG"]
    before = path.read_bytes()
    assert write_png(path, picture).read_bytes() == before


def test_a_picture_file_is_a_png_in_a_folder(tmp_path: Path) -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(InputError, match=r"ends in \.png, found look\.jpg\. Write to look\.png"):
        write_png(tmp_path / "look.jpg", picture)
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError):
        write_png(tmp_path / "taken" / "a.png", picture)
    assert [file.name for file in tmp_path.iterdir()] == ["taken"]
