"""Models: what they know of themselves, and what they say of plain pictures as of samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import voxway
from tests.small_world import train_surround
from voxway.core.errors import InputError
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI


@pytest.fixture(scope="module")
def model(small_run: Path) -> voxway.Model:
    return voxway.load(small_run / "model")


@pytest.fixture(scope="module")
def sample(model: voxway.Model, small_world: Path, tmp_path_factory: pytest.TempPathFactory):
    return model.samples(small_world, "val", cache=tmp_path_factory.mktemp("cache"))[0]


@pytest.fixture(scope="module")
def ring(small_ring: Path, tmp_path_factory: pytest.TempPathFactory) -> voxway.Model:
    folder = tmp_path_factory.mktemp("ring") / "run"
    assert train_surround("effocc-camera-world", small_ring, folder) == 0
    return voxway.load(folder / "model")


def plain(sample) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Pictures, intrinsics and poses of a sample, as a person has them."""
    pictures = [image.permute(1, 2, 0).numpy() for image in sample.images]
    return pictures, sample.cameras.K.numpy(), np.linalg.inv(sample.cameras.T_cam_ego.numpy())


def test_it_knows_itself(model: voxway.Model, ring: voxway.Model) -> None:
    assert model.task == SEMANTIC_KITTI.task and model.image_px is None and model.cameras == 1
    assert model.needs == {"images", "proposals"} and model.sources == {"proposals": "lidar"}
    assert ring.task.name == "occ3d-nuscenes" and ring.image_px == (32, 88) and ring.cameras == 6
    assert "reads images, proposals" in str(model) and "32 x 88 px" in str(ring)


def test_plain_pictures_say_what_a_sample_says(model: voxway.Model, sample, small_world: Path) -> None:
    expected = model.predict(sample)
    (picture,), K, pose = plain(sample)
    scan = np.fromfile(small_world / "sequences/08/velodyne/000000.bin", np.float32).reshape(-1, 4)
    for image in (picture, Image.fromarray(picture), small_world / "sequences/08/image_2/000000.png"):
        said = model.predict(image, K, pose, points=scan)
        torch.testing.assert_close(said.logits, expected.logits, atol=1e-4, rtol=1e-4)
    assert isinstance(said, voxway.Occupancy) and said.task == model.task
    torch.testing.assert_close(said.probabilities.sum(0), torch.ones(said.task.grid.shape))


def test_pictures_twice_as_large_are_shown_as_large_as_in_training(
    model: voxway.Model, sample, small_world: Path
) -> None:
    """What a network has learnt from is noted, so that things look as large to it whoever's camera it is."""
    (picture,), K, pose = plain(sample)
    scan = np.fromfile(small_world / "sequences/08/velodyne/000000.bin", np.float32).reshape(-1, 4)
    assert model.data.focal_px == pytest.approx(float(K[0, 0, 0])) and "scaled to a focal length of" in str(model)
    height, width = picture.shape[:2]
    large = np.asarray(Image.fromarray(picture).resize((2 * width, 2 * height), Image.Resampling.BICUBIC))
    twice = K * np.array([[2.0], [2], [1]]) + np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    expected, said = (model.predict(one, k, pose, points=scan) for one, k in ((picture, K), (large, twice)))
    assert said.images is not None and said.images.shape[-2:] == (height, width)
    assert (said.classes == expected.classes).float().mean() > 0.97


def test_proposals_from_a_pair(model: voxway.Model, sample, small_world: Path) -> None:
    pytest.importorskip("cv2")
    (picture,), K, pose = plain(sample)
    right = small_world / "sequences/08/image_3/000000.png"
    assert model.predict(picture, K, pose, right=right, baseline_m=0.54).classes.shape == (256, 256, 32)
    with pytest.raises(InputError, match="baseline_m: expected the distance of the two cameras in metres, found None"):
        model.predict(picture, K, pose, right=right)
    with pytest.raises(InputError, match="as the left picture has"):
        model.predict(picture, K, pose, right=picture[:40], baseline_m=0.54)


