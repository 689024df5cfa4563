"""OccLE's recipes from files to a scored network: three stages, few labels that are really few, both benchmarks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.small_world import execute
from tests.world.conftest import TINY_NUSCENES
from voxway.engine.log import read_log
from voxway.engine.teaching.average import AverageTeacherConfig
from voxway.recipes import recipe
from voxway.recipes.occle import SHARE
from voxway.recipes.recipe import StagedRecipe
from voxway.world import generate

pytest.importorskip("embreex")
STAGES = ("semantic", "geometry", "all")
SMALL = ("data.image_px=[48,160]", "data.labelled_share=1/2", "train.steps=2", "train.log_every=1")


def settings(stages: Mapping[str, object] | tuple[str, ...] = STAGES, *more: str) -> list[str]:
    return [f"stages.{stage}.{setting}" for stage in stages for setting in (*SMALL, *more)]


def test_three_stages_end_in_a_scored_network(world: Path, tmp_path: Path) -> None:
    run, keep = tmp_path / "run", ("--cache", tmp_path / "cache", "--device", "cpu")
    assert execute("train", "occle-world", "--root", world, "--out", run, *keep, "--set", *settings()) == 0
    terms = [set(read_log(folder)[-1]) for folder in sorted(run.glob("stage-*"))]
    assert {"pixels", "points"} <= terms[0] and "voxel" not in terms[0]
    assert {"geometry", "evidence"} <= terms[1] and "pixels" not in terms[1]
    assert {"voxel", "projection", "evidence", "pixels"} <= terms[2]
    out = tmp_path / "result.json"
    assert execute("eval", run / "model", "--root", world, "--split", "val", "--out", out, "--device", "cpu") == 0
    assert 0 <= json.loads(out.read_text())["scores"]["iou"] <= 1
    assert execute("predict", run / "model", "--root", world, "--split", "val", "--out", tmp_path / "said") == 0
    assert (tmp_path / "said" / "page.html").exists()


def test_label_files_of_other_frames_are_never_opened(world: Path, tmp_path: Path) -> None:
    """They are made unreadable; the frame that keeps its labels is the second of two."""
    from tests.small_world import linked, rewrite

    copy = linked(world, tmp_path / "world")
    for kind in ("label", "invalid"):
        rewrite(copy / "sequences" / "00" / "voxels" / f"000000.{kind}", b"not to be read")
    arguments = ("train", "occle-world", "--root", copy, "--out", tmp_path / "run", "--device", "cpu")
    assert execute(*arguments, "--cache", tmp_path / "cache", "--set", *settings()) == 0


def test_rings_of_cameras(tmp_path: Path) -> None:
    ring = replace(TINY_NUSCENES, semantics=True, scenes={"scene-0003": 1, "scene-0001": 2}, openoccupancy=False)
    generate(tmp_path / "ring", ring, processes=1, progress=False)
    small = [setting.replace("[48,160]", "[48,96]") for setting in settings(STAGES, "train.steps=1")]
    arguments = ("train", "occle-world-occ3d", "--root", tmp_path / "ring", "--out", tmp_path / "run")
    assert execute(*arguments, "--device", "cpu", "--set", *small) == 0


def test_a_mean_teacher_may_help_in_the_geometric_stage(world: Path, tmp_path: Path) -> None:
    from voxway.api.train import train
    from voxway.core.config import override_all

    chosen = recipe("occle-world", world)
    assert isinstance(chosen, StagedRecipe)
    small = override_all(chosen, dict(setting.split("=", 1) for setting in settings()))
    stage = replace(small.stages["geometry"], teacher=AverageTeacherConfig(decay=0.9))
    train(stage, tmp_path / "run", cache=tmp_path / "cache", show=False)
    assert all("consistency" in line for line in read_log(tmp_path / "run"))


def test_published_size_keeps_a_tenth() -> None:
    for name in ("occle", "occle-occ3d"):
        chosen = recipe(name, Path("somewhere"))
        assert isinstance(chosen, StagedRecipe) and tuple(chosen.stages) == STAGES
        for stage, one in chosen.stages.items():
            assert one.data.labelled_share == SHARE and one.data.labelled_by == "frames"
            assert one.method.stage == stage and one.method.pretrained == (stage == "semantic")
            assert ("target" in one.data.needs) == (stage != "semantic")
            assert one.train.labelled_visits == (None if stage == "semantic" else "1/2")
