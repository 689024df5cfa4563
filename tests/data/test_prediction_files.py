"""Predictions of Occ3D and OpenOccupancy: what is written passes, what is not whole does not."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from voxway.core.errors import InputError
from voxway.data import DATASETS
from voxway.data.nuscenes import openoccupancy_submission
from voxway.data.nuscenes import submission as nuscenes
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.files.predictions import PredictionFiles
from voxway.data.waymo import submission as waymo
from voxway.data.waymo.benchmark import OCC3D_WAYMO

TOKENS = ("29796060110c4163b07f06eff4af0753", "fd8420396768425eabec9bdddf7e64b6")
SHAPE = OCC3D_NUSCENES.grid.shape


def prediction(seed: int, free: int = 17) -> np.ndarray:
    volume = np.full(SHAPE, free, np.uint8)
    volume[: free + 1, 0, 0] = np.arange(free + 1)
    volume[30] = seed
    return volume


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, key in enumerate(TOKENS):
        nuscenes.write_prediction(tmp_path / "out", key, prediction(seed))
    return tmp_path / "out"


def test_predictions_are_ids_in_uint8_by_token(folder: Path) -> None:
    with np.load(folder / f"{TOKENS[0]}.npz") as archive:
        assert archive.files == ["arr_0"]
        np.testing.assert_array_equal(archive["arr_0"], prediction(0))
        assert archive["arr_0"].dtype == np.uint8
    np.testing.assert_array_equal(nuscenes.read_prediction(folder, TOKENS[1]), prediction(1))
    assert (folder / f"{TOKENS[0]}.npz").stat().st_size < 10_000, "compressed"


def test_waymos_predictions_look_like_its_labels(tmp_path: Path) -> None:
    path = waymo.write_prediction(tmp_path, "012/040", prediction(3, 15))
    assert path == tmp_path / "012" / "040_04.npz"
    with np.load(path) as archive:
        assert sorted(np.unique(archive["voxel_label"])) == [*range(15), 23]
    np.testing.assert_array_equal(waymo.read_prediction(tmp_path, "012/040"), prediction(3, 15))
    waymo.check_submission(tmp_path, ["012/040"])


def test_openoccupancys_predictions_are_dense(tmp_path: Path) -> None:
    volume = np.zeros(OPENOCCUPANCY_NUSCENES.grid.shape, np.uint8)
    volume[5, 6, 7] = 16
    openoccupancy_submission.write_prediction(tmp_path, TOKENS[0], volume)
    np.testing.assert_array_equal(openoccupancy_submission.read_prediction(tmp_path, TOKENS[0]), volume)
    openoccupancy_submission.check_submission(tmp_path, TOKENS[:1])


def test_every_listed_dataset_has_its_files() -> None:
    for name in ("occ3d-nuscenes", "occ3d-waymo", "openoccupancy-nuscenes"):
        module = DATASETS[name].submissions()
        assert module.FILES.benchmark.name == name
        assert callable(DATASETS[name].checker())
        assert DATASETS[name].config_type().__name__


def test_a_sound_submission_passes_as_folder_and_as_zip(folder: Path, tmp_path: Path) -> None:
    nuscenes.check_submission(folder, TOKENS)
    archive = tmp_path / "submission.zip"
    nuscenes.zip_submission(folder, archive, TOKENS)
    nuscenes.check_submission(archive, TOKENS)
    first = archive.read_bytes()
    for seed, key in enumerate(TOKENS):
        nuscenes.write_prediction(folder, key, prediction(seed))
    nuscenes.zip_submission(folder, archive, TOKENS)
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
        (lambda folder: nuscenes.write_prediction(folder, "more", prediction(0)), "found 1 more, the first more.npz"),
        (
            lambda folder: (folder / FIRST).write_bytes((folder / FIRST).read_bytes()[:-30]),
            "contents: expected an arch",
        ),
        (_replace(lambda: prediction(0), name="other"), r"expected an archive \(.npz\) with an array 'arr_0'"),
        (_replace(lambda: prediction(0)[:100]), r"expected uint8 \(200, 200, 16\), found uint8 \(100, 200, 16\)"),
        (_replace(lambda: prediction(0).astype(int)), "found int64"),
        (_replace(lambda: np.full(SHAPE, 255, np.uint8)), r"class ids: expected 0..17, .* found \[255\]"),
    ],
)
def test_what_is_not_whole_is_refused(folder: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(folder)
    with pytest.raises(InputError, match=message):
        nuscenes.check_submission(folder, TOKENS)
    with pytest.raises(InputError, match=message):
        nuscenes.zip_submission(folder, folder.parent / "submission.zip", TOKENS)
    assert not (folder.parent / "submission.zip").exists()


def test_absent_or_damaged_places(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder or a zip"):
        nuscenes.check_submission(tmp_path / "absent.zip", TOKENS)
    (tmp_path / "damaged.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="a zip archive"):
        nuscenes.check_submission(tmp_path / "damaged.zip", TOKENS)
    with pytest.raises(InputError, match="file: expected present, found absent"):
        nuscenes.read_prediction(tmp_path, TOKENS[0])
    with zipfile.ZipFile(tmp_path / "nested.zip", "w") as archive:
        archive.writestr(f"mine/{FIRST}", b"")
    with pytest.raises(InputError, match="1 missing"):
        nuscenes.check_submission(tmp_path / "nested.zip", TOKENS[:1])


def test_a_prediction_of_another_shape_class_or_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a prediction must be"):
        nuscenes.write_prediction(tmp_path, TOKENS[0], np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(ValueError, match=r"class ids 0\.\.17, got 255"):
        nuscenes.write_prediction(tmp_path, TOKENS[0], np.full(SHAPE, 255, np.uint8))
    for files, key in ((nuscenes.FILES, "../outside"), (waymo.FILES, "12/40"), (nuscenes.FILES, "")):
        assert isinstance(files, PredictionFiles)
        with pytest.raises(InputError, match="expected a key of"):
            files.write(tmp_path, key, prediction(0, 15 if files.benchmark is OCC3D_WAYMO else 17))
    assert list(tmp_path.iterdir()) == []
