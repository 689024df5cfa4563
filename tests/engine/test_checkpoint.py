"""Checkpoints: whole or not there, whoever writes beside; the newest whole one is taken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from voxway.core.errors import InputError, OutputError
from voxway.engine import checkpoint
from voxway.engine.checkpoint import TrainingState
from voxway.engine.ema import MovingAverage

FILES = ("model.safetensors", "optimizer.safetensors", "average.safetensors", "state.json")


def state(step: int = 0, width: int = 3) -> TrainingState:
    """A state whose weights tell its step."""
    network = nn.Linear(width, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, width)).sum().backward()
    optimizer.step()
    nn.init.constant_(network.bias, step)
    return TrainingState(network, optimizer, MovingAverage(network, 0.9), step=step)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_last_ones_are_kept(tmp_path: Path) -> None:
    for step in range(1, 5):
        state(step).save(tmp_path, keep=2)
    assert names(tmp_path) == ["step-00000003", "step-00000004"]
    assert names(tmp_path / "step-00000004") == sorted(FILES)


@pytest.mark.parametrize("how", ["absent", "cut off", "empty"])
@pytest.mark.parametrize("file", FILES)
def test_the_newest_whole_one_is_taken(tmp_path: Path, file: str, how: str, caplog: pytest.LogCaptureFixture) -> None:
    for step in (1, 2):
        state(step).save(tmp_path, keep=2)
    damaged = tmp_path / "step-00000002" / file
    content = damaged.read_bytes()
    damaged.unlink()
    if how != "absent":
        damaged.write_bytes(content[: len(content) // 2] if how == "cut off" else b"")
    resumed = state()
    assert resumed.resume(tmp_path)
    assert resumed.step == 1 and resumed.network.get_parameter("bias").tolist() == [1, 1]
    assert "step-00000002 is not whole" in caplog.text and file in caplog.text


def test_without_a_whole_one_the_newest_is_named(tmp_path: Path) -> None:
    for step in (1, 2):
        state(step).save(tmp_path, keep=2)
        (tmp_path / f"step-0000000{step}" / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"step-00000002/model\.safetensors: file: expected present, found absent"):
        state().resume(tmp_path)


def test_weights_of_another_network_are_refused_not_skipped(tmp_path: Path) -> None:
    state(1).save(tmp_path, keep=2)
    with pytest.raises(InputError, match="that differ: weight"):
        state(width=4).resume(tmp_path)


def test_leftovers_of_the_dead_are_removed(tmp_path: Path) -> None:
    state(1).save(tmp_path, keep=2)
    (tmp_path / ".unfinished-elsewhere-7").mkdir()
    (tmp_path / ".unfinished-elsewhere-7" / "model.safetensors").touch()
    assert state().resume(tmp_path)
    assert names(tmp_path) == ["step-00000001"]


def test_a_full_disk_leaves_the_last_one_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state(1).save(tmp_path, keep=2)

    def full(path: Path, content: object) -> None:
        raise OutputError(file=path, field="writing", expected="space", found="No space left", remedy="Free some.")

    monkeypatch.setattr(checkpoint, "write_json", full)
    with pytest.raises(OutputError, match="No space left"):
        state(2).save(tmp_path, keep=2)
    assert names(tmp_path) == ["step-00000001"]


SAVE = """
import sys
from pathlib import Path
from tests.engine.test_checkpoint import state
for step in range(1, 30):
    state(step).save(Path(sys.argv[1]), 60)
"""


def test_two_that_write_at_once_do_not_meet(tmp_path: Path) -> None:
    both = [subprocess.Popen([sys.executable, "-c", SAVE, str(tmp_path)], stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said.decode()[-2000:]
    assert names(tmp_path) == [f"step-{step:08d}" for step in range(1, 30)]
    assert all(names(tmp_path / name) == sorted(FILES) for name in names(tmp_path))
