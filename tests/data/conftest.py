"""One toy drive for all data tests, and copies of it to damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.data.toy import write_sequence


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
