"""Tables of classes: those that are shipped say what they should, and one of a person's own is checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.prepare.tiny_models import CITYSCAPES
from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.core.task import SKY, Task
from voxway.data.prepared.class_table import ClassTable, plain, read_class_table, resource
from voxway.data.registry import benchmark, dataset, names

SHIPPED = [name for name in names() if dataset(name).class_table is not None]
KITTI = benchmark("semantickitti").task
OCC3D = benchmark("occ3d-nuscenes").task
MSEG = [f"LABEL_{i}" for i in range(194)]


def shipped(name: str) -> tuple[ClassTable, Task]:
    where = dataset(name).class_table
    assert where is not None
    task = benchmark(name).task
    return read_class_table(resource(where), task), task


def own(folder: Path, **changes: object) -> Path:
    where = dataset("semantickitti").class_table
    assert where is not None
    path = folder / "table.json"
    path.write_text(json.dumps({**read_json(resource(where)), **changes}))
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_tables_are_whole(name: str) -> None:
    table, task = shipped(name)
    assert set(table.over(task)) == {i for _, i in table.phrases(task)}
    known = set(table.labels(MSEG, task, "x")) - {SKY, 255}
    # Every class is either known to the segmenter or looked for; Occ3D's others are neither.
    assert known | set(table.over(task)) == set(task.occupied) - {
        i for i in task.occupied if task.classes[i] == "others"
    }


def test_ids_of_universal_classes() -> None:
    """Samples of both tables, of classes with one id, several, and none."""
    expected = {
        "semantickitti": {
            176: 1,
            183: 5,
            126: 7,
            95: 11,
            97: 12,
            131: 14,
            94: 17,
            130: 18,
            142: 254,
            136: 255,
            32: 255,
        },
        "occ3d-nuscenes": {176: 4, 183: 9, 126: 255, 97: 255, 131: 1, 127: 2, 94: 14, 32: 15, 142: 254, 182: 10},
        "openoccupancy-nuscenes": {176: 4, 131: 1, 174: 16, 142: 254},
        "surroundocc-nuscenes": {176: 4, 131: 1, 174: 16, 142: 254},
    }
    for name, ids in expected.items():
        table, task = shipped(name)
        labels = table.labels(MSEG, task, "x")
        assert {i: int(labels[i]) for i in ids} == ids


def test_prompts_and_what_they_may_be_painted_over() -> None:
    table, task = shipped("semantickitti")
    assert table.over(task) == {
        5: {1, 4, 5, 255},
        10: {9, 11, 12, 17, 255},
        12: {9, 11, 17, 255},
        16: {15, 17, 18, 255},
    }
    assert ("tree trunk", 16) in table.phrases(task) and ("parking space", 10) in table.phrases(task)
    table, task = shipped("occ3d-nuscenes")
    assert table.over(task) == {1: {15, 11, 13, 255}, 5: {10, 4, 3, 255}, 8: {15, 11, 13, 255}, 12: {11, 13, 14, 255}}


def test_names_of_other_taxonomies() -> None:
    table, task = shipped("semantickitti")
    labels = dict(zip(CITYSCAPES, table.labels(CITYSCAPES, task, "x").tolist()))
    assert labels["vegetation"] == 15 and labels["wall"] == 14 and labels["rider"] == 7 and labels["train"] == 5
    assert labels["sky"] == SKY and labels["traffic light"] == 255
    mapillary = ["Lane Marking - General", "Traffic Sign (Front)", "Utility Pole", "Parking", "Bird"]
    assert table.labels(mapillary, task, "x").tolist() == [9, 19, 18, 10, 255]
    assert table.labels(["tree, trees", "rug"], task, "x").tolist() == [15, 255]
    assert plain("rider_other") == plain("Rider-Other") == "rider other"


def test_classes_that_the_table_does_not_know() -> None:
    table, task = shipped("semantickitti")
    with pytest.raises(
        InputError, match=r"my net: classes: expected .* such as car.* found 2 others, such as cat, dog"
    ):
        table.labels(["cat", "dog"], task, "my net")
    with pytest.raises(InputError, match="or the 194 of MSeg universal without names, found 19 others"):
        table.labels(MSEG[:19], task, "my net")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": {"lorry": {"ids": [1]}}}, r"expected one of car, .* found 'lorry'"),
        ({"classes": {"empty": {"ids": [1]}}}, r"found 'empty'"),
        ({"classes": {"car": {"ids": [194]}}}, r"ids of car: expected ids 0\.\.193 of MSeg universal, found \[194\]"),
        ({"classes": {"car": {"ids": [-1]}}}, r"found \[-1\]"),
        ({"sky": {"ids": [999]}}, r"ids of sky: .* found \[999\]"),
        (
            {"classes": {"car": {"ids": [7]}, "truck": {"ids": [7]}}},
            r"ids: expected each of them once, found '7' for car",
        ),
        ({"classes": {"car": {"ids": [142]}}}, "found '142' for car and for sky"),
        (
            {"classes": {"car": {"names": ["Van"]}, "truck": {"names": ["van"]}}},
            "names: .* found 'van' for car and for t",
        ),
        ({"classes": {"trunk": {"prompts": ["trunk"]}}}, "over of trunk: expected prompts with the classes"),
        ({"classes": {"trunk": {"over": ["road"]}}}, "over of trunk: .* found one without the other"),
        ({"classes": {"trunk": {"prompts": ["trunk"], "over": ["lawn"]}}}, "found 'lawn'"),
        ({"classes": {"trunk": {"prompts": ["a. b"], "over": ["road"]}}}, "prompts of trunk: .* found 'a. b'"),
        ({"classes": {"trunk": {"prompts": ["Trunk"], "over": ["road"]}}}, "in lower case"),
        ({"classes": {"trunk": {"prompts": [" "], "over": ["road"]}}}, "prompts of trunk"),
        (
            {"classes": {n: {"prompts": ["bush"], "over": ["road"]} for n in ("trunk", "terrain")}},
            "prompts: expected each of them once, found 'bush' for trunk and for terrain",
        ),
        ({"sky": {"prompts": ["sky"], "over": ["road"]}}, "prompts of sky: expected none"),
        ({"least_probability": 1.5}, "least_probability lies between 0 and 1, got 1.5"),
        ({"tresholds": 1}, "found 'tresholds'"),
        ({"version": "new"}, "expected int"),
    ],
)
def test_a_table_of_ones_own_is_checked(changes: dict, message: str, tmp_path: Path) -> None:
    path = own(tmp_path, **changes)
    with pytest.raises(InputError, match=message) as error:
        read_class_table(path, KITTI)
    assert str(path) in str(error.value)


def test_a_table_of_another_benchmark_is_refused() -> None:
    where = dataset("occ3d-nuscenes").class_table
    assert where is not None
    with pytest.raises(InputError, match=r"class of semantickitti: name: .* found 'barrier'"):
        read_class_table(resource(where), KITTI)


def test_ids_lie_where_the_task_has_them() -> None:
    table, task = shipped("occ3d-nuscenes")
    assert [task.classes[i] for i in np.unique(table.labels(MSEG, task, "x")) if i < 254][:3] == [
        "barrier",
        "bicycle",
        "bus",
    ]
    assert OCC3D.classes.index("driveable_surface") == 11 == table.labels(MSEG, task, "x")[98]
