"""What a run says: one JSON line per logged step, a progress bar, and TensorBoard if asked for."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from voxway.core.errors import MissingExtra
from voxway.core.files import write_bytes, writing

T = TypeVar("T")


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
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
        write_bytes(self.path, "".join(line + "\n" for line in kept).encode())
        with writing(self.path):
            self.file = self.path.open("a", buffering=1)
        self.writer: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise MissingExtra("tensorboard", "tensorboard", "event files") from None
            self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def write(self, step: int, **values: Any) -> None:
        """Record values of one step."""
        with writing(self.path):
            self.file.write(json.dumps({"step": step, **values}) + "\n")
        if self.writer is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Close the files."""
        self.file.close()
        if self.writer is not None:
            self.writer.close()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The recorded steps of a run."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@contextmanager
def progress_bar(what: str, total: int, done: int = 0, show: bool = True) -> Generator[ProgressBar]:
    """A progress bar on the terminal's error stream, with time passed and left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not show) as progress:
        yield ProgressBar(progress, progress.add_task(what, total=total, completed=done, note=""))


class ProgressBar:
    """A bar in progress."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self.progress, self.task = progress, task

    def advance(self, note: str = "") -> None:
        """One more is done."""
        self.progress.update(self.task, advance=1, note=note)


def tracked(items: Iterable[T], what: str, total: int, show: bool = True) -> Generator[T]:
    """Iterate with a progress bar."""
    with progress_bar(what, total, show=show) as bar:
        for item in items:
            yield item
            bar.advance()
