"""UniOcc: frames of scenes in order, voxels with a mask, cameras that the files hold, and what is no such file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data import toy_uniocc as toy
from voxway.core.errors import InputError
from voxway.data.uniocc.check import check_uniocc
from voxway.data.uniocc.config import UniOccConfig
from voxway.data.uniocc.layout import read_cameras, read_flow, read_pose, read_uniocc

NEEDS = frozenset({"images", "pose", "target"})
KEY = "scene_001/11"


@pytest.fixture(scope="module")
def toy_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_toy(tmp_path_factory.mktemp("uniocc"))


@pytest.fixture
def copy(toy_root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_root, tmp_path / "copy"))


def test_a_sample_is_what_was_written(toy_root: Path) -> None:
    samples = UniOccConfig(root=toy_root, needs=NEEDS, earlier=(1, 20)).build()
    assert samples.keys[:4] == ("scene_000/0", "scene_000/1", "scene_000/2", "scene_001/0")
    assert samples.keys[-3:] == ("scene_001/9", "scene_001/10", "scene_001/11"), "numbers, not texts"
    sample = samples[KEY]
    np.testing.assert_array_equal(sample.target, toy.volume(11))
    np.testing.assert_array_equal(sample.masks["camera"], toy.seen(11))
    np.testing.assert_array_equal(sample.pose, toy.pose(11))
    assert sample.images is not None and sample.images.shape == (6, 3, *toy.SIZE_PX)
    assert int(sample.images.float().mean()) in (98, 99, 100)
    for place, camera in enumerate(toy.cameras(KEY)):
        T_cam_ego = sample.cameras.T_cam_ego[place]  # ty: ignore
        np.testing.assert_allclose(T_cam_ego, np.linalg.inv(camera.T_ego_cam), atol=1e-9)
    assert [earlier.key for earlier in sample.earlier] == ["scene_001/10", "scene_001/0"]
    assert check_uniocc(samples.config).usable
    np.testing.assert_array_equal(read_flow(toy_root / f"{KEY}.npz"), toy.flow(11))


def test_files_that_numpy_writes_of_plain_lists(tmp_path: Path) -> None:
    """As other programs write them: lists of mappings with arrays inside, transforms in float32."""
    cameras = [
        {"name": one.name, "filename": f"./{one.filename}", "intrinsics": one.K, "extrinsics": one.T_ego_cam}
        for one in toy.cameras(KEY)
    ]
    arrays = {"occ_label": toy.volume(1).astype(np.int64), "occ_mask_camera": toy.seen(1), "cameras": cameras}
    pose = toy.pose(1).astype(np.float32)
    np.savez(tmp_path / "1.npz", **arrays, ego_to_world_transformation=pose, annotations=[])
    np.testing.assert_array_equal(read_uniocc(tmp_path / "1.npz")[0], toy.volume(1))
    np.testing.assert_allclose(read_pose(tmp_path / "1.npz"), pose)
    found = read_cameras(tmp_path / "1.npz")
    assert [one.filename for one in found] == [one.filename for one in toy.cameras(KEY)]
    np.savez(tmp_path / "none.npz", cameras=[])
    assert read_cameras(tmp_path / "none.npz") == ()


def test_pictures_may_lie_elsewhere(copy: Path, tmp_path: Path) -> None:
    (copy / "samples").rename(tmp_path / "samples")
    config = UniOccConfig(root=copy, needs=NEEDS, partial=True)
    report = check_uniocc(replace(config, partial=False))
    assert not report.usable and any("--set pictures=" in finding.remedy for finding in report.findings)
    assert replace(config, pictures=tmp_path).build()[KEY].images is not None
    assert check_uniocc(replace(config, needs=frozenset({"target"}))).usable


def test_a_partial_copy_is_read_as_far_as_it_is_whole(copy: Path) -> None:
    (copy / toy.cameras(KEY)[2].filename).unlink()
    config = UniOccConfig(root=copy, needs=NEEDS, partial=True)
    assert KEY not in config.build().keys and len(config.build()) == 14
    assert check_uniocc(config).usable and not check_uniocc(replace(config, partial=False)).usable


def test_names_that_are_not_there(copy: Path, tmp_path: Path) -> None:
    for changes in ({"drives": ("scene_002",)}, {"keys": ("scene_001/12",)}):
        with pytest.raises(InputError, match=r"scenes that are there .scene_000, scene_001.*found scene_00"):
            UniOccConfig(root=copy, **changes).build()
    with pytest.raises(InputError, match=r"frames: expected SCENE/NUMBER.npz, found none; the folder holds nothing"):
        UniOccConfig(root=tmp_path / "empty").build()
    assert UniOccConfig(root=copy, drives=("scene_000",)).build().keys == tuple(f"scene_000/{n}" for n in range(3))


class Trap:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return print, ("run",)


def _camera(**changes: object) -> dict[str, object]:
    one = toy.cameras(KEY)[0]
    sound = {"name": "a", "filename": "a.jpg", "intrinsics": one.K, "extrinsics": one.T_ego_cam}
    return {name: value for name, value in {**sound, **changes}.items() if value is not None}


FAULTS = {
    "lacks a part": (_camera(extrinsics=None), r"cameras\[0\].extrinsics: expected present"),
    "the other way": (_camera(extrinsics=np.linalg.inv(toy.cameras(KEY)[0].T_ego_cam)), r"cameras\[0\].extrinsics"),
    "texts": (_camera(intrinsics="one"), r"cameras\[0\].intrinsics: expected a matrix of numbers"),
    "of another size": (_camera(intrinsics=np.eye(4)), r"intrinsics: expected a finite 3 x 3 matrix"),
    "no mapping": ("CAM_FRONT", r"cameras\[0\]: expected named values, found str"),
    "runs code": (Trap(), "which is not loaded: a pickle may run any code"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_cameras_that_cannot_be(tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    value, message = FAULTS[fault]
    cameras = np.empty(1, object)
    cameras[0] = value
    np.savez(tmp_path / "1.npz", cameras=cameras)
    with pytest.raises(InputError, match=message) as caught:
        read_cameras(tmp_path / "1.npz")
    assert str(caught.value.file).endswith("1.npz") and caught.value.remedy
    assert not capsys.readouterr().out


BAD: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "grid": ({"occ_label": np.zeros((8, 8, 8), np.uint8)}, "occ_label: expected .200, 200, 16. voxels, the grid of"),
    "ids": ({"occ_label": np.where(toy.volume(0) == 9, 11, toy.volume(0))}, r"label ids: .* found ids \[11\]"),
    "mask": ({"occ_mask_camera": toy.volume(0)}, "occ_mask_camera: expected a mask"),
    "pose": ({"ego_to_world_transformation": np.ones((4, 4))}, "ego_to_world_transformation: expected a"),
    "flow": ({"occ_flow_forward": np.zeros((200, 200, 16, 2))}, "occ_flow_forward: expected .200, 200, 16, 3."),
}


@pytest.mark.parametrize("fault", BAD)
def test_volumes_that_cannot_be(tmp_path: Path, fault: str) -> None:
    changes, message = BAD[fault]
    arrays = {"occ_label": toy.volume(0), "occ_mask_camera": toy.seen(0), "occ_flow_forward": toy.flow(0)}
    np.savez_compressed(tmp_path / "1.npz", **{**arrays, "ego_to_world_transformation": toy.pose(0), **changes})
    with pytest.raises(InputError, match=message):
        read_uniocc(tmp_path / "1.npz"), read_flow(tmp_path / "1.npz"), read_pose(tmp_path / "1.npz")


def test_a_damaged_archive(tmp_path: Path) -> None:
    (tmp_path / "1.npz").write_bytes(b"PK nothing")
    for read in (read_cameras, read_uniocc, read_pose):
        with pytest.raises(InputError, match=r"1\.npz"):
            read(tmp_path / "1.npz")
    with pytest.raises(InputError, match="file: expected present, found absent"):
        read_cameras(tmp_path / "2.npz")


def test_frames_without_cameras_hold_voxels(tmp_path: Path) -> None:
    from voxway.data.uniocc.layout import write_uniocc

    write_uniocc(tmp_path / "a" / "0.npz", toy.volume(0), toy.seen(0), toy.pose(0))
    config = UniOccConfig(root=tmp_path, needs=frozenset({"target", "pose"}))
    assert torch.equal(config.build()["a/0"].target, torch.from_numpy(toy.volume(0)))  # ty: ignore
    with pytest.raises(InputError, match="cameras and their pictures, found none"):
        replace(config, needs=NEEDS).build()["a/0"]
