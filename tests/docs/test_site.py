"""The site: every page can be reached, drawings are fresh, tables say what the code says, and it asks no server."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT
from voxway.data.registry import benchmark
from voxway.recipes import RECIPES

SITE = ROOT / "docs" / "_site"
LARGEST_PICTURE = 250_000
COLUMNS = (
    "semantickitti",
    "sscbench-kitti360",
    "occ3d-nuscenes",
    "occ3d-waymo",
    "openoccupancy-nuscenes",
    "surroundocc-nuscenes",
    "uniocc",
)
"""Benchmarks in the order of the columns of the page's table."""


def test_navigation_names_every_page() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    named = set(re.findall(r"^ +- [^#\n]+: (\S+\.md)$", text, re.M))
    pages = {page.removeprefix("docs/") if page.startswith("docs/") else f"project/{page}" for page in PAGES}
    assert named == pages


def test_drawings_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SITE))
    drawn = runpy.run_path(str(SITE / "flows.py"))
    assert {f"{name}.svg" for name in drawn["FLOWS"]} == {path.name for path in drawn["FOLDER"].glob("*.svg")}
    for name, flow in drawn["FLOWS"].items():
        assert (drawn["FOLDER"] / f"{name}.svg").read_text() == flow.svg(), "run python docs/_site/flows.py"


def test_pictures_are_small() -> None:
    large = [path.name for path in (ROOT / "docs").rglob("*.*g") if path.stat().st_size > LARGEST_PICTURE]
    assert not large


def test_table_of_benchmarks_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    table = {cells[0]: cells[1:] for line in re.findall(r"^\| (.+) \|$", text, re.M) if (cells := line.split(" | "))}
    found = [benchmark(name) for name in COLUMNS]
    assert table["grid"] == [" x ".join(map(str, one.grid.shape)) for one in found]
    assert table["voxel"] == [f"{one.grid.cell[0]:g} m" for one in found]
    assert table["mIoU is the mean over"] == [f"{len(one.task.evaluated)} classes" for one in found]
    absent = {"zero": "counts as 0", "left out": "is left out"}
    assert table["a class that never occurs"] == [absent[one.absent] for one in found]
    masks = {(): "known ones", ("camera",): "camera mask", ("camera", "field_of_view"): "camera mask and field of view"}
    assert table["voxels that count"] == [masks[one.masks] for one in found]


def test_table_of_recipes_names_them_all() -> None:
    """A name that begins with a stroke continues the whole name before it; numbers at the end stand for a row."""
    table = (ROOT / "docs" / "training.md").read_text().partition("## Recipes")[2]
    named = set()
    for cell in re.findall(r"^\| ([^|]+) \|", table, re.M):
        whole = ""
        for name in re.findall(r"`([^`]+)`", cell):
            if not name.startswith("-"):
                whole = without_number(name)
            named.add(without_number(f"{whole}{name}" if name.startswith("-") else name))
    assert named == {without_number(name) for name in RECIPES}


def without_number(name: str) -> str:
    return re.sub(r"-\d+$", "", name)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it: a warning is an error."""
    for module in ("material", "mkdocstrings"):
        pytest.importorskip(module, reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"PYTHONPATH": "src", "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_site_asks_no_server(site: Path) -> None:
    """What a browser loads by itself lies in the site; links that a person follows may lead elsewhere."""
    loads = re.compile(r'<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]+)"|<link\b[^>]*\bhref="([^"]+)"')
    lost = []
    for page in site.rglob("*.html"):
        for source in {first or second for first, second in loads.findall(page.read_text())}:
            home = site if source.startswith("/") else page.parent
            if not (home / source.lstrip("/").split("?")[0]).exists():
                lost.append((page.name, source))
    assert not lost
    sheets = "".join(path.read_text() for path in site.rglob("*.css"))
    assert not re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"']+", sheets)


def test_site_has_the_pages_of_the_project_and_of_the_code(site: Path) -> None:
    assert (site / "project" / "bench" / "RESULTS.html").exists()
    assert (site / "project" / "examples" / "run_onnx.py").exists()
    assert 'id="voxway.core.grid.VoxelGrid"' in (site / "reference" / "types.html").read_text()
    assert "--proposals" in (site / "reference" / "commands.html").read_text()


def test_links_leave_docs_as_they_lie_in_the_repository() -> None:
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    link = runpy.run_path(str(SITE / "outside_pages.py"))["site_link"]
    assert link("methods/occle.md", "../../bench/RESULTS.md") == "../project/bench/RESULTS.md"
    assert link("project/README.md", "docs/data.md") == "../data.md"
    assert link("project/bench/RESULTS.md", "GPU.md") == "GPU.md"
    assert link("data.md", "python.md") == "python.md"
