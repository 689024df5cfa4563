"""Only like is compared with like."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from rich.console import Console

from voxway.core.errors import InputError
from voxway.core.result import Protocol, Result
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.metrics.compare import _WORDS, compare

PROTOCOL = Protocol(benchmark="semantickitti", split="val", samples=815, masks=(), inputs=("images",))


def result(name: str, hit: int, **changes: object) -> Result:
    counts = np.zeros((20, 20), np.int64)
    counts[9, 9], counts[9, 0], counts[0, 0] = hit, 10 - hit, 50
    return Result(task=SEMANTIC_KITTI.task, protocol=replace(PROTOCOL, **changes), confusion=counts, name=name)


def test_scores_stand_side_by_side() -> None:
    comparison = compare([result("a", 4, checkpoint="1" * 64), result("b", 8, checkpoint="2" * 64)])
    rows = comparison.rows()
    assert [row["name"] for row in rows] == ["a", "b"]
    assert rows[0]["IoU"] == pytest.approx(40)
    assert rows[1]["road"] == pytest.approx(80)
    assert rows[1]["mIoU"] == pytest.approx(80 / 19)
    assert np.isnan(rows[0]["car"])
    assert comparison.differing == {}


def test_unlike_protocols_are_refused_by_name() -> None:
    with pytest.raises(InputError) as caught:
        compare([result("a", 4), result("b", 8, masks=("camera",), ema=True)])
    error = caught.value
    assert error.field == "masks, ema"
    assert "masks ()" in error.expected
    assert "masks ('camera',)" in error.found
    assert "'a' and 'b'" in error.file


def test_a_third_result_is_compared_too() -> None:
    with pytest.raises(InputError, match=r"'a' and 'number 3': split"):
        compare([result("a", 4), result("b", 5), result("", 6, split="train")])


def test_allowed_differences_are_shown() -> None:
    comparison = compare([result("a", 4), result("b", 8, frames=5)], allow=("frames", "ema"))
    assert comparison.differing == {"frames": (1, 5)}
    assert [row["frames"] for row in comparison.rows()] == [1, 5]
    console = Console(width=120)
    with console.capture() as capture:
        console.print(comparison.table())
    text = capture.get()
    assert "frames" in text
    assert "80.00" in text
    assert "815 frames" in text
    assert "no mask" in text


def test_a_protocol_is_told_in_words() -> None:
    told = compare([result("a", 4, inputs=("images", "proposals:lidar"), masks=("camera",), ema=True)]).table().caption
    assert told == (
        "815 frames, the whole grid, inside mask camera, classes that never occur count as zero, "
        "seen: images, proposals from lidar, 1 frame per prediction, taught everywhere, labels: all, "
        "weights averaged"
    )
    plain = {"benchmark", "split", "checkpoint", "frame_names", "label_names"}
    assert set(_WORDS) == {field.name for field in fields(Protocol)} - plain, "a field that no words tell"


def test_one_result_makes_a_table_too() -> None:
    assert compare([result("", 4)]).rows()[0]["name"] == "result 1"
    assert compare([result("", 4)]).table().row_count == 4 + 19


def test_errors_say_what_was_wrong() -> None:
    with pytest.raises(InputError, match="at least one"):
        compare([])
    with pytest.raises(InputError, match="Perhaps you meant 'frames'"):
        compare([result("a", 4)], allow=("frame",))


def test_as_many_other_frames_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        compare([result("a", 4, frame_names="1" * 64), result("b", 8, frame_names="2" * 64)])
    assert caught.value.field == "frame_names"


@pytest.mark.parametrize(
    ("changes", "allow"), [({"frame_names": ""}, ()), ({"samples": 7}, ("samples",)), ({"split": "train"}, ("split",))]
)
def test_names_of_frames_say_nothing_more_where_they_are_not_known_or_the_split_differs(
    changes: dict[str, object], allow: tuple[str, ...]
) -> None:
    others = {"frame_names": "2" * 64, **changes}
    assert compare([result("a", 4, frame_names="1" * 64), result("b", 8, **others)], allow=allow)


def test_unlike_lists_of_labels_are_refused() -> None:
    tenth = "1/10 of frames, evenly spread"
    few = result("few", 4, labels=tenth, label_names="a")
    with pytest.raises(InputError, match=r"labels: expected .* labels 'all', found labels '1/10 of frames"):
        compare([result("all", 8), few])
    with pytest.raises(InputError, match="label_names: expected"):
        compare([few, result("others", 4, labels=tenth, label_names="b")])
    assert compare([result("all", 8), few], allow=["labels"]).differing == {"labels": ("all", tenth)}
    compare([few, result("the same", 5, labels=tenth, label_names="a")])
