"""Cost maps column by column, in loops, for columns that have ground of their own."""

from __future__ import annotations

import numpy as np

from voxway.core.task import IGNORE, Task
from voxway.formats import CostTable


def column_cost(column: np.ndarray, task: Task, table: CostTable) -> int | None:
    """Cost of a column of class ids, from below; None where it has no ground."""
    ground = [task.class_id(name) for name in table.ground]
    top = None
    for z, id in enumerate(column):
        if id in ground:
            top = z
        elif top is not None:
            break
    if top is None:
        return None
    cost, cell = table.costs[task.classes[column[top]]], task.grid.cell[2]
    for z, id in enumerate(column):
        if id in (task.free, IGNORE) or id in ground:
            continue
        below, above = (z - top - 1) * cell, (z - top) * cell
        if above > table.height_m[0] + 1e-6 and below < table.height_m[1] - 1e-6:
            cost = max(cost, table.costs[task.classes[id]])
    return cost
