"""OccLE's training on bad input: an error in five parts, or terms of exactly 0 and a run that ends well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.methods.test_occle import out_of_view, sample, without_points
from tests.methods.tiny import TINY
from tests.recipes.test_occle_few_labels import STAGES, train
from tests.small_world import execute, linked, rewrite
from voxway.core.sample import Sample
from voxway.engine import train as engine
from voxway.engine.log import read_log
from voxway.engine.train_config import TrainConfig
from voxway.methods.occle import OccLEConfig
from voxway.methods.occle.supervision import Stage

SEMANTIC = {"pixels", "pixels_lovasz", "points", "points_lovasz"}
PROJECTED = {"projection", "sky"}


class Changed:
    """One scene, with something taken from it."""

    keys = ("tiny/000000",)

    def __init__(self, change: Callable[[Sample], Sample]) -> None:
        self.change = change

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        return self.change(sample(index))


def unlike_everything(one: Sample) -> Sample:
    """Neither a class of a pixel, nor of a voxel, nor a ray."""
    assert one.pseudo_labels is not None and one.target is not None and one.evidence is not None
    unknown = {"pseudo_labels": torch.full_like(one.pseudo_labels, 255), "target": torch.full_like(one.target, 255)}
    return replace(one, **unknown, evidence=torch.zeros_like(one.evidence), labelled=False)


@pytest.mark.parametrize(
    ("change", "zero"),
    [
        (without_points, {"points", "points_lovasz"}),
        (out_of_view, {"points", "points_lovasz", *PROJECTED}),
        (lambda one: without_points(out_of_view(one)), {"points", "points_lovasz", *PROJECTED}),
        (unlike_everything, None),
    ],
    ids=["no point", "no pixel in view", "neither", "nothing known"],
)
@pytest.mark.parametrize("stage", STAGES)
def test_frames_that_lack_something_train(
    stage: Stage, change: Callable[[Sample], Sample], zero: set[str] | None, tmp_path: Path
) -> None:
    config = TINY["occle"]
    assert isinstance(config, OccLEConfig)
    engine.train(TrainConfig(steps=2, log_every=1), replace(config, stage=stage), Changed(change), tmp_path, show=False)
    for line in read_log(tmp_path):
        terms = {name: value for name, value in line.items() if name not in ("step", "loss", "rate", "norm", "seconds")}
        expected = set(terms) if zero is None else zero & set(terms)
        assert {name for name in expected if terms[name] == 0} == expected
        assert all(np.isfinite(list(terms.values()))) and np.isfinite(line["norm"])
        assert (line["loss"] == 0) == (zero is None)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


def test_a_scan_without_a_point_is_named(ten_frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = linked(ten_frames, tmp_path / "world")
    rewrite(world / "sequences" / "02" / "velodyne" / "000005.bin", b"")
    assert train(world, tmp_path / "run") == 2
    told = said(capsys)
    assert "02/velodyne/000005.bin" in told and "a positive multiple of 16 bytes" in told and "0 bytes" in told


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (np.zeros((20, 30), np.uint8), "size"),
        (np.full((93, 307), 20, np.uint8), "20"),
    ],
    ids=["another size", "ids out of range"],
)
def test_pseudo_labels_that_do_not_fit_are_named(
    ids: np.ndarray, words: str, ten_frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = linked(ten_frames / "class_maps", tmp_path / "labels")
    for path in folder.glob("0[0-4]/*.png"):
        path.unlink()
        Image.fromarray(ids).save(path)
    assert train(ten_frames, tmp_path / "run", f"data.prepared.pseudo_labels={folder}") == 2
    told = said(capsys)
    assert "/labels/0" in told
    assert words in told and "expected" in told and "pseudo-labels" in told
    assert not (tmp_path / "run" / STAGES["semantic"] / "model").exists()


def test_a_list_of_unknown_frames_is_refused(
    ten_frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.json").write_text('["00/000000", "08/000000", "00/000001"]')
    wrong = ("data.labelled_share=null", f"data.labelled_list={tmp_path / 'mine.json'}")
    assert train(ten_frames, tmp_path / "run", *wrong) == 2
    told = said(capsys)
    assert "mine.json" in told and "08/000000, 00/000001" in told and "annotated frames of split train" in told


def test_a_start_that_is_another_stages_or_methods_is_refused(
    ten_frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from voxway.engine.model_files import save_model

    config, other = TINY["occle"], TINY["monoocc"]
    assert isinstance(config, OccLEConfig)
    semantic = replace(config, stage="semantic")
    save_model(tmp_path / "semantic", semantic, semantic.build().state_dict())
    save_model(tmp_path / "other", other, other.build().state_dict())
    place = ("--root", ten_frames, "--out", tmp_path / "run", "--cache", tmp_path / "cache", "--device", "cpu")
    start = f"stages.all.start={tmp_path / 'semantic'}"
    assert execute("train", "occle-world", *place, "--set", start) == 2
    assert "geometric branch has learnt nothing yet" in said(capsys)
    assert execute("train", "occle-world", *place, "--start", tmp_path / "other") == 2
    assert "none of which does" in said(capsys)
