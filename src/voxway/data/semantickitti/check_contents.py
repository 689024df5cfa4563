"""Do the files of one frame agree with each other?"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from voxway.core.errors import InputError
from voxway.data.checks.report import Report
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.labels import preprocessed_path, read_target, training_target
from voxway.data.semantickitti.layout import (
    SequenceFiles,
    read_point_labels,
    read_scan,
    read_voxel_flags,
    read_voxel_labels,
)
from voxway.truth.semantickitti import voxels_of_scan


def check_contents(config: SemanticKITTIConfig, files: SequenceFiles, frame: int, report: Report) -> None:
    """Compare the files of one frame with each other, where they can be read.

    Args:
        config: the reader's configuration.
        files: of the frame's sequence.
        frame: its number.
        report: where findings are noted.
    """
    checks = [
        lambda: _check_target(config, files, frame, report),
        lambda: _check_release(files, frame, report),
    ]
    for check in checks:
        with suppress(InputError):  # what cannot be read, and is, was noted already
            check()


def _check_target(config: SemanticKITTIConfig, files: SequenceFiles, frame: int, report: Report) -> None:
    label, invalid = files.voxels(frame, "label"), files.voxels(frame, "invalid")
    if not (label.exists() and invalid.exists()):
        return
    raw, hidden = read_voxel_labels(label), read_voxel_flags(invalid)
    target = training_target(raw, hidden, label)
    report.count(target)
    if not raw.any():
        report.add("error", label, "no voxel has a class", "The file is empty or damaged; fetch or make it again.")
    if (contradiction := int((hidden & (raw != 0)).sum())) > 0:
        what = f"{contradiction} voxels have a class and are flagged as never seen"
        report.add("warning", invalid, what, "Labels and flags are not of one release; fetch both again.")
    if config.preprocessed is not None:
        path = preprocessed_path(config.preprocessed, files.sequence, frame)
        differing = int((read_target(path) != target).sum())
        if differing:
            what = f"{differing} voxels differ from the voxel files"
            report.add("error", path, what, "Make it again from the voxel files with `voxway prepare targets`.")


def _check_release(files: SequenceFiles, frame: int, report: Report) -> None:
    """Compare `.bin` with the scan's own voxels: the first release (May 2020) is shifted by one voxel."""
    path, scan = files.voxels(frame, "bin"), files.scan(frame)
    if not (path.exists() and scan.exists()):
        return
    points, labels = read_scan(scan), None
    with suppress(InputError):  # no labels, or none of this scan
        labels = read_point_labels(files.point_labels(frame), len(points))
    labels = np.ones(len(points), np.uint32) if labels is None else labels
    own, stored = voxels_of_scan(points, labels, SEMANTIC_KITTI.grid).ravel(), read_voxel_flags(path).ravel()
    as_is = (own & stored).sum() / max((own | stored).sum(), 1)
    shifted = (own[:-1] & stored[1:]).sum() / max((own[:-1] | stored[1:]).sum(), 1)
    if shifted > as_is and shifted > 0.9:
        what = "every voxel stands one place too high: this is the first release of May 2020"
        remedy = "Download the corrected voxels from semantic-kitti.org; labels and flags are shifted alike."
        report.add("error", path, what, remedy)
    elif as_is < 0.9:
        what = f"agrees with the scan's own voxels to only {100 * as_is:.0f} % (intersection over union)"
        report.add("warning", path, what, "Scan and voxels are not of one frame or release; fetch both again.")
