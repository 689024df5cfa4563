"""A run goes on where its data has moved; what would change its result is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_world import SETTINGS, linked, train

HOW = ("train.workers=1", "train.log_every=1", "train.checkpoint_every=1", "train.keep=1")
REFUSED = {
    "train.steps": (("--steps", "3"), (), "train.steps: 2 -> 3"),
    "train.learning_rate": (("--steps", "2"), ("train.learning_rate=0.1",), "train.learning_rate: 0.002 -> 0.1"),
    "data.every": (("--steps", "2"), ("data.every=2",), "data.every: 1 -> 2"),
    "method.heads": (("--steps", "2"), ("method.heads=1",), "method.heads: 2 -> 1"),
}


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    return linked(small_run, tmp_path / "run")


def test_moved_data_and_other_ways_to_work(run: Path, small_world: Path, tmp_path: Path) -> None:
    world = linked(small_world, tmp_path / "moved")
    assert train(world, run, "--steps", "2") == 0
    assert train(world / ".." / "moved", run, "--steps", "2", settings=(*SETTINGS, *HOW)) == 0


@pytest.mark.parametrize("name", REFUSED)
def test_what_changes_the_result(run: Path, small_world: Path, capsys: pytest.CaptureFixture, name: str) -> None:
    more, settings, said = REFUSED[name]
    assert train(small_world, run, *more, settings=(*SETTINGS, *settings)) == 2
    assert said in capsys.readouterr().err


def test_other_frames(run: Path, small_world: Path, capsys: pytest.CaptureFixture) -> None:
    assert train(small_world, run, "--steps", "2", "--keys", "00/000000") == 2
    assert "samples.count: 2 -> 1" in capsys.readouterr().err
