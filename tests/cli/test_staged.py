"""A recipe of one's own with two stages: one command trains both, in one folder, and continues where it stopped."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.processes import assert_same, weights
from tests.small_world import SETTINGS, execute
from voxway.engine.teaching.average import AverageTeacherConfig
from voxway.recipes.monoocc import monoocc_world
from voxway.recipes.recipe import StagedRecipe


def two(root: Path) -> StagedRecipe:
    """The small network, then again with itself as its teacher."""
    plain = monoocc_world(root)
    return StagedRecipe(stages={"plain": plain, "mean": replace(plain, teacher=AverageTeacherConfig())})


SMALL = [f"stages.{stage}.{setting}" for stage in ("plain", "mean") for setting in SETTINGS]
NAME = f"{__name__}:two"


def train(root: Path, out: Path, *more: object) -> int:
    place = ("--root", root, "--out", out, "--cache", out.parent / "cache", "--device", "cpu")
    return execute("train", NAME, *place, *more, "--set", *SMALL, "stages.mean.train.steps=3")


@pytest.fixture(scope="module")
def run(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("staged") / "run"
    assert train(small_world, folder, "--steps", 2) == 0
    return folder


def test_one_folder_holds_both(run: Path) -> None:
    assert sorted(path.name for path in run.iterdir()) == ["model", "run.json", "stage-1-plain", "stage-2-mean"]
    facts = json.loads((run / "model" / "config.json").read_text())["facts"]
    assert facts["recipe"] == f"{NAME}, stage mean"
    assert facts["start"]["source"] == "stage-1-plain"
    assert execute("train", NAME, "--root", run, "--out", run, "--set", "stages.last.train.steps=1") == 2


def test_it_continues_in_the_stage_that_was_stopped(run: Path, small_world: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run", copy_function=os.link))
    for gone in (copy / "model", copy / "stage-2-mean"):
        shutil.rmtree(gone)
    trained = (copy / "stage-1-plain" / "model" / "model.safetensors").stat().st_mtime_ns
    assert train(small_world, copy, "--steps", 2) == 0
    assert (copy / "stage-1-plain" / "model" / "model.safetensors").stat().st_mtime_ns == trained
    assert_same(weights(copy), weights(run))


def test_a_start_is_the_first_stages(run: Path, small_world: Path, tmp_path: Path) -> None:
    assert train(small_world, tmp_path / "run", "--steps", 1, "--start", run / "model") == 0
    first, last = (
        json.loads((tmp_path / "run" / name / "model" / "config.json").read_text())["facts"]["start"]["source"]
        for name in ("stage-1-plain", "stage-2-mean")
    )
    assert first == str(run / "model") and last == "stage-1-plain"
