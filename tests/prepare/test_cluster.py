"""Many workers by Ray: nothing is lost and nothing made twice, whatever becomes of them."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.small_world import execute, leftovers
from voxway.core.errors import InputError, MissingExtra
from voxway.core.files import write_bytes
from voxway.data.job import Job
from voxway.data.prepared.evidence import Evidence
from voxway.data.prepared.made import Origin
from voxway.prepare.cluster import run_on_ray, wants_gpu
from voxway.prepare.runner import run

KEYS = tuple(f"00/{frame:06d}" for frame in range(16))
KILLED, DAMAGED = KEYS[7], KEYS[11]


@pytest.fixture(scope="module")
def two_cores() -> Iterator[None]:
    """A cluster of this machine with room for two workers."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", object_store_memory=80 * 2**20)
    yield
    ray.shutdown()


def note(folder: Path, key: str) -> None:
    """Say that a file is made; lines of processes that write at once do not mix."""
    log = os.open(folder / "makes", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{key} {os.getpid()}\n".encode())
    os.close(log)


def noted(folder: Path) -> list[list[str]]:
    return [line.split() for line in (folder / "makes").read_text().splitlines()]


def counting_job(folder: Path, damaged: str = "", always: bool = False) -> Job:
    """Files that hold their key. The worker that is first handed `KILLED` dies of it when half of it is written; with
    `always`, so does every other."""

    def make(key: str, path: Path) -> None:
        if key == damaged:
            raise InputError(file=path, field="frame", expected="whole", found="damaged", remedy="Copy it again.")
        if key == KILLED and (always or not (folder / "killed").exists()):
            (folder / "killed").touch()
            path.with_name(f".{path.name}.part").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        write_bytes(path, key.encode())
        note(folder, key)

    source = folder / "source"
    origin = Origin(folder=folder / "out", name="files", maker="keys", root=folder, sources=lambda _: [source])
    return Job(
        what="files",
        keys=KEYS,
        target=lambda key: folder / "out" / key,
        make=make,
        origin=origin,
        remark=lambda: f"worker {os.getpid()} was here",
    )


@pytest.mark.usefixtures("two_cores")
def test_a_killed_worker_loses_nothing_and_makes_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "source").touch()
    write_bytes(tmp_path / "out" / KEYS[3], b"was there")
    made, remark = run_on_ray(partial(counting_job, tmp_path), workers=2, show=False)
    assert made == 15 and (tmp_path / "killed").exists()
    makes = noted(tmp_path)
    assert Counter(key for key, _ in makes) == {key: 1 for key in KEYS if key != KEYS[3]}
    workers = {worker for _, worker in makes}
    assert len(workers) >= 2 and str(os.getpid()) not in workers, "several have worked, and not this process"
    assert set(remark.splitlines()) <= {f"worker {worker} was here" for worker in workers}
    for key in KEYS:
        assert (tmp_path / "out" / key).read_bytes() == (b"was there" if key == KEYS[3] else key.encode())
    assert run_on_ray(partial(counting_job, tmp_path), workers=2, show=False) == (0, "")
    assert run(counting_job(tmp_path), show=False) == 0, "records are those of the runner"


@pytest.mark.usefixtures("two_cores")
def test_what_is_wrong_with_a_frame_is_said_as_by_the_runner(tmp_path: Path) -> None:
    """While files are made again whose source has changed; those that are not reached are made again later."""
    (tmp_path / "killed").touch()
    (tmp_path / "source").touch()
    assert run(counting_job(tmp_path), show=False) == len(KEYS)
    (tmp_path / "source").write_text("changed")
    with pytest.raises(InputError, match=r"00/000011: frame: expected whole, found damaged\. Copy it again"):
        run_on_ray(partial(counting_job, tmp_path, DAMAGED), workers=2, show=False)
    assert not (tmp_path / "out" / DAMAGED).exists()
    assert run(counting_job(tmp_path), show=False) >= 1
    assert Counter(key for key, _ in noted(tmp_path)) == dict.fromkeys(KEYS, 2)


@pytest.mark.usefixtures("two_cores")
def test_any_job_of_the_command_line(small_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    command = ("prepare", "evidence", "--root", small_world, "--sequences", "00", "08", "--out")
    assert execute(*command, tmp_path / "ray", "--ray", 2) == 0
    assert "3 files made" in capsys.readouterr().out and not leftovers(tmp_path)
    assert execute(*command, tmp_path / "alone") == 0
    for key in ("00/000000", "00/000005", "08/000000"):
        found, expected = (Evidence().path(tmp_path / name, key) for name in ("ray", "alone"))
        np.testing.assert_array_equal(
            np.frombuffer(found.read_bytes(), "u1"), np.frombuffer(expected.read_bytes(), "u1")
        )
    assert execute(*command, tmp_path / "ray", "--ray", 2) == 0 and "0 files made" in capsys.readouterr().out
    assert execute(*command, tmp_path / "no", "--ray", 0) == 2
    assert "expected workers with CPUs found 0 of 1 CPUs" in " ".join(capsys.readouterr().err.split())
    assert execute(*command, tmp_path / "no", "--ray", 1, "--ray-cpus", 99) == 2
    assert "expected 99 CPU found {'CPU': 2}" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
@pytest.mark.usefixtures("two_cores")
def test_a_frame_that_kills_every_worker_ends_the_work(tmp_path: Path) -> None:
    (tmp_path / "source").touch()
    with pytest.raises(InputError, match=r"the same frames have killed 4 of them\. Memory may run out"):
        run_on_ray(partial(counting_job, tmp_path, "", always=True), workers=1, show=False)
    assert not (tmp_path / "out" / KILLED).exists() and (tmp_path / "out" / KEYS[0]).exists()


@pytest.mark.parametrize(("device", "gpu"), [("cpu", False), ("cuda", True), ("cuda:1", True)])
def test_workers_have_the_kind_of_device_that_is_named(device: str, gpu: bool) -> None:
    assert wants_gpu(device) is gpu
    with pytest.raises(InputError, match="expected auto, cpu or cuda, found 'gpu'"):
        wants_gpu("gpu")


def test_says_which_extra_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "source").touch()
    with pytest.raises(MissingExtra, match=r"pip install 'voxway\[cluster\]'"):
        run_on_ray(partial(counting_job, tmp_path), workers=1, show=False)
