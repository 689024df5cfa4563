"""Which datasets there are. A new one is its folder and one line here; a user's own is registered from outside."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, TypeVar, cast

from voxway.core.errors import InputError, nearest

if TYPE_CHECKING:  # the command line asks for names, and must not wait for torch
    from voxway.core.benchmark import Benchmark
    from voxway.data.config import DataConfig
    from voxway.data.entry import Check, Dataset, Server

T = TypeVar("T")

_LISTED = {
    "semantickitti": "voxway.data.semantickitti",
    "occ3d-nuscenes": "voxway.data.nuscenes",
    "openoccupancy-nuscenes": "voxway.data.nuscenes",
    "occ3d-waymo": "voxway.data.waymo",
    "sscbench-kitti360": "voxway.data.kitti360",
}
"""Folder whose `DATASETS` has the entry."""
DEFAULT = "semantickitti"
"""The dataset that commands speak of where none is named."""

_registered: dict[str, Dataset] = {}


def register(name: str, entry: Dataset) -> None:
    """Make a dataset of one's own known to commands and model folders of this process.

    Raises:
        InputError: another dataset has that name.
    """
    if name in _LISTED or _registered.get(name, entry) != entry:
        raise InputError(
            file=f"dataset {name}",
            field="name",
            expected="one that no other dataset has",
            found=name,
            remedy="Choose another name.",
        )
    _registered[name] = entry


def names() -> tuple[str, ...]:
    """Names of all datasets."""
    return (*_LISTED, *_registered)


def dataset(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        InputError: no dataset has it; lists those that there are.
    """
    if name in _registered:
        return _registered[name]
    if name not in _LISTED:
        raise nearest(name, names(), "benchmark")
    return importlib.import_module(_LISTED[name]).DATASETS[name]


def benchmark(name: str) -> Benchmark:
    """The constants of a benchmark.

    Raises:
        InputError: no dataset has that name.
    """
    return loaded(dataset(name).benchmark)


def config_type(name: str) -> type[DataConfig]:
    """The configuration class of a dataset.

    Raises:
        InputError: no dataset has that name, or it has no reader yet.
    """
    entry = dataset(name)
    return loaded(_part(name, entry.config, "reader"))


def config_name(config: DataConfig) -> str:
    """The name under which a configuration's class is listed or registered.

    Raises:
        InputError: it is neither.
    """
    for name in names():
        if dataset(name).config and config_type(name) is type(config):
            return name
    raise InputError(
        file=f"{type(config).__module__}.{type(config).__qualname__}",
        field="dataset",
        expected=f"a configuration of {', '.join(names())}, or of a registered dataset",
        found="neither",
        remedy="Register it first: voxway.data.registry.register('name', Dataset(...)).",
    )


def checker(name: str) -> Check:
    """What checks a dataset's copies.

    Raises:
        InputError: no dataset has that name, or it has no check.
    """
    return loaded(_part(name, dataset(name).check, "check"))


def server(name: str) -> Server:
    """What reads and writes a dataset's predictions: as its server takes them, or plainly where it has none.

    Raises:
        InputError: no dataset has that name.
    """
    from voxway.data.files.predictions import OccupancyFiles

    place = dataset(name).server
    return OccupancyFiles(benchmark(name)) if place is None else loaded(place)


def benchmarks() -> dict[str, Benchmark]:
    """The constants of all benchmarks, by name."""
    return {name: benchmark(name) for name in names()}


def loaded(place: str | T) -> T:
    """Anything but a text as it is; of a text, the thing at ``"module:name"``, or the module ``"module"``."""
    if not isinstance(place, str):
        return place
    module, colon, name = place.partition(":")
    found = importlib.import_module(module)
    # What a text names is of the type that its field says; nothing can check that before it is used.
    return cast(T, getattr(found, name) if colon else found)


def _part(name: str, place: str | T | None, what: str) -> str | T:
    if place is None:
        raise InputError(
            file=f"dataset {name}",
            field=what,
            expected=f"a {what}",
            found="none",
            remedy="Give its entry one, or choose another dataset.",
        )
    return place
