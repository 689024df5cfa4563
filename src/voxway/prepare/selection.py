"""Active selection: which frames, and which voxels of them, are worth labelling next.

A network is unsure where the entropy of its prediction is high. Frames are ranked by their mean entropy; of chosen
frames, only the share of voxels with the highest entropy is labelled (EFFOcc, first version, stages 1 and 2). The
released sampler sorts by scene token instead of entropy; this one sorts by entropy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.files import Json, read_json, write_json
from voxway.core.sample import Batch, Prediction, collate
from voxway.data.job import Job
from voxway.data.prepared.made import Origin
from voxway.data.samples import Samples
from voxway.data.steps.selection import Selection, write_bits
from voxway.prepare.runner import run

Network = Callable[[Batch], Prediction]


def voxel_entropy(logits: Float[Tensor, "b k x y z"]) -> Float[Tensor, "b x y z"]:
    """Entropy of the class distribution of every voxel, in nats: 0 where the network is sure, at most ln k."""
    log_probs = logits.float().log_softmax(1)
    return -(log_probs.exp() * log_probs).sum(1)


def frame_entropies(
    network: Network, data: Samples, folder: Path, *, shard: tuple[int, int] = (0, 1), show: bool = True
) -> dict[str, float]:
    """Mean voxel entropy of every frame, over the voxels inside all of the benchmark's masks that the data has.

    Args:
        network: says class scores; without gradients and in evaluation mode.
        data: frames to rank. Their labels are not looked at.
        folder: one small file per frame, so that a stopped call continues and several may share the work.
        shard: (i, n): rank every n-th frame from the i-th on.
        show: draw a progress bar.

    Returns:
        the frames ranked so far, by this call and others.
    """

    def target(key: str) -> Path:
        return folder / f"{key.replace('/', '_')}.json"

    def make(key: str, path: Path) -> None:
        batch = collate([data[key]])
        inside = counted(batch, data)
        entropy = voxel_entropy(network(batch).logits)[0][inside]
        write_json(path, float(entropy.mean()) if len(entropy) else 0.0)

    origin = Origin(
        folder=folder, name="entropies", maker="mean entropy", root=data.config.folder, sources=data.read_from
    )
    job = Job(what="ranking frames", keys=data.keys, target=target, make=make, origin=origin)
    run(job, shard=shard, show=show, remake=True)
    return {key: float(read_json(target(key))) for key in data.keys if target(key).exists()}


def counted(batch: Batch, data: Samples) -> Bool[Tensor, "x y z"]:
    """Voxels of a batch of one that lie inside the benchmark's masks, as far as they are known."""
    inside = torch.ones(data.benchmark.grid.shape, dtype=torch.bool)
    for name in data.benchmark.masks:
        if name in batch.masks:
            inside &= batch.masks[name][0]
    return inside


def choose_frames(entropies: Mapping[str, float], count: int, taken: Iterable[str] = ()) -> list[str]:
    """The `count` frames of highest entropy that are not taken yet, the most uncertain first; ties by key.

    Raises:
        InputError: fewer frames are left.
    """
    left = sorted(entropies.keys() - set(taken), key=lambda key: (-entropies[key], key))
    if count > len(left):
        raise InputError(
            file="selection",
            field="--frames",
            expected=f"at most {len(left)}, as many as are not chosen yet",
            found=count,
            remedy="Choose fewer.",
        )
    return left[:count]


def choose_voxels(
    entropy: Float[Tensor, "x y z"],
    inside: Bool[Tensor, "x y z"],
    share: float,
    classes: UInt8[Tensor, "x y z"] | None = None,
) -> Bool[Tensor, "x y z"]:
    """The voxels of highest entropy inside the mask.

    Args:
        entropy: of every voxel.
        inside: voxels that may be chosen.
        share: of those, how many are chosen, 0..1.
        classes: predicted classes; with them every class gets an equal part of what is chosen, as far as it has voxels,
            and what is left goes to the most uncertain of the others.
    """
    places = inside.flatten().nonzero()[:, 0]
    count = round(share * len(places))
    ranked = places[entropy.flatten()[places].argsort(descending=True, stable=True)]
    if classes is not None:
        of = classes.flatten()[ranked]
        ids = of.unique().tolist()
        first = torch.cat([(of == c).nonzero()[: count // len(ids), 0] for c in ids]) if ids else of.long()
        favoured = torch.zeros(len(ranked), dtype=torch.bool).index_fill(0, first, True)
        ranked = torch.cat([ranked[favoured], ranked[~favoured]])
    chosen = torch.zeros_like(inside.flatten())
    chosen[ranked[:count]] = True
    return chosen.view(inside.shape)


def select(
    network: Network,
    data: Samples,
    selection: Selection,
    entropies: Mapping[str, float],
    *,
    frames: int = 0,
    voxels: float | None = None,
    per_class: bool = False,
    show: bool = True,
    **facts: Json,
) -> Selection:
    """One round: add frames to a selection, or voxels to those that are in it, and write it.

    Args:
        network: as for `frame_entropies`.
        data: all frames that could be labelled.
        selection: what is labelled already; may be empty.
        entropies: of the frames (`frame_entropies`); needed only to add some.
        frames: how many frames to add.
        voxels: share of the voxels not labelled yet to add to every selected frame, 0..1; None adds whole frames.
        per_class: spread voxels evenly over the predicted classes.
        show: draw a progress bar.
        facts: recorded with the round.

    Raises:
        InputError: fewer frames are left, or a share outside 0..1.
    """
    if voxels is not None and not 0 < voxels <= 1:
        raise InputError(
            file="selection", field="--voxels", expected="a share above 0, at most 1", found=voxels, remedy="Try 0.01."
        )
    added = choose_frames(entropies, frames, selection.keys) if frames else []
    number = len(selection.rounds)

    def make(key: str, path: Path) -> None:
        known = np.zeros(data.benchmark.grid.shape, bool)
        if key in selection.keys:
            known = selection.voxels(key, data.benchmark.grid)
        if known is None:
            return  # the whole frame is labelled
        batch = collate([data[key]])
        prediction = network(batch)
        inside = counted(batch, data) & ~torch.from_numpy(known)
        classes = prediction.classes[0] if per_class else None
        write_bits(path, choose_voxels(voxel_entropy(prediction.logits)[0], inside, voxels or 0, classes).numpy())

    if voxels is not None:
        chosen = [key for key in data.keys if key in selection.keys | set(added)]
        origin = Origin(
            folder=selection.folder,
            name=f"voxels-{number}",
            maker="voxels of highest entropy",
            settings={"voxels": voxels, "per_class": per_class, **facts},
            root=data.config.folder,
            sources=data.read_from,
        )
        job = Job(
            what="ranking voxels",
            keys=chosen,
            target=lambda key: selection.voxel_path(number, key),
            make=make,
            origin=origin,
        )
        run(job, show=show, remake=True)
    return selection.with_round(added, voxels=voxels, **facts)
