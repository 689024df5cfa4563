"""Occupancy: what is checked when it is made, parts and merges of it, its points, and its files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.occupancy import Occupancy
from voxway.core.task import IGNORE, Task

TASK = Task(
    name="toy",
    grid=VoxelGrid(lower=(-1.0, 0.0, -2.0), cell=(0.5, 1.0, 2.0), shape=(2, 2, 2)),
    classes=("car", "free", "road"),
    free=1,
    foreground=(0,),
)
"""Two by two by two voxels; free is neither the first class nor the last."""
CLASSES = torch.tensor([[[0, 1], [2, IGNORE]], [[1, 1], [2, 0]]], dtype=torch.uint8)
TURN = torch.tensor([[0.0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]]).double()
"""A quarter turn to the left, and a shift in metres."""


def occupancy(**changes: object) -> Occupancy:
    seen = torch.tensor([[[True, False], [True, True]], [[False, True], [True, False]]])
    one = Occupancy(task=TASK, classes=CLASSES.clone(), masks={"camera": seen}, pose=TURN, key="08/000005")
    return replace(one, **changes)


def test_known_and_occupied_voxels() -> None:
    one = occupancy()
    assert one.known.tolist() == [[[True, True], [True, False]], [[True, True], [True, True]]]
    assert one.occupied.tolist() == [[[True, False], [True, False]], [[False, False], [True, True]]]
    assert one.labelled


def test_unknown_says_nothing_anywhere() -> None:
    one = Occupancy.unknown(TASK, ("lidar", "camera"), "a")
    assert (one.classes == IGNORE).all() and not one.known.any() and not one.occupied.any()
    assert {name: bool(mask.any()) for name, mask in one.masks.items()} == {"lidar": False, "camera": False}
    assert (one.labelled, one.key, one.pose, one.logits) == (False, "a", None, None)


@pytest.mark.usefixtures("annotations_unchecked")
@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"classes": CLASSES[:1]}, r"occupancy 08/000005: classes: expected \(2, 2, 2\) voxels, the grid of toy"),
        ({"classes": CLASSES.clamp(3, 3)}, r"classes: expected ids 0\.\.2 of toy, or 255, found 3"),
        ({"masks": {"lidar": torch.ones(2, 2, 3, dtype=torch.bool)}}, r"lidar: expected \(2, 2, 2\) voxels"),
        ({"logits": torch.zeros(2, 2, 2, 2)}, r"logits: expected \(3, 2, 2, 2\), found \(2, 2, 2, 2\)"),
        ({"pose": 2 * TURN}, "pose: expected a rigid transform, T_world_ego in metres"),
        ({"classes": CLASSES[1:], "key": ""}, "^occupancy: classes"),
    ],
)  # fmt: skip
def test_what_contradicts_the_task_is_refused(changes: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        occupancy(**changes)


def test_probabilities_come_from_scores_alone() -> None:
    logits = torch.zeros(3, 2, 2, 2, dtype=torch.half)
    logits[2] = math.log(2)
    probabilities = occupancy(logits=logits).probabilities
    assert probabilities.dtype == torch.float32
    torch.testing.assert_close(probabilities[:, 0, 0, 0], torch.tensor([0.25, 0.25, 0.5]), atol=1e-3, rtol=0)
    torch.testing.assert_close(probabilities.sum(0), torch.ones(2, 2, 2))
    with pytest.raises(InputError, match=r"probabilities: expected a network's scores, or .* found classes alone"):
        _ = occupancy().probabilities


def test_voxels_of_a_class_by_name() -> None:
    assert occupancy()["road"].nonzero().tolist() == [[0, 1, 0], [1, 1, 0]]
    with pytest.raises(InputError, match=r"class of toy: name: .* Perhaps you meant 'road'"):
        occupancy()["raod"]


def test_a_part_lies_where_it_lay() -> None:
    logits = torch.arange(24.0).reshape(3, 2, 2, 2)
    whole = occupancy(logits=logits)
    part = whole[1:, :, -1:]
    assert isinstance(part, Occupancy)
    assert (part.task.grid.shape, part.task.grid.lower) == ((1, 2, 1), (-0.5, 0.0, 0.0))
    assert part.task.classes == TASK.classes
    assert torch.equal(part.classes, CLASSES[1:, :, 1:])
    assert torch.equal(part.masks["camera"], whole.masks["camera"][1:, :, 1:])
    assert part.logits is not None and torch.equal(part.logits, logits[:, 1:, :, 1:])
    assert torch.equal(part.to_points()[0], torch.tensor([[-0.25, 1.5, 1.0]]))


@pytest.mark.parametrize("item", [(slice(0, 2, 2), slice(None), slice(None)), (slice(1, 1), slice(None), slice(None))])
def test_parts_that_skip_or_are_empty_are_refused(item: tuple[slice, slice, slice]) -> None:
    with pytest.raises(InputError, match="slices: expected three slices of step 1 that hold voxels"):
        occupancy()[item]


def test_outside_a_mask_nothing_is_known() -> None:
    named = occupancy().where("camera")
    assert named.classes.tolist() == [[[0, IGNORE], [2, IGNORE]], [[IGNORE, 1], [2, IGNORE]]]
    given = occupancy().where(torch.zeros(2, 2, 2, dtype=torch.bool))
    assert not given.known.any()
    assert torch.equal(given.masks["camera"], named.masks["camera"])
    with pytest.raises(InputError, match="masks: expected one called 'lidar', found camera"):
        occupancy().where("lidar")


def test_what_is_occupied_wins_and_what_is_known() -> None:
    def one(classes: list[int]) -> Occupancy:
        return Occupancy(task=TASK, classes=torch.tensor(classes, dtype=torch.uint8).reshape(2, 2, 2))

    first = one([0, 1, 1, 1, IGNORE, IGNORE, IGNORE, 2])
    second = one([2, 2, 1, IGNORE, 0, 1, IGNORE, IGNORE])
    assert first.merge(second).classes.flatten().tolist() == [0, 2, 1, 1, 0, 1, IGNORE, 2]
    third = one([IGNORE, 0, 0, IGNORE, IGNORE, IGNORE, 1, IGNORE])
    assert first.merge(second, third).classes.flatten().tolist() == [0, 2, 0, 1, 0, 1, 1, 2]
    assert occupancy(logits=torch.zeros(3, 2, 2, 2)).merge().logits is None
    other = Occupancy.unknown(TASK.coarsen(2))
    with pytest.raises(InputError, match="task: expected toy on 2x2x2"):
        first.merge(other)


def test_points_stand_at_centres_in_either_frame() -> None:
    points, classes = occupancy().to_points()
    assert points.tolist() == [[-0.75, 0.5, -1.0], [-0.75, 1.5, -1.0], [-0.25, 1.5, -1.0], [-0.25, 1.5, 1.0]]
    assert classes.tolist() == [0, 2, 2, 0]
    moved, same = occupancy().to_points(world=True)
    assert moved[0].tolist() == [10 - 0.5, 20 - 0.75, 30 - 1.0]
    assert moved.dtype == points.dtype and torch.equal(same, classes)
    with pytest.raises(InputError, match="pose: expected T_world_ego, as world coordinates are asked for, found none"):
        occupancy(pose=None).to_points(world=True)
    assert Occupancy.unknown(TASK).to_points()[0].shape == (0, 3)


def test_everything_moves_to_a_device() -> None:
    moved = occupancy(logits=torch.zeros(3, 2, 2, 2)).to("cpu")
    assert moved.classes.device.type == "cpu" and moved.key == "08/000005"
    assert moved.masks.keys() == {"camera"} and moved.logits is not None and moved.pose is not None


@pytest.mark.parametrize("pose", [TURN, None])
@pytest.mark.parametrize("labelled", [True, False])
def test_files_are_read_back(tmp_path: Path, pose: torch.Tensor | None, labelled: bool) -> None:
    one = occupancy(pose=pose, labelled=labelled)
    path = one.save(tmp_path / "kept" / "a.npz")
    read = Occupancy.load(path)
    assert (read.task, read.key, read.labelled, list(read.masks)) == (TASK, one.key, labelled, ["camera"])
    assert torch.equal(read.classes, one.classes)
    assert torch.equal(read.masks["camera"], one.masks["camera"])
    assert read.pose is None if pose is None else torch.equal(read.pose, pose)
    assert [file.name for file in path.parent.iterdir()] == ["a.npz"]


LOGITS = torch.tensor([1.0, 0.0, 3.0])[:, None, None, None] + torch.arange(8.0).reshape(2, 2, 2) / 8 * torch.tensor(
    [0.0, 8.0, 1.0]
).reshape(3, 1, 1, 1)
"""Scores by which now road, now free is the likeliest."""


@pytest.mark.parametrize("count", [1, 2, 3, None])
def test_probabilities_are_kept_in_half_precision(tmp_path: Path, count: int | None) -> None:
    scored = occupancy(logits=LOGITS)
    kept = scored.ranked(count)
    assert kept.logits is None and kept.likely is not None and kept.judged and not occupancy().judged
    assert kept.likely.values.shape == (count or 3, 2, 2, 2) and kept.likely.values.dtype == torch.half
    exact = scored.probabilities
    order = exact.argsort(0, descending=True)[:count]
    assert torch.equal(kept.likely.ids.long(), order)
    among = torch.zeros_like(exact, dtype=torch.bool).scatter_(0, order, True)
    torch.testing.assert_close(kept.probabilities, exact * among, atol=3e-4, rtol=0)
    torch.testing.assert_close(kept.confidence, exact.amax(0), atol=3e-4, rtol=0)
    read = Occupancy.load(kept.save(tmp_path / "a.npz"))
    assert read.likely is not None
    assert torch.equal(read.likely.values, kept.likely.values) and torch.equal(read.likely.ids, kept.likely.ids)
    again = kept.ranked(1).likely
    assert again is not None and torch.equal(again.values[0], kept.likely.values[0])
    part = kept[1:, :, :1]
    assert torch.equal(part.confidence, kept.confidence[1:, :, :1])
    assert kept.to("cpu").likely is not None and kept.merge().likely is None


@pytest.mark.usefixtures("annotations_unchecked")
def test_classes_are_ranked_by_scores_where_probabilities_round_alike() -> None:
    logits = torch.zeros(3, 2, 2, 2)
    logits[2] = 1e-8
    kept = occupancy(logits=logits).ranked().likely
    assert kept is not None and (kept.values == torch.tensor(1 / 3).half()).all()
    assert kept.ids[:, 0, 0, 0].tolist() == [2, 0, 1]


@pytest.mark.usefixtures("annotations_unchecked")
def test_what_is_no_probability_is_refused(tmp_path: Path) -> None:
    path = occupancy(logits=LOGITS).ranked().save(tmp_path / "a.npz")
    with np.load(path) as stored:
        arrays = dict(stored)
    values, ids = arrays["probabilities"], arrays["probability_ids"]
    wrong = {
        "sums: expected 1 at most, found 1.5": {"probabilities": np.full_like(values, 0.5)},
        "sums: expected 1 in every voxel": {"probabilities": values / 2},
        "values: expected probabilities, 0..1": {"probabilities": values * 3},
        "values: expected the likeliest class first": {"probabilities": values[::-1]},
        "ids: expected 0..2, found 7": {"probability_ids": ids + 5},
        "ids: expected every class once in a voxel": {"probability_ids": ids[[0, 1, 0]]},
        "shape: expected": {"probability_ids": ids[:2]},
        "types: expected float16": {"probabilities": values.astype(np.float64)},
        "likely: expected .* voxels": {"probabilities": values[..., :1], "probability_ids": ids[..., :1]},
        "probability_ids": {"probability_ids": None},
    }
    for match, change in wrong.items():
        kept = {name: array for name, array in {**arrays, **change}.items() if array is not None}
        np.savez(tmp_path / "bad.npz", **kept)
        with pytest.raises(InputError, match=match):
            Occupancy.load(tmp_path / "bad.npz")
    with pytest.raises(InputError, match=r"count: expected 1\.\.2, the classes that there are, found 3"):
        occupancy(logits=LOGITS).ranked(2).ranked(3)
    with pytest.raises(InputError, match="found classes alone"):
        occupancy().ranked(1)
    with pytest.raises(InputError, match=r"count: expected 1\.\.3, the classes that there are, found 4"):
        occupancy(logits=LOGITS).ranked(4)


@pytest.mark.usefixtures("annotations_unchecked")
def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.npz: file: expected present, found absent.*Occupancy\.save"):
        Occupancy.load(tmp_path / "absent.npz")
    path = occupancy().save(tmp_path / "a.npz")
    with np.load(path) as stored:
        arrays = dict(stored)
    damaged = {
        "cut": lambda p: p.write_bytes(path.read_bytes()[:-40]),
        "text": lambda p: p.write_text("no archive"),
        "array": lambda p: np.save(tmp_path / "one.npy", arrays["classes"]) or (tmp_path / "one.npy").rename(p),
        "other": lambda p: np.savez(p, voxels=arrays["classes"]),
        "types": lambda p: np.savez(p, **{**arrays, "classes": np.array(["car"])}),
    }
    for name, write in damaged.items():
        bad = tmp_path / f"{name}.npz"
        write(bad)
        with pytest.raises(InputError, match=rf"{name}\.npz: .* Name a file that `Occupancy\.save` wrote"):
            Occupancy.load(bad)
    np.savez(tmp_path / "grid.npz", **{**arrays, "classes": arrays["classes"][:1]})
    with pytest.raises(InputError, match=r"classes: expected \(2, 2, 2\) voxels"):
        Occupancy.load(tmp_path / "grid.npz")
