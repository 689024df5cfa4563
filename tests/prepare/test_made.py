"""Prepared files made from something else than is there now: made again, refused, or taken, but never missed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.data import toys
from tests.data.conftest import nuscenes_root, waymo_root  # noqa: F401  # fixtures
from tests.data.toys import Toy
from tests.small_world import rewrite
from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.data.config import DataConfig
from voxway.data.job import JobOptions
from voxway.data.prepared.made import check_named
from voxway.data.prepared.registry import prepared_format
from voxway.data.reader import Reader
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.prepare import makers
from voxway.prepare.ready import ready
from voxway.prepare.runner import run

NEEDS = frozenset({"proposals", "target"})


@pytest.fixture(scope="module")
def kitti_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toys.write_kitti(tmp_path_factory.mktemp("kitti"))


@pytest.fixture(params=["semantickitti", "occ3d-nuscenes", "openoccupancy-nuscenes", "occ3d-waymo"])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Toy:
    name = request.param.split("-")[-1]
    source = {"semantickitti": "kitti_root", "nuscenes": "nuscenes_root", "waymo": "waymo_root"}[name]
    root = Path(shutil.copytree(request.getfixturevalue(source), tmp_path / "data"))
    if name == "nuscenes":
        return toys.nuscenes(root, request.param)
    return toys.kitti(root) if name == "semantickitti" else toys.waymo(root)


def data_of(one: Toy, root: Path | None = None) -> DataConfig:
    return replace(one.config, needs=NEEDS, keys=(one.key,), root=root or one.config.root)


def make(data: DataConfig, folder: Path, remake: bool = False, **options: object) -> int:
    work = makers.job("proposals", data, folder, JobOptions(source="lidar", **options))
    return run(work, show=False, remake=remake)


def scan_of(data: DataConfig, key: str) -> Path:
    return data.reader().files(key, "points")[0]


def halved(path: Path) -> None:
    """The same scan with the points on one side only."""
    data = path.read_bytes()
    size = {".pcd.bin": 20}.get("".join(path.suffixes[-2:]), 16 if len(data) % 24 else 24)
    points = np.frombuffer(data, "<f4").reshape(-1, size // 4)
    rewrite(path, points[points[:, 1] > 0].tobytes())


def test_nothing_is_made_twice_and_a_changed_scan_is(one: Toy, tmp_path: Path) -> None:
    data, out = data_of(one), tmp_path / "out"
    assert [make(data, out) for _ in range(2)] == [1, 0]
    os.utime(scan_of(data, one.key), (1, 1))
    assert make(data, out) == 0, "other times are no other contents"
    halved(scan_of(data, one.key))
    assert [make(data, out) for _ in range(2)] == [1, 0]


def test_data_may_move_with_what_was_made_of_them(one: Toy, tmp_path: Path) -> None:
    assert make(data_of(one), one.config.root / "made_here") == 1
    moved = Path(shutil.copytree(one.config.root, tmp_path / "moved"))
    data = data_of(one, moved)
    assert make(data, moved / "made_here") == 0
    check_named(moved / "made_here", "proposals", lambda: (data.keys, None), moved)
    halved(scan_of(data, one.key))
    with pytest.raises(InputError, match=r"expected made from .* as it is now, found made from another version"):
        check_named(moved / "made_here", "proposals", lambda: (data.keys, None), moved)
    assert make(data, moved / "made_here") == 1


def test_a_cache_never_serves_other_data(one: Toy, tmp_path: Path) -> None:
    other = Path(shutil.copytree(one.config.root, tmp_path / "other"))
    halved(scan_of(data_of(one, other), one.key))
    contents = []
    for root in (one.config.root, other, one.config.root):
        data = ready(data_of(one, root), {"proposals": "lidar"}, tmp_path / "cache", show=False)
        contents.append(prepared_format("proposals").path(data.prepared["proposals"], one.key).read_bytes())
    assert contents[0] == contents[2] != contents[1]
    named = replace(data_of(one, other), prepared=data.prepared)
    with pytest.raises(InputError, match="proposals of"):
        ready(named, {}, show=False)
    shutil.rmtree(data.prepared["proposals"] / "made")
    assert ready(named, {}, show=False) is not None, "files of unknown origin are used where they are named"


def test_other_makers_and_settings(one: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out = data_of(one), tmp_path / "out"
    make(data, out)
    kept = prepared_format("proposals").path(out, one.key)
    with pytest.raises(
        InputError, match=r"settings: expected proposals from lidar, made as now, found sweeps 1 then, 2"
    ):
        make(replace(data, keys=()), out, sweeps=2)
    assert make(data, out, remake=True, sweeps=2) == 1 and make(data, out, remake=True, sweeps=2) == 0
    monkeypatch.setitem(makers.MAKERS, "proposals", replace(makers.MAKERS["proposals"], version=2))
    assert [make(data, out, sweeps=2) for _ in range(2)] == [1, 0], "another version makes them again"
    assert read_json(out / "made" / "proposals.json")["version"] == 2
    shutil.rmtree(out / "made")
    kept.write_bytes(b"from elsewhere")
    assert make(data, out) == 0 and kept.read_bytes() == b"from elsewhere"
    assert make(data, out, remake=True) == 1 and kept.read_bytes() != b"from elsewhere"


def test_a_dataset_of_the_same_files_with_other_voxels_gets_its_own(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(request.getfixturevalue("nuscenes_root"), tmp_path / "data"))
    occ3d, other = (data_of(toys.nuscenes(root, name)) for name in ("occ3d-nuscenes", "surroundocc-nuscenes"))
    sizes = []
    for data in (occ3d, other, occ3d):
        data = ready(data, {"proposals": "lidar"}, tmp_path / "cache", show=False)
        kept = prepared_format("proposals").path(data.prepared["proposals"], data.keys[0])
        sizes.append(kept.read_bytes())
        assert data.build()[data.keys[0]].proposals is not None
    assert sizes[0] == sizes[2] != sizes[1]
    with pytest.raises(InputError, match=r"found grid '200x200x16 voxels over -40\.\.40.*' then, '200x200x16 .*-50"):
        make(other, tmp_path / "cache" / "proposals" / "lidar")
    with pytest.raises(InputError, match=r"proposals of .*: expected on 200x200x16 .*-50.*, found 200x200x16 .*-40"):
        ready(other.with_prepared("proposals", tmp_path / "cache" / "proposals" / "lidar"), {}, show=False)


def test_records_of_before_say_nothing_of_the_grid(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    data, out = data_of(toys.nuscenes(request.getfixturevalue("nuscenes_root"))), tmp_path / "out"
    assert make(data, out) == 1
    for path in (out / "made").rglob("*.json"):
        path.write_text(json.dumps({name: value for name, value in read_json(path).items() if name != "grid"}))
    assert make(data, out) == 0


def test_a_request_that_failed_leaves_no_settings_behind(one: Toy, tmp_path: Path) -> None:
    data, out = data_of(one), tmp_path / "out"
    scan = scan_of(data, one.key)
    contents = scan.read_bytes()
    rewrite(scan, b"")
    with pytest.raises(InputError, match="found 0 bytes"):
        make(data, out)
    rewrite(scan, contents)
    assert make(data, out, sweeps=2) == 1


def _calibration(reader: Reader, key: str) -> object:
    return reader.moment(key, frozenset({"cameras"}), np.random.default_rng(0)).cameras.K.tolist()  # ty: ignore


def _pose(reader: Reader, key: str) -> object:
    return reader.moment(key, frozenset({"pose"}), np.random.default_rng(0)).pose.tolist()  # ty: ignore


@pytest.mark.parametrize(
    ("name", "change", "read"),
    [
        ("calib.txt", lambda text: text.replace("P2: 7", "P2: 6"), _calibration),
        ("poses.txt", lambda text: text[text.index("\n") + 1 :] * 2, _pose),
    ],
)
def test_corrected_files_are_read_again(
    kitti_root: Path, tmp_path: Path, name: str, change: Callable[[str], str], read: Callable[[Reader, str], object]
) -> None:
    root = Path(shutil.copytree(kitti_root, tmp_path / "data"))
    config = SemanticKITTIConfig(root=root, partial=True, needs=frozenset({"images", "pose"}))
    path, before = root / "sequences" / "00" / name, read(config.reader(), "00/000005")
    rewrite(path, change(path.read_text()))
    assert read(config.reader(), "00/000005") != before
