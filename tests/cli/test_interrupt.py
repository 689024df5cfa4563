"""Ctrl-C in every long command: exit code 130, no traceback, nothing half-written, and the same command continues."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.small_world import SETTINGS, execute, leftovers, linked

ROOT = Path(__file__).parents[2]

SCRIPT = """
import importlib, os, signal, sys
place, name, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
owner = importlib.import_module(place)
while "." in name:
    first, _, name = name.partition(".")
    owner = getattr(owner, first)
function, calls = getattr(owner, name), []
def stopping(*arguments, **options):
    calls.append(1)
    if len(calls) == times:
        os.kill(os.getpid(), signal.SIGINT)
    return function(*arguments, **options)
setattr(owner, name, stopping)
from voxway.cli import main
main(sys.argv[4:])
"""
"""Runs a command that gets Ctrl-C from outside, at the n-th call of a function of its own."""

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def interrupted(where: str, times: int, command: Sequence[object]) -> subprocess.CompletedProcess:
    place, _, name = where.partition(":")
    arguments = [sys.executable, "-c", SCRIPT, place, name, str(times), *map(str, command)]
    return subprocess.run(arguments, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


@pytest.fixture
def world(small_world: Path, tmp_path: Path) -> Path:
    """A copy with proposals in place."""
    root = linked(small_world, tmp_path / "world")
    for split in ("train", "val"):
        target = ("--split", split, "--out", root / "proposals" / "lidar")
        assert execute("prepare", "proposals", "--root", root, *target) == 0
    return root


@pytest.mark.parametrize(
    ("command", "where", "times", "kept"),
    [
        # In the middle of writing the second file: the first one is there, the second one is not, nor is the record of
        # what it is made from.
        (
            ("prepare", "targets", "--root", "{world}", "--out", "{out}"),
            "os:fsync",
            3,
            ["00/000000_1_8.npy"],
        ),
        (
            ("prepare", "proposals", "--root", "{world}", "--out", "{out}"),
            "os:fsync",
            5,
            [
                "00/queries/000000.query",
                "made/proposals/00/000000.json",
                "made/proposals.json",
            ],
        ),
        (
            ("predict", "{model}", "--root", "{world}", "--split", "train", "--cache", "{world}", "--out", "{out}"),
            "os:fsync",
            2,
            ["sequences/00/predictions/000000.label"],
        ),
        (("eval", "{model}", "--root", "{world}", "--out", "{out}/result.json"), "PIL.Image:open", 1, []),
        (("check-data", "--root", "{world}", "--partial"), "PIL.Image:open", 2, []),
        (("view", "--root", "{world}", "--out", "{out}"), "os:fsync", 1, []),
        (
            ("world", "--out", "{out}", "--train", "1", "--val", "1", "--processes", "1"),
            "os:fsync",
            3,
            ["sequences/00/calib.txt", "world.json"],
        ),
    ],
    ids=lambda value: " ".join(value[:2]).replace(" {model}", "") if isinstance(value, tuple) else "",
)
def test_interrupt(
    command: Sequence[str], where: str, times: int, kept: list[str], world: Path, small_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    places = {"world": world, "model": small_run / "model", "out": out}
    done = interrupted(where, times, [word.format(**places) for word in command])
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert "stopped" in done.stderr
    assert [path.relative_to(out).as_posix() for path in sorted(out.rglob("*")) if path.is_file()] == kept


def test_training_stops_after_a_checkpoint_and_continues(world: Path, tmp_path: Path) -> None:
    """The step in progress ends, its checkpoint is written, and the same command goes on from there."""
    command = ["train", "monoocc-world", "--root", world, "--out", tmp_path / "run", "--steps", "3", "--device", "cpu"]
    command += ["--set", *SETTINGS]
    done = interrupted("voxway.engine.train:accumulate", 2, command)
    assert done.returncode == 130, done.stderr
    assert "stopped after step 2; the same command continues" in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-00000002"]
    assert not (tmp_path / "run" / "model").exists()
    assert leftovers(tmp_path) == []
    assert execute(*command) == 0
    assert json.loads((tmp_path / "run" / "model" / "config.json").read_text())["facts"]["steps"] == 3


def ends(group: int, seconds: float) -> bool:
    """Whether no process of the group is left, soon."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_interrupt_while_processes_draw_the_demos_world(tmp_path: Path) -> None:
    """Ctrl-C reaches all processes of a terminal; the workers leave it to the parent, which ends them."""
    out = tmp_path / "out"
    arguments = [sys.executable, "-m", "voxway", "demo", "--out", str(out), "--train", "2", "--val", "1"]
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not list(out.rglob("velodyne/*.bin")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said.decode()
    assert b"Traceback" not in said
    assert leftovers(tmp_path) == []
    assert ends(process.pid, seconds=20)
