"""check-data and a run say the same of a copy, for every dataset and every kind of file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.data import toys
from tests.data.toys import Toy
from tests.small_world import rewrite
from voxway.core.errors import InputError
from voxway.data import registry
from voxway.data.checks.report import Report
from voxway.data.config import DataConfig
from voxway.data.reader import Reader

NEEDS = frozenset({"images", "points", "target"})
NAMES = [
    "semantickitti",
    "occ3d-nuscenes",
    "openoccupancy-nuscenes",
    "surroundocc-nuscenes",
    "occ3d-waymo",
    "sscbench-kitti360",
    "own",
]


@pytest.fixture(scope="module")
def kitti_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toys.write_kitti(tmp_path_factory.mktemp("kitti"))


@pytest.fixture(params=NAMES)
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Toy:
    name = request.param.split("-")[-1]
    source = "kitti_root" if name == "semantickitti" else f"{name}_root"
    root = Path(shutil.copytree(request.getfixturevalue(source), tmp_path / "data"))
    if name == "nuscenes":
        return toys.nuscenes(root, request.param)
    return {"semantickitti": toys.kitti, "waymo": toys.waymo, "kitti360": toys.kitti360, "own": toys.own}[name](root)


def check(config: DataConfig, contents: int = 0) -> Report:
    return registry.checker(registry.config_name(config))(config, contents, None)


def refusals(config: DataConfig) -> set[str]:
    """What a run over all frames says."""
    samples, said = config.build(), set()
    for key in samples.keys:
        try:
            samples[key]
        except InputError as error:
            said.add(f"{error.field}: expected {error.expected}, found {error.found}")
    return said


def own(reader: Reader, key: str, field: str) -> Path:
    return next(path for path in reader.files(key, field) if path.suffix not in (".txt", ".json", ".pkl"))


def cut(path: Path) -> None:
    rewrite(path, path.read_bytes()[: path.stat().st_size // 2 + 1])


FAULTS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: rewrite(path, b""),
    "a web page": lambda path: rewrite(path, b"<html><body>Not found</body></html>"),
}


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("field", ["images", "points"])
def test_heads_of_all_files_are_seen_as_a_run_sees_them(one: Toy, field: str, fault: str) -> None:
    config = replace(one.config, needs=NEEDS)
    assert check(config).usable and not refusals(config)
    FAULTS[fault](own(config.reader(), one.key, field))
    report, said = check(config), refusals(config)
    assert not report.usable and said
    assert said <= {finding.what for finding in report.findings}


@pytest.mark.parametrize("field", ["images", "points", "target"])
def test_contents_are_read_as_a_run_reads_them(one: Toy, field: str) -> None:
    config = replace(one.config, needs=NEEDS)
    assert check(config, 20).usable
    cut(own(config.reader(), one.key, field))
    said = refusals(config)
    assert said and said <= {finding.what for finding in check(config, 20).findings}


@pytest.mark.parametrize("lost", ["removed", "a link that leads nowhere"])
@pytest.mark.parametrize("field", ["images", "points", "target"])
def test_a_partial_copy_is_read_as_far_as_it_is_whole(one: Toy, field: str, lost: str) -> None:
    if registry.config_name(one.config) == "own":
        pytest.skip("frames are those that have labels, and recordings are counted; see test_drives")
    config = replace(one.config, needs=NEEDS)
    before, path = config.build().keys, own(config.reader(), one.key, field)
    path.unlink()
    if lost != "removed":
        path.symlink_to("nowhere")
    report = check(config)
    assert set(before) - {one.key} >= set(config.build().keys) and not refusals(config)
    assert report.usable
    if one.key in config.reader().keys:  # some datasets list annotated frames by their labels
        assert any(path.stem in finding.what and finding.severity == "note" for finding in report.findings)
        assert any("Whole:" in finding.what for finding in report.findings)
    assert not check(replace(config, partial=False)).usable
    named = replace(config, keys=(one.key,))
    with pytest.raises(InputError):  # who names a frame wants that one
        named.build()[one.key]


def test_what_a_run_does_not_read_is_not_asked_for(one: Toy) -> None:
    config = replace(one.config, needs=frozenset({"points"}))
    reader, keys = config.reader(), config.build().keys
    for path in {path for key in keys for path in reader.files(key, "images")}:
        if path.suffix in (".png", ".jpg"):
            path.unlink()
    assert check(config, 5).usable and config.build().keys == keys
    assert not check(replace(config, needs=frozenset({"images"}))).usable


@pytest.mark.parametrize("place", ["inside", "above"])
def test_a_root_one_level_off_is_understood(one: Toy, place: str, tmp_path: Path) -> None:
    config = replace(one.config, needs=NEEDS)
    whole = config.build()
    inside = next(
        folder for folder in sorted(one.config.root.iterdir()) if folder.name in (*type(config).parts, "monday")
    )
    if place == "above":
        (tmp_path / "above").mkdir()
        (tmp_path / "above" / "set").symlink_to(one.config.root)
    off = replace(config, root=inside if place == "inside" else tmp_path / "above")
    assert off.build().keys == whole.keys and off.build()[one.key].target is not None
    assert check(off).usable


def test_pictures_of_another_format_are_found(one: Toy) -> None:
    config = replace(one.config, needs=frozenset({"images"}))
    for pattern in one.pictures:
        for path in one.config.root.glob(pattern):
            path.rename(path.with_suffix(".jpg" if path.suffix == ".png" else ".png"))
    assert config.build()[one.key].images is not None and check(config).usable


def test_a_folder_of_another_benchmark_is_named(one: Toy) -> None:
    for name in NAMES:
        kind = registry.config_type(name)
        if kind.is_root(one.config.root):
            continue
        config = kind(root=one.config.root, partial=True)
        with pytest.raises(InputError, match=f"benchmark: expected a folder of {name}.*Pass --benchmark"):
            config.build()
        assert "benchmark" in check(config).findings[0].what


@pytest.mark.parametrize("drives", [("nowhere",), ("segment-10203656353524179475",)])
def test_unknown_drives_are_answered_with_those_that_are_there(one: Toy, drives: tuple[str, ...]) -> None:
    name = registry.config_name(one.config)
    known = {
        "semantickitti": "00, 01, 02",
        "occ3d-waymo": "000",
        "sscbench-kitti360": "drive_0000_sync",
        "own": "monday",
    }
    known = known.get(name, "scene-0001")
    with pytest.raises(InputError, match=f"that are there.*{known}"):
        replace(one.config, drives=drives).build()
