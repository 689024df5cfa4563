"""Train the tiny network in a process of its own: ``python -m tests.engine.tiny_run FOLDER [NAME=VALUE ...]``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch

from tests.methods.tiny import TINY, sample
from voxway.core.config import override
from voxway.engine.distributed import process_group
from voxway.engine.train import TrainConfig, train

CONFIG = TrainConfig(steps=12, batch=2, checkpoint_every=3, log_every=1, average_decay=0.9, learning_rate=1e-3)
METHOD = replace(TINY["monoocc"], dropout=0.1)


class Streets:
    """Five tiny samples."""

    keys = tuple(f"tiny/{i:06d}" for i in range(5))

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index):
        return sample(index)


def main() -> None:
    torch.set_num_threads(1)
    config = CONFIG
    for setting in sys.argv[2:]:
        config = override(config, *setting.split("=", 1))
    with process_group("cpu") as group:
        train(config, METHOD, Streets(), Path(sys.argv[1]), group=group, show=False)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
