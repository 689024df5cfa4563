"""Occupancy: what fills a grid, as a network says or as the truth has it. The one type that comes out of everything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from voxway.core.arrays import read_archive
from voxway.core.config import from_json, to_json
from voxway.core.errors import InputError
from voxway.core.files import atomic_path
from voxway.core.ranked import Ranked
from voxway.core.task import IGNORE, Task
from voxway.core.transforms import is_rigid, transform_points

Own = TypeVar("Own", bound="Occupancy")

_VALUES, _IDS = "probabilities", "probability_ids"
_LOAD = "Name a file that `Occupancy.save` wrote."
_REMEDY = "Build it for the task of the network or benchmark that the volume comes from."


@dataclass(frozen=True, kw_only=True)
class Occupancy:
    """A class for every voxel of a task's grid, with what is known beside it. Volumes are (x, y, z).

    Raises:
        InputError: a volume is not shaped as the grid, an id is no class, or the pose is not rigid.
    """

    task: Task
    classes: UInt8[Tensor, "x y z"]
    """Class ids; 255 where nothing is known."""
    logits: Float[Tensor, "k x y z"] | None = None
    """One score per class and voxel, where a network gave them."""
    likely: Ranked | None = None
    """Probabilities of the most likely classes, where they were kept instead of scores (`ranked`)."""
    masks: Mapping[str, Bool[Tensor, "x y z"]] = field(default_factory=dict)
    """Named masks, e.g. ``"camera"``; true where a voxel counts."""
    pose: Float[Tensor, "4 4"] | None = None
    """`T_world_ego` of the grid, metres."""
    labelled: bool = True
    """Whether it may supervise. False: the frame is one of the many without labels, all 255."""
    key: str = ""
    """Names the frame, e.g. ``"08/000005"``."""

    def __post_init__(self) -> None:
        shape = self.task.grid.shape
        for name, volume in {"classes": self.classes, **self.masks}.items():
            if tuple(volume.shape) != shape:
                raise self._wrong(name, f"{shape} voxels, the grid of {self.task.name}", tuple(volume.shape))
        if self.classes.dtype != torch.uint8:
            raise self._wrong("classes", "class ids, uint8", self.classes.dtype)
        known = self.classes[self.classes != IGNORE]
        if known.numel() and (highest := int(known.max())) >= len(self.task.classes):
            raise self._wrong("classes", f"ids 0..{len(self.task.classes) - 1} of {self.task.name}, or 255", highest)
        if self.logits is not None and tuple(self.logits.shape) != (len(self.task.classes), *shape):
            raise self._wrong("logits", (len(self.task.classes), *shape), tuple(self.logits.shape))
        if self.likely is not None:
            if tuple(self.likely.values.shape[1:]) != shape:
                raise self._wrong("likely", f"{shape} voxels", tuple(self.likely.values.shape[1:]))
            self.likely.require(len(self.task.classes))
        if self.pose is not None and not is_rigid(self.pose):
            raise self._wrong("pose", "a rigid transform, T_world_ego in metres", self.pose.tolist())

    @classmethod
    def unknown(cls: type[Own], task: Task, masks: tuple[str, ...] = (), key: str = "") -> Own:
        """Nothing known anywhere: the truth of a frame that must not supervise."""
        nothing = torch.zeros(task.grid.shape, dtype=torch.bool)
        classes = torch.full(task.grid.shape, IGNORE, dtype=torch.uint8)
        return cls(task=task, classes=classes, masks=dict.fromkeys(masks, nothing), labelled=False, key=key)

    @property
    def probabilities(self) -> Float[Tensor, "k x y z"]:
        """Probability of every class in every voxel, float32; 0 for classes that were not kept.

        Raises:
            InputError: no network's scores came with it.
        """
        if self.logits is not None:
            return self.logits.float().softmax(0)
        if self.likely is None:
            raise self._unjudged()
        return self.likely.dense(len(self.task.classes))

    @property
    def confidence(self) -> Float[Tensor, "x y z"]:
        """Probability of the most likely class in every voxel, float32.

        Raises:
            InputError: no network's scores came with it.
        """
        if self.logits is None and self.likely is not None:
            return self.likely.values[0].float()
        return self.probabilities.amax(0)

    @property
    def judged(self) -> bool:
        """Whether probabilities are known."""
        return self.logits is not None or self.likely is not None

    def ranked(self: Own, count: int | None = None) -> Own:
        """The same with half-precision probabilities of the `count` most likely classes instead of scores.

        Args:
            count: how many; None: all that there are.

        Raises:
            InputError: no network's scores came with it, or there are fewer classes.
        """
        if self.logits is not None:
            return replace(self, logits=None, likely=Ranked.of(self.logits, count))
        if self.likely is None:
            raise self._unjudged()
        return replace(self, likely=self.likely.first(count))

    @property
    def occupied(self) -> Bool[Tensor, "x y z"]:
        """Voxels that are known and not free."""
        return (self.classes != self.task.free) & self.known

    @property
    def known(self) -> Bool[Tensor, "x y z"]:
        """Voxels of which anything is known."""
        return self.classes != IGNORE

    def __getitem__(self: Own, item: str | tuple[slice, slice, slice]) -> Bool[Tensor, "x y z"] | Own:
        """Voxels of a class by its name, or the part of the volume within three slices, on the grid that it covers.

        Raises:
            InputError: no class has that name, or a slice that skips voxels or holds none.
        """
        if isinstance(item, str):
            return self.classes == self.task.class_id(item)
        spans = [part.indices(count) for part, count in zip(item, self.task.grid.shape)]
        if len(item) != 3 or any(step != 1 or stop <= start for start, stop, step in spans):
            raise self._wrong("slices", "three slices of step 1 that hold voxels, along x, y and z", item)
        (x, x2, _), (y, y2, _), (z, z2, _) = spans
        part = (slice(x, x2), slice(y, y2), slice(z, z2))
        grid = self.task.grid.crop((x, y, z), (x2 - x, y2 - y, z2 - z))
        return replace(
            self,
            task=replace(self.task, grid=grid),
            classes=self.classes[part],
            logits=None if self.logits is None else self.logits[(slice(None), *part)],
            likely=None if self.likely is None else self.likely.part(part),
            masks={name: mask[part] for name, mask in self.masks.items()},
        )

    def where(self: Own, mask: str | Bool[Tensor, "x y z"]) -> Own:
        """The same with 255 outside a mask, given or named.

        Raises:
            InputError: it has no mask of that name.
        """
        if isinstance(mask, str):
            if mask not in self.masks:
                raise self._wrong("masks", f"one called {mask!r}", ", ".join(self.masks) or "none")
            mask = self.masks[mask]
        return replace(self, classes=torch.where(mask, self.classes, IGNORE))

    def merge(self: Own, *others: Occupancy) -> Own:
        """One volume from several on the same grid: what is occupied wins over free, known over unknown, first come.

        Raises:
            InputError: another task.
        """
        classes = self.classes
        for other in others:
            if other.task != self.task:
                raise self._wrong("task", f"{self.task.name} on {self.task.grid}", f"{other.task.name} elsewhere")
            weak = (classes == IGNORE) | ((classes == self.task.free) & other.occupied)
            classes = torch.where(weak, other.classes, classes)
        return replace(self, classes=classes, logits=None, likely=None, masks={})

    def to_points(self, *, world: bool = False) -> tuple[Float[Tensor, "p 3"], Int[Tensor, "p"]]:
        """Centres of occupied voxels in metres, and their class ids.

        Args:
            world: in the world's frame instead of the ego frame.

        Raises:
            InputError: the world's frame is asked for, and no pose came with it.
        """
        index = self.occupied.nonzero()
        points = self.task.grid.centre(index)
        if world:
            if self.pose is None:
                raise self._wrong("pose", "T_world_ego, as world coordinates are asked for", "none")
            points = transform_points(self.pose.double().to(points.device), points.double()).float()
        return points, self.classes[tuple(index.T)].long()

    def to(self: Own, device: torch.device | str) -> Own:
        """The same on another device."""
        return replace(
            self,
            classes=self.classes.to(device),
            logits=None if self.logits is None else self.logits.to(device),
            likely=None if self.likely is None else self.likely.to(device),
            masks={name: mask.to(device) for name, mask in self.masks.items()},
            pose=None if self.pose is None else self.pose.to(device),
        )

    def save(self, path: Path | str) -> Path:
        """Write a `.npz`, atomically: classes, masks, pose, probabilities and their class ids (r x y z), task as JSON.

        Scores are not kept; `ranked` makes probabilities of them.

        Raises:
            OutputError: the file cannot be written.
        """
        path = Path(path)
        about = {"task": to_json(self.task), "labelled": self.labelled, "key": self.key}
        arrays: dict[str, np.ndarray] = {
            "classes": self.classes.cpu().numpy(),
            "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
            **{f"mask_{name}": mask.cpu().numpy() for name, mask in self.masks.items()},
        }
        if self.pose is not None:
            arrays["pose"] = self.pose.cpu().numpy()
        if self.likely is not None:
            arrays |= {_VALUES: self.likely.values.cpu().numpy(), _IDS: self.likely.ids.cpu().numpy()}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        return path

    @classmethod
    def load(cls: type[Own], path: Path | str) -> Own:
        """Read what `save` wrote.

        Raises:
            InputError: the file is absent, damaged, or holds something else.
        """
        try:
            return cls.decode(Path(path).read_bytes(), path)
        except FileNotFoundError:
            raise InputError(file=path, field="file", expected="present", found="absent", remedy=_LOAD) from None
        except OSError as error:
            raise _no_occupancy(path, error) from error

    @classmethod
    def decode(cls: type[Own], data: bytes, source: object) -> Own:
        """Read the bytes of a file that `save` wrote.

        Args:
            data: all of them.
            source: where they come from, for errors.

        Raises:
            InputError: damaged, or something else.
        """
        try:
            arrays = {name: torch.from_numpy(one) for name, one in read_archive(data, source, [], _LOAD).items()}
            about = json.loads(bytes(arrays.pop("about").numpy()))
            kept = _VALUES in arrays or _IDS in arrays
            return cls(
                task=from_json(Task, about["task"], source),
                classes=arrays["classes"],
                likely=Ranked(arrays[_VALUES], arrays[_IDS]) if kept else None,
                masks={name.removeprefix("mask_"): mask for name, mask in arrays.items() if name.startswith("mask_")},
                pose=arrays.get("pose"),
                labelled=about["labelled"],
                key=about["key"],
            )
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise _no_occupancy(source, error) from error

    @property
    def _name(self) -> str:
        return f"occupancy {self.key}" if self.key else "occupancy"

    def _unjudged(self) -> InputError:
        return InputError(
            file=self._name,
            field="probabilities",
            expected="a network's scores, or probabilities that were kept",
            found="classes alone",
            remedy="Take it as `Model.predict` returns it; files have some after `occupancy.ranked(3).save(...)` "
            "or `voxway predict --probabilities 3`.",
        )

    def _wrong(self, name: str, expected: object, found: object) -> InputError:
        return InputError(file=self._name, field=name, expected=expected, found=found, remedy=_REMEDY)


def _no_occupancy(source: object, error: Exception) -> InputError:
    return InputError(file=source, field="contents", expected="a stored occupancy (.npz)", found=error, remedy=_LOAD)
