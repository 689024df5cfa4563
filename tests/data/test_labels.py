"""Training targets: the 255 rule, and preprocessed files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voxway.core.errors import InputError
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.labels import preprocessed_path, read_target, training_target, write_target


def test_raw_ids_become_training_ids_and_unknown_becomes_255() -> None:
    raw = np.array([[[0, 0, 10, 252, 40, 60, 1, 52, 99]]], np.uint16)
    invalid = np.array([[[False, True] + [False] * 7]])
    assert training_target(raw, invalid).ravel().tolist() == [0, 255, 1, 1, 9, 9, 255, 255, 255]


def test_an_unknown_raw_id_is_refused() -> None:
    with pytest.raises(InputError, match=r"some\.label: label ids: .* found ids \[7\]"):
        training_target(np.full((1, 1, 1), 7, np.uint16), np.zeros((1, 1, 1), bool), "some.label")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_preprocessed_targets_are_read_as_public_archives_hold_them(tmp_path: Path, dtype: type) -> None:
    target = np.zeros(SEMANTIC_KITTI.grid.coarsen(2).shape, np.uint8)
    target[0], target[1] = 255, 19
    path = preprocessed_path(tmp_path, "08", 5, 2)
    assert path == tmp_path / "08" / "000005_1_2.npy"
    write_target(path, target)
    np.save(path, np.load(path).astype(dtype))
    np.testing.assert_array_equal(read_target(path, 2), target)


def test_damaged_targets_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "target.npy"
    with pytest.raises(InputError, match="absent"):
        read_target(path)
    path.write_bytes(b"no array")
    with pytest.raises(InputError, match="NumPy file"):
        read_target(path)
    np.save(path, np.zeros((4, 4, 4), np.uint8))
    with pytest.raises(InputError, match="shape"):
        read_target(path)
    for value in (20, 0.5, -1):
        np.save(path, np.full(SEMANTIC_KITTI.grid.coarsen(8).shape, value))
        with pytest.raises(InputError, match="label ids"):
            read_target(path, 8)
    np.savez(tmp_path / "many.npz", a=np.zeros(3))
    with pytest.raises(InputError, match="an archive"):
        read_target(tmp_path / "many.npz")


@pytest.mark.real
def test_target_of_a_real_frame(data_root: Path) -> None:
    known = np.load(data_root / "semantickitti" / "derived" / "08_000000.npz")
    unseen = known["invalid_partial"] & (known["label_raw_partial"] == 0)
    np.testing.assert_array_equal(training_target(known["label_raw_partial"], unseen), known["target_partial"])
