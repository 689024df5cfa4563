"""RayResult: rays counted by class with the protocol under which they were, and the scores that follow."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Int64

from voxway.core.config import from_json, to_json
from voxway.core.errors import InputError
from voxway.core.files import Json, read_json, write_json
from voxway.core.result import Protocol
from voxway.core.task import Task

_LISTS = ("masks", "inputs", "training_masks", "thresholds_m", "classes")


@dataclass(frozen=True, kw_only=True)
class RayProtocol(Protocol):
    """Everything that must agree before two scores along rays may stand in one row; there are no masks and no range."""

    absent: str = "left out"
    classes: tuple[str, ...]
    """Names by id, free included."""
    rays: str
    """Which directions."""
    ray_names: str
    """SHA-256 of the directions, float32."""
    thresholds_m: tuple[float, ...]
    """Distances must differ by strictly less."""
    origins: str
    """Rule by which rays get their origins."""
    origin_count: int
    """Origins of all frames together."""
    origin_names: str
    """SHA-256 of frames and their origins (`voxway.metrics.rays.origins`)."""
    pose_names: str
    """SHA-256 of the names, in order, of all key frames whose poses lent origins."""
    distance: str = "where a ray leaves the voxel; rays that never enter: corner, minus one cell"
    """Which distance is compared."""
    precision: str = "float32 points, float64 walk"
    """In what is computed."""
    flow: str = "none"
    """Which speeds are scored beside."""
    beside: str = "none"
    """What else is scored of the voxels in which rays end."""
    score: str = "RayIoU"
    """Name of the score: another rule has another name (`voxway.core.rays`)."""
    counted: str = "rays that meet anything in the truth"
    """Which rays count."""

    def differences(self, other: Protocol) -> dict[str, tuple[object, object]]:
        """See `Protocol.differences`. Of other frames, origins differ by themselves."""
        found = super().differences(other)
        if {"split", "samples", "frame_names", "pose_names"} & set(found):
            found = {name: both for name, both in found.items() if name not in ("origin_count", "origin_names")}
        return found


@dataclass(frozen=True, kw_only=True)
class RayResult:
    """Valid rays by class: in truth and prediction (k), and in both and close enough (t, k), int64."""

    kind: ClassVar[str] = "rays"

    task: Task
    """What was predicted."""
    protocol: RayProtocol
    gt: Int64[np.ndarray, "k"]
    pred: Int64[np.ndarray, "k"]
    tp: Int64[np.ndarray, "t k"]
    name: str = ""
    notes: dict[str, Json] = field(default_factory=dict)
    beside: dict[str, float] = field(default_factory=dict)
    """Further scores by name, 0..1, of what else voxels carry (`voxway.metrics.rays.beside`)."""

    def __post_init__(self) -> None:
        classes, thresholds = len(self.task.classes), len(self.protocol.thresholds_m)
        shapes = {"gt": (classes,), "pred": (classes,), "tp": (thresholds, classes)}
        for name, shape in shapes.items():
            counts = getattr(self, name)
            if counts.shape != shape or counts.dtype != np.int64:
                raise ValueError(f"{name} of a ray result must be int64 {shape}, got {counts.dtype} {counts.shape}")
        if self.protocol.benchmark != self.task.name or self.protocol.classes != self.task.classes:
            raise ValueError(f"a result on {self.protocol.benchmark} needs its task, got that of {self.task.name}")
        if (self.tp < 0).any() or (self.tp > np.minimum(self.gt, self.pred)).any():
            raise ValueError("of a class no more rays can be right than there are in truth and in prediction")

    @property
    def fp(self) -> Int64[np.ndarray, "t k"]:
        """Rays that meet a class in the prediction and are not right."""
        return self.pred - self.tp

    @property
    def fn(self) -> Int64[np.ndarray, "t k"]:
        """Rays that meet a class in the truth and are not right. One at a wrong distance counts here and in `fp`."""
        return self.gt - self.tp

    @property
    def class_iou(self) -> Float64[np.ndarray, "t k"]:
        """IoU of every threshold and class, 0..1; NaN for a class in neither truth nor prediction."""
        union = self.gt + self.pred - self.tp
        return np.divide(self.tp, union, out=np.full(self.tp.shape, np.nan), where=union > 0)

    @property
    def rayiou_at(self) -> Float64[np.ndarray, "t"]:
        """Mean IoU over the evaluated classes at each threshold, 0..1; those in neither are left out."""
        scores = self.class_iou[:, list(self.task.evaluated)]
        occurs = np.isfinite(scores[0])
        return scores[:, occurs].mean(1) if occurs.any() else np.zeros(len(scores))

    @property
    def rayiou(self) -> float:
        """Mean over all thresholds and classes, 0..1."""
        return float(self.rayiou_at.mean())

    def scores(self) -> dict[str, float]:
        """All of them by the names of tables, 0..1: means, what is scored beside, each class's mean over thresholds."""
        limits, score = self.protocol.thresholds_m, self.protocol.score
        at = {f"{score}@{metres:g} m": float(value) for metres, value in zip(limits, self.rayiou_at)}
        classes = self.class_iou.mean(0)
        named = {self.task.classes[i]: float(classes[i]) for i in self.task.evaluated}
        return {score: self.rayiou, **at, **self.beside, **named}

    def save(self, path: Path | str) -> None:
        """Write protocol, counts and scores as JSON, atomically."""
        limits = self.protocol.thresholds_m
        scores = {"rayiou": self.rayiou, **{f"rayiou@{m:g}": float(v) for m, v in zip(limits, self.rayiou_at)}}
        said = {"kind": self.kind, "name": self.name, "protocol": asdict(self.protocol), "scores": scores}
        counts = {name: getattr(self, name).tolist() for name in ("gt", "pred", "tp")}
        write_json(path, {**said, "notes": self.notes, "beside": self.beside, "task": to_json(self.task), **counts})

    @classmethod
    def load(cls, path: Path | str) -> RayResult:
        """Read what `save` wrote.

        Raises:
            InputError: the file is absent, not JSON, or not a result of rays.
        """
        content = read_json(path, remedy="Write it again with `voxway eval` or `voxway score`.")
        try:
            if content["kind"] != cls.kind:
                raise ValueError(f"kind {content['kind']!r}")
            protocol = {**content["protocol"]}
            for name in _LISTS:
                protocol[name] = tuple(protocol.get(name, ()))
            return cls(
                task=from_json(Task, content["task"], path),
                protocol=RayProtocol(**protocol),
                **{name: np.asarray(content[name], np.int64) for name in ("gt", "pred", "tp")},
                name=content["name"],
                notes=content["notes"],
                beside={str(score): float(value) for score, value in content.get("beside", {}).items()},
            )
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise InputError(
                file=path,
                field="contents",
                expected="a result of rays with protocol, gt, pred and tp",
                found=f"{type(error).__name__}: {error}",
                remedy="Write it again with `voxway eval` or `voxway score`.",
            ) from error
