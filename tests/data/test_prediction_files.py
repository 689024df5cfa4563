"""Predictions of Occ3D and OpenOccupancy: what is written passes, what is not whole does not."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.data.entry import Dataset, Server
from voxway.data.files.predictions import PredictionFiles
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.nuscenes.submission import OCC3D_FILES, OPENOCCUPANCY_FILES
from voxway.data.registry import DATASETS, benchmark, checker, config_type, names, server
from voxway.data.waymo.submission import FILES as WAYMO_FILES

TOKENS = ("29796060110c4163b07f06eff4af0753", "fd8420396768425eabec9bdddf7e64b6")
SHAPE = OCC3D_NUSCENES.grid.shape
TINY = OCC3D_NUSCENES.task.coarsen((100, 100, 8))


def prediction(seed: int, free: int = 17) -> np.ndarray:
    volume = np.full(SHAPE, free, np.uint8)
    volume[: free + 1, 0, 0] = np.arange(free + 1)
    volume[30] = seed
    return volume


def write(files: PredictionFiles, folder: Path, key: str, volume: np.ndarray) -> Path:
    return files.write(folder, Occupancy(task=files.benchmark.task, classes=torch.from_numpy(volume), key=key))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, key in enumerate(TOKENS):
        write(OCC3D_FILES, tmp_path / "out", key, prediction(seed))
    return tmp_path / "out"


def test_predictions_are_ids_in_uint8_by_token(folder: Path) -> None:
    with np.load(folder / f"{TOKENS[0]}.npz") as archive:
        assert archive.files == ["arr_0"]
        np.testing.assert_array_equal(archive["arr_0"], prediction(0))
        assert archive["arr_0"].dtype == np.uint8
    np.testing.assert_array_equal(OCC3D_FILES.read(folder, TOKENS[1]).classes, prediction(1))
    assert (folder / f"{TOKENS[0]}.npz").stat().st_size < 10_000, "compressed"


def test_waymos_predictions_look_like_its_labels(tmp_path: Path) -> None:
    path = write(WAYMO_FILES, tmp_path, "012/040", prediction(3, 15))
    assert path == tmp_path / "012" / "040_04.npz"
    with np.load(path) as archive:
        assert sorted(np.unique(archive["voxel_label"])) == [*range(15), 23]
    np.testing.assert_array_equal(WAYMO_FILES.read(tmp_path, "012/040").classes, prediction(3, 15))
    WAYMO_FILES.check(tmp_path, ["012/040"])


def test_openoccupancys_predictions_are_dense(tmp_path: Path) -> None:
    volume = np.zeros(OPENOCCUPANCY_FILES.benchmark.grid.shape, np.uint8)
    volume[5, 6, 7] = 16
    write(OPENOCCUPANCY_FILES, tmp_path, TOKENS[0], volume)
    np.testing.assert_array_equal(OPENOCCUPANCY_FILES.read(tmp_path, TOKENS[0]).classes, volume)
    OPENOCCUPANCY_FILES.check(tmp_path, TOKENS[:1])


@pytest.mark.parametrize("name", names())
def test_every_listed_dataset_has_its_parts(name: str) -> None:
    files = server(name)
    assert isinstance(files, Server)
    assert getattr(files, "benchmark", benchmark(name)) is benchmark(name)  # no part of the protocol
    assert callable(checker(name))
    assert config_type(name).__name__


@pytest.mark.parametrize("part", [checker, config_type])
def test_a_dataset_without_a_part_says_so(part: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS._known, "bare", Dataset(benchmark=OCC3D_NUSCENES))
    with pytest.raises(InputError, match=r"dataset bare: .* expected a .*, found none"):
        part("bare")


def test_without_a_server_predictions_are_occupancies(tmp_path: Path) -> None:
    files, task = server("sscbench-kitti360"), benchmark("sscbench-kitti360").task
    key = "2013_05_28_drive_0009_sync/000250"
    classes = torch.full(task.grid.shape, 5, dtype=torch.uint8)
    files.write(tmp_path / "out", Occupancy(task=task, classes=classes, key=key))
    assert torch.equal(files.read(tmp_path / "out", key).classes, classes)
    files.check(tmp_path / "out", [key])
    files.pack(tmp_path / "out", tmp_path / "out.zip", [key])
    files.check(tmp_path / "out.zip", [key])
    with pytest.raises(InputError, match="frames: expected 2 predictions, found 1 missing"):
        files.check(tmp_path / "out", [key, key.replace("250", "260")])
    other = Occupancy.unknown(task, key=key)
    with pytest.raises(InputError, match="class ids"):
        files.write(tmp_path / "out", other)


def test_a_sound_submission_passes_as_folder_and_as_zip(folder: Path, tmp_path: Path) -> None:
    OCC3D_FILES.check(folder, TOKENS)
    archive = tmp_path / "submission.zip"
    OCC3D_FILES.pack(folder, archive, TOKENS)
    OCC3D_FILES.check(archive, TOKENS)
    first = archive.read_bytes()
    for seed, key in enumerate(TOKENS):
        write(OCC3D_FILES, folder, key, prediction(seed))
    OCC3D_FILES.pack(folder, archive, TOKENS)
    assert archive.read_bytes() == first, "equal predictions give equal archives"


FIRST = f"{TOKENS[0]}.npz"


def _replace(data: Callable[[], np.ndarray], **names: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        np.savez(folder / FIRST, **{names.get("name", "arr_0"): data()})  # ty: ignore[invalid-argument-type]

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: (folder / FIRST).unlink(),
            f"frames: expected 2 predictions, found 1 missing, the first {FIRST}",
        ),
        (lambda folder: write(OCC3D_FILES, folder, "more", prediction(0)), "found 1 more, the first more.npz"),
        (
            lambda folder: (folder / FIRST).write_bytes((folder / FIRST).read_bytes()[:-30]),
            "contents: expected an arch",
        ),
        (_replace(lambda: prediction(0), name="other"), "expected an array 'arr_0'"),
        (_replace(lambda: prediction(0)[:100]), r"expected uint8 \(200, 200, 16\), found uint8 \(100, 200, 16\)"),
        (_replace(lambda: prediction(0).astype(int)), "found int64"),
        (_replace(lambda: np.full(SHAPE, 255, np.uint8)), r"class ids: expected 0..17, .* found \[255\]"),
    ],
)
def test_what_is_not_whole_is_refused(folder: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(folder)
    with pytest.raises(InputError, match=message):
        OCC3D_FILES.check(folder, TOKENS)
    with pytest.raises(InputError, match=message):
        OCC3D_FILES.pack(folder, folder.parent / "submission.zip", TOKENS)
    assert not (folder.parent / "submission.zip").exists()


def test_absent_or_damaged_places(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder or a zip"):
        OCC3D_FILES.check(tmp_path / "absent.zip", TOKENS)
    (tmp_path / "damaged.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="a zip archive"):
        OCC3D_FILES.check(tmp_path / "damaged.zip", TOKENS)
    with pytest.raises(InputError, match="file: expected present, found absent"):
        OCC3D_FILES.read(tmp_path, TOKENS[0])
    with zipfile.ZipFile(tmp_path / "nested.zip", "w") as archive:
        archive.writestr(f"mine/{FIRST}", b"")
    with pytest.raises(InputError, match="1 missing"):
        OCC3D_FILES.check(tmp_path / "nested.zip", TOKENS[:1])


def test_a_prediction_of_another_shape_class_or_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="task: expected occ3d-nuscenes, 200x200x16"):
        OCC3D_FILES.write(tmp_path, Occupancy(task=TINY, classes=torch.zeros(2, 2, 2).byte(), key=TOKENS[0]))
    with pytest.raises(InputError, match="task: expected occ3d-waymo"):
        volume = torch.zeros(SHAPE, dtype=torch.uint8)
        WAYMO_FILES.write(tmp_path, Occupancy(task=OCC3D_NUSCENES.task, classes=volume, key="012/040"))
    with pytest.raises(InputError, match=r"class ids: expected 0\.\.17 in every voxel, found 255"):
        write(OCC3D_FILES, tmp_path, TOKENS[0], np.full(SHAPE, 255, np.uint8))
    for files, key in ((OCC3D_FILES, "../outside"), (WAYMO_FILES, "12/40"), (OCC3D_FILES, "")):
        with pytest.raises(InputError, match="expected a key of"):
            write(files, tmp_path, key, prediction(0, files.benchmark.free))
    assert list(tmp_path.iterdir()) == []
