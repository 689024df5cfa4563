"""Few labels: which frames may supervise, drawn as the published label-efficient runs drew them, or as selected."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.data.config import DataConfig
from voxway.data.reader import Reader
from voxway.data.steps.selection import Selection

_SEED = 42


@dataclass(frozen=True)
class Labels:
    """Which frames, and which voxels of them, may supervise.

    Attributes:
        reader: knows the drives of frames.
        drives: names of the drives that may supervise; None: all.
        frames: keys of the frames that may; None: all.
        selection: frames and voxels that an annotator was asked for; None: all.
    """

    reader: Reader
    drives: frozenset[str] | None = None
    frames: frozenset[str] | None = None
    selection: Selection | None = None

    @classmethod
    def of(cls, config: DataConfig, reader: Reader) -> Labels:
        """Of split train, as the configuration says; all frames of other splits.

        Raises:
            InputError: more labels than there are drives or frames, or no selection in its folder.
        """
        if config.split != "train":
            return cls(reader)
        drives = frames = None
        if config.labelled is not None and config.labelled_by == "drives":
            drives = drawn({reader.drive(key) for key in reader.split_keys}, config.labelled)
        elif config.labelled is not None:
            frames = drawn(reader.split_keys, config.labelled)
        selection = None if config.selection is None else Selection.load(config.selection)
        return cls(reader, drives, frames, selection)

    def supervises(self, key: str) -> bool:
        """Whether a frame may supervise."""
        return (
            (self.drives is None or self.reader.drive(key) in self.drives)
            and (self.frames is None or key in self.frames)
            and (self.selection is None or key in self.selection.keys)
        )

    def voxels(self, key: str, grid: VoxelGrid) -> Bool[Tensor, "x y z"] | None:
        """Voxels of a frame that may; None: all of them.

        Raises:
            InputError: a file of the selection has another size.
        """
        chosen: np.ndarray | None = None if self.selection is None else self.selection.voxels(key, grid)
        return None if chosen is None else torch.from_numpy(chosen)


def drawn(names: Iterable[str], count: int) -> frozenset[str]:
    """Names that keep their labels: sorted, then `count` of them from Python's own generator with seed 42.

    Published runs with 5, 10, 20, 40, 60, 80 and 100 % of the labels have 35, 70, 140, 280, 420, 560 and 700 of
    nuScenes' 700 training scenes, by token.

    Raises:
        InputError: `count` is not between 1 and the number of names.
    """
    known = sorted(set(names))
    if not 1 <= count <= len(known):
        raise InputError(
            file="data",
            field="labelled",
            expected=f"1 to {len(known)}, as many as there are",
            found=count,
            remedy="Choose fewer, or complete the copy.",
        )
    return frozenset(random.Random(_SEED).sample(known, count))
