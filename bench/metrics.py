"""Speed of the confusion matrix against the per-class NumPy loop that evaluation scripts use, side by side.

Run: python bench/metrics.py [--frames 8]
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable

import numpy as np
import torch

from voxway.core.task import IGNORE
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.metrics.confusion import confusion

CLASSES = len(SEMANTIC_KITTI.classes)


def street(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A target with as much free and unknown space as a real frame has, and a prediction with errors."""
    rng = np.random.default_rng(seed)
    target = np.zeros(SEMANTIC_KITTI.grid.shape, np.uint8)
    height = (6 + 2 * np.sin(np.arange(256) / 40))[:, None] + rng.normal(0, 0.3, (256, 256))
    level = np.arange(32)[None, None]
    ground = rng.choice(np.array([9, 11, 17], np.uint8), (32, 32)).repeat(8, 0).repeat(8, 1)
    target[level < height[..., None]] = IGNORE
    surface = np.abs(level - height[..., None]) < 0.6
    target[surface] = np.broadcast_to(ground[..., None], target.shape)[surface]
    for _ in range(60):
        x, y = rng.integers(0, 240, 2)
        length, width, tall = rng.integers(3, 16, 3)
        target[x : x + length, y : y + width, 6 : 6 + tall] = rng.integers(1, CLASSES)
        target[x + length : x + 4 * length, y : y + width, : 6 + tall] = IGNORE
    prediction = np.roll(target, 1, axis=0)
    prediction[prediction == IGNORE] = 0
    return target, prediction


def noise(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The worst case: every voxel at random."""
    rng = np.random.default_rng(seed)
    target, prediction = rng.integers(0, CLASSES, (2, *SEMANTIC_KITTI.grid.shape)).astype(np.uint8)
    target[rng.random(target.shape) < 0.3] = IGNORE
    return target, prediction


def class_loop(target: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True positives, false positives and false negatives, one class after the other."""
    known = target != IGNORE
    truth, guess = target[known], prediction[known]
    counts = np.zeros((3, CLASSES), np.int64)
    for c in range(CLASSES):
        counts[0, c] = np.sum(np.logical_and(truth == c, guess == c))
        counts[1, c] = np.sum(np.logical_and(truth != c, guess == c))
        counts[2, c] = np.sum(np.logical_and(truth == c, guess != c))
    return counts[0], counts[1], counts[2]


def seconds(function: Callable[[], object], repeats: int) -> float:
    """The fastest of several runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Time both on the same frames and check that they count alike."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=5, help="frames of each kind")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{platform.machine()}, numpy {np.__version__}, torch {torch.__version__}, one thread, 256x256x32 frames")
    for kind in (street, noise):
        ours, loop = [], []
        for seed in range(arguments.frames):
            target, prediction = kind(seed)
            counts = confusion(target, prediction, CLASSES)
            hit, invented, missed = class_loop(target, prediction)
            assert (np.diag(counts) == hit).all()
            assert (counts.sum(0) - hit == invented).all()
            assert (counts.sum(1) - hit == missed).all()
            ours.append(seconds(lambda t=target, p=prediction: confusion(t, p, CLASSES), 5))
            loop.append(seconds(lambda t=target, p=prediction: class_loop(t, p), 2))
        fast, slow = 1000 * float(np.median(ours)), 1000 * float(np.median(loop))
        print(f"{kind.__name__:7s} confusion {fast:6.2f} ms   class loop {slow:7.2f} ms   ratio {slow / fast:5.1f}x")


if __name__ == "__main__":
    main()
