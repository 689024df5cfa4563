"""The confusion matrix from which every score follows.

Counts are integers, so their sum is the same bits in any order of samples and over any number of processes.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Int, Int64, UInt8
from torch import Tensor

from voxway.core.task import IGNORE

Volume = np.ndarray | Tensor


def confusion(
    target: Volume, prediction: Volume, classes: int, mask: Volume | None = None, free: int = 0
) -> Int64[np.ndarray, "k k"]:
    """Count pairs of (truth, prediction): rows truth, columns prediction.

    Street scenes are mostly free or unknown, and eight voxels fit a machine word: on a CPU, words that are free in both
    volumes or unknown throughout are counted or dropped whole, and only the others voxel by voxel.

    Args:
        target: training ids of any shape, uint8; 255 carries no truth and is not counted.
        prediction: training ids of the same shape, uint8.
        classes: number of classes k.
        mask: true where a voxel counts; all of them without it.
        free: the most common id. It matters for speed only.

    Raises:
        ValueError: shapes or dtypes differ, or an id is neither a class nor (in `target`) 255.
    """
    if tuple(target.shape) != tuple(prediction.shape):
        raise ValueError(f"target {tuple(target.shape)} and prediction {tuple(prediction.shape)} differ in shape")
    if mask is not None and tuple(mask.shape) != tuple(target.shape):
        raise ValueError(f"mask {tuple(mask.shape)} and target {tuple(target.shape)} differ in shape")
    truth, guess = _bytes(target, "target"), _bytes(prediction, "prediction")
    truth = truth.to(guess.device)
    if mask is not None:
        truth = torch.where(torch.as_tensor(mask, device=truth.device).reshape(-1), truth, IGNORE)
    if len(guess) and (highest := int(guess.max())) >= classes:
        raise ValueError(f"predictions must be class ids 0..{classes - 1}, got {highest}")
    common = 0
    if truth.device.type == "cpu":
        truth, guess, common = _drop_common(truth.contiguous(), guess.contiguous(), free)
    pairs = torch.bincount(truth.int() * classes + guess, minlength=256 * classes)
    counts = pairs.reshape(256, classes).cpu().numpy()
    counts[free, free] += common
    if (strange := counts[classes:IGNORE].sum(1)).any():
        found = classes + int(strange.argmax())
        raise ValueError(f"targets must be class ids 0..{classes - 1} or {IGNORE}, got {found}")
    return counts[:classes].astype(np.int64)


def _bytes(volume: Volume, name: str) -> UInt8[Tensor, "v"]:
    tensor = torch.as_tensor(volume)
    if tensor.dtype != torch.uint8:
        raise ValueError(f"{name} must be uint8, got {tensor.dtype}")
    return tensor.reshape(-1)


def _drop_common(
    truth: UInt8[Tensor, "v"], guess: UInt8[Tensor, "v"], free: int
) -> tuple[UInt8[Tensor, "w"], UInt8[Tensor, "w"], int]:
    """Without words that are free in both or unknown throughout; how many voxels were free in both."""
    whole = len(truth) // 8 * 8
    truth_words, guess_words = (volume[:whole].numpy().view(np.uint64) for volume in (truth, guess))
    free_word, unknown_word = (np.uint64(value * 0x0101010101010101) for value in (free, IGNORE))
    occupied = (truth_words != free_word) | (guess_words != free_word)
    common = 8 * (len(occupied) - int(np.count_nonzero(occupied)))
    occupied &= truth_words != unknown_word
    index = np.flatnonzero(occupied)
    if len(index) > 0.6 * len(occupied):
        return truth, guess, 0
    kept = (torch.from_numpy(words.take(index).view(np.uint8)) for words in (truth_words, guess_words))
    truth_kept, guess_kept = (torch.cat([part, rest[whole:]]) for part, rest in zip(kept, (truth, guess)))
    return truth_kept, guess_kept, common


class Confusion:
    """A confusion matrix that grows sample by sample.

    Attributes:
        counts: pairs so far, rows truth, int64.
        samples: samples so far.
    """

    def __init__(self, classes: int, free: int = 0) -> None:
        self.free = free
        self.samples = 0
        self.counts: Int64[np.ndarray, "k k"] = np.zeros((classes, classes), np.int64)

    def update(
        self,
        target: UInt8[Tensor, "*b x y z"] | UInt8[np.ndarray, "*b x y z"],
        prediction: UInt8[Tensor, "*b x y z"] | UInt8[np.ndarray, "*b x y z"],
        mask: Bool[Tensor, "*b x y z"] | Bool[np.ndarray, "*b x y z"] | None = None,
    ) -> None:
        """Add one sample, or a batch of them."""
        self.counts += confusion(target, prediction, len(self.counts), mask, self.free)
        self.samples += int(np.prod(target.shape[:-3]))

    def reduce(self) -> None:
        """Sum over all processes of a distributed run, so that each of them holds the total; alone, do nothing.

        Call it once, at the end: every sample must have been counted by exactly one process.
        """
        self.counts, self.samples = sum_over_processes(self.counts, self.samples)


def sum_over_processes(counts: Int[np.ndarray, "..."], samples: int) -> tuple[np.ndarray, int]:
    """Sum counts over the processes of the default group of `torch.distributed`, if there is one."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return counts, samples
    device = torch.device("cuda", torch.cuda.current_device()) if distributed.get_backend() == "nccl" else "cpu"
    packed = torch.from_numpy(np.append(counts.ravel(), samples).astype(np.int64)).to(device)
    distributed.all_reduce(packed)
    total = packed.cpu().numpy()
    return total[:-1].reshape(counts.shape), int(total[-1])
