"""Submissions: what is written passes, what the server would reject does not."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.small_world import execute
from voxway.core.benchmark import Split
from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.submission import FILES

KEYS = ("11/000000", "11/000005")
SHAPE = SEMANTIC_KITTI.grid.shape
FIRST = "sequences/11/predictions/000000.label"


def prediction(seed: int) -> np.ndarray:
    volume = np.zeros(SHAPE, np.uint8)
    volume[:20, 0, 0] = np.arange(20)
    volume[30] = seed
    return volume


def occupancy(key: str, classes: np.ndarray) -> Occupancy:
    return Occupancy(task=SEMANTIC_KITTI.task, classes=torch.from_numpy(classes), key=key)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound submission of two frames."""
    for seed, key in enumerate(KEYS):
        FILES.write(tmp_path / "submission", occupancy(key, prediction(seed)))
    return tmp_path / "submission"


def test_predictions_are_raw_ids_in_uint16(folder: Path) -> None:
    stored = np.fromfile(folder / FIRST, "<u2").reshape(SHAPE)
    assert stored[:20, 0, 0].tolist() == list(SEMANTIC_KITTI.train_to_raw)
    np.testing.assert_array_equal(SEMANTIC_KITTI.to_train(stored, "file"), prediction(0))


def test_predictions_are_read_back(folder: Path) -> None:
    read = FILES.read(folder, KEYS[1])
    assert (read.key, read.task) == (KEYS[1], SEMANTIC_KITTI.task)
    np.testing.assert_array_equal(read.classes, prediction(1))
    with pytest.raises(InputError, match=r"000010\.label: file: expected present, found absent"):
        FILES.read(folder, "11/000010")


def test_a_sound_submission_passes_as_folder_and_as_zip(folder: Path, tmp_path: Path) -> None:
    FILES.check(folder, KEYS)
    archive = tmp_path / "submission.zip"
    FILES.pack(folder, archive, KEYS)
    FILES.check(archive, KEYS)
    assert sorted(zipfile.ZipFile(archive).namelist())[0] == FIRST
    first = archive.read_bytes()
    FILES.pack(folder, archive, KEYS)
    assert archive.read_bytes() == first, "equal predictions give equal archives"


def _drop(folder: Path) -> None:
    (folder / FIRST).unlink()


def _add(folder: Path) -> None:
    FILES.write(folder, occupancy("12/000000", prediction(0)))


def _cut(folder: Path) -> None:
    (folder / FIRST).write_bytes((folder / FIRST).read_bytes()[:-2])


def _training_ids(folder: Path) -> None:
    prediction(3).astype("<u2").tofile(folder / FIRST)


def _bytes_only(folder: Path) -> None:
    prediction(0).tofile(folder / FIRST)


def _moving(folder: Path) -> None:
    np.full(SHAPE, 252, "<u2").tofile(folder / FIRST)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_drop, f"frames: expected 2 predictions, found 1 missing, the first {FIRST}"),
        (_add, "found 1 more, the first sequences/12/predictions/000000.label"),
        (_cut, "size: expected 4194304 bytes"),
        (_bytes_only, "found 2097152 bytes"),
        (_training_ids, r"label ids: expected raw ids .* found ids \[1, 2, 3, 4, 5\]"),
        (_moving, r"found ids \[252\]"),
    ],
)
def test_what_the_server_rejects_is_refused(folder: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(folder)
    with pytest.raises(InputError, match=message):
        FILES.check(folder, KEYS)
    with pytest.raises(InputError, match=message):
        FILES.pack(folder, folder.parent / "submission.zip", KEYS)
    assert not (folder.parent / "submission.zip").exists()


def test_a_zip_with_a_folder_around_it_is_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "nested.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.label"):
            archive.write(file, f"mine/{file.relative_to(folder)}")
    with pytest.raises(InputError, match="`sequences/` must be at the top"):
        FILES.check(path, KEYS)


