"""Starting test programs in processes of their own, killing them, and comparing what they leave."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from voxway.engine.model_files import load_tensors

ROOT = Path(__file__).parents[2]


def start(module: str, *arguments: object, processes: int = 1) -> subprocess.Popen:
    """A test program in one process, or in several that share the work."""
    several = ["torch.distributed.run", "--nproc-per-node", str(processes), "--standalone", "-m"]
    command = [sys.executable, "-m", *(several if processes > 1 else []), module, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen) -> str:
    """Wait for its good end; what it said on its error stream."""
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()[-3000:]
    return said.decode()


def kill_when(process: subprocess.Popen, ready: Callable[[], bool]) -> None:
    """SIGKILL as soon as a condition holds."""
    deadline = time.monotonic() + 120
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert process.returncode == -9


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Of a run's trained network."""
    return load_tensors(folder / "model" / "model.safetensors")


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    """The same bits."""
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name
