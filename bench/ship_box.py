"""Puts a trained network into the package: weights in float16, without the paths of the machine that it learnt on.

``python bench/ship_box.py runs/box/model --held-out WORLD``

How sure it is of a world's held-out streets goes with it, so that it can tell where it is less.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from voxway.api.doubt import kind_of, sureness
from voxway.api.load import load
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

Sure = dict[str, dict[str, float]]
"""Middle and low sureness by what a network is shown."""


def measured(source: Path, held_out: Path) -> Sure:
    """How sure a network is of a world's held-out streets; see `voxway.api.doubt`."""
    model, found = load(source), dict[str, list[float]]()
    samples = replace(model.data, root=held_out, split="val", needs=model.needs, augment=None).build()
    for one in (samples[key] for key in samples.keys):
        scanned = one.points is not None and len(one.points) > 0
        shown = [replace(one, points=None), *([replace(one, images=None, cameras=None), one] if scanned else [])]
        for sample in shown:
            found.setdefault(kind_of(sample), []).append(sureness(model.predict(sample)))
    return {
        kind: {"middle": float(np.median(all_)), "low": float(np.quantile(all_, 0.05))} for kind, all_ in found.items()
    }


def ship(source: Path, name: str = "box", folder: Path = FOLDER, sure: Sure | None = None) -> Path:
    """Write the folder of a network that the package brings along.

    Args:
        source: folder of a trained network.
        name: what it is called.
        folder: of all of them.
        sure: from `measured`.

    Raises:
        ValueError: the weights take more than 15 MB.
    """
    said, target = read_description(source), folder / name
    facts = {key: said["facts"][key] for key in _KEPT if key in said["facts"]}
    facts["data"] = {**facts["data"], "root": ".", "prepared": {}, "camera_places": None}
    write_json(target / CONFIG, {**said, "facts": facts | ({"sureness": sure} if sure else {})})
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
    options.add_argument("--held-out", type=Path, required=True, help="a world, for its split val")
    chosen = options.parse_args()
    print(ship(chosen.model, sure=measured(chosen.model, chosen.held_out)))
