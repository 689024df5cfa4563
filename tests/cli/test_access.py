"""What the operating system refuses, wherever that was not foreseen, ends in five parts and exit code 2."""

from __future__ import annotations

import errno
import importlib

import pytest

from tests.small_world import execute

DOCTOR = importlib.import_module("voxway.cli.doctor")

REFUSED = {
    "no permission": (PermissionError(errno.EACCES, "Permission denied", "data/labels"), "data/labels", "chmod"),
    "network disk": (OSError(errno.ESTALE, "Stale file handle", "data"), "data", "try again"),
    "no process": (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "the system", "try again"),
    "memory": (MemoryError("Unable to allocate 7.5 GiB"), "memory", "micro_batch"),
    "memory of PyTorch": (
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        "memory",
        "micro_batch",
    ),
    "memory of a GPU": (RuntimeError("CUDA out of memory. Tried to allocate 20 GiB"), "memory", "micro_batch"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_explained(case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    error, file, remedy = REFUSED[case]

    def refuse(options: object) -> None:
        raise error

    monkeypatch.setattr(DOCTOR, "run", refuse)
    assert execute("doctor") == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in said[1:]] == ["file", "field", "expected", "found", "remedy"]
    assert said[1].endswith(file) and remedy in said[5]


def test_other_errors_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: object) -> None:
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr(DOCTOR, "run", fail)
    with pytest.raises(RuntimeError, match="a fault of the program"):
        from voxway.cli import main

        main(["doctor"])
