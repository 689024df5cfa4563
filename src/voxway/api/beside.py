"""Scores along rays of what voxels carry beside their class, for networks: instances (RayPQ) and speeds (AVE).

A network says it as an intermediate of its prediction, called as the array of files is: `instances` (b, x, y, z), whole
numbers, 0 for none, or `flow` (b, x, y, z, 2), m/s. Of one that does not, the classes alone are scored: voxels of one
thing class that touch are one instance, and everything stands still. A result's notes say which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float32, Shaped, UInt8, UInt16
from torch import Tensor, nn

from voxway.api.rays import beside_truth, rays_beside
from voxway.core.errors import InputError
from voxway.core.ray_result import RayResult
from voxway.core.result import Protocol
from voxway.core.sample import Batch
from voxway.data.files.volumes import BESIDE
from voxway.data.samples import Samples
from voxway.engine.distributed import gathered
from voxway.engine.evaluate import Predictor
from voxway.metrics.rays.beside import Instances, Kind, Speeds
from voxway.truth.moving.clusters import clusters

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "panoptic": Instances(),
        "flow": Speeds("true positives at 2 m"),
        "flow-package": Speeds("package"),
    }
)
"""Metric's name -> what voxels carry, and how it is counted."""


@dataclass(frozen=True)
class Carried:
    """What is predicted of a batch: classes, and what voxels carry beside them; None where that is not said."""

    classes: UInt8[Tensor, "b x y z"]
    beside: np.ndarray | None


BesidePredictor = Callable[[Batch], Carried]


def carrying(network: nn.Module, kind: Kind) -> BesidePredictor:
    """Predict with a network in evaluation mode, with what it says besides; see the head of the file."""

    def predict(batch: Batch) -> Carried:
        network.eval()
        with torch.no_grad():
            said = network(batch).finite(batch.keys)
        beside = said.intermediates.get(kind.array)
        return Carried(said.classes.cpu(), None if beside is None else _array(beside, said.classes, batch.keys, kind))

    return predict


def silent(predict: Predictor) -> BesidePredictor:
    """What says classes, and nothing besides."""
    return lambda batch: Carried(predict(batch).cpu(), None)


class BesideMetric:
    """A metric of predictions that carry something; see `voxway.engine.evaluate.Metric`. Frames are summed in their
    order, by whatever process they were counted.

    Args:
        samples: the frames.
        kind: what voxels carry.

    Raises:
        InputError: see `voxway.api.rays.rays_beside`.
    """

    def __init__(self, samples: Samples, kind: Kind) -> None:
        self.samples, self.kind = samples, kind
        self.total = rays_beside(samples, kind)
        self.rows: dict[str, np.ndarray] = {}
        self.said: set[bool] = set()

    def update(self, target: Tensor, prediction: Carried, masks: Mapping[str, Tensor], keys: Sequence[str], /) -> None:
        """Count one batch. No mask plays a part."""
        things = self.total.rays.rules.things
        for number, key in enumerate(keys):
            truth, guess = target[number].cpu().numpy(), prediction.classes[number].numpy()
            told = prediction.beside is not None
            own = prediction.beside[number] if prediction.beside is not None else _FROM_CLASSES[self.kind.array]
            carried = own if isinstance(own, np.ndarray) else own(guess, things)
            frame = self.total.fresh()
            frame.update(key, (truth, guess), (beside_truth(self.samples, key, self.kind.array), carried))
            self.rows[key] = frame.packed()
            self.said.add(told)

    def reduce(self) -> None:
        """See `Metric.reduce`."""
        parts = gathered((self.rows, self.said))
        self.rows = {key: row for rows, _ in parts for key, row in rows.items()}
        self.said = {told for _, said in parts for told in said}

    def results(self, protocol: Protocol, name: str = "") -> list[RayResult]:
        """The result of everything counted; see `RayMetric.results`."""
        total = self.total.fresh()
        for key in self.samples.keys:
            if key in self.rows:
                total.add(self.rows[key])
        source = "the network's own" if self.said == {True} else _SAID_OF_CLASSES[self.kind.array]
        return [
            replace(result, notes={**result.notes, f"{self.kind.array}_predicted": source})
            for result in total.results(protocol, name)
        ]


def touching(classes: UInt8[np.ndarray, "x y z"], things: Sequence[int]) -> UInt16[np.ndarray, "x y z"]:
    """Numbers of instances, from 1: voxels of one thing class that touch by faces, edges or corners are one.

    Args:
        classes: ids.
        things: ids of classes whose instances are told apart.
    """
    found, last = np.zeros(classes.shape, np.uint16), 0
    for thing in things:
        index = np.argwhere(classes == thing)
        number = clusters(index + 0.5, 1.0)
        found[tuple(index.T)] = np.minimum(last + 1 + number, np.iinfo(np.uint16).max)
        last += int(number.max(initial=-1)) + 1
    return found


def standing(classes: UInt8[np.ndarray, "x y z"], things: Sequence[int]) -> Float32[np.ndarray, "x y z 2"]:
    """No speed anywhere, m/s."""
    return np.zeros((*classes.shape, 2), np.float32)


_FROM_CLASSES: Mapping[str, Callable[[np.ndarray, Sequence[int]], np.ndarray]] = {
    "instances": touching,
    "flow": standing,
}
_SAID_OF_CLASSES = {"instances": "voxels of a class that touch", "flow": "none: everything stands still"}


def _array(
    beside: Tensor | Sequence[Tensor], classes: UInt8[Tensor, "b x y z"], keys: Sequence[str], kind: Kind
) -> Shaped[np.ndarray, "b x y z *s"]:
    """What a network says besides, checked.

    Raises:
        InputError: of another shape, or not of numbers.
    """
    array = (beside if isinstance(beside, Tensor) else torch.stack(tuple(beside))).cpu().numpy()
    shape = (*classes.shape, *BESIDE[kind.array])
    whole = array.dtype.kind in "ui" or kind.array != "instances"
    if array.shape != shape or not whole or not np.isfinite(array).all():
        raise InputError(
            file=f"frame {', '.join(keys)}",
            field=f"prediction: {kind.array}",
            expected=f"{'whole' if kind.array == 'instances' else 'finite'} numbers of shape {shape}",
            found=f"{array.dtype} {array.shape}",
            remedy="The network's forward must say it so, or leave it out of its intermediates.",
        )
    return array
