"""A run's folder belongs to one configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from voxway.core.errors import InputError
from voxway.core.files import read_json, write_json
from voxway.engine.distributed import Group
from voxway.engine.model_files import WEIGHTS


def claim(folder: Path, run: Mapping[str, object], group: Group) -> None:
    """Make the folder this run's by writing ``run.json``, or make sure that it is.

    Raises:
        InputError: the folder holds another run; names what differs.
        OutputError: it cannot be written.
    """
    path = folder / "run.json"
    if path.exists():
        found = read_json(path)
        differing = [name for name in {**run, **found} if run.get(name) != found.get(name)]
        if differing:
            raise InputError(
                file=path,
                field=", ".join(differing),
                expected="the configuration of this run",
                found="another",
                remedy="Choose another --out folder, or repeat the command that began this run.",
            )
    elif group.leads:
        write_json(path, run)
    group.wait()


def finished(folder: Path) -> bool:
    """Whether the run has left its trained network, whose weights are written last."""
    return (folder / "model" / WEIGHTS).exists()
