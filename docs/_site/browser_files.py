"""Puts the files that the page ``browser.md`` needs beside its script: the network, its task, onnxruntime-web.

``python docs/_site/browser_files.py --runtime package --model box``
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from voxway.engine.model_files import load_model

TARGET = Path(__file__).parents[1] / "_static" / "box"
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def main() -> None:
    """Export, copy, describe."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runtime", type=Path, required=True, help="folder of the unpacked package onnxruntime-web")
    options.add_argument("--model", default="box", help="a network of the street: box, or a folder")
    options.add_argument("--target", type=Path, default=TARGET)
    chosen = options.parse_args()
    chosen.target.mkdir(parents=True, exist_ok=True)
    for name in RUNTIME:
        shutil.copyfile(chosen.runtime / "dist" / name, chosen.target / name)
    export = ("export", chosen.model, "--out", chosen.target / "box.onnx", "--calibration", "free", "--frames", 1)
    subprocess.run([sys.executable, "-m", "voxway", *map(str, export)], check=True)
    task = load_model(Path(chosen.model)).task
    described = {
        "classes": task.classes,
        "palette": task.palette,
        "free": task.free,
        "shape": task.grid.shape,
        "lower": task.grid.lower,
        "cell": task.grid.cell,
    }
    (chosen.target / "task.json").write_text(json.dumps(described))


if __name__ == "__main__":
    main()
