"""Volumes: the class ids of occupancies as numpy has them, and the one task that several of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import torch
from jaxtyping import UInt8

from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.task import Task


def class_ids(occupancy: Occupancy) -> UInt8[np.ndarray, "x y z"]:
    """Class ids on the CPU, C order; 255 where unknown."""
    return occupancy.classes.to("cpu", torch.uint8).contiguous().numpy()


def common_task(volumes: Sequence[tuple[str, Occupancy]]) -> Task:
    """The task of all volumes (at least one); each comes with a name for the error.

    Raises:
        InputError: two volumes differ in their task; says in which field.
    """
    (first, occupancy), *others = volumes
    task = occupancy.task
    for name, other in others:
        for field in fields(Task):
            expected, found = getattr(task, field.name), getattr(other.task, field.name)
            if found != expected:
                raise InputError(
                    file=name,
                    field=f"task, {field.name}",
                    expected=f"{expected}, as {first} has",
                    found=found,
                    remedy="Show volumes of one task together, others in a picture or on a page of their own.",
                )
    return task
