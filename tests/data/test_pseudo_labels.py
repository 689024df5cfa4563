"""Pseudo-labels on disk: one picture per camera, in any tool's hands; wrong ones are named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.task import SKY
from voxway.data.prepared.class_maps import PseudoLabels
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI

TASK = SEMANTIC_KITTI.task


def cameras(*sizes):
    one = torch.eye(3).expand(len(sizes), 3, 3)
    return Cameras(K=one, T_cam_ego=torch.eye(4).expand(len(sizes), 4, 4), T_image=one, size_px=torch.tensor([*sizes]))


def test_cameras_of_unlike_size_and_without_a_file(tmp_path):
    kind, path = PseudoLabels(), PseudoLabels().path(tmp_path, "08/000005")
    assert path == tmp_path / "08" / "000005.png"
    maps = np.full((2, 6, 8), 255, np.uint8)
    maps[0], maps[1, :4] = 9, SKY
    kind.write(path, maps)
    assert sorted(p.name for p in path.parent.iterdir()) == ["000005.png", "000005_1.png"]
    read = kind.read(path, TASK, cameras((6, 8), (4, 8), (6, 8)))
    assert read.shape == (3, 6, 8) and (read[2] == 255).all()
    assert torch.equal(read[:2], torch.from_numpy(maps))
    assert torch.equal(kind.read(path, TASK, None), torch.from_numpy(maps[:1]))


def test_a_palette_holds_ids(tmp_path):
    picture = Image.fromarray(np.full((6, 8), 13, np.uint8), "P")
    picture.putpalette([0, 0, 0] * 13 + [255, 0, 0])
    picture.save(tmp_path / "a.png")
    assert (PseudoLabels().read(tmp_path / "a.png", TASK, None) == 13).all()


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.full((6, 8), 77, np.uint8), r"ids: expected ids 0\.\.19 of .*254 for sky.* found \[77\]"),
        (np.full((5, 8), 1, np.uint8), r"size: expected \(6, 8\).* found \(5, 8\)"),
        (np.full((12, 16), 1, np.uint8), r"size: expected \(6, 8\), as the picture has, found \(12, 16\)"),
        (np.full((6, 8), 20, np.uint8), r"found \[20\]"),
        (np.full((6, 8, 3), 1, np.uint8), "expected one channel of 8 bits, found mode RGB"),
        (np.full((6, 8), 1, np.uint16), "expected one channel of 8 bits, found mode I;16"),
        (None, "expected present, found absent"),
    ],
)
def test_wrong_files_are_named(ids, message, tmp_path):
    path = tmp_path / "a.png"
    if ids is not None:
        Image.fromarray(ids).save(path)
    with pytest.raises(InputError, match=message) as error:
        PseudoLabels().read(path, TASK, cameras((6, 8)))
    assert str(path) in str(error.value)


def test_beyond_a_small_picture_nothing_is_said(tmp_path):
    """Arrays of all cameras have the largest picture's size; classes beyond a picture mean that it is another's map."""
    path = PseudoLabels().path(tmp_path, "08/000005")
    maps = np.full((2, 6, 8), 9, np.uint8)
    PseudoLabels().write(path, maps)
    with pytest.raises(InputError, match=r"000005_1\.png: size: expected \(4, 8\).* found \(6, 8\) with ids beyond"):
        PseudoLabels().read(path, TASK, cameras((6, 8), (4, 8)))
    Image.fromarray(maps[1, :4]).save(path.with_name("000005_1.png"))
    read = PseudoLabels().read(path, TASK, cameras((6, 8), (4, 8)))
    assert (read[1, :4] == 9).all() and (read[1, 4:] == 255).all()


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.full((60, 80), 3, np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=r"a\.png"):
        PseudoLabels().read(path, TASK, None)
