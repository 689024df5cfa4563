"""Voxel labels written in the files of a benchmark, one frame after the other: resumable, divisible."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from voxway.core.errors import InputError
from voxway.core.files import Json, read_json
from voxway.core.voxel_labels_file import read_recorded, read_voxel_labels
from voxway.data import registry
from voxway.data.job import Job
from voxway.data.label_format import LabelOptions, class_table, in_form
from voxway.data.prepared.made import Origin

_REMEDY = "Name the folder that `voxway prepare occupancy` wrote to."


def label_job(labels: Path, form: str, folder: Path, options: LabelOptions) -> Job:
    """What there is to write.

    Args:
        labels: folder that `voxway prepare occupancy` wrote to, or one in it.
        form: one of `voxway.data.registry.LABEL_FORMATS`.
        folder: where the benchmark's tree begins; existing files are kept if they were made from the same.
        options: chosen by a person.

    Raises:
        InputError: no such form, no label files, or classes that the benchmark has not.
    """
    files, chosen = label_files(labels), registry.label_format(form)
    first = read_voxel_labels(next(iter(files.values())))
    class_table(first.task, chosen.benchmark.task, options, next(iter(files.values())))
    unknown = _Unknown(chosen.lost(options))

    def make(key: str, path: Path) -> None:
        source = files[key]
        ready = in_form(read_voxel_labels(source), chosen, options, source)
        if ready.key != key:
            expected, remedy = f"the key {key}, as it is named", "Keep the files under the names that they were given."
            raise InputError(file=source, field="key", expected=expected, found=ready.key, remedy=remedy)
        unknown.count(int(ready.unknown.sum()), ready.unknown.size)
        chosen.write(folder, ready, options)

    origin = Origin(
        folder=folder,
        name=f"labels_{form}",
        maker=f"labels as {form}",
        settings=_settings(options),
        root=labels,
        sources=lambda key: [files[key]],
    )
    return Job(
        what=origin.maker,
        keys=tuple(files),
        target=lambda key: chosen.path(folder, key, read_recorded(files[key]).names),
        make=make,
        remark=unknown.said,
        origin=origin,
    )


def label_files(folder: Path) -> dict[str, Path]:
    """Label files ``DRIVE/labels/FRAME.npz`` below a folder by key, ``DRIVE/FRAME``, in order; the folder may be that
    of one drive, or its `labels`.

    Raises:
        InputError: there are none.
    """
    whole = Path(folder).resolve()
    found = {}
    for path in sorted(whole.rglob("*.npz")):
        if path.parent.name == "labels":
            found[f"{path.parent.parent.name}/{path.stem}"] = path
    if not found:
        expected = "label files DRIVE/labels/FRAME.npz"
        raise InputError(file=folder, field="files", expected=expected, found="none", remedy=_REMEDY)
    return found


def class_names(path: Path) -> dict[str, str | None]:
    """What a person says classes are: a JSON file of names.

    Raises:
        InputError: absent, no JSON, or something else than names and null.
    """
    content = read_json(path, remedy="Write names of classes, each with the benchmark's name for it.")
    sound = isinstance(content, dict) and all(value is None or isinstance(value, str) for value in content.values())
    if not sound:
        expected, remedy = 'names and null: {"car": "vehicle", "thing": null}', "Write the file again."
        raise InputError(file=path, field="contents", expected=expected, found=str(content)[:80], remedy=remedy)
    return content


def _settings(options: LabelOptions) -> dict[str, Json]:
    return asdict(options)


class _Unknown:
    """How much of the volumes is unknown, for forms that cannot say so."""

    def __init__(self, lost: str) -> None:
        self._lost, self._unknown, self._all = lost, 0, 0

    def count(self, unknown: int, voxels: int) -> None:
        """Count a frame."""
        self._unknown, self._all = self._unknown + unknown, self._all + voxels

    def said(self) -> str:
        """What the files cannot say, and of how many voxels."""
        if not self._lost or not self._all:
            return ""
        return f"{100 * self._unknown / self._all:.0f} % of all voxels are unknown. {self._lost}"
