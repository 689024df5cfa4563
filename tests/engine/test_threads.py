"""Commands set how threads wait before PyTorch reads it, and never what a person has set."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from voxway.engine.threads import SPIN_COUNT

SHOW = """
import os, sys
os.environ["OMP_DISPLAY_ENV"] = "VERBOSE"  # OpenMP says what it read when it is loaded
sys.argv = ["voxway", "bench", "nothing-of-that-name"]
from voxway.cli import main
try:
    main()
except SystemExit:
    pass
import torch
"""
CUT = """
import voxway.core.cores, voxway.engine.threads as threads
threads.available_cores = lambda: 1
"""
NAMES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT")


def openmp(script: str, **environment: str) -> dict[str, str]:
    """What OpenMP has read, in a fresh interpreter."""
    rest = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run([sys.executable, "-c", script], env=rest | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pairs = (line.strip().split(" = ") for line in done.stderr.splitlines() if " = '" in line)
    said = {name: value.strip("'") for name, value in pairs}
    if "GOMP_SPINCOUNT" not in said:
        pytest.skip("PyTorch comes with another OpenMP here")
    return said


def test_commands_bound_the_spinning() -> None:
    assert openmp(SHOW)["GOMP_SPINCOUNT"] == str(SPIN_COUNT)


@pytest.mark.parametrize(
    ("given", "spin"), [({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "30000000000")]
)
def test_what_a_person_has_set_stays(given: dict[str, str], spin: str) -> None:
    assert openmp(SHOW, **given)["GOMP_SPINCOUNT"] == spin


def test_as_many_threads_as_there_are_cores() -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core has one thread anyhow")
    assert openmp(CUT + SHOW)["OMP_NUM_THREADS"] == "1"
    assert openmp(CUT + SHOW, OMP_NUM_THREADS="2")["OMP_NUM_THREADS"] == "2"


LATE = """
import os, torch
os.cpu_count = lambda: 64
import voxway.engine.threads as threads
threads.available_cores = lambda: 1
assert threads.share_cores() is False
assert torch.get_num_threads() == 1 and os.environ["GOMP_SPINCOUNT"]
"""


def test_called_late_it_says_so() -> None:
    rest = {name: value for name, value in os.environ.items() if name not in NAMES}
    subprocess.run([sys.executable, "-c", LATE], env=rest, check=True)
