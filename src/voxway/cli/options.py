"""Options that several sub-commands share, and how they become configurations. Light to import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import tyro

from voxway.core.errors import InputError

if TYPE_CHECKING:
    from voxway.data.config import DataConfig

Split = Literal["train", "val", "test"]
C = TypeVar("C")

Out = Annotated[Path, tyro.conf.arg(metavar="DIR")]
Root = Annotated[Path, tyro.conf.arg(metavar="DIR", help="Folder of the dataset.")]
Benchmark = Annotated[
    str, tyro.conf.arg(metavar="NAME", help="Whose files the folder holds; a wrong name is answered with the list.")
]
Keys = Annotated[
    tuple[str, ...],
    tyro.conf.arg(metavar="KEY", help="Frames such as 08/000005 or a sample token, instead of the whole split."),
]
Metric = Annotated[
    Literal["miou", "ray", "panoptic", "flow", "flow-package"],
    tyro.conf.arg(
        help="miou: voxels within the benchmark's masks. ray: rays of a LiDAR without any mask: RayIoU where it is "
        "defined, elsewhere RayIoU* by a rule of voxway's. panoptic: besides, RayPQ of instances. flow, flow-package: "
        "besides, errors of speeds, by either of two published counts."
    ),
]
Sequences = Annotated[
    tuple[str, ...],
    tyro.conf.arg(
        metavar="NAME",
        help="Sequences or scenes, such as 08 or scene-0061, instead of a split: their annotated frames, or where a "
        "drive of one's own has none, every fifth image.",
    ),
]
Settings = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE", help="Further settings.")]
Proposals = Annotated[
    str | None,
    tyro.conf.arg(metavar="SOURCE", help="lidar, stereo, or a folder of query files. Default: as in training."),
]
Cache = Annotated[
    Path | None,
    tyro.conf.arg(metavar="DIR", help="Where proposals, pseudo points and depths are kept. Default: beside the data."),
]
SpareMemory = Annotated[
    bool,
    tyro.conf.arg(
        help="On a CPU, return freed memory at once: up to a third less of it at a time, some percent slower."
    ),
]
Device = Annotated[str, tyro.conf.arg(help="cpu, cuda, cuda:1, or auto for a GPU where there is one.")]


def dataset_config(
    benchmark: str,
    root: Path,
    needs: frozenset[str],
    split: Split = "val",
    keys: tuple[str, ...] = (),
    sequences: tuple[str, ...] = (),
    settings: tuple[str, ...] = (),
    partial: bool = True,
) -> DataConfig:
    """Which frames of a benchmark to read, from the options of a command."""
    from voxway.api.data import dataset

    return overridden(dataset(benchmark, root, needs, split, keys=keys, drives=sequences, partial=partial), settings)


def overridden(chosen: C, settings: tuple[str, ...]) -> C:
    """The recipe, or another configuration, after ``--set name=value ...``.

    Raises:
        InputError: not of that form, no such setting, or a value that does not fit.
    """
    from voxway.core.config import override_all

    pairs = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise InputError(
                file="--set",
                field=setting,
                expected="name=value, such as train.steps=100",
                found=setting,
                remedy="Names are those of the recipe's configuration, see run.json of any run.",
            )
        pairs[name] = value
    return override_all(chosen, pairs)
