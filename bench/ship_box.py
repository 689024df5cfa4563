"""Puts a trained network into the package: weights in float16, without the paths of the machine that it learnt on.

``python bench/ship_box.py runs/box/model --held-out WORLD``

How sure it says to be is set right on a world's held-out streets by one number, which its last layer is divided by (Guo
et al., ICML 2017): what it says is there stays the same. How sure it then is of them goes with it, so that it can tell
where it is less.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from voxway.api.doubt import kind_of, sureness
from voxway.api.load import load
from voxway.api.model import Model
from voxway.core.files import write_json
from voxway.core.occupancy import Occupancy
from voxway.core.progress import tracked
from voxway.core.sample import Sample
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

_LAST = ("head.classify.weight", "head.classify.bias", "head.hit.second.weight", "head.seen.second.weight")
_VOXELS = 4000
"""Drawn from each prediction for the temperature."""

Sure = dict[str, dict[str, float]]
"""Middle and low sureness by what a network is shown."""


def looks(model: Model, held_out: Path) -> Iterator[tuple[Sample, Occupancy, Occupancy]]:
    """What a network is shown of a world's held-out streets (pictures, the scan, both), what it says, and the truth."""
    samples = replace(model.data, root=held_out, split="val", needs=model.needs, augment=None).build()
    for key in tracked(samples.keys, "held-out streets", len(samples), show=True):
        one = samples[key]
        scanned = one.points is not None and len(one.points) > 0
        shown = [replace(one, points=None), *([replace(one, images=None, cameras=None), one] if scanned else [])]
        for sample in shown:
            yield sample, model.predict(sample), samples.truth(key)


def temperature(model: Model, held_out: Path) -> float:
    """What scores have to be divided by for the likelihood of the held-out streets' labels to be greatest."""
    random, scores, classes = torch.Generator().manual_seed(0), list[Tensor](), list[Tensor]()
    for _, said, truth in looks(model, held_out):
        assert said.logits is not None
        known = truth.where("lidar").known.flatten().nonzero()[:, 0]
        some = known[torch.randint(len(known), (_VOXELS,), generator=random)]
        scores.append(said.logits.flatten(1)[:, some].T)
        classes.append(truth.classes.flatten()[some].long())
    logits, ids, log_t = torch.cat(scores), torch.cat(classes), torch.zeros(1, requires_grad=True)
    search = torch.optim.LBFGS([log_t], line_search_fn="strong_wolfe")

    def unlikely() -> Tensor:
        search.zero_grad()
        loss = F.cross_entropy(logits / log_t.exp(), ids)
        loss.backward()
        return loss

    search.step(unlikely)
    return float(log_t.exp())


def measured(model: Model, held_out: Path) -> Sure:
    """How sure a network is of a world's held-out streets; see `voxway.api.doubt`."""
    found = dict[str, list[float]]()
    for sample, said, _ in looks(model, held_out):
        found.setdefault(kind_of(sample), []).append(sureness(said))
    return {
        kind: {"middle": float(np.median(all_)), "low": float(np.quantile(all_, 0.05))} for kind, all_ in found.items()
    }


def ship(
    source: Path, name: str = "box", folder: Path = FOLDER, sure: Sure | None = None, divided_by: float = 1.0
) -> Path:
    """Write the folder of a network that the package brings along.

    Args:
        source: folder of a trained network.
        name: what it is called.
        folder: of all of them.
        sure: from `measured`.
        divided_by: from `temperature`.

    Raises:
        ValueError: the weights take more than 15 MB.
    """
    said, target = read_description(source), folder / name
    facts = {key: said["facts"][key] for key in _KEPT if key in said["facts"]}
    facts["data"] = {**facts["data"], "root": ".", "prepared": {}, "camera_places": None}
    write_json(target / CONFIG, {**said, "facts": facts | ({"sureness": sure} if sure else {})})
    tensors = load_tensors(source / WEIGHTS)
    if divided_by != 1.0:
        tensors |= {name: tensors[name] / divided_by for name in _LAST}
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
    divided_by = temperature(load(chosen.model), chosen.held_out)
    sure = measured(load(ship(chosen.model, divided_by=divided_by)), chosen.held_out)
    print(f"scores divided by {divided_by:.3f}: {ship(chosen.model, sure=sure, divided_by=divided_by)}")
