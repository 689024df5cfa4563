"""The constants of all benchmarks, against numbers copied from their papers and tools."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.task import IGNORE
from voxway.data.registry import benchmark, names
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.waymo.benchmark import OCC3D_WAYMO

KNOWN = {
    "semantickitti": ((256, 256, 32), 0.2, (0, -25.6, -2), (51.2, 25.6, 4.4), 20, 0, 19, ()),
    "sscbench-kitti360": ((256, 256, 32), 0.2, (0, -25.6, -2), (51.2, 25.6, 4.4), 19, 0, 18, ()),
    "occ3d-nuscenes": ((200, 200, 16), 0.4, (-40, -40, -1), (40, 40, 5.4), 18, 17, 17, ("camera",)),
    "occ3d-waymo": ((200, 200, 16), 0.4, (-40, -40, -1), (40, 40, 5.4), 16, 15, 15, ("camera", "field_of_view")),
    "openocc-nuscenes": ((200, 200, 16), 0.4, (-40, -40, -1), (40, 40, 5.4), 17, 16, 16, ()),
    "uniocc": ((200, 200, 16), 0.4, (-40, -40, -2.2), (40, 40, 4.2), 11, 10, 10, ("camera",)),
    "surroundocc-nuscenes": ((200, 200, 16), 0.5, (-50, -50, -5), (50, 50, 3), 17, 0, 16, ()),
    "own": ((232, 200, 18), 0.4, (-41.6, -40, -1), (51.2, 40, 6.2), 26, 0, 25, ("lidar",)),
    "openoccupancy-nuscenes": ((512, 512, 40), 0.2, (-51.2, -51.2, -5), (51.2, 51.2, 3), 17, 0, 16, ()),
}

BENCHMARKS = {name: benchmark(name) for name in names()}

every = pytest.mark.parametrize("one", BENCHMARKS.values(), ids=list(BENCHMARKS))


@pytest.mark.parametrize("name", list(KNOWN))
def test_known_constants(name: str) -> None:
    shape, cell, lower, upper, classes, free, evaluated, masks = KNOWN[name]
    one = benchmark(name)
    assert one.grid.shape == shape
    assert one.grid.cell == (cell, cell, cell)
    assert one.grid.lower == lower
    assert one.grid.upper == pytest.approx(upper)
    assert (len(one.classes), one.free, len(one.task.evaluated)) == (classes, free, evaluated)
    assert one.masks == masks


def test_there_are_no_others() -> None:
    assert BENCHMARKS.keys() == KNOWN.keys()


@every
def test_names_and_colours(one: Benchmark) -> None:
    assert len(one.task.palette) == len(one.classes) == len(set(one.classes))
    assert all(0 <= value <= 255 for colour in one.task.palette for value in colour)
    assert one.classes[one.free] in ("empty", "free")
    assert set(one.task.evaluated) | {one.free} == set(range(len(one.classes)))
    assert set(one.task.occupied) == set(one.task.evaluated)
    for label, name in enumerate(one.classes):
        assert one.task.class_id(name) == label


@every
def test_raw_ids_are_the_inverse_of_training_ids(one: Benchmark) -> None:
    labels = np.arange(len(one.classes), dtype=np.uint8)
    known = np.array([label for label in labels if not one.raw_to_train or label in one.raw_to_train.values()])
    raw = one.to_raw(known)
    assert raw.dtype == np.uint16
    assert (one.to_train(raw, "submission.label") == known).all()


@every
def test_every_raw_id_maps_to_a_class_or_to_ignore(one: Benchmark) -> None:
    raw = np.array(list(one.raw_to_train) or list(range(len(one.classes))))
    trained = one.to_train(raw, "a file")
    assert trained.dtype == np.uint8
    assert ((trained < len(one.classes)) | (trained == IGNORE)).all()


def test_semantickitti_maps_moving_things_to_still_ones() -> None:
    raw = np.array([[0, 10, 252], [40, 60, 99]], np.uint16)
    assert SEMANTIC_KITTI.to_train(raw, "000000.label").tolist() == [[0, 1, 1], [9, 9, 255]]
    assert SEMANTIC_KITTI.to_raw(np.array([1, 5, 19])).tolist() == [10, 20, 81]


def test_waymo_writes_free_as_23() -> None:
    assert OCC3D_WAYMO.to_train(np.array([23, 14]), "labels.npz").tolist() == [15, 14]
    assert OCC3D_WAYMO.to_raw(np.array([15])).tolist() == [23]


@given(st.sampled_from([2, 100, 65535, -1]))
def test_unknown_raw_ids_are_named(raw: int) -> None:
    with pytest.raises(InputError) as caught:
        SEMANTIC_KITTI.to_train(np.array([0, raw]), "08/voxels/000000.label")
    assert caught.value.file == "08/voxels/000000.label"
    assert caught.value.found.startswith(f"ids [{raw}]")


@given(st.sampled_from(["sscbench-kitti360", "occ3d-nuscenes"]), st.sampled_from([19, 100, 254, 256, 300, -1]))
def test_files_of_training_ids_hold_no_others(name: str, raw: int) -> None:
    fine = np.array([0, len(BENCHMARKS[name].classes) - 1, IGNORE])
    assert (BENCHMARKS[name].to_train(fine, "labels.npz") == fine).all()
    with pytest.raises(InputError, match=rf"found ids \[{raw}\]"):
        BENCHMARKS[name].to_train(np.array([0, raw]), "labels.npz")


def test_split_counts() -> None:
    counts = {(name, split): part.frames for name, one in BENCHMARKS.items() for split, part in one.splits.items()}
    assert counts["semantickitti", "train"] == 3834 and counts["semantickitti", "val"] == 815
    assert sum(counts["sscbench-kitti360", split] for split in ("train", "val", "test")) == 12865
    assert counts["occ3d-nuscenes", "train"] == 28130 and counts["occ3d-nuscenes", "val"] == 6019
    for one in BENCHMARKS.values():
        sequences = [s for part in one.splits.values() for s in part.sequences]
        assert len(sequences) == len(set(sequences)), f"{one.name}: a sequence is in two splits"


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(InputError, match="Perhaps you meant 'semantickitti'"):
        benchmark("semantic-kitti")
    with pytest.raises(InputError, match="Perhaps you meant 'traffic-sign'"):
        SEMANTIC_KITTI.task.class_id("traffic sign")


def test_inconsistent_constants_are_refused() -> None:
    with pytest.raises(ValueError, match="20 classes need as many colours, got 19"):
        replace(SEMANTIC_KITTI.task, palette=SEMANTIC_KITTI.task.palette[1:])
    with pytest.raises(ValueError, match="free id 20"):
        replace(SEMANTIC_KITTI.task, free=20)


@pytest.mark.parametrize("name", names())
def test_benchmarks_can_be_sent_to_other_processes(name: str) -> None:
    one = benchmark(name)
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    with pytest.raises(TypeError):
        again.splits["another"] = None
