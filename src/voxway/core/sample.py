"""Sample, Batch, Prediction: the types that data, networks, losses and pictures speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE

NEEDS = frozenset(
    {
        "images",
        "points",
        "point_labels",
        "pose",
        "target",
        "proposals",
        "pseudo",
        "semantics_2d",
        "pseudo_labels",
        "depth",
        "evidence",
    }
)
"""Fields of a sample that a method may ask for by name; prepared files may add others, which arrive as `extras`."""

EVIDENCE_FREE, EVIDENCE_OCCUPIED = 1, 2
"""What `Sample.evidence` says of a voxel where it says anything."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One key frame. Fields that were not asked for are None.

    Raises:
        InputError: a tensor's shape does not fit the grid or the cameras.
    """

    key: str
    """Names the frame within its benchmark, e.g. ``"08/000005"``."""
    grid: VoxelGrid
    cameras: Cameras | None = None
    images: UInt8[Tensor, "n 3 h w"] | None = None
    """RGB. Smaller images stand in the top left corner; `cameras.size_px` has the true sizes."""
    points: Float[Tensor, "p c"] | None = None
    """LiDAR points in the ego frame: x, y, z in metres, then the benchmark's own columns (KITTI: remission 0..1;
    nuScenes: intensity 0..255, age in seconds)."""
    point_labels: UInt8[Tensor, "p"] | None = None
    """Training ids of the points, 255 where unknown."""
    pose: Float[Tensor, "4 4"] | None = None
    """`T_world_ego`, float64."""
    time_s: float | None = None
    """Seconds, of the drive's clock."""
    earlier: tuple[Sample, ...] = ()
    """Earlier frames, the most recent first."""
    target: UInt8[Tensor, "x y z"] | None = None
    """Training ids; 255 carries no truth."""
    masks: Mapping[str, Bool[Tensor, "x y z"]] = field(default_factory=dict)
    """Named masks, e.g. ``"camera"``; true where a voxel counts."""
    proposals: Bool[Tensor, "x2 y2 z2"] | None = None
    """Voxels proposed as occupied, on a grid coarser than `grid` by whole factors."""
    pseudo: Bool[Tensor, "x y z"] | None = None
    """Voxels that hold pseudo points, which are made from depth maps of this frame and of those before it."""
    semantics_2d: UInt8[Tensor, "n h w"] | None = None
    """Training ids per pixel, 255 where unknown."""
    pseudo_labels: UInt8[Tensor, "n h w"] | None = None
    """Training ids per pixel that other networks say, no human: 254 (`SKY`) where they see the sky, 255 unknown."""
    depth: Float[Tensor, "n h w"] | None = None
    """Metres along the optical axis, 0 where unknown."""
    evidence: UInt8[Tensor, "x y z"] | None = None
    """What rays of LiDAR say without any label: 1 where they pass, 2 where they end, 0 unknown."""
    extras: Mapping[str, Tensor] = field(default_factory=dict)
    """Whatever else was asked for, by name: features of other networks, what a user's own files hold."""
    labelled: bool = True
    """Whether the target may supervise. False: the frame is one of the many without labels, for a teacher alone."""

    def __post_init__(self) -> None:
        shape = self.grid.shape
        for name, volume in {
            "target": self.target,
            "pseudo": self.pseudo,
            "evidence": self.evidence,
            **self.masks,
        }.items():
            if volume is not None and tuple(volume.shape) != shape:
                raise self._wrong(name, f"{shape} voxels, as its grid has", tuple(volume.shape))
        if self.proposals is not None and any(whole % part for whole, part in zip(shape, self.proposals.shape)):
            raise self._wrong("proposals", f"{shape} divided by whole factors", tuple(self.proposals.shape))
        if self.points is not None and self.point_labels is not None and len(self.points) != len(self.point_labels):
            raise self._wrong("point_labels", f"{len(self.points)}, one per point", len(self.point_labels))
        for name in ("images", "semantics_2d", "pseudo_labels", "depth"):
            self._check_pixels(name, getattr(self, name))

    def _check_pixels(self, name: str, pixels: Tensor | None) -> None:
        if pixels is None or self.cameras is None:
            return
        count, (height, width) = pixels.shape[0], pixels.shape[-2:]
        if count != self.cameras.count:
            raise self._wrong(name, f"{self.cameras.count} images, one for each camera", count)
        largest = tuple(self.cameras.size_px.max(0).values.tolist())
        if largest != (height, width):
            raise self._wrong(name, f"{largest} px (height, width), as the cameras say", (height, width))

    def _wrong(self, name: str, expected: object, found: object) -> InputError:
        remedy = "Check the reader, or the files of this frame with `voxway check-data`."
        return InputError(file=f"sample {self.key}", field=name, expected=expected, found=found, remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Samples collated. Ragged points are concatenated; images of unlike size are padded at right and bottom."""

    keys: tuple[str, ...]
    grid: VoxelGrid
    cameras: Cameras | None = None
    images: UInt8[Tensor, "b n 3 h w"] | None = None
    points: Float[Tensor, "p c"] | None = None
    point_offsets: Int[Tensor, "b1"] | None = None
    """Sample i owns points `point_offsets[i]` up to `point_offsets[i + 1]`."""
    point_labels: UInt8[Tensor, "p"] | None = None
    pose: Float[Tensor, "b 4 4"] | None = None
    earlier: tuple[Batch, ...] = ()
    target: UInt8[Tensor, "b x y z"] | None = None
    masks: Mapping[str, Bool[Tensor, "b x y z"]] = field(default_factory=dict)
    proposals: Bool[Tensor, "b x2 y2 z2"] | None = None
    pseudo: Bool[Tensor, "b x y z"] | None = None
    semantics_2d: UInt8[Tensor, "b n h w"] | None = None
    pseudo_labels: UInt8[Tensor, "b n h w"] | None = None
    depth: Float[Tensor, "b n h w"] | None = None
    evidence: UInt8[Tensor, "b x y z"] | None = None
    extras: Mapping[str, Tensor] = field(default_factory=dict)
    """Named tensors with a first axis of samples."""
    labelled: Bool[Tensor, "b"] | None = None
    """Which samples' targets may supervise."""

    def __len__(self) -> int:
        return len(self.keys)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return replace(self, **{f.name: _move(getattr(self, f.name), device) for f in fields(self)})

    def need(self, name: str) -> Any:
        """The field `name`, or the one of `extras`.

        Raises:
            InputError: the batch was read without it.
        """
        value = self.extras.get(name) if name not in self.__dataclass_fields__ else getattr(self, name)
        if value is None:
            raise InputError(
                file=f"batch {', '.join(self.keys)}",
                field=name,
                expected="present",
                found="absent",
                remedy=f"Ask the reader for it: needs={{..., {name!r}}}.",
            )
        return value


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a method says about a batch.

    Intermediates are named by the method that makes them, and its `forward` documents them: a name for each is all that
    losses, students and pictures need, and a reader that misses one is told so.

    Attributes:
        logits: one score per class and voxel.
        intermediates: named tensors, or one per sample where samples differ in size.
    """

    logits: Float[Tensor, "b k x y z"]
    intermediates: Mapping[str, Tensor | Sequence[Tensor]] = field(default_factory=dict)

    @property
    def classes(self) -> UInt8[Tensor, "b x y z"]:
        """The most likely class of every voxel."""
        return self.logits.argmax(1).to(torch.uint8)

    def finite(self, keys: Sequence[str]) -> Prediction:
        """The prediction, if its logits are numbers: among others, no class is the most likely.

        Args:
            keys: of the frames that it is about.

        Raises:
            InputError: a logit is NaN or infinite; names the frames.
        """
        fine = self.logits.isfinite().flatten(1).all(1).tolist()
        if not all(fine):
            broken = [key for key, good in zip(keys, fine) if not good]
            raise InputError(
                file=f"frame {', '.join(broken)}",
                field="prediction",
                expected="finite scores",
                found=f"NaN or infinity in {int((~self.logits.isfinite()).sum())} of {self.logits.numel()}",
                remedy="Look at the frame's inputs (`voxway check-data`); if it is so with every frame, the network's "
                "weights are unusable.",
            )
        return self

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Logits and all intermediates that are single tensors, by name: what a network says as a teacher."""
        single = {name: value for name, value in self.intermediates.items() if isinstance(value, Tensor)}
        return {"logits": self.logits, **single}

    def need(self, name: str) -> Tensor:
        """The intermediate `name` of the whole batch, its first axis b.

        Raises:
            InputError: there is none, or one per sample.
        """
        value = self._find(name)
        if not isinstance(value, Tensor):
            raise self._wrong(name, "one tensor of the whole batch", f"{len(value)}, one per sample")
        return value

    def each(self, name: str) -> Sequence[Tensor]:
        """The intermediate `name`, one tensor per sample.

        Raises:
            InputError: there is none.
        """
        value = self._find(name)
        return list(value) if isinstance(value, Tensor) else value

    def _find(self, name: str) -> Tensor | Sequence[Tensor]:
        if name not in self.intermediates:
            raise self._wrong(name, "present", f"only {', '.join(self.intermediates) or 'logits'}")
        return self.intermediates[name]

    @staticmethod
    def _wrong(name: str, expected: str, found: str) -> InputError:
        remedy = "Choose a network that gives it, or switch off what asks for it."
        return InputError(file="prediction", field=name, expected=expected, found=found, remedy=remedy)


def collate(samples: Sequence[Sample]) -> Batch:
    """Put samples into one batch.

    Raises:
        InputError: no samples, unlike grids, unlike camera counts, or a field that only some samples have.
    """
    if not samples:
        raise InputError(
            file="batch", field="samples", expected="at least one", found="none", remedy="Check the split and the keys."
        )
    first = samples[0]
    for sample in samples[1:]:
        if sample.grid != first.grid:
            raise _unlike(sample, first, "grid", sample.grid, first.grid)
        if (sample.cameras and sample.cameras.count) != (first.cameras and first.cameras.count):
            raise _unlike(sample, first, "cameras", sample.cameras, first.cameras)
    together = _Collator(samples)
    points = together.values("points")
    counts = [0, *(len(p) for p in points)] if points else None
    earlier = {len(s.earlier) for s in samples}
    if len(earlier) > 1:
        raise _unlike(samples[-1], first, "earlier frames", len(samples[-1].earlier), len(first.earlier))
    return Batch(
        keys=tuple(s.key for s in samples),
        grid=first.grid,
        cameras=together.of("cameras", Cameras.stack),
        images=together.of("images", _stack_padded),
        points=torch.cat(points) if points else None,
        point_offsets=torch.tensor(counts).cumsum(0) if counts else None,
        point_labels=together.of("point_labels", torch.cat),
        pose=together.of("pose", torch.stack),
        earlier=tuple(collate([s.earlier[i] for s in samples]) for i in range(earlier.pop())),
        target=together.of("target", torch.stack),
        masks={name: torch.stack([s.masks[name] for s in samples]) for name in together.common("masks")},
        proposals=together.of("proposals", torch.stack),
        pseudo=together.of("pseudo", torch.stack),
        semantics_2d=together.of("semantics_2d", lambda maps: _stack_padded(maps, IGNORE)),
        pseudo_labels=together.of("pseudo_labels", lambda maps: _stack_padded(maps, IGNORE)),
        depth=together.of("depth", _stack_padded),
        evidence=together.of("evidence", torch.stack),
        extras={name: torch.stack([s.extras[name] for s in samples]) for name in together.common("extras")},
        labelled=torch.tensor([s.labelled for s in samples]),
    )


class _Collator:
    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples

    def values(self, name: str) -> list | None:
        found = [getattr(sample, name) for sample in self.samples]
        for sample, value in zip(self.samples, found):
            if (value is None) != (found[0] is None):
                raise _unlike(sample, self.samples[0], name, _presence(value), _presence(found[0]))
        return None if found[0] is None else found

    def of(self, name: str, join: Callable[[list], T]) -> T | None:
        found = self.values(name)
        return None if found is None else join(found)

    def common(self, name: str) -> list[str]:
        """Names of the tensors that all samples have in their field `name`, of one shape each."""
        first: Mapping[str, Tensor] = getattr(self.samples[0], name)
        for sample in self.samples:
            own: Mapping[str, Tensor] = getattr(sample, name)
            if own.keys() != first.keys():
                raise _unlike(sample, self.samples[0], name, sorted(own), sorted(first))
            for inner, tensor in own.items():
                if tensor.shape != first[inner].shape:
                    found, expected = tuple(tensor.shape), tuple(first[inner].shape)
                    raise _unlike(sample, self.samples[0], f"{name}.{inner}", found, expected)
        return list(first)


def _presence(value: object) -> str:
    return "absent" if value is None else "present"


def _unlike(sample: Sample, first: Sample, name: str, found: object, expected: object) -> InputError:
    return InputError(
        file=f"sample {sample.key}",
        field=name,
        expected=f"{expected}, as sample {first.key} of the same batch has",
        found=found,
        remedy="Put only samples of one benchmark and one reader into a batch.",
    )


def _stack_padded(tensors: list[Tensor], value: int = 0) -> Tensor:
    """Stack (..., h, w) tensors, padded at right and bottom to the largest."""
    height, width = (max(t.shape[axis] for t in tensors) for axis in (-2, -1))
    padded = [
        torch.nn.functional.pad(t, (0, width - t.shape[-1], 0, height - t.shape[-2]), value=value) for t in tensors
    ]
    return torch.stack(padded)


def _move(value: object, device: torch.device | str) -> object:
    if isinstance(value, Tensor | Cameras | Batch):
        return value.to(device)
    if isinstance(value, Mapping):
        return {name: _move(item, device) for name, item in value.items()}
    if isinstance(value, tuple) and value and isinstance(value[0], Batch):
        return tuple(_move(item, device) for item in value)
    return value
