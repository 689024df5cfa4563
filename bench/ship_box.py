"""Puts a trained network into the package: weights in float16, without the paths of the machine that it learnt on.

python bench/ship_box.py runs/box/model
"""

from __future__ import annotations

import argparse
from pathlib import Path

from voxway.core.files import write_json
from voxway.engine.model_files import (
    CONFIG,
    WEIGHTS,
    fingerprint,
    load_model,
    load_tensors,
    read_description,
    save_tensors,
)
from voxway.engine.shipped import ABOUT, FOLDER, VERSION

_MOST_BYTES = 15_000_000
_KEPT = ("recipe", "dataset", "data", "sources", "cameras", "class_counts", "ema", "steps")


def ship(source: Path, name: str = "box", folder: Path = FOLDER) -> Path:
    """Write the folder of a network that the package brings along.

    Raises:
        ValueError: the weights take more than 15 MB.
    """
    said, target = read_description(source), folder / name
    facts = {key: said["facts"][key] for key in _KEPT if key in said["facts"]}
    facts["data"] = {**facts["data"], "root": ".", "prepared": {}, "camera_places": None}
    write_json(target / CONFIG, {**said, "facts": facts})
    tensors = load_tensors(source / WEIGHTS)
    save_tensors(target / WEIGHTS, {n: t.half() if t.is_floating_point() else t for n, t in tensors.items()})
    size = (target / WEIGHTS).stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(f"{size:,} bytes of weights, more than {_MOST_BYTES:,}")
    write_json(target / ABOUT, {"version": VERSION, "sha256": fingerprint(target), "bytes": size})
    load_model(target)
    return target


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path, help="folder of a trained network")
    print(ship(options.parse_args().model))
