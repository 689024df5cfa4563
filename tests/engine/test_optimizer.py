"""Parts of a network that learn at rates of their own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from tests.engine.processes import assert_same, weights
from tests.engine.toy import Plain, Toy, ToyConfig
from tests.engine.toy_run import CONFIG
from voxway.core.config import override
from voxway.core.errors import InputError
from voxway.engine.optimizer import build_optimizer, rate_factor, set_rate
from voxway.engine.train import TrainConfig, train

PLAIN = replace(CONFIG, steps=4, rate_factors={})


def test_without_factors_there_is_one_group():
    network = ToyConfig().build()
    (group,) = build_optimizer(network, PLAIN).param_groups
    assert all(a is b for a, b in zip(group["params"], network.parameters(), strict=True))


def test_the_longest_prefix_counts_and_the_runs_go_before_the_networks():
    factors = {"camera": 0.5, "camera.backbone": 0.1}
    assert [
        rate_factor(n, factors) for n in ("camera.backbone.w", "camera.neck.w", "camera2.w", "camera.backbones")
    ] == [
        0.1,
        0.5,
        1.0,
        0.5,
    ]
    network = ToyConfig().build()
    network.rate_factors = {"backbone": 0.5, "head": 2.0, "absent": 3.0}
    optimizer = build_optimizer(network, replace(PLAIN, rate_factors={"backbone": 0.1}))
    set_rate(optimizer, 1e-3)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {name: rates[id(p)] for name, p in network.named_parameters()} == pytest.approx(
        {
            "backbone.0.weight": 1e-4,
            "backbone.0.bias": 1e-4,
            "neck.weight": 1e-3,
            "neck.bias": 1e-3,
            "head.weight": 2e-3,
            "head.bias": 2e-3,
        }
    )


def test_a_part_that_stands_still(tmp_path):
    train(replace(PLAIN, rate_factors={"backbone": 0.0}), ToyConfig(), Plain(), tmp_path, show=False)
    torch.manual_seed(PLAIN.seed)
    before, after = Toy(ToyConfig()).state_dict(), weights(tmp_path)
    assert {name for name in before if torch.equal(before[name], after[name])} == {
        "backbone.0.weight",
        "backbone.0.bias",
    }


def test_groups_resume(tmp_path):
    config = replace(PLAIN, checkpoint_every=2, rate_factors={"backbone": 0.1})
    train(config, ToyConfig(), Plain(), tmp_path, show=False)
    whole = weights(tmp_path)
    for path in (tmp_path / "model").iterdir():
        path.unlink()
    (tmp_path / "checkpoints" / "step-00000004" / "state.json").unlink()
    for path in (tmp_path / "checkpoints" / "step-00000004").iterdir():
        path.unlink()
    (tmp_path / "checkpoints" / "step-00000004").rmdir()
    train(config, ToyConfig(), Plain(), tmp_path, show=False)
    assert_same(whole, weights(tmp_path))


def test_factors_are_settings_and_stand_in_the_records(tmp_path):
    config = override(PLAIN, "rate_factors.backbone", "0.1")
    assert config == replace(PLAIN, rate_factors={"backbone": 0.1})
    train(config, ToyConfig(), Plain(), tmp_path, show=False)
    assert json.loads((tmp_path / "run.json").read_text())["train"]["rate_factors"] == {"backbone": 0.1}


def test_factors_that_cannot_be():
    with pytest.raises(InputError, match=r"rate_factors: name: expected one of backbone, head, neck, found 'bakbone'"):
        build_optimizer(ToyConfig().build(), replace(PLAIN, rate_factors={"bakbone": 0.1}))
    with pytest.raises(ValueError, match="must be at least 0"):
        TrainConfig(steps=1, rate_factors={"backbone": -1.0})
