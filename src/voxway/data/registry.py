"""Which datasets there are. A new one is its folder and one line here; a user's own is registered from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from voxway.core.errors import InputError, nearest
from voxway.core.registry import Registry, loaded

if TYPE_CHECKING:  # the command line asks for names, and must not wait for torch
    from voxway.core.benchmark import Benchmark
    from voxway.data.config import DataConfig
    from voxway.data.entry import Check, Dataset, Server
    from voxway.data.label_format import LabelFormat
    from voxway.data.street import StreetNames

T = TypeVar("T")

DATASETS: Registry[Dataset] = Registry(
    "dataset",
    {
        "semantickitti": "voxway.data.semantickitti:DATASET",
        "occ3d-nuscenes": "voxway.data.nuscenes:OCC3D",
        "openoccupancy-nuscenes": "voxway.data.nuscenes:OPENOCCUPANCY",
        "openocc-nuscenes": "voxway.data.nuscenes:OPENOCC",
        "surroundocc-nuscenes": "voxway.data.nuscenes:SURROUNDOCC",
        "occ3d-waymo": "voxway.data.waymo:DATASET",
        "sscbench-kitti360": "voxway.data.kitti360:DATASET",
        "uniocc": "voxway.data.uniocc:DATASET",
        "own": "voxway.data.drives:DATASET",
    },
    how="voxway.data.registry.register('name', Dataset(...))",
)
"""Where each dataset's entry is."""
LABEL_FORMATS: Mapping[str, str] = {
    "semantickitti": "voxway.data.semantickitti.label_files:FILES",
    "occ3d": "voxway.data.nuscenes.label_files:OCC3D",
    "openocc": "voxway.data.nuscenes.label_files:OPENOCC",
    "surroundocc": "voxway.data.nuscenes.label_files:SURROUNDOCC",
    "openoccupancy": "voxway.data.nuscenes.label_files:OPENOCCUPANCY",
    "uniocc": "voxway.data.uniocc.label_files:FILES",
}
"""Forms of files in which voxel labels can be written."""
DEFAULT = "semantickitti"
"""The dataset that commands speak of where none is named."""


def register(name: str, entry: Dataset) -> None:
    """Make a dataset of one's own known to commands and model folders of this process.

    Raises:
        InputError: another dataset has that name.
    """
    DATASETS.add(name, entry)


def names() -> tuple[str, ...]:
    """Names of all datasets."""
    return DATASETS.names()


def dataset(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        InputError: no dataset has it; lists those that there are.
    """
    return DATASETS.entry(name)


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
    return DATASETS.name_of(config, lambda name: config_type(name) if dataset(name).config else None)


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

    files = dataset(name).server
    return OccupancyFiles(benchmark(name)) if files is None else loaded(files)


def label_format(name: str) -> LabelFormat:
    """A form of files for voxel labels.

    Raises:
        InputError: there is none of that name; lists those that there are.
    """
    if name not in LABEL_FORMATS:
        raise nearest(name, list(LABEL_FORMATS), "form of label files")
    where: str | LabelFormat = LABEL_FORMATS[name]
    return loaded(where)


def street_names(name: str) -> StreetNames:
    """What a dataset's classes are among those of the street task.

    Raises:
        InputError: no dataset has that name, or its entry does not say.
    """
    return loaded(_part(name, dataset(name).street, "table of street classes"))


def benchmarks() -> dict[str, Benchmark]:
    """The constants of all benchmarks, by name."""
    return {name: benchmark(name) for name in names()}


def _part(name: str, part: str | T | None, what: str) -> str | T:
    if part is None:
        raise InputError(
            file=f"dataset {name}",
            field=what,
            expected=f"a {what}",
            found="none",
            remedy="Give its entry one, or choose another dataset.",
        )
    return part
