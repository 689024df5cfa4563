"""A method of one's own: refused before training if nobody knows it, else trained, saved and loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from tests.engine.toy import Plain, ToyConfig, toy_sample
from tests.engine.toy_run import CONFIG
from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.engine.model_files import load_model, read_config
from voxway.engine.train import train


@dataclass(frozen=True)
class UnknownConfig:
    def build(self):
        raise AssertionError("training began")


def test_an_unregistered_method_is_refused_before_training(tmp_path):
    with pytest.raises(
        InputError, match=r"UnknownConfig: method: expected a configuration of box, effocc, .*found neither"
    ):
        train(CONFIG, UnknownConfig(), Plain(), tmp_path, show=False)
    assert not list(tmp_path.iterdir())


def test_a_registered_method_trains_saves_and_loads(tmp_path):
    model = train(CONFIG, ToyConfig(width=6), Plain(), tmp_path, show=False)
    assert json.loads((model / "config.json").read_text())["method"] == "toy"
    assert read_config(model) == ToyConfig(width=6)
    with torch.no_grad():
        assert load_model(model)(collate([toy_sample(0)])).logits.shape == (1, 20, 8, 8, 4)


def test_a_folder_of_a_method_that_nobody_knows_says_what_to_do(tmp_path):
    content = {"voxway": "0", "method": "mine", "config": {}, "facts": {}}
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(
        InputError, match=r"config\.json: method: expected one of box, effocc, .*, found 'mine'"
    ) as caught:
        load_model(tmp_path)
    assert "voxway --plugin MODULE" in caught.value.remedy


def test_a_network_that_knows_no_loss_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(ToyConfig, "build", lambda self: nn.Linear(1, 1))
    with pytest.raises(InputError, match="expected a network with `inputs`, `targets` and `loss`, found Linear"):
        train(CONFIG, ToyConfig(), Plain(), tmp_path, show=False)
