"""Files for SemanticKITTI's test server: `sequences/SS/predictions/FFFFFF.label`, uint16 raw ids, (256, 256, 32)."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from voxway.core.errors import InputError
from voxway.core.files import atomic_path
from voxway.core.occupancy import Occupancy
from voxway.data.files.predictions import open_submission, require_prediction
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.keys import parse_key
from voxway.data.semantickitti.layout import read_voxel_labels, write_voxel_labels

_REMEDY = "Write it again with `voxway submit`."
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""One time stamp for all members, so that equal predictions give equal archives."""


class VoxelLabelFiles:
    """Predictions as SemanticKITTI's server takes them."""

    benchmark = SEMANTIC_KITTI

    def name(self, key: str) -> str:
        """Path of a frame's prediction within a submission."""
        sequence, frame = parse_key(key)
        return f"sequences/{sequence}/predictions/{frame:06d}.label"

    def write(self, folder: Path | str, occupancy: Occupancy) -> Path:
        """Write one frame's prediction in raw ids, atomically.

        Args:
            folder: the submission's folder.
            occupancy: of this benchmark's task, with the frame's key.

        Raises:
            InputError: of another task, or with voxels of which nothing is said.
        """
        require_prediction(occupancy, SEMANTIC_KITTI)
        path = Path(folder) / self.name(occupancy.key)
        write_voxel_labels(path, SEMANTIC_KITTI.to_raw(occupancy.classes.cpu().numpy()))
        return path

    def read(self, folder: Path | str, key: str) -> Occupancy:
        """Read one frame's prediction.

        Raises:
            InputError: it is absent, damaged, or holds ids outside the label map.
        """
        path = Path(folder) / self.name(key)
        classes = SEMANTIC_KITTI.to_train(read_voxel_labels(path), path)
        return Occupancy(task=SEMANTIC_KITTI.task, classes=torch.from_numpy(classes), key=key)

    def pack(self, folder: Path | str, path: Path | str, keys: Sequence[str]) -> None:
        """Check a submission's folder and pack it for the server, atomically.

        Raises:
            InputError: see `check`.
        """
        self.check(folder, keys)
        with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for key in sorted(set(keys)):
                name = self.name(key)
                member = zipfile.ZipInfo(name, _EPOCH)
                member.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(member, (Path(folder) / name).read_bytes())

    def check(self, path: Path | str, keys: Sequence[str]) -> None:
        """Check a submission, folder or zip, as the server does, and more.

        Args:
            path: folder that holds `sequences/`, or the zip.
            keys: frames that must be there, all and no others.

        Raises:
            InputError: nothing there, frames missing or too many, wrong layout, wrong size, or ids the server rejects.
        """
        expected = {self.name(key) for key in keys}
        with open_submission(Path(path), _REMEDY) as (names, read):
            predictions = {name for name in names if name.endswith(".label")}
            _check_names(path, predictions, expected)
            known = np.zeros(2**16, bool)
            known[list(SEMANTIC_KITTI.train_to_raw)] = True
            size = 2 * SEMANTIC_KITTI.grid.count
            for name in sorted(expected):
                data = read(name)
                if len(data) != size:
                    raise _bad(f"{path}: {name}", "size", f"{size} bytes (uint16, 256x256x32)", f"{len(data)} bytes")
                ids = np.frombuffer(data, "<u2")
                if not (valid := known[ids]).all():
                    found = f"ids {np.unique(ids[~valid])[:5].tolist()}"
                    raise _bad(f"{path}: {name}", "label ids", f"raw ids {list(SEMANTIC_KITTI.train_to_raw)}", found)


FILES = VoxelLabelFiles()


def _check_names(path: Path | str, names: set[str], expected: set[str]) -> None:
    missing, extra = sorted(expected - names), sorted(names - expected)
    nested = [name for name in extra if re.fullmatch(r".+/sequences/\d\d/predictions/\d{6}\.label", name)]
    if nested:
        remedy = "Pack the content of the folder, not the folder: `sequences/` must be at the top."
        raise _bad(path, "layout", "sequences/SS/predictions/FFFFFF.label", nested[0], remedy)
    if missing:
        found = f"{len(missing)} missing, the first {missing[0]}"
        raise _bad(path, "frames", f"{len(expected)} predictions", found, "Predict the missing frames.")
    if extra:
        found = f"{len(extra)} more, the first {extra[0]}"
        raise _bad(path, "frames", f"{len(expected)} predictions", found, "Remove those that are not asked for.")


def _bad(file: object, field: str, expected: object, found: object, remedy: str = _REMEDY) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
