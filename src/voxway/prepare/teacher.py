"""A teacher's voxel features, written once: float16, only at the voxels that students follow.

MonoOcc's released code stores whole volumes in float32, 134 MB a frame and about half a terabyte for the training
split; what students look at is about a twentieth of the voxels, in half the bytes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from voxway.core.errors import InputError
from voxway.core.files import read_json, write_json
from voxway.core.sample import collate
from voxway.data.config import DataConfig
from voxway.data.job import Job, JobOptions
from voxway.engine.model_files import fingerprint, load_model, save_tensors
from voxway.engine.teaching.stored import DESCRIPTION, feature_path
from voxway.methods.contract import Learner, VoxelStudent


def teacher_job(data: DataConfig, folder: Path, options: JobOptions) -> Job:
    """Features of every frame.

    Args:
        data: the frames, with all that the teacher reads.
        folder: `teacher.json` and a file per frame: `index` (positions in the flattened working grid) and `voxels`
            (one row of features each).
        options: `model` is the teacher's folder, `device` where it runs.

    Raises:
        InputError: the network has no voxel features, or the folder holds those of another teacher.
    """
    if options.model is None:
        raise InputError(
            file="prepare",
            field="--model",
            expected="the folder of the teacher",
            found="none",
            remedy="See `voxway prepare --help` for examples.",
        )
    network = load_model(options.model, options.device)
    if not isinstance(network, VoxelStudent) or not isinstance(network, Learner):
        raise InputError(
            file=options.model,
            field="method",
            expected="one with voxel features",
            found=type(network).__name__,
            remedy="Name it with `voxway train --teacher` instead, and it will teach as it is.",
        )
    described = {"fingerprint": fingerprint(options.model), "shape": list(network.feature_shape)}
    description = folder / DESCRIPTION
    if description.exists() and read_json(description) != described:
        raise InputError(
            file=description,
            field="fingerprint",
            expected="this teacher's features",
            found="another's",
            remedy="Write to another folder, or delete this one.",
        )
    write_json(description, described)
    samples = replace(data, needs=network.inputs | {"target"}).build()

    @torch.no_grad()
    def make(key: str, path: Path) -> None:
        batch = collate([samples[key]]).to(options.device)
        voxels = network(batch).finite(batch.keys).need("voxels")[0].flatten(1)
        index = network.followed(batch.need("target"))[0].flatten().nonzero()[:, 0]
        save_tensors(path, {"index": index.int(), "voxels": voxels[:, index].T.half()})

    return Job(what="teacher's features", keys=samples.keys, target=lambda key: feature_path(folder, key), make=make)
