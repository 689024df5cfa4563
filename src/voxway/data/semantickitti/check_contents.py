"""Do the files of one frame agree with each other?"""

from __future__ import annotations

import numpy as np

from voxway.core.errors import InputError
from voxway.data.checks.pictures import check_principal_point
from voxway.data.checks.report import Report
from voxway.data.files.images import image_size, read_image
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.labels import preprocessed_path, read_target, training_target
from voxway.data.semantickitti.layout import (
    Calibration,
    SequenceFiles,
    read_point_labels,
    read_scan,
    read_voxel_flags,
    read_voxel_labels,
)
from voxway.truth.semantickitti import voxels_of_scan


def check_contents(
    config: SemanticKITTIConfig, files: SequenceFiles, frame: int, calibration: Calibration | None, report: Report
) -> None:
    """Open the files of one frame and compare them with each other.

    Args:
        config: the reader's configuration.
        files: of the frame's sequence.
        frame: its number.
        calibration: of the sequence; None where it could not be read.
        report: where findings are noted.
    """
    checks = [
        lambda: _check_pictures(config, files, frame, calibration),
        lambda: _check_target(config, files, frame, report),
        lambda: _check_release(files, frame, report),
    ]
    for check in checks:
        try:
            check()
        except InputError as error:
            report.add_error(error)


def _check_pictures(
    config: SemanticKITTIConfig, files: SequenceFiles, frame: int, calibration: Calibration | None
) -> None:
    for camera in config.cameras:
        path = files.image(camera, frame)
        if path.exists():
            read_image(path)
            if calibration is not None:
                check_principal_point(path, image_size(path), calibration.projection(camera)[:, :3], least_row=0.25)


def _check_target(config: SemanticKITTIConfig, files: SequenceFiles, frame: int, report: Report) -> None:
    label, invalid = files.voxels(frame, "label"), files.voxels(frame, "invalid")
    if not (label.exists() and invalid.exists()):
        return
    raw, hidden = read_voxel_labels(label), read_voxel_flags(invalid)
    target = training_target(raw, hidden, label)
    report.count(target)
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
    points = read_scan(scan)
    labelled = files.point_labels(frame)
    labels = read_point_labels(labelled, len(points)) if labelled.exists() else np.ones(len(points), np.uint32)
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
