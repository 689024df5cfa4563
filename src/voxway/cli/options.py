"""Options that several sub-commands share, and how they become configurations. Light to import."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from voxway.core.errors import InputError

if TYPE_CHECKING:
    from voxway.data import DataConfig
    from voxway.prepare.proposals import Source
    from voxway.recipes.recipe import Recipe

SOURCES = ("lidar", "stereo")
Split = Literal["train", "val", "test"]

Out = Annotated[Path, tyro.conf.arg(metavar="DIR")]
Root = Annotated[Path, tyro.conf.arg(metavar="DIR", help="Folder of the dataset, such as the one with sequences/.")]
Benchmark = Annotated[
    Literal["semantickitti", "occ3d-nuscenes", "occ3d-waymo", "openoccupancy-nuscenes"],
    tyro.conf.arg(help="Whose files the folder holds."),
]
Keys = Annotated[
    tuple[str, ...],
    tyro.conf.arg(metavar="KEY", help="Frames such as 08/000005 or a sample token, instead of the whole split."),
]
Sequences = Annotated[
    tuple[str, ...],
    tyro.conf.arg(
        metavar="NAME",
        help="Sequences or scenes, such as 08 or scene-0061, instead of a split. SemanticKITTI: their annotated "
        "frames, or else every fifth image.",
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
Device = Annotated[str, tyro.conf.arg(help="cpu, cuda, cuda:1, or auto for a GPU where there is one.")]


def dataset_config(
    benchmark: str,
    root: Path,
    needs: frozenset[str],
    split: str = "val",
    keys: tuple[str, ...] = (),
    sequences: tuple[str, ...] = (),
    settings: tuple[str, ...] = (),
    partial: bool = True,
) -> DataConfig:
    """Which frames of a benchmark to read, from the options of a command."""
    from voxway.data import dataset

    entry = dataset(benchmark)
    kind = entry.config_type()
    config = kind(root=root, split=split, keys=keys, partial=partial, needs=needs, **{entry.drives: sequences})
    return overridden(config, settings)


def with_proposals(data: DataConfig, source: Source | None, given: str | None) -> tuple[DataConfig, Source | None]:
    """Data and source of proposals after ``--proposals``.

    Raises:
        InputError: neither a source nor a folder, or data whose methods need no proposals.
    """
    if given is None:
        return data, source
    from voxway.data.semantickitti.reader import SemanticKITTIConfig

    if not isinstance(data, SemanticKITTIConfig):
        raise InputError(
            file="--proposals",
            field="benchmark",
            expected="semantickitti, whose methods start from proposals",
            found=type(data).__name__,
            remedy="Leave --proposals out.",
        )
    if given in SOURCES:
        return replace(data, proposals=None), given
    folder = Path(given)
    if not folder.is_dir():
        raise InputError(
            file="--proposals",
            field="value",
            expected=f"{', '.join(SOURCES)} or a folder",
            found=repr(given),
            remedy="Make them with `voxway prepare proposals`, or name a source.",
        )
    tags = sorted({path.suffix.removeprefix(".") for path in folder.glob("*/queries/*.query*")})
    return replace(data, proposals=folder, proposals_tag=tags[0] if tags else data.proposals_tag), None


def select(data: DataConfig, split: str | None, keys: tuple[str, ...], sequences: tuple[str, ...] = ()) -> DataConfig:
    """The data with another split, with whole sequences or scenes, or with single frames."""
    from voxway.data import dataset, dataset_name

    drives = dataset(dataset_name(data)).drives
    if split is not None:
        data = replace(data, split=split)
    if keys:
        return replace(data, keys=keys)
    if sequences or split is not None:
        return replace(data, keys=(), **{drives: sequences})
    return data


def overridden(chosen: Recipe | DataConfig, settings: tuple[str, ...]) -> Any:
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
