"""Processes that read: the same as one that does, errors as themselves, no need of shared memory, and no hanging."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.methods.tiny import sample
from voxway.core.errors import InputError, OutputError
from voxway.core.sample import Batch, collate
from voxway.engine import loading
from voxway.engine.loading import explained_workers, read_ahead

ERRORS = {
    "explained": InputError(file="calib.txt", field="Tr", expected="12 numbers", found="11", remedy="Fetch it again."),
    "explained, of writing": OutputError(file="a", field="b", expected="c", found="d", remedy="e"),
    "of the system": PermissionError(13, "Permission denied", "scan.bin"),
}


def read(number: int) -> Batch:
    """A tiny batch."""
    return collate([sample(number)])


def alike(a: Batch, b: Batch) -> bool:
    assert a.images is not None and b.images is not None
    return a.keys == b.keys and torch.equal(a.images, b.images) and torch.equal(a.need("target"), b.need("target"))


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_in_the_same_order(workers: int) -> None:
    for found, expected in zip(read_ahead(read, 5, workers), map(read, range(5)), strict=True):
        assert alike(found, expected)


@pytest.mark.parametrize("short", ["no room", "no room after all"])
def test_without_shared_memory(short: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def full(content: object) -> bytes:
        raise RuntimeError(
            "unable to allocate shared memory(shm) for file </torch_1_2_0>: No space left on device (28)"
        )

    if short == "no room":
        monkeypatch.setattr(loading, "_room", lambda: False)
    else:
        monkeypatch.setattr(loading, "_shared", full)
    with caplog.at_level("INFO"):
        found = list(read_ahead(read, 3, 1))
    assert all(alike(a, read(number)) for number, a in enumerate(found))
    assert [record.message[:22] for record in caplog.records] == ["shared memory is short"]


IN_SMALL = """
import sys
sys.path[:0] = sys.argv[1:]
import torch
from voxway.engine.loading import read_ahead
got = list(read_ahead(lambda number: torch.full((4 << 20,), number, dtype=torch.uint8), 12, 2))
assert [int(t[-1]) for t in got] == list(range(12))
"""


def test_a_small_shared_memory_does_not_hang(tmp_path: Path) -> None:
    """Twelve tensors of 4 MB, all of them kept, through 8 MB of shared memory."""
    mounted = "mount -t tmpfs -o size=8m tmpfs /dev/shm"
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "sh", "-c", mounted]).returncode:
        pytest.skip("this system lets nobody mount a file system of its own")
    (tmp_path / "small.py").write_text(IN_SMALL)
    command = f"{mounted} && exec {sys.executable} {tmp_path / 'small.py'} {' '.join(filter(None, sys.path))}"
    subprocess.run(["unshare", "-m", "sh", "-c", command], check=True, timeout=120, capture_output=True)


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("workers", [0, 1])
def test_errors_are_themselves(kind: str, workers: int) -> None:
    def fail(number: int) -> Batch:
        raise ERRORS[kind]

    with pytest.raises(type(ERRORS[kind])) as caught:
        list(read_ahead(fail, 2, workers))
    assert str(caught.value) == str(ERRORS[kind])
    assert vars(caught.value) == vars(ERRORS[kind])


def test_a_killed_process_is_explained() -> None:
    def die(number: int) -> Batch:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    with (
        pytest.raises(InputError, match=r"train\.workers: .*(killed|exited).* Most often memory has run out"),
        explained_workers(),
    ):
        list(read_ahead(die, 2, 1))


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="something else"), explained_workers():
        raise RuntimeError("something else")
