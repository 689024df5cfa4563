"""Runs of several stages: each starts from the last; killed anywhere, or shared by processes, the result is one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch

from tests.engine.processes import assert_same, finish, kill_when, start, weights
from tests.engine.toy import Plain, ToyConfig
from tests.engine.toy_run import CONFIG, stages
from voxway.core.errors import InputError
from voxway.engine.log import read_log
from voxway.engine.model_files import load_model
from voxway.engine.stages import Stage, fitting_weights, train_stages

RUN = "tests.engine.toy_run"


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    finish(start(RUN, folder, "stages"))
    return folder


def test_one_folder_with_a_run_for_each_and_the_last_ones_network(unbroken):
    assert sorted(path.name for path in unbroken.iterdir()) == [
        "model",
        "run.json",
        "stage-1-alone",
        "stage-2-mean",
        "stage-3-wide",
    ]
    assert_same(weights(unbroken), weights(unbroken / "stage-3-wide"))
    facts = json.loads((unbroken / "model" / "config.json").read_text())["facts"]
    assert facts["stage"] == "wide" and facts["start"]["source"] == "stage-2-mean"
    assert facts["start"]["tensors"] == 3  # the backbone, and the bias of a head that is wider now
    assert load_model(unbroken / "model").config == ToyConfig(width=12)


def test_a_stage_starts_where_the_last_one_ended(unbroken):
    first, second = (read_log(unbroken / name) for name in ("stage-1-alone", "stage-2-mean"))
    assert sum(line["voxel"] for line in second) < sum(line["voxel"] for line in first)
    assert [line["step"] for line in second] == list(range(1, 13))
    taken = fitting_weights(ToyConfig(), unbroken / "stage-1-alone" / "model", whole=True)
    assert_same(taken, weights(unbroken / "stage-1-alone"))
    for name, tensor in fitting_weights(ToyConfig(width=12), unbroken / "stage-2-mean" / "model").items():
        assert torch.equal(tensor, weights(unbroken / "stage-2-mean")[name])


@pytest.mark.parametrize(
    "when",
    [
        "stage-1-alone/checkpoints/step-00000003",
        "stage-1-alone/model/model.safetensors",
        "stage-2-mean/run.json",
        "stage-2-mean/checkpoints/step-00000006",
        "stage-3-wide/model/config.json",
    ],
)
def test_killed_and_resumed_ends_in_the_same_bits(unbroken, tmp_path, when):
    process = start(RUN, tmp_path, "stages", "slow")
    kill_when(process, lambda: (tmp_path / when).exists())
    finish(start(RUN, tmp_path, "stages"))
    for place in ("stage-1-alone", "stage-2-mean", "stage-3-wide", "."):
        assert_same(weights(unbroken / place), weights(tmp_path / place))


def test_two_processes_end_in_the_bits_of_one(unbroken, tmp_path):
    finish(start(RUN, tmp_path, "stages", processes=2))
    assert_same(weights(unbroken), weights(tmp_path))


def test_two_processes_go_on_where_one_was_killed(unbroken, tmp_path):
    """Before its network was written: the first process has that yet to do when the others find nothing left."""
    shutil.copytree(unbroken, tmp_path / "run")
    for place in ("model", "stage-2-mean/model", "stage-3-wide"):
        shutil.rmtree(tmp_path / "run" / place)
    finish(start(RUN, tmp_path / "run", "stages", processes=2))
    assert_same(weights(unbroken), weights(tmp_path / "run"))


def test_a_finished_run_is_left_alone_and_another_refused(unbroken):
    before = (unbroken / "stage-1-alone" / "model" / "model.safetensors").stat().st_mtime_ns
    train_stages(stages(), unbroken, show=False)
    assert (unbroken / "stage-1-alone" / "model" / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r'run\.json: stages: .*"wide"\] -> \["alone", "mean"\]'):
        train_stages(stages()[:2], unbroken, show=False)
    first, *others = stages()
    changed = replace(first, train=replace(first.train, learning_rate=1.0))
    with pytest.raises(InputError, match=r"stage-1-alone/run\.json: train"):
        train_stages([changed, *others], unbroken, show=False)


def test_another_stages_network_is_refused(unbroken, tmp_path):
    shutil.copytree(unbroken, tmp_path / "run")
    for place in ("model", "stage-3-wide", "stage-2-mean/model"):
        shutil.rmtree(tmp_path / "run" / place)
    shutil.copytree(unbroken / "stage-1-alone" / "model", tmp_path / "run" / "stage-2-mean" / "model")
    with pytest.raises(InputError, match=r"config\.json: stage: expected mean of toy, .* found alone of toy"):
        train_stages(stages(), tmp_path / "run", show=False)
    described = json.loads((unbroken / "stage-2-mean" / "model" / "config.json").read_text()) | {"method": "monoocc"}
    (tmp_path / "run" / "stage-2-mean" / "model" / "config.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match=r"expected mean of toy, .* found mean of monoocc"):
        train_stages(stages(), tmp_path / "run", show=False)


def test_stages_that_cannot_be(tmp_path):
    with pytest.raises(InputError, match="stages: expected at least one, found none"):
        train_stages([], tmp_path, show=False)
    with pytest.raises(ValueError, match="letters, digits"):
        Stage(name="a/b", method=ToyConfig(), data=Plain(), train=CONFIG)
