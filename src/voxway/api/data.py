"""Choosing data: which frames, and where their prepared files come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from voxway.core.errors import InputError
from voxway.data import registry
from voxway.data.config import DataConfig, Split
from voxway.prepare.makers import MAKERS


def dataset(
    benchmark: str,
    root: Path,
    needs: frozenset[str],
    split: Split = "val",
    *,
    keys: Sequence[str] = (),
    drives: Sequence[str] = (),
    partial: bool = True,
) -> DataConfig:
    """Frames of a benchmark in a folder.

    Raises:
        InputError: no benchmark has that name, or it has no reader.
    """
    kind = registry.config_type(benchmark)
    return kind(root=root, split=split, keys=tuple(keys), drives=tuple(drives), partial=partial, needs=needs)


def select(data: DataConfig, split: Split | None, keys: Sequence[str] = (), drives: Sequence[str] = ()) -> DataConfig:
    """The data with another split, with whole drives, or with single frames."""
    if split is not None:
        data = replace(data, split=split)
    if keys:
        return replace(data, keys=tuple(keys))
    if drives or split is not None:
        return replace(data, keys=(), drives=tuple(drives))
    return data


def with_origin(
    data: DataConfig, sources: Mapping[str, str], need: str, given: str | None
) -> tuple[DataConfig, dict[str, str]]:
    """Data and sources after a person named where prepared files come from.

    Args:
        data: what is read.
        sources: what prepared files are made from, by need.
        need: which files.
        given: a source of their maker, or a folder that holds them; None changes nothing.

    Raises:
        InputError: neither a source nor a folder, or data that needs no such files.
    """
    if given is None:
        return data, dict(sources)
    if need not in data.needs:
        raise InputError(
            file=f"--{need}",
            field="network",
            expected=f"one that reads {need}",
            found=f"one that reads {', '.join(sorted(data.needs))}",
            remedy=f"Leave --{need} out.",
        )
    others = {name: source for name, source in sources.items() if name != need}
    if given in MAKERS[need].sources:
        kept = {name: folder for name, folder in data.prepared.items() if name != need}
        return replace(data, prepared=kept), {**others, need: given}
    if not Path(given).is_dir():
        raise InputError(
            file=f"--{need}",
            field="value",
            expected=f"{', '.join(MAKERS[need].sources)} or a folder",
            found=repr(given),
            remedy=f"Make them with `voxway prepare {need}`, or name a source.",
        )
    return data.with_prepared(need, Path(given)), others
