"""Data made ready: for every need without a file, its maker is asked."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from voxway.core.errors import OutputError
from voxway.data.config import DataConfig
from voxway.data.job import JobOptions
from voxway.data.prepared.made import check_named
from voxway.engine.distributed import Group
from voxway.prepare import makers
from voxway.prepare.runner import run


def ready(
    data: DataConfig,
    sources: Mapping[str, str],
    cache: Path | None = None,
    group: Group | None = None,
    show: bool = True,
) -> DataConfig:
    """The data's configuration with every prepared file in place that it needs.

    Files that are not there, or were made from something else than is there now, are made and kept in
    ``<cache>/<need>/<source>``.

    Args:
        data: which frames, and what of them.
        sources: what files are made from, by need.
        cache: where they are kept; None: beside the data.
        group: the processes that share the work.
        show: say how far it is.

    Raises:
        InputError: what they are made from is missing or damaged, or nobody said what that is; or a folder that the
            data names holds files of other data.
        OutputError: they cannot be kept there.
    """
    group, store = group or Group(), cache or data.folder
    for need in sorted(data.needs & set(data.prepared)):
        check_named(data.prepared[need], need, partial(_wanted, need, data), data.folder)
    for need in sorted(data.needs & set(makers.MAKERS) - set(data.prepared)):
        maker = makers.MAKERS[need]
        source = sources.get(need) or maker.usual
        if source is None and maker.optional:
            continue
        folder = store / need / (source or "")
        options = JobOptions(source=source, depth=store / "depth" / (source or ""))
        with elsewhere(cache):
            run(
                makers.job(need, data, folder, options),
                shard=(group.rank, group.size),
                show=show and group.leads,
                remake=True,
            )
        group.wait()
        data = data.with_prepared(need, folder)
    return data


def _wanted(need: str, data: DataConfig) -> tuple[Sequence[str], str | None]:
    """The frames of a run, and the grid on which their files must lie."""
    samples = makers.own_samples(data)
    return samples.keys, makers.grid_of(need, samples)


@contextmanager
def elsewhere(cache: Path | None) -> Generator[None]:
    """Where files cannot be kept beside the data, say how to keep them elsewhere."""
    try:
        yield
    except OutputError as error:
        if cache is not None:
            raise
        raise OutputError(
            file=error.file,
            field=error.field,
            expected=f"{error.expected}, as prepared files are kept beside the data",
            found=error.found,
            remedy="Keep them elsewhere: --cache FOLDER (in Python cache=FOLDER).",
        ) from error
