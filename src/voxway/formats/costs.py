"""Costs: what it costs a vehicle to be where a class is. A table that people edit, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from voxway.core.config import from_json, to_json
from voxway.core.errors import InputError, nearest
from voxway.core.files import Json, read_json, write_json
from voxway.core.task import Task

MOST = 100
"""Cost of what must not be touched, as map_server's occupancy has it."""
_REMEDY = "Start from `CostTable.usual(task).save(path)` and change what differs."


@dataclass(frozen=True, kw_only=True)
class CostTable:
    """Class by class what it costs to be there, and what of the space above the ground concerns the vehicle.

    Raises:
        ValueError: a cost or the threshold is not 0..100, or the band is empty.
    """

    costs: Mapping[str, int]
    """0 (free) .. 100 (never) by class name."""
    ground: tuple[str, ...]
    """Classes that can be stood on: their surface carries their cost, and heights are measured from it."""
    height_m: tuple[float, float]
    """From where to where above the ground things are in the way, metres; what only touches the border is not."""
    occupied_from: int = 65
    """Mode trinary: from this cost on a cell is occupied, below it is free."""
    mode: Literal["trinary", "raw"] = "trinary"
    """How cells are written: free, occupied or unknown, or the costs themselves."""

    def __post_init__(self) -> None:
        for name, cost in {**self.costs, "occupied_from": self.occupied_from}.items():
            if not 0 <= cost <= MOST:
                raise ValueError(f"{name}: a cost is a whole number from 0 to {MOST}, got {cost}")
        if not self.height_m[0] < self.height_m[1]:
            raise ValueError(f"height_m: the lower end first, metres above the ground, got {self.height_m}")

    @classmethod
    def usual(cls, task: Task) -> CostTable:
        """The package's own table, for a car on the road: a task's classes; 100 for those that it does not know."""
        table = from_json(cls, json.loads((files("voxway.formats") / "costs.json").read_text("utf-8")), "costs.json")
        classes = [task.classes[number] for number in task.occupied]
        return replace(
            table,
            costs={name: table.costs.get(name, MOST) for name in classes},
            ground=tuple(name for name in table.ground if name in classes),
        )

    @classmethod
    def read(cls, path: Path | str, task: Task) -> CostTable:
        """Read a table; what it does not name stays as in the usual one.

        Raises:
            InputError: absent, no JSON, an unknown field, a class that the task does not have, or a wrong value.
        """
        usual, given = to_json(cls.usual(task)), read_json(path, _REMEDY)
        if not isinstance(given, dict):
            raise _wrong(path, "contents", "an object", type(given).__name__)
        for name in given:
            if name not in usual:
                raise nearest(name, tuple(usual), f"{path}: field")
        costs = given.get("costs", {})
        if not isinstance(costs, dict):
            raise _wrong(path, "costs", "costs by class name", type(costs).__name__)
        _require_classes(path, [*costs, *_texts(given.get("ground", []))], task)
        return from_json(cls, {**usual, **given, "costs": {**usual["costs"], **costs}}, path)

    def save(self, path: Path | str) -> Path:
        """Write it as JSON to edit, atomically.

        Raises:
            OutputError: the file cannot be written.
        """
        write_json(path, to_json(self))
        return Path(path)


def _texts(value: Json) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _require_classes(path: Path | str, names: list[str], task: Task) -> None:
    classes = tuple(task.classes[number] for number in task.occupied)
    for name in names:
        if name not in classes:
            raise nearest(name, classes, f"{path}: class of {task.name}")


def _wrong(path: Path | str, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=_REMEDY)
