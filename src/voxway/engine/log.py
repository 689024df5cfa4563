"""What a run records: one JSON line per logged step, and TensorBoard events if asked for."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from voxway.core.errors import MissingExtra
from voxway.core.files import Json, reading, write_bytes, writing
from voxway.core.progress import progress_bar, tracked

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["RunLog", "progress_bar", "read_log", "tracked"]


class RunLog:
    """Appends to ``log.jsonl``; lines after the step that a run resumes from are cut off, so no step stands twice.

    Args:
        folder: of the run.
        step: steps already done.
        tensorboard: also write TensorBoard events.

    Raises:
        MissingExtra: TensorBoard is asked for and not installed.
    """

    def __init__(self, folder: Path, step: int, tensorboard: bool = False) -> None:
        self.path = folder / "log.jsonl"
        with reading(self.path):
            lines = self.path.read_text(errors="replace").splitlines() if self.path.exists() else []
        kept = [line for line in lines if _step_of(line) <= step]
        write_bytes(self.path, "".join(line + "\n" for line in kept).encode())
        with writing(self.path):
            self.file = self.path.open("a", buffering=1)
        self.writer: SummaryWriter | None = None
        self._since = time.perf_counter()
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise MissingExtra("tensorboard", "tensorboard", "event files") from None
            self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def write(self, step: int, **values: object) -> None:
        """Record values of one step."""
        with writing(self.path):
            self.file.write(json.dumps({"step": step, **values}) + "\n")
        if self.writer is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self.writer.add_scalar(name, value, step)

    def lap(self) -> float:
        """Seconds since this was last asked, or since the log was opened."""
        before, self._since = self._since, time.perf_counter()
        return self._since - before

    def close(self) -> None:
        """Close the files."""
        self.file.close()
        if self.writer is not None:
            self.writer.close()


def _step_of(line: str) -> float:
    """The step of a line; infinite of one that was cut off or damaged."""
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return math.inf


def read_log(folder: Path) -> list[dict[str, Json]]:
    """The recorded steps of a run, in order.

    Raises:
        OSError: the folder has no ``log.jsonl``.
    """
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
