"""The student's own average as a teacher: two views, weights in checkpoints, the same bits however it is stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.engine.processes import assert_same, finish, kill_when, start, weights
from tests.engine.toy import ColoursConfig, Plain, ToyConfig, TwoViews, toy_sample
from tests.engine.toy_run import BOTH, CONFIG, MEAN
from voxway.core.config import from_json, to_json
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.engine.log import read_log
from voxway.engine.model_files import load_tensors
from voxway.engine.teaching.average import AverageTeacherConfig
from voxway.engine.teaching.stored import StoredTeacherConfig
from voxway.engine.teaching.together import TeachersConfig, each
from voxway.engine.train import train
from voxway.engine.visit_order import visit_seeds
from voxway.engine.visits import Viewed, Visits

RUN = "tests.engine.toy_run"


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mean")
    said = finish(start(RUN, folder, "both"))
    assert "training: 12 of 12, " in said and said.count("\n") == 1
    return folder


def test_the_average_follows_by_the_ramp():
    student = torch.nn.Linear(1, 1, bias=False)
    student.weight.data.fill_(0.0)
    teacher = AverageTeacherConfig(decay=0.75).build()
    teacher.prepare(student)
    steady = AverageTeacherConfig(decay=0.75, ramp=False).build()
    steady.prepare(student)
    student.weight.data.fill_(1.0)
    expected, plain = 0.0, 0.0
    for step, decay in enumerate((0, 1 / 2, 2 / 3, 0.75, 0.75)):
        student.weight.data.fill_(float(step + 1))
        teacher.after_step(student, step)
        steady.after_step(student, step)
        expected, plain = decay * expected + (1 - decay) * (step + 1), 0.75 * plain + 0.25 * (step + 1)
        assert teacher.state()["weight"].item() == pytest.approx(expected)
        assert steady.state()["weight"].item() == pytest.approx(plain)
    assert not any(p.requires_grad for p in teacher.network.parameters()) and not teacher.network.training
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        AverageTeacherConfig(decay=1.0)


def test_the_student_sees_the_strong_view_and_the_teacher_the_weak_one(tmp_path):
    shown, seen = [], []

    class Watched(TwoViews):
        def views(self, index, seed):
            seen.append((index, seed))
            return super().views(index, seed)

    teacher = MEAN.build()
    says = teacher.says
    teacher.says = lambda batch: shown.append(int(batch.images.max())) or says(batch)
    data = Watched()
    assert isinstance(data, Viewed) and not isinstance(Plain(), Viewed)
    train(replace(CONFIG, steps=2), ToyConfig(), data, tmp_path, teacher=teacher, show=False)
    assert [s for _, s in seen] == [s for step in range(2) for m in visit_seeds(step, 2, 1, 42) for s in m]
    assert shown == [20 * index for index, _ in seen]
    assert all("agree" in line for line in read_log(tmp_path))
    strong, weak = Visits(data, own_view=True)[1, 7]
    assert int(strong.images.max()) == 20 + 57 and int(weak.images.max()) == 20
    (one,) = Visits(data)[1, 7]  # a teacher without a view of its own
    assert int(one.images.max()) == 20


def test_without_two_views_both_see_the_same(tmp_path):
    train(replace(CONFIG, steps=2), ToyConfig(), Plain(), tmp_path, teacher=MEAN.build(), show=False)
    assert all("agree" in line for line in read_log(tmp_path))


@pytest.mark.parametrize("when", ["step-00000003", "step-00000006"])
def test_killed_and_resumed_ends_in_the_same_bits(unbroken, tmp_path, when):
    process = start(RUN, tmp_path, "both", "slow")
    kill_when(process, lambda: (tmp_path / "checkpoints" / when).exists())
    teacher = load_tensors(sorted((tmp_path / "checkpoints").glob("step-*"))[-1] / "teacher.safetensors")
    assert all(name.startswith("1.") for name in teacher)  # the foundation network is frozen: it is not in there
    finish(start(RUN, tmp_path, "both"))
    assert_same(weights(unbroken), weights(tmp_path))
    last = "checkpoints/step-00000012/teacher.safetensors"
    assert_same(load_tensors(unbroken / last), load_tensors(tmp_path / last))
    for ours, theirs in zip(read_log(tmp_path), read_log(unbroken), strict=True):
        assert (ours["loss"], ours["agree"], ours["colours"]) == (theirs["loss"], theirs["agree"], theirs["colours"])


def test_two_processes_end_in_the_bits_of_one(unbroken, tmp_path):
    said = finish(start(RUN, tmp_path, "both", processes=2))
    assert said.count("training: 12 of 12, ") == 1
    assert_same(weights(unbroken), weights(tmp_path))


def test_a_checkpoint_of_another_teacher_is_refused(tmp_path):
    train(replace(CONFIG, steps=3), ToyConfig(), Plain(), tmp_path, teacher=MEAN.build(), show=False)
    (tmp_path / "model" / "model.safetensors").unlink()
    (tmp_path / "checkpoints" / "step-00000003" / "teacher.safetensors").unlink()
    with pytest.raises(InputError, match=r"teacher\.safetensors: file: expected present"):
        train(replace(CONFIG, steps=3), ToyConfig(), Plain(), tmp_path, teacher=MEAN.build(), show=False)


def test_a_foundation_network_says_what_it_names():
    teacher = ColoursConfig(scale=2.0).build()
    said = teacher.says(collate([toy_sample(3), toy_sample(1)]))
    torch.testing.assert_close(said["colours"], torch.tensor([[120.0] * 3, [40.0] * 3]) / 255)
    assert not said["colours"].requires_grad and teacher.state() == {} and teacher.inputs == {"images"}
    teacher.network.forward = lambda batch: batch.images
    with pytest.raises(InputError, match="forward: expected named tensors, found Tensor"):
        teacher.says(collate([toy_sample(0)]))


def test_several_teachers_must_not_use_one_name():
    both = TeachersConfig(members=(ColoursConfig(), ColoursConfig())).build()
    with pytest.raises(InputError, match="colours: expected each said by one teacher, found said by two"):
        both.says(collate([toy_sample(0)]))
    assert len(list(each(both))) == 2 and list(each(None)) == []
    assert not both.own_view and BOTH.build().own_view


def test_teachers_as_json():
    written = to_json(TeachersConfig(members=(MEAN, ColoursConfig())))
    assert [member["kind"] for member in written["members"]] == ["average", "ColoursConfig"]
    listed = TeachersConfig(members=(MEAN, StoredTeacherConfig(features=Path("features"))))
    assert from_json(TeachersConfig, to_json(listed), "run.json") == listed
    with pytest.raises(InputError, match="expected one of network, stored, recorded, average, found 'ColoursConfig'"):
        from_json(TeachersConfig, written, "run.json")
