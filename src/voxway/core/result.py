"""Result: a confusion matrix with the protocol under which it was counted, and what follows from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from voxway.core.config import from_json, to_json
from voxway.core.errors import InputError
from voxway.core.files import Json, read_json, write_json
from voxway.core.task import Task


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Everything that must agree before two numbers may stand in one table; `checkpoint` says whose number it is."""

    benchmark: str
    split: str
    samples: int
    """Frames scored."""
    masks: tuple[str, ...]
    """Masks applied to the voxels scored; `ignore` (target 255) is always applied."""
    absent: str = "zero"
    """How a class that never occurs enters the mean: as "zero", or "left out"."""
    range_m: float | None = None
    """Only voxels within this distance ahead count (SemanticKITTI near-range scores); None: the whole grid."""
    inputs: tuple[str, ...] = ()
    """What the method saw: ``"images"``, ``"points"``, ``"proposals:lidar"`` ..."""
    frames: int = 1
    """Frames that the method saw per prediction."""
    training_masks: tuple[str, ...] = ()
    """Masks outside which the method was taught nothing; what it says there is undefined."""
    labels: str = "all"
    """Which training frames had labels, in words such as "1/10 of frames, evenly spread"; what is not known to have had
    fewer counts as all."""
    label_names: str = ""
    """SHA-256 of the names of those frames, sorted; empty where all had, or where they are not known."""
    ema: bool = False
    """Whether averaged weights were scored."""
    checkpoint: str = ""
    """SHA-256 of the weights; empty for a baseline without weights."""
    frame_names: str = ""
    """SHA-256 of the names of the frames scored, sorted; empty where they are not known."""

    def differences(self, other: Protocol) -> dict[str, tuple[object, object]]:
        """Fields that keep two results from being compared, with both values.

        Names of frames differ by themselves only where as many frames of the same split were scored, and names of
        labelled ones only where they were chosen by the same rule.
        """
        compared = [f.name for f in fields(self) if f.name not in ("checkpoint", "frame_names", "label_names")]
        if (self.split, self.samples) == (other.split, other.samples) and self.frame_names and other.frame_names:
            compared.append("frame_names")
        if self.labels == other.labels and self.label_names and other.label_names:
            compared.append("label_names")
        return {n: (getattr(self, n), getattr(other, n)) for n in compared if getattr(self, n) != getattr(other, n)}


@dataclass(frozen=True, kw_only=True)
class Result:
    """Counts of (truth, prediction) pairs, rows truth, int64 (k, k), and the scores that follow."""

    task: Task
    """What was predicted: the classes that rows and columns stand for."""
    protocol: Protocol
    confusion: np.ndarray
    name: str = ""
    notes: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.protocol.benchmark != self.task.name:
            raise ValueError(f"a result on {self.protocol.benchmark} needs its task, got that of {self.task.name}")
        classes = len(self.task.classes)
        if self.confusion.shape != (classes, classes) or self.confusion.dtype != np.int64:
            raise ValueError(
                f"a result on {self.protocol.benchmark} needs an int64 confusion matrix {classes}x{classes}, "
                f"got {self.confusion.dtype} {self.confusion.shape}"
            )

    @property
    def class_iou(self) -> np.ndarray:
        """IoU of every class, 0..1, float64 (k,); NaN for a class in neither truth nor prediction."""
        hit = np.diag(self.confusion).astype(np.float64)
        union = self.confusion.sum(0) + self.confusion.sum(1) - hit
        return np.divide(hit, union, out=np.full(len(hit), np.nan), where=union > 0)

    @property
    def miou(self) -> float:
        """Mean IoU over the evaluated classes, 0..1; `protocol.absent` says how one counts that never occurs."""
        scores = self.class_iou[list(self.task.evaluated)]
        if self.protocol.absent == "left out":
            return float(np.nanmean(scores)) if np.isfinite(scores).any() else 0.0
        return float(np.nan_to_num(scores).mean())

    def miou_over(self, count: int) -> float:
        """Sum of the evaluated classes' IoU divided by `count`, 0..1. It compares with numbers made alike alone."""
        return float(np.nan_to_num(self.class_iou[list(self.task.evaluated)]).sum() / count)

    def _occupancy(self) -> tuple[int, int, int]:
        occupied = list(self.task.occupied)
        hit = int(self.confusion[np.ix_(occupied, occupied)].sum())
        invented = int(self.confusion[self.task.free, occupied].sum())
        missed = int(self.confusion[occupied, self.task.free].sum())
        return hit, invented, missed

    @property
    def iou(self) -> float:
        """IoU of occupied against free, 0..1."""
        hit, invented, missed = self._occupancy()
        return hit / max(hit + invented + missed, 1)

    @property
    def precision(self) -> float:
        """Share of voxels predicted occupied that are, 0..1."""
        hit, invented, _ = self._occupancy()
        return hit / max(hit + invented, 1)

    @property
    def recall(self) -> float:
        """Share of occupied voxels that were found, 0..1."""
        hit, _, missed = self._occupancy()
        return hit / max(hit + missed, 1)

    def scores(self) -> dict[str, float]:
        """All of them by the names of tables, 0..1; NaN for a class in neither truth nor prediction."""
        overall = {"IoU": self.iou, "mIoU": self.miou, "precision": self.precision, "recall": self.recall}
        classes = self.class_iou
        return {**overall, **{self.task.classes[i]: float(classes[i]) for i in self.task.evaluated}}

    def save(self, path: Path | str) -> None:
        """Write protocol, confusion matrix and scores as JSON, atomically."""
        scores = {"iou": self.iou, "miou": self.miou, "precision": self.precision, "recall": self.recall}
        said = {"name": self.name, "protocol": asdict(self.protocol), "scores": scores, "notes": self.notes}
        write_json(path, {**said, "task": to_json(self.task), "confusion": self.confusion.tolist()})

    @classmethod
    def load(cls, path: Path | str) -> Result:
        """Read what `save` wrote.

        Raises:
            InputError: the file is absent, not JSON, or not a result.
        """
        content = read_json(path, remedy="Write it again with `voxway eval`.")
        try:
            protocol = dict(content["protocol"])
            for name in ("masks", "inputs", "training_masks"):
                protocol[name] = tuple(protocol.get(name, ()))
            return cls(
                task=from_json(Task, content["task"], path),
                protocol=Protocol(**protocol),
                confusion=np.asarray(content["confusion"], np.int64),
                name=content["name"],
                notes=content["notes"],
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(
                file=path,
                field="contents",
                expected="a result with protocol and confusion matrix",
                found=f"{type(error).__name__}: {error}",
                remedy="Write it again with `voxway eval`.",
            ) from error
