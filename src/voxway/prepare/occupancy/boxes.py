"""What boxes say of a scan's returns: which thing each comes from, and whether that moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from voxway.core.errors import InputError
from voxway.core.task import IGNORE, Task
from voxway.data.boxes import TrackedBox, class_names
from voxway.data.recordings import Drive
from voxway.truth.boxes import held


@dataclass(frozen=True)
class Things:
    """The things that returns of one scan come from.

    Attributes:
        boxes: of the recording.
        time_s: of the scan.
        number: of the box that each return lies in, -1 for none.
    """

    boxes: tuple[TrackedBox, ...]
    time_s: float
    number: Int64[np.ndarray, "p"]

    @classmethod
    def of(cls, drive: Drive, points: Float64[np.ndarray, "p 3"], time_s: float) -> Things:
        """Things of a scan.

        Args:
            drive: the recording.
            points: returns in the world, metres.
            time_s: of the scan.
        """
        boxes = drive.boxes()
        known = np.flatnonzero([box.known(time_s) for box in boxes])
        number = np.full(len(points), -1)
        if len(known):
            T = np.stack([boxes[one].at(time_s) for one in known])
            inside = held(points, T, np.stack([boxes[one].size_m for one in known]))
            number = np.where(inside >= 0, known[inside], -1)
        return cls(boxes, time_s, number)

    @property
    def some(self) -> Bool[np.ndarray, "p"]:
        """Which returns come from a thing."""
        return self.number >= 0

    @property
    def moving(self) -> Bool[np.ndarray, "p"]:
        """Which come from one that moves at the time of the scan."""
        return self._those({one for one in self._there if self.boxes[one].moves(self.time_s)})

    @property
    def travelling(self) -> Bool[np.ndarray, "p"]:
        """Which come from one that is elsewhere at other times."""
        return self._those({one for one in self._there if self.boxes[one].travels})

    def classes(self, task: Task) -> UInt8[np.ndarray, "p"]:
        """Class of each return by its thing, 255 for none."""
        table = np.array([*(task.class_id(box.class_name) for box in self.boxes), IGNORE], np.uint8)
        return table[self.number]

    def carried(
        self, points: Float64[np.ndarray, "p 3"], used: Bool[np.ndarray, "p"], time_s: float
    ) -> Iterator[tuple[TrackedBox, Bool[np.ndarray, "p"], Float64[np.ndarray, "n 3"]]]:
        """Each travelling thing of which something is known at another time, too, which returns come from it, and where
        these are then.

        Args:
            points: in the world, metres.
            used: returns that count.
            time_s: the other time.
        """
        for one in sorted(self._there):
            box = self.boxes[one]
            if box.travels and box.known(time_s):
                own = used & (self.number == one)
                T = box.at(time_s) @ np.linalg.inv(box.at(self.time_s))
                yield box, own, points[own] @ T[:3, :3].T + T[:3, 3]

    @property
    def _there(self) -> set[int]:
        return {one for one in np.unique(self.number).tolist() if one >= 0}

    def _those(self, numbers: set[int]) -> Bool[np.ndarray, "p"]:
        return np.isin(self.number, list(numbers))


def with_boxes(task: Task, drive: Drive, *, known: bool) -> Task:
    """Classes with those of a recording's boxes.

    Args:
        task: classes of points or pixels, or of geometry.
        drive: the recording.
        known: boxes must have classes of the task; else theirs are added to it.

    Raises:
        InputError: they have others.
    """
    names, free = class_names(drive.boxes()), task.classes[task.free]
    new = tuple(name for name in names if name not in task.classes)
    wrong = (*(new if known else ()), *(name for name in names if name == free))
    if wrong:
        raise InputError(
            file=drive.box_files()[0],
            field="classes",
            expected=f"classes of {task.name}: {', '.join(task.classes)}" if known else f"things, not {free}",
            found=", ".join(wrong),
            remedy="Call things by the names that the recording's labels have for them, or as you like without labels.",
        )
    if not new:
        return task
    things = tuple(range(len(task.classes), len(task.classes) + len(new)))
    return replace(
        task, classes=(*task.classes, *new), palette=(), evaluated=(), foreground=(*task.foreground, *things)
    )
