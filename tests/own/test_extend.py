"""docs/extend.md, executed: a dataset and a method that live outside the package train, resume, load, predict."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extend.md").read_text()


def write_town(root: Path) -> None:
    """Red pictures are road below, blue ones houses."""
    for split, count in (("train", 4), ("val", 2)):
        for frame in range(count):
            classes = np.zeros((16, 16, 8), np.uint8)
            classes[:, :, :2] = 1 if frame % 2 else 2
            image = np.full((12, 20, 3), (200, 20, 20) if frame % 2 else (20, 20, 200), np.uint8)
            path = root / split / "a" / f"{frame:03d}.npz"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path, image=image, classes=classes)


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A folder with the page's module and data for it."""
    snippets = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    (tmp_path / "town.py").write_text("\n\n".join(snippets))
    write_town(tmp_path / "town")
    return tmp_path


def run(folder: Path, *words: str, code: int = 0) -> str:
    """A command in a process of its own; what it said."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "src")]),
    }
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def voxway(line: str) -> list[str]:
    return [sys.executable, "-m", *line.split()]


def test_the_pages_commands(town: Path) -> None:
    for line in re.search(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)[1].splitlines():
        said = run(town, *voxway(line), *(["--device", "cpu"] if " train " in line else []))
        assert "Traceback" not in said
    assert (town / "out" / "town" / "page.html").exists()
    score = "import json; print(json.load(open('results/town.json'))['scores']['miou'])"
    assert float(run(town, sys.executable, "-c", score)) > 0.3
    look = "import town; o = town.look(); o.save('o.npz'); o.page('p.html'); print(o.task.name, int(o['road'].sum()))"
    assert run(town, sys.executable, "-c", look).startswith("town ")
    assert (town / "p.html").exists()


def test_predictions_are_read_back(town: Path) -> None:
    run(town, *voxway("voxway train town:small --root town --out run --device cpu --steps 2"))
    run(town, *voxway("voxway --plugin town predict run/model --root town --out out --no-page --device cpu"))
    run(town, *voxway("voxway --plugin town view --benchmark town --root town --predictions out --out look"))
    assert (town / "look" / "page.html").exists()
    said = run(town, *voxway("voxway --plugin town submit out --benchmark town --root town --split val"))
    assert "2 predictions, valid" in said


def test_a_method_that_nobody_registered_is_named(town: Path) -> None:
    run(town, *voxway("voxway train town:small --root town --out run --device cpu --steps 2"))
    said = run(town, *voxway("voxway eval run/model --root town"), code=2)
    assert "columns" in said and "--plugin" in said
    said = run(town, *voxway("voxway --plugin nowhere eval run/model --root town"), code=2)
    assert "a module that Python finds" in said
    said = run(town, *voxway("voxway train town:large --root town --out run2"), code=2)
    assert "a function in it" in said


def test_killed_and_resumed_ends_in_the_same_bits(town: Path) -> None:
    settings = "--set train.steps=400 train.checkpoint_every=5 --device cpu"
    run(town, *voxway(f"voxway train town:small --root town --out whole {settings}"))
    line = voxway(f"voxway train town:small --root town --out killed {settings}")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(town), str(ROOT / "src")])}
    process = subprocess.Popen(line, cwd=town, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(town.glob("killed/checkpoints/step-*")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (town / "killed" / "model").exists(), "it was killed in the middle"
    run(town, *line)
    weights = [(town / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "killed")]
    assert weights[0] == weights[1]
