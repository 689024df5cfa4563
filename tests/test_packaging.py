"""The wheel: complete, lean, and working without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import voxway

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "voxway"
LARGEST_BYTES = 200_000


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def members(wheel: Path) -> dict[str, zipfile.ZipInfo]:
    """Files of the wheel by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info for info in archive.infolist()}


def read(wheel: Path, ending: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(ending)]
        return archive.read(name).decode()


def test_pure_python(wheel: Path) -> None:
    assert wheel.name == f"voxway-{voxway.__version__}-py3-none-any.whl"


def test_holds_every_source_file_and_no_other(members: dict[str, zipfile.ZipInfo]) -> None:
    sources = {
        path.relative_to(SOURCE.parent).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in members if ".dist-info/" not in name}
    assert packed == sources
    assert {"voxway/py.typed", "voxway/view/web/page.html", "voxway/view/web/page.css"} <= packed
    assert {Path(name).suffix for name in packed} <= {".py", ".typed", ".html", ".css", ".js", ".json"}


def test_holds_no_tests_and_nothing_large(members: dict[str, zipfile.ZipInfo]) -> None:
    assert not [name for name in members if "test" in name.split("/")[0]]
    assert {name: info.file_size for name, info in members.items() if info.file_size > LARGEST_BYTES} == {}


def test_console_script_and_licence(wheel: Path, members: dict[str, zipfile.ZipInfo]) -> None:
    assert "voxway = voxway.cli:main" in read(wheel, "entry_points.txt")
    assert [name for name in members if name.endswith("licenses/LICENSE")]


def test_metadata(wheel: Path) -> None:
    metadata = Parser().parsestr(read(wheel, "/METADATA"))
    assert metadata["Version"] == voxway.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    extras = metadata.get_all("Provides-Extra") or []
    assert {"world", "stereo", "tensorboard"} <= set(extras)
    required = [line for line in metadata.get_all("Requires-Dist") or [] if "extra ==" not in line]
    assert not [line for line in required if "<" in line or "==" in line]  # what is released later must install too


def test_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, it is what gets imported, and its page finds its own files."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = "import voxway, voxway.cli, voxway.view.page\nprint(voxway.__file__)\nvoxway.cli.main(['--help'])"
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path)) and "check-data" in done.stdout
