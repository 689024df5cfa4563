"""Whether the network of the box says that it is unsure of pictures that it can make nothing of.

    python bench/box_doubt.py box --held-out WORLD

Pictures of a world's held-out streets are spoiled, one way at a time; the network sees them without LiDAR. Printed, for
each way: how sure it is in the middle, and what share of frames `voxway predict` warns of. Of unspoiled pictures of
streets like those that it learnt from that is one in twenty, by definition.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageDraw
from torch import Tensor

from voxway.api.doubt import kind_of, sureness
from voxway.api.load import load
from voxway.core.progress import tracked
from voxway.core.sample import Sample

Spoil = Callable[[Sample, np.random.Generator], Sample]


def as_taken(sample: Sample, random: np.random.Generator) -> Sample:
    """Nothing is changed."""
    return sample


def upside_down(sample: Sample, random: np.random.Generator) -> Sample:
    """Turned by half a turn, and not said."""
    assert sample.images is not None
    return replace(sample, images=sample.images.flip(-1, -2))


def at_night(sample: Sample, random: np.random.Generator) -> Sample:
    """A hundredth to a tenth of the light, and the noise of a chip that makes up for it."""
    assert sample.images is not None
    light = (sample.images.numpy() / 255.0) ** 2.2 * 10 ** random.uniform(-2, -1)
    grey = 255 * (light * 3) ** (1 / 2.2) + random.normal(0, 12, light.shape)
    return replace(sample, images=torch.from_numpy(grey.clip(0, 255).astype(np.uint8)))


def indoors(sample: Sample, random: np.random.Generator) -> Sample:
    """A room instead of the street: floor, walls, a ceiling with a lamp, a window, furniture."""
    assert sample.images is not None
    count, _, height, width = sample.images.shape
    rooms = [_room(height, width, random) for _ in range(count)]
    return replace(sample, images=torch.stack(rooms))


def seen_wider(sample: Sample, random: np.random.Generator) -> Sample:
    """Half of the focal length is said."""
    return _focal(sample, 0.5)


def seen_narrower(sample: Sample, random: np.random.Generator) -> Sample:
    """Twice the focal length is said."""
    return _focal(sample, 2.0)


def covered(sample: Sample, random: np.random.Generator) -> Sample:
    """A hand before the lens."""
    assert sample.images is not None
    noise = random.normal(40, 4, sample.images.shape)
    return replace(sample, images=torch.from_numpy(noise.clip(0, 255).astype(np.uint8)))


WAYS: dict[str, Spoil] = {
    "as taken": as_taken,
    "upside down": upside_down,
    "at night": at_night,
    "indoors": indoors,
    "half the focal length said": seen_wider,
    "twice the focal length said": seen_narrower,
    "lens covered": covered,
}


def _focal(sample: Sample, factor: float) -> Sample:
    assert sample.cameras is not None
    K = sample.cameras.K.clone()
    K[:, 0, 0] *= factor
    K[:, 1, 1] *= factor
    return replace(sample, cameras=replace(sample.cameras, K=K))


def _room(height: int, width: int, random: np.random.Generator) -> UInt8[Tensor, "3 h w"]:
    def colour(low: int = 40, high: int = 230) -> tuple[int, ...]:
        return tuple(int(value) for value in random.integers(low, high, 3))

    left, right = (int(width * share) for share in (random.uniform(0.1, 0.4), random.uniform(0.6, 0.9)))
    top, bottom = (int(height * share) for share in (random.uniform(0.1, 0.3), random.uniform(0.6, 0.8)))
    wall = colour(120)
    picture = Image.new("RGB", (width, height), wall)
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 0), (width, 0), (right, top), (left, top)], fill=colour(180, 255))
    draw.polygon([(0, height), (width, height), (right, bottom), (left, bottom)], fill=colour())
    draw.polygon([(0, 0), (left, top), (left, bottom), (0, height)], fill=tuple(int(0.8 * value) for value in wall))
    draw.rectangle((left + 5, top + 5, (left + right) // 2, (top + bottom) // 2), fill=colour(200, 255))
    draw.ellipse((width // 2 - 20, 2, width // 2 + 20, 14), fill=(255, 255, 240))
    for _ in range(int(random.integers(2, 6))):
        x, y = random.uniform(0, 0.8) * width, random.uniform(0.5, 0.8) * height
        box = (x, y, x + random.uniform(0.08, 0.3) * width, y + random.uniform(0.1, 0.3) * height)
        draw.rectangle(tuple(int(value) for value in box), fill=colour())
    grey = np.asarray(picture, np.float64) + random.normal(0, 4, (height, width, 3))
    return torch.from_numpy(grey.clip(0, 255).astype(np.uint8)).permute(2, 0, 1)


def main() -> None:
    """Print a row for each way."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", help="`box`, or the folder of a network that says how sure it usually is")
    options.add_argument("--held-out", type=Path, required=True, help="a world of rigs, for its split val")
    chosen = options.parse_args()
    model = load(chosen.model)
    data = replace(model.data, root=chosen.held_out, split="val", needs=frozenset({"images"}), augment=None)
    samples, found = data.build(), {way: list[float]() for way in WAYS}
    for number, key in enumerate(tracked(samples.keys, "frames", len(samples), show=True)):
        for way, spoil in WAYS.items():
            sample = spoil(samples[key], np.random.default_rng(number))
            found[way].append(sureness(model.predict(sample)))
            usual = model.usual[kind_of(sample)]
    print(f"{len(samples)} frames; less than {usual.low:.0%} is warned of")
    print("| pictures | sure of what it says is there | warned of |\n| --- | --- | --- |")
    for way, sure in found.items():
        print(f"| {way} | {np.median(sure):.1%} | {np.mean(np.array(sure) < usual.low):.0%} |")


if __name__ == "__main__":
    main()
