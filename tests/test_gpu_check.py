"""``bench/gpu.py`` in small, without the packages that a bare machine lacks; and what happens when parts break."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ABSENT = (
    "tyro",
    "beartype",
    "hypothesis",
    "embreex",
    "cv2",
    "scipy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "tensorboard",
)
TITLES = ("rates", "Triton's kernels", "Parity", "need a GPU", "Networks, forward", "Training steps")


def run(folder: Path, *command: object, seconds: float = 240) -> subprocess.CompletedProcess:
    """Run Python where those packages cannot be imported, in all processes that it starts."""
    blocked = folder / "blocked"
    blocked.mkdir()
    # Python imports this module when it starts; None in sys.modules makes every import of that name fail.
    (blocked / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({ABSENT}))\n")
    paths = os.pathsep.join(map(str, (blocked, ROOT / "src", ROOT / "bench")))
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, *map(str, command)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=seconds, cwd=folder)


def test_every_part_in_small_on_a_bare_machine(tmp_path: Path) -> None:
    pytest.importorskip("triton")
    out = tmp_path / "small.md"
    done = run(tmp_path, ROOT / "bench" / "gpu.py", "--small", "--device", "cpu", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    said = out.read_text()
    assert all(title in said for title in TITLES) and "none failed" in said and "in small" in said
    assert "| effocc-fusion-world | bfloat16 |" in said and "| dcnv3 | Triton |" in said
    assert "| selective scan | Triton |" in said


TOY = """
import os, sys, time
from pathlib import Path
from types import SimpleNamespace
import gpu_check.watch, gpu_check.worker
from gpu_check.setting import Setting

def part(name, budget, *items):
    def rows(item, setting):
        print("now", name, item, flush=True)
        if item == "raises":
            raise ValueError("no such thing\\nin detail")
        if item == "dies":
            os._exit(7)
        if item == "breaks":
            gpu_check.worker._usable = lambda device: False
        if item == "hangs":
            time.sleep(600)
        yield {"what": item, "state": "ok"}
    return SimpleNamespace(TITLE=name, ABOUT="", BUDGET_S=budget, items=lambda setting: items, rows=rows)

PARTS = {"first": part("first", 60, "raises", "fine"), "second": part("second", 60, "dies", "fine"),
         "third": part("third", 3, "hangs", "never"), "last": part("last", 60, "breaks", "fine")}
gpu_check.worker._usable = lambda device: True
gpu_check.watch.PARTS = gpu_check.worker.PARTS = PARTS
setting = Setting(device="cuda", small=True, reference=Path("."), root=Path("."))
if "--work" in sys.argv:
    sys.exit(gpu_check.worker.work(setting, *map(Path, sys.argv[sys.argv.index("--work") + 1:][:2])))
for name, row in gpu_check.watch.watch(setting, list(PARTS), 60):
    print("ROW", name, row["what"], row["state"], sep="|")
"""


def test_errors_crashes_and_hangs_are_rows(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    done = run(tmp_path, tmp_path / "toy.py")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|")[1:] for line in done.stdout.splitlines() if line.startswith("ROW")]
    assert rows == [
        ["first", "raises", "failed: ValueError: no such thing"],
        ["first", "fine", "ok"],
        ["second", "dies", "failed: the process ended with code 7"],
        ["second", "fine", "ok"],
        ["third", "hangs", "failed: the part's 3 s were over"],
        ["third", "never", "skipped: the part's time was over"],
        ["last", "breaks", "ok"],
        ["last", "fine", "ok"],
    ]


def test_a_tolerance_of_zero_asks_for_equality(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    from gpu_check.parity import difference

    exact = {"tensor": "seen", "test": "a::b", "largest": 0.0, "allowed": 0.0, "mean": None, "factor": 10.0}
    assert difference(exact | {"allowed_mean": None})["state"] == "ok"
    assert difference(exact | {"largest": 1e-9, "allowed_mean": None})["state"].startswith("failed: ")
    small = exact | {"allowed": 1e-5, "allowed_mean": None}
    assert difference(small | {"largest": 5e-5})["state"] == "rounding"
