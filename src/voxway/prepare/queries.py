"""Query proposals by a trained proposal network, from voxels with pseudo points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from voxway.core.errors import InputError
from voxway.core.sample import collate
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.layout import write_flags
from voxway.data.semantickitti.reader import SemanticKITTIConfig
from voxway.engine.evaluate import network_predictor
from voxway.engine.model_files import load_model
from voxway.prepare.proposals import query_path
from voxway.prepare.runner import run


def prepare_queries(
    data: SemanticKITTIConfig,
    folder: Path,
    model: Path,
    *,
    device: torch.device | str = "cpu",
    shard: tuple[int, int] = (0, 1),
    show: bool = True,
) -> int:
    """Write ``<folder>/SS/queries/FFFFFF.query`` of all frames that `data` reads.

    Args:
        data: which frames, and where their pseudo points are (`pseudo`).
        folder: where to write; existing files are kept.
        model: folder of a trained proposal network.
        device: where it runs.
        shard: (i, n) does every n-th frame.
        show: draw a progress bar.

    Returns:
        how many files were made.

    Raises:
        InputError: the network is damaged or proposes no queries, or pseudo points are missing or damaged.
    """
    network: Any = load_model(model, device)
    reads, grid = network.inputs, network.task.grid
    if reads != {"pseudo"} or grid != SEMANTIC_KITTI.grid.coarsen(2):
        raise InputError(
            file=model,
            field="network",
            expected=f"one that reads pseudo points and predicts {SEMANTIC_KITTI.grid.coarsen(2)}",
            found=f"one that reads {', '.join(sorted(reads))} and predicts {grid}",
            remedy="Train one with `voxway train qpn`.",
        )
    # The keys of the run itself, as when the pseudo points were made.
    keys = replace(data, needs=data.needs - {"proposals", "pseudo"}).build().keys
    reader = replace(data, needs=frozenset({"pseudo"}), keys=keys, earlier=()).build()
    predict = network_predictor(network)

    def make(key: str, path: Path) -> None:
        occupied: np.ndarray = (predict(collate([reader[key]]).to(device))[0] > 0).cpu().numpy()
        write_flags(path, occupied)

    return run(keys, lambda key: query_path(folder, key), make, what="proposals", shard=shard, show=show)
