"""Benchmarks' layouts that worlds are written in: a folder, and one entry in `LAYOUTS`, each."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from voxway.core.errors import InputError, nearest
from voxway.world.layouts.layout import Layout


@runtime_checkable
class Planner(Protocol):
    """Makes a layout's configuration from how much a person wants."""

    def __call__(
        self, train: int, val: int, sequences: int = ..., seed: int = ..., *, full_size: bool = ..., **extras: bool
    ) -> Layout: ...


@dataclass(frozen=True)
class Entry:
    """A layout, which is imported when it is asked for."""

    planner: str
    """``module:function`` of its `Planner`."""
    holds: str
    """Which cameras and labels a world of it has, in a few words."""
    extras: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Further options of the planner -> why other layouts lack them."""


_HERE = "voxway.world.layouts"
_NAMED = {"semantics": "whose frames have a name each that no other split's have"}
"""Further options of most planners."""
LAYOUTS: Mapping[str, Entry] = {
    "semantickitti": Entry(f"{_HERE}.semantickitti.config:semantickitti_world", "a stereo pair", _NAMED),
    "nuscenes": Entry(
        f"{_HERE}.nuscenes.config:nuscenes_world",
        "six cameras, labels of Occ3D",
        {
            "openoccupancy": "whose key frames OpenOccupancy labels",
            "surroundocc": "whose key frames SurroundOcc labels",
            **_NAMED,
        },
    ),
    "waymo": Entry(f"{_HERE}.waymo.config:waymo_world", "five cameras, labels of Occ3D"),
    "kitti360": Entry(f"{_HERE}.kitti360.config:kitti360_world", "a stereo pair, labels of SSCBench", _NAMED),
    "rigs": Entry(
        f"{_HERE}.rigs.config:rigs_world",
        "a rig of its own in every drive, labels of the street",
        {"shifted": "in whose worlds networks are tried that learnt in the usual style"},
    ),
}
DEFAULT = "semantickitti"
"""The layout that is written where none is named; the demo's."""


def with_extra(extra: str) -> str:
    """Names of the layouts that have an extra option."""
    return " or ".join(name for name, entry in LAYOUTS.items() if extra in entry.extras)


def world_config(
    layout: str,
    train: int,
    val: int,
    sequences: int = 4,
    seed: int = 0,
    *,
    full_size: bool = False,
    extras: Collection[str] = (),
) -> Layout:
    """The configuration of a world in a layout.

    Args:
        layout: one of `LAYOUTS`.
        train: labelled frames for training, in all.
        val: labelled frames for validation, on other streets.
        sequences: drives that the training frames are spread over.
        seed: everything is drawn from it.
        full_size: images and LiDAR as large as the real ones, instead of what is quick to make and to learn from.
        extras: which of the layout's further options to switch on.

    Raises:
        InputError: no layout has that name, it lacks an extra, or an amount is out of range.
    """
    if layout not in LAYOUTS:
        raise nearest(layout, list(LAYOUTS), "--layout")
    entry = LAYOUTS[layout]
    for extra in extras:
        if extra not in entry.extras:
            reasons = {name: known for other in LAYOUTS.values() for name, known in other.extras.items()}
            if extra not in reasons:
                raise nearest(extra, list(reasons), "world")
            raise InputError(
                file="world",
                field=f"--{extra}",
                expected=f"--layout {with_extra(extra)}, {reasons[extra]}",
                found=f"--layout {layout}",
                remedy="Leave one of the two out.",
            )
    module, _, function = entry.planner.partition(":")
    planner: Planner = getattr(importlib.import_module(module), function)
    return planner(train, val, sequences, seed, full_size=full_size, **dict.fromkeys(extras, True))
