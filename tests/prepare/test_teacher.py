"""Stored teachers: what they say where students listen is what the network said, in half precision."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from tests.small_world import SETTINGS, execute, linked, train
from voxway.api.load import load
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.engine.log import read_log
from voxway.engine.model_files import load_tensors
from voxway.engine.teaching.folder import teacher_config
from voxway.engine.teaching.network import NetworkTeacherConfig
from voxway.engine.teaching.stored import StoredTeacherConfig
from voxway.prepare.ready import ready


@pytest.fixture(scope="module")
def world(small_world, tmp_path_factory):
    return linked(small_world, tmp_path_factory.mktemp("taught") / "world")


@pytest.fixture(scope="module")
def features(world, small_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("features") / "out"
    done = execute("prepare", "teacher", "--root", world, "--model", small_run / "model", "--out", folder)
    assert done == 0
    return folder


def test_features_are_the_networks_at_followed_voxels(world, small_run, features):
    trained = load(small_run / "model")
    reader = ready(replace(trained.data, root=world), trained.sources, features, show=False).build()
    batch = collate([reader[0], reader[1]])
    said = NetworkTeacherConfig(model=small_run / "model").build().says(batch)["voxels"]
    stored = StoredTeacherConfig(features=features).build()
    read = stored.says(batch)["voxels"]
    assert stored.says(batch).keys() == {"voxels"}
    followed = trained.network.followed(batch.target)[:, None].expand_as(read)
    assert followed.any() and not read[~followed].any()
    torch.testing.assert_close(read[followed], said[followed], atol=2e-3, rtol=2e-3)
    assert load_tensors(next(features.glob("00/*.safetensors")))["voxels"].dtype == torch.float16
    student = trained.network
    student.config = replace(student.config, distillation="squared")
    prediction = student(batch)
    online = student.follow(prediction, {"voxels": said + 1.0}, batch)
    assert online["distil"].item() == pytest.approx(student.config.distillation_ratio)
    assert student.follow(prediction, stored.says(batch), batch)["distil"].item() == pytest.approx(0, abs=1e-5)


def test_a_student_learns_from_stored_features(world, features, tmp_path):
    assert isinstance(teacher_config(features), StoredTeacherConfig)
    assert train(world, tmp_path / "run", "--steps", "2", "--teacher", features) == 0
    assert all("distil" in line for line in read_log(tmp_path / "run"))
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["teacher"]["features"] == str(features)


def test_a_student_learns_from_a_teacher_that_sees_more_frames(world, tmp_path):
    frames = ("method.frames=2", "method.cross_view=true", "data.earlier=[5]", 'data.needs=["images","proposals",'
              '"target","semantics_2d","pose"]')  # fmt: skip
    assert train(world, tmp_path / "teacher", "--steps", "1", settings=(*SETTINGS, *frames)) == 0
    told = ("--steps", "1", "--teacher", tmp_path / "teacher" / "model")
    assert train(world, tmp_path / "student", *told) == 0
    assert "distil" in read_log(tmp_path / "student")[0]


def test_features_of_another_shape_or_teacher_are_refused(world, small_run, features, tmp_path, capsys):
    wide = [s.replace("width=16", "width=32") for s in SETTINGS]
    assert train(world, tmp_path / "wide", "--steps", "1", "--teacher", features, settings=wide) == 2
    assert "Choose a student of the teacher's width and working grid." in capsys.readouterr().err
    described = features / "teacher.json"
    before = described.read_text()
    described.write_text(before.replace('"fingerprint": "', '"fingerprint": "0'))
    again = ("prepare", "teacher", "--root", world, "--model", small_run / "model", "--out", features)
    assert execute(*again) == 2
    assert "this teacher's features" in capsys.readouterr().err
    described.write_text(before)
    assert execute(*again) == 0
    assert execute(*again[:4], "--out", features) == 2
    with pytest.raises(InputError, match=r"teacher\.json"):
        StoredTeacherConfig(features=tmp_path / "none").build()
