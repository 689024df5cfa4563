"""A lock keeps other processes out, ends with its process however that ends, and says whose it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from voxway.core import lock
from voxway.core.errors import InputError, OutputError
from voxway.core.lock import locked

HOLD = """
import os, sys, time
from voxway.core.lock import locked
with locked(sys.argv[1]):
    if "fork" not in sys.argv or os.fork() == 0:  # a worker that outlives what started it
        print("held", flush=True)
    time.sleep(60)
"""


def hold(folder: Path, *how: str) -> subprocess.Popen:
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), *how], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_it_is_made_with_its_folder_and_leaves_nothing(tmp_path: Path) -> None:
    with locked(tmp_path / "deep" / "run"):
        assert json.loads((tmp_path / "deep" / "run" / ".lock").read_text())["process"] == os.getpid()
    assert list((tmp_path / "deep" / "run").iterdir()) == []


def test_another_process_is_kept_out_and_named(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    try:
        with (
            pytest.raises(InputError, match=rf"lock: .*found process {holder.pid} on host .* at work"),
            locked(tmp_path),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()


def test_this_process_is_kept_out_too_until_the_block_ends(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(InputError, match="at work"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("how", [(), ("fork",)], ids=["alone", "with a worker that lives on"])
def test_a_killed_process_holds_nothing(tmp_path: Path, how: tuple[str, ...]) -> None:
    holder = hold(tmp_path, *how)
    holder.kill()
    holder.wait()
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["process"] == os.getpid()


def test_a_lock_of_another_machine_is_respected(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text(json.dumps({"host": "elsewhere", "machine": "another", "process": 7}))
    with (
        pytest.raises(InputError, match=r"process 7 on host elsewhere.* If it has ended, delete .*\.lock"),
        locked(tmp_path),
    ):
        pass
    (tmp_path / ".lock").unlink()
    with locked(tmp_path):
        pass


def test_a_lock_of_another_container_here_is_the_systems_to_judge(tmp_path: Path) -> None:
    machine = lock._machine()
    if not machine:
        pytest.skip("this system has no name for its start")
    (tmp_path / ".lock").write_text(json.dumps({"host": "elsewhere", "machine": machine, "process": 7}))
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": "a"}'])
def test_a_lock_file_that_names_nobody_is_taken_over(tmp_path: Path, content: str) -> None:
    (tmp_path / ".lock").write_text(content)
    with locked(tmp_path):
        pass


def test_without_locks_of_the_system_the_process_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_lock", lambda descriptor: None)
    with locked(tmp_path), pytest.raises(InputError, match="at work"), locked(tmp_path):
        pass
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / ".lock").write_text(json.dumps(lock._myself() | {"process": ended.pid}))
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a folder that can be written to"), locked(tmp_path / "file" / "run"):
        pass
