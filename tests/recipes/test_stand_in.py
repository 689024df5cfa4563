"""The stand-in for a vision-language network: what it says, that it says what it is, and students that follow it."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
import torch

from tests.methods.tiny import TINY, sample_for
from voxway.api.train import train
from voxway.cli import main
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.core.task import SKY
from voxway.engine.log import read_log
from voxway.engine.teaching.average import AverageTeacherConfig
from voxway.engine.teaching.folder import teacher_config
from voxway.engine.teaching.recorded import RecordedTeacherConfig
from voxway.methods.vlscene.guidance import FEATURES, SCORES, GuidanceConfig
from voxway.prepare.said import said_job
from voxway.recipes import recipe
from voxway.recipes.teachers.stand_in import WARNING, StandInConfig, word_vectors
from voxway.world import generate
from voxway.world.layouts.semantickitti import WorldConfig

WORDS = ("sky", "car", "road")
SMALL = {
    "image_px": (48, 160),
    "width": 8,
    "stereo_features": 8,
    "stereo_groups": 2,
    "sparse_widths": (8, 8, 8),
    "head_width": 8,
}


def maps():
    classes = torch.full((2, 2, 48, 80), 255, dtype=torch.uint8)
    classes[:, 0, :8] = SKY
    classes[:, 0, 8:, :8], classes[:, 0, 8:, 8:16] = 1, 2
    return classes


def test_says_vectors_of_words():
    teacher = StandInConfig(words=WORDS, features=16).build()
    batch = replace(collate([sample_for("vlscene", 0), sample_for("vlscene", 1)]), pseudo_labels=maps())
    said = teacher.says(batch)
    vectors = word_vectors(WORDS, 16)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    assert said[FEATURES].shape == (2, 16, 6, 10) and said[SCORES].shape == (2, 3, 6, 10)
    torch.testing.assert_close(said[FEATURES][0, :, 0, 0], vectors[0])
    torch.testing.assert_close(said[FEATURES][0, :, 1, 0], vectors[1])
    assert not said[FEATURES][0, :, 1, 2].any()
    assert said[SCORES].argmax(1)[0, 1, :2].tolist() == [1, 2]
    assert said[SCORES][0, 2, 1, 1] == pytest.approx(1 / 0.07, rel=1e-5)


def test_says_what_it_is(caplog):
    with caplog.at_level(logging.WARNING):
        teacher = StandInConfig(words=WORDS).build()
    assert WARNING in caplog.text and "no vision-language network" in str(teacher.facts()["network"])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    pytest.importorskip("embreex")
    config = WorldConfig(
        seed=3, sequences={"00": 2, "08": 1}, size_px=(93, 307), columns=256, truth_scans=5, tail=5, semantics=True
    )
    return generate(tmp_path_factory.mktemp("seen") / "world", config, processes=1, progress=False)


def guided(world):
    chosen = recipe("vlscene-world-guided", world)
    small = replace(chosen.method, **{name: value for name, value in SMALL.items() if name != "image_px"})
    steps = replace(chosen.train, steps=2, batch=1, micro_batch=1, checkpoint_every=1, log_every=1)
    return replace(chosen, method=small, data=replace(chosen.data, image_px=SMALL["image_px"]), train=steps)


def test_a_student_follows_it_and_its_record_alike(world, tmp_path, capsys):
    chosen = guided(world)
    train(chosen, tmp_path / "asked", cache=tmp_path / "cache", show=False)
    asked = read_log(tmp_path / "asked")
    assert all(line["language_features"] > 0 and line["language_words"] > 0 for line in asked)
    run = json.loads((tmp_path / "asked" / "run.json").read_text())
    assert "stand-in" in json.dumps(run["teacher"])
    arguments = ["prepare", "teacher", "--recipe", "vlscene-world-guided", "--root", str(world), "--out"]
    with pytest.raises(SystemExit) as stop:
        main([*arguments, str(tmp_path / "record"), "--set", "data.image_px=[48,160]"])
    assert not stop.value.code
    teacher = teacher_config(tmp_path / "record")
    assert isinstance(teacher, RecordedTeacherConfig)
    read = replace(chosen, teacher=teacher)
    train(read, tmp_path / "read", cache=tmp_path / "cache", show=False)
    for first, second in zip(asked, read_log(tmp_path / "read"), strict=True):
        assert second["language_features"] == pytest.approx(first["language_features"], rel=1e-3)
        assert second["language_words"] == pytest.approx(first["language_words"], rel=1e-3)
    # Of pictures of another size, or frames that training changes, the record says nothing.
    with pytest.raises(SystemExit) as stop:
        main([*arguments, str(tmp_path / "record"), "--set", "data.image_px=[64,160]"])
    assert stop.value.code == 2 and "another teacher said, or of other pictures" in capsys.readouterr().err
    wide = replace(read, data=replace(read.data, image_px=(48, 320)))
    with pytest.raises(InputError, match="ask it about pictures of the network's size"):
        train(wide, tmp_path / "wide", cache=tmp_path / "cache", show=False)


def test_a_record_of_a_frame_that_has_changed_is_refused(world, tmp_path):
    from tests.small_world import linked, rewrite

    copy = linked(world, tmp_path / "world")
    main_arguments = ["prepare", "teacher", "--recipe", "vlscene-world-guided", "--root", str(copy), "--out"]
    with pytest.raises(SystemExit):
        main([*main_arguments, str(tmp_path / "record"), "--set", "data.image_px=[48,160]"])
    picture = next((copy / "sequences" / "00" / "image_2").iterdir())
    other = next((copy / "sequences" / "08" / "image_2").iterdir())
    rewrite(picture, other.read_bytes())
    chosen = replace(guided(copy), teacher=teacher_config(tmp_path / "record"))
    with pytest.raises(InputError, match="made from another version of it"):
        train(chosen, tmp_path / "run", cache=tmp_path / "cache", show=False)


def test_a_world_without_classes_of_pixels_is_told(small_world, tmp_path):
    with pytest.raises(InputError, match="voxway world --semantics"):
        train(guided(small_world), tmp_path / "run", cache=tmp_path / "cache", show=False)


def test_widths_that_do_not_fit_are_named():
    network = replace(TINY["vlscene"], guidance=GuidanceConfig(words=3, features=16)).build()
    batch = collate([sample_for("vlscene", 0)])
    prediction = network(batch)
    said = {FEATURES: torch.zeros(1, 3, 6, 10), SCORES: torch.zeros(1, 3, 6, 10)}
    with pytest.raises(InputError, match=r"method\.guidance\.features"):
        network.follow(prediction, said, batch)


def test_a_teacher_that_changes_leaves_no_record(world, tmp_path):
    with pytest.raises(InputError, match="a teacher that does not change, found the moving average"):
        said_job(AverageTeacherConfig().build(), guided(world).data, tmp_path)


def test_a_teacher_is_opened_once(world, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        train(guided(world), tmp_path / "run", cache=tmp_path / "cache", show=False)
    assert caplog.text.count(WARNING) == 1
