"""Teachers: frozen, outside the student's state, seeing the same altered samples; and averages that start late."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.engine.tiny_run import CONFIG, METHOD, Streets
from tests.methods.tiny import TINY, sample
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.engine.ema import MovingAverage
from voxway.engine.log import read_log
from voxway.engine.model_files import load_model, load_tensors, save_model
from voxway.engine.teaching.network import NetworkTeacherConfig
from voxway.engine.train import train
from voxway.engine.visit_order import visit_seeds
from voxway.engine.visits import Augmented, Visits


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("teacher") / "model"
    save_model(folder, TINY["monoocc"], TINY["monoocc"].build().state_dict())
    return folder


class Altered(Streets):
    """Samples that remember the seeds they were altered with."""

    def __init__(self):
        self.seeds = []

    def augmented(self, index, seed):
        self.seeds.append(seed)
        return sample(index)


def test_a_student_follows_and_its_state_holds_no_teacher(model, tmp_path):
    config = replace(CONFIG, steps=2)
    before = load_tensors(model / "model.safetensors")
    teacher = NetworkTeacherConfig(model=model).build()
    train(config, METHOD, Streets(), tmp_path, teacher=teacher, about={"teacher": "x"}, show=False)
    assert all("distil" in line for line in read_log(tmp_path))
    assert load_tensors(tmp_path / "model" / "model.safetensors").keys() == before.keys()
    for name, value in teacher.network.state_dict().items():
        assert torch.equal(value, before[name])
    load_model(tmp_path / "model")


def test_teacher_and_student_of_one_mind_differ_by_nothing(model):
    network = load_model(model)
    batch = collate([sample(0)])
    prediction = network(batch)
    network.config = replace(network.config, distillation="squared")
    said = NetworkTeacherConfig(model=model).build().says(batch)
    assert said.keys() >= {"logits", "voxels"}
    assert network.follow(prediction, said, batch)["distil"] == 0


def test_only_occupied_voxels_are_followed(model):
    network = load_model(model)
    network.config = replace(network.config, distillation="squared", distillation_ratio=1.0)
    batch = collate([sample(0)])
    prediction = network(batch)
    said = {"voxels": prediction.need("voxels").detach().clone()}
    empty = torch.full_like(batch.target, 0)
    empty[0, :2, :2, :2] = 255
    empty[0, 2, 2, 2] = 9  # the working voxel (1, 1, 1)
    said["voxels"][0, :, 5, 5, 1] += 3
    assert network.follow(prediction, said, replace(batch, target=empty))["distil"] == 0
    said["voxels"][0, :, 1, 1, 1] += 3
    assert network.follow(prediction, said, replace(batch, target=empty))["distil"].item() == pytest.approx(9.0)


def test_a_method_without_a_teacher_says_so(model, tmp_path):
    with pytest.raises(InputError, match="student: expected a method with `follow`, as there is a teacher, found QPN"):
        train(CONFIG, TINY["qpn"], Streets(), tmp_path, teacher=NetworkTeacherConfig(model=model).build(), show=False)


def test_modes(model):
    assert not NetworkTeacherConfig(model=model).build().network.training
    assert NetworkTeacherConfig(model=model, mode="train").build().network.training


def test_every_visit_has_a_seed_of_its_own(tmp_path):
    seeds = [s for step in range(20) for micro in visit_seeds(step, 6, 3, 1) for s in micro]
    assert len(set(seeds)) == 120
    data = Altered()
    assert isinstance(data, Augmented) and not isinstance(Streets(), Augmented)
    train(replace(CONFIG, steps=2), METHOD, data, tmp_path, show=False)
    assert data.seeds == [s for step in range(2) for micro in visit_seeds(step, 2, 1, CONFIG.seed) for s in micro]
    assert Visits(Streets())[1, 99][0].key == "tiny/000001"


def test_average_with_a_start_of_its_own():
    network = torch.nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(1.0)
    average = MovingAverage(network, 0.999, start=10_560)
    network.weight.data.fill_(0.0)
    average.update(network, 0)
    assert average.state["weight"].item() == pytest.approx(0.999 * (1 - math.exp(-10_561 / 2000)))