def test_an_absent_or_damaged_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder or a zip"):
        FILES.check(tmp_path / "absent.zip", KEYS)
    (tmp_path / "damaged.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="a zip archive"):
        FILES.check(tmp_path / "damaged.zip", KEYS)


def test_a_prediction_of_another_shape_or_class_is_refused(tmp_path: Path) -> None:
    coarse = SEMANTIC_KITTI.task.coarsen(2)
    with pytest.raises(InputError, match="prediction 11/000000: task: expected semantickitti, 256x256x32"):
        FILES.write(tmp_path, Occupancy(task=coarse, classes=torch.zeros(coarse.grid.shape).byte(), key=KEYS[0]))
    with pytest.raises(InputError, match=r"class ids: expected 0\.\.19 in every voxel, found 255"):
        FILES.write(tmp_path, occupancy(KEYS[0], np.full(SHAPE, 255, np.uint8)))
    with pytest.raises(InputError, match="two digits"):
        FILES.write(tmp_path, occupancy("frame 3", np.zeros(SHAPE, np.uint8)))
    assert list(tmp_path.iterdir()) == []


def every_fifth(**frames: int) -> list[str]:
    """Keys of so many frames of sequences such as ``s11``."""
    return [f"{sequence[1:]}/{5 * number:06d}" for sequence, count in frames.items() for number in range(count)]


WHOLE = {
    f"s{sequence}": -(-recordings // 5) for sequence, recordings in SEMANTIC_KITTI.splits["test"].recordings.items()
}


@pytest.mark.parametrize(
    ("frames", "field"),
    [
        ({}, "sequence 11"),
        (dict.fromkeys(WHOLE, 1), "sequence 11"),
        ({name: count for name, count in WHOLE.items() if name != "s21"}, "sequence 21"),
        (WHOLE | {"s19": WHOLE["s19"] // 2}, "sequence 19"),
        ({name: int(0.95 * count) for name, count in WHOLE.items()}, "frames"),
    ],
    ids=["none", "one of each", "a sequence", "half a sequence", "some of all"],
)
def test_a_test_split_is_whole_by_the_benchmarks_own_count(frames: dict[str, int], field: str) -> None:
    split = SEMANTIC_KITTI.splits["test"]
    split.require_whole(every_fifth(**WHOLE), "data")
    with pytest.raises(InputError) as caught:
        split.require_whole(every_fifth(**frames), "data")
    assert caught.value.field == field and "--partial" in caught.value.remedy


def test_counts_that_are_known_exactly() -> None:
    split = Split(frames=3)
    split.require_whole(["a", "b", "c"], "data")
    with pytest.raises(InputError, match="frames: expected 3, found 2"):
        split.require_whole(["a", "b"], "data")
    Split().require_whole(["a"], "data")


def test_submit_asks_for_the_whole_split(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for sequence in SEMANTIC_KITTI.splits["test"].sequences:
        FILES.write(tmp_path / "out", occupancy(f"{sequence}/000000", prediction(0)))
        (tmp_path / "data" / "sequences" / sequence / "voxels").mkdir(parents=True)
        (tmp_path / "data" / "sequences" / sequence / "voxels" / "000000.bin").write_bytes(bytes(262144))
    command = ("submit", tmp_path / "out", "--root", tmp_path / "data", "--split", "test")
    assert execute(*command, "--out", tmp_path / "a.zip") == 2
    assert "sequence 11" in capsys.readouterr().err and not (tmp_path / "a.zip").exists()
    assert execute(*command, "--partial") == 0
    assert "11 predictions, valid" in capsys.readouterr().out


def test_a_file_that_is_packed_twice_is_refused(folder: Path, tmp_path: Path) -> None:
    FILES.pack(folder, tmp_path / "a.zip", KEYS)
    with pytest.warns(UserWarning), zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr(FIRST, bytes(4194304))
    with pytest.raises(
        InputError, match=f"frames: expected every file once, found 1 more than once, the first {FIRST}"
    ):
        FILES.check(tmp_path / "a.zip", KEYS)


def test_frames_that_are_named_twice_are_packed_once(folder: Path, tmp_path: Path) -> None:
    FILES.pack(folder, tmp_path / "a.zip", [*KEYS, KEYS[0]])
    FILES.check(tmp_path / "a.zip", KEYS)
