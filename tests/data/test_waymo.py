"""Occ3D-Waymo's reader: five cameras of two sizes, swapped folders, one scan, three masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data import toy_waymo as toy
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.data.steps.augment import Augment
from voxway.data.steps.few_labels import drawn
from voxway.data.waymo.config import Occ3DWaymoConfig

EVERYTHING = frozenset({"images", "points", "target", "depth"})


def config(root: Path, **changes: object) -> Occ3DWaymoConfig:
    return replace(Occ3DWaymoConfig(root=root, partial=True, needs=EVERYTHING, image_px=(16, 44)), **changes)


def test_every_field_of_a_sample(waymo_root: Path) -> None:
    reader = config(waymo_root).build()
    assert reader.keys == toy.FRAMES["train"]
    key = "000/001"
    sample = reader[key]
    assert sample.images is not None
    assert sample.images.shape == (5, 3, 16, 44)
    stored = toy.volume(key)
    np.testing.assert_array_equal(sample.target, np.where(stored["voxel_label"] == 23, 15, stored["voxel_label"]))
    np.testing.assert_array_equal(sample.masks["field_of_view"], stored["infov"])
    np.testing.assert_array_equal(sample.masks["camera"], stored["final_voxel_state"] == 1)
    np.testing.assert_array_equal(sample.masks["lidar"], stored["origin_voxel_state"] == 1)
    raw = toy.scan(key)
    np.testing.assert_array_equal(sample.points[:, :3], raw[:, :3])
    np.testing.assert_allclose(sample.points[:, 3:], np.tanh(raw[:, 3:5]), rtol=1e-6)


def test_slots_two_and_three_read_each_others_folders(waymo_root: Path) -> None:
    sample = config(waymo_root).build()[0]
    colours = sample.images.flatten(1).median(1).values.tolist()
    assert colours == [10, 50, 130, 90, 170]
    for slot in range(5):
        camera = toy.camera(slot)
        T_cam_ego = np.linalg.inv(camera["sensor2ego"])
        np.testing.assert_allclose(sample.cameras.T_cam_ego[slot], T_cam_ego, atol=1e-12)
        np.testing.assert_array_equal(sample.cameras.K[slot], camera["intrinsics"][:3, :3])
        height, width = toy.SIZES_PX[toy.FOLDER_OF_SLOT[slot]]
        scale = 44 / width
        top = int(height * scale) - 16
        expected = [[scale, 0, 0], [0, scale, -top], [0, 0, 1]]
        np.testing.assert_allclose(sample.cameras.T_image[slot], expected, atol=1e-6)


def test_depth_images_fit_the_cameras(waymo_root: Path) -> None:
    sample = config(waymo_root).build()[0]
    pixels, depths = sample.cameras.project(sample.points[:, :3].double())
    seen = 0
    for camera in range(5):
        column, row = pixels[camera].round().long().unbind(1)
        inside = (column >= 0) & (column < 44) & (row >= 0) & (row < 16)
        inside &= (depths[camera] >= 1) & (depths[camera] < 45)
        drawn = sample.depth[camera][row[inside], column[inside]]
        assert (drawn > 0).all()
        assert (drawn <= depths[camera][inside] + 0.1).all()
        assert set(sample.depth[camera].nonzero().unbind(1)[0].tolist()) <= set(row[inside].tolist())
        seen += int(inside.sum())
    assert seen > 100


def test_splits_frames_and_sequences(waymo_root: Path) -> None:
    assert config(waymo_root, split="val").build().keys == ("000/000",)
    assert config(waymo_root, split="val").build()[0].images is not None
    assert config(waymo_root, every=3).build().keys == ("000/000", "001/000")
    assert config(waymo_root, drives=("001",)).build().keys == ("001/000",)
    assert config(waymo_root, keys=("000/002",)).build().keys == ("000/002",)


def test_frames_without_labels(waymo_copy: Path) -> None:
    chosen = drawn(["000", "001"], 1)
    reader = config(waymo_copy, labelled=1).build()
    for key in reader.keys:
        sample = reader[key]
        assert sample.labelled == (key[:3] in chosen)
        assert bool((sample.target != 255).any()) == sample.labelled
    teacher = config(waymo_copy, labelled=1, only_labelled=True).build()
    assert {key[:3] for key in teacher.keys} == chosen
    (waymo_copy / "training").rename(waymo_copy / "elsewhere")
    reader = config(waymo_copy, needs=frozenset({"images"})).build()
    assert reader.keys == toy.FRAMES["train"], "without labels, pictures say which frames there are"
    assert reader[3].images is not None


def test_augmentation_moves_everything_together(waymo_root: Path) -> None:
    augment = Augment(scale=(0.0, 0.0), flip=0.0, rotation_deg=(0.0, 0.0), flip_x=1.0, flip_y=1.0)
    reader = config(waymo_root, augment=augment).build()
    plain, mirrored = reader[0], reader.augmented(0, 3)
    assert torch.equal(mirrored.points[:, :2], -plain.points[:, :2])
    assert torch.equal(mirrored.depth, plain.depth)
    assert torch.equal(mirrored.target, plain.target.flip(0, 1))
    assert torch.equal(mirrored.masks["camera"], plain.masks["camera"].flip(0, 1))
    free = config(waymo_root, augment=Augment()).build()
    assert torch.equal(free.augmented(0, 1).images, free.augmented(0, 1).images)
    assert not torch.equal(free.augmented(0, 1).cameras.T_image, free.augmented(0, 2).cameras.T_image)
    assert torch.equal(config(waymo_root).build().augmented(0, 1).images, plain.images)


def test_samples_make_a_batch(waymo_root: Path) -> None:
    reader = config(waymo_root).build()
    assert collate([reader[0], reader[1]]).images.shape == (2, 5, 3, 16, 44)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"partial": False}, "sequences of split train: expected 798, found 2"),
        ({"drives": ("007",)}, "found 007"),
        ({"keys": ("000/009",)}, "found 000/009"),
        ({"needs": frozenset({"pseudo"})}, "pseudo: expected a folder of prepared files, as they are needed"),
        ({"needs": frozenset({"imagse"})}, "need of occ3d-waymo: .* Perhaps you meant 'images'"),
        ({"labelled": 3}, "labelled: expected 1 to 2"),
    ],
)
def test_what_cannot_be_read_is_refused(waymo_root: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config(waymo_root, **changes).build()


def test_an_empty_root(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"training: frames: expected SSS/FFF_04\.npz, such as 000/004_04\.npz, found none"
    ):
        config(tmp_path).build()


def test_poses_are_not_published(waymo_root: Path) -> None:
    with pytest.raises(InputError, match=r"\[0\]\[0\]\[0\].ego2global: expected a finite 4 x 4 matrix, found none"):
        config(waymo_root, needs=frozenset({"pose"})).build()[0]


def test_settings_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="n >= 1, got 0"):
        config(tmp_path, every=0)
    with pytest.raises(ValueError, match="only_labelled needs"):
        config(tmp_path, only_labelled=True)
