"""A run's folder belongs to one configuration, and to one process at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from voxway.core.errors import InputError
from voxway.core.files import Json, present, read_json, write_json
from voxway.core.lock import locked
from voxway.engine.distributed import Group
from voxway.engine.model_files import WEIGHTS

LABELS = "labels.json"
"""Of few labels: which frames had some (`voxway.core.label_list`)."""
MAY_CHANGE = (
    "train.workers",
    "train.log_every",
    "train.checkpoint_every",
    "train.keep",
    "train.tensorboard",
    "data.root",
    "data.prepared.*",
    "data.labelled_list",
    "start.source",
    "teacher*.model",
    "teacher*.features",
)
"""What a run may be continued with other values of, as no result depends on it: how work is done and recorded, and
where things lie. What lies there is recorded apart, by names of frames and by fingerprints. That there is something
may not change."""


@contextmanager
def owned(folder: Path, group: Group) -> Generator[None]:
    """Keep other processes than the group's out of a run's folder.

    Raises:
        InputError: another one works there.
        OutputError: it cannot be written to.
    """
    if not group.leads:
        yield
        return
    with locked(folder):
        yield


def claim(folder: Path, run: Mapping[str, object], group: Group) -> None:
    """Make the folder this run's by writing ``run.json``, or make sure that it is.

    Raises:
        InputError: the folder holds another run; says field by field what it was and what it is.
        OutputError: it cannot be written.
    """
    path = folder / "run.json"
    if present(path):
        before, now = dict(_fields(read_json(path))), dict(_fields(json.loads(json.dumps(run))))
        differing = [name for name in {**before, **now} if not _alike(name, before, now)]
        if differing:
            changes = [f"{name}: {_said(before, name)} -> {_said(now, name)}" for name in differing]
            raise InputError(
                file=path,
                field=", ".join(differing),
                expected="what the run began with",
                found="; ".join(changes),
                remedy="Choose another --out folder, or continue with the settings that the run began with.",
            )
    elif group.leads:
        write_json(path, run)
    group.wait()


def finished(folder: Path) -> bool:
    """Whether the run has left its trained network, whose weights are written last."""
    return present(folder / "model" / WEIGHTS)


def _fields(value: Json, name: str = "") -> Generator[tuple[str, Json]]:
    """Dotted names with their values; a list of plain values is one."""
    items = dict(enumerate(value)) if isinstance(value, list) and any(isinstance(i, dict) for i in value) else value
    if isinstance(items, dict) and items:
        for key, item in items.items():
            yield from _fields(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _alike(name: str, before: Mapping[str, Json], now: Mapping[str, Json]) -> bool:
    """Whether two records have the same in a field, or what gives the same results.

    A setting that is off may be absent, as from runs of versions that did not have it.
    """
    old, new = before.get(name), now.get(name)
    if old == new:
        return True
    if name not in before or name not in now:
        return False
    if name in MAY_CHANGE:
        return True
    if not (isinstance(old, str) and isinstance(new, str)):
        return False
    if any(fnmatchcase(name, pattern) for pattern in MAY_CHANGE):
        return True
    return name.startswith("data.") and (
        os.path.realpath(old) == os.path.realpath(new) or _below_root(old, before) == _below_root(new, now)
    )


def _below_root(place: str, run: Mapping[str, Json]) -> str:
    """Where something lies below the data's folder; as it is if it lies elsewhere."""
    root = run.get("data.root")
    return f"<root>{place.removeprefix(root)}" if isinstance(root, str) and place.startswith(root + os.sep) else place


def _said(fields: Mapping[str, Json], name: str) -> str:
    text = json.dumps(fields[name]) if name in fields else "absent"
    return text if len(text) <= 80 else f"{text[:77]}..."
