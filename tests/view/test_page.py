"""The page as a file: complete by itself, safe against odd names, clear about what does not fit."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.view.toy import camera_picture, occupancy
from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError, OutputError
from voxway.core.grid import VoxelGrid
from voxway.core.result import Protocol, Result
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.registry import benchmark as benchmark_named
from voxway.data.registry import names
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.view import Frame, write_page

SMALL = VoxelGrid((0.0, -4.0, -1.0), (0.5, 0.5, 0.5), (20, 16, 6))


def _frame(benchmark: Benchmark, key: str = "08/000000", seed: int = 0) -> Frame:
    rng = np.random.default_rng(seed)
    prediction = np.full(SMALL.shape, benchmark.free, np.uint8)
    prediction[:, :, :2] = rng.choice(benchmark.task.occupied, (20, 16, 2))
    truth = np.where(rng.random(SMALL.shape) < 0.1, 255, np.roll(prediction, 1, 0)).astype(np.uint8)
    volumes = (occupancy(volume, benchmark.task, SMALL) for volume in (prediction, truth))
    return Frame(key=key, image=camera_picture((40, 120)), **dict(zip(("prediction", "truth"), volumes)))


def _result(name: str, benchmark: Benchmark = SEMANTIC_KITTI, **protocol: object) -> Result:
    size = len(benchmark.classes)
    confusion = np.random.default_rng(len(name)).integers(0, 50, (size, size))
    settings = {"benchmark": benchmark.name, "split": "val", "samples": 3, "masks": (), **protocol}
    return Result(task=benchmark.task, name=name, confusion=confusion, protocol=Protocol(**settings))


def _content(page: str) -> dict:
    return json.loads(re.search(r'id="content">(.*?)</script>', page, re.S)[1])


@pytest.mark.parametrize("name", names())
def test_holds_the_very_volumes(tmp_path: Path, name: str) -> None:
    benchmark = benchmark_named(name)
    frames = [_frame(benchmark, f"scene/{i}", i) for i in range(2)]
    write_page(tmp_path / "new" / "page.html", frames, title="Two frames")
    page = (tmp_path / "new" / "page.html").read_text()
    content = _content(page)
    assert content["free"] == benchmark.free
    assert content["classes"] == list(benchmark.classes)
    assert [frame["key"] for frame in content["frames"]] == ["scene/0", "scene/1"]
    packed = re.search(r'id="frame-1-truth">([^<]*)<', page)[1]
    volume = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8).reshape(SMALL.shape)
    assert (volume == frames[1].truth.classes.numpy()).all()


def test_confidence_lies_beside_the_prediction_in_percent(tmp_path: Path) -> None:
    plain = _frame(SEMANTIC_KITTI)
    assert plain.prediction is not None
    random = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(len(SEMANTIC_KITTI.classes), *SMALL.shape, generator=random)
    scored = replace(plain, prediction=replace(plain.prediction, logits=logits))
    write_page(tmp_path / "page.html", [plain, scored], title="Two frames")
    page = (tmp_path / "page.html").read_text()
    assert [frame["confidence"] for frame in _content(page)["frames"]] == [False, True]
    assert "frame-0-confidence" not in page
    packed = re.search(r'id="frame-1-confidence">([^<]*)<', page)[1]
    percent = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8).reshape(SMALL.shape)
    occupied = plain.prediction.occupied.numpy()
    assert 0 < occupied.mean() < 1 and len(np.unique(percent)) > 40
    assert (percent[~occupied] == 0).all()
    assert np.abs(percent / 100 - logits.softmax(0).amax(0).numpy())[occupied].max() <= 0.00501


def test_asks_nothing_of_a_network(tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", [_frame(SEMANTIC_KITTI)], title="Alone")
    page = (tmp_path / "page.html").read_text()
    assert not re.search(r"https?://|\bsrc\s*=\s*[\"'](?!data:)|@import|url\(", page)
    assert "default-src 'none'" in page
    assert not re.search(r"\{\{\w+\}\}", page)


def test_odd_names_stay_text(tmp_path: Path) -> None:
    odd = "</script><b>{{title}}&"
    task = replace(SEMANTIC_KITTI.task, classes=("empty", odd, *SEMANTIC_KITTI.classes[2:]))
    benchmark = replace(SEMANTIC_KITTI, task=task)
    frame = replace(_frame(benchmark), key=odd, note=odd)
    write_page(tmp_path / "page.html", [frame], title=odd, notes={odd: odd})
    page = (tmp_path / "page.html").read_text()
    assert odd not in page
    assert _content(page)["frames"][0]["key"] == odd
    assert page.count("</script>") == page.count("<script")


def test_results_stand_side_by_side_with_their_protocols(tmp_path: Path) -> None:
    results = [_result("model", checkpoint="a" * 64), _result("baseline <1>")]
    write_page(tmp_path / "p.html", [_frame(SEMANTIC_KITTI)], title="T", results=results)
    page = (tmp_path / "p.html").read_text()
    for text in (
        "baseline &lt;1&gt;",
        "checkpoint aaaaaaaaaaaa.",
        "no checkpoint",
        f"<b>{100 * results[0].miou:.2f}</b>",
    ):
        assert text in page
    assert page.count("<tr>") == 1 + 4 + 19
    assert 'class="score best"' in page
    assert "unlike protocols" not in page


def test_unlike_protocols_are_said_and_not_ranked(tmp_path: Path) -> None:
    results = [_result("model"), _result("other", range_m=12.8, ema=True)]
    write_page(tmp_path / "p.html", [_frame(SEMANTIC_KITTI)], title="T", results=results)
    page = (tmp_path / "p.html").read_text()
    assert "unlike protocols (range_m, ema)" in page
    assert 'class="score best"' not in page


def test_a_volume_alone_and_an_image_too_wide(tmp_path: Path) -> None:
    frame = replace(_frame(SEMANTIC_KITTI), truth=None, image=np.zeros((10, 3000, 3), np.uint8))
    write_page(tmp_path / "page.html", [frame], title="Alone")
    described = _content((tmp_path / "page.html").read_text())["frames"][0]
    assert described["truth"] is False and described["agreement"] is None


def test_the_agreement_of_each_frame(tmp_path: Path) -> None:
    frame = _frame(SEMANTIC_KITTI)
    perfect = replace(frame, truth=frame.prediction)
    write_page(tmp_path / "page.html", [frame, perfect], title="Two")
    first, second = (f["agreement"] for f in _content((tmp_path / "page.html").read_text())["frames"])
    assert second == {"iou": 1.0, "miou": 1.0, "classes": 19}
    assert first["miou"] < 0.5


def test_what_does_not_fit_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    path, frame = tmp_path / "page.html", _frame(SEMANTIC_KITTI)

    def refused(match: str, *frames: Frame, results: Sequence[Result] = ()) -> None:
        with pytest.raises(InputError, match=match):
            write_page(path, frames, title="T", results=results)

    refused("at least one, found none")
    refused("frame 08/000000: prediction, truth: expected a volume", replace(frame, prediction=None, truth=None))
    other = replace(_frame(SEMANTIC_KITTI), key="08/000005", prediction=occupancy(np.zeros((256, 256, 32), np.uint8)))
    refused(
        r"frame 08/000005, prediction: task, grid: expected 20x16x6 voxels over .*, "
        r"as frame 08/000000, prediction has, found 256x256x32 voxels",
        frame,
        other,
    )
    refused("prediction: task, grid", frame, replace(other, key=frame.key))
    refused("task, name: expected semantickitti, .* found occ3d-nuscenes", frame, _frame(OCC3D_NUSCENES, "scene/0"))
    renamed = replace(SEMANTIC_KITTI.task, grid=SMALL, classes=(*SEMANTIC_KITTI.classes[:-1], "lamp"))
    refused("task, classes", frame, replace(frame, truth=replace(frame.truth, task=renamed)))
    too_long = VoxelGrid((0.0, 0.0, 0.0), (0.1, 0.1, 0.1), (4097, 1, 1))
    long = occupancy(np.zeros(too_long.shape, np.uint8), grid=too_long)
    refused("page: grid: expected at most .*4097", Frame(key="long", truth=long))
    refused("image: expected uint8", replace(frame, image=np.zeros((4, 4, 3), np.float32)))
    refused("expected semantickitti, found occ3d-nuscenes", frame, results=[_result("r", OCC3D_NUSCENES)])
    assert not path.exists()


def test_a_folder_that_is_a_file_gives_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError):
        write_page(tmp_path / "taken" / "p.html", [_frame(SEMANTIC_KITTI)], title="T")
