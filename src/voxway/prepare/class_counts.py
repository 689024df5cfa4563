"""How often each class occurs among the voxels that supervise; of few labels, no other file is opened.

::

    <cache or data>/class_counts/all/08/000005.json      how many voxels of one frame have each class
    <cache or data>/class_counts/camera/...              the same inside a mask

Every frame is counted once and kept, so that runs with other frames only count what is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from voxway.core.errors import InputError
from voxway.core.files import read_json, write_json
from voxway.core.task import IGNORE
from voxway.data.job import Job
from voxway.data.prepared.made import Origin
from voxway.data.samples import Samples
from voxway.engine.distributed import Group
from voxway.prepare.ready import elsewhere
from voxway.prepare.runner import run


def class_counts(
    samples: Samples,
    masks: Sequence[str] = (),
    cache: Path | None = None,
    group: Group | None = None,
    show: bool = True,
) -> tuple[int, ...]:
    """How many voxels of all frames that supervise have each class of the task.

    Args:
        samples: the frames, of which some may lack labels.
        masks: outside which no voxel counts.
        cache: where counts are kept; None: beside the data.
        group: the processes that share the work.
        show: say how far it is.

    Raises:
        InputError: no frame has labels, a label file is missing or damaged, or kept counts are.
        OutputError: they cannot be kept there.
    """
    group, store = group or Group(), cache or samples.config.folder
    job = counting(samples, store / "class_counts" / ("+".join(masks) or "all"), masks)
    if not job.keys:
        raise InputError(
            file=samples.config.root,
            field="labelled",
            expected="at least one frame with labels, to count its classes",
            found="none",
            remedy="Keep more labels (data.labelled_share), or take class weights as they are: --set "
            "class_counts=comparable.",
        )
    with elsewhere(cache):
        run(job, shard=(group.rank, group.size), show=show and group.leads, remake=True)
    group.wait()
    frames = [_read(job.target(key), len(samples.task.classes)) for key in job.keys]
    return tuple(map(sum, zip(*frames)))


def counting(samples: Samples, folder: Path, masks: Sequence[str] = ()) -> Job:
    """What there is to count: frames that supervise.

    Args:
        samples: the frames.
        folder: where counts are kept.
        masks: outside which no voxel counts.
    """
    classes = len(samples.task.classes)

    def make(key: str, path: Path) -> None:
        truth = samples.truth(key)
        for mask in masks:
            truth = truth.where(mask)
        known = truth.classes[truth.classes != IGNORE]
        write_json(path, torch.bincount(known.long(), minlength=classes).tolist())

    return Job(
        what="class counts",
        keys=samples.label_list.keys,
        target=lambda key: folder / f"{key}.json",
        make=make,
        origin=Origin(
            folder=folder,
            name="class_counts",
            maker="class counts",
            settings={"masks": list(masks)},
            root=samples.config.folder,
            sources=samples.labelled_from,
        ),
    )


def _read(path: Path, classes: int) -> list[int]:
    counts = read_json(path, remedy="Delete it, and it is counted again.")
    if not isinstance(counts, list) or len(counts) != classes or not all(isinstance(one, int) for one in counts):
        raise InputError(
            file=path,
            field="counts",
            expected=f"{classes} whole numbers, one for each class",
            found=str(counts)[:60],
            remedy="Delete it, and it is counted again.",
        )
    return counts
