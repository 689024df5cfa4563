"""The SemanticKITTI reader: every field of a sample, every source of targets, every refusal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data import toy
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.core.task import IGNORE
from voxway.data.files.flags import write_flags
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.labels import preprocessed_path, training_target, write_target
from voxway.data.semantickitti.layout import SequenceFiles, read_scan, read_voxel_flags, read_voxel_labels

EVERYTHING = frozenset({"images", "points", "pose", "target", "semantics_2d", "depth"})


def config(root: Path, **changes: object) -> SemanticKITTIConfig:
    return replace(SemanticKITTIConfig(root=root, split="val", partial=True, needs=EVERYTHING), **changes)


def expected_target(root: Path, frame: int) -> np.ndarray:
    files = SequenceFiles(root, "08")
    return training_target(
        read_voxel_labels(files.voxels(frame, "label")), read_voxel_flags(files.voxels(frame, "invalid"))
    )


def test_every_field_of_a_sample(toy_root: Path) -> None:
    reader = config(toy_root, cameras=(2, 3)).build()
    assert reader.keys == ("08/000000", "08/000005")
    assert len(reader) == 2
    sample = reader[1]
    files, calibration = SequenceFiles(toy_root, "08"), toy.calibration()
    assert sample.key == "08/000005"
    assert sample.images is not None
    assert sample.images.shape == (2, 3, *toy.SIZE_PX)
    picture = np.array(Image.open(files.image(2, 5)))
    np.testing.assert_array_equal(sample.images[0].permute(1, 2, 0), picture)
    np.testing.assert_array_equal(sample.points, read_scan(files.scan(5)))
    np.testing.assert_allclose(sample.pose, toy.pose(5), atol=1e-9)
    np.testing.assert_array_equal(sample.target, expected_target(toy_root, 5))
    assert sample.cameras is not None
    for i, P in enumerate((calibration.P2, calibration.P3)):
        np.testing.assert_allclose(sample.cameras.projection[i], P @ calibration.T_cam_velo, atol=1e-9)


def test_only_what_is_needed_is_loaded(toy_root: Path) -> None:
    sample = config(toy_root, needs=frozenset({"points"})).build()[0]
    assert sample.points is not None
    for name in ("cameras", "images", "pose", "target", "proposals", "semantics_2d", "depth"):
        assert getattr(sample, name) is None


def test_samples_are_found_by_key_and_make_a_batch(toy_root: Path) -> None:
    reader = config(toy_root).build()
    batch = collate([reader["08/000005"], reader[0]])
    assert batch.keys == ("08/000005", "08/000000")


def test_earlier_frames_stop_at_the_beginning_of_the_drive(toy_root: Path) -> None:
    sample = config(toy_root, earlier=(3, 6)).build()[1]
    assert [earlier.key for earlier in sample.earlier] == ["08/000002", "08/000000"]
    assert sample.earlier[0].target is None
    np.testing.assert_allclose(sample.earlier[0].pose, toy.pose(2), atol=1e-9)


def test_depth_and_classes_are_drawn_from_the_scan(toy_root: Path) -> None:
    sample = config(toy_root).build()[0]
    depth, semantics = sample.depth, sample.semantics_2d
    assert depth is not None
    assert semantics is not None
    assert depth.shape == semantics.shape == (1, *toy.SIZE_PX)
    road, building = (SEMANTIC_KITTI.task.class_id(name) for name in ("road", "building"))
    assert set(semantics.unique().tolist()) == {road, building, IGNORE}
    assert (depth[semantics != IGNORE] > 2).all()
    assert (semantics[0, :15, 60:] == IGNORE).all(), "the sky and the right side hold nothing but road"


def test_targets_from_preprocessed_files(toy_root: Path, tmp_path: Path) -> None:
    target = np.full(SEMANTIC_KITTI.grid.shape, 9, np.uint8)
    write_target(preprocessed_path(tmp_path, "08", 5), target)
    reader = config(toy_root, preprocessed=tmp_path).build()
    assert reader.keys == ("08/000005",)
    np.testing.assert_array_equal(reader[0].target, target)


def test_targets_from_archives(toy_root: Path, tmp_path: Path) -> None:
    target = np.full(SEMANTIC_KITTI.grid.shape, 11, np.uint8)
    np.savez(tmp_path / "08_000005.npz", target_certain=target, wrong=target.astype(np.int64))
    reader = config(toy_root, targets=tmp_path).build()
    assert reader.keys == ("08/000005",)
    np.testing.assert_array_equal(reader[0].target, target)
    with pytest.raises(InputError, match="training ids, uint8"):
        config(toy_root, targets=tmp_path, targets_field="wrong").build()[0]
    with pytest.raises(InputError, match="an array 'absent'"):
        config(toy_root, targets=tmp_path, targets_field="absent").build()[0]


def test_proposals(toy_root: Path, tmp_path: Path) -> None:
    flags = np.random.default_rng(0).random((128, 128, 16)) < 0.1
    write_flags(tmp_path / "08" / "queries" / "000005.query_iou5203", flags)
    reader = config(
        toy_root, needs=frozenset({"proposals"}), prepared={"proposals": tmp_path}, keys=("08/000005",)
    ).build()
    np.testing.assert_array_equal(reader[0].proposals, flags)


def test_stored_depth_and_classes(toy_root: Path, tmp_path: Path) -> None:
    for name, value in (("depth", 7.5), ("sem", 9)):
        path = tmp_path / name / "08" / "000005.npy"
        path.parent.mkdir(parents=True)
        np.save(path, np.full(toy.SIZE_PX, value))
    sample = config(toy_root, prepared={"depth": tmp_path / "depth", "semantics_2d": tmp_path / "sem"}).build()[1]
    assert sample.depth is not None
    assert sample.semantics_2d is not None
    assert sample.depth.unique().tolist() == [7.5]
    assert sample.semantics_2d.unique().tolist() == [9]
    np.save(tmp_path / "depth" / "08" / "000005.npy", np.zeros((3, 4)))
    with pytest.raises(InputError, match="shape"):
        config(toy_root, prepared={"depth": tmp_path / "depth"}).build()[1]


def test_test_sequences_need_no_labels(toy_copy: Path) -> None:
    folder = SequenceFiles(toy_copy, "08").folder
    folder.rename(folder.with_name("11"))
    for path in (toy_copy / "sequences" / "11" / "voxels").glob("*.*"):
        if path.suffix != ".bin":
            path.unlink()
    reader = config(toy_copy, split="test", needs=frozenset({"images", "points"})).build()
    assert reader.keys == ("11/000000", "11/000005")
    assert reader[0].target is None
    with pytest.raises(InputError, match="annotated frames of split test"):
        config(toy_copy, split="test").build()


def test_a_camera_only_copy_is_read_at_the_benchmarks_stride(toy_copy: Path) -> None:
    for path in (toy_copy / "sequences" / "08" / "voxels").iterdir():
        path.unlink()
    assert config(toy_copy, needs=frozenset({"images"})).build().keys == ("08/000000", "08/000005")


def test_an_incomplete_split_is_refused_unless_asked_for(toy_root: Path) -> None:
    with pytest.raises(InputError, match="frames of split val: expected 815, found 2"):
        config(toy_root, partial=False).build()
    with pytest.raises(InputError, match="no annotated frames for 00, 01"):
        config(toy_root, partial=False, split="train").build()
    assert len(config(toy_root, partial=False, drives=("08",)).build()) == 2


def test_configuration_errors(toy_root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Perhaps you meant 'images'"):
        config(toy_root, needs=frozenset({"image"})).build()
    with pytest.raises(InputError, match="proposals: expected a folder"):
        config(toy_root, needs=frozenset({"proposals"})).build()
    with pytest.raises(InputError, match="two digits"):
        config(toy_root, keys=("8/5",)).build()
    with pytest.raises(InputError, match="root folder"):
        config(tmp_path).build()
    with pytest.raises(InputError, match=r"2 \(left\) or 3 \(right\)"):
        unchecked = config(toy_root)
        object.__setattr__(unchecked, "cameras", (0,))
        unchecked.build()


def test_a_missing_or_damaged_picture_is_named(toy_copy: Path) -> None:
    path = SequenceFiles(toy_copy, "08").image(2, 0)
    reader = config(toy_copy, needs=frozenset({"images"})).build()
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="a whole picture"):
        reader[0]
    path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="a picture"):
        reader[0]
    path.unlink()
    with pytest.raises(InputError, match=r"000000\.png: file: expected present"):
        reader[0]


@pytest.mark.parametrize("size_px", [(20, 60), (80, 240), (40, 61)])
def test_a_picture_of_another_size_is_refused(toy_copy: Path, size_px: tuple[int, int]) -> None:
    Image.fromarray(np.zeros((*size_px, 3), np.uint8)).save(SequenceFiles(toy_copy, "08").image(2, 0))
    with pytest.raises(InputError, match="principal point"):
        config(toy_copy, needs=frozenset({"images"})).build()[0]


def test_a_scan_without_a_pose_is_refused(toy_copy: Path) -> None:
    path = SequenceFiles(toy_copy, "08").poses
    path.write_text("".join(path.open().readlines()[:3]))
    with pytest.raises(InputError, match="a pose for scan 5, found 3 lines"):
        config(toy_copy, needs=frozenset({"pose"})).build()[1]


def test_times_are_read_where_they_are(toy_copy: Path) -> None:
    path = SequenceFiles(toy_copy, "08").times
    reader = config(toy_copy, needs=frozenset({"images"})).build().reader
    assert set(reader.files(reader.keys[1], "time")) == {path}

    def time_s(key: str) -> float | None:
        return reader.moment(key, frozenset({"time"}), np.random.default_rng(0)).time_s

    path.write_text("".join(f"{scan * 0.125}\n" for scan in range(6)))
    assert [time_s(key) for key in reader.keys[:2]] == [0.0, 0.625]
    assert reader.moment(reader.keys[0], frozenset(), np.random.default_rng(0)).time_s is None
    path.write_text("0.0\n0.1\n")
    with pytest.raises(InputError, match="a time for scan 5, found 2 lines"):
        time_s(reader.keys[1])
    path.unlink()
    with pytest.raises(InputError, match=r"times\.txt: file: expected present, found absent"):
        time_s(reader.keys[0])


@pytest.mark.real
def test_real_frames(data_root: Path) -> None:
    root = data_root / "semantickitti"
    reader = config(root, split="train", targets=root / "derived", needs=frozenset({"images", "target"})).build()
    assert len(reader) == 10
    batch = collate([reader[0], reader["03/000000"], reader["04/000000"]])
    assert batch.cameras is not None
    assert batch.cameras.size_px[:, 0].tolist() == [[376, 1241], [375, 1242], [370, 1226]]
    assert batch.images is not None
    assert batch.images.shape == (3, 1, 3, 376, 1242)


@pytest.mark.real
def test_real_points_fall_on_the_right_classes(data_root: Path) -> None:
    root = data_root / "semantickitti"
    needs = frozenset({"target", "semantics_2d", "depth", "points"})
    sample = config(root, targets=root / "derived", needs=needs).build()[0]
    assert sample.semantics_2d is not None
    assert sample.points is not None
    assert sample.target is not None
    drawn = sample.semantics_2d[0]
    road = SEMANTIC_KITTI.task.class_id("road")
    rows = torch.nonzero(drawn == road)[:, 0].float()
    assert rows.median() > drawn.shape[0] / 2, "the road is in the lower half of the picture"
    index = sample.grid.index(sample.points[:, :3])
    inside = sample.grid.holds(index)
    hit = sample.target.flatten()[sample.grid.flat(index[inside])]
    assert (hit == 0).float().mean() < 0.05, "a LiDAR point lies in free space only on the ego car or unlabelled"


def test_pseudo_points_are_read(toy_root: Path, tmp_path: Path) -> None:
    flags = np.random.default_rng(0).random(SEMANTIC_KITTI.grid.shape) < 0.01
    write_flags(tmp_path / "08" / "voxels" / "000005.pseudo", flags)
    reader = config(toy_root, needs=frozenset({"pseudo"}), prepared={"pseudo": tmp_path}).build()
    assert torch.equal(reader["08/000005"].pseudo, torch.from_numpy(flags))
    with pytest.raises(InputError, match=r"000000\.pseudo: file: expected present.*voxway prepare pseudo"):
        reader["08/000000"]
    with pytest.raises(InputError, match="pseudo: expected a folder"):
        config(toy_root, needs=frozenset({"pseudo"})).build()
