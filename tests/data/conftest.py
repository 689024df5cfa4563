"""One toy drive per dataset for all data tests, and copies of them to damage."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.data.toy import write_sequence
from tests.data.toy_drives import write_drives
from tests.data.toy_kitti360 import write_kitti360
from tests.data.toy_nuscenes import write_nuscenes
from tests.data.toy_waymo import write_waymo


@pytest.fixture(scope="session")
def toy_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root with the toy drive as sequence 08; tests must not change it."""
    root = tmp_path_factory.mktemp("toy")
    write_sequence(root)
    return root


@pytest.fixture
def toy_copy(toy_root: Path, tmp_path: Path) -> Path:
    """A copy of the toy drive that a test may damage."""
    return Path(shutil.copytree(toy_root, tmp_path / "copy"))


@pytest.fixture(scope="session")
def nuscenes_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three toy scenes as nuScenes' files; tests must not change them."""
    return write_nuscenes(tmp_path_factory.mktemp("nuscenes"))


@pytest.fixture
def nuscenes_copy(nuscenes_root: Path, tmp_path: Path) -> Path:
    """A copy that shares its files: replace them, never write into them."""
    return Path(shutil.copytree(nuscenes_root, tmp_path / "copy", copy_function=os.link))


@pytest.fixture(scope="session")
def waymo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two toy sequences as Waymo's files; tests must not change them."""
    return write_waymo(tmp_path_factory.mktemp("waymo"))


@pytest.fixture(scope="session")
def kitti360_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two toy drives as KITTI-360's files; tests must not change them."""
    return write_kitti360(tmp_path_factory.mktemp("kitti360"))


@pytest.fixture(scope="session")
def own_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two toy drives of one's own; tests must not change them."""
    return write_drives(tmp_path_factory.mktemp("own"))


@pytest.fixture
def waymo_copy(waymo_root: Path, tmp_path: Path) -> Path:
    """A copy that shares its files: replace them, never write into them."""
    return Path(shutil.copytree(waymo_root, tmp_path / "copy", copy_function=os.link))
