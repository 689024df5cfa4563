"""Readers of published datasets, one folder each, and the list by which commands know them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Protocol, runtime_checkable

from voxway.core.benchmark import Benchmark
from voxway.core.errors import nearest
from voxway.core.sample import Sample


@runtime_checkable
class Reader(Protocol):
    """Samples of one benchmark by position or by key; `torch.utils.data.DataLoader` takes it as it is."""

    @property
    def benchmark(self) -> Benchmark:
        """What is read."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the samples, in order."""
        ...

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def __getitem__(self, index: Any, /) -> Sample:
        """The sample at a position, or of a key."""
        ...


@runtime_checkable
class DataConfig(Protocol):
    """Which samples to read, and what of them: what all datasets' configurations have in common."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def root(self) -> Path:
        """Folder of the dataset."""
        ...

    @property
    def split(self) -> str:
        """Which of the benchmark's splits."""
        ...

    @property
    def keys(self) -> Sequence[str]:
        """Frames to read instead of the whole split."""
        ...

    @property
    def partial(self) -> bool:
        """Whether a copy may lack parts of the split."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """Fields of a sample to load."""
        ...

    def build(self) -> Reader:
        """The reader."""
        ...


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Where a benchmark's data is read, checked and handed in. Parts are imported when they are asked for."""

    config: str
    """``module:Class`` of the reader's configuration."""
    check: str
    """``module:function`` that says what is missing from a copy, or wrong with it."""
    submission: str
    """Module that writes, reads, checks and packs predictions as the benchmark's server takes them."""
    drives: str = "sequences"
    """Field of the configuration that selects whole drives by name."""

    def config_type(self) -> type[Any]:
        """The configuration's class."""
        return _load(self.config)

    def checker(self) -> Any:
        """``(config, contents, advance) -> Report``."""
        return _load(self.check)

    def submissions(self) -> ModuleType:
        """The module with `write_prediction`, `read_prediction`, `check_submission` and `zip_submission`."""
        return importlib.import_module(self.submission)


DATASETS: Mapping[str, Dataset] = {
    "semantickitti": Dataset(
        config="voxway.data.semantickitti.reader:SemanticKITTIConfig",
        check="voxway.data.semantickitti.check:check_semantickitti",
        submission="voxway.data.semantickitti.submission",
    ),
    "occ3d-nuscenes": Dataset(
        config="voxway.data.nuscenes.occ3d:Occ3DNuScenesConfig",
        check="voxway.data.nuscenes.check:check_occ3d_nuscenes",
        submission="voxway.data.nuscenes.submission",
        drives="scenes",
    ),
    "openoccupancy-nuscenes": Dataset(
        config="voxway.data.nuscenes.openoccupancy:OpenOccupancyConfig",
        check="voxway.data.nuscenes.check:check_openoccupancy",
        submission="voxway.data.nuscenes.openoccupancy_submission",
        drives="scenes",
    ),
    "occ3d-waymo": Dataset(
        config="voxway.data.waymo.reader:Occ3DWaymoConfig",
        check="voxway.data.waymo.check:check_occ3d_waymo",
        submission="voxway.data.waymo.submission",
    ),
}


def dataset(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        InputError: no dataset has it.
    """
    if name not in DATASETS:
        raise nearest(name, list(DATASETS), "benchmark with a reader")
    return DATASETS[name]


def dataset_name(config: DataConfig) -> str:
    """The name under which a configuration's class is listed."""
    where = f"{type(config).__module__}:{type(config).__qualname__}"
    for name, entry in DATASETS.items():
        if entry.config == where:
            return name
    raise KeyError(f"{where} is not listed in voxway.data.DATASETS")


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)
