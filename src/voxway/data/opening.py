"""A dataset's reader, once it is clear that the folder holds that dataset and not another."""

from __future__ import annotations

from voxway.core.errors import InputError
from voxway.data import registry
from voxway.data.config import DataConfig
from voxway.data.files.names import meant_root
from voxway.data.reader import Reader


def open_reader(config: DataConfig) -> Reader:
    """What reads a dataset's files.

    Raises:
        InputError: the folder is laid out as that of another dataset; see also `DataConfig.reader`.
    """
    if config.is_root(config.folder) is False:
        others = _laid_out_as(config)
        if others:
            raise InputError(
                file=config.root,
                field="benchmark",
                expected=f"a folder of {registry.config_name(config)}",
                found=f"one of {' or '.join(others)}",
                remedy=f"Pass --benchmark {others[0]}, or take a recipe or network of that benchmark.",
            )
    return config.reader()


def _laid_out_as(config: DataConfig) -> list[str]:
    """Names of the datasets whose layout the root has."""
    kinds = {name: registry.config_type(name) for name in registry.names() if registry.dataset(name).config}
    return [n for n, kind in kinds.items() if kind.is_root(meant_root(config.root, kind.is_root, kind.parts))]