def test_a_ring_of_plain_pictures(ring: voxway.Model, small_ring: Path) -> None:
    raw = replace(ring.data.raw("images"), root=small_ring, split="val", partial=True).build()[0]
    pictures, K, poses = plain(raw)
    said = ring.predict(pictures, K, poses, key=raw.key)
    expected = ring.predict(ring.samples(small_ring, "val")[0])
    torch.testing.assert_close(said.logits, expected.logits, atol=1e-4, rtol=1e-4)
    assert said.overlay(3).shape == (32, 88, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p, K, T: (p[:5], K, T), "images: expected 6, one for each camera, found 5"),
        (lambda p, K, T: (p[:5], K[:5], T[:5]), "cameras: expected 6, as in training, found 5"),
        (lambda p, K, T: (p, K[:5], T), "poses: expected 5, one for each camera's intrinsics, found 6"),
        (lambda p, K, T: ([x[::2, ::2] for x in p], K, T), "image 0: size: expected a picture around the principal"),
        (lambda p, K, T: (p, -K, T), r"intrinsics\[0\]: expected positive focal lengths"),
        (lambda p, K, T: (p, K * np.nan, T), r"intrinsics\[0\]: expected finite numbers"),
        (lambda p, K, T: (p, K, T * [[[1], [2], [1], [1]]]), r"poses\[0\]: expected a rotation"),
        (lambda p, K, T: (p, K, T[:, :3]), r"poses: expected \(n, 4, 4\)"),
        (lambda p, K, T: (p, None, T), "intrinsics, poses: expected both, for every camera, found no intrinsics"),
        (lambda p, K, T: ([x.astype(float) for x in p], K, T), "image 0: shape: expected uint8"),
        (lambda p, K, T: ([*p[:5], "nowhere.png"], K, T), "nowhere.png: file: expected present"),
    ],
)
def test_what_does_not_fit_a_ring(ring: voxway.Model, small_ring: Path, change, said: str) -> None:
    raw = replace(ring.data.raw("images"), root=small_ring, split="val", partial=True).build()[0]
    with pytest.raises(InputError, match=said):
        ring.predict(*change(*plain(raw)))


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (None, "points, right: expected what to make query proposals from"),
        (np.zeros((5, 2), np.float32), r"points: shape: expected \(p, c\) numbers, p points of at least 3 columns"),
        (np.zeros((0, 4), np.float32), "points: shape"),
        (np.full((5, 4), np.nan, np.float32), "5 rows with NaN or infinity"),
    ],
)
def test_points_that_do_not_fit(model: voxway.Model, sample, points, said: str) -> None:
    (picture,), K, pose = plain(sample)
    with pytest.raises(InputError, match=said):
        model.predict(picture, K, pose, points=points)


def test_points_of_a_fusion_network_need_their_columns(small_ring: Path, tmp_path: Path) -> None:
    assert train_surround("effocc-fusion-world", small_ring, tmp_path / "run") == 0
    fusion = voxway.load(tmp_path / "run" / "model")
    raw = replace(fusion.data.raw("images", "points"), root=small_ring, split="val", partial=True).build()[0]
    pictures, K, poses = plain(raw)
    assert fusion.predict(pictures, K, poses, points=raw.points).classes.shape == fusion.task.grid.shape
    with pytest.raises(InputError, match="at least 5 columns"):
        fusion.predict(pictures, K, poses, points=raw.points[:, :4])
    with pytest.raises(InputError, match="points: expected present"):
        fusion.predict(pictures, K, poses)


def test_what_is_no_model(tmp_path: Path, small_run: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        voxway.load(tmp_path)
    path = tmp_path / "other.pth"
    torch.save({"layer.weight": torch.zeros(2)}, path)
    with pytest.raises(InputError, match="a checkpoint of effocc, monoocc, qpn"):
        voxway.load(path)
    with pytest.raises(InputError, match="Perhaps you meant 'monoocc'"):
        voxway.load(path, method="monooc")
