"""A picture without calibration: what is assumed is what the rig's file says, and projects as it should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from voxway.api.one_picture import OnePicture
from voxway.core.errors import InputError
from voxway.data.own.config import RigConfig


def picture(folder: Path, name: str = "street.png") -> Path:
    path = folder / name
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (61, 101, 3), np.uint8)).save(path)
    return path


def read(file: Path):
    config = RigConfig(root=file.parent, split="test", file=file, dataset="own", cameras=("picture",))
    reader = config.reader()
    return reader.moment(reader.keys[0], frozenset({"images", "cameras"}), np.random.default_rng(0))


def test_a_level_camera(tmp_path: Path) -> None:
    """90 degrees: what is as far ahead as aside lies at the edge; the horizon crosses the middle."""
    one = OnePicture(image=picture(tmp_path), fov_deg=90.0, height_m=1.5)
    sample = read(one.write(tmp_path / "out"))
    np.testing.assert_array_equal(sample.images[0].permute(1, 2, 0), np.asarray(Image.open(tmp_path / "street.png")))
    pixels, depth = sample.cameras.project(torch.tensor([[10.0, 0, 1.5], [10, -10, 1.5], [10, 0, 0]]).double())
    np.testing.assert_allclose(pixels[0], [[50, 30], [100.5, 30], [50, 30 + 50.5 * 0.15]], atol=1e-6)
    np.testing.assert_allclose(depth[0], 10, atol=1e-9)


def test_a_camera_that_looks_down_sees_the_road_in_the_middle(tmp_path: Path) -> None:
    down = float(np.degrees(np.arctan2(1.5, 10)))
    one = OnePicture(image=picture(tmp_path, "turned.JPG"), fov_deg=60.0, height_m=1.5, pitch_deg=-down)
    sample = read(one.write(tmp_path / "out"))
    pixels, depth = sample.cameras.project(torch.tensor([[10.0, 0, 0]]).double())
    np.testing.assert_allclose(pixels[0, 0], (50, 30), atol=1e-6)
    np.testing.assert_allclose(depth[0, 0], np.hypot(10, 1.5), atol=1e-6)
    assert "degrees down" in one.said() and "60 degrees from side to side" in one.said()


def test_another_picture_takes_the_place_of_the_first(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg"):
        file = OnePicture(image=picture(tmp_path, name), fov_deg=60.0, height_m=1.5).write(tmp_path / "out")
    assert [path.name for path in (file.parent / "picture").iterdir()] == ["000000.jpg"]


def test_what_no_camera_has_is_refused(tmp_path: Path) -> None:
    path = picture(tmp_path)
    for name, changes in {
        "--fov": {"fov_deg": 200.0},
        "--height": {"height_m": -1.0},
        "--pitch": {"pitch_deg": 80.0},
    }.items():
        with pytest.raises(InputError, match=f"{name}: value: expected"):
            OnePicture(**{"image": path, "fov_deg": 60.0, "height_m": 1.5, **changes})
    with pytest.raises(InputError, match="file: expected present, found absent"):
        OnePicture(image=tmp_path / "none.png", fov_deg=60.0, height_m=1.5).write(tmp_path / "out")
