"""Makers: how each kind of prepared file is made, by need and source, for any dataset. Users may register theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from voxway.core.errors import InputError, nearest
from voxway.core.files import Json
from voxway.core.registry import add, loaded
from voxway.data.config import DataConfig
from voxway.data.job import Job, JobOptions
from voxway.data.prepared.made import Origin
from voxway.data.prepared.registry import prepared_format
from voxway.data.samples import Samples
from voxway.view.png import write_png

Make = Callable[[str], np.ndarray]
"""From a frame's key to what its file holds; a pure function of the data."""


@dataclass(frozen=True, kw_only=True)
class Making:
    """How files are made, and what from."""

    make: Make
    """Makes one."""
    sources: Callable[[str], Sequence[Path]]
    """Of a key, the files that are read."""
    settings: Mapping[str, Json] = field(default_factory=dict)
    """All else that changes what is made."""
    picture: Callable[[str, np.ndarray], np.ndarray] | None = None
    """Draws what was made of a frame, as RGB, for people to look at."""


Source = Callable[[DataConfig, JobOptions], Make | Making]
"""Opens what it reads. Where it does not say what that is, it is taken to be all that was recorded of a frame."""


@dataclass(frozen=True, kw_only=True)
class Maker:
    """How the prepared files of one need are made."""

    need: str
    """Which they serve; `voxway.data.prepared` says where they lie and how they are read."""
    sources: Mapping[str, str | Source]
    """What they may be made from: name -> ``"module:function"``, or the function."""
    usual: str | None = None
    """The source that is taken if none is named. None: one must be named."""
    version: int = 1
    """To be counted up whenever it makes something else from the same."""
    on_grid: bool = False
    """Whether what it makes lies on the voxels of the dataset's task, so that another grid needs other files."""
    optional: bool = False
    """Whether readers or steps can serve the need as well, so that files are made only where a source is named."""


PICTURED = 100
"""Of so many frames one is drawn in ``pictures/`` beside the files, where a source can draw what it makes."""

_PREPARE = "voxway.prepare"
MAKERS: dict[str, Maker] = {
    maker.need: maker
    for maker in (
        Maker(
            need="proposals",
            sources={name: f"{_PREPARE}.proposals:from_{name}" for name in ("lidar", "stereo", "network")},
            on_grid=True,
        ),
        Maker(
            need="pseudo",
            sources=dict.fromkeys(("stereo", "stored", "transformers"), f"{_PREPARE}.pseudo:from_depth"),
            usual="stereo",
            on_grid=True,
        ),
        Maker(
            need="evidence",
            sources={"lidar": f"{_PREPARE}.evidence:from_lidar"},
            usual="lidar",
            on_grid=True,
        ),
        Maker(
            need="pseudo_labels",
            sources={
                "models": f"{_PREPARE}.pseudo_labels:from_models",
                "world": "voxway.world.segmenter:from_world",
            },
        ),
        Maker(
            need="depth",
            sources=dict.fromkeys(("stereo", "transformers"), f"{_PREPARE}.depth:maps"),
            optional=True,
        ),
    )
}
"""By need."""


def register(maker: Maker) -> None:
    """Make a maker of one's own known to this process; its need must have a format (`voxway.data.prepared.registry`).

    Raises:
        InputError: its need has no format, or another maker.
    """
    prepared_format(maker.need)
    add(MAKERS, maker.need, maker, "maker")


def job(need: str, data: DataConfig, folder: Path, options: JobOptions | None = None) -> Job:
    """What there is to make for the frames that `data` reads.

    Args:
        need: which files.
        data: which frames; what it loads besides is not looked at.
        folder: where to write; existing files are kept.
        options: source and settings.

    Raises:
        InputError: no maker for the need, no such source, or what the source reads is missing.
        MissingExtra: a source's package is not installed.
    """
    if need not in MAKERS:
        raise nearest(need, list(MAKERS), "need with a maker")
    maker, options = MAKERS[need], options or JobOptions()
    name = options.source or maker.usual
    if name is None:
        first = next(iter(maker.sources))
        raise InputError(
            file=data.root,
            field=need,
            expected=f"what to make them from: {', '.join(maker.sources)}",
            found="neither that nor a folder",
            remedy=f"Pass --{need} {first} or --{need} FOLDER where the command has that; else make them "
            f"(`voxway prepare`, --source {first}) and pass --set data.prepared.{need}=FOLDER.",
        )
    if name not in maker.sources:
        raise nearest(name, list(maker.sources), f"source of {need}")
    source, kept = maker.sources[name], prepared_format(need)
    options = replace(options, source=name, depth=options.depth or folder / "depth" / name, kept=folder)
    making = loaded(source)(data, options)
    if not isinstance(making, Making):
        making = Making(make=making, sources=_recorded(data))
    samples = own_samples(data)
    origin = Origin(
        folder=folder,
        name=need,
        maker=f"{need} from {name}",
        version=maker.version,
        settings=making.settings,
        grid=grid_of(need, samples),
        root=data.folder,
        sources=making.sources,
    )
    keys = samples.keys
    drawn = frozenset(keys[::PICTURED] if making.picture else ())

    def make(key: str, path: Path) -> None:
        made = making.make(key)
        if making.picture is not None and key in drawn:
            write_png(folder / "pictures" / f"{key}.png", making.picture(key, made))
        kept.write(path, made)  # last, as the frame is done with it

    return Job(what=origin.maker, keys=keys, target=lambda key: kept.path(folder, key), make=make, origin=origin)


def _recorded(data: DataConfig) -> Callable[[str], Sequence[Path]]:
    """All that was recorded of a frame."""
    reader = data.raw().reader()
    fields = sorted(reader.provides & {"images", "points", "pose"})
    return lambda key: list(dict.fromkeys(path for field in fields for path in reader.files(key, field)))


def own_samples(data: DataConfig) -> Samples:
    """The run's own frames: without a target to read, a reader may find more frames than are annotated."""
    return replace(data, needs=data.needs - set(MAKERS), prepared={}).build()


def grid_of(need: str, samples: Samples) -> str | None:
    """The grid that a need's files lie on, in words; None of those that lie on none."""
    return str(samples.task.grid) if need in MAKERS and MAKERS[need].on_grid else None
