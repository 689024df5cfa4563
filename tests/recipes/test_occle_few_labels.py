"""OccLE from a tenth of the labels: which files are opened, what is recorded, and that a kill changes nothing."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.engine.processes import assert_same, weights
from tests.opened import opened
from tests.small_world import execute
from voxway.core.result import Result
from voxway.core.stamps import fingerprint_of
from voxway.engine.log import read_log
from voxway.metrics.compare import compare
from voxway.recipes.networks import voxel_counts

STAGES = {"semantic": "stage-1-semantic", "geometry": "stage-2-geometry", "all": "stage-3-all"}
SMALL = (
    "data.image_px=[48,160]",
    "train.steps=2",
    "train.batch=1",
    "train.micro_batch=1",
    "train.log_every=1",
    "train.checkpoint_every=1",
)
LISTED = "04/000005"
RULE = "1/10 of frames, evenly spread"


def settings(*more: str) -> list[str]:
    return [f"stages.{stage}.{setting}" for stage in STAGES for setting in (*SMALL, *more)]


def train(root: Path, run: Path, *more: str, cache: Path | None = None) -> int:
    keep = ("--out", run, "--cache", cache or run.parent / "cache", "--device", "cpu")
    return execute("train", "occle-world", "--root", root, *keep, "--set", *settings(*more))


@pytest.fixture(scope="module")
def unbroken(ten_frames: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counter[Path]]:
    """A run of three stages, and how often each file was opened in it."""
    run = tmp_path_factory.mktemp("tenth") / "run"
    with opened() as files:
        assert train(ten_frames, run) == 0
    return run, files


def of_frames(files: Sequence[Path] | Counter[Path], folder: str) -> set[str]:
    return {f"{path.parents[1].name}/{path.stem}" for path in files if path.parent.name == folder}


def test_an_unlisted_voxel_file_is_never_opened(unbroken: tuple[Path, Counter[Path]], ten_frames: Path) -> None:
    """In three stages with counting and evidence; the listed one is, so opening is heard."""
    _, files = unbroken
    there = of_frames([*ten_frames.glob("sequences/0[0-4]/voxels/*.label")], "voxels")
    assert len(there) == 10 and of_frames(files, "voxels") == {LISTED}
    assert of_frames(files, "labels") == set()
    assert of_frames(files, "velodyne") == there


def test_half_of_the_visits_are_the_labelled_frames(unbroken: tuple[Path, Counter[Path]]) -> None:
    run, _ = unbroken
    for stage in ("geometry", "all"):
        labelled = [line["geometry"] > 0 for line in read_log(run / STAGES[stage])]
        assert labelled == [False, True]
    assert all(line["pixels"] > 0 for line in read_log(run / STAGES["semantic"]))


def test_the_list_is_kept_and_recorded(unbroken: tuple[Path, Counter[Path]]) -> None:
    run, _ = unbroken
    for folder in STAGES.values():
        kept = json.loads((run / folder / "labels.json").read_text())
        assert kept["keys"] == [LISTED] and kept["sha256"] == fingerprint_of([LISTED])
        assert (kept["rule"], kept["share"], kept["seed"], kept["of"]) == (RULE, "1/10", None, 10)
        facts = json.loads((run / folder / "model" / "config.json").read_text())["facts"]
        assert facts["labels"] == {name: value for name, value in kept.items() if name != "keys"}


def test_class_weights_come_from_the_labelled_frame(unbroken: tuple[Path, Counter[Path]]) -> None:
    run, _ = unbroken
    semantic, geometry, everything = (json.loads((run / folder / "run.json").read_text()) for folder in STAGES.values())
    assert "class_counts" not in semantic
    counts = everything["class_counts"]
    assert counts == geometry["class_counts"] and counts["frames"] == 1 and len(counts["voxels"]) == 20
    (kept,) = (run.parent / "cache").glob("class_counts/all/0*/*.json")
    assert f"{kept.parent.name}/{kept.stem}" == LISTED and json.loads(kept.read_text()) == counts["voxels"]
    for one in (geometry, everything):
        assert one["method"]["supervision"]["class_counts"] == [max(count, 2) for count in counts["voxels"]]
    assert semantic["method"]["supervision"]["class_counts"] == list(voxel_counts.SEMANTIC_KITTI)


def test_comparable_weights_are_those_of_all_labels(ten_frames: Path, tmp_path: Path) -> None:
    assert train(ten_frames, tmp_path / "run", "class_counts=comparable", "train.steps=1") == 0
    run = json.loads((tmp_path / "run" / STAGES["all"] / "run.json").read_text())
    assert run["method"]["supervision"]["class_counts"] == list(voxel_counts.SEMANTIC_KITTI)
    assert "class_counts" not in run and not (tmp_path / "cache" / "class_counts").exists()


def test_a_persons_list_and_results_that_do_not_compare(
    unbroken: tuple[Path, Counter[Path]], ten_frames: Path, tmp_path: Path
) -> None:
    cache, run = unbroken[0].parent / "cache", tmp_path / "run"
    (tmp_path / "mine.txt").write_text("00/000005\n")
    mine = ("data.labelled_share=null", f"data.labelled_list={tmp_path / 'mine.txt'}", "train.steps=1")
    assert train(ten_frames, run, *mine, cache=cache) == 0
    results = []
    for folder in (unbroken[0], run):
        out = tmp_path / f"{len(results)}.json"
        assert execute("eval", folder / "model", "--root", ten_frames, "--out", out, "--device", "cpu") == 0
        results.append(Result.load(out))
    first, second = (result.protocol for result in results)
    assert (first.labels, first.label_names) == (RULE, fingerprint_of([LISTED]))
    assert (second.labels, second.label_names) == ("1/10 of frames, listed", fingerprint_of(["00/000005"]))
    arguments = ("compare", tmp_path / "0.json", tmp_path / "1.json")
    assert execute(*arguments) == 2 and execute(*arguments, "--allow", "labels") == 0
    assert set(compare(results, ["labels"]).differing) == {"labels"}


@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_any_stage_it_ends_in_the_same_bits(
    stage: str, unbroken: tuple[Path, Counter[Path]], ten_frames: Path, tmp_path: Path
) -> None:
    """As a kill after the stage's first of two steps leaves it."""
    run = Path(shutil.copytree(unbroken[0], tmp_path / "run"))
    place = STAGES[stage]
    later = [folder for folder in STAGES.values() if folder > place]
    for gone in (run / "model", *(run / folder for folder in later), run / place / "model"):
        shutil.rmtree(gone)
    first, last = sorted((run / place / "checkpoints").iterdir())
    assert (first.name, last.name) == ("step-00000001", "step-00000002")
    shutil.rmtree(last)
    assert train(ten_frames, run, cache=unbroken[0].parent / "cache") == 0
    for folder in (".", *STAGES.values()):
        assert_same(weights(unbroken[0] / folder), weights(run / folder))
