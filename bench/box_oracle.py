"""What pictures lose on their way to the box's voxels: scored with depths of its own, and with true ones instead.

    python bench/box_oracle.py box --world HELD_OUT SHIFTED

Shown the pictures of a world's held-out streets, it is scored as it is, and once more with the depth of every feature
pixel in which LiDAR measured one put right. The first falls short of the second by what its depths cost; the second of
a scan by what the rest costs. Besides: of feature pixels that see the ground, and what stands on it, by how far away
that is, at how many is the likeliest depth within a quarter of the measured one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from voxway.api.load import load
from voxway.core.progress import tracked
from voxway.core.sample import Batch, collate
from voxway.data.drives.config import DrivesConfig
from voxway.losses.depth import nearest_bin
from voxway.methods.box.model import BoxNetwork
from voxway.methods.box.pixels import nearest_points, padded
from voxway.metrics.confusion import Confusion

AWAY_M = (1.0, 10.0, 20.0, 53.0)
GROUND_M, STANDS_M, RIGHT = 0.3, 0.5, 0.25
"""Up to where what is measured is ground, and from where it stands on it; which share of a depth it may be wrong by."""

Right = dict[tuple[str, float], tuple[int, int]]
"""By what is seen and from where it begins: pixels whose depth is right, and all of them."""


def shown(data: DrivesConfig) -> Iterator[Batch]:
    """Frames with pictures in which some depths are measured, without their scan."""
    samples = data.build()
    for key in tracked(samples.keys, data.root.name, len(samples), show=True):
        one = samples[key]
        if one.depth is not None and bool((one.depth > 0).any()):
            yield collate([replace(one, points=None)])


def compared(network: BoxNetwork, data: DrivesConfig) -> tuple[dict[str, Confusion], Right]:
    """Scores by whose depths are taken, and how many of them are right."""
    classes = len(network.task.classes)
    scores, right = {"its own": Confusion(classes), "true": Confusion(classes)}, Right()
    for batch in shown(data):
        images, cameras = batch.need("images"), batch.need("cameras")
        every, counts = torch.ones(1, images.shape[1]), torch.zeros(1, *network.task.grid.shape[::-1])
        with torch.no_grad():
            look = network.camera.look(images, cameras)
            for whose, depth in (("its own", look.depth), ("true", corrected(network, batch, look.depth))):
                seen = network.camera.placed(look._replace(depth=depth), cameras, images.shape[-2:], every)
                said = network.fuse(*seen, counts, every).argmax(1).byte()
                scores[whose].update(batch.need("target"), said)
        judge(network, batch, look.depth, right)
    return scores, right


def corrected(network: BoxNetwork, batch: Batch, depth: Float[Tensor, "b n d h w"]) -> Float[Tensor, "b n d h w"]:
    """The same where nothing was measured; elsewhere the bin of what was, for sure."""
    bins, reduction = network.config.depth_bins, network.config.reductions[0]
    true = nearest_bin(padded(batch.need("depth"), reduction), reduction, bins.start, bins.step, bins.count)
    sure = torch.nn.functional.one_hot(true.clamp(min=0), bins.count).movedim(-1, 2).to(depth)
    return torch.where((true >= 0)[:, :, None], sure, depth)


def judge(network: BoxNetwork, batch: Batch, depth: Float[Tensor, "b n d h w"], right: Right) -> None:
    """Count depths of feature pixels that are right, and all that could be."""
    reduction, road = network.config.reductions[0], network.config.road_m
    points, metres = nearest_points(padded(batch.need("depth"), reduction), batch.need("cameras"), reduction)
    near = (network.camera.depths[depth.argmax(2)] - metres).abs() < RIGHT * metres
    height = points[..., 2] - road
    for what, is_it in (("ground", height < GROUND_M), ("what stands", height > STANDS_M)):
        for begin, end in pairwise(AWAY_M):
            there = is_it & (metres >= begin) & (metres < end)
            good, all_ = right.get((what, begin), (0, 0))
            right[what, begin] = good + int((near & there).sum()), all_ + int(there.sum())


def iou(counted: Confusion) -> float:
    """Of what is there, 0..1."""
    there = counted.counts[1:, 1:].sum()
    return float(there / (counted.counts.sum() - counted.counts[0, 0]).clip(min=1))


def main() -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path, help="folder of a trained network, or box")
    options.add_argument("--world", type=Path, nargs="+", required=True, help="for their split val")
    chosen = options.parse_args()
    network = load(chosen.model).network
    assert isinstance(network, BoxNetwork)
    needs = frozenset({"images", "depth", "target"})
    lines = ["| streets | frames | IoU, its own depths | IoU, true depths |", "| --- | --- | --- | --- |"]
    depths = [
        "| streets | pixels see | depths of 1-10 m right | 10-20 m | 20-53 m |",
        "| --- | --- | --- | --- | --- |",
    ]
    for root in chosen.world:
        data = DrivesConfig(root=root, split="val", needs=needs, image_px=(256, 480), depth_range_m=(1.0, 53.0))
        scores, right = compared(network, data)
        ious = [f"{100 * iou(one):.1f}" for one in scores.values()]
        lines.append(f"| {root.name} | {scores['true'].samples} | {' | '.join(ious)} |")
        for what in ("ground", "what stands"):
            shares = [right[what, begin] for begin in AWAY_M[:-1]]
            cells = [f"{100 * good / all_:.0f} %" if all_ else "" for good, all_ in shares]
            depths.append(f"| {root.name} | {what} | {' | '.join(cells)} |")
    print("\n".join([*lines, "", *depths]))


if __name__ == "__main__":
    main()
