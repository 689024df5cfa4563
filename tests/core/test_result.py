"""Scores on counts worked by hand, saving and loading, and which protocols may be compared."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.result import Protocol, Result
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI

KITTI = Protocol(benchmark="semantickitti", split="val", samples=1, masks=())
OCC3D = Protocol(benchmark="occ3d-nuscenes", split="val", samples=1, masks=("camera",), absent="left out")


def counted(
    truth: list[int], prediction: list[int], protocol: Protocol = KITTI, one: Benchmark = SEMANTIC_KITTI
) -> Result:
    confusion = np.zeros((len(one.classes), len(one.classes)), np.int64)
    np.add.at(confusion, (truth, prediction), 1)
    return Result(task=one.task, protocol=protocol, confusion=confusion, name="by hand", notes={"device": "cpu"})


# A 2x2x2 grid, flattened: 0 is free, 1 car, 9 road.
TRUTH = [1, 1, 9, 9, 9, 0, 0, 0]
PREDICTION = [1, 9, 9, 9, 0, 0, 1, 0]


def test_scores_worked_by_hand() -> None:
    result = counted(TRUTH, PREDICTION)
    # Occupied in both: 4 (one of them with the wrong class), missed: 1, invented: 1.
    assert result.iou == pytest.approx(4 / 6)
    assert result.precision == pytest.approx(4 / 5)
    assert result.recall == pytest.approx(4 / 5)
    # Car: right 1, in either 3. Road: right 2, in either 4. Free: right 2, in either 4.
    assert result.class_iou[[0, 1, 9]].tolist() == pytest.approx([2 / 4, 1 / 3, 2 / 4])
    assert np.isnan(np.delete(result.class_iou, [0, 1, 9])).all()
    assert result.miou == pytest.approx((1 / 3 + 2 / 4) / 19)  # absent classes count as 0


def test_occ3d_leaves_absent_classes_out_and_counts_free_as_17() -> None:
    swap = {0: 17, 1: 4, 9: 11}
    result = counted([swap[i] for i in TRUTH], [swap[i] for i in PREDICTION], OCC3D, OCC3D_NUSCENES)
    assert result.iou == pytest.approx(4 / 6)
    assert result.miou == pytest.approx((1 / 3 + 2 / 4) / 2)


def test_nothing_counted_scores_nothing() -> None:
    for protocol, one in ((KITTI, SEMANTIC_KITTI), (OCC3D, OCC3D_NUSCENES)):
        result = counted([], [], protocol, one)
        assert (result.iou, result.miou, result.precision, result.recall) == (0, 0, 0, 0)


@given(arrays(np.int64, (20, 20), elements=st.integers(0, 1000)), st.randoms())
def test_scores_do_not_depend_on_the_order_of_classes(confusion: np.ndarray, random) -> None:
    result = Result(task=SEMANTIC_KITTI.task, protocol=KITTI, confusion=confusion)
    order = [0, *random.sample(range(1, 20), 19)]
    other = Result(task=SEMANTIC_KITTI.task, protocol=KITTI, confusion=confusion[np.ix_(order, order)])
    assert other.miou == pytest.approx(result.miou)
    assert (other.iou, other.precision, other.recall) == (result.iou, result.precision, result.recall)
    assert 0 <= result.miou <= 1 and 0 <= result.iou <= min(result.precision, result.recall) + 1e-12


def test_a_perfect_prediction_scores_one() -> None:
    result = counted(list(range(20)), list(range(20)))
    assert (result.iou, result.miou, result.precision, result.recall) == (1, 1, 1, 1)


def test_saved_and_loaded_again(tmp_path: Path) -> None:
    protocol = replace(
        KITTI, masks=("camera",), inputs=("images", "points"), ema=True, range_m=12.8, checkpoint="ab" * 32
    )
    result = replace(counted(TRUTH, PREDICTION), protocol=protocol)
    result.save(tmp_path / "new" / "result.json")
    loaded = Result.load(tmp_path / "new" / "result.json")
    assert (loaded.confusion == result.confusion).all() and loaded.confusion.dtype == np.int64
    assert (loaded.protocol, loaded.name, loaded.notes) == (result.protocol, result.name, result.notes)
    assert json.loads((tmp_path / "new" / "result.json").read_text())["scores"]["iou"] == result.iou


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c.pop("protocol"),
        lambda c: c.pop("confusion"),
        lambda c: c["protocol"].update(colour="red"),
        lambda c: c["protocol"].update(benchmark="semantikitti"),
        lambda c: c["protocol"].pop("split"),
        lambda c: c["confusion"].pop(),
        lambda c: c["confusion"][0].append(1),
        lambda c: c["confusion"][0].__setitem__(0, "many"),
    ],
)
def test_damaged_results_are_refused(tmp_path: Path, damage) -> None:
    path = tmp_path / "result.json"
    counted(TRUTH, PREDICTION).save(path)
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        Result.load(path)
    assert caught.value.file == str(path)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "3", "\xff"])
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"result\.json: contents"):
        Result.load(tmp_path / "result.json")
    with pytest.raises(InputError, match="expected present, found absent"):
        Result.load(tmp_path / "other.json")


def test_every_field_but_the_checkpoint_tells_protocols_apart() -> None:
    changes = {
        "benchmark": "occ3d-nuscenes",
        "split": "test",
        "samples": 2,
        "masks": ("camera",),
        "absent": "left out",
        "range_m": 25.6,
        "inputs": ("images",),
        "frames": 3,
        "training_masks": ("camera",),
        "ema": True,
        "frame_names": "2" * 64,
        "labels": "1/10 of frames, evenly spread",
        "label_names": "2" * 64,
    }
    base = replace(KITTI, frame_names="1" * 64, label_names="1" * 64)
    assert changes.keys() | {"checkpoint"} == {f.name for f in fields(Protocol)}
    for name, value in changes.items():
        assert base.differences(replace(base, **{name: value})) == {name: (getattr(base, name), value)}
    assert base.differences(replace(base, checkpoint="another")) == {}


def test_counts_of_the_wrong_shape_or_type_are_refused() -> None:
    with pytest.raises(ValueError, match="int64 confusion matrix 20x20, got int64"):
        Result(task=SEMANTIC_KITTI.task, protocol=KITTI, confusion=np.zeros((19, 19), np.int64))
    with pytest.raises(ValueError, match="got float64"):
        Result(task=SEMANTIC_KITTI.task, protocol=KITTI, confusion=np.zeros((20, 20)))
