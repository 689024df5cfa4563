"""A teacher's voxel features, written once: float16, only at the voxels that students follow.

MonoOcc's released code stores whole volumes in float32, 134 MB a frame and about half a terabyte for the training
split; what students look at is about a twentieth of the voxels, in half the bytes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from voxway.core.errors import InputError
from voxway.core.files import read_json, write_json
from voxway.core.sample import collate
from voxway.data import DataConfig
from voxway.engine.model_files import fingerprint, load_model, save_tensors
from voxway.engine.teacher import DESCRIPTION, feature_path
from voxway.methods.contract import VoxelStudent
from voxway.prepare.runner import run


def prepare_teacher(
    data: DataConfig,
    folder: Path,
    model: Path,
    *,
    device: torch.device | str = "cpu",
    shard: tuple[int, int] = (0, 1),
    show: bool = True,
) -> int:
    """Write the features of every frame that has none yet.

    Args:
        data: the frames, with all that the teacher reads.
        folder: `teacher.json` and a file per frame: `index` (positions in the flattened working grid) and `voxels`
            (one row of features each).
        model: folder of the teacher.
        device: where it runs.
        shard: (i, n): every n-th frame from the i-th on.
        show: draw a progress bar.

    Returns:
        how many files were made.

    Raises:
        InputError: the network has no voxel features, or the folder holds those of another teacher.
    """
    network: Any = load_model(model, device)
    if not isinstance(network, VoxelStudent):
        raise InputError(
            file=model,
            field="method",
            expected="one with voxel features, such as monoocc",
            found=type(network).__name__,
            remedy="Name it with `voxway train --teacher` instead, and it will teach as it is.",
        )
    described = {"fingerprint": fingerprint(model), "shape": list(network.feature_shape)}
    place = folder / DESCRIPTION
    if place.exists() and read_json(place) != described:
        raise InputError(
            file=place,
            field="fingerprint",
            expected="this teacher's features",
            found="another's",
            remedy="Write to another folder, or delete this one.",
        )
    write_json(place, described)
    reader = replace(data, needs=network.inputs | {"target"}).build()

    @torch.no_grad()
    def make(key: str, path: Path) -> None:
        batch = collate([reader[key]]).to(device)
        voxels = network(batch).need("voxels")[0].flatten(1)
        index = network.followed(batch.need("target"))[0].flatten().nonzero()[:, 0]
        save_tensors(path, {"index": index.int(), "voxels": voxels[:, index].T.half()})

    return run(
        reader.keys, lambda key: feature_path(folder, key), make, what="teacher's features", shard=shard, show=show
    )
