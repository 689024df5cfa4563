"""Training: it learns, it resumes to the same weights however it was stopped, and processes change nothing."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.engine.tiny_run import CONFIG, METHOD, Streets
from tests.methods.tiny import GRID, TINY, sample
from voxway.core.errors import InputError, MissingExtra
from voxway.core.sample import Prediction, collate
from voxway.engine.log import read_log
from voxway.engine.model_files import load_model, load_tensors
from voxway.engine.train import NonFiniteLoss, TrainConfig, train
from voxway.methods import registry

ROOT = Path(__file__).parents[2]


def run(folder, config=CONFIG, method=METHOD, data=None, **options):
    return train(config, method, Streets() if data is None else data, folder, show=False, **options)


def start(folder, *settings, processes=1):
    command = [sys.executable, "-m", "tests.engine.tiny_run", str(folder), *settings]
    if processes > 1:
        command[1:3] = [
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(processes),
            "-m",
            "tests.engine.tiny_run",
        ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)


def weights(folder):
    return load_tensors(folder / "model" / "model.safetensors")


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run(folder)
    torch.set_num_threads(threads)
    return folder


def test_learns_and_records(unbroken):
    log = read_log(unbroken)
    assert [line["step"] for line in log] == list(range(1, 13))
    assert log[-1]["loss"] < 0.9 * log[0]["loss"]
    assert log[0]["loss"] == pytest.approx(
        sum(log[0][n] for n in ("voxel", "semantic_affinity", "geometric_affinity", "semantics_2d")), rel=1e-5
    )
    described = json.loads((unbroken / "model" / "config.json").read_text())
    assert described["method"] == "monoocc" and described["facts"]["ema"]
    assert len(list((unbroken / "checkpoints").iterdir())) == CONFIG.keep


def test_trained_network_loads_and_predicts(unbroken):
    network = load_model(unbroken / "model")
    with torch.no_grad():
        assert torch.isfinite(network(collate([sample(0)])).logits).all()


def test_finished_run_is_left_alone(unbroken, tmp_path):
    before = weights(unbroken)
    run(unbroken)
    assert_same(before, weights(unbroken))


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_moment_resumes_to_the_same_weights(unbroken, tmp_path, seed):
    """SIGKILL again and again, later each time, until the run gets through."""
    kills = 0
    for attempt in range(40):
        process = start(tmp_path)
        if attempt < 4:
            # Wait until it trains, then for a moment that differs every time.
            deadline = time.monotonic() + 60
            while not (tmp_path / "log.jsonl").exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.15 + 0.37 * seed + 0.23 * attempt)
            process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    assert kills >= 1
    assert_same(weights(unbroken), weights(tmp_path))
    assert [line["step"] for line in read_log(tmp_path)] == list(range(1, 13))
    # Every step's loss is that of the unbroken run too; only the clock differs.
    for ours, theirs in zip(read_log(tmp_path), read_log(unbroken)):
        assert ours["loss"] == theirs["loss"]


def test_interrupt_saves_and_continues(unbroken, tmp_path):
    process = start(tmp_path, "checkpoint_every=100")
    while not (tmp_path / "log.jsonl").exists() or not (tmp_path / "log.jsonl").read_text():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    saved = [path.name for path in (tmp_path / "checkpoints").iterdir()]
    assert len(saved) == 1 and saved[0].startswith("step-")
    process = start(tmp_path, "checkpoint_every=100")
    process.communicate()
    assert process.returncode == 0
    assert_same(weights(unbroken), weights(tmp_path))


def test_two_processes_follow_the_curve_of_one(unbroken, tmp_path):
    process = start(tmp_path, processes=2)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    for ours, theirs in zip(read_log(tmp_path), read_log(unbroken), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4)
    one, two = weights(unbroken), weights(tmp_path)
    statistics = {name for name in one if "running" in name or "tracked" in name}
    for name in one.keys() - statistics:  # batch norm's statistics are means over processes
        torch.testing.assert_close(two[name], one[name], atol=2e-3, rtol=1e-2)


def test_bfloat16_trains(tmp_path):
    run(tmp_path, replace(CONFIG, steps=4, precision="bfloat16", average_decay=None))
    log = read_log(tmp_path)
    assert log[-1]["loss"] < log[0]["loss"]


def test_tensorboard(tmp_path):
    try:
        run(tmp_path, replace(CONFIG, steps=1, tensorboard=True))
    except MissingExtra:
        pytest.skip("tensorboard is not installed")
    assert list((tmp_path / "tensorboard").iterdir())


def test_workers_change_nothing(tmp_path):
    config = replace(CONFIG, steps=2)
    run(tmp_path / "a", config)
    run(tmp_path / "b", replace(config, workers=2))
    assert_same(weights(tmp_path / "a"), weights(tmp_path / "b"))


@dataclass(frozen=True)
class BrokenConfig:
    """A method whose loss is not a number from the third sample on."""

    def build(self):
        return Broken()


class Broken(nn.Module):
    grid, inputs, targets = GRID, frozenset(), frozenset()

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, batch):
        return Prediction(logits=torch.zeros(len(batch), 2, *GRID.shape))

    def loss(self, prediction, batch):
        bad = batch.keys[0] == "tiny/000002"
        return {"voxel": self.weight.sum() * (math.nan if bad else 1), "other": self.weight.sum()}


registry.register("broken", registry.Entry(config=BrokenConfig))


def test_non_finite_loss_names_the_samples(tmp_path):
    with pytest.raises(NonFiniteLoss, match="tiny/000002: voxel: expected finite values, found nan"):
        run(tmp_path, replace(CONFIG, batch=1), BrokenConfig())


def test_folder_of_another_run_is_refused(unbroken):
    with pytest.raises(InputError, match=r"run\.json: train\.learning_rate: .*: 0\.001 -> 1\.0"):
        run(unbroken, replace(CONFIG, learning_rate=1.0))
    with pytest.raises(InputError, match=r"run\.json: method"):
        run(unbroken, method=TINY["monoocc"])


def test_damaged_checkpoint_is_named(tmp_path):
    run(tmp_path, replace(CONFIG, steps=3))
    (tmp_path / "model" / "model.safetensors").unlink()
    (newest,) = (tmp_path / "checkpoints").glob("*3")
    path = newest / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="expected a complete safetensors file"):
        run(tmp_path, replace(CONFIG, steps=3))


def test_no_samples(tmp_path):
    class Nothing(Streets):
        keys = ()

    with pytest.raises(InputError, match="samples: expected at least one, found none"):
        run(tmp_path, data=Nothing())


def test_wrong_settings():
    with pytest.raises(ValueError, match="batch of 3 is not a whole number of micro-batches of 2"):
        TrainConfig(steps=1, batch=3, micro_batch=2)
    with pytest.raises(ValueError, match="at least 1"):
        TrainConfig(steps=0)
