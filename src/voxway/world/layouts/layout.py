"""What a layout offers to `generate`: the work to do, cut into jobs, and how to do one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, TypedDict, TypeVar, runtime_checkable

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Job:
    """Some frames of one drive, and which of their files are wanted."""

    root: Path
    """Folder of the world."""
    name: str
    """Which of the configuration's drives."""
    part: str
    """Which files, in the layout's own words."""
    frames: tuple[int, ...]
    """Numbers of frames as the layout counts them; none where the files are about the whole drive."""


@dataclass(frozen=True)
class Stage:
    """Jobs that can be done in any order, by any process, once the stages before are done."""

    what: str
    """A word for the progress bar."""
    jobs: Sequence[Job]


class Record(TypedDict):
    """What `world.json` holds: enough to tell whether a folder is the world that is asked for, and to go on with it."""

    layout: str
    version: int
    config: dict[str, object]


@runtime_checkable
class Layout(Protocol[Answer]):
    """The configuration of a world in one benchmark's layout. Worker processes get a copy, so it must be picklable."""

    layout: ClassVar[str]
    """The layout's name."""
    folders: ClassVar[tuple[str, ...]]
    """Folders below the root that it writes to."""

    def to_json(self) -> Record:
        """The configuration as `world.json` holds it; a folder with another one is refused."""
        ...

    def stages(self, root: Path) -> Sequence[Stage]:
        """What there is to do under `root`, first things first."""
        ...

    def do(self, job: Job) -> Answer:
        """Write a job's files, those that are there already left alone; called in a worker process."""
        ...

    def finish(self, root: Path, answers: Mapping[Job, Answer]) -> None:
        """Write what takes all drives together; called when all jobs are done.

        Args:
            answers: what `do` answered to each.
        """
        ...


def jobs(root: Path, name: str, part: str, frames: Sequence[int], each: int) -> list[Job]:
    """Jobs of `each` frames, the last one of what is left."""
    return [Job(root, name, part, tuple(frames[start : start + each])) for start in range(0, len(frames), each)]
