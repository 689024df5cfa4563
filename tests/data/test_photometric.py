"""Changes of light, lens, chip and file: the same for the same seed, none that moves a pixel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data.toy_drives import TASK, write_drive, write_drives
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.data.drives.config import DrivesConfig
from voxway.data.samples import Samples
from voxway.data.steps.augment import Augment
from voxway.data.steps.photometric import Photometric, relit_picture

NOTHING = Photometric(
    likely=1.0,
    exposure=(0.0, 0.0),
    gamma=(1.0, 1.0),
    contrast=(1.0, 1.0),
    balance=0.0,
    saturation=(1.0, 1.0),
    mixing=0.0,
    shade=0.0,
    haze=0.0,
    dirt=0.0,
    blur_px=(0.0, 0.0),
    noise=(0.0, 0.0),
    quality=(100, 100),
)
LUMA = np.array([0.299, 0.587, 0.114])
STILL = Augment(scale=(0.0, 0.0), flip=0.0, rotation_deg=(0.0, 0.0), flip_x=0.0, flip_y=0.0)
NEEDS = frozenset({"images", "points", "target", "depth"})


def street() -> np.ndarray:
    """A smooth picture, bright above and coloured below, with a black border to the left."""
    rows, columns = np.mgrid[0:48, 0:80]
    picture = np.stack([120 + columns, 200 - 3 * rows, 60 + rows + columns], -1).clip(1, 254).astype(np.uint8)
    picture[:, :8] = 0
    return picture


def samples(root: Path, augment: Augment, **more: object) -> Samples:
    return DrivesConfig(root=root, task=TASK, needs=NEEDS, image_px=(48, 80), augment=augment, **more).build()  # ty: ignore


def test_changes_of_no_strength_change_nothing() -> None:
    changed = relit_picture(street(), NOTHING, np.random.default_rng(0))
    assert np.abs(changed.astype(int) - street())[:, 12:].mean() < 1.5, "a JPEG of full quality"


@pytest.mark.parametrize(
    ("strength", "expected"),
    [
        ({"exposure": (1.0, 1.0)}, lambda p: np.clip(p * 2 ** (1 / 2.2), 0, 255)),
        ({"contrast": (0.5, 0.5)}, lambda p: 127.5 + 0.5 * (p - 127.5)),
        ({"gamma": (2.0, 2.0)}, lambda p: 255 * (p / 255) ** 2),
        ({"saturation": (0.0, 0.0)}, lambda p: (p @ LUMA)[..., None].repeat(3, -1)),
    ],
)
def test_levels(strength: dict, expected: object) -> None:
    changed = relit_picture(street(), replace(NOTHING, **strength), np.random.default_rng(0))
    assert callable(expected)
    inside = street().any(-1)
    assert np.abs(changed[inside] - expected(street().astype(float))[inside]).mean() < 1.5


def test_noise_blur_and_files_are_as_strong_as_said() -> None:
    grey = np.full((64, 64, 3), 128, np.uint8)
    noisy = relit_picture(grey, replace(NOTHING, noise=(10.0, 10.0)), np.random.default_rng(1)) @ LUMA
    assert noisy.std() == pytest.approx(10 * np.linalg.norm(LUMA), rel=0.1), "files keep brightness better than colour"
    board = (np.indices((64, 64)).sum(0) % 2 * 200 + 20).astype(np.uint8)[..., None].repeat(3, -1)
    assert relit_picture(board, replace(NOTHING, blur_px=(2.0, 2.0)), np.random.default_rng(1)).std() < 10 < board.std()
    poor = relit_picture(street(), replace(NOTHING, quality=(5, 5)), np.random.default_rng(1))
    assert np.abs(poor.astype(int) - street()).max() > 5
    shaded = relit_picture(grey, replace(NOTHING, shade=1.0), np.random.default_rng(2))
    hazy = relit_picture(np.full_like(grey, 20), replace(NOTHING, haze=1.0), np.random.default_rng(2))
    dirty = [relit_picture(grey, replace(NOTHING, dirt=1.0), np.random.default_rng(seed)) for seed in range(5)]
    assert shaded.mean() < 126 and hazy.mean() > 25 and np.mean(dirty) < 126


def test_what_is_outside_stays_black_and_a_seed_gives_the_same() -> None:
    for seed in range(30):
        changed = relit_picture(street(), Photometric(), np.random.default_rng(seed))
        assert (changed[:, :8] == 0).all() and changed.shape == street().shape and changed.dtype == np.uint8
        np.testing.assert_array_equal(changed, relit_picture(street(), Photometric(), np.random.default_rng(seed)))
    one, other = (relit_picture(street(), Photometric(), np.random.default_rng(seed)) for seed in (3, 4))
    assert (one != other).any()


def test_training_changes_pixels_and_points_and_moves_nothing(tmp_path: Path) -> None:
    write_drives(tmp_path)
    moving = replace(STILL, scale=(-0.1, 0.1), flip=0.5, flip_x=0.5, flip_y=0.5)
    plain = samples(tmp_path, moving)
    worse = samples(tmp_path, replace(moving, photometric=Photometric(), points=(0.2, 0.6)))
    for seed in range(4):
        one, other, again = plain.augmented(0, seed), worse.augmented(0, seed), worse.augmented(0, seed)
        assert torch.equal(other.images, again.images) and torch.equal(other.points, again.points)  # ty: ignore
        assert not torch.equal(one.images, other.images)  # ty: ignore
        for name in ("K", "T_cam_ego", "T_image", "size_px"):
            assert torch.equal(getattr(one.cameras, name), getattr(other.cameras, name)), name
        assert torch.equal(one.target, other.target) and torch.equal(one.depth, other.depth)  # ty: ignore
        assert one.points is not None and other.points is not None
        assert 0.1 < len(other.points) / len(one.points) < 0.7
        assert {tuple(p) for p in other.points.tolist()} <= {tuple(p) for p in one.points.tolist()}
    assert torch.equal(worse[0].images, plain[0].images), "outside training nothing changes"  # ty: ignore


def test_frames_of_unlike_rigs_fit_into_one_batch(tmp_path: Path) -> None:
    write_drives(tmp_path, ("monday",))
    write_drive(tmp_path / "tuesday", 1, cameras=("left",), lidar=False)
    room, own = samples(tmp_path, STILL, camera_places=3), samples(tmp_path, STILL)
    batch = collate([room["monday/000001"], room.augmented("tuesday/000001", 5)])
    assert batch.cameras is not None and batch.images is not None and batch.depth is not None
    assert (batch.cameras.size_px[..., 0] > 0).tolist() == [[True, True, False], [True, False, False]]
    alone = own["tuesday/000001"]
    assert torch.equal(batch.images[1, :1], alone.images) and not batch.images[1, 1:].any()  # ty: ignore
    assert not batch.depth[1, 1:].any() and batch.images.shape[:2] == (2, 3)
    with pytest.raises(InputError, match="cameras: expected at most 1, as many as there are places, found 2"):
        samples(tmp_path, STILL, camera_places=1)["monday/000001"]
    with pytest.raises(ValueError, match="camera_places"):
        samples(tmp_path, STILL, camera_places=0)


def test_what_is_refused() -> None:
    for wrong, said in (({"haze": 1.5}, "haze is a share"), ({"noise": (3.0, 1.0)}, "noise must ascend")):
        with pytest.raises(ValueError, match=said):
            Photometric(**wrong)
    for points, said in (((0.5, 0.2), "points must ascend"), ((0.5, 1.2), "points is a range of shares")):
        with pytest.raises(ValueError, match=said):
            Augment(points=points)
