"""Scores of voxels and of rays in one table."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.metrics.test_rays import BENCHMARK, ORIGINS, random_volume
from voxway.core.errors import InputError
from voxway.core.ray_result import RayProtocol, RayResult
from voxway.core.result import Protocol, Result
from voxway.core.results import load_result
from voxway.metrics.both_kinds import WHY_THEY_DIFFER, results_table
from voxway.metrics.compare import _RAY_WORDS, compare
from voxway.metrics.rays.metric import RayMetric

PROTOCOL = Protocol(benchmark="toy", split="val", samples=1, masks=("camera",), absent="left out", checkpoint="1" * 64)


def rays(name: str = "net", **changes: object) -> RayResult:
    metric = RayMetric(BENCHMARK, {"a": ORIGINS["a"]}, "abc")
    metric.update(random_volume(1), random_volume(2).clip(0, 3), keys="a")
    (result,) = metric.results(PROTOCOL, name)
    return replace(result, protocol=replace(result.protocol, **changes))


def voxels(name: str = "net", **changes: object) -> Result:
    confusion = np.diag([5, 4, 3, 90]) + np.ones((4, 4), np.int64)
    return Result(task=BENCHMARK.task, protocol=replace(PROTOCOL, **changes), confusion=confusion, name=name)


def printed(*results: Result | RayResult, **more: list[str]) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(results_table(results, **more))
    return capture.get()


def test_a_name_is_a_column_with_both_scores() -> None:
    table = results_table([voxels(), rays(), rays("other", checkpoint="2" * 64)])
    assert [column.header for column in table.columns] == ["", "net", "other"]
    rows = [str(cell) for cell in table.columns[0].cells]
    assert rows == [
        *("IoU", "mIoU", "precision", "recall", "a, voxels", "b, voxels", "c, voxels"),
        *("RayIoU", "RayIoU@0.3 m", "RayIoU@1 m", "RayIoU@2 m", "a, rays", "b, rays", "c, rays"),
    ]
    assert [str(cell) for cell in table.columns[2].cells][:7] == ["-"] * 7
    assert str(table.caption).startswith(WHY_THEY_DIFFER)
    assert f"{100 * rays().rayiou:.2f}" in printed(voxels(), rays())


def test_rays_alone_are_told_in_words() -> None:
    said = str(compare([rays()]).table().caption)
    assert (
        "rays 39 x 360, from -45 to 12.55 degrees, counted: rays that meet anything in the truth, from 2 origins"
        in said
    )
    assert "right within 0.3, 1, 2 m" in said and "inside mask" not in said
    hidden = {"classes", "ray_names", "origin_names", "pose_names", "score", "beside"}  # the last two name rows
    new = {field.name for field in fields(RayProtocol)} - {field.name for field in fields(Protocol)}
    assert set(_RAY_WORDS) == new - hidden, "a field that no words tell"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("origin_names", "b" * 64),
        ("pose_names", "b" * 64),
        ("ray_names", "b" * 64),
        ("thresholds_m", (0.3, 1.0, 4.0)),
        ("distance", "centre"),
        ("precision", "float16 distances"),
        ("training_masks", ("camera",)),
    ],
)
def test_rays_that_are_unlike_are_refused(field: str, value: object) -> None:
    other = rays("other", **{field: value})
    with pytest.raises(InputError) as caught:
        results_table([rays(), other])
    assert caught.value.field == field
    if field != "thresholds_m":
        assert "other" in printed(rays(), other, allow=[field])


def test_unlike_frames_or_networks_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="samples: expected the same of both: samples 2, found samples 1"):
        results_table([voxels(samples=2), rays()])
    with pytest.raises(InputError, match="checkpoint"):
        results_table([voxels(checkpoint="3" * 64), rays()])
    with pytest.raises(InputError, match="ema"):
        results_table([voxels(ema=True), rays()])
    with pytest.raises(InputError, match="'net' more than once"):
        results_table([voxels(), voxels(), rays()])
    with pytest.raises(InputError, match="found '' among them"):
        results_table([voxels(""), rays()])
    with pytest.raises(InputError, match="both of voxels, or both of rays"):
        compare([voxels(), rays()])


def test_either_kind_is_read_from_its_file(tmp_path: Path) -> None:
    for result in (voxels(), rays()):
        result.save(tmp_path / "result.json")
        assert type(load_result(tmp_path / "result.json")) is type(result)
    (tmp_path / "result.json").write_text("[]")
    with pytest.raises(InputError, match="a result with protocol"):
        load_result(tmp_path / "result.json")
