"""Options that several sub-commands share, and how they become configurations. Light to import."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from voxway.core.errors import InputError

if TYPE_CHECKING:
    from voxway.data.semantickitti.reader import SemanticKITTIConfig
    from voxway.prepare.proposals import Source
    from voxway.recipes.recipe import Recipe

SOURCES = ("lidar", "stereo")
Split = Literal["train", "val", "test"]

Out = Annotated[Path, tyro.conf.arg(metavar="DIR")]
Root = Annotated[Path, tyro.conf.arg(metavar="DIR", help="Folder that holds sequences/.")]
Keys = Annotated[
    tuple[str, ...], tyro.conf.arg(metavar="KEY", help="Frames such as 08/000005, instead of the whole split.")
]
Sequences = Annotated[
    tuple[str, ...],
    tyro.conf.arg(
        metavar="SS",
        help="Sequences such as 08, instead of a split: their annotated frames, or else every fifth image.",
    ),
]
Proposals = Annotated[
    str | None,
    tyro.conf.arg(metavar="SOURCE", help="lidar, stereo, or a folder of query files. Default: as in training."),
]
Cache = Annotated[
    Path | None,
    tyro.conf.arg(metavar="DIR", help="Where proposals, pseudo points and depths are kept. Default: beside the data."),
]
Device = Annotated[str, tyro.conf.arg(help="cpu, cuda, cuda:1, or auto for a GPU where there is one.")]


def with_proposals(
    data: SemanticKITTIConfig, source: Source | None, given: str | None
) -> tuple[SemanticKITTIConfig, Source | None]:
    """Data and source of proposals after ``--proposals``.

    Raises:
        InputError: neither a source nor a folder.
    """
    if given is None:
        return data, source
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


def select(
    data: SemanticKITTIConfig, split: str | None, keys: tuple[str, ...], sequences: tuple[str, ...] = ()
) -> SemanticKITTIConfig:
    """The data with another split, with whole sequences, or with single frames."""
    if keys:
        return replace(data, keys=keys)
    if sequences:
        return replace(data, sequences=sequences, keys=())
    if split is not None:
        return replace(data, split=split, sequences=(), keys=())
    return data


def overridden(chosen: Recipe, settings: tuple[str, ...]) -> Any:
    """The recipe after ``--set name=value ...``.

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
