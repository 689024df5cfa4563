"""The whole way on a small world: check, prepare, train, score, compare, predict, look, submit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.small_world import SETTINGS, execute, linked, rewrite, train
from voxway.core.result import Result
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.layout import SequenceFiles, read_flags, read_voxel_labels
from voxway.data.semantickitti.reader import SemanticKITTIConfig
from voxway.engine.log import read_log
from voxway.engine.model_files import load_tensors

ROOT = Path(__file__).parents[2]
KEY = "08/000000"


@pytest.fixture
def world(small_world: Path, tmp_path: Path) -> Path:
    """A copy, since commands keep proposals beside the data."""
    return linked(small_world, tmp_path / "world")


@pytest.fixture(scope="module")
def results(small_world: Path, small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the results of the network and of the baseline."""
    folder = tmp_path_factory.mktemp("results")
    root = ("--root", small_world, "--split", "val", "--device", "cpu")
    cache = ("--cache", folder)
    assert execute("eval", small_run / "model", *root, *cache, "--out", folder / "ours.json", "--name", "ours") == 0
    assert execute("eval", "baseline", *root, "--out", folder / "baseline.json") == 0
    return folder


@pytest.fixture(scope="module")
def predicted(small_world: Path, small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that `predict` wrote."""
    folder = tmp_path_factory.mktemp("predicted")
    assert execute("predict", small_run / "model", "--root", small_world, "--out", folder, "--device", "cpu") == 0
    return folder


def test_check_data_finds_the_world_usable(small_world: Path, capsys: pytest.CaptureFixture) -> None:
    for split, frames in (("train", 2), ("val", 1)):
        assert execute("check-data", "--root", small_world, "--partial", "--split", split) == 0
        said = capsys.readouterr().out
        assert f"semantickitti {split}: {frames} of " in said and said.strip().endswith("usable")


def test_check_data_names_what_is_damaged(world: Path, capsys: pytest.CaptureFixture, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    path = world / "sequences" / "08" / "voxels" / "000000.label"
    rewrite(path, path.read_bytes()[:-2])
    assert execute("check-data", "--root", world, "--partial", "--split", "val") == 1
    said = capsys.readouterr().out
    assert str(path) in said and "not usable" in said


def test_check_data_of_a_car_without_labels(world: Path) -> None:
    folder = world / "sequences" / "08"
    shutil.rmtree(folder / "voxels")
    shutil.rmtree(folder / "labels")
    needs = ("--partial", "--needs", "images", "points", "--sequences", "08")
    assert execute("check-data", "--root", world, *needs) == 0
    (folder / "image_2" / "000000.png").unlink()
    assert execute("check-data", "--root", world, *needs) == 1


@pytest.mark.parametrize("source", ["lidar", "stereo"])
def test_prepare_proposals(small_world: Path, tmp_path: Path, source: str, capsys: pytest.CaptureFixture) -> None:
    if source == "stereo":
        pytest.importorskip("cv2")
    command = ("prepare", "proposals", "--root", small_world, "--source", source, "--out", tmp_path)
    assert execute(*command) == 0
    assert "2 files made" in capsys.readouterr().out
    for frame in ("000000", "000005"):
        flags = read_flags(tmp_path / "00" / "queries" / f"{frame}.query", SEMANTIC_KITTI.grid.coarsen(2))
        assert 50 < flags.sum() < flags.size / 10
    assert execute(*command) == 0
    assert "0 files made" in capsys.readouterr().out


def test_prepared_targets_are_what_the_voxels_say(small_world: Path, tmp_path: Path) -> None:
    assert execute("prepare", "targets", "--root", small_world, "--split", "val", "--out", tmp_path) == 0
    assert sorted(p.name for p in (tmp_path / "08").iterdir()) == [f"000000_1_{k}.npy" for k in (1, 2, 4, 8)]
    needs = {"root": small_world, "needs": frozenset({"target"}), "keys": (KEY,)}
    raw = SemanticKITTIConfig(**needs).build()[0].target
    stored = SemanticKITTIConfig(**needs, preprocessed=tmp_path).build()[0].target
    assert torch.equal(raw, stored)
    assert (
        execute("check-data", "--root", small_world, "--partial", "--split", "val", "--set", f"preprocessed={tmp_path}")
        == 0
    )


def test_prepared_truth_is_what_the_world_wrote(small_world: Path, tmp_path: Path) -> None:
    """The world builds its voxels from its own scans, so the same scans give the very bytes."""
    command = ("prepare", "truth", "--root", small_world, "--sequences", "00", "--scans", "5", "--out", tmp_path)
    assert execute(*command, "--shard", "0/2") == 0
    for frame in (0, 5):
        for kind in ("label", "bin", "invalid", "occluded"):
            ours = SequenceFiles(tmp_path, "00").voxels(frame, kind)
            if frame:
                assert not ours.exists()
            else:
                assert ours.read_bytes() == SequenceFiles(small_world, "00").voxels(frame, kind).read_bytes()
    assert execute(*command, "--keys", "00/000005") == 0
    assert SequenceFiles(tmp_path, "00").voxels(5, "label").exists()


def test_training_writes_its_records(small_run: Path) -> None:
    assert [line["step"] for line in read_log(small_run)] == [2]
    described = json.loads((small_run / "model" / "config.json").read_text())
    assert described["method"] == "monoocc" and described["config"]["width"] == 16
    assert described["facts"]["recipe"] == "monoocc-world" and described["facts"]["steps"] == 2
    assert json.loads((small_run / "run.json").read_text())["train"]["steps"] == 2


def test_the_same_command_continues(small_world: Path, small_run: Path, tmp_path: Path, capsys) -> None:
    """After a run was stopped behind its first step, it ends in the weights of the unbroken one."""
    steps = ("--steps", "2")
    assert train(small_world, tmp_path / "run", *steps, settings=(*SETTINGS, "train.checkpoint_every=1")) == 0
    shutil.rmtree(tmp_path / "run" / "model")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step-00000002")
    assert train(small_world, tmp_path / "run", *steps, settings=(*SETTINGS, "train.checkpoint_every=1")) == 0
    ours, unbroken = (load_tensors(folder / "model" / "model.safetensors") for folder in (tmp_path / "run", small_run))
    assert ours.keys() == unbroken.keys()
    assert all(torch.equal(ours[name], unbroken[name]) for name in ours)


def test_eval_writes_the_result(results: Path, small_run: Path) -> None:
    result = Result.load(results / "ours.json")
    protocol = result.protocol
    assert (protocol.split, protocol.samples, protocol.ema, protocol.range_m) == ("val world", 1, True, None)
    assert protocol.inputs == ("images", "proposals:lidar")
    assert len(protocol.checkpoint) == 64
    assert Result.load(results / "baseline.json").miou > 0


def test_compare(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    ours, baseline = results / "ours.json", results / "baseline.json"
    assert execute("compare", ours, ours) == 0
    assert "mIoU" in capsys.readouterr().out
    assert execute("compare", ours, baseline) == 2
    said = capsys.readouterr().err
    assert "inputs" in said and "ema" in said
    assert execute("compare", ours, baseline, "--allow", "inputs", "ema") == 0
    told = capsys.readouterr().out
    assert "proposals from lidar" in told and "weights averaged" in told


def test_predict(predicted: Path, small_world: Path) -> None:
    labels = read_voxel_labels(predicted / "sequences" / "08" / "predictions" / "000000.label")
    assert labels.shape == (256, 256, 32)
    page = (predicted / "page.html").read_text()
    assert KEY in page and "<canvas" in page
    assert (predicted / "picture.png").stat().st_size > 1000


def test_predicted_classes_are_those_that_eval_counted(predicted: Path, results: Path, small_world: Path) -> None:
    labels = read_voxel_labels(predicted / "sequences" / "08" / "predictions" / "000000.label")
    data = SemanticKITTIConfig(root=small_world, keys=(KEY,), needs=frozenset({"target"}))
    target = data.build()[0].target.numpy()
    pairs = np.stack([target[target != 255], SEMANTIC_KITTI.to_train(labels, "labels")[target != 255]]).astype(np.int64)
    confusion = np.bincount(pairs[0] * 20 + pairs[1], minlength=400).reshape(20, 20)
    assert (confusion == Result.load(results / "ours.json").confusion).all()


def test_predict_a_car_without_labels(world: Path, small_run: Path, tmp_path: Path) -> None:
    """Pictures, calibration and scans are enough; every fifth picture is a frame."""
    folder = world / "sequences" / "00"
    for name in ("voxels", "labels", "image_3", "poses.txt", "times.txt"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    command = ("predict", small_run / "model", "--root", world, "--out", tmp_path / "out", "--device", "cpu")
    assert execute(*command, "--sequences", "00", "--proposals", "lidar") == 0
    written = sorted(p.name for p in (tmp_path / "out" / "sequences" / "00" / "predictions").iterdir())
    assert written == ["000000.label", "000005.label"]


def test_submit(predicted: Path, small_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    frames = ("--root", small_world, "--split", "val", "--partial")
    assert execute("submit", predicted, *frames) == 0
    assert execute("submit", predicted, *frames, "--out", tmp_path / "a.zip") == 0
    assert execute("submit", tmp_path / "a.zip", *frames) == 0
    assert "1 predictions, valid" in capsys.readouterr().out
    assert execute("submit", predicted, "--root", small_world, "--keys", KEY, "08/000005") == 2
    assert "1 missing" in capsys.readouterr().err


def test_view(predicted: Path, small_world: Path, results: Path, tmp_path: Path) -> None:
    assert execute("view", "--root", small_world, "--out", tmp_path / "truth") == 0
    shown = ("--predictions", predicted, "--results", results / "ours.json", "--out", tmp_path / "both")
    assert execute("view", "--root", small_world, *shown) == 0
    for name in ("truth", "both"):
        assert (tmp_path / name / "page.html").stat().st_size > 50_000
        assert (tmp_path / name / "picture.png").exists()


def test_doctor(capsys: pytest.CaptureFixture) -> None:
    assert execute("doctor") == 0
    said = capsys.readouterr().out
    assert "computes known values correctly" in said and "BROKEN" not in said


def test_doctor_finds_a_device_that_computes_wrongly(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = torch.nn.functional.conv2d
    monkeypatch.setattr(torch.nn.functional, "conv2d", lambda *args, **more: right(*args, **more) + 0.01)
    assert execute("doctor") == 1
    assert "WRONG: convolution" in capsys.readouterr().out


def test_doctor_says_what_is_absent(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert execute("doctor") == 0
    assert "pip install 'voxway[stereo]'" in capsys.readouterr().out


def test_two_processes_count_the_same(small_world: Path, small_run: Path, tmp_path: Path) -> None:
    """Both training frames: one for each process, or both for one; the confusion matrix is equal bit for bit."""
    split = ("--root", small_world, "--split", "train", "--cache", tmp_path, "--device", "cpu")
    assert execute("eval", small_run / "model", *split, "--out", tmp_path / "one.json") == 0
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "voxway"]
    arguments = ("eval", small_run / "model", *split, "--out", tmp_path / "two.json")
    done = subprocess.run(
        [sys.executable, *command, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (json.loads((tmp_path / name).read_text()) for name in ("one.json", "two.json"))
    assert one == two
    assert one["protocol"]["samples"] == 2 and np.sum(one["confusion"]) > 1e6
