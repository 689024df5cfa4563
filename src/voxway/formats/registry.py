"""Which formats there are, and how each is written: one file for a moment, or one for all moments of a drive."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from voxway.core.errors import InputError
from voxway.core.registry import Registry, loaded
from voxway.formats.moment import Moment
from voxway.formats.options import WriteOptions

Write = Callable[[Path, Moment, WriteOptions], None]
Record = Callable[[Path, WriteOptions], AbstractContextManager[Callable[[Moment], None]]]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file. One of `write` and `record` is there; a text is ``"module:function"``.

    Attributes:
        suffixes: endings of its files' names; the first is what files get that a command names.
        write: writes one moment.
        record: opens a file for the moments of a drive, and gives what takes them one by one.
    """

    suffixes: tuple[str, ...]
    write: str | Write | None = None
    record: str | Record | None = None


FORMATS: Registry[Format] = Registry(
    "format",
    {
        "npz": Format(suffixes=(".npz",), write="voxway.formats.npz:write_npz"),
        "ply": Format(suffixes=(".ply",), write="voxway.formats.ply:write_points"),
        "ply-cubes": Format(suffixes=(".cubes.ply",), write="voxway.formats.ply:write_cubes"),
        "costmap": Format(suffixes=(".yaml", ".pgm"), write="voxway.formats.cost_map:write_cost_map"),
        "mcap": Format(suffixes=(".mcap",), record="voxway.formats.foxglove:record_mcap"),
        "rrd": Format(suffixes=(".rrd",), record="voxway.formats.rerun:record_rrd"),
    },
    how="voxway.formats.registry.FORMATS.add('name', Format(...))",
)
"""Formats by name."""


def format_of(path: Path) -> str:
    """The format whose files end as this one's name does, in the most letters.

    Raises:
        InputError: none does.
    """
    endings = {ending: name for name in FORMATS.names() for ending in FORMATS.entry(name).suffixes}
    fitting = [ending for ending in endings if path.name.lower().endswith(ending)]
    if fitting:
        return endings[max(fitting, key=len)]
    raise InputError(
        file=path,
        field="name",
        expected=f"a name that ends in {', '.join(endings)}",
        found=path.name,
        remedy=f"Change the ending, or name a format: {', '.join(FORMATS.names())}.",
    )


def write_moment(name: str, path: Path, moment: Moment, options: WriteOptions) -> None:
    """Write one moment into a file of its own, atomically.

    Raises:
        InputError: no such format, or something that it needs is not known.
        MissingExtra: an optional package is needed.
        OutputError: the file cannot be written.
    """
    entry = FORMATS.entry(name)
    if entry.write is not None:
        loaded(entry.write)(path, moment, options)
    elif entry.record is not None:
        with loaded(entry.record)(path, options) as add:
            add(moment)
