"""Wheel and source archive: complete, lean, and working in an environment that has no checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import voxway
from tests.small_world import SETTINGS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "voxway"
LARGEST_BYTES, LARGEST_WEIGHTS_BYTES = 200_000, 15_000_000
WEIGHTS = "voxway/engine/shipped_models/box/model.safetensors"
OLDEST_EXTRAS = ("world", "stereo", "export", "imagenet")
"""Extras whose oldest releases `make test-oldest` installs, besides what every installation has."""


def build(root: Path, target: str, folder: Path) -> Path:
    """A distribution of the project in a folder, built without a network."""
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def unpacked_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the source archive unpacks to."""
    folder = tmp_path_factory.mktemp("sdist")
    path = build(ROOT, "sdist", folder)
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return folder / path.name.removesuffix(".tar.gz")


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
    assert {Path(name).suffix for name in packed - {WEIGHTS}} <= {".py", ".typed", ".html", ".css", ".js", ".json"}


def test_holds_no_tests_and_nothing_large(members: dict[str, zipfile.ZipInfo]) -> None:
    assert not [name for name in members if "test" in name.split("/")[0]]
    large = {name: info.file_size for name, info in members.items() if info.file_size > LARGEST_BYTES}
    assert set(large) == {WEIGHTS} and large[WEIGHTS] <= LARGEST_WEIGHTS_BYTES


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


def test_source_archive_has_what_its_tests_and_docs_need(unpacked_sdist: Path) -> None:
    assert unpacked_sdist.name == f"voxway-{voxway.__version__}"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a checkout of git")
    expected = {line for line in tracked.stdout.splitlines() if (ROOT / line).exists()}
    packed = {path.relative_to(unpacked_sdist).as_posix() for path in unpacked_sdist.rglob("*") if path.is_file()}
    assert expected <= packed
    assert not [name for name in packed if name.endswith((".pyc", ".onnx", ".npz", ".pth"))]


def test_source_archive_makes_the_same_wheel(
    unpacked_sdist: Path, wheel: Path, members: dict[str, zipfile.ZipInfo], tmp_path: Path
) -> None:
    again = build(unpacked_sdist, "wheel", tmp_path)
    assert again.name == wheel.name
    with zipfile.ZipFile(again) as archive:
        assert {info.filename: info.CRC for info in archive.infolist()} == {n: m.CRC for n, m in members.items()}


@pytest.fixture(scope="session")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of a fresh environment in which the wheel is installed; of this one it sees what the wheel requires.

    A line in a ``.pth`` file adds this environment's packages behind its own, and follows none of their ``.pth`` files:
    an editable installation of the checkout stays unknown there.
    """
    place = tmp_path_factory.mktemp("clean")
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    install = ["--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run([sys.executable, "-m", "pip", *install], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "requirements.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return place / "bin"


def run(program: Path, *words: str, folder: Path) -> str:
    """A program in a folder, without a path to the checkout; what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["OMP_NUM_THREADS"] = "1"
    done = subprocess.run(
        [str(program), *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_installed_command_tells_of_itself(clean: Path, tmp_path: Path) -> None:
    assert "check-data" in run(clean / "voxway", "--help", folder=tmp_path)
    assert run(clean / "voxway", "--version", folder=tmp_path).split() == ["voxway", voxway.__version__]
    home = run(clean / "python", "-c", "import voxway; print(voxway.__file__)", folder=tmp_path)
    assert home.startswith(str(clean.parent))


def test_installed_package_trains_and_predicts(clean: Path, small_world: Path, tmp_path: Path) -> None:
    """Its data files are there: a page needs its scripts and styles."""
    world = str(small_world)
    voxway_program = clean / "voxway"
    keep = ("--out", "run", "--cache", "run", "--device", "cpu", "--steps", "1", "--set", *SETTINGS)
    run(voxway_program, "train", "monoocc-world", "--root", world, *keep, folder=tmp_path)
    shared = ("--root", world, "--keys", "08/000000", "--cache", "run", "--device", "cpu")
    run(voxway_program, "predict", "run/model", *shared, "--out", "out", folder=tmp_path)
    assert (tmp_path / "out" / "sequences" / "08" / "predictions" / "000000.label").stat().st_size == 2 * 256 * 256 * 32
    assert "<canvas" in (tmp_path / "out" / "page.html").read_text()


def test_one_version_everywhere() -> None:
    (cited,) = re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.M)
    assert cited == voxway.__version__
    assert re.search(rf"^## .*\b{re.escape(voxway.__version__)}$", (ROOT / "CHANGELOG.md").read_text(), re.M)


def test_oldest_releases_are_those_that_the_package_allows() -> None:
    """`make test-oldest` tests what the lower bounds promise."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    tested = [*project["dependencies"], *(line for name in OLDEST_EXTRAS for line in extras[name])]
    floors = dict(re.fullmatch(r"([\w-]+)(?:\[.*\])?>=([\d.]+)", line).groups() for line in tested)
    lines = (ROOT / ".ci" / "oldest.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pins.keys() == floors.keys()
    for name, pin in pins.items():
        assert f"{pin}.".startswith(f"{floors[name]}."), name


def test_forms_and_hooks_are_well_formed() -> None:
    yaml = pytest.importorskip("yaml")
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text())
        if path.name != "config.yml":
            assert form["name"] and form["description"]
            names = [field["id"] for field in form["body"]]
            assert len(names) == len(set(names)), path.name
    (hooks,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in hooks["hooks"]:
        for word in hook["entry"].split():
            if word.startswith("tests/"):
                assert (ROOT / word).exists(), word
