"""The runner: what exists is kept, shards partition the frames, a killed run leaves whole files only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxway.core.errors import InputError
from voxway.core.files import write_bytes
from voxway.data.job import Job
from voxway.data.prepared.made import Origin
from voxway.prepare.runner import parse_shard, run

KEYS = [f"00/{frame:06d}" for frame in range(0, 50, 5)]
ROOT = Path(__file__).parents[2]


def start(folder: Path, keys: list[str] = KEYS, shard: tuple[int, int] = (0, 1)) -> tuple[int, list[str]]:
    """How many files the runner says it made, and for which keys it was asked to."""
    asked = []

    def make(key: str, path: Path) -> None:
        asked.append(key)
        write_bytes(path, key.encode())

    job = Job(what="files", keys=keys, target=lambda key: folder / key, make=make)
    return run(job, shard=shard, show=False), asked


def test_makes_every_file_once(tmp_path: Path) -> None:
    assert start(tmp_path) == (10, KEYS)
    assert all((tmp_path / key).read_text() == key for key in KEYS)
    assert start(tmp_path) == (0, [])


def test_existing_files_are_kept(tmp_path: Path) -> None:
    write_bytes(tmp_path / KEYS[3], b"older")
    assert start(tmp_path) == (9, [key for key in KEYS if key != KEYS[3]])
    assert (tmp_path / KEYS[3]).read_text() == "older"


@given(count=st.integers(0, 30), shards=st.integers(1, 9))
def test_shards_partition_the_keys(count: int, shards: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    keys = [f"{i:03d}" for i in range(count)]
    folder = tmp_path_factory.mktemp("shards")
    asked = [key for i in range(shards) for key in start(folder, keys, (i, shards))[1]]
    assert sorted(asked) == keys
    assert start(folder, keys) == (0, [])


def test_a_failing_frame_keeps_those_before(tmp_path: Path) -> None:
    def make(key: str, path: Path) -> None:
        if key == KEYS[2]:
            raise ValueError("damaged")
        write_bytes(path, b"whole")

    with pytest.raises(ValueError, match="damaged"):
        run(Job(what="files", keys=KEYS, target=lambda key: tmp_path / key, make=make), show=False)
    assert sorted(path.name for path in (tmp_path / "00").iterdir()) == ["000000", "000005"]


def test_two_processes_that_want_the_same_files_take_none_from_each_other(tmp_path: Path) -> None:
    """The other one begins while we make our first file, and is done with all of them before we go on."""
    source, asked = tmp_path / "source", {"ours": [], "theirs": []}
    source.write_text("now")

    def job(whose: str) -> Job:
        def make(key: str, path: Path) -> None:
            if whose == "ours" and not asked["ours"]:
                assert run(job("theirs"), show=False, remake=True) == len(KEYS)
            asked[whose].append(key)
            if whose == "ours":
                assert all((tmp_path / "made" / other).read_text() == "theirs" for other in asked["theirs"])
            write_bytes(path, whose.encode())

        origin = Origin(folder=tmp_path, name="files", maker="files", root=tmp_path, sources=lambda key: [source])
        return Job(what="files", keys=KEYS, target=lambda key: tmp_path / "made" / key, make=make, origin=origin)

    assert run(job("ours"), show=False, remake=True) == 1
    assert asked == {"ours": KEYS[:1], "theirs": KEYS}


SLOW = """
import sys, time
from pathlib import Path
from voxway.core.files import atomic_path
from voxway.data.job import Job
from voxway.prepare.runner import run

def make(key, path):
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for _ in range(10):
            file.write(bytes(1000))
            file.flush()
            if key == "00/000010":
                print("in the middle", flush=True)
                time.sleep(60)

keys = [f"00/{frame:06d}" for frame in range(0, 50, 5)]
run(Job(what="files", keys=keys, target=lambda key: Path(sys.argv[1]) / key, make=make), show=False)
"""


def test_a_killed_run_leaves_no_half_file(tmp_path: Path) -> None:
    """Killed in the middle of the third file: two whole ones under their names, and the next run makes the others."""
    process = subprocess.Popen([sys.executable, "-c", SLOW, tmp_path], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None and process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    named = {path.name: path.stat().st_size for path in (tmp_path / "00").iterdir() if not path.name.startswith(".")}
    assert named == {"000000": 10_000, "000005": 10_000}
    assert start(tmp_path) == (8, KEYS[2:])


@pytest.mark.parametrize(("text", "shard"), [("0/1", (0, 1)), ("7/8", (7, 8)), ("03/10", (3, 10))])
def test_shards_are_read(text: str, shard: tuple[int, int]) -> None:
    assert parse_shard(text) == shard


@pytest.mark.parametrize("text", ["", "1", "8/8", "-1/8", "0/0", "1/2/3", "a/b", "1.0/2"])
def test_wrong_shards_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="i/N with i from 0 to N-1"):
        parse_shard(text)
