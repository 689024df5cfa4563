"""The whole way of surround cameras on a tiny world: check, teach, learn, select, score, predict, look, submit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.small_world import execute, train_surround
from voxway.core.ray_result import RayResult
from voxway.core.result import Result
from voxway.data.nuscenes.config import Occ3DNuScenesConfig
from voxway.data.steps.selection import Selection
from voxway.engine.log import read_log
from voxway.engine.model_files import load_tensors

BENCHMARK = ("--benchmark", "occ3d-nuscenes")


@pytest.fixture(scope="module")
def world(small_ring):
    """Root of a tiny world with six cameras."""
    return small_ring


@pytest.fixture(scope="module")
def teacher(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fusion")
    assert train_surround("effocc-fusion-world", world, folder) == 0
    return folder


@pytest.fixture(scope="module")
def student(world, teacher, tmp_path_factory):
    folder = tmp_path_factory.mktemp("student")
    few = ("data.labelled=1",)
    assert train_surround("effocc-student-world", world, folder, "--teacher", teacher / "model", settings=few) == 0
    return folder


def test_check_data(world, capsys):
    assert execute("check-data", *BENCHMARK, "--root", world, "--split", "train", "--partial") == 0
    assert capsys.readouterr().out.strip().endswith("usable")


def test_a_student_learns_from_teacher_and_few_labels(teacher, student):
    assert all("distil_bev_foreground" in line for line in read_log(student))
    run = json.loads((student / "run.json").read_text())
    assert run["teacher"]["model"] == str(teacher / "model") and run["dataset"] == "occ3d-nuscenes"
    # It started from the teacher's head; two steps later it is still near it, and no teacher is in its file.
    mine, theirs = (load_tensors(folder / "model" / "model.safetensors") for folder in (student, teacher))
    heads = [name for name in mine if name.startswith("head.")]
    assert heads and all(np.abs(mine[n] - theirs[n]).max() < 0.05 for n in heads)
    assert not any("teacher" in name for name in mine) and not any(name.startswith("lidar.") for name in mine)


def test_a_student_without_a_teacher_is_told_where_to_get_one(world, tmp_path, capsys):
    assert train_surround("effocc-student-world", world, tmp_path) == 2
    said = capsys.readouterr().err
    assert "expected  the folder of a trained network" in said and "--teacher RUN/model" in said


def test_scores_say_what_was_seen_and_taught(world, student, teacher, tmp_path, capsys):
    for folder, inputs in ((student, ("images",)), (teacher, ("images", "points"))):
        out = tmp_path / f"{folder.name}.json"
        assert execute("eval", folder / "model", "--root", world, "--out", out, "--device", "cpu") == 0
        protocol = Result.load(out).protocol
        assert protocol.benchmark == "occ3d-nuscenes" and protocol.split == "val world" and protocol.samples == 1
        assert protocol.masks == protocol.training_masks == ("camera",) and protocol.inputs == inputs
    assert execute("eval", "baseline", *BENCHMARK, "--root", world) == 0
    assert "most frequent" in capsys.readouterr().out


def test_networks_are_scored_along_rays_with_instances(world, student, tmp_path):
    """On copies of the labels in which every voxel of a class is of one instance."""
    for path in (world / "gts").glob("*/*/labels.npz"):
        copy = tmp_path / path.relative_to(world)
        copy.parent.mkdir(parents=True)
        stored = np.load(path)
        np.savez(copy, **stored, instances=(stored["semantics"] < 17).astype(np.uint8))
    where = ("--root", world, "--device", "cpu", "--metric", "panoptic", "--set", f"labels={tmp_path / 'gts'}")
    assert execute("eval", student / "model", *where, "--out", tmp_path / "panoptic.json") == 0
    result = RayResult.load(tmp_path / "panoptic.json")
    assert result.protocol.beside == "instances: RayPQ" and result.protocol.inputs == ("images",)
    assert result.protocol.training_masks == ("camera",) and 0 <= result.beside["RayPQ"] <= 1


def test_predictions_are_looked_at_and_submitted(world, teacher, tmp_path):
    assert execute("predict", teacher / "model", "--root", world, "--out", tmp_path, "--device", "cpu") == 0
    picture = np.asarray(Image.open(tmp_path / "picture.png"))
    assert picture.std() > 10 and "page" in (tmp_path / "page.html").read_text()
    packed = tmp_path / "submission.zip"
    where = (*BENCHMARK, "--root", world, "--split", "val", "--partial")
    assert execute("submit", tmp_path, *where, "--out", packed) == 0
    assert execute("submit", packed, *where) == 0
    look = tmp_path / "look"
    assert execute("view", *BENCHMARK, "--root", world, "--predictions", tmp_path, "--out", look) == 0
    assert (look / "page.html").exists()


def test_a_ring_is_recorded_with_its_own_times(world, teacher, tmp_path):
    pytest.importorskip("mcap_protobuf")
    from mcap.reader import make_reader
    from mcap_protobuf.decoder import DecoderFactory

    which = ("--split", "train", "--sequences", "scene-0001", "--out", tmp_path, "--device", "cpu", "--no-page")
    how = ("--format", "mcap", "costmap", "--frame", "world")
    assert execute("predict", teacher / "model", "--root", world, *which, *how) == 0
    (path,) = (tmp_path / "mcap").iterdir()
    data = Occ3DNuScenesConfig(root=world, split="train", partial=True, needs=frozenset({"images"}))
    reader = data.reader()
    frames = [reader.key_frame(key) for key in reader.keys if reader.drive(key) == path.stem]
    with path.open("rb") as file:
        messages = list(make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages())
    seen = {channel.topic for _, channel, _, _ in messages}
    assert {f"/camera/{number}/image" for number in range(6)} <= seen
    grids = [(m.log_time, said) for _, channel, m, said in messages if channel.topic == "/occupancy/voxels"]
    assert [time // 1000 for time, _ in grids] == [frame.timestamp_us for frame in frames]
    for (_, grid), frame in zip(grids, frames):
        pose = reader.moment(frame.token, frozenset({"pose"}), np.random.default_rng(0)).pose.numpy()
        position = grid.pose.position
        np.testing.assert_allclose([position.x, position.y, position.z], (pose @ (-40, -40, -1, 1))[:3], atol=1e-9)
    keys = {key for key in reader.keys if reader.drive(key) == path.stem}
    assert {file.stem for file in (tmp_path / "costmap").glob("*.yaml")} == keys


def test_single_frames_and_scenes_are_looked_for_in_the_split(world, teacher, tmp_path):
    for number, which in enumerate((("--sequences", "scene-0003"), ("--sequences", "scene-0001", "--split", "train"))):
        out = tmp_path / str(number)
        assert execute("predict", teacher / "model", "--root", world, *which, "--out", out, "--device", "cpu") == 0
    (held_out,) = (tmp_path / "0").glob("*.npz")
    again = ("--keys", held_out.stem, "--out", tmp_path / "key", "--device", "cpu")
    assert execute("predict", teacher / "model", "--root", world, *again) == 0
    assert (tmp_path / "key" / held_out.name).read_bytes() == held_out.read_bytes()
    assert len(list((tmp_path / "1").glob("*.npz"))) == 2


def test_frames_and_voxels_are_selected_and_learnt_from(world, teacher, tmp_path, capsys):
    chosen = tmp_path / "chosen"
    begin = ("select", teacher / "model", "--root", world, "--out", chosen, "--device", "cpu")
    assert execute(*begin, "--frames", "1", "--voxels", "0.1") == 0
    assert execute(*begin, "--frames", "1", "--shard", "0/2") == 0
    assert len(Selection.load(chosen).keys) == 2
    few = (f"data.selection={chosen}", "data.only_labelled=true")
    assert train_surround("effocc-fusion-world", world, tmp_path / "run", settings=few) == 0
    assert execute(*begin) == 2
    assert "--frames 100, --voxels 0.01, or both" in capsys.readouterr().err


def test_shards_share_the_ranking(world, teacher, tmp_path, capsys):
    begin = ("select", teacher / "model", "--root", world, "--out", tmp_path, "--device", "cpu", "--frames", "1")
    assert execute(*begin, "--shard", "0/2") == 0
    assert "2 of 3 frames ranked" in capsys.readouterr().out and not (tmp_path / "selection.json").exists()
    assert execute(*begin, "--shard", "1/2") == 0
    assert len(Selection.load(tmp_path).keys) == 1
