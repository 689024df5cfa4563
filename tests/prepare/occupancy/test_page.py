"""What the page about labels tells people to run does run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.driving import write_kitti, write_rig
from tests.prepare.occupancy.test_pixels import write_pictures
from tests.small_world import execute
from tests.test_readme import ROOT, commands, rewritten, snippets

PAGE = "docs/labels-from-lidar.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_kitti(tmp_path / "world", 8)
    write_pictures(tmp_path / "world", tmp_path / "pseudo", 8)
    (tmp_path / "pseudo/00").rename(tmp_path / "pseudo/08")
    (tmp_path / "world/sequences/00").rename(tmp_path / "world/sequences/08")
    write_rig(tmp_path, 8)
    shutil.move(tmp_path / "labels", tmp_path / "annotated")
    classes, boxes = re.findall(r"^```json\n(.*?)^```", (ROOT / PAGE).read_text(), re.M | re.S)
    (tmp_path / "classes.json").write_text(classes)
    (tmp_path / "boxes.json").write_text(boxes)
    monkeypatch.chdir(tmp_path)
    for line in commands(PAGE):
        assert execute(*rewritten(line)) == 0, line
    for snippet in snippets(PAGE):
        exec(compile(snippet, PAGE, "exec"), {})
    assert (tmp_path / "labelled/car/labels/000005.npz").exists()
    assert (tmp_path / "boxed/car/labels/000005.npz").exists()
    assert (tmp_path / "classed/08/labels/000005.npz").exists()
    assert (tmp_path / "labels/08/pictures/drive.png").exists()
