"""Worlds in nuScenes' layout: how one is asked for, and the work that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

from voxway.data.nuscenes.splits import VALIDATION
from voxway.world.layouts.amounts import check_amounts, spread
from voxway.world.layouts.layout import Job, Record, Stage, jobs
from voxway.world.layouts.nuscenes.plan import NuScenesPlan
from voxway.world.layouts.nuscenes.tables import VERSION as TABLES
from voxway.world.layouts.nuscenes.tables import SceneRows, has_tables, scene_rows, write_tables
from voxway.world.layouts.nuscenes.write import SceneWriter
from voxway.world.layouts.semantics import FOLDER, as_recorded

VERSION = 1
"""Raised whenever the same configuration comes to mean other bytes."""
TRAIN_SCENES = tuple(f"scene-{n:04d}" for n in (1, 2, *range(4, 12), *range(19, 35), *range(41, 77)))
"""First scenes of the official training split."""
VAL_SCENES = tuple(sorted(VALIDATION))
"""The official validation split."""
_CHUNK = 10
"""Key frames per job: each needs scans from a while before and after, which neighbours share."""


class NuScenesWorldConfig(NuScenesPlan):
    """A synthetic world in nuScenes' layout with Occ3D labels. The same configuration always gives the same bytes."""

    layout: ClassVar[str] = "nuscenes"
    folders: ClassVar[tuple[str, ...]] = (
        "samples",
        "sweeps",
        "gts",
        "nuScenes-Occupancy-v0.1",
        "surroundocc",
        TABLES,
        FOLDER,
    )

    def to_json(self) -> Record:
        """The configuration as `world.json` holds it."""
        content = {**asdict(self), "scenes": dict(self.scenes)}
        if not self.surroundocc:  # as in worlds before there was that choice
            del content["surroundocc"]
        return {"layout": self.layout, "version": VERSION, "config": as_recorded(content)}

    def stages(self, root: Path) -> Sequence[Stage]:
        """Key frames with the sweeps before each, and after each scene's the rows that the tables hold about it."""
        todo: list[Job] = []
        tables = not has_tables(root, self)
        for name in self.names:
            todo += jobs(root, name, "keys", self.keys(name), _CHUNK)
            if tables:
                # Right after the scene's files, by a process that has its street at hand.
                todo.append(Job(root, name, "tables", ()))
        return [Stage("driving", todo)]

    def do(self, job: Job) -> SceneRows | None:
        """Write key frames, or answer a scene's rows."""
        if job.part == "tables":
            return scene_rows(self, job.name)
        SceneWriter(job.root, self, job.name).write_keys(job.frames)
        return None

    def finish(self, root: Path, answers: Mapping[Job, SceneRows | None]) -> None:
        """Write the tables, unless they are there."""
        rows = {job.name: found for job, found in answers.items() if found is not None}
        if rows:
            write_tables(root, self, [rows[name] for name in self.names])


def nuscenes_world(
    train: int,
    val: int,
    sequences: int = 4,
    seed: int = 0,
    *,
    full_size: bool = False,
    openoccupancy: bool = False,
    surroundocc: bool = False,
    semantics: bool = False,
) -> NuScenesWorldConfig:
    """A world with `train` key frames spread over `sequences` training scenes, and a quarter as many scenes with `val`.

    Args:
        full_size: images of 900 x 1600 and 1084 LiDAR shots, instead of a quarter and half of that.
        openoccupancy: write OpenOccupancy's labels of 0.2 m too.
        surroundocc: write SurroundOcc's labels of 0.5 m too.
        semantics: write the class of every pixel too.

    Raises:
        InputError: a count is out of range.
    """
    check_amounts(train, val, sequences, len(TRAIN_SCENES), seed)
    shares = spread(train, TRAIN_SCENES, sequences) | spread(val, VAL_SCENES, max(sequences // 4, 1))
    world = NuScenesWorldConfig(
        seed=seed, semantics=semantics, scenes=shares, openoccupancy=openoccupancy, surroundocc=surroundocc
    )
    return world if full_size else replace(world, width_px=400, columns=540, truth_sweeps=60, truth_stride=6)
